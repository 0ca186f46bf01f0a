"""The table at the end of a run: the scores of a study beside the differences to the baseline, a table a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from rveval.findings.pieces import Column, Points, PValue, Row, Share, Table, Value
from rveval.findings.report import Report

_MANY = 6  # tasks that have a table of their own each
_SIGNS = {"nonfinite_logprob": "not finite", "empty": "empty", "repetition": "repeating"}
_WARNINGS = {
    "unsafe": "unsafe sandbox",
    "outside their training": "outside training",
    "are assumed to survive": "labels assumed",
    "scored again": "scored again",
}
_ILLNESS = ("no", "cut")
_COLUMNS = (
    *(Column("task"), Column("draw"), Column("variant"), Column("n"), Column("accuracy", quiet="[95% interval]")),
    *(Column("difference to", quiet="alpha=0 [95%]"), Column("p", drop=1), Column("strict", quiet="reading", drop=2)),
    *(Column("no", quiet="answer", drop=5), Column("cut", quiet="off", drop=6), Column("swap", quiet="s", drop=7)),
    *(Column("gen.", quiet="s", drop=8), Column("note")),
)


def end_table(report: Report, fresh: Set[str]) -> list[Table]:
    """A table a task, or one for all where there are many; subtasks stand in their group's line alone.

    Args:
        report: of the study.
        fresh: ids of the cells that this invocation ran; the others were already complete and say so.
    """
    shown = [task["task"] for task in report.tasks if task["shown"]]
    cells = report.finding("cells").rows or ()
    by_task = {task: [cell for cell in cells if cell["task"] == task] for task in shown}
    hidden = sum(cell["task"] not in by_task for cell in cells)
    if len(shown) <= _MANY:
        tables = [_table(task, task, [_line(report, cell, fresh) for cell in by_task[task]]) for task in shown]
    else:
        lines = [[_line(report, cell, fresh) for cell in by_task[task]] for task in shown]
        named = [
            [task if not place else "", *line[1:]]  # a task is said once
            for task, of_task in zip(shown, lines, strict=True)
            for place, line in enumerate(of_task)
        ]
        tables = [_table("end", "", named)]
    if hidden:
        note = f"{hidden} cells of subtasks are only shown as their groups; the store has each of them"
        tables[-1] = replace(tables[-1], note=note)
    return tables


def _table(key: str, title: str, lines: Sequence[Sequence[Value]]) -> Table:
    """The columns that hold something; of those with a name in `_ILLNESS`, more than zeros."""
    kept = []
    for place, column in enumerate(_COLUMNS):
        nothing = (None, "", Share(0.0)) if column.heading in _ILLNESS else (None, "")
        if any(line[place] not in nothing for line in lines):
            kept.append(place)
    rows = [Row([line[place] for place in kept]) for line in lines]
    return Table(key, title, [_COLUMNS[place] for place in kept], rows, open=True)


def _line(report: Report, cell: Mapping[str, Any], fresh: Set[str]) -> list[Value]:
    same = (row for row in report.finding("comparisons").rows or () if row["variant"] == cell["variant"])
    compared = next((row for row in same if row["task"] == cell["task"]), None)
    difference: Value = _no_difference(report, cell)
    if compared:  # it is over all draws, and stands at the first
        difference = Points(compared["difference"]) if cell["draw"] == compared["draws"][0] else ""
    return [
        "",
        cell["draw"] if any(len(task["draws"]) > 1 for task in report.tasks) else None,
        report.label(cell["variant"]),
        cell["n"],
        Share(cell["accuracy"]),
        difference,
        PValue(compared["p"]) if compared and difference else None,
        Share(cell["strict"]["value"]),
        *(Share(cell[name]["value"]) for name in ("extraction_failed", "truncated")),
        *(round(cell["timings"].get(name, 0.0), 2) for name in ("swap_s", "generate_s")),
        "; ".join(_notes(report, cell, fresh)),
    ]


def _no_difference(report: Report, cell: Mapping[str, Any]) -> str:
    """Why there is none; a model that no variant was made from, such as a donor, is no baseline."""
    variant = next(row for row in report.variants if row["id"] == cell["variant"])
    bases = {row["base"] for row in report.variants if row["terms"]}
    if not variant["is_baseline"]:
        return "no baseline"
    return "another model" if bases and variant["base"] not in bases else "baseline"


def _notes(report: Report, cell: Mapping[str, Any], fresh: Set[str]) -> Iterator[str]:
    members = next(task["members"] for task in report.tasks if task["task"] == cell["task"]) or [cell["task"]]
    place = cell["variant"], cell["draw"]
    cells = [row for row in report.finding("cells").rows or () if (row["variant"], row["draw"]) == place]
    if fresh.isdisjoint(row["cell_id"] for row in cells if row["task"] in members):
        yield "kept"
    if cell["swap"] == "fresh":
        yield "fresh start"
    for words, note in _WARNINGS.items():
        if any(words in warning for warning in cell["warnings"]):
            yield note
    for sign, words in _SIGNS.items():
        if count := cell["health"].get(sign, 0):
            yield f"{count} {words}"
    for row in report.finding("noise").rows or ():
        if (row["variant"], row["draw"]) == place and row["task"] == cell["task"]:
            yield f"run again: {row['fixed'] + row['broken']} verdicts differ"
