"""Lines that differ in one thing only: a number of a transform, the layers, the kinds of tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple, TypedDict

from rveval.findings import comparisons, tables
from rveval.findings.analysis import Analysis, finding, grouped
from rveval.findings.pictures import Call, Choice, Forest, Picture, ends, reach
from rveval.findings.pieces import Finding, Interval
from rveval.findings.report import VariantRow
from rveval.findings.study import Grid
from rveval.findings.wording import number
from rveval.recipe import layer_words

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


class _Place(NamedTuple):
    """A line in a sweep: what is swept, of which step, all the rest as a key, where it stands, its value in words."""

    by: str
    step: str
    rest: str
    order: Any
    value: str
    line: VariantRow


def rows(analysis: Analysis) -> list[Sweep]:
    """Every set of lines that differ in one thing only, on every task that two of them or more were compared on.

    A seed is no such thing: lines of other seeds are other sweeps. Null controls are none either: they have their own
    table.
    """
    grid, differences, every = analysis.grid, analysis.once(comparisons.by_place), []
    lines = [row for row in grid.variants if not row["is_baseline"] and not row["null"]]
    places = [place for line in lines for place in _places(grid, line)]
    sweeps = grouped(places, lambda place: place[:3]).values()
    for sweep, task in product(sweeps, grid.tasks):
        ordered = sorted(sweep, key=lambda place: place.order)
        compared = [
            SweepPoint(value=place.value, variant=row["variant"], difference=row["difference"], call=row["call"])
            for place in ordered
            if (row := differences.get((place.line["id"], task["task"])))
        ]
        if len(compared) >= _FEWEST and len({place.value for place in sweep}) >= _FEWEST:
            first = ordered[0]
            every.append(
                Sweep(
                    by=first.by,
                    step=first.step,
                    model=first.line["model"],
                    vector=_shared([place.line for place in ordered]),
                    alpha=first.line["alpha"],
                    task=task["task"],
                    benchmark=task["benchmark"],
                    family=task["family"],
                    points=compared,
                )
            )
    return every


def _places(grid: Grid, line: VariantRow) -> Iterator[_Place]:
    """All sweeps that a line may be one point of."""
    recipe = grid.recipes[line["id"]]
    for at, step in enumerate(recipe.steps):
        for name, value in step.parameters:
            steps = [step.known for step in recipe.steps]
            steps[at][name] = "*"
            yield _Place(name, step.name, grid.same(line, steps=steps), value, f"{value:g}", line)
    words = layer_words(recipe.layers) if recipe.layers else "all layers"
    yield _Place("layers", "", grid.same(line, layers="*"), recipe.layers or (_ALL_LAYERS, 0), words, line)
    kinds = line["kinds"]
    order = not kinds, len(kinds), kinds
    yield _Place("kinds", "", grid.same(line, kinds="*"), order, " + ".join(kinds) or "all kinds", line)


def _shared(lines: Sequence[VariantRow]) -> str:
    """The vector, and what all its lines have made of it."""
    every = [row["about"].split("; ") if row["about"] else [] for row in lines]
    shared = [part for part in every[0] if all(part in parts for parts in every)]
    vector = lines[0]["vector"]
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
    every, title = analysis.once(rows), "Which part of the vector, and how much of it"
    note = "Bold where the difference to the baseline counts after Holm's correction. Differences between the lines of "
    note += "a sweep are not tested."
    return Finding(
        "sweeps",
        title,
        lead="Variants that differ in one thing only: which layers, which kinds of matrices, how much a transform "
        "keeps. Each against the baseline; differences between them are not tested.",
        rows=every,
        tables=[tables.table(analysis, "sweeps", title, _points(every), FIELDS, note)],
        picture=_picture(analysis, [row for row in every if analysis.grid.shown(row["task"])]),
        empty="No parts: run two variants or more that differ in one thing, such as vector.layers or vector.density.",
    )


def _points(every: Sequence[Sweep]) -> list[dict[str, Any]]:
    """A row a point, which stands under "part"; its call is the row's."""
    return [{**row, "call": row["part"]["call"]} for row in tables.exploded(every, "points")]


def _picture(analysis: Analysis, shown: Sequence[Sweep]) -> Picture:
    """A choice a sweep and family of prompts, a panel a task, a line a value."""
    chosen = grouped(shown, lambda row: " · ".join([_swept(row), _vector(row), f"{row['family']} prompts"]))
    choices = []
    for label, same in chosen.items():
        far = reach(point["difference"] for row in same for point in row["points"])
        choices.append(Choice(label, [_forest(analysis, row, far) for row in same]))
    legend = [("better", "better"), ("worse", "worse"), ("unclear", "can't be told apart")]
    legend.append(("edge", "at the floor or the ceiling"))
    return Picture("sweeps", "forest", "Difference to the baseline, a line a part", choices, legend)


def _forest(analysis: Analysis, row: Sweep, far: float) -> Forest:
    return Forest(
        title=analysis.grid.title(row["task"]),
        notes=[],
        axis="against the baseline, points",
        rows=[point["value"] for point in row["points"]],
        **ends(point["difference"] for point in row["points"]),
        call=[point["call"] for point in row["points"]],
        hover=[tables.hover(analysis, FIELDS, point) for point in _points([row])],
        reach=far,
    )
