"""Families of perturbations: pure functions from an item to an item of the same id, one file a family.

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
from rveval.perturb.item import UNKNOWN, How, Item, Traits

__all__ = ["CLEAN", "FAMILIES", "UNKNOWN", "Family", "How", "Item", "Traits", "names", "perturb", "problem"]

CLEAN = "clean"


def names(families: str) -> list[str]:
    """The families of a composition, in the order they are applied.

    >>> names("typos+distractor"), names("clean")
    (['typos', 'distractor'], [])
    """
    return [] if families in ("", CLEAN) else families.split("+")


def problem(families: str, traits: Traits, *, of: str = "these items", shots: bool = False) -> str:
    """Why these families can't be applied to items; "" where they can.

    >>> problem("shuffle", Traits("story"), of="gsm8k")
    'shuffle does not apply to gsm8k: it has no lettered options'

    Args:
        families: one family, or several joined by "+".
        traits: those of the items.
        of: what the items are called.
        shots: whether demonstrations stand before the question.
    """
    composed = names(families)
    if composed and traits.fixed == "prompt":
        return f"the prompts of {of} are kept as they are: no family applies to them"
    for place, name in enumerate(composed):
        if name not in FAMILIES:
            return f"there is no family {name}; there are {', '.join(FAMILIES)}"
        family = FAMILIES[name]
        if composed.count(name) > 1:
            return f"{name} is named twice"
        if why := family.why_not(traits) or _not_on_unknown(family, traits):
            return f"{name} does not apply to {of}: {why}"
        others = [FAMILIES[other] for other in composed if other in FAMILIES and other != name]
        if clash := sorted(other.name for other in others if _clash(family, other)):
            return f"{name} does not compose with {', '.join(clash)}"
        later = [FAMILIES[other] for other in composed[place + 1 :] if other in FAMILIES]
        if late := sorted(other.name for other in later if other.decides in family.after):
            return f"{name} must come after {', '.join(late)}: in the other order one would spoil the other"
        if shots and traits.worked_examples and family.steps == "forbids":
            return f"{name} asks for no steps, and the demonstrations show steps; set num_fewshot=0"
    return ""


def _not_on_unknown(family: Family, traits: Traits) -> str:
    if traits.kind != "unknown" or family.on_any_prompt:
        return ""
    return "nobody has said yet that it can be used on a prompt that is not rveval's"


def _clash(one: Family, other: Family) -> bool:
    return bool(one.decides and one.decides == other.decides) or {one.steps, other.steps} == {"shows", "forbids"}


def perturb(
    items: Sequence[Item], families: str, *, seed: int = 0, draw: int = 0, strength: float | None = None
) -> list[Item]:
    """The items under one family, or under several from left to right; none dropped, moved or repeated.

    Raises:
        Refused: a family that does not apply, a strength out of range or that no family takes, or an item whose right
            answer did not survive (an error in the family, named with the item).
    """
    composed = names(families)
    for traits, first in {item.traits: item for item in reversed(items)}.items():
        if why := problem(families, traits, of=first.item_id):
            raise Refused(Problem(why, where="suite.families"))
    if strength is not None:
        _check_strength(composed, strength)
    return [_perturbed(item, composed, seed, How(draw, strength)) for item in items]


def _perturbed(item: Item, composed: Sequence[str], seed: int, how: How) -> Item:
    for name in composed:
        family = FAMILIES[name]
        changed = family.change(item, Random(f"{seed}:{name}:{how.draw}:{item.item_id}"), how)
        wrong = "its id changed" if changed.item_id != item.item_id else family.lost(item, changed)
        if wrong:
            raise Refused(Problem(f"the right answer did not survive: {wrong}", where=f"{name}, {item.item_id}"))
        item = changed
    return item


def _check_strength(composed: Sequence[str], strength: float) -> None:
    if not 0 < strength <= 1:
        raise Refused(Problem("a strength out of range", "suite.strength", "above 0 and at most 1", str(strength)))
    if not any(FAMILIES[name].has_strength for name in composed):
        takers = ", ".join(name for name, family in FAMILIES.items() if family.has_strength)
        found = "+".join(composed) or CLEAN
        raise Refused(Problem("no family here takes a strength", "suite.strength", takers, found))
