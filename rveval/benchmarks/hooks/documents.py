"""Between a benchmark's record, the item that families change, and the document that lm-eval renders.

A document keeps every upstream field; what a family changed is changed in the field it came from, and the pieces of
the prompt that upstream has no field for are added under names that begin with `rv_`. The layout of a prompt is in the
task's YAML, which any reader of a score can look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from rveval import benchmarks
from rveval.benchmarks import bbh
from rveval.perturb import Item

Record = dict[str, Any]

_FORM = "End with a line that holds #### and then {what}."
_LETTER = "the letter of the right option"
_CODE = "Complete the following Python function."
_LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SCIQ_OPTIONS = ("distractor1", "distractor2", "distractor3", "correct_answer")


def item(source: str, record: Mapping[str, Any]) -> Item:
    """The clean item of a record: how it is asked when no family has touched it.

    Args:
        source: the benchmark, with BBH's subtask, as `benchmarks.load` takes it.
        record: one of what `benchmarks.load` gives.
    """
    if source.startswith("bbh_"):
        return _bbh_item(source, record)
    if source.startswith("sciq"):
        return _sciq_item(source, record)
    if source.startswith("tiny_"):
        return _tiny_item(source, record)
    return _gsm8k_item(source, record) if source == "gsm8k" else _humaneval_item(source, record)


def document(source: str, record: Mapping[str, Any], clean: Item, asked: Item, families: str, draw: int) -> Record:
    """The document that lm-eval gets for an item.

    Args:
        source: the benchmark, as `item` takes it.
        record: the upstream record with its `item_id`.
        clean: the record's item as no family has touched it.
        asked: the item as it is asked.
        families: "clean", or families joined by "+".
        draw: the realisation.
    """
    pieces = {
        "rv_source": source,
        "rv_families": families,
        "rv_draw": draw,
        "rv_before": "".join(f"{paragraph}\n\n" for paragraph in asked.before),
        "rv_description": asked.description,
        "rv_instruction": _instruction(asked),
        "rv_after": "".join(f"{' ' if asked.traits.for_tiny_models else chr(10)}{line}" for line in asked.after),
        "rv_left_alone": "; ".join(dict.fromkeys(asked.left_alone)),
        "rv_changed": replace(asked, left_alone=()) != replace(clean, left_alone=()),
    }
    return {**record, **_upstream(source, record, asked), **pieces, **_options(asked)}


def _gsm8k_item(source: str, record: Mapping[str, Any]) -> Item:
    return Item(
        item_id=record["item_id"],
        traits=benchmarks.traits(source),
        question=record["question"],
        answer=record["answer"],
        instruction=_FORM.format(what="the final number"),
    )


def _tiny_item(source: str, record: Mapping[str, Any]) -> Item:
    """The tiny models are trained to end in #### and the number, so nothing asks them for it."""
    found = Item(record["item_id"], benchmarks.traits(source), record["question"], record["answer"])
    if "options" not in record:
        return found
    options = tuple(record["options"])
    return replace(
        found, options=options, labels=_LETTERS[: len(options)], gold=record["gold"], option_form="{label}) {text}"
    )


def _sciq_item(source: str, record: Mapping[str, Any]) -> Item:
    """The options stand in an order of the item's own: upstream has the right answer always last."""
    order = list(_SCIQ_OPTIONS)
    Random(f"rveval:{record['item_id'].removeprefix('sciq_closed').removeprefix('sciq')}").shuffle(order)
    return Item(
        item_id=record["item_id"],
        traits=benchmarks.traits(source),
        question=record["question"],
        answer=record["correct_answer"],
        options=tuple(record[field] for field in order),
        labels=_LETTERS[:4],
        gold=order.index("correct_answer"),
        support=record["support"].strip() if source == "sciq" else "",
        instruction=_FORM.format(what=_LETTER),
    )


def _bbh_item(source: str, record: Mapping[str, Any]) -> Item:
    subtask = bbh.SUBTASKS[source.removeprefix("bbh_")]
    found = Item(
        item_id=record["item_id"],
        traits=benchmarks.traits(source),
        question=record["input"],
        answer=record["target"],
        description=record["description"],
        instruction=_FORM.format(what=subtask.what),
        option_form="({label}) {text}",
    )
    if subtask.kind != "option":
        return found
    question, options = bbh.split_options(record["input"])
    gold = bbh.gold_position(record["target"], options)
    if gold is None:  # the text of the right answer is none of the options': nothing that could be moved
        return found
    return replace(found, question=question, options=options, labels=_LETTERS[: len(options)], gold=gold)


def _humaneval_item(source: str, record: Mapping[str, Any]) -> Item:
    return Item(
        item_id=record["item_id"],
        traits=benchmarks.traits(source),
        question=record["prompt"],
        answer=record["canonical_solution"],
        entry_point=record["entry_point"],
        test=record["test"],
        instruction=_CODE,
    )


def _instruction(asked: Item) -> str:
    return f" {asked.instruction}" if asked.traits.for_tiny_models and asked.instruction else asked.instruction


def _upstream(source: str, record: Mapping[str, Any], asked: Item) -> Record:
    """The upstream fields that a family may have changed."""
    if source.startswith("bbh_"):
        return _bbh_fields(record, asked)
    if asked.is_code:
        return {
            "prompt": asked.question,
            "canonical_solution": asked.answer,
            "entry_point": asked.entry_point,
            "test": asked.test,
        }
    if source.startswith("sciq"):
        return {"question": asked.question, "support": asked.support or record["support"]}
    return {"question": asked.question, "answer": asked.answer}


def _bbh_fields(record: Mapping[str, Any], asked: Item) -> Record:
    if asked.gold is None:
        return {"input": asked.question, "target": asked.answer}
    letter = bbh.is_letter(record["target"])
    return {
        "input": f"{asked.question}\nOptions:\n{_block(asked)}",
        "target": f"({asked.labels[asked.gold]})" if letter else asked.answer,
    }


def _options(asked: Item) -> Record:
    if asked.gold is None:
        # Documents of one task share their fields: an item of a lettered task that has no options says so.
        return {"options": [], "labels": [], "gold": -1, "rv_options": ""} if asked.traits.lettered else {}
    block = _block(asked, " " if asked.traits.for_tiny_models else "\n")
    return {"options": list(asked.options), "labels": list(asked.labels), "gold": asked.gold, "rv_options": block}


def _block(asked: Item, between: str = "\n") -> str:
    pairs = zip(asked.labels, asked.options, strict=True)
    return between.join(asked.option_form.replace("{label}", label).replace("{text}", text) for label, text in pairs)
