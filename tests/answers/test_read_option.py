"""Reading options: the forms that models use, words that only look like labels, and every label set that is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache

import pytest
from conftest import DATA, needs_data
from cpu import at_most, long
from hypothesis import given
from hypothesis import strategies as st

from rveval.answers import Reading, read_option

LETTERS = ["A", "B", "C", "D"]
CELL = ["ribosome", "mitochondria", "cell wall", "cell"]
STRICT_TOO = [
    ("#### C", "C"),
    ("#### (C)", "C"),
    ("#### C.", "C"),
    ("####C", "C"),
    ("Because of osmosis. #### (D)", "D"),
    ("#### A\nNo, wait.\n#### B\n", "B"),
    ("The answer is A.\n#### B", "B"),
    ("#### B\r\nThe answer is C", "B"),
    ("#### b", "B"),
]
MARKED = [
    ("#### B) mitochondria", "B"),
    ("**#### B**", "B"),
    ("#### mitochondria", "B"),
    ("(B)", "B"),
    (" B", "B"),
    ("B.", "B"),
    ("B)", "B"),
    ("b", "B"),
    ("Answer: B", "B"),
    ("Answer:\n\nB", "B"),
    ("**Answer:** B", "B"),
    ("**Answer: B. mitochondria**", "B"),
    ("Correct option: (B)", "B"),
    ("**B**", "B"),
    ("**B**\n\nCells need energy.", "B"),
    ("**B.** mitochondria", "B"),
    ("\\boxed{B}", "B"),
    ("\\boxed{\\text{B}}", "B"),
    ("\\boxed{(B) mitochondria}", "B"),
    ("\\boxed{\\text{mitochondria}}", "B"),
    ("$\\boxed{B", "B"),
    ("\\text{B}", "B"),
    ("so the answer is $\\text{(B)}$", "B"),
    ("the answer is B", "B"),
    ("The answer is B because A is wrong.", "B"),
    ("The answer is A because B is wrong.", "A"),
    ("The answer is: **B**", "B"),
    ('The answer is "B".', "B"),
    ("the answer is option B", "B"),
    ("The correct answer is (B) mitochondria", "B"),
    ("The correct answer is\n\n(B) mitochondria", "B"),
    ("The correct answer to the question is therefore B.", "B"),
    ("The right choice would be B", "B"),
    ("I would choose (B).", "B"),
    ("option B", "B"),
    ("It can't be (A), so it must be B.", "B"),
    ("It must be A.", "A"),
    ("(A) is the first one to look at, but it makes proteins.\n\nSo it is option B", "B"),
    ("B is correct.", "B"),
    ("Option A is wrong. Option B is the right one. Option C is wrong.", "B"),
    ("(A) is wrong. (B) mitochondria is the correct answer. (C) is wrong. (D) is too.", "B"),
    ("The mitochondria is the correct answer, not the ribosome.", "B"),
    ("B. mitochondria\n\nExplanation: a cell has a cell wall. (A) is wrong, as is (D).", "B"),
    ("A. ribosome\nB. mitochondria\nC. cell wall\nD. cell\nThe answer is B.", "B"),
    ("A. ribosome\nB. mitochondria\nC. cell wall\nD. cell\n\nSo (B)", "B"),
    ("The answer is A. No, that is wrong: the answer is B.", "B"),
    ("The answer is not A but (B).", "B"),
    ("The answer is clear: (B)", "B"),
    ("Since ATP is made there, the answer is the mitochondria.", "B"),
    ("The answer is that the mitochondria make ATP.", "B"),
    ("The answer is mitochondria; ribosomes make proteins, as in a cell wall.", "B"),
    ("MITOCHONDRIA", "B"),
    ("mitochondria\n\nThe ribosome makes proteins, the cell wall gives support.", "B"),
    ("They are in the mitochondria.", "B"),
    ("It is the cell wall", "C"),
    ("It is the cell\nwall", "C"),
    ("It is a red cell", "D"),
    ("A cell wall protects it", "C"),
    ("A plant has a cell wall", "C"),
]
FAILED = [
    "",
    "####",
    "I do not know.",
    "A plant needs light.",
    "A ribose sugar is what I think of. I, for one, like it.",
    "The answer is a plant",
    "The answer is not B",
    "The answer cannot be B",
    "the answer isn't B but something else",
    "The ribosome and the mitochondria",
    "A. ribosome\nB. mitochondria\nC. cell wall\nD. cell",
    "(A) ribosome (B) mitochondria (C) cell wall (D) cell",
    "Either A or B fits the description given",
    "mitochondrial",
    "Plan B-52 flies",
]


@pytest.mark.parametrize(("response", "label"), STRICT_TOO)
def test_the_format_asked_for_is_read_strictly_and_flexibly(response: str, label: str) -> None:
    assert read_option(response, LETTERS, CELL) == Reading(label, label)


@pytest.mark.parametrize(("response", "label"), MARKED)
def test_other_ways_to_say_it_are_read_flexibly_only(response: str, label: str) -> None:
    assert read_option(response, LETTERS, CELL) == Reading(None, label)


@pytest.mark.parametrize("response", FAILED)
def test_nothing_chosen_is_a_failure(response: str) -> None:
    assert read_option(response, LETTERS, CELL).failed


@pytest.mark.parametrize(
    ("response", "labels", "options", "label"),
    [
        ("It has 3 protons.", "1234", ["zinc", "iron", "lithium", "gold"], None),
        ("1. Plants need light.\n2. So they grow.\nLithium", "1234", ["zinc", "iron", "lithium", "gold"], "3"),
        ("1. Plants need light.\n2. So they grow", "1234", ["zinc", "iron", "lithium", "gold"], None),
        ("The answer is 3 protons", "1234", ["zinc", "iron", "lithium", "gold"], None),
        ("The answer is 3.", "1234", ["zinc", "iron", "lithium", "gold"], "3"),
        ("The answer is 3.5", "1234", ["zinc", "iron", "lithium", "gold"], None),
        ("3. lithium", "1234", ["zinc", "iron", "lithium", "gold"], "3"),
        ("The answer is 12", "ABCD", ["12", "120", "-12", "1.2"], "A"),
        ("So there are 120 of them", "ABCD", ["12", "120", "-12", "1.2"], "B"),
        ("So it is -12", "ABCD", ["12", "120", "-12", "1.2"], "C"),
        ("So it is 1.2", "ABCD", ["2", "120", "-12", "1.2"], "D"),
        ("#### 1,250", "ABCD", ["1250", "120", "125", "1"], "A"),
        ("#### 12", "ABCD", ["12", "120", "-12", "1.2"], "A"),
        ("The answer is vitamin C.", "ABCD", ["vitamin A", "vitamin C", "vitamin D", "vitamin B"], "B"),
        ("She lacks vitamin C.", "ABCD", ["vitamin A", "vitamin C", "vitamin D", "vitamin B"], "B"),
        ("The answer is E. coli", "ABCDE", ["E. coli", "C. elegans", "yeast", "rats", "mice"], "A"),
        ("The answer is C. elegans", "ABCDE", ["E. coli", "C. elegans", "yeast", "rats", "mice"], "B"),
        ("The answer is the nucleus", "ABC", ["nucleus", "Nucleus", "cell"], None),
        ("The answer is (B), the nucleus", "ABC", ["nucleus", "Nucleus", "cell"], "B"),
        ("The answer is (c)", "aBcC", ["one", "two", "three", "four"], "c"),
        ("The answer is (b)", "aBcC", ["one", "two", "three", "four"], None),
        ("The answer is (Q)", "QXZK", ["one", "two", "three", "four"], "Q"),
        ("The answer is the X chromosome", "QXZK", ["Y chromosome", "autosome", "X chromosome", "cell"], "Z"),
        ("The patient\u2019s brother", "AB", ["The patient's brother", "The patient's sister"], "A"),
        ("The date is 05/01/2021", "AB", ["05/01/2021", "05/01/2022"], "A"),
        ("Ambiguous", "ABC", ["He did.", "She did.", "Ambiguous."], "C"),
    ],
)
def test_labels_texts_and_what_only_looks_like_them(
    response: str, labels: str, options: list[str], label: str | None
) -> None:
    assert read_option(response, list(labels), options).flexible == label


LABEL_SETS = [
    list("ABCDEFGHIJKLMNOPQR"),
    list("abcd"),
    list("1234"),
    ["i", "ii", "iii", "iv"],
    ["I", "II", "III", "IV"],
    list("QXZK"),
    list("\u03b1\u03b2\u03b3\u03b4"),
    ["#", "@", "%", "&"],
]
FORMS = [
    "#### {}", "({})", "{}", "{}.", "{})", "Answer: {}", "**{}**", "\\boxed{{{}}}", "\\boxed{{\\text{{{}}}}}",
    "\\text{{{}}}", "the answer is {}", "The answer is ({}).", "option {}", "A cell? I think the answer is {}.",
    "The correct answer is ({}) {text}", "{}. {text}", "({}) {text}", "{text}", "It is {text}.",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("labels", LABEL_SETS, ids="".join)
def test_every_label_in_every_form(labels: list[str], form: str) -> None:
    texts = [f"thing of kind {number * 'x'}" for number in range(1, len(labels) + 1)]
    for label, text in zip(labels, texts, strict=True):
        assert read_option(form.format(label, text=text), labels, texts).flexible == label


Question = tuple[list[str], list[str], int, str]


@cache
def sciq() -> list[Question]:
    assert DATA is not None
    items = json.loads((DATA / "sciq" / "test.json").read_text(encoding="utf-8"))
    fields = ("distractor3", "correct_answer", "distractor1", "distractor2")
    return [(LETTERS, [item[field] for field in fields], 1, item["support"]) for item in items]


@cache
def bbh() -> list[Question]:
    assert DATA is not None
    found = []
    for file in sorted((DATA / "bbh").glob("*.json")):
        for item in json.loads(file.read_text(encoding="utf-8"))["examples"]:
            options = dict(re.findall(r"^\(([A-R])\) (.*)$", item["input"], re.MULTILINE))
            if item["target"].strip("()") in options:
                gold = [*options].index(item["target"].strip("()"))
                found.append(([*options], [*options.values()], gold, item["input"].partition("\n")[0]))
    return found


REAL_FORMS = (
    ["#### {}", "{}", "{}.", "({}) {text}", "{}. {text}", "Answer: {}. {text}", "The correct answer is ({}) {text}.",
     "**{}. {text}**", "\\boxed{{{}}}", "{}) {text}\n\nExplanation: {more}", "{more}\n\nThe answer is {}.",
     "{more}\n\nSo it is option {}", "Of these, {text} is the right answer ({})."]
)  # fmt: skip


def every_gold_is_read(questions: list[Question], form: str) -> None:
    for labels, options, gold, more in questions:
        said = form.format(labels[gold], text=options[gold], more=more)
        assert read_option(said, labels, options).flexible == labels[gold], said


@needs_data("sciq", "bbh")
@pytest.mark.parametrize("read", [sciq, bbh], ids=["sciq", "bbh"])
@pytest.mark.parametrize("form", REAL_FORMS)
def test_every_real_gold_label_in_three_forms_and_every_form_on_a_quarter(
    read: Callable[[], list[Question]], form: str
) -> None:
    every_gold_is_read(read()[REAL_FORMS.index(form) % 4 :: 4], form)


@pytest.mark.slow
@needs_data("sciq", "bbh")
@pytest.mark.parametrize("read", [sciq, bbh], ids=["sciq", "bbh"])
@pytest.mark.parametrize("form", REAL_FORMS)
def test_every_real_gold_label_in_every_form(read: Callable[[], list[Question]], form: str) -> None:
    every_gold_is_read(read(), form)


@needs_data("sciq", "bbh")
@pytest.mark.parametrize(("read", "found"), [(sciq, 998), (bbh, 4070)], ids=["sciq", "bbh"])
def test_every_real_gold_text_that_is_not_shared(read: Callable[[], list[Question]], found: int) -> None:
    """998 of SciQ's 1,000 and 4,070 of BBH's 4,071: in the others a wrong answer has the right one's text."""
    by_text = 0
    for labels, options, gold, _ in read():
        said = read_option(f"The answer is {options[gold]}.", labels, options).flexible
        alone = read_option(options[gold], labels, options).flexible
        assert {said, alone} <= {labels[gold], None}, options
        by_text += said == alone == labels[gold]
    assert by_text == found


