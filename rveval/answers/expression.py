r"""Mathematical expressions: their value where it is a number, and whether two of them are the same.

Plain numbers and fractions are worked out here and never pass through a float; what is more than that (`2\sqrt{3}`,
`[0, 1)`) is math-verify's to parse and to compare. It is slow to import and can take long: it is imported where it is
needed, and is given nothing that could grow beyond a screen.
"""

from __future__ import annotations

import logging
import re
import threading
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from math import prod
from typing import Any

_LONGEST = 120
_DIGITS = 20
_PATIENCE = 5  # seconds
# Exponents and factorials that can be worked out at once; any others could take for ever.
_POWER = re.compile(
    r"\^\s?(?:\{?\(?([-+]?\d{1,2})\)?\}?(?![\d^!*])|\{?[a-z]\}?(?!\^)|\{?\(?\d/\d\)?\}?|\{?\\[dt]?frac\{?\d\}?\{?\d\}?)"
)
_FACTORIAL = re.compile(r"(?<![\d.^{}])(?:\d{1,3}|[a-z])!(?!!)")
_CALCULATION = re.compile(
    r"(?:[\d\s.,+*/^(){}\[\]!|-]|\\(?:[dt]?frac|sqrt|cdot|times|div|left|right|binom|pi|ln|log|sin|cos|tan)"
    r"(?![a-zA-Z])|\\[,;! ]|\bsqrt|\bpi\b)+"
)


def shown(value: Fraction) -> str:
    """A value as a decimal number: exact where that ends within 20 places, else to 20 significant digits and more.

    >>> shown(Fraction(3, 4)), shown(Fraction(-6, 3)), shown(Fraction(11, 12))
    ('0.75', '-2', '0.91666666666666666667')
    """
    with localcontext(prec=_DIGITS + len(str(abs(int(value)))) - 1):
        return spelt(Decimal(value.numerator) / Decimal(value.denominator))


def spelt(value: Decimal) -> str:
    """One spelling for one value: no exponent, no trailing zeros, "-" only below zero."""
    text = format(value, "f")  # exact: constructing and formatting never round, normalize() would
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _tame(text: str) -> bool:
    """Whether an expression is worked out at once: short, without towers of powers or factorials of large numbers."""
    powers = _POWER.findall(text)
    size = prod(abs(int(power)) for power in powers if power.strip("+-0"))
    counts = text.count("^") == len(powers) and text.count("!") == len(_FACTORIAL.findall(text))
    return len(text) <= _LONGEST and counts and size <= 10_000 and "**" not in text and not re.search(r"\d{16}", text)


def evaluate(expression: str) -> str | None:
    r"""The value of an expression as a decimal number; None where it has none, is not a real number, or is too long.

    >>> evaluate(r"\sqrt{16} + 2^3"), evaluate("x + 1")
    ('12', None)
    """
    text = expression.strip().strip("$").strip()
    if not _tame(text) or not _CALCULATION.fullmatch(text):
        return None
    value = _parsed(text)
    if value is None or not getattr(value, "is_number", False) or not getattr(value, "is_real", False):
        return None
    if value.is_Rational:
        return shown(Fraction(int(value.p), int(value.q)))
    number = value.evalf(_DIGITS)
    return spelt(Decimal(str(number))) if number.is_Float else None


def same_expression(one: str | None, other: str | None) -> bool:
    r"""Whether two expressions are the same by value, as math-verify compares; a missing reading equals nothing.

    >>> same_expression(r"\frac{1}{2}", "0.5"), same_expression("[0, 1)", "[0, 1]")
    (True, False)
    """
    if one is None or other is None:
        return False
    if one == other:
        return True
    if not _tame(one) or not _tame(other):
        return False
    from math_verify import verify

    left, right = _parsed(one), _parsed(other)
    return left is not None and right is not None and bool(verify(left, right, timeout_seconds=_seconds()))


def _seconds() -> int | None:
    """How long math-verify may take; its timeout is a signal, which only the main thread can have."""
    return _PATIENCE if threading.current_thread() is threading.main_thread() else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Any:
    """What math-verify parses a text to; None where it can't."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse

    for name in ("math_verify.parser", "math_verify.grader"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # they warn that nothing limits the time: the length does
    configs = (LatexExtractionConfig(), ExprExtractionConfig())
    found = parse(f"${text}$", extraction_config=configs, parsing_timeout=_seconds(), fallback_mode="no_fallback")
    return found[0] if found else None
