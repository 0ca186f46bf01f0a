"""First names by gender: which words of a problem are people, and what else they may be called."""

from __future__ import annotations

from random import Random

from rveval.perturb.data import load, words

_DATA = load("people")
GIRLS = frozenset(words(_DATA["girls"]))
BOYS = frozenset(words(_DATA["boys"]))
EITHER = frozenset(words(_DATA["either"]))
TITLES = frozenset(words(_DATA["titles"]))
SURNAMES = frozenset(words(_DATA["surnames"]))
CALENDAR = frozenset(words(_DATA["calendar"]))
NEW = {kind: words(_DATA[f"new_{kind}"]) for kind in ("girl", "boy", "either")}


def gender(name: str) -> str:
    """Of a first name, as lists have it: "girl", "boy", "either", or "" for no name that is known.

    >>> gender("Martha"), gender("Omar"), gender("Casey"), gender("Mark")
    ('girl', 'boy', 'either', '')
    """
    if name in EITHER:
        return "either"
    return "girl" if name in GIRLS else "boy" if name in BOYS else ""


def new_name(kind: str, rng: Random, text: str) -> str:
    """A name of this kind that is nothing like a word of `text`; "" where all are taken.

    Args:
        kind: "girl", "boy" or "either".
        rng: what draws.
        text: all that the name will stand in, with the new names that are already given.
    """
    small = text.lower()
    free = [name for name in NEW[kind] if name[:4].lower() not in small]
    return rng.choice(free) if free else ""