WORDS = st.lists(
    st.sampled_from(
        ["A", "I", "B", "(C)", "####", "answer", "is", "the", "cell", "wall", "\n", "**", "option", ".", ":",
         "\\boxed{", "}", "correct", "not", "or", "3", "D.", "\t", "\u2019", "$"]
    ),
    max_size=40,
)  # fmt: skip


@given(WORDS.map(" ".join) | st.text(max_size=200), st.sampled_from(LABEL_SETS))
def test_any_text_is_read_without_an_error_and_strict_is_flexible(text: str, labels: list[str]) -> None:
    reading = read_option(text, labels, [f"{label} cell" for label in labels])
    assert reading.strict in (None, reading.flexible)
    assert reading.flexible in (None, *labels)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=5), st.text(max_size=60))
def test_any_option_texts_are_looked_for_without_an_error(options: list[str], text: str) -> None:
    labels = LABEL_SETS[0][: len(options)]
    for response in (text, options[0], f"the answer is {options[-1]}"):
        assert read_option(response, labels, options).flexible in (None, *labels)


@pytest.mark.parametrize(
    "unit",
    ["A", "A ", "A\n", "(A) ", "**A** ", "#### ", "#### A x", "answer is ", "the answer ", "Answer: ", "\\boxed{",
     "cell ", "cell wall is correct ", "is correct ", "option A ", "choose ", " ", "\n", "*", "a", "(", "not "],
)  # fmt: skip
def test_a_long_text_is_read_in_linear_time(unit: str) -> None:
    text = long(unit)
    with at_most():
        read_option(text, LETTERS, CELL)
