"""A study laid out: variants as lines, tasks as columns, and the cells where they cross, each with its baseline.

A baseline is the same study's base (alpha 0) asked exactly as the variant was: every setting of the two cells is the
same but the weights. Where there is none, no difference is given. What can't be compared is said in `Grid.problems`;
nothing is left out in silence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict

from rveval.errors import Refused
from rveval.findings.marks import Floats, Marks, joined, ordered
from rveval.findings.report import ProblemRow, TaskRow, VariantRow
from rveval.findings.ways import unlike
from rveval.recipe import Recipe
from rveval.store import CellRecord, Refusal, Sample, StudyEntry

Key = tuple[str, str, int]
"""A cell's place: id of the variant, task, draw."""
_OF_THE_TASK = {"variant", "task", "draw", "strength", "data", "demonstrations", "code", "prompt", "limit", "repeat"}


class Reader(Protocol):
    """Where cells are read from: a store, or what plain lm-eval wrote."""

    def read_study(self, study: str) -> list[StudyEntry]:
        """The variants of a study with their cells."""

    def has(self, cell_id: str) -> bool:
        """Whether the cell is complete."""

    def read_cell(self, cell_id: str) -> CellRecord:
        """The record of a complete cell."""

    def stream_samples(self, cell_id: str) -> Iterator[Sample]:
        """The samples of a complete cell, one by one."""

    def refusals(self, study: str) -> list[Refusal]:
        """The variants of a study that were refused."""


@dataclass(frozen=True)
class Study:
    """A study, and where its cells are."""

    name: str
    reader: Reader
    entries: list[StudyEntry]


@dataclass(frozen=True)
class Cell:
    """One cell of the grid; `asked`: how, where its variant was asked its task in several ways."""

    record: CellRecord
    marks: Marks
    variant: str
    asked: str = ""


@dataclass
class Grid:
    """All cells of the studies.

    Args:
        variants: the lines, in order; the baseline before its variants.
        recipes: what each line is made of, by its id.
        tasks: the columns, in order, groups among them.
        cells: by place; groups have none of their own (see `members`).
        bases: for each of these places, that of its baseline's cell; no key where there is none.
        repeats: cells that were asked again with their requests in another order.
        problems: what was missing or can't be compared.
    """

    variants: list[VariantRow] = field(default_factory=list)
    recipes: dict[str, Recipe] = field(default_factory=dict)
    tasks: list[TaskRow] = field(default_factory=list)
    cells: dict[Key, Cell] = field(default_factory=dict)
    bases: dict[Key, Key] = field(default_factory=dict)
    repeats: list[Cell] = field(default_factory=list)
    problems: list[ProblemRow] = field(default_factory=list)

    def task(self, name: str) -> TaskRow:
        """The row of a task."""
        return next(row for row in self.tasks if row["task"] == name)

    def variant(self, variant: str) -> VariantRow:
        """The row of a variant."""
        return next(row for row in self.variants if row["id"] == variant)

    def title(self, task: str) -> str:
        """What a task is called; a task that nobody was asked is called by its name."""
        return next((row["title"] for row in self.tasks if row["task"] == task), task)

    def label(self, variant: str) -> str:
        """What a variant is called."""
        return self.variant(variant)["label"]

    def same(self, line: VariantRow, **instead: Any) -> str:
        """What two lines must share to differ in nothing but the parts of their recipes given `instead`, as a key.

        The baseline and the way of asking belong to it.
        """
        return json.dumps([line["baseline"], line["asked"], self.recipes[line["id"]].key(**instead)])

    def shown(self, task: str) -> bool:
        """Whether a task has a line of its own in short tables."""
        return any(row["shown"] for row in self.tasks if row["task"] == task)

    def members(self, variant: str, task: TaskRow, draw: int) -> list[str]:
        """The tasks that stand for this one on a line: itself, or the members of a group that were asked."""
        names = task["members"] or [task["task"]]
        return [name for name in names if (variant, name, draw) in self.cells]

    def draws(self, variant: str, task: TaskRow) -> list[int]:
        """The draws of a task that a line was asked."""
        return [draw for draw in task["draws"] if self.members(variant, task, draw)]

    def marks(self, variant: str, tasks: Sequence[str], draw: int) -> Marks | None:
        """The marks of one or several tasks together; None where one of them was not asked."""
        cells = [self.cells[variant, name, draw] for name in tasks if (variant, name, draw) in self.cells]
        return joined([cell.marks for cell in cells]) if cells and len(cells) == len(tasks) else None

    def means(self, variant: str, tasks: Sequence[str], draws: Sequence[int]) -> tuple[tuple[str, ...], Floats] | None:
        """Item ids and each item's mean score over the draws; None where a cell is not there.

        Raises:
            Refused: the draws hold different items.
        """
        known = [marks for draw in draws if (marks := self.marks(variant, tasks, draw)) is not None]
        if not known or len(known) != len(draws):
            return None
        ids, where = known[0].ids, f"{', '.join(tasks)}: draws of {variant}"
        columns = [ordered(marks.score, marks.ids, ids, where) for marks in known]
        return ids, sum(columns[1:], columns[0]) / len(columns)

    def scores(self, variant: str, task: TaskRow, members: Sequence[str]) -> tuple[tuple[str, ...], Floats] | None:
        """The means over all draws; None also where the draws hold different items (said where the pair is made)."""
        try:
            return self.means(variant, members, self.draws(variant, task)) if members else None
        except Refused:
            return None

    def problem(self, kind: str, what: str, where: str = "", fix: str = "") -> None:
        """Note something that people must know; once."""
        row = ProblemRow(kind=kind, what=what, where=where, fix=fix)
        if row not in self.problems:
            self.problems.append(row)

    def clean_tasks(self) -> list[TaskRow]:
        """The clean tasks that have a line of their own in short tables."""
        return [task for task in self.tasks if task["shown"] and task["family"] == "clean"]

    def families_of(self, clean: TaskRow) -> list[TaskRow]:
        """The tasks that put this one under a family."""
        return [task for task in self.tasks if task["source"] == clean["task"] and task["family"] != "clean"]


