"""A study laid out: variants as lines, tasks as columns, and the cells where they cross, each with its baseline.

`lay_out` reads every cell once. What can't be compared is said in `Board.problems`; nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rveval.errors import Problem, Refused
from rveval.findings.reading import Marks, joined
from rveval.findings.typed import TaskRow, Trouble, VariantRow
from rveval.store import CellRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One cell on the board."""

    record: CellRecord
    marks: Marks
    variant: str
    asked: str = ""


@dataclass
class Board:
    """All cells of the studies.

    Args:
        variants: the lines, in order; the baseline before its variants.
        tasks: the columns, in order, groups among them.
        cells: by variant id, task and draw; groups have none of their own (see `draws`).
        bases: for each of these keys, that of its baseline's cell; no key where there is none.
        repeats: cells that were asked again with their requests in another order.
        problems: what was missing or can't be compared.
    """

    variants: list[VariantRow] = field(default_factory=list)
    tasks: list[TaskRow] = field(default_factory=list)
    cells: dict[tuple[str, str, int], Cell] = field(default_factory=dict)
    bases: dict[tuple[str, str, int], tuple[str, str, int]] = field(default_factory=dict)
    repeats: list[Cell] = field(default_factory=list)
    problems: list[Trouble] = field(default_factory=list)

    def task(self, name: str) -> TaskRow:
        """The row of a task."""
        return next(row for row in self.tasks if row["task"] == name)

    def members(self, variant: str, task: TaskRow, draw: int) -> list[str]:
        """The tasks that stand for this one on a line: itself, or the members of a group that were asked."""
        names = task["members"] or [task["task"]]
        return [name for name in names if (variant, name, draw) in self.cells]

    def marks(self, variant: str, tasks: Sequence[str], draw: int) -> Marks | None:
        """The marks of one or several tasks together; None where one of them was not asked."""
        found = [self.cells.get((variant, name, draw)) for name in tasks]
        if not found or any(cell is None for cell in found):
            return None
        return joined([cell.marks for cell in found if cell is not None])

    def trouble(self, kind: str, what: str, where: str = "", fix: str = "") -> None:
        """Note something that people must know; once."""
        found = Trouble(kind=kind, what=what, where=where, fix=fix)
        if found not in self.problems:
            self.problems.append(found)


@dataclass(frozen=True)
class Pair:
    """A variant and its baseline on one task (or the members of a group), all draws together.

    `members`: the tasks behind it; `ours` and `theirs`: scores by item, means over the draws, in the order of `ids`;
    `null`: the variant is a null control.
    """

    variant: str
    baseline: str
    task: TaskRow
    members: list[str]
    draws: list[int]
    ids: tuple[str, ...]
    ours: Floats
    theirs: Floats
    null: bool = False


def pair(board: Board, variant: str, task: TaskRow, only: Sequence[str] | None = None) -> Pair | None:
    """The pair of a line and a column; None without a baseline, or where the line was not asked this task.

    Args:
        board: the study.
        variant: the line.
        task: the column.
        only: of a group, these members.
    """
    draws = [draw for draw in task["draws"] if board.members(variant, task, draw)]
    if not draws:
        return None
    members = board.members(variant, task, draws[0]) if only is None else list(only)
    keys = [(variant, name, draw) for name in members for draw in draws]
    if any(key not in board.cells or key not in board.bases for key in keys):
        return None
    baselines = {board.bases[key][0] for key in keys}
    baseline = board.bases[keys[0]][0]
    if len(baselines) != 1 or baseline == variant:
        return None
    ours, theirs = means(board, variant, members, draws), means(board, baseline, members, draws)
    assert ours is not None, keys
    assert theirs is not None, keys
    null = any(row["null"] for row in board.variants if row["id"] == variant)
    right = aligned(theirs, ours[0], variant, task)
    return Pair(variant, baseline, task, members, draws, ours[0], ours[1], right, null)


def means(
    board: Board, variant: str, tasks: Sequence[str], draws: Sequence[int]
) -> tuple[tuple[str, ...], Floats] | None:
    """Item ids and each item's mean score over the draws; None where a cell is not there.

    Raises:
        Refused: the draws hold different items.
    """
    found = [board.marks(variant, tasks, draw) for draw in draws]
    known = [marks for marks in found if marks is not None]
    if not known or len(known) != len(found):
        return None
    ids = known[0].ids
    where = f"{', '.join(tasks)}: draws of {variant}"
    columns = [ordered(marks.score, marks.ids, ids, where) for marks in known]
    total = columns[0].copy()
    for column in columns[1:]:
        total += column
    return ids, total / len(columns)


def aligned(found: tuple[tuple[str, ...], Floats], ids: tuple[str, ...], variant: str, task: TaskRow) -> Floats:
    """Scores in the order of `ids`.

    Raises:
        Refused: the two hold different items; they are named.
    """
    return ordered(found[1], found[0], ids, f"{task['task']}: {variant} and its baseline")


def ordered(values: Floats, ids: tuple[str, ...], wanted: tuple[str, ...], where: str) -> Floats:
    """`values`, which stand by `ids`, put into the order of `wanted`.

    Raises:
        Refused: the two name different items.
    """
    if ids is wanted or ids == wanted:
        return values
    if set(ids) != set(wanted):
        only = sorted(set(ids) ^ set(wanted))
        raise Refused(
            Problem(
                "two cells that should be compared hold different items",
                where=where,
                expected="the same item ids",
                found=f"{len(only)} items in one only, such as {', '.join(only[:5])}",
                fix="run both again with force=true",
            )
        )
    places = {item: place for place, item in enumerate(ids)}
    return values[[places[item] for item in wanted]]
