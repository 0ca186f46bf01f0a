"""Renaming: one to one, the same everywhere, numbers and answers as they were; programs still pass their tests."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from askeditems import items
from conftest import needs_data
from hypothesis import given
from hypothesis import strategies as st

from rveval.benchmarks import traits
from rveval.perturb import FAMILIES, Item, perturb, problem
from rveval.perturb.people import BOYS, EITHER, GIRLS, NEW, gender
from rveval.perturb.rename import new_people
from rveval.perturb.rename_things import NOUNS, rename_things

FAMILY = FAMILIES["rename"]
_WORDS = "Mark Penny May Will Grace Rose Bill Art Summer April June August Frank Sue Daisy Hope Faith Joy"
WORD_NAMES = _WORDS.split()
_CONSTANTS = """dozen
quarter week day month year dime nickel penny cent dollar pair twin spider dog cat cow chicken horse
insect wheel tricycle bicycle car chair table shoe sock glove die dice deck foot inch mile pound cup gallon coach"""
CONSTANTS = _CONSTANTS.split()


def story(question: str, answer: str = "1\n#### 1") -> Item:
    return Item("gsm8k/0", traits("gsm8k"), question, answer)


def renamed(question: str, seed: int = 0) -> str:
    return perturb([story(question)], "rename", seed=seed)[0].question


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", re.sub(r"(?<=[a-z])['\u2019]s?(?![a-z])", "", text))


@needs_data("gsm8k")
@pytest.mark.parametrize("draw", [0, 1, 2])
def test_one_word_for_one_word_the_same_in_question_and_answer(draw: int) -> None:
    asked = items("gsm8k")
    for old, new in zip(asked, perturb(asked, "rename", draw=draw), strict=True):
        given_names: dict[str, str] = {}
        for was, now in zip(tokens(old.question), tokens(new.question), strict=True):
            if {was.lower(), now.lower()} != {"a", "an"}:
                assert given_names.setdefault(was, now) == now, (was, now, old.item_id)
        for was, now in zip(tokens(old.answer), tokens(new.answer), strict=True):
            if {was.lower(), now.lower()} != {"a", "an"}:
                assert given_names.setdefault(was, now) == now, (was, now, old.item_id)
        changed = {was: now for was, now in given_names.items() if was != now}
        assert len({now.lower() for now in changed.values()}) == len({was.lower() for was in changed})
        assert not {now.lower() for now in changed.values()} & {word.lower() for word in tokens(old.question)}
        assert re.findall(r"\d+", new.question + new.answer) == re.findall(r"\d+", old.question + old.answer)
        assert bool(changed) != bool(new.left_alone)


@needs_data("gsm8k")
def test_most_of_gsm8k_changes_and_the_rest_says_why() -> None:
    asked = items("gsm8k")
    after = perturb(asked, "rename")
    reasons = Counter(why for item in after for why in item.left_alone)
    changed = sum(old.question != new.question for old, new in zip(asked, after, strict=True))
    assert changed + sum(reasons.values()) == len(asked)
    assert changed > 1050
    assert len(reasons) == 2


@needs_data("gsm8k")
def test_people_keep_their_gender() -> None:
    for item in items("gsm8k"):
        found = new_people((item.question, item.answer), Random(item.item_id), "")
        he = re.search(r"\b(he|him|his)\b", item.question, re.IGNORECASE)
        she = re.search(r"\b(she|her|hers)\b", item.question, re.IGNORECASE)
        for old, new in found.items():
            alone = len([word for word in set(tokens(item.question)) if gender(word)]) == 1
            pool = NEW["girl"] if new in NEW["girl"] else NEW["boy"] if new in NEW["boy"] else NEW["either"]
            if alone and bool(he) != bool(she) and not re.search(rf"(Mr|Mrs|Ms|Miss)\.? {old}", item.question):
                assert pool == (NEW["boy"] if he else NEW["girl"]), (old, new, item.question)
            elif not alone:
                titled = re.search(rf"\b(Mr|Mrs|Ms|Miss)\.? {old}", item.question + item.answer)
                assert titled or pool == NEW[gender(old)]


@pytest.mark.parametrize("name", WORD_NAMES)
def test_names_that_are_words_are_left_alone(name: str) -> None:
    assert gender(name) == ""
    assert renamed(f"{name} has 3 dogs. How many dogs has {name}?") == f"{name} has 3 dogs. How many dogs has {name}?"


@pytest.mark.parametrize("noun", CONSTANTS)
def test_things_that_carry_numbers_are_no_things_to_rename(noun: str) -> None:
    assert not [pair for pair in NOUNS if pair[0] == noun]


@pytest.mark.parametrize(
    "question",
    [
        "How much is an apple pie and 3 apple pies?",
        "A box costs 3 dollars at Apple Store, and a lunch box 4.",
        "Ethel has 8 dollars. If Ethal has 3, how many has Ethel?",
        "Mary Street has 3 trees. San Jose has 4 trees.",
        "Ana has 3 letters in her name. How many has Tom in his name?",
        "The dentist caps 3 teeth and he books 4 flights.",
        "Every child's friends's cats sleep.",
    ],
)
def test_what_is_part_of_something_else_is_left_alone(question: str) -> None:
    for seed in range(5):
        words = set(tokens(renamed(question, seed))) - set(tokens(question))
        assert not words & {*NEW["girl"], *NEW["boy"], *NEW["either"]}
        assert not words & {"pear", "peach", "plum", "crate", "bin", "scarf", "berets", "novels"}


def test_articles_plurals_and_possessives_follow() -> None:
    for seed in range(20):
        text = renamed("James' son has an apple. James eats a peach a day. 2 apples are James's.", seed)
        (new,) = {word for word in tokens(text) if word in NEW["boy"]}
        assert text.startswith(f"{new}'s son has ")
        assert f"are {new}'s." in text
        assert not re.search(r"\ba [aeio]|\ban [^aeio]", text), text


def test_lists_are_in_order() -> None:
    assert not GIRLS & BOYS
    assert not (GIRLS | BOYS) & EITHER
    assert [gender(name) for name in (*NEW["girl"][:1], *NEW["boy"][:1])] == ["girl", "boy"]
    groups = set(NOUNS.values())
    flat = [noun for group in groups for noun in group]
    assert len(flat) == len(set(flat))
    assert all(len(group) > 1 for group in groups)


@given(st.lists(st.sampled_from(["apples", "an orange", "each book", "Ann", "12", "boxes.", "Tom's"]), max_size=8))
def test_new_nouns_are_new_and_numbers_stay(parts: list[str]) -> None:
    text = " ".join(parts)
    found, (question, _) = rename_things((text, ""), Random(0), "")
    assert re.findall(r"\d+", question) == re.findall(r"\d+", text)
    assert not set(found.values()) & set(tokens(text))
    assert ("Ann" in question) == ("Ann" in text)


def test_it_is_refused_where_names_are_what_is_asked_about() -> None:
    for source in ("sciq", "sciq_closed", "bbh_ruin_names", "bbh_web_of_lies", "tiny_order"):
        assert problem("rename", traits(source))
    for source in ("gsm8k", "humaneval", "tiny_math", "tiny_choice", "tiny_long"):
        assert problem("rename", traits(source)) == ""


@pytest.mark.parametrize("source", ["tiny_math", "tiny_choice", "tiny_long"])
def test_tiny_problems_stay_within_their_words(source: str) -> None:
    asked = items(source)
    vocabulary = {word for item in asked for word in tokens(item.question)}
    for old, new in zip(asked, perturb(asked, "rename"), strict=True):
        assert old.question != new.question
        assert (old.answer, old.options, old.gold) == (new.answer, new.options, new.gold)
        assert set(tokens(new.question)) <= vocabulary
        names = dict(zip(tokens(old.question), tokens(new.question), strict=True))
        assert [names[word] for word in tokens(old.question)] == tokens(new.question)
        assert len(set(names.values())) == len(names)
        for boys in (["Tom", "Ben", "Sam", "Leo", "Max", "Jack"],):
            assert all((was in boys) == (now in boys) for was, now in names.items())


RUNNER = """
import json, signal, sys
def late(*_): raise TimeoutError
signal.signal(signal.SIGALRM, late)
for place, (source, entry_point) in enumerate(json.load(sys.stdin)):
    space = {"__name__": "program"}
    signal.alarm(20)
    try:
        exec(source, space)
        space["check"](space[entry_point])
    except BaseException as error:
        print(place, repr(error))
    signal.alarm(0)
