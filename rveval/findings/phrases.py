"""Numbers in sentences: shares as points, an interval with its n."""

from __future__ import annotations

from rveval.findings.typed_cells import Interval


def points(value: float, sign: bool = True) -> str:
    """A share as points: `+5.2`."""
    return f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"


def ranged(found: Interval) -> str:
    """`+5.2 points [2.1, 8.3], n=500`."""
    return f"{points(found['value'])} points {span(found)}, n={found['n']}"


def span(found: Interval) -> str:
    """`[2.1, 8.3]`, in points."""
    return f"[{points(found['low'], False)}, {points(found['high'], False)}]"
