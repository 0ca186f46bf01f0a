"""How much of the vector: accuracy over the scaling coefficient alpha, its trend, the best alpha honestly chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

from rveval import stats
from rveval.findings import nulls, pictures, tables
from rveval.findings.analysis import Analysis, finding, grouped, interval
from rveval.findings.marks import Floats, Marks, ordered
from rveval.findings.pictures import Choice, Picture, ends
from rveval.findings.pieces import Finding, Interval, Statement, Table
from rveval.findings.report import TaskRow, VariantRow
from rveval.findings.study import Grid, named
from rveval.findings.wording import count, number, p_value, points, ranged, sign_of, span

WEIGHT = 30
_FEWEST = 3  # alphas for a trend, or for choosing the best

Direction = dict[float, VariantRow]
"""The lines of one vector by alpha, the baseline at 0."""


class Point(TypedDict):
    """One alpha of a curve; `variant` is the base's id at alpha 0."""

    alpha: float
    variant: str
    accuracy: Interval
    difference: Interval | None
    extraction_failed: float
    tokens: float


class Trend(TypedDict):
    """Does accuracy move with alpha? `slope` is the change of accuracy for each unit of alpha; a straight line only: a
    curve that rises and falls again may have none."""

    slope: Interval
    p: float


class Best(TypedDict):
    """The best alpha, chosen on one half of the items and reported on the other: `held_out` is its difference to alpha
    0 there, an honest number; `chosen_on` its accuracy on the half that chose it, too high to be reported."""

    alpha: float
    variant: str
    chosen_on: Interval
    held_out: Interval
    p: float


class Curve(TypedDict):
    """Dose and response on one task. `trend` and `best` are null where there are too few alphas."""

    model: str
    vector: str
    task: str
    benchmark: str
    family: str
    points: list[Point]
    trend: Trend | None
    best: Best | None


ABOUT = [tables.computed("vector", lambda row: f"{row['vector']} on {row['model']}"), tables.task()]
POINT_FIELDS = [
    *ABOUT,
    tables.plain("alpha", "part.alpha"),
    tables.variant("part.variant"),
    tables.items("part.accuracy"),
    tables.share("right", "part.accuracy"),
    tables.points("against alpha 0", "part.difference"),
    tables.share("no answer read", "part.extraction_failed"),
    tables.computed("tokens", lambda row: round(row["part"]["tokens"])),
]


def directions(grid: Grid) -> list[Direction]:
    """The lines of each vector; a line alone with its baseline is a direction too.

    One vector is one list of terms, in one scope, under the same transforms with the same seeds.
    """
    lines = [row for row in grid.variants if not row["is_baseline"] and row["baseline"] and row["vector"]]
    return [
        dict(sorted({0.0: grid.variant(str(same[0]["baseline"])), **{row["alpha"]: row for row in same}}.items()))
        for same in grouped(lines, lambda row: grid.same(row, alpha=None)).values()
    ]


def rows(analysis: Analysis) -> list[Curve]:
    """Every vector with two alphas or more besides 0, on every task of the short tables."""
    shown = [task for task in analysis.grid.tasks if task["shown"]]
    known = [direction for direction in directions(analysis.grid) if len(direction) >= _FEWEST]
    every = [_curve(analysis, direction, task) for direction in known for task in shown]
    return [row for row in every if row is not None]


def _curve(analysis: Analysis, direction: Direction, task: TaskRow) -> Curve | None:
    grid, first = analysis.grid, task["draws"][0]
    members = grid.members(direction[0.0]["id"], task, first)
    scores: dict[float, Floats] = {}
    ids: tuple[str, ...] = ()
    for alpha, row in direction.items():
        whole = grid.members(row["id"], task, first) == members  # the line was asked all that the baseline was
        if whole and (column := grid.scores(row["id"], task, members)):
            ids = ids or column[0]
            scores[alpha] = ordered(column[1], column[0], ids, f"{task['task']}: the curve of {row['vector']}")
    if 0.0 not in scores or len(scores) < _FEWEST:
        return None
    measured = stats.dose_response(scores, task["chance"])
    best = stats.best_alpha(scores, ids, str(analysis.seed), task["chance"])
    some = next(row for alpha, row in direction.items() if alpha)
    return Curve(
        model=some["model"],
        vector=named(some),
        task=task["task"],
        benchmark=task["benchmark"],
        family=task["family"],
        points=[
            _point(dose, direction[dose.alpha]["id"], marks)
            for dose in measured.curve
            if (marks := grid.marks(direction[dose.alpha]["id"], members, first)) is not None
        ],
        trend=Trend(slope=interval(measured.trend.difference), p=measured.trend.p),
        best=_best(best, direction) if best else None,
    )


def _point(dose: stats.Dose, variant: str, marks: Marks) -> Point:
    return Point(
        alpha=dose.alpha,
        variant=variant,
        accuracy=interval(dose.accuracy),
        difference=interval(dose.against_base.difference) if dose.against_base else None,
        extraction_failed=float(marks.failed.sum() / marks.count.sum()),
        tokens=float(marks.tokens.mean()),
    )


