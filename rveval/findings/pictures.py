"""Pictures as plain data: numbers in the units they are drawn in, beside the lines of text that the pointer shows.

Five kinds are all there is; each field is a sequence with an entry a point unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Call = Literal["better", "worse", "unclear", "edge"]
"""What may be said of a difference; "edge": it stands at the floor or the ceiling, where nothing can be said."""
Sign = Call | Literal[""]
"""How a point is coloured and shaped; "" for a point that is compared with nothing."""


def drawn(share: float) -> float:
    """A share, or a difference of shares, in the units that are drawn."""
    return round(100 * share, 3)


def ends(intervals: Iterable[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Intervals of shares as the fields `value`, `low` and `high` of a drawing."""
    every = list(intervals)
    return {end: [drawn(interval[end]) for interval in every] for end in ("value", "low", "high")}


def reach(intervals: Iterable[Mapping[str, Any]]) -> float:
    """How far from zero intervals go: drawings that stand together have one scale."""
    return drawn(max(abs(interval[end]) for interval in intervals for end in ("low", "high")))


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    """What all drawings have."""

    title: str
    notes: Sequence[str]
    hover: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Curve(_Drawing):
    """Accuracy (percent) over alpha with its interval as a band, and a dashed line at the baseline."""

    x: Sequence[float]
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    call: Sequence[Sign]
    base: float | None = None


@dataclass(frozen=True, kw_only=True)
class Forest(_Drawing):
    """Intervals (points), a line each, around zero. The axis reaches from -reach to reach; `axis` says what it is."""

    axis: str
    rows: Sequence[str]
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    call: Sequence[Sign]
    reach: float


@dataclass(frozen=True, kw_only=True)
class Heat(_Drawing):
    """A heat map of changes (points): square `i` stands in line `rows[row[i]]`, column `columns[column[i]]`."""

    rows: Sequence[str]
    columns: Sequence[str]
    row: Sequence[int]
    column: Sequence[int]
    value: Sequence[float]
    mark: Sequence[str]
    call: Sequence[Sign]


@dataclass(frozen=True, kw_only=True)
class Bars(_Drawing):
    """Two counts a line: `right` of zero and `left` of it. The axis reaches from -reach to reach."""

    axis: str
    rows: Sequence[str]
    right: Sequence[int]
    left: Sequence[int]
    reach: int


@dataclass(frozen=True, kw_only=True)
class Strip(_Drawing):
    """One number with its interval (points), large, over strips of small dots.

    `real` is value, low and high; dot `i` stands at `value[i]` in line `rows[row[i]]`; the axis runs from `start` to
    `stop`. `real_hover` has an entry a line.
    """

    axis: str
    rows: Sequence[str]
    real: tuple[float, float, float]
    call: Sign
    real_hover: Sequence[Sequence[str]]
    row: Sequence[int]
    value: Sequence[float]
    start: float
    stop: float


Panel = Curve | Forest | Heat | Bars | Strip
Kind = Literal["curve", "forest", "heat", "bars", "strip"]


@dataclass(frozen=True)
class Choice:
    """One entry of a picture's menu, and its drawings."""

    label: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Picture:
    """A picture: all its panels are of one kind. `legend` is (call, words); `label` is for a screen reader."""

    key: str
    kind: Kind
    label: str
    choices: Sequence[Choice]
    legend: Sequence[tuple[str, str]] = ()
