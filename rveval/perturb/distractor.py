"""Sentences that do not bear on the answer: about a person and a thing that the problem does not have.

Where a sentence may stand in a story is decided by `distractor_places`, what is put into code by `distractor_code`. A
sentence shares no word with the problem, and none that goes together with a word of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from random import Random

from rveval.perturb.data import load, words
from rveval.perturb.distractor_code import add_aside, lost_aside
from rveval.perturb.distractor_places import Place, places, put, suits
from rveval.perturb.family import Family, same_answer
from rveval.perturb.item import How, Item

MOST = 3
NO_SENTENCE = "distractor: no sentence that shares nothing with the problem"
_NUMBER = re.compile(r"\d+")
_PIECE = re.compile(r"\S+")
_WORD = re.compile(r"[a-z]+")
_DATA = load("distractor")
_GIRLS, _BOYS = words(_DATA["girls"]), words(_DATA["boys"])
_TINY_GIRLS, _TINY_BOYS = words(_DATA["tiny_girls"]), words(_DATA["tiny_boys"])
_FUNCTION_WORDS = frozenset(words(_DATA["function_words"]))


def distractor(item: Item, rng: Random, how: How) -> Item:
    """One or more sentences that do not bear on the answer; the strength says how many (1 to 3, else 1).

    In a story they stand before it, inside or after it, whichever is drawn among the places where nothing that follows
    could take them in; for tiny models after the first sentence; with a question of science before or after everything
    or before the question; with anything else before or after the problem and never inside it; in code before the
    function to complete, as a comment or a helper that nothing uses.

    >>> from rveval.perturb import Traits
    >>> question = "Tom has 12 apples. Tom buys 7 more. How many has he?"
    >>> item = Item("story/0", Traits("story"), question, "12+7=19\\n#### 19")
    >>> distractor(item, Random(2), How()).question
    'Tom has 12 apples. Ines keeps an old receipt with the number 8. Tom buys 7 more. How many has he?'
    """
    count = 1 if how.strength is None else min(MOST, 1 + int(3 * how.strength))
    if item.is_code:
        return add_aside(item, rng, count)
    if item.traits.for_tiny_models:
        return _in_tiny(item, rng, count)
    if item.traits.kind == "story":
        return _in_story(item, rng, count)
    return _around(item, rng, count)


def _in_story(item: Item, rng: Random, count: int) -> Item:
    """Put sentences into a story; each at a place of its own draw."""
    text, whole = item.question, _whole(item)
    lines = fitting(whole)
    found = places(text)
    girl = sum(suits(place, "girl") for place in found)
    boy = sum(suits(place, "boy") for place in found)
    kind = "girl" if girl > boy or (girl == boy and rng.random() < 0.5) else "boy"
    asides = _drawn(lines, _free_names(_GIRLS if kind == "girl" else _BOYS, whole), count, rng, whole)
    if not asides:
        return item.leave(NO_SENTENCE)
    usable = [place for place in found if suits(place, kind)]
    added = [(_draw_place(usable, rng), aside) for aside in asides]
    return replace(item, question=put(text, added))


def _draw_place(usable: list[Place], rng: Random) -> int:
    """Before, inside or after, each as likely as the others where it is possible; then where exactly."""
    kinds = list(dict.fromkeys(place.kind for place in usable))
    kind = rng.choice(kinds)
    return rng.choice([place.at for place in usable if place.kind == kind])


def _in_tiny(item: Item, rng: Random, count: int) -> Item:
    """After the first sentence, about a person that no pronoun can mean; outside an order of numbers.

    A sentence right after the numbers might be read as one more of them.
    """
    text, ordered = item.question, item.traits.kind == "order"
    pool = _TINY_BOYS if re.search(r"\b[Ss]he\b", text) else _TINY_GIRLS
    gathers = re.search(r"\b(them|all|people)\b", text) is not None
    lines = _DATA["tiny_order" if ordered else "tiny_plain" if gathers else "tiny"]
    asides = _drawn(lines, _free_names(pool, text), count, rng, _whole(item))
    if not asides:
        return item.leave("distractor: all names are taken")
    first, mark, rest = text.partition(". ")
    if text.startswith("These") or not mark:
        return replace(item, question=" ".join((text, *asides)))
    if ordered:
        return replace(item, question=" ".join((*asides, text)))
    return replace(item, question=f"{first}. {' '.join(asides)} {rest}")


def _around(item: Item, rng: Random, count: int) -> Item:
    """Before or after the problem; in science also between a passage and its question."""
    whole = _whole(item)
    science = item.traits.kind == "science"
    lines = _science(whole) if science else _apart(_DATA["general"], words_of(whole))
    asides = _drawn(lines, _free_names(_GIRLS + _BOYS, whole), count, rng, whole)
    if not asides:
        return item.leave(NO_SENTENCE)
    wheres = ("before", "after", "inside") if science and _may_open(item.question) else ("before", "after")
    for aside in asides:
        where = rng.choice(wheres)
        if where == "before":
            item = replace(item, before=(*item.before, aside))
        elif where == "after":
            item = replace(item, after=(*item.after, aside))
        else:
            item = replace(item, question=f"{aside} {item.question}")
    return item


def _science(whole: str) -> list[str]:
    """Sentences about things of science that the item says nothing about."""
    taken = words_of(whole)
    things = _apart(words(_DATA["things"]), taken)
    return [line.replace("{thing}", thing) for line in _apart(_DATA["science"], taken) for thing in things]


def _apart(lines: Iterable[str], taken: frozenset[str]) -> list[str]:
    """The lines that share no word with those taken."""
    return [line for line in lines if plain_words(line).isdisjoint(taken)]


def _may_open(question: str) -> bool:
    """Whether nothing in a question could take in, or mean, what is said right before it."""
    first = places(question)[0]
    return first.kind == "before" and not first.pronouns


def _drawn(lines: Sequence[str], names: Sequence[str], count: int, rng: Random, whole: str) -> list[str]:
    """Sentences with their names and with numbers that neither the problem nor its answer has; at most `count`."""
    count = min(count, len(lines), len(names))
    pairs = zip(rng.sample(lines, count), rng.sample(names, count), strict=True)
    taken = set(_NUMBER.findall(whole))
    numbers = [n for n in range(2, 61) if str(n) not in taken] or [61]
    return [line.format(name=name, n=rng.choice(numbers)) for line, name in pairs]


def _free_names(pool: tuple[str, ...], whole: str) -> list[str]:
    small = whole.lower()
    return [name for name in pool if name[:4].lower() not in small]


def _whole(item: Item) -> str:
    """All that an added sentence must share nothing with."""
    parts = (item.support, item.question, item.description, item.answer, *item.options, *item.before, *item.after)
    return "\n".join(parts)


@cache
def stem(word: str) -> str:
    """A word without the endings of a plural or a verb: rough, but the same for all forms of most words.

    >>> stem("cookies") == stem("cookie"), stem("solved") == stem("solves"), stem("parking") == stem("park")
    (True, True, True)
    """
    if len(word) > 4 and word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    if len(word) > 5 and word.endswith("ing"):
        word = word[:-3]
    elif len(word) > 4 and word.endswith(("ed", "es")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word[:-2] + "y" if word.endswith("ie") else word.rstrip("e") if len(word) > 3 else word


@cache
def _linked() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(map(stem, words(line))) for line in _DATA["linked"])


@cache
def _topics() -> tuple[tuple[frozenset[str], list[str]], ...]:
    """The stems that call for a topic, and its sentences."""
    return tuple((frozenset(map(stem, words(topic["calls"]))), topic["sentences"]) for topic in _DATA["topics"])


def words_of(text: str) -> frozenset[str]:
    """The stems of the words of a text that carry meaning, in lower case, with the words linked to them."""
    found = {stem(word) for word in _WORD.findall(text.lower()) if word not in _FUNCTION_WORDS}
    for group in _linked():
        if not group.isdisjoint(found):
            found |= group
    return frozenset(found)


@cache
def plain_words(sentence: str) -> frozenset[str]:
    """The same of a sentence with its fields, without the fields and without linked words."""
    text = re.sub(r"\{\w+\}", " ", sentence).lower()
    return frozenset({stem(word) for word in _WORD.findall(text) if word not in _FUNCTION_WORDS})


def fitting(text: str) -> tuple[str, ...]:
    """Sentences that share no word with a text: those of its topics, or, where there are few, general ones too.

    >>> fitting("Ann bakes 3 cookies. How many eggs does she need?")[0]
    '{name} owns a cookbook with {n} chapters.'
    """
    taken = words_of(text)
    topical = [line for calls, lines in _topics() if not taken.isdisjoint(calls) for line in lines]
    free = _apart(dict.fromkeys(topical), taken)
    if len(free) < 3:
        free += _apart(_DATA["general"], taken)
    return tuple(free)


def _lost(before: Item, after: Item) -> str:
    """The answer is untouched, and all that was asked is still there in order, with no letter changed."""
    if before.is_code:
        return same_answer(before, after) or lost_aside(before, after)
    if not _all_there(before.question, after.question):
        return "the problem's own words are no longer all there in order"
    for name in ("support", "description", "instruction"):
        if getattr(before, name) != getattr(after, name):
            return f"{name} changed"
    if before.before != after.before[: len(before.before)] or before.after != after.after[: len(before.after)]:
        return "what stood around the problem is no longer there"
    return same_answer(before, after)


def _all_there(old: str, new: str) -> bool:
    """Whether the words of the old text are those of the new one in order, some new ones between them left out."""
    left = iter(_PIECE.findall(new))
    return all(piece in left for piece in _PIECE.findall(old))


FAMILIES = (
    Family(
        "distractor",
        "sentences that do not bear on the answer",
        distractor,
        lost=_lost,
        rank=40,
        has_strength=True,
        after=("problem",),
        on_any_prompt=True,
        in_tiny_training=True,
    ),
)
