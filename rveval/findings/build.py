"""Studies -> `Summary`: everything that is shown, computed from the store alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from rveval import __version__, stats
from rveval.findings import claims as published
from rveval.findings import comparisons, curves, families, interference, nulls, pooling, sweeps, tasks, words
from rveval.findings.board import Board, Pair
from rveval.findings.comparisons import interval
from rveval.findings.items import Items
from rveval.findings.layout import Study, lay_out
from rveval.findings.reading import Marks
from rveval.findings.refused import refused
from rveval.findings.typed import (
    SCHEMA_VERSION,
    CellRow,
    Edge,
    Hypotheses,
    Made,
    Provenance,
    Rules,
    Summary,
    TaskRow,
    Tokens,
)

MARGIN, WEIGHTS = 0.5, "benchmarks"
FORCED = "forced: its donors do not fit the base, and only what fits of them was added"


def build(
    studies: Sequence[Study],
    claims: Sequence[Mapping[str, Any]] = (),
    items: Path | None = None,
    made: Mapping[str, str] | None = None,
    commands: Sequence[str] = (),
    tick: Callable[[int], None] | None = None,
) -> Summary:
    """Read the studies once, and say what they say.

    Args:
        studies: at least one.
        claims: published numbers to judge, as in `conf/claims`.
        items: an empty folder that gets the item files; None writes none.
        made: `command` and `source`, for people.
        commands: what makes the cells again.
        tick: told of the items of every cell that was read.

    Raises:
        Refused: damaged cells, nothing to lay out, or cells to be compared that hold different items.
    """
    keeper = Items(items) if items is not None else None
    board = lay_out(studies, keeper.keep if keeper else None, tick)
    margin, weights, seed = _rules(studies, board)
    pairs = comparisons.pairs(board)
    found, asked = _findings(studies, board, pairs, margin, seed)
    pooled, asked_pooled = pooling.pool(pairs, weights)
    _remarks(board)
    robust, factorial = families.robustness(board), curves.factorials(board)
    verdicts = published.judged(board, claims)
    sets = keeper.finish(board) if keeper else []
    return Summary(
        schema_version=SCHEMA_VERSION,
        made=_made(studies, made or {}),
        rules=_stated(margin, weights, seed, [*asked, *asked_pooled]),
        verdict=words.conclude(found),
        variants=board.variants,
        tasks=board.tasks,
        cells=list(found.cells),
        comparisons=list(found.comparisons),
        pooled=pooled,
        robustness=robust,
        survival=list(found.survival),
        gains=list(found.gains),
        curves=list(found.curves),
        factorial=factorial,
        nulls=list(found.nulls),
        interference=list(found.interference),
        sweeps=sweeps.sweeps(board, found.comparisons),
        refused=list(found.refused),
        noise=list(found.noise),
        claims=verdicts,
        problems=board.problems,
        provenance=_provenance(board, studies, commands),
        items=sets,
    )


def _findings(
    studies: Sequence[Study], board: Board, pairs: Sequence[Pair], margin: float, seed: int
) -> tuple[words.Findings, list[Hypotheses]]:
    """What the verdict is made of, and what was asked together; `board.problems` may still grow."""
    noise = comparisons.noise_of(board)
    compared, asked = comparisons.compare_all(pairs, noise)
    survival, asked_survival = families.survival(board, margin, seed)
    together, asked_together = interference.interferences(board, pairs)
    found = words.Findings(
        variants=board.variants,
        tasks=board.tasks,
        cells=_cells(board),
        comparisons=compared,
        survival=survival,
        curves=curves.curves(board, seed),
        noise=noise,
        problems=board.problems,
        gains=comparisons.gains(board, pairs),
        nulls=nulls.nulls(board, pairs, compared),
        interference=together,
        refused=refused(studies),
    )
    return found, [*asked, *asked_survival, *asked_together]


def _rules(studies: Sequence[Study], board: Board) -> tuple[float, str, int]:
    """The rules as the configs of the runs hold them; where they disagree, the strictest, and it is said."""
    configs = [entry["config"] for study in studies for entry in study.entries]
    suites = [config.get("suite") or {} for config in configs]
    margins = sorted({float(suite.get("margin", MARGIN)) for suite in suites}) or [MARGIN]
    weights = sorted({str(suite.get("pooled_by", WEIGHTS)) for suite in suites}) or [WEIGHTS]
    if any(suite and "margin" not in suite for suite in suites):
        what = f"some runs do not say the rule of survival: the default is taken, a margin of {MARGIN:g}"
        board.trouble("warning", what, "suite.margin", "run them again: a finished cell is kept, and the rule is noted")
    if len(margins) > 1 or len(weights) > 1:
        what = f"the runs were made under different rules (margin {margins}, pooled by {weights})"
        fix = "the largest margin and equal benchmarks are taken; run all variants again under one rule"
        board.trouble("warning", what, "suite.margin, suite.pooled_by", fix)
    seeds = {cell.record["seed"] for cell in board.cells.values()}
    return margins[-1], weights[0], min(seeds, default=0)


def _stated(margin: float, weights: str, seed: int, asked: list[Hypotheses]) -> Rules:
    return Rules(
        level=stats.LEVEL,
        power=stats.POWER,
        margin=margin,
        weights=cast(Any, weights),
        seed=seed,
        chance=tasks.CHANCE,
        edge=stats.EDGE,
        hypotheses=asked,
    )


def _made(studies: Sequence[Study], made: Mapping[str, str]) -> Made:
    return Made(
        rveval=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        studies=[study.name for study in studies],
        command=made.get("command", ""),
        source=made.get("source", ""),
    )


def _cells(board: Board) -> list[CellRow]:
    """Every cell, and every group's line, in the order of tasks and variants."""
    rows = []
    for task in board.tasks:
        for variant in board.variants:
            for draw in task["draws"]:
                members = board.members(variant["id"], task, draw)
                marks = board.marks(variant["id"], members, draw)
                if marks is not None:
                    rows.append(_cell(board, variant["id"], task, members, draw, marks))
                    _note_partial(board, variant["label"], task, members)
    return rows


