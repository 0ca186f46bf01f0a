r"""Reading which of several options a response chooses.

A label counts where it is marked ("the answer is B", `\boxed{B}`), set apart ("(B)", "**B**", "option B", "B." at the
start of a line), or ends a line; never the article in "A cell", the pronoun in "I think", the number in "3 protons".
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rveval.answers.containers import Container, cut_off, held
from rveval.answers.parts import Parts
from rveval.answers.reading import HASHES, TAIL, Reading, read

_MENTIONS = 200
_MARKUP = " \t\r\n*_`\"'$\u201c\u201d.!,;:>-"
# What may stand between a mark and the label: Markdown, LaTeX, quotes, brackets, hedges.
_FILLER = re.compile(
    r"(?>(?:[\s*_:=$>~`\"'\u201c\u201d(\[{\u2248-]|\\(?:text|textbf|mathrm|mathbf|boxed)\b|\\"
    r"|(?:the|option|choice|letter|label|answer|definitely|probably|clearly|indeed|most likely|therefore)\b){0,24})",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\W{0,4}(?:not|neither|none|never)\b", re.IGNORECASE)
_CHOSEN = re.compile(
    r"\b(?:choose|pick|select|go with|opt for"
    r"|(?:so|thus|hence|therefore),?\s(?:it|this|that)\s(?:is|(?:must|should|would|has to)\sbe))\b",
    re.IGNORECASE,
)
_VERDICT = re.compile(r"\b(?:is|are)\s+(?:the\s+)?(?:most\s+|only\s+)?(?:correct|right|best)\b", re.IGNORECASE)
_DENIED = re.compile(r"(?:\bnot|\bcannot|n['\u2019]t|\bnever)\s+(?:be\s+)?(?:option\s+)?\Z", re.IGNORECASE)
# What follows a label that is also a word or a number, where the label is meant.
_ENDS = r"(?=[ \t]{0,4}(?:[.,;:!?)\]}*\"'`\u201d$\\\u2014(\n]|\Z|(?:because|since|as|and|or|which|for|due|is|by)\b))"
_CLEAR = r"(?!\w|['\u2019+%\u00b0^/\u2013-]\w|[.,:/]\d)"  # not the start of a word, a number, "C-reactive"


def read_option(response: str | Parts, labels: Sequence[str], options: Sequence[str], question: str = "") -> Reading:
    r"""The option that a response chooses, as its label.

    Strict: the last line that ends in `#### C`, `#### (C)` or `#### C.`. Flexible, the first that is found of: the
    strict one; the last that is marked as the answer; a first or a last line that is nothing but a label, a label with
    a text, or an option's text; the last label set apart, unless all labels are listed once in order; the only option
    whose text is mentioned. Texts count as whole phrases without regard to case, the longest first; a text that two
    options share names neither. Labels count without regard to case where that leaves them different.

    >>> read_option("Because of this...\n#### C", ["A", "B", "C"], ["one", "two", "three"])
    Reading(strict='C', flexible='C')
    >>> read_option("A cell has mitochondria. The answer is (B).", ["A", "B"], ["ribosome", "nucleus"]).flexible
    'B'
    >>> read_option("It must be the nucleus", ["A", "B"], ["ribosome", "nucleus"]).flexible
    'B'
    """
    spelt, texts = _spelt(tuple(labels)), _texts(tuple(options))

    def chooser(text: str) -> _Chooser:
        return _Chooser(text, spelt, texts, tuple(labels))

    return read(response, lambda text: chooser(text).strict(), lambda text: chooser(text).flexible(), question)


class _Labels(NamedTuple):
    """Patterns for one set of labels; all of them hold the label in their only group that takes part."""

    shown: dict[str, str]
    strict: re.Pattern[str]
    marked: re.Pattern[str]
    apart: re.Pattern[str]
    listed: re.Pattern[str]
    last: re.Pattern[str]
    second: re.Pattern[str]


class _Texts(NamedTuple):
    """One pattern for all option texts, and which option each of its groups stands for (None: shared by several)."""

    pattern: re.Pattern[str] | None
    option: dict[int, int | None]


@lru_cache(maxsize=128)
def _spelt(labels: tuple[str, ...]) -> _Labels:
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
    return _Labels(
        shown={label.casefold() if folded else label: label for label in labels},
        strict=re.compile(rf"{HASHES}[ \t]*+(?:\(({either})\)|({either}))\.?[ \t\r]*+$", flags),
        marked=re.compile(rf"({bare})", flags),
        apart=re.compile(set_apart, flags),
        listed=re.compile(rf"\W{{0,6}}?\(?({either})(?:\)|[.:)](?=\W)|[.:)]?$)[.:*]{{0,3}}", flags),
        second=re.compile(
            rf"[)\]\"'*.:]{{0,3}}\s{{0,3}}(?:[,/&]|,?\s(?:or|and)\b)\s{{0,3}}(?:option\s)?[(\"'*]{{0,3}}{either}{_CLEAR}"
            r"[)\]\"'*$}.\s]{0,6}(?=\n|\Z|<|\bor\b|\band\b)",
            flags,
        ),
        last=re.compile(rf"(?:^|[\s(*])({either})[)*.\s]{{0,4}}\Z", flags),
    )


def _either(labels: Sequence[str]) -> str:
    """Any of the labels, the longest first; without labels a pattern that never matches."""
    return rf"(?:{'|'.join(map(re.escape, sorted(labels, key=len, reverse=True))) or '(?!)'})"


@lru_cache(maxsize=512)
def _texts(options: tuple[str, ...]) -> _Texts:
    first: dict[str, int] = {}
    shared = set()
    for index, text in enumerate(options):
        key = _plain(text)
        if first.setdefault(key, index) != index:
            shared.add(key)
    keys = sorted((key for key in first if key), key=len, reverse=True)
    pattern = "|".join(f"({_phrase(key)})" for key in keys)
    numbers = {place: None if key in shared else first[key] for place, key in enumerate(keys, start=1)}
    return _Texts(re.compile(pattern, re.IGNORECASE) if keys else None, numbers)


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


class _Chooser(NamedTuple):
    """One response and what its labels and texts look like."""

    response: str
    spelt: _Labels
    texts: _Texts
    labels: tuple[str, ...]

    def strict(self) -> str | None:
        found = deque(self.spelt.strict.finditer(self.response), maxlen=1)
        return self._label(found[0]) if found else None

    def flexible(self) -> str | None:
        return held(self.response, self._inside, lambda _: self._plain())

    def _inside(self, container: Container) -> str | None:
        """What a container names; "" where it names two."""
        if container.kind in ("tag", "field"):
            return held(container.inside[-TAIL:], self._inside, self._contained)
        return self._contained(container.inside)

    def _contained(self, text: str) -> str | None:
        return self._at(text, _skip(text, 0))

    def _plain(self) -> str | None:
        for reader in (self._last_line, self._judged, self._alone, self._apart, self._only_text):
            if reader == self._apart and cut_off(self.response):
                return None
            found = reader()
            if found is not None:
                return found
        return None

    def _label(self, match: re.Match[str]) -> str | None:
        written = match[match.lastindex or 0]
        found = self.spelt.shown.get(written)
        return found if found is not None else self.spelt.shown.get(written.casefold())

    def _named(self, match: re.Match[str]) -> str | None:
        option = self.texts.option.get(match.lastindex or 0)
        return None if option is None else self.labels[option]

    def _last_line(self) -> str | None:
        """The last line, where it is nothing but a label."""
        core = self.response[-2000:].rstrip().rpartition("\n")[2].strip(_MARKUP).strip("()[]{}")
        return self.spelt.shown.get(core) or self.spelt.shown.get(core.casefold())

    def _judged(self) -> str | None:
        """The last of: what is chosen ("I choose B"), what stands before a verdict ("B is correct")."""
        found = []
        for match in reversed(deque(_CHOSEN.finditer(self.response), maxlen=_MENTIONS)):
            if label := self._at(self.response, _skip(self.response, match.end()), only_here=True):
                found.append((match.start(), label))
                break
        for match in reversed(deque(_VERDICT.finditer(self.response), maxlen=_MENTIONS)):
            if (label := self._before(match.start())) is not None:
                found.append((match.start(), label))
                break
        return max(found)[1] if found else None

    def _at(self, text: str, start: int, only_here: bool = False) -> str | None:
        """What is named right here: an option's text, a label; else the only thing named on the rest of the line."""
        label = self.spelt.marked.match(text, start)
        named = self.texts.pattern.match(text, start) if self.texts.pattern else None
        if named and (label is None or named.end() > label.end()) and (found := self._named(named)):
            return found
        if label:
            return "" if self.spelt.second.match(text, label.end()) else self._label(label)
        rest = text[start : start + 300].partition("\n")[0]
        if only_here or _NEGATED.match(rest):
            return None
        apart = self.spelt.apart.search(rest)
        return self._label(apart) if apart else self._only(rest)

    def _only(self, text: str) -> str | None:
        """The only option whose text is mentioned."""
        if self.texts.pattern is None:
            return None
        found = {self._named(match) for match in self.texts.pattern.finditer(text)} - {None}
        return found.pop() if len(found) == 1 else None

    def _before(self, end: int) -> str | None:
        """The last thing named on the line up to here, not far away."""
        line = self.response[max(0, end - 300) : end].rpartition("\n")[2]
        bare = self.spelt.last.search(line)
        if bare and not self._inside_text(line, bare.start(1)):
            return self._label(bare)
        found = [(match.end(), self._label(match)) for match in self.spelt.apart.finditer(line)]
        if listed := self.spelt.listed.match(line):
            found.append((listed.end(), self._label(listed)))
        if self.texts.pattern:
            found += [(match.end(), self._named(match)) for match in self.texts.pattern.finditer(line)]
        place, named = max(found, key=lambda pair: pair[0], default=(0, None))
        return named if place >= len(line) - 60 else None

    def _inside_text(self, text: str, place: int) -> bool:
        """Whether a letter belongs to an option's text, as in "vitamin C"."""
        window = max(0, place - 200)
        if self.texts.pattern is None:
            return False
        around = self.texts.pattern.finditer(text, window, place + 200)
        return any(match.start() < place < match.end() for match in around)

    def _alone(self) -> str | None:
        """The first or the last line, where it is nothing but a label or a text and not one entry of a list."""
        lines = [line for line in self.response[:2000].split("\n") if line.strip()][:2]
        if lines and (found := self._line(lines[0])) and self._line(lines[-1]) in (None, found):
            return found
        lines = [line for line in self.response[-2000:].split("\n") if line.strip()][-2:]
        if lines and (found := self._line(lines[-1])) and self._line(lines[0]) in (None, found):
            return found
        return None

    def _line(self, line: str) -> str | None:
        core = line[:600].strip(_MARKUP)
        bare = self.spelt.shown.get(core.strip("()[]{}")) or self.spelt.shown.get(core.strip("()[]{}").casefold())
        if bare is not None:
            return bare
        named = self.texts.pattern.match(core) if self.texts.pattern else None
        if named and named.end() == len(core):
            return self._named(named)
        listed = self.spelt.listed.match(line)
        if listed is None or [self._label(match) for match in self.spelt.apart.finditer(line[:600])] == [*self.labels]:
            return None
        label = self._label(listed)
        if label is None or not label.isdigit():
            return label
        # "1. Plants need light" is the first step of some reasoning; only the option's own text makes it a label.
        own = self.texts.pattern.match(line, _skip(line, listed.end())) if self.texts.pattern else None
        return label if own and self._named(own) == label else None

    def _apart(self) -> str | None:
        """The last label set apart; None where all are listed once in order, as in a list that is repeated."""
        tail = self.response[-TAIL:]
        last = deque(self.spelt.apart.finditer(tail), maxlen=_MENTIONS)
        found = [
            self._label(match)
            for match in last
            if not self._inside_text(tail, match.start())
            and not _DENIED.search(tail[max(0, match.start() - 30) : match.start()])
        ]
        listed = len(self.labels) > 1 and found == [*self.labels]
        return found[-1] if found and not listed else None

    def _only_text(self) -> str | None:
        return self._only(self.response[-TAIL:])


def _skip(text: str, start: int) -> int:
    filler = _FILLER.match(text, start)
    return filler.end() if filler else start
