r"""What holds an answer: tags, a JSON object's field, `\boxed{}`, `####`, and sentences such as "the answer is".

The last of them holds the answer, and nothing outside it is read any more. A tag, a field or a box is what it is meant
for: what can't be read there is no answer. `####` may be a heading and "the answer is" may go on with "as follows":
where they hold nothing, and do not say that there is no answer, the one before them counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from rveval.answers.reading import HASHES, TAIL, backward

_LONGEST = 4000
_TAG = re.compile(
    r"<(?P<shut>/?)\s?(?:final[_ ]?)?(?:answer|result|output|choice|response)\s?>"
    r"|<\|(?:begin|(?P<end>end))_of_(?:box|answer|solution)\|>|\[(?P<slash>/?)ANSWER\]",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"[\"'](?:(?:final|correct)[_ ]?)?(?:answer|choice|option|result)[\"']\s{0,9}:\s{0,9}"
    r"(?:\"(?P<text>(?:[^\"\\]|\\.)*+)(?:\"|\Z)|(?P<bare>\[[^\]]*+\]?|[^\s\"\[][^\n]*+))",
    re.IGNORECASE | re.DOTALL,
)
_HASHES = re.compile(HASHES + r"[ \t*_]*+([^\n]*+)")
_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,4}\{")
# What must come is looked for alone first: that takes half the time. "The answer cannot be B" holds nothing.
_UP_TO = (
    r"(?=[^\n.:=]{0,60}?\b(?:is|be|was)\b)"
    r"(?:(?!\bnot\b|n['\u2019o]t\b|\bnever\b)[^\n.:=]){0,60}?"
)
_SAID = re.compile(
    r"\b(?P<noun>answer|(?:option|choice)(?!\s{1,3}\W{0,3}\w{1,4}\W{0,3}\s(?:is|was)\b))s?\b"  # not "option B is"
    rf"{_UP_TO}\b(?:is|be|was)\b(?!\s(?:not|n['\u2019]t)\s)"
    r"|\b(?P<title>answer|option|choice|conclusion|solution|output|result)\b[*_ ]{0,4}[:=]",
    re.IGNORECASE,
)
_OPEN = re.compile(r"[\s*_:=\"`]{0,24}")
_UNDECIDED = re.compile(
    r"\b(?:can(?:not|['\u2019]t| not) be|could not be|undetermined|indeterminate|unknown|unclear|undefined|impossible"
    r"|insufficient|none of (?:the|these|them|given)|n/a|infinit\w+|depends|does not exist"
    r"|not (?:possible|enough|determin\w*|among|listed|given|sufficient|available|provided)"
    r"|no (?:answer|solution|correct|option|real|such|valid))\b",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"(?:[-+/=<,;(\[{]|\s\*"
    r"|[\s\"'](?:the|an|of|to|in|is|are|and|or|not|we|that|with|for|by|as|from|which|than))\s{0,9}\Z"
)


class Container(NamedTuple):
    """What holds an answer, of one kind: "tag", "field", "box", "hashes", "title" ("Answer: ...") or "said".

    Args:
        inside: what it holds; of a sentence the rest of its line, or the next line where that one ends.
        start: where it begins.
        place: where its inside begins.
        noun: of a sentence, what it calls the answer.
    """

    kind: str
    start: int
    place: int
    inside: str
    noun: str = ""

    @property
    def sure(self) -> bool:
        """Whether it can't be meant for anything else."""
        return self.kind in ("tag", "field", "box")

    @property
    def formal(self) -> bool:
        """Whether it is a form that was asked for, so that sentences behind it only comment on it."""
        return self.kind in ("tag", "field")


def containers(text: str) -> list[Container]:
    """What holds an answer, the last first; what stands inside of a tag, a field or a box is read with it."""
    found = [*_tags(text), *_fields(text), *_boxes(text), *_hashes(text), *_sentences(text)]
    outer: list[Container] = []
    end, formal = 0, any(container.formal for container in found)
    for container in sorted(found, key=lambda container: container.start):
        if container.start >= end and (container.sure or not (formal and outer and outer[-1].formal)):
            outer.append(container)
            end = container.place + len(container.inside) if container.sure else end
    return outer[::-1]


def undecided(text: str) -> bool:
    """Whether a text says that there is no answer: "cannot be determined", "none of the above"."""
    return _UNDECIDED.search(text[:_LONGEST]) is not None


def cut_off(text: str) -> bool:
    """Whether a text ends in the middle of a sentence, so that what was mentioned last may not be the answer."""
    return _CUT.search(text, max(0, len(text) - 40)) is not None


def held(
    text: str,
    look: Callable[[Container, str], str | None],
    plain: Callable[[str], str | None],
    contained: Callable[[str], str | None] | None = None,
    depth: int = 2,
) -> str | None:
    """What the last container holds, or what the text says where there is none.

    Args:
        look: reads a container, given the text that it stands in; None where it holds no answer, "" where it says so.
        plain: reads a text that has no container.
        contained: reads the text in a tag or a field that has no container of its own; `plain` if left out.
        depth: how many tags and fields within each other are opened.
    """
    for container in containers(text):
        if container.formal and depth:
            said = held(container.inside[-TAIL:], look, contained or plain, contained, depth - 1)
        else:
            said = look(container, text)
        if said is not None:
            return said or None
        if container.sure or undecided(container.inside):
            return None
    return plain(text)


def _tags(text: str) -> Iterator[Container]:
    """Tags, closed or not; a closing one alone closes what the prompt opened."""
    opened, first = None, True
    for match in _TAG.finditer(text):
        closes = bool(match["shut"] or match["end"] or match["slash"])
        if opened or (closes and first):
            start, place = opened.span() if opened else (0, 0)
            yield Container("tag", start, place, text[place : match.start()])
        opened, first = None if closes else match, False
    if opened:
        yield Container("tag", opened.start(), opened.end(), text[opened.end() :])


def _fields(text: str) -> Iterator[Container]:
    for match in backward(_FIELD, text):
        said = match["text"]
        inside = match["bare"].rstrip(" \r,}") if said is None else said.replace('\\"', '"').replace("\\\\", "\\")
        yield Container("field", match.start(), match.start("bare" if said is None else "text"), inside)


def _boxes(text: str) -> Iterator[Container]:
    r"""Boxes, up to the brace that closes them or, where the text is cut, to its end; empty ones hold nothing."""
    for match in backward(_BOX, text):
        depth, end = 1, match.end()
        for end in range(match.end(), min(len(text), match.end() + _LONGEST // 4)):
            depth += (text[end] == "{") - (text[end] == "}") if text[end - 1] != "\\" else 0
            if depth == 0:
                break
        else:
            end += 1
        if inside := text[match.end() : end].strip():
            yield Container("box", match.start(), match.end(), inside)


def _hashes(text: str) -> Iterator[Container]:
    for match in backward(_HASHES, text):
        yield Container("hashes", match.start(), match.start(1), match[1])


def _sentences(text: str) -> Iterator[Container]:
    for match in backward(_SAID, text):
        skipped = _OPEN.match(text, match.end())
        place = skipped.end() if skipped else match.end()
        inside = text[place : place + 1000].partition("\n")[0]
        noun = (match["noun"] or match["title"]).lower()
        yield Container("title" if match["title"] else "said", match.start(), place, inside, noun)
