"""The analysis of a study: the cells laid out, the rules that were fixed before, and the findings, each computed once.

A finding is one file: a function from an `Analysis` to a `Finding`, registered by `@finding(place)` where it is
written. What it needs of another, it asks for with `analysis.once(other.rows)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any, TypeVar, cast

from rveval import stats
from rveval.errors import Problem, Refused
from rveval.findings.pictures import Call
from rveval.findings.pieces import Edge, Finding, Interval
from rveval.findings.report import Hypotheses, TaskRow, VariantRow
from rveval.findings.study import Grid, Pair, Study, pair
from rveval.findings.ways import unlike
from rveval.findings.wording import REMARK, level

T = TypeVar("T")
K = TypeVar("K")
SIGNIFICANT = 1 - stats.LEVEL
VARIANTS, CONTROLS = "variants", "null controls"


@dataclass
class Analysis:
    """What findings are computed from.

    Args:
        grid: the cells laid out.
        studies: where they come from.
        claims: published numbers, as in `conf/claims`.
        margin: the share of a gain that has to be kept.
        weights: how benchmarks are pooled, "benchmarks" (each counts the same) or "items".
        seed: of the statistics.
        hypotheses: the families of hypotheses that were corrected so far.
    """

    grid: Grid
    studies: Sequence[Study] = ()
    claims: Sequence[Mapping[str, Any]] = ()
    margin: float = 0.5
    weights: str = "benchmarks"
    seed: int = 0
    hypotheses: list[Hypotheses] = field(default_factory=list)
    _known: dict[Callable[..., Any], Any] = field(default_factory=dict)

    def once(self, compute: Callable[[Analysis], T]) -> T:
        """What a function says of this analysis, computed at the first call."""
        if compute not in self._known:
            self._known[compute] = compute(self)
        return cast(T, self._known[compute])

    @property
    def pairs(self) -> list[Pair]:
        """Every variant with a baseline, on every task that both were asked; raises as `_paired`."""
        return list(self.paired.values())

    @property
    def paired(self) -> dict[tuple[str, str], Pair]:
        """The pairs by variant and task."""
        return self.once(_paired)

    @property
    def level(self) -> str:
        """The level of all intervals, in words."""
        return level(stats.LEVEL)

    def correct(self, rows: Sequence[Any], name: str, question: str) -> None:
        """Holm over the p of these rows, one family of hypotheses, written into their `p_holm`."""
        adjusted = stats.holm({str(place): row["p"] for place, row in enumerate(rows)}, name).adjusted
        for place, row in enumerate(rows):
            row["p_holm"] = adjusted[str(place)]
        if rows:
            self.hypotheses.append(Hypotheses(name=name, question=question, n=len(rows)))

    def remarks(self, *tasks: str) -> list[str]:
        """What a reader must know of results on these tasks, each once."""
        known = {row["task"]: row["remarks"] for row in self.grid.tasks}
        return list(dict.fromkeys(remark for task in tasks for remark in known.get(task, [])))

    def noted(self, *tasks: str) -> list[str]:
        """The remarks of tasks as lines, marked."""
        return [f"{REMARK} {remark}" for remark in self.remarks(*tasks)]

    def mark(self, *tasks: str) -> str:
        """The mark after a name whose results have a remark; "" for none."""
        return f" {REMARK}" if self.remarks(*tasks) else ""

    def marked(self, task: str, *others: str) -> str:
        """A task's title, with the mark of a remark on it or on the others."""
        return self.grid.title(task) + self.mark(task, *others)

    def strange(self, task: str) -> bool:
        """Is a task's number no finding, its prompts being outside what the models were trained on?"""
        return any("outside their training" in remark for remark in self.remarks(task))


def grouped(rows: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Rows by what they share, in the order of their first."""
    groups: dict[K, list[T]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _paired(analysis: Analysis) -> dict[tuple[str, str], Pair]:
    """Every line with a baseline, on every task that both were asked; what has none is said in the problems.

    Raises:
        Refused: cells to be compared hold different items; all of them are named.
    """
    grid = analysis.grid
    known: dict[tuple[str, str], Pair] = {}
    problems: list[Problem] = []
    for row, task in product(grid.variants, grid.tasks):
        place = row["id"], task["task"]
        try:
            made = None if row["is_baseline"] else pair(grid, row["id"], task)
        except Refused as error:
            problems.extend(error.problems)
            continue
        if made is not None:
            known[place] = made
        elif not (row["is_baseline"] or task["members"]) and any(key[:2] == place for key in grid.cells):
            _say_why_none(grid, row, task)
    if problems:
        raise Refused(problems)
    return known


def _say_why_none(grid: Grid, row: VariantRow, task: TaskRow) -> None:
    """Why a cell has no baseline, and what to run for it to have one."""
    mine = next(cell.record for key, cell in grid.cells.items() if key[:2] == (row["id"], task["task"]))
    bases = [cell.record for cell in grid.cells.values() if not cell.record["variant"]["terms"]]
    asked = [record for record in bases if record["task"] == task["task"]]
    same_model = [record for record in asked if record["variant"]["base"] == mine["variant"]["base"]]
    if not asked:
        what = "there is no baseline to compare it with: the base was not asked this task"
    elif not same_model:
        what = "there is no baseline to compare it with: the base of this variant was not asked this task"
    else:
        keys = unlike(mine, same_model[0], {"variant"})
        what = f"its baseline was asked in another way ({', '.join(keys) or 'other draws'}), so no difference is given"
    fix = "run the same command with alpha=0 and the same settings, in this study"
    grid.problem("missing", what, f"{row['label']}, {task['task']}", fix)


Compute = Callable[[Analysis], Finding]
_REGISTERED: dict[Compute, float] = {}


def finding(place: float) -> Callable[[Compute], Compute]:
    """Register what makes a finding; `place` is where it stands in the order of reading, lowest first."""

    def register(compute: Compute) -> Compute:
        _REGISTERED[compute] = place
        return compute

    return register


def registered() -> list[Compute]:
    """All findings in the order of reading; equal places by name."""
    return sorted(_REGISTERED, key=lambda compute: (_REGISTERED[compute], compute.__module__, compute.__name__))


def interval(measured: stats.Interval) -> Interval:
    """An interval as JSON holds it."""
    return cast(Interval, asdict(measured))


def edge_of(edge: str | None) -> Edge:
    """Floor, ceiling or neither, as JSON holds it."""
    return cast(Edge, edge or "")


def call(difference: Interval, p_holm: float, edge: Edge = "", noise: float | None = None) -> Call:
    """What may be said of a difference: it counts if its corrected p does, its interval does, and noise is smaller."""
    if edge:
        return "edge"
    if p_holm >= SIGNIFICANT or (noise is not None and abs(difference["value"]) <= noise):
        return "unclear"
    if difference["low"] > 0:
        return "better"
    return "worse" if difference["high"] < 0 else "unclear"


def who(pair: Pair) -> str:
    """The start of the name of a pair's family of hypotheses.

    Null controls are families of their own: they ask another question, and how many of them were run must not weaken
    what can be said of the real vector.
    """
    return CONTROLS if pair.null else VARIANTS


def kind_of(task: TaskRow) -> str:
    """Which tasks are corrected together."""
    if not task["shown"]:
        return "members of groups"
    return "clean tasks" if task["family"] == "clean" else "perturbed tasks"
