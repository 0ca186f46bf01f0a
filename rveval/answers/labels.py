"""What labels and texts of options look like in a response: patterns, compiled once for each set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

# What follows a label that is also a word or a number, where the label is meant.
_ENDS = r"(?=[ \t]{0,4}(?:[.,;:!?)\]}*\"'`\u201d$\\\u2014(\n]|\Z|(?:because|since|as|and|or|which|for|due|is|by)\b))"
_CLEAR = r"(?!\w|['\u2019+%\u00b0^/\u2013-]\w|[.,:/]\d)"  # not the start of a word, a number, "C-reactive"


class Labels(NamedTuple):
    """Patterns for one set of labels; all of them hold the label in their only group that takes part."""

    shown: dict[str, str]
    marked: re.Pattern[str]
    apart: re.Pattern[str]
    listed: re.Pattern[str]
    last: re.Pattern[str]
    second: re.Pattern[str]
    first: re.Pattern[str]


class Texts(NamedTuple):
    """One pattern for all option texts, and which option each of its groups stands for (None: shared by several)."""

    pattern: re.Pattern[str] | None
    option: dict[int, int | None]


@lru_cache(maxsize=128)
def spelt(labels: tuple[str, ...]) -> Labels:
    """The patterns of a set of labels; case counts only where labels differ in nothing else."""
    folded = len({label.casefold() for label in labels}) == len(labels)
    flags = re.MULTILINE | (re.IGNORECASE if folded else re.NOFLAG)
    either = _either(labels)
    wordlike = [label for label in labels if label.casefold() in ("a", "i") or label.isdigit()]
    bare = rf"(?:{_either(wordlike)}{_CLEAR}{_ENDS}|(?!{_either(wordlike)}{_CLEAR}){either}{_CLEAR})"
    digits = all(label.isdigit() for label in labels)
    set_apart = (
        rf"(?<![\w)])\(\s?({either})\s?\)|(?<!\w)\[({either})\]|\*\*\(?({either})[.:)]{{0,2}}\*\*"
        rf"|\*\*\(?({either})[.:)]{{1,2}}\s|\{{\(?({either})[.)]?\}}|\$\(?({either})\)?\$"
        rf"|\b(?:option|choice|letter)\s{{1,3}}[\"'`*(]{{0,3}}({bare})"
    )
    if not digits:  # a sentence may well end in a number
        set_apart += rf"|(?:(?<=\s)|(?<=^))({either})[.!*]{{0,3}}[ \t\r]{{0,8}}$"
    return Labels(
        shown={label.casefold() if folded else label: label for label in labels},
        marked=re.compile(rf"({bare})", flags),
        apart=re.compile(set_apart, flags),
        listed=re.compile(rf"\W{{0,6}}?\(?({either})(?:\)|[.:)](?=\W)|[.:)]?$)[.:*]{{0,3}}", flags),
        second=re.compile(
            rf"[)\]\"'*.:]{{0,3}}\s{{0,3}}(?:[,/&]|,?\s(?:or|and)\b)\s{{0,3}}(?:option\s)?[(\"'*]{{0,3}}{either}{_CLEAR}"
            r"[)\]\"'*$}.\s]{0,6}(?=\n|\Z|<|\bor\b|\band\b)",
            flags,
        ),
        first=re.compile(rf"(?:{either})[)\]\"'*]{{0,3}},?\s(?:and|or)\s(?:option\s)?[(\"'*]{{0,3}}\Z", flags),
        last=re.compile(rf"(?:^|[\s(*])({either})[)*.\s]{{0,4}}\Z", flags),
    )


def _either(labels: Sequence[str]) -> str:
    """Any of the labels, the longest first; without labels a pattern that never matches."""
    return rf"(?:{'|'.join(map(re.escape, sorted(labels, key=len, reverse=True))) or '(?!)'})"


@lru_cache(maxsize=512)
def option_texts(options: tuple[str, ...]) -> Texts:
    """The pattern of the options' texts: whole phrases without regard to case, the longest first."""
    first: dict[str, int] = {}
    shared = set()
    for index, text in enumerate(options):
        key = _plain(text)
        if first.setdefault(key, index) != index:
            shared.add(key)
    keys = sorted((key for key in first if key), key=len, reverse=True)
    pattern = "|".join(f"({_phrase(key)})" for key in keys)
    numbers = {place: None if key in shared else first[key] for place, key in enumerate(keys, start=1)}
    return Texts(re.compile(pattern, re.IGNORECASE) if keys else None, numbers)


def _plain(text: str) -> str:
    return " ".join(text.replace("\u2019", "'").casefold().split()).rstrip(".")


def _phrase(text: str) -> str:
    """A pattern for a text as a whole phrase; a number also with commas, never as a part of another number."""
    if text.isdecimal() and text.isascii():
        commas = ",?".join([text[: len(text) % 3], *(text[at : at + 3] for at in range(len(text) % 3, len(text), 3))])
        return rf"(?<![\w\u2212-])(?<!\d[.,]){commas.removeprefix(',?')}(?!\w|[.,]\d)"
    words = r"\s{1,8}".join(re.escape(word).replace("'", "['\u2019]") for word in text.split())
    before = r"(?<![\w\u2212-])(?<!\d[.,])" if text[0].isdigit() else r"(?<!\w)"
    return rf"{before}{words}(?!\w{'|[.,][0-9]' if text[-1].isdigit() else ''})"
