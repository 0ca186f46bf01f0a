"""What findings are made of: numbers with intervals, sentences, tables and pictures, as plain data.

A renderer (page, Markdown, LaTeX, CSV, W&B) walks over `Report.findings` and knows these types alone: it never names a
finding. How a number is written (decimals, signs, percent) is the renderer's; which number it is, and what is said of
it, is the finding's. Shares and differences are of 1 (0.052 is 5.2 points) everywhere but in pictures, which hold the
units that they are drawn in (percent, points).

Free text (labels, warnings, ids) is not escaped: whoever shows it must.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from rveval.findings.pictures import Picture, Sign

Tone = Literal["good", "bad", "mixed", "unknown"]
Edge = Literal["floor", "ceiling", ""]


class Interval(TypedDict):
    """A number, its two-sided interval at `rules.level`, and the number of items (clusters) behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Statement:
    """A sentence for the verdict. Those of more weight stand first; equal ones in the order of the findings."""

    text: str
    tone: Tone
    weight: float


@dataclass(frozen=True)
class Clause:
    """A part of the sentence about one variant ("helps on ..."); parts are joined by "; " in the order of `place`.

    `doubt`: a gain is not all that it looks like, so the variant's tone is mixed at best.
    """

    variant: str
    place: int
    text: str
    doubt: bool = False


@dataclass(frozen=True)
class _Measured:
    of: Interval | float

    @property
    def value(self) -> float:
        return self.of if isinstance(self.of, float | int) else self.of["value"]

    @property
    def interval(self) -> Interval | None:
        return None if isinstance(self.of, float | int) else self.of


@dataclass(frozen=True)
class Points(_Measured):
    """A difference of shares, to be shown in percentage points: +5.2, and its interval where there is one.

    `signed`: whether a plus sign is shown; `counts`: it holds up by all rules and is set bold.
    """

    signed: bool = True
    counts: bool = False


@dataclass(frozen=True)
class Share(_Measured):
    """A share, to be shown in percent: 63.2%, and its interval where there is one."""


@dataclass(frozen=True)
class PValue:
    """A p value; `counts`: it is small enough, and is set bold."""

    value: float
    counts: bool = False


@dataclass(frozen=True)
class Outcome:
    """A verdict in words, with the call that gives it its colour and sign ("" for none)."""

    text: str
    call: Sign = ""


@dataclass(frozen=True)
class ItemsLink:
    """Where the page shows the items behind a number: those of a task and a variant; `show` is "fixed", "broken"."""

    text: str
    task: str
    variant: str
    show: str = ""


@dataclass(frozen=True)
class Score:
    """One variant on one benchmark: its accuracy, and its difference to the baseline where it has one.

    `accuracy` is None for all benchmarks together; `edge` says that no verdict is given, `hover` all there is to say.
    """

    accuracy: Interval | None
    difference: Interval | None = None
    call: Sign = ""
    edge: Edge = ""
    hover: tuple[str, ...] = ()
    links: tuple[ItemsLink, ...] = ()


Value = str | int | float | Points | Share | PValue | Outcome | Score | None
"""What stands in a table: a text, a count, a plain number, a typed number, or nothing (a blank, never a zero)."""


@dataclass(frozen=True)
class Column:
    """A column. `paper`: also in LaTeX, which has no room for long words; `quiet`: a second line under the heading.

    `drop`: where a terminal is too narrow, columns with the highest number go first; 0 stays always.
    """

    heading: str
    help: str = ""
    paper: bool = True
    quiet: str = ""
    drop: int = 0


@dataclass(frozen=True)
class Row:
    """A line of a table. `detail` rows (subtasks of a group, null controls) are left out of Markdown and LaTeX.

    `quiet`: small words under the first value; `baseline`: the line that the others are compared with.
    """

    values: Sequence[Value]
    detail: bool = False
    quiet: tuple[str, ...] = ()
    baseline: bool = False


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        key: fit for a file name; unique among all tables.
        title: for people.
        columns, rows: as many values in each row as there are columns.
        note: what a reader must know, below the table.
        open: the page shows it at once; else when it is opened.
        detail: only where there is room (page, CSV, W&B), not in Markdown.
        paper: also in LaTeX.
    """

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    note: str = ""
    open: bool = False
    detail: bool = False
    paper: bool = False


@dataclass(frozen=True)
class Finding:
    """One thing that a study says.

    Args:
        key: its name in summary.json, and in the page's addresses.
        title: a heading.
        lead: a line or two below it: what is shown, and how to read it.
        rows: what summary.json holds under `key`; None for a finding that only arranges what others hold.
        statements, clauses: what the verdict takes from it.
        tables: the most important first.
        picture: None where a table says it better.
        empty: why there is nothing to show, and what to run.
        quiet: where there is nothing to show, nothing is said of it either.
    """

    key: str
    title: str
    lead: str = ""
    rows: Sequence[Mapping[str, Any]] | None = ()
    statements: Sequence[Statement] = ()
    clauses: Sequence[Clause] = ()
    tables: Sequence[Table] = ()
    picture: Picture | None = None
    empty: str = ""
    quiet: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is neither a row in any table nor a choice in the picture."""
        return not (any(table.rows for table in self.tables) or (self.picture and self.picture.choices))