def _best(best: stats.BestAlpha, direction: Direction) -> Best:
    return Best(
        alpha=best.alpha,
        variant=direction[best.alpha]["id"],
        chosen_on=interval(best.chosen_on),
        held_out=interval(best.held_out.difference),
        p=best.held_out.p,
    )


@finding(60)
def curves(analysis: Analysis) -> Finding:
    every = analysis.once(rows)
    return Finding(
        "curves",
        "How much of the vector",
        lead="Right answers as the scaling coefficient alpha grows; 0 is the base itself. The band is the "
        f"{analysis.level} interval.",
        rows=every,
        statements=[*_statements(analysis, every)],
        tables=[*_tables(analysis, every)],
        picture=_picture(analysis, [row for row in every if not _of_controls(analysis, row)]),
        empty="No curve: a study needs at least two alphas of one vector, such as -m alpha=-1,0,0.5,1.",
    )


def _statements(analysis: Analysis, every: Sequence[Curve]) -> Iterator[Statement]:
    controls = {row["id"] for row in analysis.grid.variants if row["null"]}
    for row in every:
        best = row["best"]
        if best and row["family"] == "clean" and controls.isdisjoint(point["variant"] for point in row["points"]):
            text = f"{row['vector']} on {analysis.grid.title(row['task'])}: alpha={best['alpha']:g} is best, chosen on "
            text += f"{best['chosen_on']['n']} items; on the others it gives {ranged(best['held_out'])}."
            yield Statement(text, "unknown" if best["held_out"]["low"] <= 0 else "good", WEIGHT)


def _of_controls(analysis: Analysis, row: Curve) -> bool:
    return any(point["variant"] in analysis.once(nulls.controls) for point in row["points"])


def _by_alpha(row: Curve) -> str:
    return ", ".join(f"{point['alpha']:g}: {points(point['accuracy']['value'], False)}" for point in row["points"])


def _turn(row: Curve) -> str:
    """Where a straight line says too little: accuracy is lower at the largest alpha than at a smaller positive one."""
    above = sorted((point["alpha"], point["accuracy"]["value"]) for point in row["points"] if point["alpha"] > 0)
    top = max(above, key=lambda point: point[1], default=None)
    return f"turns down after alpha={top[0]:g}" if top and above[-1][1] < top[1] else ""


FIELDS = [
    *ABOUT,
    tables.computed("right in % by alpha", _by_alpha),
    tables.points("slope for each unit of alpha", "trend.slope"),
    tables.p("p (uncorrected)", "trend.p"),
    tables.computed("shape", _turn),
    tables.plain("best alpha", "best.alpha"),
    tables.points("on the other half", "best.held_out"),
    tables.items("best.held_out"),
    tables.p("p (uncorrected)", "best.p"),
]


def _tables(analysis: Analysis, every: Sequence[Curve]) -> Iterator[Table]:
    note = "The best alpha was chosen on one half of the items; its difference to alpha 0 is the other half's."
    yield tables.table(
        *(analysis, "curves", "Dose and response", every, FIELDS, note),
        detail_row=lambda row: _of_controls(analysis, row),
    )
    each = tables.exploded(every, "points")
    yield tables.table(analysis, "curve_points", "Every point of every curve", each, POINT_FIELDS, detail=True)


def _picture(analysis: Analysis, shown: Sequence[Curve]) -> Picture:
    """A choice a vector and family of prompts, a panel a benchmark."""
    every = analysis.once(rows)
    several = len({(row["model"], row["vector"]) for row in every}) > 1

    def label(row: Curve) -> str:
        return (f"{row['vector']} on {row['model']} · " if several else "") + f"{row['family']} prompts"

    choices = [Choice(text, [_panel(analysis, row) for row in same]) for text, same in grouped(shown, label).items()]
    legend = [("better", "above alpha 0"), ("worse", "below alpha 0"), ("unclear", "can't be told from it")]
    return Picture("curves", "curve", "Accuracy over alpha", choices, [*legend, ("", "alpha 0 itself")])


def _panel(analysis: Analysis, row: Curve) -> pictures.Curve:
    every = row["points"]
    return pictures.Curve(
        title=analysis.grid.title(row["task"]),
        notes=[*_notes(analysis, row)] or ["Too few alphas for a trend or a best one."],
        x=[point["alpha"] for point in every],
        **ends(point["accuracy"] for point in every),
        call=[sign_of(point["difference"]) if point["difference"] else "" for point in every],
        hover=[tables.hover(analysis, POINT_FIELDS, part) for part in tables.exploded([row], "points")],
        base=next((100 * point["accuracy"]["value"] for point in every if point["alpha"] == 0), None),
    )


def _notes(analysis: Analysis, row: Curve) -> Iterator[str]:
    if (best := row["best"]) is not None:
        gain = best["held_out"]
        yield (
            f"Best alpha {number(best['alpha'])}, chosen on one half of the items. On the other half it makes "
            f"{points(gain['value'])} points ({analysis.level}: {span(gain)}; {count(gain['n'])} items; "
            f"uncorrected p {p_value(best['p'])})."
        )
    if (trend := row["trend"]) is not None:
        yield (
            f"Straight line: {points(trend['slope']['value'])} points for each unit of alpha "
            f"({span(trend['slope'])}; uncorrected p {p_value(trend['p'])})."
        )