"""


@needs_data("humaneval")
@pytest.mark.parametrize("families", ["rename", "distractor+rename", "rename+distractor"])
def test_canonical_solutions_pass_the_renamed_tests(families: str) -> None:
    asked = items("humaneval")
    after = perturb(asked, families, draw=1)
    programs = [(item.question + item.answer + "\n" + item.test, item.entry_point) for item in after]
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=json.dumps(programs), capture_output=True, text=True, timeout=300
    )
    assert done.stdout == ""
    assert done.returncode == 0


@needs_data("humaneval")
def test_code_keeps_its_form_and_loses_its_names() -> None:
    asked = items("humaneval")
    for old, new in zip(asked, perturb(asked, "rename"), strict=True):
        assert new.entry_point != old.entry_point
        assert not re.search(rf"\bdef {old.entry_point}\b", new.question)
        assert not re.search(rf"\b{old.entry_point}\(", new.question + new.answer + new.test)
        assert old.question.count("\n") == new.question.count("\n")
        assert old.answer.count("\n") == new.answer.count("\n")
        ast.parse(new.question)
    by_id = {item.item_id: item for item in perturb(asked, "rename")}
    assert "poly" not in by_id["humaneval/32"].test
    assert "encode_shift" not in by_id["humaneval/50"].question + by_id["humaneval/50"].test
    assert re.search(rf"function {by_id['humaneval/106'].entry_point} that takes", by_id["humaneval/106"].question)


def test_builtins_imports_keywords_and_attributes_keep_their_names() -> None:
    stub = "import math\n\n\ndef area(sides, key=None):\n    'Area of x.'\n"
    body = "    sides.sort(key=key)\n    sort = f'{sides}'\n    return len(sort) + math.pi\n"
    item = Item(
        "humaneval/0", traits("humaneval"), stub, body, entry_point="area", test="def check(candidate):\n    pass\n"
    )
    (new,) = perturb([item], "rename")
    assert "import math" in new.question
    assert ".sort(key=key)" in new.answer
    assert "f'{sides}'" in new.answer
    assert "return len(" in new.answer
    assert "def area(" not in new.question
    assert " sort = " not in new.answer


def test_what_loses_the_answer_is_noticed() -> None:
    old = story("Ann has 3 apples.", "3\n#### 3")
    assert FAMILY.lost(old, story("Eva has 4 apples.", "3\n#### 3"))
    assert FAMILY.lost(old, story("Eva has 3 apples.", "3\n#### 4"))
    assert FAMILY.lost(old, story("Eva has 3 pears.", "3\n#### 3")) == ""
    program = {"item_id": "humaneval/0", "traits": traits("humaneval")}
    code = Item(**program, question="def f(n):\n    'x'\n", answer="    return n + 1\n", entry_point="f")
    same = Item(**program, question="def g(m):\n    'x'\n", answer="    return m + 1\n", entry_point="g")
    assert FAMILY.lost(code, same) == ""
    assert FAMILY.lost(code, replace(same, answer="    return m + 2\n")) == "more than identifiers changed"
    assert FAMILY.lost(code, replace(same, answer="    return g + 1\n")) == "identifiers are not mapped one to one"
    assert FAMILY.lost(code, replace(same, entry_point="h"))
