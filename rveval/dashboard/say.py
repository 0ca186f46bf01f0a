"""Numbers as people read them: points with a sign, shares as percent, p values that claim no more than they know."""

from __future__ import annotations

from rveval.summary.typed import Call, Interval

MINUS = "\N{MINUS SIGN}"

# Shape as well as colour: a page printed in grey, or read by somebody who sees no colours, says the same.
SIGNS: dict[str, str] = {"better": "▲", "worse": "▼", "unclear": "○", "edge": "⊘"}
CALLS: dict[str, str] = {
    "better": "better",
    "worse": "worse",
    "unclear": "can't be told apart",
    "edge": "no verdict: at the floor or the ceiling",
}


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


def number(value: float) -> str:
    """A plain number without needless digits: 0.5 -> "0.5", -1.0 -> "−1"."""
    return f"{value:.6g}".replace("-", MINUS)


def points_span(interval: Interval) -> str:
    """The interval of a difference: "+3.1 to +7.3"."""
    return f"{points(interval['low'])} to {points(interval['high'])}"


def percent_span(interval: Interval) -> str:
    """The interval of a share: "60.1 to 66.2%"."""
    return f"{100 * interval['low']:.1f} to {100 * interval['high']:.1f}%"


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


def size(n_bytes: int) -> str:
    """A size on disk: 1234567 -> "1.2 MB"."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:.1f} kB"


def sign_of(interval: Interval) -> Call:
    """How an interval lies to zero, for a colour and a shape: above, below, or across."""
    return "better" if interval["low"] > 0 else "worse" if interval["high"] < 0 else "unclear"


def shortened(text: str, width: int) -> str:
    """A label that fits beside a plot; its middle goes, for labels mostly differ at their ends."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"
