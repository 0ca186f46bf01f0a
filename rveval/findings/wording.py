"""How numbers are written in sentences and in what the pointer shows: one notation, which renderers may share."""

from __future__ import annotations

from collections.abc import Iterable

from rveval.findings.pictures import Sign
from rveval.findings.pieces import Interval, Outcome, Points, PValue, Share, Value

REMARK = "†"  # beside a name or a number that has a remark; the remark itself stands in its hover and in its table
MANY = 4  # things that are named one by one
CALLS: dict[str, str] = {
    "better": "better",
    "worse": "worse",
    "unclear": "can't be told apart",
    "edge": "no verdict: at the floor or the ceiling",
}


def points(value: float, sign: bool = True) -> str:
    """A difference of shares as percentage points: 0.052 -> `+5.2`."""
    return f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"


def span(interval: Interval) -> str:
    """`[2.1, 8.3]`: an interval of a share or a difference, in percent or points."""
    return f"[{points(interval['low'], False)}, {points(interval['high'], False)}]"


def ranged(interval: Interval) -> str:
    """`+5.2 points [2.1, 8.3], n=500`."""
    return f"{points(interval['value'])} points {span(interval)}, n={interval['n']}"


def level(share: float) -> str:
    """The level of intervals: 0.95 -> `95%`."""
    return f"{100 * share:g}%"


def count(value: int) -> str:
    """A count with its thousands apart: `1,319`."""
    return f"{value:,}"


def p_value(value: float) -> str:
    """A p value with two digits that claims no more than it knows: `0.031`, `<0.0001`."""
    return "<0.0001" if value < 0.0001 else f"{value:.2g}"


def number(value: float) -> str:
    """A plain number without needless digits: `0.5`."""
    return f"{value:.6g}"


def in_words(value: Value) -> str:
    """A value of a table as text: `+5.2 [2.1, 8.3]`, `63.2% [60.1, 66.2]`, `1,319`; "" for nothing."""
    match value:
        case Points():
            return f"{points(value.value, value.signed)}{f' {span(value.interval)}' if value.interval else ''}"
        case Share():
            return f"{points(value.value, False)}%{f' {span(value.interval)}' if value.interval else ''}"
        case PValue():
            return p_value(value.value)
        case Outcome():
            return value.text
        case int():
            return count(value)
        case float():
            return number(value)
    return value if isinstance(value, str) else ""


def listed(texts: Iterable[str], between: str = ", ") -> str:
    """The first few by name, the rest by their number."""
    known = list(texts)
    more = f" and {len(known) - MANY} more" if len(known) > MANY else ""
    return between.join(known[:MANY]) + more


def sign_of(interval: Interval) -> Sign:
    """How an interval lies to zero: above, below, or across."""
    return "better" if interval["low"] > 0 else "worse" if interval["high"] < 0 else "unclear"
