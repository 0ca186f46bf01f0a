"""BIG-Bench-Hard: 27 subtasks, a benchmark each, in the group `rv_bbh` (Suzgun et al. 2022, arXiv:2210.09261).

The sentence before a subtask's items and its three published demonstrations are read from the installed lm-eval's own
YAML, without importing it: what the benchmark's authors publish lies in lm-eval as data.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from rveval import answers
from rveval.answers import Reading
from rveval.benchmarks import stock, yaml_files
from rveval.benchmarks.bbh_subtasks import OPTIONS, SHA256, SUBTASKS, Subtask, gold_position, is_letter, split_options
from rveval.benchmarks.benchmark import FORM, LETTERS, Benchmark, block
from rveval.benchmarks.scores import Doc, Score, compared, number_score, option_score
from rveval.benchmarks.source import Content, Record, Source, content_of
from rveval.errors import Problem, Refused
from rveval.perturb import Item

_DEMONSTRATIONS = 3
_CUE = "Let's think step by step."


class Bbh(Benchmark):
    """A subtask."""

    @property
    def subtask(self) -> str:
        """Its name as published."""
        return self.name.removeprefix("bbh_")

    @property
    def id_prefix(self) -> str:
        return f"bbh/{self.subtask}"

    @property
    def splits(self) -> list[str]:
        return [*self.source.files, "train"]

    def content(self, split: str) -> Content:
        """The records of "test", or the published demonstrations as "train"."""
        return content_of(_demonstrations(self.subtask)) if split == "train" else self.source.content(split)

    def added(self) -> Record:
        """The sentence that stands before its items."""
        return {"description": _description(self.subtask)}

    def item(self, record: Record) -> Item:
        subtask = SUBTASKS[self.subtask]
        item = Item(
            item_id=record["item_id"],
            traits=self.traits,
            question=record["input"],
            answer=record["target"],
            description=record["description"],
            instruction=FORM.format(what=subtask.what),
            option_form="({label}) {text}",
        )
        if subtask.kind != "option":
            return item
        question, options = split_options(record["input"])
        gold = gold_position(record["target"], options)
        if gold is None:  # the text of the right answer is none of the options': nothing that could be moved
            return item
        return replace(item, question=question, options=options, labels=LETTERS[: len(options)], gold=gold)

    def fields(self, record: Record, item: Item) -> Record:
        if item.gold is None:
            return {"input": item.question, "target": item.answer}
        letter = is_letter(record["target"])
        return {
            "input": f"{item.question}{OPTIONS}{block(item)}",
            "target": f"({item.labels[item.gold]})" if letter else item.answer,
        }

    def score(self, doc: Doc, response: str) -> Score:
        subtask = SUBTASKS[self.subtask]
        if subtask.kind == "option":
            return option_score(doc, response) if doc["gold"] >= 0 else _text_score(doc["target"], response)
        if subtask.kind == "number":
            return number_score(answers.canonical(doc["target"]), response)
        if subtask.kind == "word":
            return compared(answers.read_word(response, subtask.allowed), doc["target"])
        if subtask.kind == "brackets":
            given = doc["input"].rpartition("Input:")[2]
            return compared(answers.read_brackets(response, given), doc["target"])
        words = doc["input"].rpartition("List:")[2].split()
        return compared(answers.read_sorted(response, words), " ".join(doc["target"].lower().split()))

    def target(self, doc: Doc) -> str:
        return str(doc["labels"][doc["gold"]] if doc.get("gold", -1) >= 0 else doc["target"])


def _text_score(target: str, response: str) -> Score:
    """For the three items whose target is a text that none of their options has: the text itself, or nothing."""
    strict = response.rpartition("####")[2].strip(" .") if "####" in response else None
    last = (response.strip().splitlines() or [""])[-1]
    flexible = strict or (target if target.casefold() in last.casefold() else last.strip(" .") or None)
    return compared(Reading(strict or None, flexible), target)


@cache
def _description(subtask: str) -> str:
    """The sentence that says what a subtask is about, without the blank line after it.

    Raises:
        Refused: the installed lm-eval does not have it where it is looked for.
    """
    path = yaml_files.tasks_folder() / "bbh" / "cot_zeroshot" / f"{subtask}.yaml"
    description = _read(path).get("description")
    if not isinstance(description, str) or not description.strip():
        raise _other_layout(path, "a text `description`")
    return description.strip()


@cache
def _demonstrations(subtask: str) -> list[Record]:
    """The three published examples: `input`, and as `target` the worked text without its cue to reason.

    Raises:
        Refused: the installed lm-eval does not have them where they are looked for.
    """
    path = yaml_files.tasks_folder() / "bbh" / "cot_fewshot" / f"{subtask}.yaml"
    config = _read(path).get("fewshot_config")
    samples = config.get("samples") if isinstance(config, dict) else None
    if not isinstance(samples, list) or len(samples) != _DEMONSTRATIONS or not all(map(_is_sample, samples)):
        raise _other_layout(path, f"`fewshot_config: samples:` with {_DEMONSTRATIONS} records of `input` and `target`")
    return [{"input": sample["input"], "target": sample["target"].removeprefix(_CUE).strip()} for sample in samples]


def _is_sample(sample: object) -> bool:
    return isinstance(sample, dict) and all(isinstance(sample.get(name), str) for name in ("input", "target"))


def _read(path: Path) -> dict[str, Any]:
    try:
        return yaml_files.read(path)
    except Refused as error:
        raise _other_layout(path, "lm-eval's YAML of the subtask", error.problems[0].what) from error


def _other_layout(path: Path, expected: str, found: str = "something else") -> Refused:
    what, fix = "the installed lm-eval is not laid out as known", "install the version of lm-eval that rveval asks for"
    return Refused(Problem(what, str(path), expected, found[:200], fix))


def _bbh(name: str, subtask: Subtask) -> Bbh:
    source = Source(
        name=f"bbh_{name}",
        files={"test": f"bbh/{name}.json"},
        counts={"test": subtask.count},
        sha256={"test": SHA256[name]},
        fields=("input", "target"),
        hub=("SaylorTwift/bbh", name),
        inside="examples",
        hub_is_known=False,
    )
    return Bbh(name=f"bbh_{name}", source=source, traits=subtask.traits, reader=subtask.kind, group="bbh")


_ALL = [_bbh(name, subtask) for name, subtask in SUBTASKS.items()]
_STOCK = [stock.Stock.of(bbh, f"bbh/cot_zeroshot/{bbh.subtask}.yaml", target="target") for bbh in _ALL]
BENCHMARKS = [*_ALL, *_STOCK]
