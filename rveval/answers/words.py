"""Reading one of a few words: yes or no, true or false, valid or invalid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rveval.answers.containers import cut_off, held
from rveval.answers.parts import Parts
from rveval.answers.reading import TAIL, Reading, backward, read, strictly

_SKIPPED = re.compile(r"(?:[\s*_:=$>~`\"'\u201c(\[{-]|\\(?:text|textbf|mathrm|mathbf)\b|\\){0,24}")


def read_word(response: str | Parts, allowed: Sequence[str], question: str = "") -> Reading:
    """The word that a response decides for, spelt as in `allowed`.

    Strict: the last line that ends in `#### Yes`. Flexible, the first that is found of: the strict one; the last one
    that is marked as the answer; the first word, where punctuation or the end of its line follows; the last that is
    set in bold; the last mention. All without regard to case. "Not valid" is the other word where there are two, an
    "invalid" is no "valid", and neither "valid or invalid" nor the "no" of "there is no way" decides anything.

    >>> read_word("Let me see. So the answer is no.", ["Yes", "No"])
    Reading(strict=None, flexible='No')
    >>> read_word("The argument is not valid.", ["valid", "invalid"]).flexible
    'invalid'
    """
    words = _words(tuple(allowed))

    def flexible(text: str) -> str | None:
        return held(text, lambda container, _: _named(container.inside, words), lambda plain: _decided(plain, words))

    return read(response, lambda text: strictly(text, words.known), flexible, question)


class _Words(NamedTuple):
    """Patterns for the words allowed; a group `no` takes part where the word is negated."""

    allowed: tuple[str, ...]
    first: re.Pattern[str]
    here: re.Pattern[str]
    alone: re.Pattern[str]
    bold: re.Pattern[str]
    mention: re.Pattern[str]
    either: re.Pattern[str]

    def known(self, said: str) -> str | None:
        return next((word for word in self.allowed if word.casefold() == said.casefold()), None)

    def spelt(self, match: re.Match[str]) -> str | None:
        said = self.known(match["word"])
        if not match.groupdict().get("no"):
            return said
        others = [word for word in self.allowed if word != said]
        return others[0] if len(others) == 1 else None


@lru_cache(maxsize=32)
def _words(allowed: tuple[str, ...]) -> _Words:
    any_of = "|".join(map(re.escape, sorted(allowed, key=len, reverse=True))) or "(?!)"
    word = rf"(?P<word>{any_of})(?![^\W_])(?!['\u2019-]\w)"
    # "no" in front of another word is no answer; "True" in front of one may well be ("True because ...").
    short = {"yes", "no"} & {word.casefold() for word in allowed}
    ends = r"(?=[ \t]{0,4}(?:[.,;:!?)\]}*\"'`\u201d\u2014\n\r-]|\Z|(?:because|since|as|and|but)\b))" if short else ""
    no = r"(?P<no>(?:\bnot|\bcannot|n['\u2019]t|\bnever)\s{1,4}(?:(?:\w{1,20}ly|be|an?|the|considered)\s{1,4}){0,3})?"
    negated = rf"{'' if short else no}(?<![^\W_])(?<!-){word}"
    flags = re.IGNORECASE
    return _Words(
        allowed=allowed,
        first=re.compile(rf"[\W_]{{0,20}}{word}(?=[^\w\s(]|[ \t]{{0,4}}(?:[\n\r\u2014-]|\Z))", flags),
        here=re.compile(negated, flags),
        alone=re.compile(rf"[\W_]{{0,20}}(?<![\w-]){word}[\W_]{{0,20}}", flags),
        bold=re.compile(rf"\*\*{negated}[.!:]?\*\*", flags),
        mention=re.compile(rf"{negated}{ends}", flags),
        either=re.compile(rf"(?<![\w-])(?:{any_of})\s{{1,4}}(?:or|and|/)\s{{1,4}}(?:{any_of})\b", flags),
    )


def _named(text: str, words: _Words) -> str | None:
    """The word that a container begins with; "" where it leaves two open."""
    start = _SKIPPED.match(text)
    match = words.here.match(text, start.end() if start else 0)
    if match is None:
        return None
    return "" if words.either.match(text, match.start()) else words.spelt(match)


def _decided(text: str, words: _Words) -> str | None:
    """The last line where it is nothing but a word, else the first word, else in bold, else the last mention."""
    tail = text[-TAIL:]
    last = words.alone.fullmatch(tail.rstrip().rpartition("\n")[2])
    if decisive := last or words.first.match(text) or next(backward(words.bold, tail), None):
        return words.spelt(decisive)
    mention = next(backward(words.mention, words.either.sub(" ", tail)), None)
    return words.spelt(mention) if mention and not cut_off(tail) else None
