"""Distractors: they add and change nothing else, share nothing with the problem, and nothing can take them in."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest
from askeditems import BBH, items
from conftest import needs_data
from hypothesis import given
from hypothesis import strategies as st

from rveval.benchmarks import traits
from rveval.perturb import FAMILIES, Item, perturb
from rveval.perturb.distractor_places import breaks, places, put

FAMILY = FAMILIES["distractor"]
TINY = ("tiny_math", "tiny_choice", "tiny_long", "tiny_order")
GATHERING = re.compile(
    r"\b(all|total|altogether|they|them|their|together|combined|each|everyone|both)\b", re.IGNORECASE
)
PRONOUN = re.compile(r"(he|she|it|they|his|her|its|their|this|that|these|those)\b", re.IGNORECASE)
COMMON_WORDS = """a an the is has was are had by at in on it of with his her that to from for and old lives number years
year knows takes about"""
COMMON = frozenset(COMMON_WORDS.split())


def added(old: str, new: str) -> tuple[str, str]:
    """What one insertion put in, and what of the old text comes after it."""
    front = next(at for at in range(len(old), -1, -1) if new.startswith(old[:at]) and new.endswith(old[at:]))
    # The longest front may have eaten a common beginning of the insertion and what follows: give it back.
    cut = max((at for at in (0, *breaks(old), len(old)) if at <= front), default=0)
    if not (new.startswith(old[:cut]) and new.endswith(old[cut:])):
        cut = front
    return new[cut : len(new) - len(old) + cut].strip(), old[cut:]


def content(text: str) -> set[str]:
    return {word.lower().rstrip("s") for word in re.findall(r"[A-Za-z]+", text) if word.lower() not in COMMON}


@needs_data("gsm8k")
@pytest.mark.parametrize("draw", [0, 1, 2])
def test_a_story_is_all_there_and_shares_nothing_with_what_is_added(draw: int) -> None:
    asked = items("gsm8k")
    where: Counter[str] = Counter()
    for old, new in zip(asked, perturb(asked, "distractor", draw=draw), strict=True):
        aside, after = added(old.question, new.question)
        assert re.fullmatch(r"[A-Z][a-z]+ [a-z][^.]*\d[^.]*\.", aside), aside
        assert not content(aside) & content(old.question), (aside, old.question)
        where["after" if not after else "before" if after == old.question else "inside"] += 1
        if after:
            assert not GATHERING.search(after), (aside, after)
            assert not PRONOUN.match(after), (aside, after)
    assert sum(where.values()) == 1319
    assert where["inside"] > 200
    assert where["before"] > 50


@needs_data("gsm8k")
def test_no_number_of_a_distractor_is_the_problems_or_its_answers() -> None:
    asked = items("gsm8k")
    for old, new in zip(asked, perturb(asked, "distractor"), strict=True):
        number = re.findall(r"\d+", added(old.question, new.question)[0])
        assert len(number) == 1
        assert not set(number) & set(re.findall(r"\d+", f"{old.question} {old.answer}"))


@needs_data("gsm8k")
def test_the_strength_says_how_many() -> None:
    asked = items("gsm8k")[:200]
    for strength, count in ((0.2, 1), (0.34, 2), (0.7, 3), (1.0, 3)):
        for old, new in zip(asked, perturb(asked, "distractor", strength=strength), strict=True):
            assert len(re.findall(r"\d+", new.question)) == len(re.findall(r"\d+", old.question)) + count


@needs_data("bbh")
@pytest.mark.parametrize("subtask", BBH)
def test_bbh_is_asked_as_it_was_with_a_sentence_outside(subtask: str) -> None:
    asked = items(f"bbh_{subtask}")
    sides: Counter[str] = Counter()
    for old, new in zip(asked, perturb(asked, "distractor"), strict=True):
        assert (new.question, new.options, new.answer) == (old.question, old.options, old.answer)
        (aside,) = (*new.before, *new.after)
        assert not content(aside) & content(" ".join((old.question, *old.options)))
        sides["before" if new.before else "after"] += 1
    assert set(sides) == {"before", "after"}


@needs_data("sciq")
def test_sciq_keeps_passage_and_options_and_gets_a_sentence() -> None:
    asked = items("sciq")
    for old, new in zip(asked, perturb(asked, "distractor"), strict=True):
        assert (new.support, new.options, new.gold) == (old.support, old.options, old.gold)
        assert new.question.endswith(old.question)
        inside = new.question.removesuffix(old.question).strip()
        aside = "".join((*new.before, *new.after, inside))
        assert aside
        assert not content(aside) & content(" ".join((old.question, *old.options))), (aside, old)


@pytest.mark.parametrize("source", TINY)
def test_no_pronoun_of_a_tiny_problem_can_mean_the_person(source: str) -> None:
    asked = items(source)
    for old, new in zip(asked, perturb(asked, "distractor"), strict=True):
        aside, after = added(old.question, new.question)
        name = aside.split()[0]
        assert name in ("Ruth", "Ines", "Nora", "Omar", "Karl")
        assert not (re.search(r"\bShe\b", after) and name in ("Ruth", "Ines", "Nora"))
        assert not (re.search(r"\bHe\b", after) and name in ("Omar", "Karl"))
        assert not (re.search(r"\bthem\b", after) and "films" in aside)
        if source != "tiny_order":
            assert old.question.partition(". ")[2] == after


@needs_data("humaneval")
@pytest.mark.parametrize("strength", [None, 1.0])
def test_code_gets_comments_or_helpers_that_nothing_calls(strength: float | None) -> None:
    asked = items("humaneval")
    kinds: Counter[str] = Counter()
    for old, new in zip(asked, perturb(asked, "distractor", strength=strength), strict=True):
        tree = ast.parse(new.question)
        helpers = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} - {
            node.name for node in ast.parse(old.question).body if isinstance(node, ast.FunctionDef)
        }
        kinds["helper" if helpers else "comment"] += 1
        assert tree.body[-1].name == old.entry_point  # type: ignore[attr-defined]
        assert len(new.question) > len(old.question)
        assert (new.answer, new.test, new.entry_point) == (old.answer, old.test, old.entry_point)
        called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not helpers & called
        text, _ = added(old.question, new.question)
        names = set(re.findall(r"\b[A-Z][a-z]+\b", text)) - {"What", "Cabins", "Buckets", "Chairs", "Seats"}
        assert names
        assert not any(name in old.question + old.answer + old.test for name in names)
    assert set(kinds) == {"helper", "comment"}


@given(st.lists(st.sampled_from(["Tom has 3 apples.", "He buys 2.", "It is 4.", "Ann left.", "All go."]), min_size=1))
def test_places_never_stand_before_what_could_take_in(sentences: list[str]) -> None:
    text = " ".join(sentences)
    for place in places(text):
        rest = text[place.at :]
        assert not rest or not re.match(r"(He|It|All)\b", rest)
        assert "All" not in rest
        assert put(text, [(place.at, "X.")]).replace("X.", "").split() == text.split()


def test_a_change_of_the_problem_is_noticed() -> None:
    old = Item("gsm8k/0", traits("gsm8k"), "Ann has 3 apples. How many?", "#### 3")
    other = Item("gsm8k/0", traits("gsm8k"), "Ruth is 5. Ann has 4 apples. How many?", "#### 3")
    assert FAMILY.lost(old, other)
    assert FAMILY.lost(old, Item("gsm8k/0", traits("gsm8k"), "Ann has 3 apples. How many?", "#### 4"))
