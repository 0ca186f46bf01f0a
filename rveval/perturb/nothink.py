"""A request to answer at once and explain nothing."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from rveval.perturb.data import load
from rveval.perturb.family import Family
from rveval.perturb.item import How, Item

PROSE: list[str] = load("nothink")["prose"]
CODE: list[str] = load("nothink")["code"]


def nothink(item: Item, rng: Random, how: How) -> Item:
    """A request to answer at once and explain nothing: after the question, before it for code.

    >>> from rveval.perturb import Traits
    >>> nothink(Item("story/0", Traits("story"), "How many are left?", "#### 4"), Random(0), How()).after
    ('Skip the derivation and state the answer directly.',)
    """
    if item.is_code:
        return replace(item, before=(*item.before, rng.choice(CODE)))
    return replace(item, after=(*item.after, rng.choice(PROSE)))


FAMILIES = (
    Family(
        "nothink", "a request to answer at once", nothink, rank=20, decides="cue", steps="forbids", on_any_prompt=True
    ),
)
