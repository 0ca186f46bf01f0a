"""Options in another order, or called by other labels.

The right option is followed by its position, never by its text: there are items in which two options read the same.
`Item.answer` stays what upstream says (it may be a letter of the clean order); who scores goes by `gold` and `labels`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from rveval.perturb.family import Change, Family
from rveval.perturb.item import How, Item, Traits

NO_OPTIONS = "the right answer is none of the options"
ONE_ORDER = "the options have only one order"
SAME_ORDER = "this order of the options reads the same"
THERE_ALREADY = "the right option stands there already"
POINTS = "the text points at an option by its place or label"
NO_LABELS = "every kind of label could be mistaken for an option"

# "all of the above", "see below", "the first two options"; not "high above sea level", "in the first place".
_PLACE = re.compile(
    r"\bof the (?:above|below|following|previous|preceding|former|latter|other)\b|\bsee (?:above|below)\b"
    r"|\b(?:above|below|first|second|third|last|previous|other|these|those) (?:two |three )?"
    r"(?:options?|choices?|answers?)\b",
    re.IGNORECASE,
)
_NUMBER_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty
"""
_ROMAN = re.compile(r"[ivxIVX]+")
_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper().replace("O", "").replace("I", "")  # these two are taken for digits


def shuffle(item: Item, rng: Random, how: How) -> Item:
    """The options in a random order that reads otherwise than before, all such orders alike likely.

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


def relabel(item: Item, rng: Random, how: How) -> Item:
    """Other labels: 1 2 3, i ii iii, a b c, or letters of the rest of the alphabet; the kind is drawn for each item.

    No kind is taken whose labels could be mistaken for an option: no digits or Roman numerals where options hold
    numbers, no letters where an option is one. Where the labels are no letters any more, nothing asks for a letter.

    >>> item = Item("x/0", Traits(), "What?", "red", ("red", "blue"), ("A", "B"), 0, instruction="Say the letter.")
    >>> changed = relabel(item, Random(2), How())
    >>> changed.labels, changed.instruction
    (('1', '2'), 'Say the label.')
    """
    if item.gold is None:
        return item.leave(NO_OPTIONS)
    if _names_label(item):
        return item.leave(POINTS)
    kinds = _kinds(item, rng)
    if not kinds:
        return item.leave(NO_LABELS)
    labels = rng.choice(kinds)
    if _are_letters(labels):
        return replace(item, labels=labels)
    return replace(item, labels=labels, instruction=_no_letter(item.instruction))


def _fixed(item: Item) -> str:
    """Why no other order of the item's options can be shown; "" where one can."""
    if item.gold is None:
        return NO_OPTIONS
    if len(set(item.options)) < 2:
        return ONE_ORDER
    return POINTS if _names_label(item) or any(map(_PLACE.search, item.options)) else ""


def _names_label(item: Item) -> bool:
    """Whether the question or an option speaks of options by their labels: "(A)", "option B", "both A and C"."""
    label = f"(?:{'|'.join(map(re.escape, item.labels))})"
    named = re.compile(rf"\({label}\)|\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer) {label}\b")
    several = re.compile(
        rf"\b(?:[Bb]oth|[Ee]ither|[Nn]either) {label} (?:and|or|nor) {label}\b|^{label} (?:and|or) {label}$"
    )
    return any(map(named.search, (item.question, *item.options))) or any(map(several.search, item.options))


def _ordered(item: Item, order: Sequence[int]) -> Item:
    """The options so that place i shows what stood at `order[i]`; the labels stay where they are."""
    gold = None if item.gold is None else order.index(item.gold)
    return replace(item, options=tuple(item.options[place] for place in order), gold=gold)


def _unless_same(item: Item, order: Sequence[int]) -> Item:
    """With equal texts an order can read like the one before; then the right label must stay, too."""
    changed = _ordered(item, order)
    return item.leave(SAME_ORDER) if changed.options == item.options else changed


