"""Prompt or vector? Whether a cue in the prompt does what the vector does: all four cells of a two-by-two table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict, cast

from rveval import stats
from rveval.findings import recipes
from rveval.findings.analysis import Analysis, finding, interval
from rveval.findings.curves import Direction, directions
from rveval.findings.marks import Floats, ordered
from rveval.findings.pieces import Column, Finding, Interval, Points, PValue, Row, Share, Table, Value
from rveval.findings.report import TaskRow
from rveval.findings.study import Grid, under
from rveval.findings.wording import number

CUES = ("think", "thinkprefix", "thinksuffix")
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
    asked = [
        (direction, alpha, clean, task)
        for direction in directions(grid)
        for alpha in direction
        if alpha > 0
        for clean in grid.clean_tasks()
        for task in grid.families_of(clean)
        if task["family"] in CUES
    ]
    every = [_factorial(grid, *of_all) for of_all in asked]
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
        vector=recipes.named(direction[alpha]),
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
    effects = {
        key: Effect(difference=interval(effect.difference), p=effect.p) for key, effect in vars(measured).items()
    }
    return cast(Effects, effects)


@finding(120)
def factorial(analysis: Analysis) -> Finding:
    every = analysis.once(rows)
    return Finding(
        "factorial",
        "Prompt or vector?",
        lead="Whether a cue in the prompt does what the vector does. Interaction: above zero the two together give "
        "more than the sum of what each gives alone; below zero the two together give less than the sum.",
        rows=every,
        tables=[_table(analysis, every), _all_effects(analysis, every)],
        empty="Not run: it needs the base and a variant, each with and without the cue, such as "
        "'suite.families=[clean,think]'.",
    )


def _vector(row: Factorial) -> str:
    return f"{number(row['alpha'])} {row['vector']} on {row['model']}"


def _table(analysis: Analysis, every: Sequence[Factorial]) -> Table:
    lines = []
    for row in every:
        cells, interaction = row["cells"], row["plus"]["interaction"]
        values: list[Value] = [_vector(row), analysis.grid.title(row["source"]), row["cue"], row["n"]]
        values += [Share(cells[name]) if name in cells else None for name in _CELLS]
        lines.append(Row([*values, Points(interaction["difference"]), PValue(interaction["p"])]))
    headings = ("vector v", "benchmark", "cue", "items", *_CELLS, "interaction, points", "p (uncorrected)")
    return Table("factorial", "Prompt by vector", [*map(Column, headings)], lines, open=True)


def _all_effects(analysis: Analysis, every: Sequence[Factorial]) -> Table:
    lines = [
        Row(
            [
                _vector(row),
                analysis.grid.title(row["source"]),
                row["cue"],
                words,
                effect["difference"]["n"],
                Points(effect["difference"]),
                PValue(effect["p"]),
            ]
        )
        for row in every
        for effects, sign in ((row["plus"], "v"), (row["minus"], "-v"))
        for words, effect in _in_words(effects, sign)
    ]
    headings = ("vector v", "benchmark", "cue", "effect", "items", "difference, points", "p (uncorrected)")
    return Table("effects", "Every effect of prompt and vector", [*map(Column, headings)], lines, detail=True)


def _in_words(effects: Effects | None, sign: str) -> Iterator[tuple[str, Effect]]:
    if effects is not None:
        yield f"{sign}, plain prompt", effects["vector"]
        yield "cue, on the base", effects["cue"]
        yield f"{sign} and cue together", effects["both"]
        yield f"{sign}, with the cue", effects["vector_with_cue"]
        yield f"interaction of {sign} and cue", effects["interaction"]
