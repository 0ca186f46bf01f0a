"""Digits to words and back: read by value, every question says what it said before."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from askeditems import items
from conftest import needs_data
from hypothesis import given
from hypothesis import strategies as st

from rveval.benchmarks import traits
from rveval.perturb import FAMILIES, Item, perturb, problem
from rveval.perturb.numwords import NO_NUMBER, in_words, value_of

DRAWS = (0, 1, 2)
STORIES = ("gsm8k", "tiny_math", "tiny_long", "tiny_choice")
WITH_DATA = [pytest.param(s, marks=needs_data("gsm8k")) if s == "gsm8k" else s for s in STORIES]


@cache
def spelled() -> dict[str, str]:
    """How whole numbers are written in words, put together without the family's code; long ones first."""
    ones = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    below = [*ones.split(), "seventeen", "eighteen", "nineteen"]
    for ten in ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"):
        below += [ten, *(f"{ten}-{one}" for one in below[1:10])]
    words = {word: value for value, word in enumerate(below)}
    for hundred in range(1, 10):
        words[f"{below[hundred]} hundred"] = 100 * hundred
        words |= {f"{below[hundred]} hundred and {below[rest]}": 100 * hundred + rest for rest in range(1, 100)}
    for word, value in list(words.items()):
        words[f"{word} thousand"] = 1000 * value
    return {word: str(words[word]) for word in sorted(words, key=len, reverse=True)}


@cache
def a_number_in_words() -> re.Pattern[str]:
    small = rf"(?:{'|'.join(word for word in spelled() if ' ' not in word)})"
    return re.compile(rf"(?<![\w-]){small}(?: hundred(?: and {small})?)?(?: thousand)?(?![\w-])")


def read(text: str) -> str:
    """The text in lower case with every number in words as digits and without commas for thousands.

    "two thousand three hundred" becomes "2000+300", as 2,300 does.
    """
    found = a_number_in_words().sub(lambda number: spelled()[number.group()], text.lower())
    found = re.sub(r"(?<=\d),(?=\d{3}\b)", "", found)
    found = re.sub(
        r"(?<![\d.$/])(\d{1,3})(\d{3})(?![\d.])", lambda n: f"{n[1]}000+{int(n[2])}".replace("+0", ""), found
    )
    return re.sub(r"(?<=000) (?:and )?(?=\d)", "+", found)


def asked(question: str, draw: int = 0) -> Item:
    return perturb([Item("gsm8k/0", traits("gsm8k"), question, "#### 1")], "numwords", draw=draw)[0]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (21, "twenty-one"),
        (100, "one hundred"),
        (105, "one hundred and five"),
        (999, "nine hundred and ninety-nine"),
        (1_001, "one thousand and one"),
        (1_200, "one thousand two hundred"),
        (12_345, "twelve thousand three hundred and forty-five"),
        (999_999, "nine hundred and ninety-nine thousand nine hundred and ninety-nine"),
    ],
)
def test_english(value: int, words: str) -> None:
    assert (in_words(value), value_of(words)) == (words, value)


@given(st.integers(0, 999_999))
def test_words_are_read_back(value: int) -> None:
    assert value_of(in_words(value)) == value


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("There are 3 cats.", "There are three cats."),
        ("There are three cats.", "There are 3 cats."),
        ("21 cats came.", "Twenty-one cats came."),
        ("Twenty-one cats came.", "21 cats came."),
        ("It has 1,200 pages.", "It has one thousand two hundred pages."),
        ("It has one hundred and five pages.", "It has 105 pages."),
        ("It takes one hour.", "It takes 1 hour."),
        ("A family (2 adults and a child)", "A family (two adults and a child)"),
    ],
)
def test_a_count_is_written_the_other_way(question: str, expected: str) -> None:
    assert asked(question).question == expected


