r"""What a reading is, and the marks that all readers look for: `####`, "the answer is", "Answer:", `\boxed{}`."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

HASHES = r"####(?<!#####)(?!#)"  # written this way round so that the search can skip ahead to the literal
BOXED = re.compile(  # braces nested up to three deep; a box that the token limit cut off counts too
    r"\\boxed\s{0,4}\{((?>[^{}]|\{(?>[^{}]|\{[^{}]{0,200}+\}){0,200}+\}){0,200}+)"
)
# "The answer cannot be B" marks nothing. What must come is looked for alone first: that takes half the time.
_UP_TO = (
    r"(?=[^\n.:=]{0,60}?\b(?:is|be|was)\b)"
    r"(?:(?!\bnot\b|n['\u2019o]t\b|\bnever\b)[^\n.:=]){0,60}?"
)
_MARK = re.compile(
    rf"{HASHES}"
    rf"|\b(?:answer|option|choice)s?\b{_UP_TO}\b(?:is|be|was)\b"
    r"|\b(?:answer|option|choice|conclusion|solution|output|result)s?\b[*_ ]{0,4}[:=]"
    r"|\b(?P<weak>choose|pick|select|go with|opt for"
    r"|(?:so|thus|hence|therefore),?\s(?:it|this|that)\s(?:is|(?:must|should|would|has to)\sbe))\b",
    re.IGNORECASE,
)
# What may stand between a mark and the answer: Markdown, LaTeX, quotes, brackets, hedges.
FILLER = re.compile(
    r"(?>(?:[\s*_:=$>~`\"'\u201c\u201d(\[{\u2248-]|\\(?:text|textbf|mathrm|mathbf|boxed)\b|\\"
    r"|(?:the|option|choice|letter|label|answer|definitely|probably|clearly|indeed|most likely|therefore)\b){0,24})",
    re.IGNORECASE,
)
NEGATED = re.compile(r"\W{0,4}(?:not|neither|none|never)\b", re.IGNORECASE)
MARKS = 200
"""How many marks are looked at, from the last one backward: it keeps the time linear in the length."""
TAIL = 100_000
"""How much of the end of a response is searched for an answer that nothing marks."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a response was taken to say, as canonical text; None where nothing was found."""

    strict: str | None
    flexible: str | None

    @property
    def failed(self) -> bool:
        """Whether no answer could be extracted at all."""
        return self.flexible is None


class Mark(NamedTuple):
    """Where an answer is announced: the mark's start and end, and where the answer itself begins.

    A weak one ("I choose") may well mean something else; the answer must follow at once.
    """

    start: int
    end: int
    answer: int
    weak: bool


def marks(text: str) -> Iterator[Mark]:
    """Where an answer is announced, the last first."""
    for match in reversed(deque(_MARK.finditer(text), maxlen=MARKS)):
        filler = FILLER.match(text, match.end())
        weak = match.lastgroup == "weak"
        yield Mark(match.start(), match.end(), filler.end() if filler else match.end(), weak)


def boxes(text: str) -> Iterator[tuple[int, str]]:
    r"""What stands in a `\boxed{}`, the last first, with the place of the box."""
    for match in reversed(deque(BOXED.finditer(text), maxlen=MARKS)):
        yield match.start(), match.group(1)


def rest_of_line(text: str, start: int, most: int = 300) -> str:
    """What follows on the same line, `most` characters at most."""
    return text[start : start + most].partition("\n")[0]
