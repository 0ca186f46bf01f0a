"""Slips of the keyboard, where they change no meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from rveval.perturb import people, text
from rveval.perturb.data import load, words
from rveval.perturb.family import Family
from rveval.perturb.item import How, Item

SHARE = 0.1
NO_WORD = "no word that a slip would leave its meaning"
_TRIES = 12

# Lower-case words of four letters and more that stand alone: nothing glued to them that makes them part of a name, a
# number, a compound, a quote or Markdown's marks for code.
_WORD = re.compile(
    r"(?<![\w'\u2019`\"\u201c\u2018/\\@#$.\u2013\u2014-])[a-z]{4,}(?![\u2013\u2014\w'\u2019`\"\u201d/\\@(=-]|\.\w)"
)
_QUOTED = re.compile(
    r"\"[^\"]*\"|\u201c[^\u201d]*\u201d|(?<!\w)'[^'\n]*'(?!\w)|(?<!\w)\u2018[^\u2019\n]*\u2019(?!\w)|`[^`]*`"
)

_DATA = load("typos")
_NUMBER_NAMES = (*text.NUMBER_WORDS, "hundreds", "thousands", "millions", "billions")
_PROTECTED = frozenset((*words(_DATA["quantities"]), *words(_DATA["units"]), *_NUMBER_NAMES))
_ASKED_FOR = frozenset(words(_DATA["asked_for"]))
_NOT_COMPARING = frozenset(words(_DATA["not_comparing"]))
_NAMELESS = frozenset(words(_DATA["nameless"]))
_TAKEN = frozenset(name.lower() for name in (*people.GIRLS, *people.BOYS, *people.EITHER, *words(_DATA["taken"])))
_NEGATING = re.compile(r"(un|non|dis|mis|in|im|il|ir|anti)(?P<rest>[a-z]{3,})|[a-z]+(less|proof|free)")
_COMPARING = re.compile(r"[a-z]+(er|est)")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _neighbours() -> dict[str, str]:
    """The keys beside, above and below each letter; every row stands half a key to the right of the one above."""
    found = {}
    for number, row in enumerate(_ROWS):
        for place, key in enumerate(row):
            near = [(number, place - 1), (number, place + 1), (number - 1, place), (number - 1, place + 1)]
            near += [(number + 1, place - 1), (number + 1, place)]
            found[key] = "".join(_ROWS[y][x] for y, x in near if 0 <= y < len(_ROWS) and 0 <= x < len(_ROWS[y]))
    return found


_KEYS = _neighbours()


@dataclass(frozen=True, slots=True)
class _Place:
    """A word that may be mistyped: the item's field, and where in it."""

    field: str
    start: int
    word: str


def typos(item: Item, rng: Random, how: How) -> Item:
    """Mistype a share of the words that carry no number, negation, comparison, unit or name.

    A strength is the share of those words; at least one is changed.

    >>> from rveval.perturb import Traits
    >>> item = Item("story/0", Traits("story"), "How many oranges does Ana's basket hold after 3 days?", "#### 4")
    >>> typos(item, Random(1), How()).question
    "How many oranges does Ana's basket holld after 3 days?"
    """
    share = SHARE if how.strength is None else how.strength
    by_field: dict[str, list[_Place]] = {}
    for place in _places(item):
        by_field.setdefault(place.field, []).append(place)
    slipped: list[tuple[_Place, str]] = []
    for field, places in by_field.items():  # the question comes first, and what is left for the rest is up to chance
        wanted = round(share * len(places)) if field == "question" else int(share * len(places) + rng.random())
        slipped += _slips(places, wanted if slipped else max(1, wanted), rng)
    if not slipped:
        return item.leave(NO_WORD)
    changed = _with_slips(item, slipped)
    untouched = item.traits.kind == "puzzle" and changed.question == item.question
    return changed.leave(text.AROUND_ONLY) if untouched else changed


def _slips(places: list[_Place], wanted: int, rng: Random) -> list[tuple[_Place, str]]:
    """As many places as wanted, each with a slip, in random order; fewer where slips can't be found."""
    rng.shuffle(places)
    slipped: list[tuple[_Place, str]] = []
    for place in places:
        if len(slipped) == wanted:
            break
        if slip := _slip(place.word, rng):
            slipped.append((place, slip))
    return slipped


