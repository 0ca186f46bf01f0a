"""A table as the page shows it: text all through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rveval.findings.typed import Interval
from rveval.show.page import say
from rveval.show.page.names import Names

Row = list[str]


@dataclass(frozen=True)
class Table:
    """A table: its key, its name, its columns (those that hold numbers marked by a leading `#`) and its rows."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: list[Row]

    def plain(self) -> dict[str, Any]:
        """The table as the page reads it."""
        return {
            "columns": [column.lstrip("#") for column in self.columns],
            "numeric": [column.startswith("#") for column in self.columns],
            "rows": self.rows,
        }


def points_of(interval: Interval | None) -> Row:
    """A difference and its interval, two squares."""
    return [say.points(interval["value"]), say.points_span(interval)] if interval else ["", ""]


def percent_of(interval: Interval | None) -> Row:
    """A share and its interval, two squares."""
    return [say.percent(interval["value"]), say.percent_span(interval)] if interval else ["", ""]


def title_of(names: Names, task: str) -> str:
    """What a task is called."""
    return names.tasks.get(task, task)


def label_of(names: Names, variant: str) -> str:
    """What a variant is called."""
    return names.variants.get(variant, variant)