def _kinds(item: Item, rng: Random) -> list[tuple[str, ...]]:
    """One list of labels for each kind that fits the item's options."""
    count = len(item.options)
    bare = [re.sub(r"\W", "", option) for option in item.options]
    numbers = any(re.search(r"\d", option) for option in item.options) or any(
        text.lower() in _NUMBER_WORDS.split() for text in bare
    )
    kinds = []
    if not numbers:
        kinds.append(tuple(str(place + 1) for place in range(count)))
        if not any(map(_ROMAN.fullmatch, bare)):
            kinds.append(tuple("x" * ((place + 1) // 10) + _ONES[(place + 1) % 10] for place in range(count)))
    if count <= len(_UPPER) and not any(len(text) == 1 and text.isalpha() for text in bare):
        kinds += [tuple(_LOWER[:count]), _unusual(item.labels, rng)]
    said = "\n".join((item.support, item.question, *item.options))
    return [kind for kind in kinds if kind != item.labels and not any(f"({label})" in said for label in kind)]


def _unusual(labels: Sequence[str], rng: Random) -> tuple[str, ...]:
    """Upper-case letters of none of the labels; where those run out, no letter where it stood."""
    fresh = [letter for letter in _UPPER if letter not in labels]
    if len(fresh) >= len(labels):
        return tuple(rng.sample(fresh, len(labels)))
    while True:  # more than one draw in three has no letter in its old place
        drawn = tuple(rng.sample(_UPPER, len(labels)))
        if all(new != old for new, old in zip(drawn, labels, strict=True)):
            return drawn


def _are_letters(labels: Sequence[str]) -> bool:
    """Whether "letter" is a word for these labels: "3" is none, nor are "i ii iii"."""
    return all(len(label) == 1 and label.isalpha() for label in labels) and labels[0] != "i"


def _no_letter(text: str) -> str:
    return re.sub(r"\b([Ll])etter(s?)\b", r"\1abel\2", text)


def _why_not(traits: Traits) -> str:
    return "" if traits.lettered else "it has no lettered options"


def _order_lost(before: Item, after: Item) -> str:
    """Same texts, the right one still right, nothing else touched."""
    if sorted(before.options) != sorted(after.options):
        return "the options are not the same"
    if _gold_text(before) != _gold_text(after):
        return "the right option has another text"
    kept = replace(after, options=before.options, gold=before.gold, left_alone=before.left_alone)
    return "" if kept == before else "more changed than the order of the options"


def _labels_lost(before: Item, after: Item) -> str:
    """Each option has one label of its own, and nothing but labels and the word for them was touched."""
    if len({label.lower() for label in after.labels}) != len(before.options):
        return "the labels are not one for each option"
    kept = replace(after, labels=before.labels, instruction=before.instruction, left_alone=before.left_alone)
    if after.instruction not in (before.instruction, _no_letter(before.instruction)):
        return "more of the instruction changed than the word for the labels"
    return "" if kept == before else "more changed than the labels"


def _gold_text(item: Item) -> str | None:
    if item.gold is None:
        return None
    return item.options[item.gold] if 0 <= item.gold < len(item.options) else None


def _reorders(name: str, summary: str, change: Change, rank: int, variant_of: str = "") -> Family:
    return Family(
        name,
        summary,
        change,
        _why_not,
        _order_lost,
        rank=rank,
        decides="order",
        variant_of=variant_of,
        on_any_prompt=True,
        in_tiny_training=True,
    )


FAMILIES: tuple[Family, ...] = (
    _reorders("shuffle", "options in a random order", shuffle, 50),
    _reorders("rotate", "options turned by one place more with every draw", rotate, 51, "shuffle"),
    _reorders("goldslot", "the right option moved to the place of the draw's number", goldslot, 52, "shuffle"),
    Family(
        "relabel",
        "other labels: 1-4, i-iv, a-d, unusual letters",
        relabel,
        _why_not,
        _labels_lost,
        rank=60,
        decides="labels",
        on_any_prompt=True,
    ),
)
