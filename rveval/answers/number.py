"""Reading the number that a response gives as its answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice

from rveval.answers.containers import Container, cut_off, held, undecided
from rveval.answers.expression import evaluate
from rveval.answers.numerals import DIGITS, MONEY, Number, canonical, joined, numbers, tidied
from rveval.answers.parts import Parts
from rveval.answers.reading import TAIL, Reading, read, strictly

_LINE = 2000
"""Characters of a sentence, or of what a container holds, that are looked at."""
_STRICT = re.compile(rf"(-?+(?:{MONEY}\s?)?+-?+(?:{DIGITS}|\.[0-9]++))(?:\s?\\?%)?+")
_HEADING = re.compile(r"[0-9]{1,3}[.):]+\s+[A-Z]")
_ORDINAL = re.compile(
    r"^[ \t]*+(?:[#*_-]{1,4}[ \t]*+)?(?:Step\s)?[0-9]{1,2}[.):]{1,2}(?=[*_]{0,2}\s[^\n])", re.MULTILINE | re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.!?])[\s*_\"')]++(?=[^\s0-9])|\n")
_EQUALS = re.compile(r"[=\u2248\u2192]|\\approx|\\Rightarrow|\bequals?\b(?:\sto\b)?")
_GIVEN = re.compile(r"[=\u2248](?!=)[^\S\n]{0,3}([^=\u2248\n]{1,40})")
_SO = re.compile(r"\b(?:so|thus|hence|therefore|total(?:s|ing)?(?: of)?|is|are|was|be|makes?)\b")
# What makes a text a calculation rather than a number with its unit: signs, variables, a letter behind the number.
_MATHS = re.compile(
    r"\\(?:sqrt|pi|binom|overline|log|ln|cdot|times|div|pm|infty|[dt]?frac|cup|in)|sqrt|\^|!|[0-9)][*+]"
    r"|[0-9]\s[*+/\u00d7]\s?[\\0-9]|(?<![a-zA-Z])[xyzijnpqrtuvw](?![a-zA-Z'])"
)
_FACTOR = re.compile(r"[a-fi-kn-rt-z](?![a-zA-Z])|pi\b")  # "4i", but not "4m"
_WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")
_SEVERAL = re.compile(
    r"(?:between|from|either)?[\s\d.,;()\[\]{}\\|&+\u00b1$-]*(?:(?:and|or|to|pm)[\s\d.,;()\[\]{}\\$-]*)*", re.IGNORECASE
)
_EDGES = " \t\r\n*_`\"'$~"


def read_number(response: str | Parts, question: str = "") -> Reading:
    r"""The number that a response gives as its answer, a fraction by its value.

    Strict: the last `####` followed by a number and the end of its line (commas, a decimal part, currency, a percent
    sign, emphasis and a closing period are fine). Flexible: the strict one; else what the last container holds; else a
    last line that is only a number; else of the last sentence with numbers the one that it comes to.

    Args:
        question: what was asked, where it is known, to tell its numbers from the answer.

    >>> read_number("She has 9 * 2 = 18 left.\n#### 18")
    Reading(strict='18', flexible='18')
    >>> read_number("The answer is $1,018.00. It took 3 steps.")
    Reading(strict=None, flexible='1018')
    >>> read_number("<think>It was 3.</think><answer>\\frac{3}{4}</answer>").flexible
    '0.75'
    >>> read_number("I do not know.").failed
    True
    """
    asked = {number.value for number in numbers(tidied(question))}

    def flexible(text: str) -> str | None:
        return held(
            text,
            lambda container, around: _inside(container, around, asked),
            lambda plain: _plain(plain, asked),
            lambda inside: _contained(inside, text, asked),
        )

    return read(response, _last_strict, flexible, question)


def gold_number(answer: str) -> str:
    """The number after the `####` of a benchmark's own worked answer, canonical.

    Raises:
        ValueError: the answer holds no `####` with a number; a benchmark's files are checked for that when loaded.
    """
    gold = _last_strict(answer)
    if gold is None:
        raise ValueError(f"no '#### <number>' in the worked answer {answer[-80:]!r}")
    return gold


def _last_strict(text: str) -> str | None:
    return strictly(text, lambda said: canonical(match[1]) if (match := _STRICT.fullmatch(said)) else None)


def _inside(container: Container, text: str, asked: Collection[str]) -> str | None:
    """The number that a container holds."""
    inside = container.inside
    if container.kind == "hashes" and _HEADING.match(inside):
        return None
    if container.kind in ("said", "title"):
        if container.noun != "answer":
            return None
        inside = _SENTENCE.split(inside, maxsplit=1)[0]
        several = len([*islice(numbers(tidied(inside[:_LINE])), 2)]) == 2
        # After "Answer:" a model may start to work the problem out.
        if container.kind == "title" and several:
            behind = text[container.place + len(inside) :]
            if re.search(r"[0-9]", behind) or not (_EQUALS.search(inside) or _SO.search(inside)):
                return None
    return _contained(inside, text, asked)


def _contained(inside: str, text: str, asked: Collection[str]) -> str | None:
    """The number of a text that holds an answer and little more; "" for an expression without a value."""
    said = joined(tidied(inside[:_LINE]).strip(_EDGES))
    last = re.sub(r"\A([-\u2212])\s+(?=[0-9])", r"\1", _EQUALS.split(said)[-1].strip() or said)
    found = [*islice(numbers(last), 2)]
    rest = f"{last[: found[0].start]} {last[found[0].end :]}" if len(found) == 1 else last
    if len(last) < 80 and (_MATHS.search(rest) or (len(found) == 1 and _FACTOR.match(last, found[0].end))):
        value = evaluate(_EQUALS.split(inside)[-1].strip(_EDGES + "."))
        return value if value or _WORD.search(last) else ""
    if undecided(last) or (len(found) > 1 and len(last) < 80 and _SEVERAL.fullmatch(last)):
        return None
    return found[0].value if len(found) == 1 else _concluded(said, text, asked, 0)


def _plain(text: str, asked: Collection[str]) -> str | None:
    """The number of a text that has no container."""
    tail = tidied(text[-TAIL:])
    last = joined(tail[-_LINE:].rstrip().rpartition("\n")[2])
    alone = [*islice(numbers(last), 2)]
    if len(alone) == 1 and not re.search(r"\w", last[: alone[0].start] + last[alone[0].end :]):
        return alone[0].value
    if cut_off(tail):
        return None
    for candidate in (_ORDINAL.sub("", tail), tail):
        for sentence in reversed(_SENTENCE.split(candidate)):
            if any(True for _ in numbers(sentence[-_LINE:])):
                return _concluded(sentence[-_LINE:], candidate, asked, -1)
    return None


def _concluded(sentence: str, text: str, asked: Collection[str], default: int) -> str | None:
    """Of the numbers of a sentence the one that it comes to, else the first or the last (`default`).

    Numbers of the question that no "=" gave don't count beside others. It is the one behind the last "=", else behind
    the last "so" or "is"; in bold; given by the last "=" of the text that gave one of them.
    """
    found = [*numbers(sentence[:_LINE])]
    if len(found) < 2:
        return found[0].value if found else None
    given = {number.value: place for place, number in enumerate(_given(text))}
    found = [number for number in found if number.value not in asked or number.value in given] or found
    for pattern in (_EQUALS, _SO):
        for mark in reversed([*pattern.finditer(sentence)]):
            behind = [number for number in found if number.start >= mark.end()]
            if behind:
                return behind[0].value
    bold = [number for number in found if sentence[: number.start].endswith("**")]
    if bold:
        return bold[-1].value
    results = [number for number in found if number.value in given]
    return max(results, key=lambda number: given[number.value]).value if results else found[default].value


def _given(text: str) -> Iterator[Number]:
    """The numbers that an "=" gave, in order."""
    for match in _GIVEN.finditer(tidied(text[-TAIL:])):
        yield from islice(numbers(match[1]), 1)
