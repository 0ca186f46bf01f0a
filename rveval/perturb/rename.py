"""People, things and identifiers called by other names, consistently in the question and its worked answer.

Who and what may be renamed is decided by `people` and `rename_things`, code by `rename_code`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import SequenceMatcher
from random import Random

from rveval.perturb.data import load, words
from rveval.perturb.family import Family
from rveval.perturb.item import How, Item, Traits
from rveval.perturb.people import CALENDAR, SURNAMES, TITLES, gender, new_name
from rveval.perturb.rename_code import lost_code, rename_code
from rveval.perturb.rename_things import rename_things

_DATA = load("rename")
_TINY = [words(group) for group in _DATA["tiny"]]
_OPENERS = frozenset(words(_DATA["openers"]))
_OF_PLACES = frozenset(words(_DATA["of_places"]))

NO_NAME = "rename: its names are words, places, unknown or written in two ways, and no thing is safe to rename"
NOTHING = "rename: nobody is named, and no thing is safe to rename"
_CAPITAL = re.compile(r"\b[A-Z][a-zéè]+\b")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_WORD = re.compile(r"[A-Za-zéè]+")
_HE = re.compile(r"\b(he|his|him|himself)\b", re.IGNORECASE)
_SHE = re.compile(r"\b(she|her|hers|herself)\b", re.IGNORECASE)
_OTHERS = re.compile(
    r"\b(father|dad|mother|mom|brother|sister|husband|wife|son|daughter|uncle|aunt|nephew|niece|cousin|friend|grand\w+"
    r"|boyfriend|girlfriend|boss|teacher|owner|neighbor|man|woman|boy|girl|doctor)s?\b",
    re.IGNORECASE,
)
_TITLED = re.compile(r"\b(Mr|Mrs|Ms|Miss)\.? $")
_NAMED = re.compile(r"\bnames?\b")
_NAME_HERE = re.compile(r"\b([A-Z][a-zéè]+)(['\u2019](?=\s+\w))?")
_SPELLED = re.compile(r"\b(letters?|alphabet\w*|vowels?|consonants?|initials?|spell\w*|syllables?)\b", re.IGNORECASE)


def rename(item: Item, rng: Random, how: How) -> Item:
    """People, things, or a program's identifiers called by other names.

    >>> question = "Ann has 3 apples. She eats one. How many has she?"
    >>> item = Item("story/0", Traits("story"), question, "Ann has 3-1=2\\n#### 2")
    >>> changed = rename(item, Random(3), How())
    >>> changed.question, changed.answer
    ('Fiona has 3 nectarines. She eats one. How many has she?', 'Fiona has 3-1=2\\n#### 2')
    """
    if item.is_code:
        return rename_code(item, rng)
    changed = _rename_tiny(item, rng) if item.traits.for_tiny_models else _rename_problem(item, rng)
    if changed.question == item.question:
        return item.leave(NO_NAME if _names_somebody(item.question) else NOTHING)
    return changed


def _names_somebody(question: str) -> bool:
    """Whether there is a capital that is not a sentence's first letter and not the calendar's."""
    inside = re.findall(r"(?<=[a-z,] )[A-Z][a-z]+", question)
    return any(word not in CALENDAR for word in inside) or any(map(gender, _CAPITAL.findall(question)))


def _rename_problem(item: Item, rng: Random) -> Item:
    texts = (item.question, item.answer)
    around = "\n".join((*item.before, *item.after, item.instruction))
    names = new_people(texts, rng, around)
    texts = (_replace_people(texts[0], names), _replace_people(texts[1], names))
    _, texts = rename_things(texts, rng, around)
    return replace(item, question=texts[0], answer=texts[1])


def _rename_tiny(item: Item, rng: Random) -> Item:
    """Names and nouns among the words of the tiny family; the answer holds none."""
    given: dict[str, str] = {}
    for group in _TINY:
        here = [word for word in group if re.search(rf"\b{word}\b", item.question)]
        free = [word for word in group if word not in here]
        given |= dict(zip(here, rng.sample(free, min(len(here), len(free))), strict=False))
    return _apply(item, given) if given else item


def _apply(item: Item, given: dict[str, str]) -> Item:
    old = "|".join(given)
    return replace(item, question=re.sub(rf"\b({old})\b", lambda match: given[match[0]], item.question))


def new_people(texts: tuple[str, str], rng: Random, around: str) -> dict[str, str]:
    """Old first names to new ones, for those that are surely people's.

    Args:
        texts: the question and its worked answer.
        rng: what draws.
        around: more text that no new name may occur in.
    """
    whole = "\n".join(texts)
    if _SPELLED.search(whole) and _NAMED.search(whole):
        return {}  # "has 6 letters in her name"
    places: dict[str, list[re.Match[str]]] = {}
    for match in _CAPITAL.finditer(whole):
        places.setdefault(match[0], []).append(match)
    people = [word for word in places if gender(word)]
    written = frozenset(_WORD.findall(whole))
    given: dict[str, str] = {}
    for name in people:
        if not _one_spelling(name, written, list(places)) or not all(_alone(match, whole) for match in places[name]):
            continue
        kind = _gender_here(name, people, texts[0], whole[: places[name][0].start()])
        new = new_name(kind, rng, "\n".join((whole, around, *given.values()))) if kind else ""
        if new:
            given[name] = new
    return given


def _gender_here(name: str, people: list[str], question: str, before: str) -> str:
    """By list, but a title says it better, and so does a problem about one person: "Karan ... She".

    "" where "he" may as well be Melanie's father.
    """
    listed, title = gender(name), _TITLED.search(before)
    if title:
        return "boy" if title[1] == "Mr" else "girl"
    he, she = _HE.search(question) is not None, _SHE.search(question) is not None
    if len(people) > 1 or he == she:
        return listed
    said = "boy" if he else "girl"
    return "" if listed not in (said, "either") and _OTHERS.search(question) else said


def _one_spelling(name: str, written: frozenset[str], capitals: list[str]) -> bool:
    """Whether a name is written one way only, as far as one can see, and never like a word."""
    if not written.isdisjoint((name.lower(), f"{name.lower()}s", name.upper())) or gender(f"{name}s"):
        return False
    others = [word for word in capitals if word[0] == name[0] and word != name and word not in _OPENERS]
    return not any(_alike(name, word) for word in others)


def _alike(name: str, other: str) -> bool:
    """Perhaps the same person: a short form (Rob, Robert), a slip of the pen (Ethel, Ethal), "Johns" for "John's"."""
    if other.startswith(name) or name.startswith(other) or other[:3] == name[:3]:
        return True
    return SequenceMatcher(None, name, other).ratio() > 0.7


def _alone(match: re.Match[str], text: str) -> bool:
    """Whether this is a first name and no part of the name of something else ("Mary Street", "San Jose")."""
    before, after = text[: match.start()], text[match.end() :]
    if re.match(r"[-\u2013&]", after) or re.search(r"[-\u2013&]$", before):
        return False
    following = re.match(r"(?:['\u2019]s)? ([A-Z][A-Za-z]+)", after)
    if following and following[1] not in SURNAMES | CALENDAR and not gender(following[1]):
        return False
    previous = re.search(r"([A-Z][A-Za-z]*)(\.?) $", before)
    if not previous or (previous[2] and previous[1] not in TITLES):
        return True  # nothing, or the end of a sentence
    if previous[1] in TITLES | CALENDAR or gender(previous[1]):
        return True
    if previous[1] in _OF_PLACES:
        return False
    head = before[: previous.start()].rstrip(" ")
    return not head or head[-1] in '.?!:,"”\n'  # the capital of a sentence's first word


def _replace_people(text: str, given: dict[str, str]) -> str:
    """Every name by its new one; the possessive of a name in s gets its own s."""

    def replaced(match: re.Match[str]) -> str:
        old, apostrophe = match[1], match[2] or ""
        if old in given:
            return given[old] + ("'s" if apostrophe and old.endswith("s") else apostrophe)
        return match[0]

    return _NAME_HERE.sub(replaced, text) if given else text


def _why_not(traits: Traits) -> str:
    if traits.kind in ("story", "code"):
        return ""
    if traits.kind == "unknown":
        return "what names stand for, in the prompt and in the answer, is not known"
    if traits.kind == "order":
        return "its problems hold numbers only, and nothing in them has a name"
    return "its questions are about what they name"


def _lost(before: Item, after: Item) -> str:
    """Identifiers: the same program. Elsewhere: the same numbers in the same order, in question and worked answer."""
    if before.is_code:
        return lost_code(before, after)
    for name in ("options", "labels", "gold"):
        if getattr(before, name) != getattr(after, name):
            return f"{name} changed"
    for name in ("question", "answer"):
        if _NUMBER.findall(getattr(before, name)) != _NUMBER.findall(getattr(after, name)):
            return f"a number of the {name} changed"
    same = before.answer.rpartition("####")[2] == after.answer.rpartition("####")[2]
    return "" if same else "the final answer changed"


FAMILIES = (
    Family("rename", "people, things and identifiers called by other names", rename, _why_not, _lost, rank=100),
)
