"""Lines that differ in one thing only: a number of a transform, the layers, the kinds of tensors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from rveval.findings import comparisons, recipes, tables
from rveval.findings.analysis import Analysis, finding
from rveval.findings.comparisons import Comparison
from rveval.findings.pictures import Call, Choice, Forest, Picture
from rveval.findings.pieces import Finding, Interval, Table
from rveval.findings.report import VariantRow
from rveval.findings.study import Grid
from rveval.findings.wording import number

_FEWEST = 2
_ALL_LAYERS = 1 << 30  # stands last


class SweepPoint(TypedDict):
    """One line of a sweep: what it differs in, in words, and its difference to the baseline with its call."""

    value: str
    variant: str
    difference: Interval
    call: Call


class Sweep(TypedDict):
    """Lines that differ in one thing only, on one task: `by` is "density", "rank", "cap", "gamma" or "epsilon" of the
    step `step`, "layers" or "kinds" (`step` is "" there). `vector` says what they share; points are in order."""

    by: str
    step: str
    model: str
    vector: str
    alpha: float
    task: str
    benchmark: str
    family: str
    points: list[SweepPoint]


@dataclass
class _Lines:
    """A sweep's lines: (where it stands, its value in words, the line)."""

    by: str = ""
    step: str = ""
    points: list[tuple[Any, str, VariantRow]] = field(default_factory=list)


def rows(analysis: Analysis) -> list[Sweep]:
    """Every set of lines that differ in one thing only, on every task that two of them or more were compared on.

    A seed is no such thing: lines of other seeds are other sweeps. Null controls are none either: they have their own
    table.
    """
    differences = {(row["variant"], row["task"]): row for row in analysis.once(comparisons.rows)}
    every = []
    for lines in _sweeps(analysis.grid):
        first = lines.points[0][2]
        for task in analysis.grid.tasks:
            name = task["task"]
            known = [(value, differences.get((line["id"], name))) for _, value, line in lines.points]
            compared = [_point(value, row) for value, row in known if row is not None]
            if len(compared) >= _FEWEST:
                every.append(
                    Sweep(
                        by=lines.by,
                        step=lines.step,
                        model=first["model"],
                        vector=_shared(lines),
                        alpha=first["alpha"],
                        task=name,
                        benchmark=task["benchmark"],
                        family=task["family"],
                        points=compared,
                    )
                )
    return every


def _point(value: str, row: Comparison) -> SweepPoint:
    return SweepPoint(value=value, variant=row["variant"], difference=row["difference"], call=row["call"])


def _sweeps(grid: Grid) -> Iterator[_Lines]:
    """The sweeps, their points in order."""
    groups: dict[tuple[str, str, str], _Lines] = defaultdict(_Lines)
    for row in grid.variants:
        if not row["is_baseline"] and not row["null"]:
            for by, step, key, where, value in _axes(row):
                group = groups[by, step, key]
                group.by, group.step = by, step
                group.points.append((where, value, row))
    for group in groups.values():
        group.points.sort(key=lambda point: point[0])
        if len({value for _, value, _ in group.points}) >= _FEWEST:
            yield group


def _axes(row: VariantRow) -> Iterator[tuple[str, str, str, Any, str]]:
    """All that a line may be one point of: by what, of which step, the rest as a key, its place, its value in words."""
    for at, step in enumerate(row["steps"]):
        for name in recipes.PARAMETERS:
            if name in step:
                rest = [*row["steps"][:at], {**step, name: "*"}, *row["steps"][at + 1 :]]
                yield name, step["name"], recipes.same(row, steps=rest), step[name], f"{step[name]:g}"
    start, stop = row["layers"] or (_ALL_LAYERS, 0)
    words = recipes.layers(row["layers"]) if row["layers"] else "all layers"
    yield "layers", "", recipes.same(row, layers="*"), (start, stop), words
    words = " + ".join(row["kinds"]) or "all kinds"
    yield "kinds", "", recipes.same(row, kinds="*"), (not row["kinds"], len(row["kinds"]), row["kinds"]), words


def _shared(lines: _Lines) -> str:
    """The vector, and what all its lines have made of it."""
    every = [row["about"].split("; ") if row["about"] else [] for _, _, row in lines.points]
    shared = [part for part in every[0] if all(part in parts for parts in every)]
    vector = lines.points[0][2]["vector"]
    return f"{vector} [{'; '.join(shared)}]" if shared else vector


def _swept(row: Sweep) -> str:
    return f"by {row['by']}" + (f" of {row['step']}" if row["step"] else "")


def _vector(row: Sweep) -> str:
    return f"{number(row['alpha'])} {row['vector']} on {row['model']}"


FIELDS = [
    tables.computed("sweep", _swept),
    tables.computed("vector", _vector),
    tables.task(),
    tables.plain("value", "part.value"),
    tables.items("part.difference"),
    tables.points("difference", "part.difference", bold=True),
    tables.verdict("part.call"),
    tables.variant("part.variant"),
]


@finding(70)
def sweeps(analysis: Analysis) -> Finding:
    every = analysis.once(rows)
    return Finding(
        "sweeps",
        "Which part of the vector, and how much of it",
        lead="Variants that differ in one thing only: which layers, which kinds of matrices, how much a transform "
        "keeps. Each against the baseline; differences between them are not tested.",
        rows=every,
        tables=[_table(analysis, every)],
        picture=_picture(analysis, [row for row in every if analysis.grid.shown(row["task"])]),
        empty="No parts: run two variants or more that differ in one thing, such as vector.layers or vector.density.",
    )


def _table(analysis: Analysis, every: Sequence[Sweep]) -> Table:
    note = "Bold where the difference to the baseline counts after Holm's correction. Differences between the lines of "
    note += "a sweep are not tested."
    return tables.table(
        analysis, "sweeps", "Which part of the vector, and how much of it", _points(every), FIELDS, note
    )


def _points(every: Sequence[Sweep]) -> list[dict[str, Any]]:
    """A row a point, which stands under "part"; its call is the row's."""
    return [{**row, "call": row["part"]["call"]} for row in tables.exploded(every, "points")]


def _picture(analysis: Analysis, shown: Sequence[Sweep]) -> Picture:
    """A choice a sweep and family of prompts, a panel a task, a line a value."""
    chosen: dict[tuple[str, ...], list[Sweep]] = defaultdict(list)
    for row in shown:
        chosen[_swept(row), _vector(row), f"{row['family']} prompts"].append(row)
    choices = []
    for key, same in chosen.items():
        ends = [abs(point["difference"][end]) for row in same for point in row["points"] for end in ("low", "high")]
        reach = round(100 * max(ends), 3)  # all panels of a choice on one scale
        choices.append(Choice(" · ".join(key), [_forest(analysis, row, reach) for row in same]))
    legend = [("better", "better"), ("worse", "worse"), ("unclear", "can't be told apart")]
    legend.append(("edge", "at the floor or the ceiling"))
    return Picture("sweeps", "forest", "Difference to the baseline, a line a part", choices, legend)


def _forest(analysis: Analysis, row: Sweep, reach: float) -> Forest:
    differences = [point["difference"] for point in row["points"]]
    return Forest(
        title=analysis.grid.title(row["task"]),
        notes=[],
        axis="against the baseline, points",
        rows=[point["value"] for point in row["points"]],
        value=[round(100 * difference["value"], 3) for difference in differences],
        low=[round(100 * difference["low"], 3) for difference in differences],
        high=[round(100 * difference["high"], 3) for difference in differences],
        call=[point["call"] for point in row["points"]],
        hover=[tables.hover(analysis, FIELDS, point) for point in _points([row])],
        reach=reach,
    )
