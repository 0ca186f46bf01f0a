"""Clean items of the real benchmarks, put together from the published files: what families are tested on."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from conftest import DATA

from rveval.benchmarks import load, names, traits
from rveval.perturb import Item

LETTERS = tuple("ABCDEFGHIJKLMNOPQRS")
FORM = "End with a line that holds #### and then {}."
TINY = tuple(name for name in names() if traits(name).for_tiny_models)
BBH = sorted(path.stem for path in (DATA / "bbh").glob("*.json")) if DATA and (DATA / "bbh").is_dir() else []
SOURCES = ("gsm8k", "humaneval", "sciq", *(f"bbh_{subtask}" for subtask in BBH), *TINY)


@cache
def items(source: str) -> tuple[Item, ...]:
    """All items of a source's test split, in the published order."""
    if source == "gsm8k":
        asked = FORM.format("the final number")
        return tuple(
            Item(r["item_id"], traits(source), r["question"], r["answer"], instruction=asked) for r in load(source)
        )
    if source == "humaneval":
        return tuple(_function(json.loads(line)) for line in _text("humaneval/HumanEval.jsonl").splitlines())
    if source == "sciq":
        return tuple(_science(place, record) for place, record in enumerate(json.loads(_text("sciq/test.json"))))
    if source.startswith("bbh_"):
        examples = json.loads(_text(f"bbh/{source.removeprefix('bbh_')}.json"))["examples"]
        return tuple(_hard(source, place, record) for place, record in enumerate(examples))
    return tuple(_tiny(source, record) for record in load(source))


def _text(name: str) -> str:
    assert DATA is not None
    return (DATA / name).read_text(encoding="utf-8")


def _function(record: dict[str, str]) -> Item:
    return Item(
        record["task_id"].lower(),
        traits("humaneval"),
        record["prompt"],
        record["canonical_solution"],
        entry_point=record["entry_point"],
        test=record["test"],
        instruction="Complete the following Python function.",
    )


def _science(place: int, record: dict[str, str]) -> Item:
    options = [record["distractor1"], record["distractor2"], record["distractor3"]]
    gold = place % 4
    options.insert(gold, record["correct_answer"])
    return Item(
        f"sciq/{place}",
        traits("sciq"),
        record["question"],
        record["correct_answer"],
        options=tuple(options),
        labels=LETTERS[:4],
        gold=gold,
        support=record["support"],
        instruction=FORM.format("the letter of the right option"),
    )


def _hard(source: str, place: int, record: dict[str, str]) -> Item:
    """Options are apart from the question where the target is a letter of theirs."""
    made = {"instruction": FORM.format("the answer"), "option_form": "({label}) {text}"}
    target = re.fullmatch(r"\(([A-Z])\)", record["target"])
    item_id, description = f"bbh/{source.removeprefix('bbh_')}/{place}", "Do what is asked."
    if target is None or "\nOptions:\n(A) " not in record["input"]:
        return Item(item_id, traits(source), record["input"], record["target"], description=description, **made)
    question, block = record["input"].rsplit("\nOptions:\n", 1)
    texts = tuple(re.split(r"^\([A-Z]\) ?", block, flags=re.MULTILINE)[1:])
    return Item(
        item_id,
        traits(source),
        question,
        record["target"],
        options=tuple(text.strip() for text in texts),
        labels=LETTERS[: len(texts)],
        gold=LETTERS.index(target[1]),
        description=description,
        **made,
    )


def _tiny(source: str, record: dict[str, Any]) -> Item:
    item = Item(record["item_id"], traits(source), record["question"], record["answer"], option_form="{label}) {text}")
    if "options" not in record:
        return item
    return Item(
        item.item_id,
        traits(source),
        item.question,
        item.answer,
        options=tuple(record["options"]),
        labels=LETTERS[: len(record["options"])],
        gold=record["gold"],
        option_form=item.option_form,
    )
