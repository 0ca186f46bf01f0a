"""A cue to think step by step, and its variants that stand always before or always after the question."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from rveval.perturb.data import load
from rveval.perturb.family import Change, Family
from rveval.perturb.item import How, Item, Traits

_DATA = load("think")
BEFORE: list[str] = _DATA["before"]
AFTER: list[str] = _DATA["after"]
AFTER_TINY: list[str] = _DATA["after_tiny"]


def think(item: Item, rng: Random, how: How) -> Item:
    """A cue to think step by step, before or after the question; before it for code, which nothing may follow.

    >>> item = think(Item("story/0", Traits("story"), "How many are left?", "#### 4"), Random(6), How())
    >>> item.before, item.after
    ((), ('Think step by step.',))
    """
    if item.is_code or rng.random() < 0.5:
        return replace(item, before=(*item.before, rng.choice(BEFORE)))
    return replace(item, after=(*item.after, rng.choice(_after(item))))


def thinkprefix(item: Item, rng: Random, how: How) -> Item:
    """A cue to think step by step, before the question: the same for all items, another one in every draw.

    Draw 0 is the paper's own wording (arXiv 2509.01363).

    >>> thinkprefix(Item("story/0", Traits("story"), "How many are left?", "#### 4"), Random(3), How()).before
    ('Think step by step.',)
    """
    return replace(item, before=(*item.before, BEFORE[how.draw % len(BEFORE)]))


def thinksuffix(item: Item, rng: Random, how: How) -> Item:
    """A cue to think step by step, after the question: the same for all items, another one in every draw.

    >>> thinksuffix(Item("story/0", Traits("story"), "How many are left?", "#### 4"), Random(0), How()).after
    ("Let's think step by step.",)
    """
    wordings = _after(item)
    return replace(item, after=(*item.after, wordings[how.draw % len(wordings)]))


def _after(item: Item) -> list[str]:
    return AFTER_TINY if item.traits.for_tiny_models else AFTER


def _not_after_code(traits: Traits) -> str:
    return "the model continues the stub, and nothing may follow it" if traits.kind == "code" else ""


def _cue(name: str, summary: str, change: Change, **fields: Any) -> Family:
    return Family(name, summary, change, decides="cue", steps="asks", on_any_prompt=True, **fields)


FAMILIES = (
    _cue("think", "a cue to think step by step", think, rank=10, in_tiny_training=True),
    _cue("thinkprefix", "that cue, always before the question", thinkprefix, rank=11, variant_of="think"),
    _cue(
        "thinksuffix",
        "that cue, always after the question",
        thinksuffix,
        why_not=_not_after_code,
        rank=12,
        variant_of="think",
        in_tiny_training=True,
    ),
)
