"""Options in another order: drawn, turned, or with the right one at a given place.

The right option is followed by its position, never by its text: there are items in which two options read the same.
`Item.answer` stays what upstream says (it may be a letter of the clean order); who scores goes by `gold` and `labels`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from rveval.perturb.family import Change, Family
from rveval.perturb.item import How, Item
from rveval.perturb.options import NO_OPTIONS, POINTS, names_label, why_not

ONE_ORDER = "the options have only one order"
SAME_ORDER = "this order of the options reads the same"
THERE_ALREADY = "the right option stands there already"

# "all of the above", "see below", "the first two options"; not "high above sea level", "in the first place".
_PLACE = re.compile(
    r"\bof the (?:above|below|following|previous|preceding|former|latter|other)\b|\bsee (?:above|below)\b"
    r"|\b(?:above|below|first|second|third|last|previous|other|these|those) (?:two |three )?"
    r"(?:options?|choices?|answers?)\b",
    re.IGNORECASE,
)


def shuffle(item: Item, rng: Random, how: How) -> Item:
    """The options in a random order that reads otherwise than before, all such orders alike likely.

    >>> from rveval.perturb import Traits
    >>> item = Item("x/0", Traits(lettered=True), "What?", "red", ("red", "blue"), ("A", "B"), gold=0)
    >>> changed = shuffle(item, Random(0), How())
    >>> changed.options, changed.labels, changed.gold
    (('blue', 'red'), ('A', 'B'), 1)
    """
    if why := _fixed(item):
        return item.leave(why)
    while True:  # at least half of all orders read otherwise, since two options do
        changed = _ordered(item, rng.sample(range(len(item.options)), len(item.options)))
        if changed.options != item.options:
            return changed


def rotate(item: Item, rng: Random, how: How) -> Item:
    """The options turned by one place more with every draw: draws 0 to n-2 give every rotation but the clean order.

    >>> from rveval.perturb import Traits
    >>> item = Item("x/0", Traits(lettered=True), "What?", "red", ("red", "blue", "green"), ("A", "B", "C"), gold=0)
    >>> rotate(item, Random(0), How(draw=0)).options, rotate(item, Random(0), How(draw=1)).options
    (('blue', 'green', 'red'), ('green', 'red', 'blue'))
    """
    if why := _fixed(item):
        return item.leave(why)
    count = len(item.options)
    turn = how.draw % (count - 1) + 1
    return _unless_same(item, [(place + turn) % count for place in range(count)])


def goldslot(item: Item, rng: Random, how: How) -> Item:
    """The right option moved to the place of the draw's number, the others in the order they had.

    >>> from rveval.perturb import Traits
    >>> item = Item("x/0", Traits(lettered=True), "What?", "red", ("red", "blue", "green"), ("A", "B", "C"), gold=0)
    >>> goldslot(item, Random(0), How(draw=2)).options
    ('blue', 'green', 'red')
    """
    if (why := _fixed(item)) or item.gold is None:
        return item.leave(why)
    slot = how.draw % len(item.options)
    if slot == item.gold:
        return item.leave(THERE_ALREADY)
    order = [place for place in range(len(item.options)) if place != item.gold]
    order.insert(slot, item.gold)
    return _unless_same(item, order)


def _fixed(item: Item) -> str:
    """Why no other order of the item's options can be shown; "" where one can."""
    if item.gold is None:
        return NO_OPTIONS
    if len(set(item.options)) < 2:
        return ONE_ORDER
    return POINTS if names_label(item) or any(map(_PLACE.search, item.options)) else ""


def _ordered(item: Item, order: Sequence[int]) -> Item:
    """The options so that place i shows what stood at `order[i]`; the labels stay where they are."""
    gold = None if item.gold is None else order.index(item.gold)
    return replace(item, options=tuple(item.options[place] for place in order), gold=gold)


def _unless_same(item: Item, order: Sequence[int]) -> Item:
    """With equal texts an order can read like the one before; then the right label must stay, too."""
    changed = _ordered(item, order)
    return item.leave(SAME_ORDER) if changed.options == item.options else changed


def _lost(before: Item, after: Item) -> str:
    """Same texts, the right one still right, nothing else touched."""
    if sorted(before.options) != sorted(after.options):
        return "the options are not the same"
    if _gold_text(before) != _gold_text(after):
        return "the right option has another text"
    kept = replace(after, options=before.options, gold=before.gold, left_alone=before.left_alone)
    return "" if kept == before else "more changed than the order of the options"


def _gold_text(item: Item) -> str | None:
    if item.gold is None:
        return None
    return item.options[item.gold] if 0 <= item.gold < len(item.options) else None


def _family(name: str, summary: str, change: Change, rank: int, variant_of: str = "") -> Family:
    return Family(
        name,
        summary,
        change,
        why_not,
        _lost,
        rank=rank,
        decides="order",
        variant_of=variant_of,
        on_any_prompt=True,
        in_tiny_training=True,
    )


FAMILIES = (
    _family("shuffle", "options in a random order", shuffle, 50),
    _family("rotate", "options turned by one place more with every draw", rotate, 51, "shuffle"),
    _family("goldslot", "the right option moved to the place of the draw's number", goldslot, 52, "shuffle"),
)
