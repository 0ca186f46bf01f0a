"""A variant against its baseline: on each task, pooled over tasks, where it comes from, and next to the noise."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from typing import Any, cast

from rveval import stats
from rveval.errors import Problem, Refused
from rveval.findings.board import Board, Cell, Pair, ordered, pair
from rveval.findings.compare import flat_settings
from rveval.findings.moves import CLASSES, moves
from rveval.findings.reading import Marks
from rveval.findings.tasks import chance
from rveval.findings.typed import (
    Call,
    Comparison,
    Edge,
    Gains,
    Hypotheses,
    Interval,
    Noise,
    Share,
    TaskRow,
)

SIGNIFICANT = 1 - stats.LEVEL
VARIANTS, CONTROLS = "variants", "null controls"


def interval(found: stats.Interval) -> Interval:
    """An interval as JSON holds it."""
    return cast(Interval, asdict(found))


def pairs(board: Board) -> list[Pair]:
    """Every line with a baseline, on every task that both were asked; what has none is said in the problems.

    Raises:
        Refused: cells to be compared hold different items; all of them are named.
    """
    found: list[Pair] = []
    problems: list[Problem] = []
    for row in board.variants:
        if row["is_baseline"]:
            continue
        for task in board.tasks:
            try:
                one = pair(board, row["id"], task)
            except Refused as error:
                problems.extend(error.problems)
                continue
            if one is not None:
                found.append(one)
            elif not task["members"] and any(key[:2] == (row["id"], task["task"]) for key in board.cells):
                _say_why_none(board, row["id"], task)
    if problems:
        raise Refused(problems)
    return found


def _say_why_none(board: Board, variant: str, task: TaskRow) -> None:
    """Why a cell has no baseline, and what to run for it to have one."""
    label = next(row["label"] for row in board.variants if row["id"] == variant)
    mine = next(cell for key, cell in board.cells.items() if key[:2] == (variant, task["task"]))
    bases = [cell for cell in board.cells.values() if not cell.record["variant"]["terms"]]
    asked = [cell for cell in bases if cell.record["task"] == task["task"]]
    same_model = [cell for cell in asked if cell.record["variant"]["base"] == mine.record["variant"]["base"]]
    if not asked:
        what = "there is no baseline to compare it with: the base was not asked this task"
    elif not same_model:
        what = "there is no baseline to compare it with: the base of this variant was not asked this task"
    else:
        keys = _unlike(mine, same_model[0])
        what = f"its baseline was asked in another way ({', '.join(keys) or 'other draws'}), so no difference is given"
    fix = "run the same command with alpha=0 and the same settings, in this study"
    board.trouble("missing", what, f"{label}, {task['task']}", fix)


def _unlike(one: Cell, other: Cell) -> list[str]:
    ours, theirs = (dict(flat_settings(cell.record["settings"])) for cell in (one, other))
    keys = sorted(key for key in (ours.keys() | theirs.keys()) - {"variant"} if ours.get(key) != theirs.get(key))
    return [f"{key}: {ours.get(key, 'null')} and {theirs.get(key, 'null')}" for key in keys]


def who(one: Pair) -> str:
    """The start of the name of a pair's family of hypotheses.

    Null controls are families of their own: they ask another question, and how many of them were run must not weaken
    what can be said of the real vector.
    """
    return CONTROLS if one.null else VARIANTS


def compare_all(found: Sequence[Pair], noise: Sequence[Noise]) -> tuple[list[Comparison], list[Hypotheses]]:
    """All comparisons, corrected within their families of hypotheses, and these families.

    What stands at the floor or the ceiling is corrected with the rest: it was asked too.
    """
    rows = [_comparison(one, noise) for one in found]
    asked = {
        "clean tasks": "from its baseline on a benchmark?",
        "perturbed tasks": "from its baseline under a family?",
        "members of groups": "from its baseline on a subtask?",
    }
    hypotheses = []
    for who, kind in product((VARIANTS, CONTROLS), asked):
        name, question = f"{who} x {kind}", f"does a {who.removesuffix('s')} differ {asked[kind]}"
        here = [row for row in rows if row["hypotheses"] == name]
        correct(here, name)
        if here:
            hypotheses.append(Hypotheses(name=name, question=question, n=len(here)))
    for row in rows:
        row["call"] = call(row["difference"], row["p_holm"], row["at_edge"], row["noise"])
    return rows, hypotheses


def correct(rows: Sequence[Any], name: str) -> None:
    """Holm over the p of these rows, written into their `p_holm`."""
    adjusted = stats.holm({str(place): row["p"] for place, row in enumerate(rows)}, name).adjusted
    for place, row in enumerate(rows):
        row["p_holm"] = adjusted[str(place)]


def call(difference: Interval, p_holm: float, edge: Edge = "", noise: float | None = None) -> Call:
    """What may be said of a difference: it counts if its corrected p does, its interval does, and noise is smaller."""
    if edge:
        return "edge"
    if p_holm >= SIGNIFICANT or (noise is not None and abs(difference["value"]) <= noise):
        return "unclear"
    if difference["low"] > 0:
        return "better"
    return "worse" if difference["high"] < 0 else "unclear"


def _comparison(one: Pair, noise: Sequence[Noise]) -> Comparison:
    found = stats.paired(one.ours, one.theirs, chance(one.task))
    kind = "clean tasks" if one.task["family"] == "clean" else "perturbed tasks"
    return Comparison(
        variant=one.variant,
        baseline=one.baseline,
        task=one.task["task"],
        benchmark=one.task["benchmark"],
        family=one.task["family"],
        draws=one.draws,
        difference=interval(found.difference),
        fixed=found.fixed,
        broken=found.broken,
        p=found.p,
        p_mid=found.mid_p,
        p_holm=found.p,
        hypotheses=f"{who(one)} x {kind if one.task['shown'] else 'members of groups'}",
        detectable=found.detectable,
        at_edge=cast(Edge, found.edge or ""),
        noise=_noise(one, noise),
        call="unclear",
    )


def _noise(one: Pair, noise: Sequence[Noise]) -> float | None:
    """The largest difference between two runs of one thing; of a group, of all its members together."""
    runs: dict[tuple[str, int, int], dict[str, Noise]] = defaultdict(dict)
    for row in noise:
        if row["task"] in one.members:
            runs[row["variant"], row["draw"], row["repeat"]][row["task"]] = row
    whole = [list(run.values()) for run in runs.values() if len(run) == len(one.members)]
    moved = [abs(sum(r["difference"]["value"] * r["n"] for r in run)) / sum(r["n"] for r in run) for run in whole]
    return max(moved, default=None)


def gains(board: Board, found: Sequence[Pair]) -> list[Gains]:
    """Where every difference comes from, draw by draw."""
    rows = []
    for one in found:
        for draw in one.draws:
            ours, theirs = board.marks(one.variant, one.members, draw), board.marks(one.baseline, one.members, draw)
            assert ours is not None, one
            assert theirs is not None, one
            rows.append(_gains(one, draw, ours, reordered(theirs, ours.ids, one.task["task"])))
    return rows


def _gains(one: Pair, draw: int, ours: Marks, theirs: Marks) -> Gains:
    what = moves(ours, theirs)
    shares = []
    for place, name in enumerate(CLASSES):
        mine = what.kind == place
        fixed, broken = int((what.move[mine] > 0).sum()), int((what.move[mine] < 0).sum())
        difference = float(what.change[mine].sum()) / ours.n
        shares.append(Share(name=name, fixed=fixed, broken=broken, difference=difference))
    whole = float(what.change.mean())
    return Gains(
        variant=one.variant,
        baseline=one.baseline,
        task=one.task["task"],
        draw=draw,
        n=ours.n,
        difference=whole,
        classes=shares,
    )


def reordered(marks: Marks, ids: tuple[str, ...], where: str) -> Marks:
    """The same marks in another order of items."""
    import numpy as np

    if marks.ids == ids:
        return marks
    places = ordered(np.arange(marks.n, dtype=float), marks.ids, ids, where).astype(int).tolist()
    names = [name for name in Marks.__dataclass_fields__ if name not in ("ids", "left", "tokens")]
    columns = {name: getattr(marks, name)[places] for name in names}
    return Marks(ids=ids, left=tuple(marks.left[place] for place in places), tokens=marks.tokens, **columns)


def noise_of(board: Board) -> list[Noise]:
    """Every cell that was run again, against its first run."""
    firsts = {_but_repeat(cell): (key, cell) for key, cell in board.cells.items()}
    rows = []
    for again in board.repeats:
        record = again.record
        known = firsts.get(_but_repeat(again))
        if known is None:
            what = "was run again with its requests in another order, and its first run is not in the study"
            board.trouble("missing", what, f"{record['variant']['label']}, {record['task']}", "run it once more")
            continue
        (variant, task, draw), first = known
        marks = reordered(again.marks, first.marks.ids, task)
        differ = (marks.answers != first.marks.answers).astype(float)
        found = stats.paired(marks.score, first.marks.score)
        rows.append(
            Noise(
                variant=variant,
                task=task,
                draw=draw,
                repeat=int(record["settings"]["repeat"]),
                n=marks.n,
                scores_differ=interval(stats.accuracy((marks.score != first.marks.score).astype(float))),
                responses_differ=interval(stats.accuracy(differ)),
                difference=interval(found.difference),
                fixed=found.fixed,
                broken=found.broken,
            )
        )
    return rows


def _but_repeat(cell: Cell) -> str:
    settings = {key: value for key, value in cell.record["settings"].items() if key != "repeat"}
    return json.dumps([cell.record["variant"]["fingerprint"], settings], sort_keys=True)
