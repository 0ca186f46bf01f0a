"""Slips of the keyboard: one letter of a harmless word, on all real items, and code that is still the same code."""

from __future__ import annotations

import ast
import io
import keyword
import re
import string
import tokenize
from collections import Counter
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
from rveval.perturb.text import AROUND_ONLY, is_word
from rveval.perturb.typos import NO_WORD

FIELDS = ("question", "support", "description", "instruction")
EVERY_SOURCE = [s if s.startswith("tiny_") else pytest.param(s, marks=needs_data(s.partition("_")[0])) for s in SOURCES]
# Of these the text is the problem.
UNTOUCHED = (
    *("word_sorting", "dyck_languages", "hyperbaton", "ruin_names", "boolean_expressions", "snarks"),
    *("multistep_arithmetic_two", "geometric_shapes", "salient_translation_error_detection"),
)
MUST_BE_READ = """
    not no never none nothing without neither nor cannot unless except
    more less fewer most least than greater smaller larger older younger taller higher lower longest smallest
    each every all both half twice double triple total altogether dozen pair times percent third quarter
    one two three four five seven eight nine ten eleven twelve twenty thirty hundred thousand million
    hour hours minutes seconds days weeks months years miles feet inches pounds ounces dollars cents gallons meters
    left right before after above below first second last true false valid invalid yes
"""


@cache
def slipped(source: str, draw: int = 0, strength: float | None = None) -> tuple[Item, ...]:
    return tuple(perturb(items(source), "typos", draw=draw, strength=strength))


def changed_words(before: Item, after: Item) -> Iterator[tuple[str, str, str]]:
    """(field, word, what became of it) of every word that is not as it was; the number of words is the same."""
    for field in FIELDS:
        old, new = getattr(before, field).split(), getattr(after, field).split()
        assert len(old) == len(new), before.item_id
        yield from ((field, was, now) for was, now in zip(old, new, strict=True) if was != now)


def one_slip_from(word: str) -> set[str]:
    """Every text that one slip makes of a word: a letter left out, doubled, replaced, or two swapped."""
    found = {word[:at] + word[at + 1 :] for at in range(len(word))}
    found |= {word[:at] + word[at] + word[at:] for at in range(len(word))}
    found |= {word[:at] + word[at : at + 2][::-1] + word[at + 2 :] for at in range(len(word) - 1)}
    return found | {word[:at] + key + word[at + 1 :] for at in range(len(word)) for key in string.ascii_lowercase}


@cache
def used_words() -> frozenset[str]:
    """What the benchmarks themselves write often enough to be words."""
    texts = (getattr(item, field) for source in ("gsm8k", "sciq") for item in items(source) for field in FIELDS)
    found = Counter(word for text in texts for word in re.findall(r"(?<!\w)[a-z]+(?!\w)", text))
    return frozenset(word for word, times in found.items() if times > 3)


@pytest.mark.parametrize("source", EVERY_SOURCE)
def test_single_words_slip_and_nothing_else(source: str) -> None:
    for before, after in zip(items(source), slipped(source), strict=True):
        same = {field: getattr(before, field) for field in FIELDS}
        assert replace(after, **same, left_alone=()) == before
        for field, was, now in changed_words(before, after):
            word = re.sub(r"^\W+|\W+$", "", was)
            assert re.fullmatch("[a-z]{4,}", word), (before.item_id, field, was, now)
            assert now in {was.replace(word, slip) for slip in one_slip_from(word)}, (before.item_id, was, now)
            assert word not in MUST_BE_READ.split(), (before.item_id, field, was, now)


@pytest.mark.parametrize("source", EVERY_SOURCE)
def test_every_item_changes_and_numbers_stay(source: str) -> None:
    for before, after in zip(items(source), slipped(source), strict=True):
        assert any(changed_words(before, after)), before.item_id
        for field in FIELDS:
            numbers = [re.findall(r"\d[\d.,:/]*|[$%#]", getattr(item, field)) for item in (before, after)]
            assert numbers[0] == numbers[1], before.item_id


@needs_data("gsm8k", "sciq")
@pytest.mark.parametrize("source", ["gsm8k", "sciq", "humaneval"])
def test_a_slip_makes_no_other_word(source: str) -> None:
    for strength in (None, 0.5):
        for before, after in zip(items(source), slipped(source, strength=strength), strict=True):
            for _, was, now in changed_words(before, after):
                slip = re.sub(r"^\W+|\W+$", "", now)
                assert not is_word(slip), (before.item_id, was, now)
                assert slip not in used_words(), (before.item_id, was, now)


@needs_data("sciq", "bbh")
@pytest.mark.parametrize("source", [source for source in SOURCES if source.startswith(("sciq", "bbh"))])
def test_words_of_the_options_are_spelled_right(source: str) -> None:
    for before, after in zip(items(source), slipped(source, strength=1.0), strict=True):
        words = set(re.findall("[a-z]+", " ".join(before.options).lower()))
        assert words.isdisjoint(re.sub(r"\W", "", was) for _, was, _ in changed_words(before, after)), before.item_id


