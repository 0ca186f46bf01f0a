"""Every score: each variant on each task in each draw, how it was answered, and what a reader must know of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypedDict

from rveval import stats
from rveval.findings import tables
from rveval.findings.analysis import Analysis, edge_of, finding, grouped, interval
from rveval.findings.marks import joined
from rveval.findings.pieces import Edge, Finding, Interval, Statement
from rveval.findings.report import TaskRow
from rveval.findings.wording import listed

REMARKS_WEIGHT, ILLNESS_WEIGHT = 25, 20
_SICK = 0.05  # share of answers without an answer, or cut off, that is worth a word
_SIGNS = {"nonfinite_logprob": "have a probability that is not finite", "repetition": "repeat themselves"}


class Tokens(TypedDict):
    """Tokens of an answer."""

    mean: float
    median: float


class CellRow(TypedDict):
    """One variant on one task in one draw; of a group, with all its members together (`cell_id` is "" there).

    `accuracy` is the flexible reading. `metrics` are the cell's own (`pass@k`, ...). `health` counts signs of a broken
    variant, `changed` the items whose prompt differs from the clean one, `left_alone` items by reason. `swap`: how the
    weights came into the engine.
    """

    variant: str
    task: str
    draw: int
    cell_id: str
    n: int
    accuracy: Interval
    strict: Interval
    extraction_failed: Interval
    truncated: Interval
    tokens: Tokens
    metrics: dict[str, float]
    health: dict[str, int]
    changed: int
    left_alone: dict[str, int]
    warnings: list[str]
    asked: str
    edge: Edge
    timings: dict[str, float]
    swap: str


def rows(analysis: Analysis) -> list[CellRow]:
    """Every cell, and every group's line, in the order of tasks and variants."""
    grid, every = analysis.grid, []
    for task, variant in product(grid.tasks, grid.variants):
        for draw in grid.draws(variant["id"], task):
            members = grid.members(variant["id"], task, draw)
            every.append(_cell(analysis, variant["id"], task, members, draw))
            if len(members) < len(task["members"]):
                what = f"{len(members)} of {len(task['members'])} subtasks were asked; its line is about these alone"
                grid.problem("missing", what, f"{variant['label']}, {task['task']}", "run the same command again")
    return every


def _cell(analysis: Analysis, variant: str, task: TaskRow, members: list[str], draw: int) -> CellRow:
    import numpy as np

    cells = [analysis.grid.cells[variant, name, draw] for name in members]
    marks = joined([cell.marks for cell in cells])
    records: list[Mapping[str, Any]] = [cell.record for cell in cells]
    n = sum(record["n"] for record in records)
    accuracy = stats.accuracy(marks.score)

    def added(name: str) -> dict[str, int]:
        parts: list[dict[str, int]] = [record.get(name, {}) for record in records]
        return {key: sum(part.get(key, 0) for part in parts) for part in parts for key in part}

    shares = set(records[0]["metrics"]).intersection(*(record["metrics"] for record in records))
    return CellRow(
        variant=variant,
        task=task["task"],
        draw=draw,
        cell_id="" if task["members"] else records[0]["cell_id"],
        n=marks.n,
        accuracy=interval(accuracy),
        strict=interval(stats.accuracy(marks.strict / marks.count)),
        extraction_failed=interval(stats.accuracy(marks.failed / marks.count)),
        truncated=interval(stats.accuracy(marks.cut / marks.count)),
        tokens=Tokens(mean=float(marks.tokens.mean()), median=float(np.median(marks.tokens))),
        metrics={name: sum(r["metrics"][name] * r["n"] for r in records) / n for name in sorted(shares)},
        health=added("health"),
        changed=int(marks.changed.sum()),
        left_alone=added("left_alone"),
        warnings=sorted({warning for record in records for warning in record["warnings"]}),
        asked=cells[0].asked,
        edge=edge_of(stats.edge([accuracy], task["chance"])),
        timings={name: sum(float(r["timings"].get(name, 0)) for r in records) for name in records[0]["timings"]},
        swap=str(records[0]["engine"].get("swap", "")),
    )


def _remarks_of(row: CellRow) -> str:
    return "; ".join(filter(None, [row["edge"] and f"at the {row['edge']}", *row["warnings"]]))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what} {number}" for what, number in counts.items() if number)


FIELDS = [
    tables.variant(),
    tables.task(),
    tables.plain("draw"),
    tables.plain("items", "n"),
    tables.share("right", "accuracy"),
    tables.share("right, strict reading", "strict"),
    tables.share("no answer read", "extraction_failed"),
    tables.share("cut off", "truncated"),
    tables.computed("tokens, mean", lambda row: round(row["tokens"]["mean"])),
    tables.computed("tokens, median", lambda row: round(row["tokens"]["median"])),
    tables.plain("prompts changed", "changed"),
    tables.computed("left alone", lambda row: _counts(row["left_alone"])),
    tables.computed("metrics", lambda row: ", ".join(f"{name} {share:.4g}" for name, share in row["metrics"].items())),
    tables.computed("health", lambda row: _counts(row["health"])),
    tables.computed("remarks", _remarks_of),
]


@finding(150)
def scores(analysis: Analysis) -> Finding:
    every = analysis.once(rows)
    return Finding(
        "cells",
        "Every score",
        lead="The share of right answers by the flexible and by the strict reading, and how the answers looked.",
        rows=every,
        statements=[*_remarks(analysis), *_illness(analysis, every)],
        tables=[tables.table(analysis, "scores", "Every score", every, FIELDS, detail=True)],
        empty="No complete cell to show: nothing has been run to its end in this study.",
    )


def _remarks(analysis: Analysis) -> Iterator[Statement]:
    """What a reader must know of the tasks."""
    tasks = [task for task in analysis.grid.tasks if not task["members"]]
    for remark, number in Counter(remark for task in tasks for remark in task["remarks"]).items():
        text = f"{remark[:1].upper()}{remark[1:]} ({number} task{'s' if number > 1 else ''})."
        yield Statement(text, "unknown", REMARKS_WEIGHT)


def _illness(analysis: Analysis, every: Sequence[CellRow]) -> Iterator[Statement]:
    """Answers that can't be read, are cut off, or look like a broken model's."""
    signs = [
        (row["variant"], words, size, f"{analysis.grid.title(row['task'])} ({shown})")
        for row in every
        if analysis.grid.shown(row["task"]) and not row["draw"]
        for words, size, shown in _signs(row)
    ]
    for (variant, words), same in grouped(signs, lambda sign: sign[:2]).items():
        named = listed((place for *_, place in sorted(same, key=lambda sign: -sign[2])), "; ")
        yield Statement(f"Answers of {analysis.grid.label(variant)} {words} on {named}.", "bad", ILLNESS_WEIGHT)


def _signs(row: CellRow) -> Iterator[tuple[str, float, str]]:
    """Of a cell: in words what is wrong, how much, and that as text."""
    for words, share in (("hold no readable answer", row["extraction_failed"]), ("are cut off", row["truncated"])):
        if share["value"] >= _SICK:
            yield words, share["value"], f"{100 * share['value']:.0f}%"
    for sign, words in _SIGNS.items():
        if number := row["health"].get(sign, 0):
            yield words, number, str(number)
