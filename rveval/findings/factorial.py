"""Prompt or vector? Whether a cue in the prompt does what the vector does: all four cells of a two-by-two table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict, cast

from rveval import stats
from rveval.findings import tables
from rveval.findings.analysis import Analysis, finding, interval
from rveval.findings.curves import Direction, directions
from rveval.findings.marks import Floats, ordered
from rveval.findings.pieces import Finding, Interval, Share, Table
from rveval.findings.report import TaskRow
from rveval.findings.study import Grid, named, under
from rveval.findings.wording import number

CUES = ("think", "thinkprefix", "thinksuffix")
_WORDS = {
    "vector": "{v}, plain prompt",
    "cue": "cue, on the base",
    "both": "{v} and cue together",
    "vector_with_cue": "{v}, with the cue",
    "interaction": "interaction of {v} and cue",
}
_CELLS = ("base", "base+cue", "v", "v+cue", "-v", "-v+cue")


class Effect(TypedDict):
    """A difference and its p."""

    difference: Interval
    p: float


class Effects(TypedDict):
    """A two-by-two table: `vector` (v - base), `cue` (base+cue - base), `both` (v+cue - base), `vector_with_cue`
    (v+cue - base+cue), `interaction` (v+cue - v) - (base+cue - base): above 0 they help each other."""

    vector: Effect
    cue: Effect
    both: Effect
    vector_with_cue: Effect
    interaction: Effect


class Factorial(TypedDict):
    """Prompt by vector on one benchmark, `cue` being the family ("think"). `cells` maps "base", "base+cue", "v",
    "v+cue", "-v", "-v+cue" (those there are) to accuracies; `minus` is null where -v was not run."""

    model: str
    vector: str
    alpha: float
    source: str
    cue: str
    n: int
    cells: dict[str, Interval]
    plus: Effects
    minus: Effects | None


def rows(analysis: Analysis) -> list[Factorial]:
    """For every positive alpha, benchmark and cue that all four cells were asked of."""
    grid = analysis.grid
    every = [
        _factorial(grid, direction, alpha, clean, task)
        for direction in directions(grid)
        for alpha in direction
        if alpha > 0
        for clean in grid.clean_tasks()
        for task in grid.families_of(clean)
        if task["family"] in CUES
    ]
    return [row for row in every if row is not None]


def _factorial(grid: Grid, direction: Direction, alpha: float, clean: TaskRow, task: TaskRow) -> Factorial | None:
    lines = {"base": direction[0.0], "v": direction[alpha], "-v": direction.get(-alpha)}
    measured = {name: under(grid, line["id"], clean, task) if line else None for name, line in lines.items()}
    base, plus = measured["base"], measured["v"]
    if base is None or plus is None or set(base.ids) != set(plus.ids):
        return None
    columns: dict[str, Floats] = {}
    for name, line in measured.items():
        if line is not None and set(line.ids) == set(base.ids):
            columns[name] = ordered(line.clean, line.ids, base.ids, task["task"])
            columns[f"{name}+cue"] = ordered(line.under, line.ids, base.ids, task["task"])
    return Factorial(
        model=direction[alpha]["model"],
        vector=named(direction[alpha]),
        alpha=alpha,
        source=clean["task"],
        cue=task["family"],
        n=len(base.ids),
        cells={name: interval(stats.accuracy(column)) for name, column in columns.items()},
        plus=_effects(columns, "v"),
        minus=_effects(columns, "-v") if "-v" in columns else None,
    )


def _effects(columns: Mapping[str, Floats], name: str) -> Effects:
    measured = stats.factorial(columns["base"], columns["base+cue"], columns[name], columns[f"{name}+cue"])
    effects = vars(measured).items()
    return cast(Effects, {key: Effect(difference=interval(of.difference), p=of.p) for key, of in effects})


@finding(120)
def factorial(analysis: Analysis) -> Finding:
    every = analysis.once(rows)
    return Finding(
        "factorial",
        "Prompt or vector?",
        lead="Whether a cue in the prompt does what the vector does. Interaction: above zero the two together give "
        "more than the sum of what each gives alone; below zero the two together give less than the sum.",
        rows=every,
        tables=[*_tables(analysis, every)],
        empty="Not run: it needs the base and a variant, each with and without the cue, such as "
        "'suite.families=[clean,think]'.",
    )


def _right(name: str) -> tables.Field:
    return tables.computed(name, lambda row: Share(row["cells"][name]) if name in row["cells"] else None)


ABOUT = [
    tables.computed("vector v", lambda row: f"{number(row['alpha'])} {row['vector']} on {row['model']}"),
    tables.task("source", "benchmark"),
    tables.plain("cue"),
    tables.plain("items", "n"),
]
FIELDS = [
    *ABOUT,
    *map(_right, _CELLS),
    tables.points("interaction", "plus.interaction.difference"),
    tables.p("p (uncorrected)", "plus.interaction.p"),
]
EFFECT_FIELDS = [
    *ABOUT,
    tables.plain("effect", "words"),
    tables.points("difference", "effect.difference"),
    tables.p("p (uncorrected)", "effect.p"),
]


def _tables(analysis: Analysis, every: Sequence[Factorial]) -> Iterator[Table]:
    yield tables.table(analysis, "factorial", "Prompt by vector", every, FIELDS, open=True)
    effects = [
        {**row, "words": words.format(v=sign), "effect": measured[name]}  # type: ignore[literal-required]
        for row in every
        for measured, sign in ((row["plus"], "v"), (row["minus"], "-v"))
        for name, words in _WORDS.items()
        if measured is not None
    ]
    title = "Every effect of prompt and vector"
    yield tables.table(analysis, "effects", title, effects, EFFECT_FIELDS, detail=True)