@needs_data("bbh")
@pytest.mark.parametrize("subtask", UNTOUCHED)
def test_where_the_text_is_the_problem_only_what_stands_around_it_slips(subtask: str) -> None:
    for before, after in zip(items(f"bbh_{subtask}"), slipped(f"bbh_{subtask}", strength=1.0), strict=True):
        assert after.question == before.question
        assert after.left_alone == (AROUND_ONLY,)
        assert "####" in after.instruction


@needs_data("bbh")
def test_the_list_of_answers_stays() -> None:
    for source in (source for source in SOURCES if source.startswith("bbh_")):
        for before, after in zip(items(source), slipped(source, strength=1.0), strict=True):
            assert after.question.partition("Options:")[2] == before.question.partition("Options:")[2]


@needs_data("gsm8k")
def test_names_and_the_form_of_the_answer_stay() -> None:
    for before, after in zip(items("gsm8k"), slipped("gsm8k", strength=1.0), strict=True):
        assert re.findall("[A-Z][a-z]+", before.question) == re.findall("[A-Z][a-z]+", after.question)
        assert after.instruction.count("#### ") == 1
        assert after.instruction.endswith("number.")


def code_of(stub: str) -> tuple[str, list[str]]:
    """The stub's tree without docstrings, and its tokens without strings."""
    tree = ast.parse(stub)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = [s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    tokens = tokenize.generate_tokens(io.StringIO(stub).readline)
    return ast.dump(tree), [token.string for token in tokens if token.type != tokenize.STRING]


@needs_data("humaneval")
def test_code_is_the_same_code_and_examples_stay() -> None:
    for before, after in zip(items("humaneval"), slipped("humaneval", strength=1.0), strict=True):
        assert code_of(before.question) == code_of(after.question), before.item_id
        lines = list(zip(before.question.splitlines(), after.question.splitlines(), strict=True))
        assert all(old == new for old, new in lines if re.search(r">>>|==|=>|->|➞", old)), before.item_id
        names = {token for token in code_of(before.question)[1] if token.isidentifier()} - set(keyword.kwlist)
        assert names.isdisjoint(re.sub(r"\W", "", was) for _, was, _ in changed_words(before, after)), before.item_id
        quoted = re.compile(r"(?<![\w])'[^'\n]*'(?!\w)|\"[^\"\n]*\"")
        old, new = (quoted.findall(item.question.replace('"""', "")) for item in (before, after))
        assert old == new, before.item_id
        assert after.instruction == before.instruction


@needs_data("gsm8k")
def test_strength_is_the_share_of_words() -> None:
    counts = {
        strength: sum(
            len(list(changed_words(before, after)))
            for before, after in zip(items("gsm8k"), slipped("gsm8k", strength=strength), strict=True)
        )
        for strength in (0.001, 0.1, 0.5, 1.0)
    }
    assert len(items("gsm8k")) <= counts[0.001] < 1.2 * len(items("gsm8k"))
    assert counts[0.1] == pytest.approx(0.1 * counts[1.0], rel=0.15)
    assert counts[0.5] == pytest.approx(0.5 * counts[1.0], rel=0.1)


@pytest.mark.parametrize("question", ["5 + 7 = ?", "Ann is 12.", "How many?", "Is it not more than twice 30 miles?"])
def test_nothing_to_slip_in(question: str) -> None:
    item = Item("tiny_math/0", traits("tiny_math"), question, "#### 12")
    assert perturb([item], "typos") == [item.leave(NO_WORD)]


@given(st.text(alphabet="aenorst AB12.,'\n-#$", max_size=80), st.integers(0, 5))
def test_any_text_keeps_its_marks(text: str, draw: int) -> None:
    item = Item("gsm8k/0", traits("gsm8k"), text, "#### 1", instruction="End with ####.")
    (changed,) = perturb([item], "typos", draw=draw, strength=1.0)
    assert re.sub("[a-z]", "", changed.question) == re.sub("[a-z]", "", text)


def test_a_lost_number_or_word_is_noticed() -> None:
    before = Item("gsm8k/0", traits("gsm8k"), "Three cats eat 2 mice.", "#### 1", instruction="End with #### now.")
    lost = FAMILIES["typos"].lost
    assert lost(before, replace(before, question="Three cats eatt 2 mice.")) == ""
    assert lost(before, replace(before, question="Three cats eat 3 mice.")) == "the numbers of the question changed"
    assert lost(before, replace(before, question="Three catseat 2 mice.")) == "the question has more or fewer words"
    assert lost(before, replace(before, answer="#### 2")) == "answer changed"
    stub = Item(
        "humaneval/0", traits("humaneval"), 'def f(x):\n    """Give it back."""\n', "    return x\n", entry_point="f"
    )
    assert lost(stub, replace(stub, question=stub.question.replace("back", "bakc"))) == ""
    assert (
        lost(stub, replace(stub, question=stub.question.replace("(x)", "(y)"))) == "code outside the docstrings changed"
    )
    assert lost(stub, replace(stub, question=stub.question.replace("def", "de"))) == "the stub no longer parses"
