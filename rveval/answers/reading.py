"""What a reading is, and how every reader goes about it: take apart, then read up to an invented turn."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from rveval.answers.parts import Parts, take_apart, turns

HASHES = r"####(?<!#####)(?!#)"  # written this way round so that the search can skip ahead to the literal
TAIL = 100_000
"""How much of the end of a response is searched for an answer that nothing marks."""
_MOST = 300
_ASKED_FOR = re.compile(rf"{HASHES}((?:(?!####)[^\n])*+)$", re.MULTILINE)
_EMPHASIS = re.compile(r"([*_]{1,3})(.+)\1")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a response was taken to say, as canonical text; None where nothing was found.

    `parts` are the response's, `after` included; two readings that say the same are equal whatever their parts.
    """

    strict: str | None
    flexible: str | None
    parts: Parts | None = field(default=None, compare=False, repr=False)

    @property
    def failed(self) -> bool:
        """Whether no answer could be extracted at all."""
        return self.flexible is None

    @property
    def unclosed_thinking(self) -> bool:
        """Whether there is no answer because the thinking never ended."""
        return self.parts is not None and self.parts.unclosed


def read(
    response: str | Parts,
    strict: Callable[[str], str | None],
    flexible: Callable[[str], str | None],
    question: str = "",
) -> Reading:
    """Read the answer of a response by two readers of plain text; what the strict one reads is flexible too.

    A response goes on after its answer where the model invents a next turn or a next example: what stands before the
    first of them that leaves something to read is the answer. Unclosed thinking holds none.

    Args:
        response: all that the model said, or its parts where the caller knows more about its marks.
        question: what was asked, where it is known: a question that the response repeats is no invented one.
    """
    parts = response if isinstance(response, Parts) else take_apart(response)
    if parts.unclosed:
        return Reading(None, None, parts)
    for end in [*turns(parts.answer, question), len(parts.answer)]:
        answer = parts.answer[:end] if end == len(parts.answer) else parts.answer[:end].rstrip()
        strictly = strict(answer)
        said = strictly if strictly is not None else flexible(answer)
        if said is not None:
            return Reading(
                strictly, said, replace(parts, answer=answer, after=parts.answer[len(answer) :] + parts.after)
            )
    return Reading(None, None, parts)


def strictly(text: str, spelt: Callable[[str], str | None]) -> str | None:
    """The answer on the last line that ends in `#### answer`, emphasis and a closing period set aside.

    Args:
        spelt: the answer as it is spelt; None where that is no answer.
    """
    for match in backward(_ASKED_FOR, text):
        said = match[1].strip().removesuffix(".")
        if emphasis := _EMPHASIS.fullmatch(said):
            said = emphasis[2].strip().removesuffix(".")
        if said and (found := spelt(said)) is not None:
            return found
    return None


def backward(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """What a pattern finds in a text, the last first; only so many that the time stays linear in the length."""
    return reversed(deque(pattern.finditer(text), maxlen=_MOST))
