"""Right and wrong answers to real items in thirty forms, behind thinking and in front of a run-on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from conftest import DATA, needs_data
from forms import EVERY, presented

from rveval.answers import Reading, gold_number, read_brackets, read_number, read_option, read_sorted, read_word

Item = tuple[str, str, Callable[[str], Reading]]
"""The right answer, a wrong one, and the reader."""


def bbh(name: str) -> list[dict[str, str]]:
    assert DATA is not None
    return json.loads((DATA / "bbh" / f"{name}.json").read_text(encoding="utf-8"))["examples"]  # type: ignore[no-any-return]


def gsm8k() -> Iterator[Item]:
    assert DATA is not None
    file = next((DATA / "gsm8k").glob("*test*.jsonl"))
    for line in file.read_text(encoding="utf-8").splitlines():
        gold = gold_number(json.loads(line)["answer"])
        yield f"{int(gold):,}", str(int(gold) + 1), read_number


def options(name: str) -> Iterator[Item]:
    for task in bbh(name):
        shown = dict(re.findall(r"^\(([A-R])\) (.*)$", task["input"], re.MULTILINE))
        gold = task["target"].strip("()")
        if gold in shown and len(shown) > 1:
            wrong = next(label for label in shown if label != gold)
            yield gold, wrong, lambda text, shown=shown: read_option(text, [*shown], [*shown.values()])


def words(name: str) -> Iterator[Item]:
    allowed = sorted({task["target"] for task in bbh(name)})
    for task in bbh(name):
        wrong = next(word for word in allowed if word != task["target"])
        yield task["target"], wrong, lambda text: read_word(text, allowed)


def lists() -> Iterator[Item]:
    for task in bbh("word_sorting"):
        given, gold = task["input"].rpartition("List:")[2].split(), task["target"].split()
        yield " ".join(gold), " ".join(reversed(gold)), lambda text, given=given: read_sorted(text, given)


def brackets() -> Iterator[Item]:
    for task in bbh("dyck_languages"):
        given = task["input"].rpartition("Input:")[2]
        if len(task["target"]) > 1 and "}" not in task["target"]:  # a box's own brace may be one of them
            yield task["target"], task["target"][:-2], lambda text, given=given: read_brackets(text, given)


KINDS: dict[str, Callable[[], Iterator[Item]]] = {
    "gsm8k": gsm8k,
    "date": lambda: options("date_understanding"),
    "seven": lambda: options("logical_deduction_seven_objects"),
    "snarks": lambda: options("snarks"),
    "navigate": lambda: words("navigate"),
    "fallacies": lambda: words("formal_fallacies"),
    "boolean": lambda: words("boolean_expressions"),
    "sorted": lists,
    "brackets": brackets,
}


@cache
def items(kind: str) -> list[Item]:
    return list(KINDS[kind]())


@needs_data("gsm8k", "bbh")
@pytest.mark.parametrize("kind", KINDS)
def test_right_answers_are_read_and_wrong_ones_never_taken_for_them(kind: str) -> None:
    """Every form, thinking and run-on once, on an item of its own; the other answer is in the thinking and behind."""
    found = items(kind)
    for number in range(EVERY):
        right, wrong, read = found[number * 7 % len(found)]
        gold = right.replace(",", "") if kind == "gsm8k" else right
        said = presented(number, right, wrong)
        assert same(read(said).flexible, gold), said
        said = presented(number, wrong, right)
        assert not same(read(said).flexible, gold), said


def same(one: str | None, other: str) -> bool:
    return one is not None and one.casefold() == other.casefold()
