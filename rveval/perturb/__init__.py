"""Families of perturbations: pure functions from an item to an item of the same id, one file a kind of change.

`perturb` applies one family or several to a list of items; `problem` says why a family does not apply. Law 5 of the
design: the generator of an item is seeded by `f"{seed}:{family}:{draw}:{item_id}"` and by nothing else, so an item has
the same text in whatever order, subset or process it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from rveval.errors import Problem, Refused
from rveval.perturb.families import FAMILIES
from rveval.perturb.family import Family
from rveval.perturb.item import How, Item

__all__ = ["FAMILIES", "UPSTREAM", "Family", "How", "Item", "names", "perturb", "problem"]

CLEAN = "clean"
UPSTREAM = "lm_eval"
"""The source of items of lm-eval's own tasks; which families apply to those, `rveval.upstream` says."""


def names(families: str) -> list[str]:
    """The families of a composition, in the order they are applied.

    >>> names("typos+distractor"), names("clean")
    (['typos', 'distractor'], [])
    """
    return [] if families in ("", CLEAN) else families.split("+")


def problem(families: str, source: str, *, shows_steps: bool = False) -> str:
    """Why these families can't be applied to a benchmark; "" where they can.

    Args:
        families: one family, or several joined by "+".
        source: the benchmark, with BBH's subtask ("bbh_word_sorting").
        shows_steps: whether demonstrations with written steps stand before the question.
    """
    asked = names(families)
    if asked and source.startswith("stock_"):
        return "lm-eval's own prompts are kept as they are: no family applies to them"
    for place, name in enumerate(asked):
        if name not in FAMILIES:
            return f"there is no family {name}; there are {', '.join(FAMILIES)}"
        if asked.count(name) > 1:
            return f"{name} is named twice"
        if source != UPSTREAM and (why := FAMILIES[name].why_not(source)):
            return f"{name} does not apply to {source}: {why}"
        if clash := FAMILIES[name].not_with.intersection(asked):
            return f"{name} does not compose with {', '.join(sorted(clash))}"
        if late := FAMILIES[name].only_after.intersection(asked[place + 1 :]):
            return f"{name} must come after {', '.join(sorted(late))}: in the other order one would spoil the other"
        if shows_steps and name == "nothink":
            return "nothink asks for no steps, and the demonstrations show steps; set num_fewshot=0"
    return ""


def perturb(
    items: Sequence[Item], families: str, *, seed: int = 0, draw: int = 0, strength: float | None = None
) -> list[Item]:
    """The items under one family, or under several from left to right; none dropped, moved or repeated.

    Raises:
        Refused: a family that does not apply, a strength out of range or that no family takes, or an item whose right
            answer did not survive (an error in the family, named with the item).
    """
    asked = names(families)
    for source in dict.fromkeys(item.source for item in items):
        if why := problem(families, source):
            raise Refused(Problem(why, where="suite.families"))
    if strength is not None:
        _check_strength(asked, strength)
    return [_one(item, asked, seed, How(draw, strength)) for item in items]


def _one(item: Item, asked: Sequence[str], seed: int, how: How) -> Item:
    for name in asked:
        family = FAMILIES[name]
        changed = family.change(item, Random(f"{seed}:{name}:{how.draw}:{item.item_id}"), how)
        wrong = "its id changed" if changed.item_id != item.item_id else family.lost(item, changed)
        if wrong:
            raise Refused(Problem(f"the right answer did not survive: {wrong}", where=f"{name}, {item.item_id}"))
        item = changed
    return item


def _check_strength(asked: Sequence[str], strength: float) -> None:
    if not 0 < strength <= 1:
        raise Refused(Problem("a strength out of range", "suite.strength", "above 0 and at most 1", str(strength)))
    if not any(FAMILIES[name].has_strength for name in asked):
        takers = ", ".join(name for name, family in FAMILIES.items() if family.has_strength)
        found = "+".join(asked) or CLEAN
        raise Refused(Problem("no family here takes a strength", "suite.strength", takers, found))
