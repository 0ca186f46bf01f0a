r"""Reading which of several options a response chooses.

A label counts where it is marked ("the answer is B", `\boxed{B}`), set apart ("(B)", "**B**", "option B", "B." at the
start of a line), or ends a line; never the article in "A cell", the pronoun in "I think", the number in "3 protons".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rveval.answers.containers import cut_off, held
from rveval.answers.labels import Labels, Texts, option_texts, spelt
from rveval.answers.parts import Parts
from rveval.answers.reading import TAIL, Reading, backward, read, strictly

_MARKUP = " \t\r\n*_`\"'$\u201c\u201d.!,;:>-"
_ECHO = re.compile(r"\s{0,9}(?:Q:[^\n]{0,2000}\n\s{0,9})?A:\s{1,9}(?=\S)")  # what prompts of BBH end in
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s?\{([^{}]{0,300})\}")
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
_VERDICT = re.compile(
    r"\b(?:is|are)\s+(?:(?:the|my)\s+)?(?:most\s+|only\s+|final\s+)?(?:correct|right|best|answer)\b", re.IGNORECASE
)
_DENIED = re.compile(r"(?:\bnot|\bcannot|n['\u2019]t|\bnever)\s+(?:be\s+)?(?:option\s+)?\Z", re.IGNORECASE)


def read_option(response: str | Parts, labels: Sequence[str], options: Sequence[str], question: str = "") -> Reading:
    r"""The option that a response chooses, as its label.

    Strict: the last line that ends in `#### C`, `#### (C)` or `#### C.`. Flexible, the first that is found of: the
    strict one; what the last container names; a last line that is only a label; what is judged right or chosen last; a
    first or a last line that is a label with a text, or an option's text; the last label set apart, unless all labels
    are listed once in order; the only option whose text is mentioned. Two labels ("A or C") name none. Texts count as
    whole phrases without regard to case, the longest first; a text that two options share names neither. Labels count
    without regard to case where that leaves them different.

    >>> read_option("Because of this...\n#### C", ["A", "B", "C"], ["one", "two", "three"])
    Reading(strict='C', flexible='C')
    >>> read_option("A cell has mitochondria. The answer is (B).", ["A", "B"], ["ribosome", "nucleus"]).flexible
    'B'
    >>> read_option("<think>A?</think><answer>nucleus</answer>", ["A", "B"], ["ribosome", "nucleus"]).flexible
    'B'
    """
    chooser = _Chooser(spelt(tuple(labels)), option_texts(tuple(options)), tuple(labels))
    return read(response, chooser.strict, chooser.flexible, question)


class _Chooser(NamedTuple):
    """What labels and texts look like."""

    spelt: Labels
    texts: Texts
    labels: tuple[str, ...]

    def strict(self, text: str) -> str | None:
        def label(said: str) -> str | None:
            said = said[1:-1] if said[:1] + said[-1:] == "()" else said
            return self.spelt.shown.get(said) or self.spelt.shown.get(said.casefold())

        return strictly(text, label)

    def flexible(self, text: str) -> str | None:
        echo = _ECHO.match(text)
        if echo and self.spelt.shown.get("a", self.spelt.shown.get("A")):
            behind = self._held(text[echo.end() :])
            if behind is not None:
                return behind
        return self._held(text)

    def _held(self, text: str) -> str | None:
        return held(text, lambda container, _: self._first(container.inside), self._plain, self._contained)

    def _contained(self, text: str) -> str | None:
        found = self._first(text)
        return self._plain(text) if found is None and "\n" in text.strip() else found

    def _first(self, text: str) -> str | None:
        """What a text that holds an answer names; "" where it names two."""
        text = _TEXT.sub(r"\1", text[:2000])
        return self._at(text, _skip(text, 0))

    def _plain(self, text: str) -> str | None:
        """What a text without a container names."""
        tail = text[-TAIL:]
        lines = [line for line in text[-2000:].split("\n") if line.strip()][-2:]
        first = [line for line in text[:2000].split("\n") if line.strip()][:2]
        if not lines:
            return None
        if bare := self._bare(lines[-1]):
            return bare
        if (own := self._own(lines[-1])) and (len(lines) == 1 or not self._own(lines[0])):
            return own
        if judged := self._judged(tail):
            return judged
        for line, beside in ((first[0], first[-1]), (lines[-1], lines[0])) if first else ():
            if (found := self._line(line)) and self._line(beside) in (None, found):
                return found
        if cut_off(text):
            return None
        return self._apart(tail) or self._only(tail)

    def _label(self, match: re.Match[str]) -> str | None:
        written = match[match.lastindex or 0]
        found = self.spelt.shown.get(written)
        return found if found is not None else self.spelt.shown.get(written.casefold())

    def _named(self, match: re.Match[str]) -> str | None:
        option = self.texts.option.get(match.lastindex or 0)
        return None if option is None else self.labels[option]

    def _bare(self, line: str) -> str:
        """The label that is all there is on a line."""
        core = line[:600].strip(_MARKUP).strip("()[]{}")
        return self.spelt.shown.get(core) or self.spelt.shown.get(core.casefold()) or ""

    def _own(self, line: str) -> str:
        """The label of a line that is a label with its own option's text, and nothing else."""
        listed = self.spelt.listed.match(line)
        if listed is None or self.texts.pattern is None or not (label := self._label(listed)):
            return ""
        named = self.texts.pattern.match(line, _skip(line, listed.end()))
        return label if named and self._named(named) == label and not line[named.end() :].strip(_MARKUP) else ""

    def _judged(self, text: str) -> str | None:
        """The last of: what is chosen ("I choose B"), what stands before a verdict ("B is correct")."""
        found = []
        for match in backward(_CHOSEN, text):
            if label := self._at(text, _skip(text, match.end()), only_here=True):
                found.append((match.start(), label))
                break
        for match in backward(_VERDICT, text):
            if (label := self._before(text, match.start())) is not None:
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
        apart = {self._label(match) for match in self.spelt.apart.finditer(rest)}
        return (apart.pop() if len(apart) == 1 else None) if apart else self._only(rest)

    def _only(self, text: str) -> str | None:
        """The only option whose text is mentioned."""
        if self.texts.pattern is None:
            return None
        found = {self._named(match) for match in self.texts.pattern.finditer(text)} - {None}
        return found.pop() if len(found) == 1 else None

    def _before(self, text: str, end: int) -> str | None:
        """The last thing named on the line up to here, not far away."""
        line = text[max(0, end - 300) : end].rpartition("\n")[2]
        bare = self.spelt.last.search(line)
        if bare and not self._inside_text(line, bare.start(1)):
            return None if self.spelt.first.search(line[: bare.start(1)]) else self._label(bare)
        found = [(match.end(), self._label(match)) for match in self.spelt.apart.finditer(line)]
        if listed := self.spelt.listed.match(line):
            found.append((listed.end(), self._label(listed)))
        if self.texts.pattern:
            found += [(match.end(), self._named(match)) for match in self.texts.pattern.finditer(line)]
        place, named = max(found, key=lambda pair: pair[0], default=(0, None))
        return named if place >= len(line) - 60 else None

    def _inside_text(self, text: str, place: int) -> bool:
        """Whether a letter belongs to an option's text, as in "vitamin C"."""
        if self.texts.pattern is None:
            return False
        around = self.texts.pattern.finditer(text, max(0, place - 200), place + 200)
        return any(match.start() < place < match.end() for match in around)

    def _line(self, line: str) -> str | None:
        """The option that a line consists of or begins with, where it is not one that lists all."""
        if bare := self._bare(line):
            return bare
        core = line[:600].strip(_MARKUP)
        named = self.texts.pattern.match(core) if self.texts.pattern else None
        if named and named.end() == len(core):
            return self._named(named)
        listed = self.spelt.listed.match(line)
        if listed is None or self.spelt.second.match(line, listed.end()):
            return None
        if [self._label(match) for match in self.spelt.apart.finditer(line[:600])] == [*self.labels]:
            return None
        label = self._label(listed)
        if label is None or not label.isdigit():
            return label
        # "1. Plants need light" is the first step of some reasoning; only the option's own text makes it a label.
        own = self.texts.pattern.match(line, _skip(line, listed.end())) if self.texts.pattern else None
        return label if own and self._named(own) == label else None

    def _apart(self, text: str) -> str | None:
        """The last label set apart; None where all are listed once in order, or where it is one of two."""
        last = [
            match
            for match in backward(self.spelt.apart, text)
            if not self._inside_text(text, match.start())
            and not _DENIED.search(text[max(0, match.start() - 30) : match.start()])
        ]
        found = [self._label(match) for match in last]
        if not found or (len(self.labels) > 1 and found[::-1] == [*self.labels]):
            return None
        start = last[0].start(last[0].lastindex or 0)
        return None if self.spelt.first.search(text[max(0, start - 30) : start]) else found[0]


def _skip(text: str, start: int) -> int:
    filler = _FILLER.match(text, start)
    return filler.end() if filler else start
