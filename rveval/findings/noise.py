"""The noise floor: how far the same weights differ from themselves when the requests come in another order."""

from __future__ import annotations

import json
from typing import TypedDict

from rveval import stats
from rveval.findings import tables
from rveval.findings.analysis import Analysis, finding, interval
from rveval.findings.marks import reordered
from rveval.findings.pieces import Finding, Interval, Statement
from rveval.findings.study import Cell
from rveval.findings.wording import points

WEIGHT = 15


class Noise(TypedDict):
    """A variant run again with its requests in another order: how many items changed their verdict."""

    variant: str
    task: str
    draw: int
    repeat: int
    n: int
    scores_differ: Interval
    responses_differ: Interval
    difference: Interval
    fixed: int
    broken: int


def rows(analysis: Analysis) -> list[Noise]:
    """Every cell that was run again, against its first run."""
    grid = analysis.grid
    firsts = {_but_repeat(cell): (key, cell) for key, cell in grid.cells.items()}
    every = []
    for again in grid.repeats:
        record = again.record
        known = firsts.get(_but_repeat(again))
        if known is None:
            what = "was run again with its requests in another order, and its first run is not in the study"
            grid.problem("missing", what, f"{record['variant']['label']}, {record['task']}", "run it once more")
            continue
        (variant, task, draw), first = known
        marks = reordered(again.marks, first.marks.ids, task)
        measured = stats.paired(marks.score, first.marks.score)
        every.append(
            Noise(
                variant=variant,
                task=task,
                draw=draw,
                repeat=int(record["settings"]["repeat"]),
                n=marks.n,
                scores_differ=interval(stats.accuracy((marks.score != first.marks.score).astype(float))),
                responses_differ=interval(stats.accuracy((marks.answers != first.marks.answers).astype(float))),
                difference=interval(measured.difference),
                fixed=measured.fixed,
                broken=measured.broken,
            )
        )
    return every


def _but_repeat(cell: Cell) -> str:
    settings = {key: value for key, value in cell.record["settings"].items() if key != "repeat"}
    return json.dumps([cell.record["variant"]["fingerprint"], settings], sort_keys=True)


FIELDS = [
    tables.variant(),
    tables.task(),
    tables.plain("draw"),
    tables.plain("repeat"),
    tables.plain("items", "n"),
    tables.points("difference", "difference"),
    tables.share("scores differ", "scores_differ"),
    tables.share("answers differ", "responses_differ"),
    tables.plain("right only then", "fixed"),
    tables.plain("wrong only then", "broken"),
]


@finding(140)
def noise(analysis: Analysis) -> Finding:
    every, statements = analysis.once(rows), []
    if every:
        most = max(abs(row["difference"]["value"]) for row in every)
        text = "Run again with its requests in another order, a baseline differs from itself by "
        text += f"{points(most, False)} points at most."
        statements = [Statement(text, "unknown" if most else "good", WEIGHT)]
    elif analysis.pairs:
        text = "The noise floor is not known: no baseline was run again with its requests in another order."
        statements = [Statement(text, "unknown", WEIGHT)]
    title = "Noise: run again with its requests in another order"
    return Finding(
        "noise",
        "Noise",
        lead="How far the same weights differ from themselves when the requests come in another order. A difference "
        "no larger than that is none.",
        rows=every,
        statements=statements,
        tables=[tables.table(analysis, "noise", title, every, FIELDS, open=True)],
        empty="The noise was not measured: suite.repeat=1 runs the baseline a second time.",
    )
