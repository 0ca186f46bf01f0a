"""The form of a text: letter by letter the same, on all real items; code is still the same code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from askeditems import SOURCES, items
from conftest import needs_data
from hypothesis import given
from hypothesis import strategies as st

from rveval.benchmarks import traits
from rveval.perturb import FAMILIES, Item, perturb
from rveval.perturb.format import sentences, upper
from rveval.perturb.text import AROUND_ONLY

FIELDS = ("question", "support", "description", "instruction")
FORMS = {"{label}. {text}", "{label}) {text}", "({label}) {text}", "{label}: {text}", "- {label}. {text}"}
EVERY_SOURCE = [s if s.startswith("tiny_") else pytest.param(s, marks=needs_data(s.partition("_")[0])) for s in SOURCES]
# Of these the text, or a table in it, is the problem.
UNTOUCHED = (
    *("word_sorting", "dyck_languages", "hyperbaton", "ruin_names", "boolean_expressions", "snarks"),
    *("multistep_arithmetic_two", "geometric_shapes", "salient_translation_error_detection", "penguins_in_a_table"),
)
OWN_OPTION_FORM = ("sciq", "tiny_choice")


@cache
def formed(source: str, draw: int = 0, strength: float | None = None) -> tuple[Item, ...]:
    return tuple(perturb(items(source), "format", draw=draw, strength=strength))


def pairs(source: str, draw: int = 0, strength: float | None = None) -> Iterator[tuple[Item, Item]]:
    return zip(items(source), formed(source, draw, strength), strict=True)


def letters(text: str) -> str:
    """Letters, digits and what belongs to numbers and clauses, in order, without case."""
    return re.sub(r"[\s*>-]", "", text).casefold()


def numbers(text: str) -> list[str]:
    """Numbers with their signs, currency, percent, decimals, times: a minus is one only if nothing stands before it."""
    return re.findall(r"(?:(?<![\w-])-(?=[\d.]))?\$?\d[\d.,:/]*%?", text)


@pytest.mark.parametrize("source", EVERY_SOURCE)
def test_letter_by_letter_the_same(source: str) -> None:
    for before, after in pairs(source):
        same = {field: getattr(before, field) for field in FIELDS}
        assert replace(after, **same, left_alone=(), option_form=before.option_form) == before
        for field in FIELDS:
            old, new = getattr(before, field), getattr(after, field)
            assert letters(old) == letters(new), before.item_id
            assert [n.rstrip(".,:/") for n in numbers(old)] == [n.rstrip(".,:/") for n in numbers(new)], before.item_id


@pytest.mark.parametrize("source", EVERY_SOURCE)
def test_every_item_changes(source: str) -> None:
    for before, after in pairs(source):
        assert any(getattr(before, field) != getattr(after, field) for field in FIELDS), before.item_id
        assert (after.question == before.question) == (after.left_alone == (AROUND_ONLY,)), before.item_id


@needs_data("bbh")
@pytest.mark.parametrize("subtask", UNTOUCHED)
def test_where_the_text_is_the_problem_only_what_stands_around_it_changes(subtask: str) -> None:
    for before, after in pairs(f"bbh_{subtask}", strength=1.0):
        assert (after.question, after.left_alone) == (before.question, (AROUND_ONLY,))


@needs_data("bbh")
def test_the_list_of_answers_and_the_words_to_answer_with_stay() -> None:
    for source in (source for source in SOURCES if source.startswith("bbh_")):
        for before, after in pairs(source, strength=1.0):
            assert after.question.partition("Options:")[2] == before.question.partition("Options:")[2]
    item = Item("bbh/navigate/0", traits("bbh_navigate"), "Go.", "No", instruction="End with #### and then Yes or No.")
    for draw in range(20):
        (after,) = perturb([item], "format", draw=draw, strength=1.0)
        assert re.findall("Yes|No|####", after.instruction) == ["####", "Yes", "No"]


@pytest.mark.parametrize("source", EVERY_SOURCE)
def test_options_are_marked_in_another_way_only_where_that_is_free(source: str) -> None:
    forms = {after.option_form for _, after in pairs(source)}
    if source.startswith(OWN_OPTION_FORM):
        assert forms == (FORMS if source == "sciq" else FORMS - {"- {label}. {text}"})
    else:
        assert forms == {before.option_form for before, _ in pairs(source)}


@pytest.mark.parametrize("source", EVERY_SOURCE)
def test_capitals_of_names_stay(source: str) -> None:
    """A word with a capital inside a sentence keeps it, unless all of the text is in capitals."""
    for before, after in pairs(source, strength=1.0):
        if after.question != after.question.upper():
            inside = re.findall(r"(?<=[a-z,] )[A-Z][A-Za-z]+", before.question)
            written = re.findall(r"[A-Za-z]+", after.question)
            assert all(written.count(name) >= inside.count(name) for name in inside), before.item_id


@needs_data("gsm8k")
def test_all_kinds_of_edits_are_made() -> None:
    asked = [after for _, after in pairs("gsm8k")]
    kinds = {
        "bullets": r"(?m)^- ",
        "stars": r"(?m)^\* ",
        "dashes": r"(?m)^-- ",
        "quotes": r"(?m)^> ",
        "lines": r"[.?]\n[A-Za-z]",
        "paragraphs": r"[.?]\n\n[A-Za-z]",
        "bold": r"\*\*[A-Z][^*]+\?\*\*",
        "italic": r"(?<!\*)\*[A-Z][^*]+\?\*(?!\*)",
        "bold word": r"\*\*[Hh]ow \w+\*\*",
        "double spaces": r"\w  \w",
        "after sentences": r"\.   [A-Za-z]",
        "before marks": r"\w \.(?: |$)",
        "trailing blanks": r"  $",
        "capitals": r"^[^a-z]+$",
        "lower case": r"\. [a-z]",
    }
    for kind, pattern in kinds.items():
        assert sum(re.search(pattern, item.question) is not None for item in asked) > 15, kind


def docless(stub: str) -> str:
    tree = ast.parse(stub)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return ast.dump(tree)


@needs_data("humaneval")
def test_code_is_the_same_code_and_examples_stay() -> None:
    for draw in range(3):
        for before, after in pairs("humaneval", draw, 1.0):
            assert docless(before.question) == docless(after.question), before.item_id
            kept = [
                [line for line in item.question.splitlines() if re.search(r">>>|==|=>|->|➞|^\s*(?:def|import) ", line)]
                for item in (before, after)
            ]
            assert kept[0] == kept[1], before.item_id
            quoted = re.compile(r"(?<!\w)'[^'\n]*'(?!\w)|\"[^\"\n]*\"")
            old, new = (quoted.findall(item.question.replace('"""', "")) for item in (before, after))
            assert old == new, before.item_id
            assert after.instruction == before.instruction