def named(line: VariantRow) -> str:
    """The vector's name and what is made of it: `grpo [layers 0-1; random seed 3]`."""
    return f"{line['vector']} [{line['about']}]" if line["about"] else line["vector"]


class Compared(TypedDict):
    """What a row is about: a variant against its baseline on one task."""

    variant: str
    baseline: str
    task: str
    benchmark: str
    family: str


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

    @property
    def about(self) -> Compared:
        """The start of a row on this pair."""
        task = self.task
        return Compared(
            variant=self.variant,
            baseline=self.baseline,
            task=task["task"],
            benchmark=task["benchmark"],
            family=task["family"],
        )

    def alike(self, other: Pair) -> bool:
        """Whether both are of the same items, against the same baseline."""
        mine, others = ((pair.baseline, pair.members, pair.draws) for pair in (self, other))
        return mine == others and set(self.ids) == set(other.ids)


def pair(grid: Grid, variant: str, task: TaskRow, only: Sequence[str] | None = None) -> Pair | None:
    """The pair of a line and a column; None without a baseline, or where the line was not asked this task.

    Args:
        grid: the study.
        variant: the line.
        task: the column.
        only: of a group, these members.

    Raises:
        Refused: the two hold different items; they are named.
    """
    draws = grid.draws(variant, task)
    if not draws:
        return None
    members = grid.members(variant, task, draws[0]) if only is None else list(only)
    keys = [(variant, name, draw) for name in members for draw in draws]
    if any(key not in grid.cells or key not in grid.bases for key in keys):
        return None
    baseline = grid.bases[keys[0]][0]
    if baseline == variant or any(grid.bases[key][0] != baseline for key in keys):
        return None
    ours, theirs = grid.means(variant, members, draws), grid.means(baseline, members, draws)
    assert ours is not None, keys
    assert theirs is not None, keys
    right = ordered(theirs[1], theirs[0], ours[0], f"{task['task']}: {variant} and its baseline")
    null = bool(grid.variant(variant)["null"])
    return Pair(variant, baseline, task, members, draws, ours[0], ours[1], right, null)


@dataclass(frozen=True)
class Under:
    """A line under a family and clean, over the same items: scores by item, means over the draws."""

    task: TaskRow
    clean_members: list[str]
    members: list[str]
    ids: tuple[str, ...]
    clean: Floats
    under: Floats


def under(grid: Grid, variant: str, clean: TaskRow, task: TaskRow) -> Under | None:
    """The same items clean and under a family; None where the line was not asked both, or where they don't fit.

    What does not fit (other items, other settings) is said in the problems. Of a group, the members that were asked
    both ways: not every family applies to all of them.
    """
    draws = grid.draws(variant, task)
    if not draws:
        return None
    both = [(name, grid.task(name)["source"]) for name in grid.members(variant, task, draws[0])]
    both = [(name, plain) for name, plain in both if (variant, plain, 0) in grid.cells]
    members, plain = [name for name, _ in both], [plain for _, plain in both]
    if not both or not _asked_alike(grid, variant, both, draws[0]):
        return None
    where = f"{clean['task']} and {task['task']}"
    try:
        before, after = grid.means(variant, plain, clean["draws"][:1]), grid.means(variant, members, draws)
        if before is None or after is None:
            return None
        return Under(task, plain, members, before[0], before[1], ordered(after[1], after[0], before[0], where))
    except Refused as error:
        for problem in error.problems:
            what = f"the family was asked of other items than the clean task ({problem.found}): not compared"
            grid.problem("refused", what, where, "run both with the same limit")
    return None


def _asked_alike(grid: Grid, variant: str, both: Sequence[tuple[str, str]], draw: int) -> bool:
    """Whether clean and perturbed prompts were asked in one way (decoding, prompting, engine)."""
    for name, clean in both:
        cell, plain = grid.cells[variant, name, draw].record, grid.cells[variant, clean, 0].record
        if keys := unlike(cell, plain, _OF_THE_TASK):
            what = f"the family was asked in another way than the clean task ({', '.join(keys)}): not compared"
            grid.problem("refused", what, f"{clean} and {name}", "run both with the same settings")
            return False
    return True
