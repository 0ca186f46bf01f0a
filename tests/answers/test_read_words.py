"""Reading words, brackets and sorted lists: the forms that models use, and what only looks like an answer."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from conftest import DATA, needs_data
from cpu import at_most, long
from hypothesis import given
from hypothesis import strategies as st

from rveval.answers import Reading, read_brackets, read_sorted, read_word

YES = ["Yes", "No"]
TRUE = ["True", "False"]
VALID = ["valid", "invalid"]


@pytest.mark.parametrize(
    ("response", "allowed", "word"),
    [
        ("#### Yes", YES, "Yes"),
        ("#### no.", YES, "No"),
        ("No, I think.\n#### Yes", YES, "Yes"),
        ("#### Yes\nWait.\n#### No\r\n", YES, "No"),
        ("not ( True ) is #### False", TRUE, "False"),
        ("####invalid", VALID, "invalid"),
        ("#### Yes", ["yes", "no"], "yes"),
    ],
)
def test_the_word_asked_for_is_read_strictly_and_flexibly(response: str, allowed: list[str], word: str) -> None:
    assert read_word(response, allowed) == Reading(word, word)


@pytest.mark.parametrize(
    ("response", "allowed", "word"),
    [
        ("Yes", YES, "Yes"),
        (" no", ["yes", "no"], "no"),
        ("No.", YES, "No"),
        ("**No**", YES, "No"),
        ("- No", YES, "No"),
        ("No, because the yes is far away.", YES, "No"),
        ("Yes\n\nThere is no doubt.", YES, "Yes"),
        ("No, he would not. Others say yes.", YES, "No"),
        ("The answer is no", YES, "No"),
        ("So the answer is **Yes**. There is no way back.", YES, "Yes"),
        ("**Answer:** No", YES, "No"),
        ("Answer:\nYes", YES, "Yes"),
        ("The answer is: (No).", YES, "No"),
        ('The answer is "No".', YES, "No"),
        ("\\boxed{\\text{No}}", YES, "No"),
        ("$\\boxed{Yes", YES, "Yes"),
        ("The answer is yes. Wait. The answer is no.", YES, "No"),
        ("#### Yes, it did", YES, "Yes"),
        ("There is no short circuit, so yes", YES, "Yes"),
        ("There is no way that it is so. Hence yes.", YES, "Yes"),
        ("Did it? I say no!", YES, "No"),
        ("The argument is valid.", VALID, "valid"),
        ("The argument is invalid.", VALID, "invalid"),
        ("The argument is not valid.", VALID, "invalid"),
        ("It isn't deductively valid", VALID, "invalid"),
        ("It is not a valid argument", VALID, "invalid"),
        ("It cannot be considered valid", VALID, "invalid"),
        ("Is it deductively valid or invalid? It does follow, so it is valid.", VALID, "valid"),
        ("It seems valid at first. The argument is therefore deductively invalid.", VALID, "invalid"),
        ("the answer is not valid", VALID, "invalid"),
        ("Valid", VALID, "valid"),
        ("**Invalid**: the premises say nothing of it. An argument is valid if ...", VALID, "invalid"),
        ("True", TRUE, "True"),
        ("True and False is False", TRUE, "False"),
        ("not ( True ) and ( True ) is False", TRUE, "False"),
        ("not True = False and so it is not true", TRUE, "False"),
        ("True or False, that is True", TRUE, "True"),
        ("The expression evaluates to True because of the or.", TRUE, "True"),
    ],
)
def test_other_ways_to_say_it_are_read_flexibly_only(response: str, allowed: list[str], word: str) -> None:
    assert read_word(response, allowed) == Reading(None, word)


@pytest.mark.parametrize(
    ("response", "allowed"),
    [
        ("", YES),
        ("I do not know", YES),
        ("There is no way to know this", YES),
        ("Nobody noted the north", YES),
        ("validity invalidates", VALID),
        ("Is it valid or invalid?", VALID),
        ("yes-men", YES),
    ],
)
def test_no_word_is_a_failure(response: str, allowed: list[str]) -> None:
    assert read_word(response, allowed).failed


@pytest.mark.parametrize(
    ("response", "given", "brackets"),
    [
        ("#### ] ) }", "{ ( [", "] ) }"),
        ("####])}.", "{ ( [", "] ) }"),
        ("We need ].\n#### ] )\r\n", "( [", "] )"),
        ("#### { ( [ ] ) }", "{ ( [", "] ) }"),
    ],
)
def test_brackets_asked_for_are_read_strictly_and_flexibly(response: str, given: str, brackets: str) -> None:
    assert read_brackets(response, given) == Reading(brackets, brackets)


@pytest.mark.parametrize(
    ("response", "given", "brackets"),
    [
        ("] ) }", "{ ( [", "] ) }"),
        ("])}", "{([", "] ) }"),
        ("{ ( [ ] ) }", "{ ( [", "] ) }"),
        ("The answer is ] ) }.", "{ ( [", "] ) }"),
        ("The answer is: `] ) }`", "{ ( [", "] ) }"),
        ("The answer is: { ( [ ] ) }", "{ ( [", "] ) }"),
        ("**Answer:** ] ) }\n(since [ is the last one)", "{ ( [", "] ) }"),
        ("Answer:\n] ) }", "{ ( [", "] ) }"),
        ("\\boxed{] ) \\}}", "{ ( [", "] ) }"),
        ("$\\boxed{] )}$", "( [", "] )"),
        ('We pop "[", "(", "{". So we need "]", ")", and "}"', "{ ( [", "] ) }"),
        ("```\n] ) }\n```", "{ ( [", "] ) }"),
        ("] ) }\n\n(This closes all of them.)", "{ ( [", "] ) }"),
        ("We need:\n]\n)\n}", "{ ( [", "] ) }"),
        ("Input: { ( [\nOutput: ] ) }", "{ ( [", "] ) }"),
        ("> ) </s>", "( <", "> )"),
        ("Stack -> ( [, so ] )", "( [", "] )"),
    ],
)
def test_brackets_in_other_forms_are_read_flexibly_only(response: str, given: str, brackets: str) -> None:
    assert read_brackets(response, given) == Reading(None, brackets)


@pytest.mark.parametrize("response", ["", "none (of them)", "#### nothing", "{ ( [", "x -> y", "<end>"])
def test_no_brackets_are_a_failure(response: str) -> None:
    assert read_brackets(response, "{ ( [").failed


FRUIT = ["pear", "Apple", "fig"]


@pytest.mark.parametrize(
    ("response", "words"),
    [
        ("#### apple fig pear", "apple fig pear"),
        ("So:\n#### Apple Fig Pear.\n", "apple fig pear"),
        ("pear apple fig\n#### apple pear fig", "apple pear fig"),
        ("#### apple fig pier", "apple fig pier"),
    ],
)
def test_the_list_asked_for_is_read_strictly_and_flexibly(response: str, words: str) -> None:
    assert read_sorted(response, FRUIT) == Reading(words, words)


@pytest.mark.parametrize(
    ("response", "words"),
    [
        ("apple fig pear", "apple fig pear"),
        ("Apple, fig, pear.", "apple fig pear"),
        ("#### apple, fig, pear", "apple fig pear"),
        ("apple, fig, and pear", "apple fig pear"),
        ("apple\nfig\npear", "apple fig pear"),
        ("1. apple\n2. fig\n3. pear\n", "apple fig pear"),
        ("- apple\n- fig\n- pear\n\nI hope that this helps!", "apple fig pear"),
        ("* **apple**\n* **fig**\n* **pear**", "apple fig pear"),
        ("List: pear apple fig\n\napple fig pear", "apple fig pear"),
        ("The words are pear, apple, fig. Sorted alphabetically: apple, fig, pear", "apple fig pear"),
        ("So the answer is apple fig pear.", "apple fig pear"),
        ("The sorted words are: apple fig pear", "apple fig pear"),
        ('"apple" < "fig" < "pear"', "apple fig pear"),
        ("apple fig pear\n\nThe answer is apple pear", "apple pear"),
        ("The sorted list is:\n\napple\nfig\npear\n\nThe fig comes before the pear.", "apple fig pear"),
        ("fig apple pear... no: the answer is apple fig pear", "apple fig pear"),
        ("The answer is apple fig pier pear", "apple fig pier pear"),
        ("I say apple fig", "apple fig"),
    ],
)
def test_lists_in_other_forms_are_read_flexibly_only(response: str, words: str) -> None:
    assert read_sorted(response, FRUIT) == Reading(None, words)


@pytest.mark.parametrize("response", ["", "####", "I can't sort", "a pear", "#### Summary of the steps taken"])
def test_no_list_is_a_failure(response: str) -> None:
    assert read_sorted(response, FRUIT).failed


def subtask(name: str) -> list[dict[str, str]]:
    assert DATA is not None
    return json.loads((DATA / "bbh" / f"{name}.json").read_text(encoding="utf-8"))["examples"]  # type: ignore[no-any-return]


@needs_data("bbh")
@pytest.mark.parametrize("form", ["#### {}", "{}", "So the answer is {}.", "**{}**", "Answer: {}\n", "`{}`"])
def test_every_target_of_the_real_subtasks_in_every_form(form: str) -> None:
    for task in subtask("dyck_languages"):
        given = task["input"].rpartition("Input:")[2]
        for answer in (task["target"], given + task["target"]):
            assert read_brackets(form.format(answer), given).flexible == task["target"]
    for task in subtask("word_sorting"):
        words = task["input"].rpartition("List:")[2].split()
        for gap in (" ", ", ", "\n"):
            said = form.format(gap.join(task["target"].split()))
            assert read_sorted(said, words).flexible == task["target"].lower()
    for name in ("boolean_expressions", "formal_fallacies", "navigate", "sports_understanding", "web_of_lies"):
        allowed = sorted({task["target"] for task in subtask(name)})
        assert len(allowed) == 2
        assert all(read_word(form.format(word), allowed).flexible == word for word in allowed)


PIECES = st.lists(
    st.sampled_from(
        ["Yes", "no", "not", "valid", "in", "####", "answer", "is", "(", "]", "}", "<", "\\boxed{", "**", "\n", " ",
         ",", "or", "pear", "apple", "fig", "1.", "- ", "sorted:", '"', "\u2019t", "\0", "\ud800", "\u0130"]
    ),
    max_size=40,
)  # fmt: skip


@given(PIECES.map("".join) | PIECES.map(" ".join) | st.text(max_size=100), st.text(alphabet="([{<>}]) x", max_size=9))
def test_any_text_is_read_without_an_error_and_strict_is_flexible(text: str, given: str) -> None:
    for reading in (
        read_word(text, YES),
        read_word(text, VALID),
        read_brackets(text, given),
        read_sorted(text, FRUIT),
        read_sorted(text, text.split()[:3]),
    ):
        assert reading.strict in (None, reading.flexible)
        assert reading.flexible != ""


@pytest.mark.parametrize(
    "unit",
    ["Yes", "no ", "not ", "not valid ", "valid or ", "**no", "#### ", "#### no x", "answer is ", "\\boxed{", "( ",
     "(", "]\n", "( (x", "####(", "apple ", "apple\n", "1. ", "sorted: ", "the list is ", " ", "\n", "*", "x", "a\n",
     "n't an an ", "order "],
)  # fmt: skip
def test_a_long_text_is_read_in_linear_time(unit: str) -> None:
    text = long(unit)
    readers: list[Callable[[], Reading]] = [
        lambda: read_word(text, YES),
        lambda: read_word(text, VALID),
        lambda: read_brackets(text, "( ["),
        lambda: read_sorted(text, FRUIT),
    ]
    for reader in readers:
        with at_most():
            reader()


def test_what_is_marked_beats_what_was_said_first() -> None:
    said = "Yes, let us see. He moved three to the left and never back. So the answer is no."
    assert read_word(said, ("Yes", "No")).flexible == "No"
    assert read_word("No. He never came back, yes or not.", ("Yes", "No")).flexible == "No"
