"""Cues to think and not to, other wordings, suggested answers: on all items, and what each must never say."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from askeditems import SOURCES, items
from conftest import needs_data
from hypothesis import given
from hypothesis import strategies as st

from rveval.benchmarks import traits
from rveval.errors import Refused
from rveval.perturb import FAMILIES, How, Item, nothink, perturb, problem, rephrase, think

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


# All families of this group on all real items


@needs_all
@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("source", SOURCES)
def test_on_every_item_only_the_words_around_the_problem_change(name: str, source: str) -> None:
    if problem(name, traits(source)):
        assert (name, source) in {("thinksuffix", "humaneval"), ("hint", "humaneval")}
        return
    clean = items(source)
    for draw in range(2):
        for before, after in zip(clean, perturb(clean, name, draw=draw), strict=True):
            assert hold_still(after) == hold_still(before)
            assert after != before
            assert bool(after.left_alone) == (replace(after, left_alone=()) == before)
            assert not (after.is_code and after.after)


@needs_all
@pytest.mark.parametrize("name", OWN)
def test_nearly_every_item_is_changed(name: str) -> None:
    left = Counter(
        (source, reason)
        for source in SOURCES
        if not problem(name, traits(source))
        for after in perturb(items(source), name)
        for reason in after.left_alone
    )
    # Upstream, the right answers of three are no letters, so it is not known which of their options is wrong; of two
    # others, one has a single option, and one has the same text twice.
    reason = "no wrong answer that could be suggested"
    known = {("bbh_movie_recommendation", reason): 1, ("bbh_ruin_names", reason): 2, ("bbh_snarks", reason): 2}
    assert left == (known if name == "hint" else {})


def test_draws_and_seeds_differ() -> None:
    for name in OWN:
        assert len({repr(after) for after in draws(name, SUM)}) > 5
        of_seeds = {repr(perturb([SUM], name, seed=seed)) for seed in range(DRAWS)}
        # a wording is a draw there, the same for all items
        assert len(of_seeds) == 1 if name in ("thinkprefix", "thinksuffix") else len(of_seeds) > 5


# think and nothink


@pytest.mark.parametrize("name", ["think", "thinkprefix", "thinksuffix"])
@pytest.mark.parametrize("item", [SUM, CODE, TINY], ids=lambda item: item.item_id)
def test_every_cue_says_step_by_step(name: str, item: Item) -> None:
    if not problem(name, item.traits):
        for after in draws(name, item):
            assert len(after.before) + len(after.after) == 1
            assert "step by step" in added(item, after).lower()


def test_a_cue_stands_where_its_name_says() -> None:
    assert think.BEFORE[0] == "Think step by step."
    assert all(after.before and not after.after for after in draws("thinkprefix", SUM))
    assert all(after.after and not after.before for after in draws("thinksuffix", SUM))
    assert 0.2 < sum(bool(after.after) for after in draws("think", SUM)) / DRAWS < 0.8


def test_nothing_follows_code() -> None:
    assert not any(after.after for name in ("think", "nothink", "context") for after in draws(name, CODE))
    with pytest.raises(Refused, match="nothing may follow it"):
        perturb([CODE], "thinksuffix")


def test_the_tiny_models_get_the_cues_they_know() -> None:
    known = {("Let's think step by step.",), ("Think step by step.",)}
    assert {after.after for after in draws("thinksuffix", TINY)} == known
    assert {after.after for after in draws("think", TINY)} == known | {()}


@pytest.mark.parametrize("pair", ["think+nothink", "nothink+thinkprefix", "think+thinksuffix", "nothink+context"])
def test_what_contradicts_or_repeats_does_not_compose(pair: str) -> None:
    assert "does not compose" in problem(pair, traits("gsm8k"))


def test_nothink_asks_for_the_answer_at_once_and_gives_no_cue() -> None:
    for wording in (*nothink.PROSE, *nothink.CODE):
        assert "step" not in wording.lower()
        assert "think" not in wording.lower()
        assert re.search(r"answer|code", wording.lower())
    assert {after.after[0] for after in draws("nothink", SUM, 100)} == set(nothink.PROSE)
    assert {after.before[0] for after in draws("nothink", CODE, 100)} == set(nothink.CODE)


# rephrase


@pytest.mark.parametrize("wordings", [rephrase.FORM, rephrase.CODE, rephrase.TINY])
def test_there_are_ten_other_wordings_without_a_cue_to_reason(wordings: tuple[str, ...]) -> None:
    assert len(set(wordings)) == len(wordings) >= 10
    assert [wording for wording in wordings if CUES.search(wording)] == []


@given(what=st.text(min_size=1), seed=st.integers())
def test_a_rephrased_instruction_asks_for_the_same(what: str, seed: int) -> None:
    clean = f"End with a line that holds #### and then {what}."
    after = FAMILIES["rephrase"].change(replace(SUM, instruction=clean), Random(seed), How()).instruction
    assert after != clean
    assert after.count("####") >= 1
    assert after.rstrip(".?").endswith(what.rstrip(".?"))
    assert after.index("####") < len(after) - len(what)


def test_all_wordings_are_drawn_and_never_the_clean_one() -> None:
    for item, wordings in ((SUM, rephrase.FORM), (CODE, rephrase.CODE), (TINY, rephrase.TINY)):
        found = {after.instruction for after in draws("rephrase", item, 200)}
        assert len(found) == len(wordings)
        assert item.instruction not in found


@pytest.mark.parametrize("instruction", ["END WITH A LINE that holds #### and then X.", "Do something.", ""])
def test_an_instruction_that_it_does_not_know_is_left_alone(instruction: str) -> None:
    (after,) = perturb([replace(SUM, instruction=instruction)], "rephrase")
    assert (after.instruction, len(after.left_alone)) == (instruction, 1)


# Compositions


@needs_all
@pytest.mark.parametrize("source", ["gsm8k", "sciq", "humaneval", "bbh_navigate", "bbh_hyperbaton", "tiny_choice"])
@pytest.mark.parametrize(
    "families",
    ["think+context", "context+think", "rephrase+nothink", "nothink+rephrase", "hint+context", "context+hint",
     "context+rephrase+think", "hint+rephrase+thinkprefix", "hint+nothink"],
)  # fmt: skip
def test_compositions_keep_the_answer_and_add_all_their_words(source: str, families: str) -> None:
    if problem(families, traits(source)):
        assert source == "humaneval"
        assert "hint" in families
        return
    for before, after in zip(items(source), perturb(items(source), families), strict=True):
        assert hold_still(after) == hold_still(before)
        assert not after.left_alone
        assert ("step by step" in added(before, after).lower()) == ("think" in families.replace("nothink", ""))
        assert (after.instruction != before.instruction) == ("rephrase" in families)
