"""Reading a list of words in the order that a response puts them in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rveval.answers.containers import Container, held
from rveval.answers.parts import Parts
from rveval.answers.reading import TAIL, Reading, backward, read, strictly

_TOKEN = re.compile(r"[^\s,;]+")
_EDGES = "\"'`*_.<>()[]{}:=-\u201c\u201d\u2022\u2192$!?|"
_ORDINAL = re.compile(r"\d{1,4}")
_LATEX = re.compile(r"\\(?:text|textbf|mathrm|mathbf|textit)\b|\\[,; ]|[{}$]")
_LISTS = re.compile(
    r"\b(?:sorted|order(?:ed)?|alphabetical(?:ly)?|list)\b[^\n:]{0,60}(?:\bis\b|\bare\b|:)", re.IGNORECASE
)


def read_sorted(response: str | Parts, words: Sequence[str]) -> Reading:
    """Words in the order that a response puts them in, in lower case, joined by single spaces.

    Strict: the last line that ends in `#### apple bear`, its words separated by spaces, at least half of them from the
    list. Flexible: the strict one; else of the last line that is marked ("the answer is", "sorted:") and the last place
    that holds all words of the list in some order, the one that comes later; else the longest run of words of the list
    that comes last, at least half of them. Commas, bullets, numbers, quotes, "<" and line breaks may stand between.

    Args:
        words: the list as the question has it.

    >>> read_sorted("1. apple\\n2. Bear", ["bear", "apple"])
    Reading(strict=None, flexible='apple bear')
    """
    known = Counter(word.lower() for word in words)

    def listed(line: str) -> str | None:
        said = line.lower().split()
        fits = not {",", "*"} & {*line} and len(said) >= min(2, len(words)) and _mostly(said, known)
        return " ".join(said) if fits else None

    def inside(container: Container, text: str) -> str | None:
        return contained(container.inside) if container.sure else _begun(text[container.place :], known)

    def contained(text: str) -> str | None:
        return _begun(_LATEX.sub(" ", text[-TAIL:]), known, whole=True) or _plain(text, known)

    def flexible(text: str) -> str | None:
        return held(text, inside, lambda plain: _plain(plain, known), contained)

    return read(response, lambda text: strictly(text, listed), flexible)


def _mostly(said: Sequence[str], known: Counter[str]) -> bool:
    """Whether at least half of the words are of the list."""
    return 2 * sum(word in known for word in said) >= len(said) > 0


def _begun(text: str, known: Counter[str], whole: bool = False) -> str | None:
    """The list that a text begins with: all the words, else those of its first line or, if `whole`, of all of it."""
    text = text[: 40 * len(known) + 500].lstrip("*_: \t")
    said = [word for word, _ in _read(text, known)]
    if Counter(said[: known.total()]) != known:
        said = said if whole else [word for word, _ in _read(text.partition("\n")[0], known)]
        return " ".join(said) if _mostly(said, known) else None
    return " ".join(said[: known.total()]) or None


def _plain(text: str, known: Counter[str]) -> str | None:
    """The last that is marked, or the last that is complete, whichever comes later; else the longest run."""
    found = []
    for match in backward(_LISTS, text):
        if said := _begun(text[match.end() : match.end() + 40 * len(known) + 600], known):
            found.append((match.start(), said))
            break
    complete, longest = _runs(text, known)
    if complete:
        found.append(complete)
    return max(found or [longest])[1] or None


def _read(text: str, known: Counter[str]) -> list[tuple[str, int]]:
    """The words of a text and where they end, without marks around them, numbers of a list, and "and"."""
    found = []
    for match in _TOKEN.finditer(text.lower()):
        raw = match.group()
        bare = raw.strip(_EDGES)
        word = raw if raw in known else bare
        if raw == "?":  # words between which nothing is decided yet
            found.append(("?", match.end()))
        elif word and (word in known or not (_ORDINAL.fullmatch(word) or word == "and")):
            found.append((word, match.end()))
    return found


def _runs(response: str, known: Counter[str]) -> tuple[tuple[int, str] | None, tuple[int, str]]:
    """Of the runs of words of the list: the last that ends in all of them, and the last of the longest, if half."""
    size, before = known.total(), max(0, len(response) - TAIL)
    runs: list[list[tuple[str, int]]] = [[]]
    for word, end in _read(response[-TAIL:], known):
        if word in known:
            runs[-1].append((word, end))
        elif runs[-1]:
            runs.append([])
    longest = max(reversed(runs), key=len)
    best = (0, " ".join(word for word, _ in longest) if 2 * len(longest) >= size else "")
    for run in reversed(runs):
        tail = run[-size:] if size else []
        if tail and Counter(word for word, _ in tail) == known:
            return (before + tail[-1][1], " ".join(word for word, _ in tail)), best
    return None, best