def _with_slips(item: Item, slipped: list[tuple[_Place, str]]) -> Item:
    changed = {field: getattr(item, field) for field in dict.fromkeys(place.field for place, _ in slipped)}
    for place, slip in sorted(slipped, key=lambda pair: pair[0].start, reverse=True):
        whole = changed[place.field]
        changed[place.field] = whole[: place.start] + slip + whole[place.start + len(place.word) :]
    return replace(item, **changed)


def _slip(word: str, rng: Random) -> str:
    """A mistyped form of a word that is no other word; "" where none was found. The first letter stays."""
    for _ in range(_TRIES):
        at = rng.randrange(1, len(word))
        kind = rng.randrange(4)
        if kind == 0:
            slip = word[:at] + rng.choice(_KEYS[word[at]]) + word[at + 1 :]
        elif kind == 1:
            slip = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
        elif kind == 2:
            slip = word[:at] + word[at + 1 :]
        else:
            slip = word[:at] + word[at] + word[at:]
        if slip != word and not text.is_word(slip) and slip.lower() not in _TAKEN:
            return slip
    return ""


def _places(item: Item) -> Iterator[_Place]:
    """Every word that may be mistyped, in the order of the prompt's fields."""
    if item.is_code:
        yield from _code_places(item)
        return
    avoid = _option_words(item)
    if item.traits.fixed != "text":
        for place in _in_text("question", item.question[: text.problem_end(item.question)]):
            if place.word not in avoid and (item.traits.kind != "puzzle" or place.word in _NAMELESS):
                yield place
    for place in _in_text("support", item.support):
        if place.word not in avoid:
            yield place
    for field in ("description", "instruction"):
        for place in _in_text(field, getattr(item, field)):
            if place.word not in avoid and place.word not in _ASKED_FOR:
                yield place


def _in_text(field: str, prose: str) -> Iterator[_Place]:
    quotes = [found.span() for found in _QUOTED.finditer(prose)]
    for found in _WORD.finditer(prose):
        if _may_slip(found.group()) and not any(start <= found.start() < end for start, end in quotes):
            yield _Place(field, found.start(), found.group())


def _code_places(item: Item) -> Iterator[_Place]:
    """Words of docstring prose that no identifier of the stub, its function or its tests' names is spelled like."""
    names = text.names_in_code(item.question) | {item.entry_point.lower()}
    for start, end in text.prose_spans(item.question):
        for place in _in_text("question", item.question[start:end]):
            if place.word not in names:
                yield replace(place, start=place.start + start)


def _option_words(item: Item) -> frozenset[str]:
    """The words of the options and of lists like "- valid", each with and without a plural's s."""
    listed = item.question[text.problem_end(item.question) :]
    words = re.findall(r"[a-z]+", " ".join((*item.options, listed)).lower())
    return frozenset(form for word in words for form in (word, word.removesuffix("s"), f"{word}s"))


def _may_slip(word: str) -> bool:
    """Whether a word is English, and carries nothing that a reader must read exactly."""
    if word in _PROTECTED or not text.is_word(word):
        return False
    negating = _NEGATING.fullmatch(word)
    if negating and (negating["rest"] is None or word.startswith("un") or text.is_word(negating["rest"])):
        return False
    if word in _NOT_COMPARING or not _COMPARING.fullmatch(word):
        return True
    return not any(text.is_word(stem) for stem in text.stems(word))


def lost(before: Item, after: Item) -> str:
    """Numbers, options and answer are the same, there are as many words as before, and code is the same code."""
    fixed = before.traits.fixed == "text"
    return text.edit_lost(before, after, lambda prose: len(prose.split()), "the {field} has more or fewer words", fixed)


FAMILIES = (
    Family(
        "typos",
        "a share of the words mistyped",
        typos,
        lost=lost,
        rank=70,
        has_strength=True,
        after=("problem",),
        on_any_prompt=True,
        edits_words=True,
    ),
)
