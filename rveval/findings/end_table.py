"""The table at the end of a run: the scores of a study beside the differences to the baseline, a table a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from rveval.findings.pieces import Column, Points, PValue, Row, Share, Table, Value
from rveval.findings.report import Report, VariantRow

_MANY = 6  # tasks that have a table of their own each
_SIGNS = {"nonfinite_logprob": "not finite", "empty": "empty", "repetition": "repeating"}
_WARNINGS = {
    "unsafe": "unsafe sandbox",
    "outside their training": "outside training",
    "are assumed to survive": "labels assumed",
}
_COLUMNS = (
    Column("task"),
    Column("draw"),
    Column("variant"),
    Column("n"),
    Column("accuracy", quiet="[95% interval]"),
    Column("difference to", quiet="alpha=0 [95%]"),
    Column("p", drop=1),
    Column("strict", quiet="reading", drop=2),
    Column("no", quiet="answer", drop=5),
    Column("cut", quiet="off", drop=6),
    Column("swap", quiet="s", drop=7),
    Column("gen.", quiet="s", drop=8),
    Column("note"),
)


def end_table(report: Report, fresh: Set[str]) -> list[Table]:
    """A table a task, or one for all where there are many; subtasks stand in their group's line alone.

    Args:
        report: of the study.
        fresh: ids of the cells that this invocation ran; the others were already complete and say so.
    """
    tasks = [task["task"] for task in report.tasks if task["shown"]]
    cells = report.finding("cells").rows or ()
    by_task = {task: [cell for cell in cells if cell["task"] == task] for task in tasks}
    lines = _Lines(report, fresh)
    hidden = sum(1 for task in report.tasks if not task["shown"] for cell in cells if cell["task"] == task["task"])
    note = f"{hidden} cells of subtasks are only shown as their groups; the store has each of them" if hidden else ""
    if len(tasks) <= _MANY:
        tables = [_table(task, task, [lines.values(cell) for cell in by_task[task]]) for task in tasks]
    else:
        rows = []
        for task in tasks:
            for place, cell in enumerate(by_task[task]):
                rows.append(lines.values(cell, "" if place else task))  # the task is said once
        tables = [_table("end", "", rows)]
    if tables and note:
        tables[-1] = Table(**{**vars(tables[-1]), "note": note})
    return tables


def _table(key: str, title: str, rows: Sequence[Sequence[Value]]) -> Table:
    """The columns that hold something."""
    kept = [place for place in range(len(_COLUMNS)) if any(row[place] not in (None, "") for row in rows)]
    lines = [Row([row[place] for place in kept]) for row in rows]
    return Table(key, title, [_COLUMNS[place] for place in kept], lines, open=True)


class _Lines:
    """The lines of the table."""

    def __init__(self, report: Report, fresh: Set[str]) -> None:
        self._report, self._fresh = report, fresh
        self._cells = report.finding("cells").rows or ()
        self._variants = {row["id"]: row for row in report.variants}
        self._members = {task["task"]: task["members"] or [task["task"]] for task in report.tasks}
        self._compared = {(row["variant"], row["task"]): row for row in report.finding("comparisons").rows or ()}
        self._draws = any(cell["draw"] for cell in self._cells)
        self._has = {
            name: any(cell[name]["value"] for cell in self._cells) for name in ("extraction_failed", "truncated")
        }

    def values(self, cell: Mapping[str, Any], task: str = "") -> list[Value]:
        variant = self._variants[cell["variant"]]
        compared = self._compared.get((cell["variant"], cell["task"]))
        if compared and cell["draw"] != compared["draws"][0]:
            compared = {}  # the difference is over all draws, and stands at the first
        return [
            task,
            cell["draw"] if self._draws else None,
            variant["label"],
            cell["n"],
            Share(cell["accuracy"]),
            self._difference(variant, compared),
            PValue(compared["p"]) if compared else None,
            Share(cell["strict"]["value"]),
            *(Share(cell[name]["value"]) if has else None for name, has in self._has.items()),
            *(round(cell["timings"].get(name, 0.0), 2) for name in ("swap_s", "generate_s")),
            "; ".join(self._notes(cell)),
        ]

    def _difference(self, variant: VariantRow, compared: Mapping[str, Any] | None) -> Value:
        """Against the baseline; a model that no variant was made from, such as a donor, is none."""
        if compared is None:
            bases = {row["base"] for row in self._report.variants if row["terms"]}
            if variant["is_baseline"] and bases and variant["base"] not in bases:
                return "another model"
            return "baseline" if variant["is_baseline"] else "no baseline"
        return Points(compared["difference"]) if compared else ""

    def _notes(self, cell: Mapping[str, Any]) -> Iterator[str]:
        members = self._members[cell["task"]]
        same = [other for other in self._cells if (other["variant"], other["draw"]) == (cell["variant"], cell["draw"])]
        if self._fresh.isdisjoint({other["cell_id"] for other in same if other["task"] in members}):
            yield "kept"
        if cell["swap"] == "fresh":
            yield "fresh start"
        for words, note in _WARNINGS.items():
            if any(words in warning for warning in cell["warnings"]):
                yield note
        for sign, words in _SIGNS.items():
            if count := cell["health"].get(sign, 0):
                yield f"{count} {words}"
        for row in self._report.finding("noise").rows or ():
            if (row["variant"], row["task"], row["draw"]) == (cell["variant"], cell["task"], cell["draw"]):
                yield f"run again: {row['fixed'] + row['broken']} verdicts differ"
