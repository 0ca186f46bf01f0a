"""Reading a number; its value never passes through a float."""

from __future__ import annotations

import re
from collections import deque
from decimal import Decimal

from rveval.answers.reading import BOXED, HASHES, Reading

# A minus is a sign only where nothing stands in front of it that it could be subtracted from ("10-5" holds 10 and 5).
_SIGN = r"(?:(?<![\w)\]}])[-\u2212\u2013](?=\\?[$€£¥]?[0-9.]))?"
_DIGITS = r"(?>[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])|[0-9]++)"
_UNSIGNED = rf"(?:{_DIGITS}(?:\.[0-9]++)?+|(?<![\w.])\.[0-9]++)"
_NUMBER = rf"({_SIGN}\\?[$€£¥]?{_UNSIGNED})"
# What may stand between "the answer is" and the number: Markdown, LaTeX, currency, hedges.
_FILLER = r"(?>(?:[\s*_:=$€£¥\\({\[\"'`~≈]|about|approximately|exactly|only|equal to|USD|Rs\.?){0,24})"

_STRICT = re.compile(HASHES + r"[ \t]*+(-?+(?:" + _DIGITS + r"(?:\.[0-9]++)?+|\.[0-9]++))\.?[ \t\r]*+$", re.MULTILINE)
_ANY_NUMBER = re.compile(_NUMBER)
_MARKERS = (
    # "#### 1. Count the eggs" is a Markdown heading, not an answer.
    re.compile(rf"{HASHES}{_FILLER}{_NUMBER}(?![.):]++[ \t]++[A-Z])"),
    re.compile(rf"\banswers?\b[^\n.:=0-9]{{0,40}}?\b(?:is|be|was)\b{_FILLER}{_NUMBER}", re.IGNORECASE),
    # After "Answer:" a model may start to work the problem out; only a line without further digits is an answer.
    re.compile(rf"\banswer\b[*_ ]{{0,4}}[:=]{_FILLER}{_NUMBER}(?=[^\n0-9]{{0,200}}(?:\n|\Z))", re.IGNORECASE),
)
_EQUATION = re.compile(r"[^\S\n]{0,4}(?:[-+*/\u00d7\u00f7\u2212]|\\times|\\div)[^\n]{0,200}")
_FRACTION = re.compile(r"\\[dt]?frac|[0-9]\s{0,2}/\s{0,2}[0-9]")
_LATEX_COMMA = re.compile(r"(?<=[0-9])(?:\{,\}|\\,)(?=[0-9]{3})")
_NOISE = re.compile(r"[\s,\\$€£¥]+")


def read_number(response: str) -> Reading:
    r"""The number that a response gives as its answer.

    Strict: the last `####` followed by a number and the end of its line (commas, a decimal part and a closing period
    are fine). Flexible: the strict one; else the last of `#### $42 a day`, "the answer is 42", "Answer: 42" and
    `\boxed{42}`; else the last number anywhere. A fraction is not read as one number. So a strict answer is always the
    flexible one too, and accuracy read flexibly is never below accuracy read strictly, item by item.

    >>> read_number("She has 9 * 2 = 18 left.\n#### 18")
    Reading(strict='18', flexible='18')
    >>> read_number("The answer is $1,018.00. It took 3 steps.")
    Reading(strict=None, flexible='1018')
    >>> read_number("I do not know.").failed
    True
    """
    strict = _last_strict(response)
    if strict is not None:
        return Reading(strict, strict)
    text = _LATEX_COMMA.sub(",", response)
    found = _last_marked(text)
    return Reading(None, found if found is not None else _last_number(text))


def gold_number(answer: str) -> str:
    """The number after the `####` of a benchmark's own worked answer, canonical.

    Raises:
        ValueError: the answer holds no `####` with a number; a benchmark's files are checked for that when loaded.
    """
    gold = _last_strict(answer)
    if gold is None:
        raise ValueError(f"no '#### <number>' in the worked answer {answer[-80:]!r}")
    return gold


def canonical(number: str) -> str:
    """One spelling for one value: no commas, currency, leading or trailing zeros, no exponent, "-" only below zero.

    >>> canonical("$1,250.50"), canonical("-0.0"), canonical("007"), canonical("\u22125")
    ('1250.5', '0', '7', '-5')
    """
    plain = _NOISE.sub("", number).replace("\u2212", "-").replace("\u2013", "-")
    text = format(Decimal(plain), "f")  # exact: constructing and formatting never round, normalize() would
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def same_number(one: str | None, other: str | None) -> bool:
    """Whether two readings name the same value; a missing reading equals nothing."""
    return one is not None and other is not None and Decimal(one) == Decimal(other)


def _last_strict(text: str) -> str | None:
    found = deque(_STRICT.finditer(text), maxlen=1)
    return canonical(found[0].group(1)) if found else None


def _last_number(text: str) -> str | None:
    found = deque(_ANY_NUMBER.finditer(text), maxlen=1)
    return canonical(found[0].group(1)) if found else None


def _last_marked(text: str) -> str | None:
    """The number of the last marker in the text that has one."""
    best, position = None, -1
    for pattern in _MARKERS:
        for match in pattern.finditer(text):
            if match.start() > position:
                best, position = _value(text, match), match.start()
    for match in BOXED.finditer(text):
        value = _boxed(match.group(1))
        if value is not None and match.start() > position:
            best, position = value, match.start()
    return best


def _value(text: str, match: re.Match[str]) -> str:
    """The marked number, or the right-hand side where an equation follows ("The answer is 3 + 4 = 7")."""
    equation = _EQUATION.match(text, match.end())
    if equation and "=" in equation.group():
        result = _ANY_NUMBER.search(equation.group().rpartition("=")[2])
        if result:
            return canonical(result.group(1))
    return canonical(match.group(1))


def _boxed(inside: str) -> str | None:
    """The number in a box; of an equation its last side; None for a fraction."""
    last_side = inside.rpartition("=")[2]
    number = None if _FRACTION.search(last_side) else _ANY_NUMBER.search(last_side)
    return canonical(number.group(1)) if number else None
