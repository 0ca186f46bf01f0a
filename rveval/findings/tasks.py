"""The columns of a study: its tasks, and the groups that stand for their members; and what guessing gets right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rveval.findings.board import Cell
from rveval.findings.compare import group_of
from rveval.findings.typed import TaskRow
from rveval.store import CellRecord

CHANCE = {"sciq": 0.25, "sciq_closed": 0.25, "tiny_choice": 0.25}
"""What guessing gets right, by the clean task without its `rv_`; 0 elsewhere. BBH's subtasks differ, from 0 to 1/2."""


def chance(task: TaskRow) -> float:
    """The share of items that guessing gets right."""
    return CHANCE.get(task["source"].removeprefix("rv_"), 0.0)


def source_of(record: CellRecord) -> str:
    """The clean task that a task is a family of; a clean task is its own."""
    family = record["family"]
    return record["task"] if family == "clean" else record["task"].removesuffix(f"_{family}")


def task_rows(cells: Sequence[Cell]) -> list[TaskRow]:
    """All tasks of the cells, and a group wherever two of its tasks were asked: groups first, clean before families."""
    by_task: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_task[cell.record["task"]].append(cell)
    rows = [_row(of_task) for of_task in by_task.values()]
    members: dict[str, list[TaskRow]] = defaultdict(list)
    for row in rows:
        if row["group"]:
            members[row["group"]].append(row)
    for group, of_group in members.items():
        if len(of_group) > 1:
            rows.append(_group(group, sorted(of_group, key=lambda row: row["task"])))
        else:
            of_group[0]["group"], of_group[0]["shown"] = "", True
    return sorted(rows, key=_order)


def _row(cells: Sequence[Cell]) -> TaskRow:
    record = cells[0].record
    group = group_of(record) if record["benchmark"] == "bbh" else ""
    return TaskRow(
        task=record["task"],
        title=_title(source_of(record), record["family"]),
        benchmark=record["benchmark"],
        family=record["family"],
        source=source_of(record),
        group=group,
        members=[],
        shown=not group,
        draws=sorted({cell.record["draw"] for cell in cells}),
        n=max(cell.marks.n for cell in cells),
        remarks=sorted({warning for cell in cells for warning in cell.record["warnings"]}),
    )


def _group(name: str, members: Sequence[TaskRow]) -> TaskRow:
    first = members[0]
    source = name if first["family"] == "clean" else name.removesuffix(f"_{first['family']}")
    return TaskRow(
        task=name,
        title=_title(source, first["family"]),
        benchmark=first["benchmark"],
        family=first["family"],
        source=source,
        group="",
        members=[row["task"] for row in members],
        shown=True,
        draws=sorted({draw for row in members for draw in row["draws"]}),
        n=sum(row["n"] for row in members),
        remarks=sorted({remark for row in members for remark in row["remarks"]}),
    )


def _title(source: str, family: str) -> str:
    plain = source.removeprefix("rv_")
    return plain if family == "clean" else f"{plain}, {family}"


def _order(row: TaskRow) -> tuple[bool, bool, str, str, bool, str]:
    ours = not row["source"].startswith("rv_")
    return ours, not row["shown"], row["benchmark"], row["source"], row["family"] != "clean", row["family"]
