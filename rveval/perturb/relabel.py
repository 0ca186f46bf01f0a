"""Options called by other labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from rveval.perturb import text
from rveval.perturb.family import Family
from rveval.perturb.item import How, Item
from rveval.perturb.options import NO_OPTIONS, POINTS, names_label, why_not

NO_LABELS = "every kind of label could be mistaken for an option"

_NUMBERS = frozenset((*text.ONES, "twenty"))
_ROMAN = re.compile(r"[ivxIVX]+")
_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper().replace("O", "").replace("I", "")  # these two are taken for digits


def relabel(item: Item, rng: Random, how: How) -> Item:
    """Other labels: 1 2 3, i ii iii, a b c, or letters of the rest of the alphabet; the kind is drawn for each item.

    No kind is taken whose labels could be mistaken for an option: no digits or Roman numerals where options hold
    numbers, no letters where an option is one. Where the labels are no letters any more, nothing asks for a letter.

    >>> from rveval.perturb import Traits
    >>> item = Item("x/0", Traits(), "What?", "red", ("red", "blue"), ("A", "B"), 0, instruction="Say the letter.")
    >>> changed = relabel(item, Random(2), How())
    >>> changed.labels, changed.instruction
    (('1', '2'), 'Say the label.')
    """
    if item.gold is None:
        return item.leave(NO_OPTIONS)
    if names_label(item):
        return item.leave(POINTS)
    kinds = _kinds(item, rng)
    if not kinds:
        return item.leave(NO_LABELS)
    labels = rng.choice(kinds)
    if _are_letters(labels):
        return replace(item, labels=labels)
    return replace(item, labels=labels, instruction=_no_letter(item.instruction))


def _kinds(item: Item, rng: Random) -> list[tuple[str, ...]]:
    """One list of labels for each kind that fits the item's options."""
    count = len(item.options)
    bare = [re.sub(r"\W", "", option) for option in item.options]
    numbers = any(re.search(r"\d", option) for option in item.options) or any(word.lower() in _NUMBERS for word in bare)
    kinds = []
    if not numbers:
        kinds.append(tuple(str(place + 1) for place in range(count)))
        if not any(map(_ROMAN.fullmatch, bare)):
            kinds.append(tuple("x" * ((place + 1) // 10) + _ONES[(place + 1) % 10] for place in range(count)))
    if count <= len(_UPPER) and not any(len(word) == 1 and word.isalpha() for word in bare):
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


def _no_letter(instruction: str) -> str:
    return re.sub(r"\b([Ll])etter(s?)\b", r"\1abel\2", instruction)


def _lost(before: Item, after: Item) -> str:
    """Each option has one label of its own, and nothing but labels and the word for them was touched."""
    if len({label.lower() for label in after.labels}) != len(before.options):
        return "the labels are not one for each option"
    kept = replace(after, labels=before.labels, instruction=before.instruction, left_alone=before.left_alone)
    if after.instruction not in (before.instruction, _no_letter(before.instruction)):
        return "more of the instruction changed than the word for the labels"
    return "" if kept == before else "more changed than the labels"


FAMILIES = (
    Family(
        "relabel",
        "other labels: 1-4, i-iv, a-d, unusual letters",
        relabel,
        why_not,
        _lost,
        rank=60,
        decides="labels",
        on_any_prompt=True,
    ),
)
