"""A plot's menu: each choice a data file that the page loads when somebody makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rveval.findings.typed import Summary

Panel = dict[str, Any]
"""One drawing: numbers in the units they are drawn in, beside the lines of text that the pointer shows."""


@dataclass(frozen=True)
class Choice:
    """One entry of a plot's menu: its name for people, its panels, and what a screen reader says of it."""

    label: str
    panels: list[Panel]


def controls(summary: Summary) -> set[str]:
    """The null controls that a real vector was compared with: they have a plot of their own, and no place in others."""
    return {one["variant"] for row in summary["nulls"] for one in row["nulls"]}