@pytest.mark.parametrize(
    "question",
    [
        "He ate 1/2 of it, she ate 2 1/2.",
        "He ate one half, two thirds and a third.",
        "She ate two and a half.",
        "It weighs 2.5 pounds, or .75.",
        "It rose 5%, then 5 percent, then five percent.",
        "She ran 3 times, then three more times, then 2 or 3 times.",
        "He came twice, then once.",
        "She lives on the 3rd floor, the third one.",
        "It costs 40 cents, then forty cents.",
        "This one is red, that one is blue, one of them fell and no one saw; which one, one another's?",
        "Wait a second, not a 30 second pause.",
        "It costs $40, $ 40, $1,500.50 or €20.",
        "School starts at 6:30, 6 p.m., 6 PM, six o'clock or 6 in the morning.",
        "She was born in 1987 and left in 2010.",
        "They met on May 4, on 4 July and on March 12th.",
        "A 4-foot board, a two-thirds share, a 20-year-old and a twenty-dollar bill.",
        "Call 555-1234, or come to room 12, apartment 7 or No. 9.",
        "A bag of 5kg, of 5 kg, or 3 lbs.",
        "What is 3 + 4 or 2 x 6?",
        "He has six 5 dollar bills.",
        "She buys a hundred and five million of them.",
        "He heard of the Big Ten and of Sally Four.",
    ],
)
def test_what_is_no_plain_count_stays(question: str) -> None:
    for draw in range(20):
        changed = asked(question, draw)
        assert (changed.question, changed.left_alone) == (question, (NO_NUMBER,))


def test_the_reader_of_these_tests_tells_numbers_apart() -> None:
    assert read("Two thousand three hundred and five cats") == read("2,305 cats")
    assert read("One of 105 cats") == read("1 of one hundred and five cats")
    assert len({read(text) for text in ("2,305 cats", "2,350 cats", "205 cats", "2000 and 305 dogs")}) == 4


@pytest.mark.parametrize("source", WITH_DATA)
def test_every_question_reads_the_same(source: str) -> None:
    for draw in DRAWS[:2]:
        for before, after in zip(items(source), perturb(items(source), "numwords", draw=draw), strict=True):
            assert read(after.question) == read(before.question), before.item_id
            assert replace(after, question=before.question, left_alone=()) == before


@pytest.mark.parametrize("source", WITH_DATA)
def test_an_item_changes_or_says_why(source: str) -> None:
    changed = 0
    for before, after in zip(items(source), perturb(items(source), "numwords"), strict=True):
        assert (after.question == before.question) == bool(after.left_alone), before.item_id
        changed += after.question != before.question
    assert changed >= (0.9 if source == "gsm8k" else 1) * len(items(source))


@needs_data("gsm8k")
def test_both_directions_are_drawn() -> None:
    directions: Counter[str] = Counter()
    for before, after in zip(items("gsm8k"), perturb(items("gsm8k"), "numwords"), strict=True):
        digits = [len(re.findall(r"\d+", item.question)) for item in (before, after)]
        directions["to words" if digits[1] < digits[0] else "to digits" if digits[1] > digits[0] else "even"] += 1
    assert directions["to words"] > 100
    assert directions["to digits"] > 100


@needs_data("gsm8k")
def test_draws_differ() -> None:
    first, second = (perturb(items("gsm8k"), "numwords", draw=draw) for draw in (0, 1))
    assert sum(a.question != b.question for a, b in zip(first, second, strict=True)) > 500


@pytest.mark.parametrize("source", ["humaneval", "sciq", "bbh_object_counting", "tiny_order"])
def test_other_benchmarks_are_refused(source: str) -> None:
    assert "word problems" in problem("numwords", traits(source))


def test_a_lost_number_is_noticed() -> None:
    before = Item("gsm8k/0", traits("gsm8k"), "Three cats and 2 dogs.", "#### 1")
    lost = FAMILIES["numwords"].lost
    assert lost(before, replace(before, question="3 cats and two dogs.")) == ""
    assert "instead of" in lost(before, replace(before, question="3 cats and three dogs."))
    assert "instead of" in lost(before, replace(before, question="2 cats and three dogs."))
    assert lost(before, replace(before, answer="#### 2"))
