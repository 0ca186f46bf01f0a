"""How numbers are written: separators, signs, currencies, scales, fractions, and the LaTeX around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from rveval.answers.expression import shown, spelt

MONEY = r"(?:US|C|A)?\\?[$€£¥₹]"
DIGITS = (
    r"(?>[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])|[0-9]{1,3}(?:[\u00a0\u2009\u202f][0-9]{3})++(?![0-9])|[0-9]++)"
    r"(?:\.[0-9]++)?+"
)
# A minus is a sign only where nothing stands in front of it that it could be subtracted from ("10-5" holds 10 and 5).
_SIGN = rf"(?:(?<![\w)\]}}])[-\u2212\u2013](?=(?:{MONEY}\s?)?[0-9.]))?"
_SCALES = {"hundred": 2, "thousand": 3, "k": 3, "million": 6, "m": 6, "mn": 6, "billion": 9, "bn": 9, "trillion": 12}
_NUMBER = re.compile(
    rf"(?P<sign>{_SIGN})(?:{MONEY}\s?(?P<minus>[-\u2212](?=[0-9.]))?)?(?P<digits>{DIGITS}|(?<![\w.])\.[0-9]++)"
    r"(?:(?:\s(?P<upper>[0-9]{1,6}))?\s?/\s?(?P<lower>[0-9]{1,9})(?![\w/]|\.[0-9]|\s/)"  # 3/4, 2 1/2
    r"|[eE](?P<exponent>[-+]?[0-9]{1,2})(?!\w)"
    r"|\s?(?:\\times|\\cdot|[*x\u00d7\u00b7])\s?10(?:\^\{?|\*\*)(?P<power>[-\u2212]?[0-9]{1,2})\}?"
    r"|[\s-]?(?P<scale>hundred|thousand|million|billion|trillion|mn|bn)\b|(?P<letter>[kKM])(?!\w))?"
)
# "x^2", "a_1", "1.2.3", "05/01/2021", "2:30", "1,5": a part of something longer is no number.
_BEFORE = re.compile(r"(?:[\^_]\{?|[0-9][.,:/]|\\overline\{)\Z")
_AFTER = re.compile(r"[,.:/][0-9]|\.?\\(?:overline|dot|bar)")
_NOISE = re.compile(r"[\s,\\$€£¥₹A-Z]+")
_FRACTION = r"\\[dtc]?frac\s?\{\s?(-?)\s?([0-9]{1,15})\s?\}\s?\{\s?([0-9]{1,9})\s?\}"
_TIDY = (
    (re.compile(r"(?<=[0-9])(?:\{,\}|,?\\[,!; ]|,\\!|~)(?=[0-9]{3})"), ","),
    (re.compile(r"\\(?:text|textbf|textit|mathbf|mathrm|mbox|bm|boldsymbol|underline)\s?\{([^{}]{0,200})\}"), r"\1"),
    (re.compile(r"\\[dtc]?frac\s?([0-9])\s?([0-9])(?![0-9])"), r"\\frac{\1}{\2}"),
    (re.compile(r"(?<=[0-9])\s?" + _FRACTION), r" \2/\3"),
    (re.compile(_FRACTION), r"\1\2/\3"),
    (re.compile(r"\^\s?\{?\s?\\circ\s?\}?|\\degree|(?:(?<=\s[a-zA-Z])|(?<=[a-zA-Z]{2}))\^\{?[23]\}?"), ""),
    (re.compile(r"\\(?:left|right|displaystyle|[!,;:])(?![a-zA-Z])|(?<=[0-9])\\(?= )"), ""),
    (re.compile(r"\\([%$&#])"), r"\1"),
)
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d{1,3}(?:\.\d{3})+),(\d{1,2})(?![\d.,])")
_DOTTED = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3}){2,}(?![\d.,]?\d)")
_SPACED = re.compile(r"(?<![\w.,])\d{1,3}(?: \d{3})+(?![\d.,]?\d)")


class Number(NamedTuple):
    """A number in a text: its value, canonical, and where it stands."""

    value: str
    start: int
    end: int


def tidied(text: str) -> str:
    r"""A text without the LaTeX that stands around and within numbers; fractions as a/b.

    >>> tidied(r"\textbf{1{,}080} and 2\frac{1}{2}")
    '1,080 and 2 1/2'
    """
    for pattern, instead in _TIDY:
        text = pattern.sub(instead, text)
    return _DOTTED.sub(lambda match: match[0].replace(".", ""), text)


def joined(text: str) -> str:
    """A text that holds one number and little else, the parts of that number put together.

    >>> joined("10 080"), joined("10.080,50")
    ('10080', '10080.50')
    """
    text = _DECIMAL_COMMA.sub(lambda match: f"{match[1].replace('.', '')}.{match[2]}", text)
    return _SPACED.sub(lambda match: match[0].replace(" ", ""), text)


def numbers(text: str) -> Iterator[Number]:
    """The numbers of a text, in order; parts of something longer are none.

    >>> [number.value for number in numbers("$2.5k of 3/4, not 2:30")]
    ['2500', '0.75']
    """
    for match in _NUMBER.finditer(text):
        place = match.start("digits")
        if _BEFORE.search(text, max(0, place - 10), place) or _AFTER.match(text, match.end()):
            continue
        value = _value(match)
        if value is not None:
            yield Number(value, match.start(), match.end())


def _value(match: re.Match[str]) -> str | None:
    digits = "".join(match["digits"].replace(",", "").split())
    minus = "-" if match["sign"] or match["minus"] else ""
    if match["lower"]:
        whole, upper = (digits, match["upper"]) if match["upper"] else ("0", digits)
        if len(whole + upper) > 30 or "." in whole + upper or int(match["lower"]) == 0:
            return None
        value = int(whole) + Fraction(int(upper), int(match["lower"]))
        return shown(-value if minus else value)
    power = int((match["exponent"] or match["power"] or "0").replace("\u2212", "-"))
    power += _SCALES[(match["scale"] or match["letter"]).lower()] if match["scale"] or match["letter"] else 0
    sign, figures, exponent = Decimal(minus + digits).as_tuple()
    return spelt(Decimal((sign, figures, int(exponent) + power)))


def canonical(number: str) -> str:
    """One spelling for one value: no commas, currency, leading or trailing zeros, no exponent, "-" only below zero.

    >>> canonical("$1,250.50"), canonical("-0.0"), canonical("007"), canonical("\u22125")
    ('1250.5', '0', '7', '-5')
    """
    return spelt(Decimal(_NOISE.sub("", number).replace("\u2212", "-").replace("\u2013", "-")))


def same_number(one: str | None, other: str | None) -> bool:
    """Whether two readings name the same value; a missing reading equals nothing."""
    return one is not None and other is not None and Decimal(one) == Decimal(other)
