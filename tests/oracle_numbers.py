"""Numbers in a text, as the oracle reads them: in digits, in words, and by value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

_ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_OTHERS = """half halves third thirds fourth fourths quarter quarters fifth fifths sixth seventh eighth eighths ninth
tenth tenths first second twice thrice once double doubled doubles triple tripled triples quadruple dozen
dozens couple pair pairs score percent both neither none no single times"""
ONES = {word: value for value, word in enumerate(_ONES.split())}
TENS = {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
QUANTITIES = frozenset(_OTHERS.split())

_WRITTEN = re.compile(r"[-+]?[$€£]?\d[\d,]*(?:\.\d+)?(?:[/:]\d+)*%?|[-+]?[$€£]?\.\d+%?")
_TOKEN = re.compile(r"\d+(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|[A-Za-z]+|[^\sA-Za-z\d]")
_QUANTITY_WORD = re.compile(r"[A-Za-z]+")


def written(text: str) -> list[str]:
    """Everything written with digits, as it is written, in order.

    >>> written("He had $1,200.50, 50% of it at 6:30, and 1/2.")
    ['$1,200.50', '50%', '6:30', '1/2']
    """
    return [found.rstrip(",") for found in _WRITTEN.findall(text)]


def spoken(text: str) -> list[str]:
    """Every word that says how many, how much or which one, in order, in small letters."""
    words = (word.lower() for word in _QUANTITY_WORD.findall(text))
    known = {*ONES, *TENS, *SCALES, *QUANTITIES}
    return [word for word in words if word in known]


def is_subsequence(few: list[str], many: list[str]) -> bool:
    """Whether all of `few` stand in `many`, in order."""
    rest = iter(many)
    return all(one in rest for one in few)


def values(text: str) -> list[Decimal | str]:
    """A text with every number, in digits or words, replaced by its value; words in small letters, marks by themselves.

    Hyphens are left out, so that "twenty-five" reads as "25".

    >>> values("Twenty-five of 1,300 eggs; two hundred and six")
    [Decimal('25'), 'of', Decimal('1300'), 'eggs', ';', Decimal('206')]
    >>> values("twenty 5-gallon cans"), values("5 million")
    ([Decimal('20'), Decimal('5'), 'gallon', 'cans'], [Decimal('5000000')])
    """
    return list(_values(_TOKEN.findall(text)))


def _values(tokens: list[str]) -> Iterator[Decimal | str]:
    at = 0
    while at < len(tokens):
        found, end = _number(tokens, at)
        if found is not None:
            yield found
            at = end
            continue
        if tokens[at] != "-":
            yield tokens[at].lower()
        at += 1


def _number(tokens: list[str], at: int) -> tuple[Decimal | None, int]:
    """The number that begins at a token and where it ends; None where none begins."""
    if tokens[at][0].isdigit():
        total, at = Decimal(tokens[at].replace(",", "")), at + 1
        while at < len(tokens) and tokens[at].lower() in SCALES:
            total, at = total * SCALES[tokens[at].lower()], at + 1
        return total, at
    whole, group, seen, end = 0, 0, False, at
    while at < len(tokens):
        word = tokens[at].lower()
        if word in ONES and (not seen or _takes_ones(group, ONES[word], whole)):
            group += ONES[word]
        elif word in TENS and (not seen or group % 100 == 0):
            group += TENS[word]
        elif word == "hundred" and group < 100:
            group = max(group, 1) * 100
        elif word in SCALES and SCALES[word] > 100 and (group or not seen):
            whole, group = whole + max(group, 1) * SCALES[word], 0
        elif seen and _joins(tokens, at, group):
            at += 1
            continue
        else:
            break
        seen, at, end = True, at + 1, at + 1
    return (Decimal(whole + group), end) if seen else (None, at)


def _takes_ones(group: int, ones: int, whole: int) -> bool:
    if group == 0:
        return whole > 0 and ones > 0
    if group % 100 == 0:
        return ones > 0
    return group % 10 == 0 and group % 100 >= 20 and 0 < ones < 10


def _joins(tokens: list[str], at: int, group: int) -> bool:
    """Whether a hyphen or an "and" stands inside of a number: "twenty-five", "two hundred and six"."""
    following = tokens[at + 1].lower() if at + 1 < len(tokens) else ""
    before = tokens[at - 1].lower()
    if tokens[at] == "-":
        return (before in TENS and following in ONES) or following in SCALES
    return tokens[at].lower() == "and" and before in SCALES and (following in ONES or following in TENS)
