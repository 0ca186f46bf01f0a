"""Pictures as plain data: numbers in the units they are drawn in, beside the lines of text that the pointer shows.

Five kinds are all there is; each field is a sequence with an entry a point unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Call = Literal["better", "worse", "unclear", "edge"]
"""What may be said of a difference; "edge": it stands at the floor or the ceiling, where nothing can be said."""
Sign = Call | Literal[""]
"""How a point is coloured and shaped; "" for a point that is compared with nothing."""


@dataclass(frozen=True)
class Curve:
    """Accuracy (percent) over alpha with its interval as a band, and a dashed line at the baseline."""

    title: str
    notes: Sequence[str]
    x: Sequence[float]
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    call: Sequence[Sign]
    hover: Sequence[Sequence[str]]
    base: float | None = None


@dataclass(frozen=True)
class Forest:
    """Intervals (points), a line each, around zero. The axis reaches from -reach to reach; `axis` says what it is."""

    title: str
    notes: Sequence[str]
    axis: str
    rows: Sequence[str]
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    call: Sequence[Sign]
    hover: Sequence[Sequence[str]]
    reach: float


@dataclass(frozen=True)
class Heat:
    """A heat map of changes (points): square `i` stands in line `rows[row[i]]`, column `columns[column[i]]`."""

    title: str
    notes: Sequence[str]
    rows: Sequence[str]
    columns: Sequence[str]
    row: Sequence[int]
    column: Sequence[int]
    value: Sequence[float]
    mark: Sequence[str]
    call: Sequence[Sign]
    hover: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Bars:
    """Two counts a line: `right` of zero and `left` of it. The axis reaches from -reach to reach."""

    title: str
    notes: Sequence[str]
    axis: str
    rows: Sequence[str]
    right: Sequence[int]
    left: Sequence[int]
    hover: Sequence[Sequence[str]]
    reach: int


@dataclass(frozen=True)
class Strip:
    """One number with its interval (points), large, over strips of small dots.

    `real` is value, low and high; dot `i` stands at `value[i]` in line `rows[row[i]]`; the axis runs from `start` to
    `stop`. `real_hover` has an entry a line.
    """

    title: str
    notes: Sequence[str]
    axis: str
    rows: Sequence[str]
    real: tuple[float, float, float]
    call: Sign
    real_hover: Sequence[Sequence[str]]
    row: Sequence[int]
    value: Sequence[float]
    hover: Sequence[Sequence[str]]
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
