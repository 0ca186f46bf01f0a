"""The tables of a report as formats walk over them, and the one of what is missing, which is no finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rveval.findings import Column, Report, Row, Table


def tables(report: Report, detail: bool = False) -> Iterator[Table]:
    """All tables that hold something, in the order of reading.

    Args:
        report: of one study or several.
        detail: with the rows and the tables that only fit where there is much room.
    """
    every = [table for finding in report.findings for table in finding.tables]
    for table in [*every, problems(report)]:
        rows = [row for row in table.rows if detail or not row.detail]
        if rows and (detail or not table.detail):
            yield replace(table, rows=rows)


def heading(column: Column) -> str:
    """A column's heading in one line."""
    return f"{column.heading} ({column.quiet})" if column.quiet else column.heading


def problems(report: Report) -> Table:
    """What was missing, refused or left out."""
    columns = [Column("kind"), Column("where"), Column("what"), Column("what to do")]
    rows = [Row([row["kind"], row["where"], row["what"], row["fix"]]) for row in report.problems]
    return Table("problems", "Missing or left out", columns, rows)
