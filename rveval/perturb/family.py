"""What a family is: what it is called, what it does, where it applies, and what must survive it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from rveval.perturb.item import How, Item

Change = Callable[[Item, Random, How], Item]


REBUILT = frozenset(("harder",))
"""Families that build a problem anew from its own sentences, and so have to come before what changes those."""


def applies_to_all(source: str) -> str:
    """For `why_not`: no reason against any benchmark."""
    return ""


def same_answer(before: Item, after: Item) -> str:
    """For `lost`: nothing that decides what is right may have changed at all."""
    for name in ("answer", "options", "labels", "gold", "entry_point", "test"):
        if getattr(before, name) != getattr(after, name):
            return f"{name} changed"
    return ""


@dataclass(frozen=True)
class Family:
    """One way to change a prompt.

    Args:
        name: as in task names: lower-case letters only.
        summary: what it does, in half a sentence.
        change: from an item to the changed item; draws from the given generator only.
        why_not: for a source, why the family does not apply there; "" where it does.
        lost: for an item before and after, what of the right answer was lost; "" where it survived.
        has_strength: whether `How.strength` means something to it.
        not_with: families it does not compose with.
        only_after: families that it composes with only where they come before it: a hint that names a label is wrong
            once the labels change.
        variant_of: the family that it is a part of ("think" for one that only knows prefixes); the suites' word `all`
            stands for the families that are no variants.
    """

    name: str
    summary: str
    change: Change
    why_not: Callable[[str], str] = applies_to_all
    lost: Callable[[Item, Item], str] = same_answer
    has_strength: bool = False
    not_with: frozenset[str] = frozenset()
    only_after: frozenset[str] = frozenset()
    variant_of: str = ""
