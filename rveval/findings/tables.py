"""Tables read off rows: each column is a heading, and how a value of the row is typed.

A path leads into a row ("difference", "best.held_out"); where it leads to nothing, nothing is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rveval.findings.analysis import Analysis
from rveval.findings.pictures import Sign
from rveval.findings.pieces import Column, Outcome, Points, PValue, Row, Share, Table, Value
from rveval.findings.wording import CALLS, in_words

COUNTS = ("better", "worse")  # calls of what is set bold
_TASKS = ("task", "source")


@dataclass(frozen=True)
class Field:
    """A column, and what stands in it for a row."""

    column: Column
    read: Callable[[Analysis, Any], Value]


def table(
    analysis: Analysis,
    key: str,
    title: str,
    rows: Iterable[Any],
    fields: Sequence[Field],
    note: str = "",
    detail_row: Callable[[Any], bool] | None = None,
    **where: bool,
) -> Table:
    """A table of rows; remarks on their tasks stand below it.

    Args:
        analysis: the study.
        key, title, note: of the table.
        rows: a line each.
        fields: its columns.
        detail_row: which lines are left out of short formats; those on subtasks by default.
        where: `open`, `detail`, `paper` of the table.
    """
    every = list(rows)
    is_detail = detail_row or (lambda row: "task" in row and not analysis.grid.shown(row["task"]))
    lines = [Row([field.read(analysis, row) for field in fields], is_detail(row)) for row in every]
    notes = analysis.noted(*(row[name] for row in every for name in _TASKS if name in row))
    note = " ".join([*([note] if note else []), *(f"{remark}." for remark in notes)])
    return Table(key, title, [field.column for field in fields], lines, note, **where)


def exploded(rows: Iterable[Mapping[str, Any]], part: str) -> list[dict[str, Any]]:
    """A row for each member of a list within rows; the member stands under "part"."""
    return [{**row, "part": member} for row in rows for member in row[part]]


def at(row: Any, path: str) -> Any:
    """What a path leads to; None where one of its steps is."""
    for name in path.split("."):
        row = None if row is None else row[name]
    return row


def hover(analysis: Analysis, fields: Sequence[Field], row: Mapping[str, Any]) -> list[str]:
    """What the pointer shows of a row in a picture: its line of the table, a column a line, and its remarks."""
    values = [(field.column.heading, field.read(analysis, row)) for field in fields]
    lines = [f"{heading}: {text}" for heading, value in values if (text := in_words(value))]
    return lines + analysis.noted(*(row[name] for name in _TASKS if name in row))


def computed(heading: str, read: Callable[[Any], Value], paper: bool = True, help: str = "") -> Field:
    """What a function of the row says."""
    return Field(Column(heading, help, paper), lambda _, row: read(row))


def asked(heading: str, read: Callable[[Analysis, Any], Value], paper: bool = True) -> Field:
    """What a function of the analysis and the row says."""
    return Field(Column(heading, "", paper), read)


def plain(heading: str, path: str = "", paper: bool = True) -> Field:
    """A text or a count, as it is; the path is the heading where none is given."""
    return computed(heading, lambda row: at(row, path or heading), paper)


def variant(path: str = "variant", heading: str = "variant") -> Field:
    """A variant's label."""
    return Field(Column(heading), lambda analysis, row: analysis.grid.label(at(row, path)) if at(row, path) else None)


def benchmark() -> Field:
    """The title of a row's clean task."""
    return Field(Column("benchmark"), lambda analysis, row: analysis.grid.title(row["source"]))


def task(path: str = "task", heading: str = "task") -> Field:
    """A task's title, marked where it has a remark."""
    return Field(Column(heading), lambda analysis, row: analysis.marked(at(row, path)))


def family() -> Field:
    """A family, marked where its task or the clean one has a remark."""
    return asked("family", lambda analysis, row: row["family"] + analysis.mark(row["task"], row["source"]))


def items(path: str) -> Field:
    """How many items are behind an interval."""
    return plain("items", f"{path}.n" if path != "n" else path)


def points(heading: str, path: str, signed: bool = True, bold: bool = False) -> Field:
    """A difference in points; bold, if asked for, where the row's call says that it counts."""

    def read(row: Any) -> Value:
        value = at(row, path)
        return None if value is None else Points(value, signed, bold and row.get("call") in COUNTS)

    return computed(f"{heading}, points", read)


def share(heading: str, path: str) -> Field:
    """A share in percent."""
    return computed(heading, lambda row: None if (value := at(row, path)) is None else Share(value))


def p(heading: str, path: str, below: float = 0.0) -> Field:
    """A p value, bold where it is at most `below`."""
    return computed(heading, lambda row: None if (value := at(row, path)) is None else PValue(value, value <= below))


def detectable() -> Field:
    """The smallest true difference that would mostly be found."""
    about = "the smallest true difference that one test alone would mostly find"
    return computed(
        "detectable (uncorrected)",
        lambda row: None if (value := row["detectable"]) is None else Points(value, signed=False),
        help=about,
    )


def verdict(path: str = "call", words: Mapping[str, str] = CALLS, signs: Mapping[str, Sign] | None = None) -> Field:
    """A verdict in words; its sign is the call itself where `signs` does not say another."""

    def read(row: Any) -> Value:
        value = at(row, path)
        sign: Sign = signs.get(value, "") if signs is not None else value
        return Outcome(words.get(value, value), sign)

    return computed("verdict", read)
