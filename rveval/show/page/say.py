"""Numbers as people read them: points with a sign, shares as percent, p values that claim no more than they know."""

from __future__ import annotations

import re
from typing import Any

from rveval.findings.typed import Call, Interval

MINUS = "\N{MINUS SIGN}"

# Shape as well as colour: a page printed in grey, or read by somebody who sees no colours, says the same.
SIGNS: dict[str, str] = {"better": "▲", "worse": "▼", "unclear": "○", "edge": "⊘"}
CALLS: dict[str, str] = {
    "better": "better",
    "worse": "worse",
    "unclear": "can't be told apart",
    "edge": "no verdict: at the floor or the ceiling",
}

REMARK = "†"  # what has one: the remark itself stands in its tip and in its table


def points(value: float) -> str:
    """A difference of shares in percentage points: 0.052 -> "+5.2"."""
    text = f"{100 * value:+.1f}"
    return "0.0" if text in {"+0.0", "-0.0"} else text.replace("-", MINUS)


def percent(value: float) -> str:
    """A share in percent: 0.632 -> "63.2%"."""
    return f"{100 * value:.1f}%".replace("-", MINUS)


def count(value: int) -> str:
    """A count with its thousands apart: 1319 -> "1,319"."""
    return f"{value:,}"


def p_value(value: float | None) -> str:
    """A p value; "" for none."""
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def corrected(value: float | None, family: str, n: int) -> str:
    """A p value with what it was corrected for, or that it was not: "p 0.003, corrected within ...".

    `family` is the name of the family of hypotheses, `n` how many it holds; 0 where that is not known.
    """
    if value is None:
        return "that p is uncorrected"
    held = ": ".join(part for part in (family, f"{count(n)} comparisons" if n else "") if part)
    return f"p corrected within its family of hypotheses{f' ({held})' if held else ''}: {p_value(value)}"


def number(value: float) -> str:
    """A plain number without needless digits: 0.5 -> "0.5", and a true minus sign."""
    return f"{value:.6g}".replace("-", MINUS)


def points_span(interval: Interval) -> str:
    """The interval of a difference: "+3.1 to +7.3"."""
    return f"{points(interval['low'])} to {points(interval['high'])}"


def percent_span(interval: Interval) -> str:
    """The interval of a share: "60.1 to 66.2%"."""
    return f"{100 * interval['low']:.1f} to {100 * interval['high']:.1f}%".replace("-", MINUS)


def level(share: float) -> str:
    """The level of the intervals: 0.95 -> "95%"."""
    return f"{100 * share:g}%"


def seconds(value: float) -> str:
    """A duration: 75 -> "1 min 15 s"."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(text: str) -> str:
    """A moment as records write it, to the minute: "2025-01-02T03:04:05+00:00" -> "2025-01-02 03:04 UTC"."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*(Z|[+-]\d\d:?\d\d)?", text)
    if found is None:
        return text
    zone = found[3] or ""
    return f"{found[1]} {found[2]} {'UTC' if zone in ('Z', '+00:00') else zone}".rstrip()


def sign_of(interval: Interval) -> Call:
    """How an interval lies to zero, for a colour and a shape: above, below, or across."""
    return "better" if interval["low"] > 0 else "worse" if interval["high"] < 0 else "unclear"


# Control characters, marks of direction, ends of lines other than the usual one, halves of surrogate pairs.
_INVISIBLE = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ud800-\\udfff]"
)


def visible(value: Any) -> Any:
    """A text in which nothing is invisible, so that no name can hide, or turn round, what stands beside it."""
    if not isinstance(value, str):
        return value
    if not _INVISIBLE.search(value):
        return value
    return type(value)(_INVISIBLE.sub(lambda found: f"⟨{ord(found[0]):04X}⟩", value))
