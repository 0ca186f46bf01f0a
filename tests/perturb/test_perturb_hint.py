"""Suggested answers: always wrong, of the right kind, beside the question that they are about."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

import pytest
from askeditems import SOURCES, items
from conftest import needs_data
from hypothesis import given
from hypothesis import strategies as st

from rveval.benchmarks import traits
from rveval.errors import Refused
from rveval.perturb import How, Item, perturb
from rveval.perturb.gold import same, value
from rveval.perturb.hint import AFTER, BEFORE, hint

OWN = ("think", "thinkprefix", "thinksuffix", "nothink", "rephrase", "hint", "context")
needs_all = needs_data("gsm8k", "humaneval", "sciq", "bbh")
CUES = re.compile(r"\b(steps?|think|thinking|reason|reasoning|explain|show|works?|working|careful|carefully)\b", re.I)
ASKED = "End with a line that holds #### and then the final number."
SUM = Item("gsm8k/0", traits("gsm8k"), "Tom has 12 eggs and buys 7. How many?", "12+7=19\n#### 19", instruction=ASKED)
CODE = Item(
    "humaneval/0",
    traits("humaneval"),
    "def f():\n",
    "    pass\n",
    instruction="Complete the following Python function.",
)
CHOICE = Item(
    "sciq/0",
    traits("sciq"),
    "What is sweet?",
    "honey",
    options=("ice", "honey", "bread", "tar"),
    labels=tuple("ABCD"),
    gold=1,
)
TINY = Item(
    "tiny_math/0", traits("tiny_math"), "Tom has 12 eggs. He buys 7 more. How many eggs are left?", "12+7=19. #### 19"
)
DRAWS = 40


def draws(name: str, item: Item, count: int = DRAWS) -> list[Item]:
    return [perturb([item], name, draw=draw)[0] for draw in range(count)]


def added(before: Item, after: Item) -> str:
    """What a family put around the question."""
    new = [text for text in (*after.before, *after.after) if text not in (*before.before, *before.after)]
    return "\n".join(new)


def hold_still(item: Item) -> Item:
    """An item without the pieces that these families may change."""
    return replace(item, before=(), after=(), instruction="", left_alone=())


# hint


def suggested_numbers(text: str) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)]


def final(item: Item) -> float:
    return float(item.answer.split("####")[-1].strip().replace(",", ""))


@needs_data("gsm8k")
@pytest.mark.parametrize(
    "source", ["gsm8k", "tiny_math", "tiny_order", "tiny_long", "bbh_object_counting", "bbh_multistep_arithmetic_two"]
)
def test_a_suggested_number_is_wrong_and_near(source: str) -> None:
    if source.startswith("bbh") and source not in SOURCES:
        pytest.skip("no local data for bbh")
    for draw in range(5):
        for before, after in zip(items(source), perturb(items(source), "hint", draw=draw), strict=True):
            (number,) = suggested_numbers(added(before, after))
            right = final(before)
            assert number != right
            given_numbers = suggested_numbers(f"{before.question} {before.answer}")
            near = abs(number - right) <= max(3, abs(right) / 10)
            assert near or number in (right * 2, right * 10, right / 2) or abs(number) in map(abs, given_numbers)


@needs_all
def test_a_suggested_option_is_shown_as_it_is_and_is_wrong() -> None:
    lettered = [item for source in SOURCES for item in items(source) if item.options]
    assert {item.traits.kind for item in lettered} == {"science", "puzzle", "story"}
    for before in lettered:
        (after,) = perturb([before], "hint")
        if after.left_alone:
            continue
        said = added(before, after)
        shown = [before.option_form.format(label=a, text=b) for a, b in zip(before.labels, before.options, strict=True)]
        meant = [place for place, option in enumerate(shown) if option.rstrip(".") in said]
        # The longest is the one meant where one option's text begins another's.
        place = max(meant, key=lambda place: len(shown[place]))
        assert before.options[place].lower().split() != before.options[before.gold or 0].lower().split()
        assert before.gold not in meant


def test_an_option_with_the_right_one_s_text_is_never_suggested() -> None:
    item = Item(
        "sciq/0", traits("sciq"), "What?", "Water", options=("water ", "Water", "ice"), labels=("A", "B", "C"), gold=1
    )
    assert all("C. ice" in added(item, after) for after in draws("hint", item))
    (after,) = perturb([replace(item, options=("water", "Water", "WATER"))], "hint")
    assert after.left_alone
    assert not after.before
    assert not after.after


@needs_data("bbh")
@pytest.mark.parametrize(
    ("subtask", "words"),
    [
        ("boolean_expressions", {"True", "False"}),
        ("formal_fallacies", {"valid", "invalid"}),
        ("sports_understanding", {"yes", "no"}),
        ("navigate", {"Yes", "No"}),
        ("causal_judgement", {"Yes", "No"}),
        ("web_of_lies", {"Yes", "No"}),
    ],
)
def test_of_two_words_the_other_is_suggested(subtask: str, words: set[str]) -> None:
    for before in items(f"bbh_{subtask}"):
        (after,) = perturb([before], "hint")
        found = re.findall(r"\b(?:yes|no|true|false|valid|invalid)\b", added(before, after), re.I)
        assert set(found) == words - {before.answer}
        assert len(found) == 1


@needs_data("bbh")
@pytest.mark.parametrize("subtask", ["dyck_languages", "word_sorting"])
def test_suggested_sequences_are_wrong_and_of_the_right_kind(subtask: str) -> None:
    for draw in range(3):
        for before, after in zip(
            items(f"bbh_{subtask}"), perturb(items(f"bbh_{subtask}"), "hint", draw=draw), strict=True
        ):
            quoted = added(before, after).split('"')[1].split()
            assert quoted
            assert quoted != before.answer.split()
            if subtask == "word_sorting":
                assert sorted(quoted) == sorted(before.answer.split())
            else:
                assert set(quoted) <= set(")]}>")
                assert abs(len(quoted) - len(before.answer.split())) <= 1


@pytest.mark.parametrize("words", ["alone", "same same"])
def test_no_wrong_order_no_hint(words: str) -> None:
    (after,) = perturb([Item("bbh/word_sorting/0", traits("bbh_word_sorting"), "Sort.", words)], "hint")
    assert after.left_alone
    assert not after.before
    assert not after.after


@given(number=st.integers(-(10**12), 10**12), inside=st.lists(st.integers(0, 10**6), max_size=4), seed=st.integers())
def test_the_right_number_is_never_suggested_however_it_is_written(number: int, inside: list[int], seed: int) -> None:
    for written in (str(number), f"{number:,}", f"{number}.0"):
        item = Item("gsm8k/0", traits("gsm8k"), f"It has {inside} and {number:,}, or {number}.00.", f"#### {written}")
        (said,) = suggested_numbers(added(item, hint(item, Random(seed), How())))
        assert said != number


def test_hints_have_many_voices_and_no_answer_of_their_own() -> None:
    assert min(len(set(BEFORE)), len(set(AFTER))) >= 8
    for wording in (*BEFORE, *AFTER):
        assert not re.search(r"\d|\b(yes|no|true|false|valid|invalid|one|think)\b", wording, re.I)
    said = draws("hint", SUM, 200)
    assert {bool(after.before) for after in said} == {True, False}


def test_code_gets_no_hint() -> None:
    with pytest.raises(Refused, match="hint does not apply to humaneval"):
        perturb([CODE], "hint")


@pytest.mark.parametrize("other", ["shuffle", "rotate", "goldslot", "relabel"])
def test_a_hint_comes_after_what_would_make_it_come_true(other: str) -> None:
    """A hint names an option by its label and text; options that move afterwards could make it the right one."""
    with pytest.raises(Refused, match=f"hint must come after {other}"):
        perturb([CHOICE], f"hint+{other}")
    (asked,) = perturb([CHOICE], f"{other}+hint")
    assert asked.gold is not None
    said = " ".join((*asked.before, *asked.after))
    assert CHOICE.options[1] not in said
    assert any(option in said for option in CHOICE.options)


# Answers


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("42", "42.0", True), ("1,042", "1042", True), ("$7", "7", True), ("7.", "7", True), ("-3", "3", False),
        ("Yes", "yes ", True), ("0.5", ".5", True), ("12", "1,2", False), ("valid", "invalid", False),
        ("7", "seven", False),
    ],
)  # fmt: skip
def test_answers_are_the_same_by_value_or_by_text(first: str, second: str, equal: bool) -> None:
    assert same(first, second) == equal


@given(st.integers())
def test_every_number_is_read_with_commas_too(number: int) -> None:
    assert value(f"{number:,}") == value(str(number)) == number


def is_hint(text: str) -> bool:
    patterns = (re.escape(wording).replace(re.escape("{answer}"), ".+") for wording in (*BEFORE, *AFTER))
    return any(re.fullmatch(pattern, text) for pattern in patterns)


@pytest.mark.parametrize("families", ["hint+context", "context+hint"])
def test_a_hint_stays_beside_the_question_it_is_about(families: str) -> None:
    for after in draws(families, SUM, 100):
        hints = [is_hint(text) for text in (*after.before, *after.after)]
        beside = [is_hint(text) for text in (*after.before[-1:], *after.after[:1])]
        assert sum(hints) == sum(beside) == 1
