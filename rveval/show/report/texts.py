"""A table of texts, and numbers as its cells have them: points with an interval, p values."""

from __future__ import annotations

from dataclasses import dataclass

from rveval.findings.typed import Interval, Summary

STRONG = "**"  # around what counts
CALLS = {"better": STRONG, "worse": STRONG, "unclear": "", "edge": ""}


@dataclass(frozen=True)
class Shown:
    """A table of texts."""

    title: str
    headings: list[str]
    rows: list[list[str]]
    note: str = ""


def points(value: float, sign: bool = True) -> str:
    """A share as points."""
    return f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"


def ranged(found: Interval | None, sign: bool = True) -> str:
    """`+5.2 [2.1, 8.3]`; "" for nothing."""
    if found is None:
        return ""
    low, high = points(found["low"], sign), points(found["high"], sign)
    return f"{points(found['value'], sign)} [{low}, {high}]"


def p_text(value: float | None) -> str:
    """A p value; "" for none."""
    if value is None:
        return ""
    return "<0.0001" if value < 0.0001 else f"{value:.2g}"


def labels(found: Summary) -> dict[str, str]:
    """What variants are called, by id."""
    return {row["id"]: row["label"] for row in found["variants"]}


def titles(found: Summary) -> dict[str, str]:
    """What tasks are called."""
    return {row["task"]: row["title"] for row in found["tasks"]}


def short(found: Summary) -> set[str]:
    """The tasks of short tables: groups, and what is in none."""
    return {task["task"] for task in found["tasks"] if task["shown"]}


def controls(found: Summary) -> set[str]:
    """The null controls that a real vector was compared with: they have a table of their own."""
    return {one["variant"] for row in found["nulls"] for one in row["nulls"]}
