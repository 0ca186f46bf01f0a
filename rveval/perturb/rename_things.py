"""Which things of a problem may be called by another noun of the same kind, and how that is done.

A noun is left alone in a problem where it is also part of another word or phrase (apple pie, Apple), where it may be a
verb (he books a flight), and where it is written in two ways.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import cache
from random import Random

from rveval.perturb.data import load, words

Noun = tuple[str, str]
"""Singular and plural."""

_DATA = load("rename")
_LINES: list[str] = _DATA["nouns"].splitlines()


def _group(line: str) -> tuple[Noun, ...]:
    return tuple((pair.split()[0], pair.split()[1]) for pair in line.removeprefix("= ").split(", "))


NOUNS: dict[Noun, tuple[Noun, ...]] = {noun: _group(line) for line in _LINES for noun in _group(line)}
SAME = frozenset(noun for line in _LINES if line.startswith("= ") for noun in _group(line))

_FOLLOWS = frozenset(words(_DATA["follows"]))
_VERB_AFTER = frozenset(words(_DATA["verb_after"]))
_OPENING = frozenset(words(_DATA["opening"]))
_COMPOUND = frozenset(words(_DATA["compound"]))
_DETERMINERS = frozenset(words(_DATA["determiners"]))
_DOUBTFUL = frozenset(words(_DATA["doubtful"]))
_VERB_TOO = frozenset(words(_DATA["verb_too"]))
_BEFORE_NOUNS = _DETERMINERS | frozenset(words(_DATA["before_nouns"]))
_WHEELS = frozenset(words(_DATA["on_wheels"]))
_ARTICLE_AND_WORD = re.compile(r"\b(?:(an?)(\s+))?([a-z]+)\b", re.IGNORECASE)
_BEFORE = re.compile(r"([\w'\u2019]+|[-$#/&.])?(\s*)$")
_AFTER = re.compile(r"(\s*)([\w'\u2019]+|[-\u2013&]|$|[^\w\s])")


def rename_things(texts: tuple[str, str], rng: Random, taken: str) -> tuple[dict[str, str], tuple[str, str]]:
    """The texts with things called by other nouns, the same noun everywhere.

    Args:
        texts: the question and its worked answer.
        rng: what draws.
        taken: more text that no new noun may occur in.

    Returns:
        Old noun to new noun, singular and plural; and the texts, unchanged where no noun could be replaced.

    >>> rename_things(("An apple costs $2. How much are 3 apples?", "3 apples"), Random(1), "")[1]
    ('A peach costs $2. How much are 3 peaches?', '3 peaches')
    """
    whole = "\n".join(texts)
    small = f"{whole}\n{taken}".lower()
    given: dict[str, str] = {}
    for noun, group in NOUNS.items():
        if noun[0][:-1] not in small or not _replaceable(noun, whole):
            continue
        others = [new for new in group if new != noun]
        free = [new for new in others if not _clashes(new, small)]
        if free and (noun not in SAME or len(free) == len(others)):
            new = rng.choice(free)
            given |= dict(zip(noun, new, strict=True))
            small += f"\n{new[0]}"
    return given, (replace_nouns(texts[0], given), replace_nouns(texts[1], given))


def replace_nouns(text: str, given: dict[str, str]) -> str:
    """Every noun by its new one, with a capital where it had one, and with "a" or "an" as the new one needs it."""
    if not given:
        return text

    def replaced(match: re.Match[str]) -> str:
        article, space, old = match.groups()
        if old.lower() not in given:
            return match[0]
        new = given[old.lower()]
        new = new.capitalize() if old[0].isupper() else new
        if not article:
            return new
        right = article[0] + ("n" if new[0].lower() in "aeio" else "")
        return right + space + new

    return _ARTICLE_AND_WORD.sub(replaced, text)


@cache
def _pattern(noun: Noun) -> re.Pattern[str]:
    return re.compile(rf"\b({noun[1]}|{noun[0]})\b", re.IGNORECASE)


@cache
def _start(word: str) -> re.Pattern[str]:
    return re.compile(rf"\b{word}[a-z]*")


def _clashes(new: Noun, small: str) -> bool:
    return new[0][:-1] in small if len(new[0]) > 4 else any(_start(form).search(small) for form in new)


def _replaceable(noun: Noun, text: str) -> bool:
    """Whether every place that shows the noun shows it as a thing of its own."""
    singular, plural = noun
    found = list(_pattern(noun).finditer(text))
    small = text.lower()
    inside = small.count(singular) + (0 if plural.startswith(singular) else small.count(plural))
    if not found or inside != len(found) or _misspelt(noun, small):
        return False
    if singular in _WHEELS and re.search(r"\b(wheel|tire|seat|axle)", text, re.IGNORECASE):
        return False
    return all(_stands_alone(match, singular, text) for match in found)


def _misspelt(noun: Noun, small: str) -> bool:
    """Whether a text has a word that may be the noun, written otherwise ("lollypop")."""
    near = [word for word in dict.fromkeys(_start(noun[0][:3]).findall(small)) if word not in noun]
    return any(SequenceMatcher(None, word, form).ratio() > 0.8 for word in near for form in noun)


def _stands_alone(match: re.Match[str], singular: str, text: str) -> bool:
    start, end = match.span()
    before, after = _BEFORE.search(text[max(0, start - 30) : start]), _AFTER.match(text[end : end + 30])
    last, following = (before[1] or "") if before else "", (after[2] if after else "")
    touching = bool(before and last and not before[2])
    opens = start == 0 or not last or last in {".", "-"} or text[:start].rstrip(" ")[-1:] in '.?!:\n"'
    if (touching and last in {"-", "#", "&", "."}) or (following in {"-", "\u2013", "&"} and after and not after[1]):
        return False
    if (match[0][0].isupper() and (not opens or following[:1].isupper())) or match[0][1:].lower() != match[0][1:]:
        return False
    if (
        last.lower() in _VERB_AFTER
        or last.lower() in _COMPOUND
        or (last[:1].isupper() and not last.endswith(("'s", "\u2019s")) and not _plain(text, start, last))
    ):
        return False
    if match[0].lower() != singular:
        if following[:1] in {"'", "\u2019"}:
            return False  # "children's", "students'": another plural has another possessive
        return match[0].lower() not in _VERB_TOO or opens or last.lower() in _BEFORE_NOUNS or last[-1:].isdigit()
    if singular in _DOUBTFUL and last.lower() not in _DETERMINERS and not last.isdigit():
        return False
    plain = not following[:1].isalpha() or following[0].isupper() or following.endswith(("ed", "ly"))
    return plain or following.lower() in _FOLLOWS


def _plain(text: str, start: int, word: str) -> bool:
    """Whether a capital before a noun is that of a sentence's first word and not of a name ("Sun Valley apples")."""
    head = text[:start].rstrip(" ")
    head = head[: len(head) - len(word)].rstrip(" ")
    return (not head or head[-1] in '.?!:"\n') and word.lower() in _OPENING