@needs_data("humaneval")
def test_code_outside_docstrings_is_the_same_to_the_byte() -> None:
    for before, after in pairs("humaneval", strength=1.0):
        quotes = '"""' if '"""' in before.question else "'''"
        assert before.question.split(quotes)[::2] == after.question.split(quotes)[::2], before.item_id


@needs_data("gsm8k")
def test_strength_is_the_share_of_edits() -> None:
    def touched(strength: float) -> int:
        return sum(before.instruction != after.instruction for before, after in pairs("gsm8k", strength=strength))

    assert touched(0.01) == 0  # one edit, and that of the question
    assert 0 < touched(0.5) <= touched(1.0) == len(items("gsm8k"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. Lee left. He paid $3.50. Why?", ["Mr. Lee left.", "He paid $3.50.", "Why?"]),
        ("At 6 p.m. Ann left. 5 stayed.", ["At 6 p.m. Ann left.", "5 stayed."]),
        ('She said "Go." Then he went.', ['She said "Go."', "Then he went."]),
        ("It is 3.5 miles", ["It is 3.5 miles"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize("text", ["He weighs 50 kg.", "Find x.", "It is 5m long.", "Type B is 3 cm.", "30 mph?"])
def test_case_that_says_something_stays(text: str) -> None:
    assert upper(text) == text


@given(st.text(alphabet='aeT. ?!\n-*>12$%"', max_size=60), st.integers(0, 9))
def test_any_text_keeps_its_letters_and_numbers(text: str, draw: int) -> None:
    item = Item("gsm8k/0", traits("gsm8k"), text, "#### 1", instruction="End with ####.")
    (after,) = perturb([item], "format", draw=draw, strength=1.0)
    assert letters(after.question) == letters(text)


def test_a_lost_word_or_number_is_noticed() -> None:
    before = Item("gsm8k/0", traits("gsm8k"), "Ann has 12 cats. How many?", "#### 1", instruction="End with #### now.")
    lost = FAMILIES["format"].lost
    assert lost(before, replace(before, question="- ann has 12 CATS .\n- **How many?**")) == ""
    assert lost(before, replace(before, question="Ann has 12 cat. How many?")) == "the words of the question changed"
    assert (
        lost(before, replace(before, question="Ann has 1 2 cats. How many?")) == "the numbers of the question changed"
    )
    assert lost(before, replace(before, question="Ann has -12 cats. How many?")) != ""
    assert lost(before, replace(before, answer="#### 2")) == "answer changed"
    stub = Item(
        "humaneval/0", traits("humaneval"), 'def f(x):\n    """Give it back."""\n', "    return x\n", entry_point="f"
    )
    assert lost(stub, replace(stub, question=stub.question.replace("it ", "it  "))) == ""
    assert (
        lost(stub, replace(stub, question=stub.question.replace("):", ") :"))) == "code outside the docstrings changed"
    )