def _note_partial(board: Board, label: str, task: TaskRow, members: Sequence[str]) -> None:
    if task["members"] and len(members) < len(task["members"]):
        what = f"{len(members)} of {len(task['members'])} subtasks were asked; its line is about these alone"
        board.trouble("missing", what, f"{label}, {task['task']}", "run the same command again")


def _cell(board: Board, variant: str, task: TaskRow, members: list[str], draw: int, marks: Marks) -> CellRow:
    cells = [board.cells[variant, name, draw] for name in members]
    records = [cell.record for cell in cells]
    n = sum(record["n"] for record in records)
    accuracy = stats.accuracy(marks.score)

    def added(name: str) -> dict[str, int]:
        parts: list[dict[str, int]] = [record.get(name, {}) for record in records]  # type: ignore[misc]
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
        tokens=_tokens(marks),
        metrics={name: sum(r["metrics"][name] * r["n"] for r in records) / n for name in sorted(shares)},
        health=added("health"),
        changed=int(marks.changed.sum()),
        left_alone=added("left_alone"),
        warnings=sorted({warning for record in records for warning in record["warnings"]}),
        asked=cells[0].asked,
        edge=cast(Edge, stats.edge([accuracy], tasks.chance(task)) or ""),
        timings={name: sum(_timing(record, name) for record in records) for name in records[0]["timings"]},
    )


def _timing(record: Any, name: str) -> float:
    return float(record["timings"].get(name, 0.0))


def _tokens(marks: Marks) -> Tokens:
    import numpy as np

    return Tokens(mean=float(marks.tokens.mean()), median=float(np.median(marks.tokens)))


def _remarks(board: Board) -> None:
    for row in board.variants:
        cells = [cell for key, cell in board.cells.items() if key[0] == row["id"]]
        told = sorted({warning for cell in cells for warning in cell.record["warnings"]})
        row["remarks"] = [FORCED, *told] if row["forced"] else told


def _provenance(board: Board, studies: Sequence[Study], commands: Sequence[str]) -> Provenance:
    records = [cell.record for cell in [*board.cells.values(), *board.repeats]]
    ids = {row["fingerprint"]: row["id"] for row in reversed(board.variants)}
    engines = {json.dumps(record["engine"], sort_keys=True, default=str): record["engine"] for record in records}
    timings: dict[str, float] = {}
    versions: dict[str, set[str]] = {}
    for record in records:
        for name, version in record["versions"].items():
            versions.setdefault(name, set()).add(str(version))
        for name in record["timings"]:
            timings[name] = timings.get(name, 0.0) + _timing(record, name)
    return Provenance(
        configs={
            ids[entry["fingerprint"]]: entry["config"]
            for study in studies
            for entry in study.entries
            if entry["fingerprint"] in ids
        },
        settings={record["cell_id"]: record["settings"] for record in records},
        versions={name: sorted(found) for name, found in sorted(versions.items())},
        engines=list(engines.values()),
        seeds=sorted({record["seed"] for record in records}),
        created=sorted({record["created"] for record in records})[:: max(1, len(records) - 1)],
        timings=timings,
        commands=list(commands),
    )
