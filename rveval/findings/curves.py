"""Lines that are one vector at several alphas: the curve of dose and response, and the table of prompt by vector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from rveval import perturb, stats
from rveval.errors import Refused
from rveval.findings import recipes
from rveval.findings.board import Board, means, ordered
from rveval.findings.comparisons import interval
from rveval.findings.families import clean_tasks, families_of, under
from rveval.findings.tasks import chance
from rveval.findings.typed import Best, Curve, Effect, Effects, Factorial, Point, TaskRow, Trend, VariantRow

if TYPE_CHECKING:
    from rveval.findings.board import Floats

CUES = tuple(name for name, family in perturb.FAMILIES.items() if family.steps == "asks")
_FEWEST = 3  # alphas for a trend, or for choosing the best


def directions(board: Board) -> list[dict[float, VariantRow]]:
    """The lines of one vector by alpha, the baseline at 0; a line alone with its baseline is a direction too.

    One vector is one list of terms, in one scope, under the same transforms with the same seeds: see `recipes.same`.
    """
    lines = {row["id"]: row for row in board.variants}
    found: dict[str, dict[float, VariantRow]] = defaultdict(dict)
    for row in board.variants:
        if row["is_baseline"] or row["baseline"] is None or not row["vector"]:
            continue
        key = recipes.same(row, alpha=None)
        found[key].setdefault(0.0, lines[row["baseline"]])
        found[key][row["alpha"]] = row
    return [dict(sorted(direction.items())) for direction in found.values()]


def curves(board: Board, seed: int) -> list[Curve]:
    """Every vector with two alphas or more besides 0, on every task of the short tables."""
    found = []
    for direction in directions(board):
        if len(direction) >= _FEWEST:
            for task in board.tasks:
                if task["shown"] and (curve := _curve(board, direction, task, seed)):
                    found.append(curve)
    return found


def _curve(board: Board, direction: dict[float, VariantRow], task: TaskRow, seed: int) -> Curve | None:
    scores: dict[float, Floats] = {}
    ids: tuple[str, ...] = ()
    members = _members(board, direction[0.0], task)
    for alpha, row in direction.items():
        column = _scores(board, row, task, members)
        if column is not None:
            ids = ids or column[0]
            scores[alpha] = ordered(column[1], column[0], ids, f"{task['task']}: the curve of {row['vector']}")
    if 0.0 not in scores or len(scores) < _FEWEST:
        return None
    guess = chance(task)
    found = stats.dose_response(scores, guess)
    best = stats.best_alpha(scores, ids, str(seed), guess)
    some = next(row for alpha, row in direction.items() if alpha)
    points = [
        Point(
            alpha=dose.alpha,
            variant=direction[dose.alpha]["id"],
            accuracy=interval(dose.accuracy),
            difference=interval(dose.against_base.difference) if dose.against_base else None,
            extraction_failed=float(marks.failed.sum() / marks.count.sum()),
            tokens=float(marks.tokens.mean()),
        )
        for dose in found.curve
        if (marks := board.marks(direction[dose.alpha]["id"], members, task["draws"][0])) is not None
    ]
    return Curve(
        model=some["model"],
        vector=recipes.named(some),
        task=task["task"],
        benchmark=task["benchmark"],
        family=task["family"],
        points=points,
        trend=Trend(slope=interval(found.trend.difference), p=found.trend.p),
        best=_best(best, direction) if best else None,
    )


def _members(board: Board, row: VariantRow, task: TaskRow) -> list[str]:
    return board.members(row["id"], task, task["draws"][0])


def _scores(
    board: Board, row: VariantRow, task: TaskRow, members: Sequence[str]
) -> tuple[tuple[str, ...], Floats] | None:
    """By item, over the draws that were asked; None where the line was not asked all that the baseline was."""
    draws = [draw for draw in task["draws"] if board.members(row["id"], task, draw)]
    if not members or _members(board, row, task) != list(members):
        return None
    try:
        return means(board, row["id"], members, draws)
    except Refused:
        return None  # draws of other items: said where the pair is made


def _best(found: stats.BestAlpha, direction: dict[float, VariantRow]) -> Best:
    return Best(
        alpha=found.alpha,
        variant=direction[found.alpha]["id"],
        chosen_on=interval(found.chosen_on),
        held_out=interval(found.held_out.difference),
        p=found.held_out.p,
    )


def factorials(board: Board) -> list[Factorial]:
    """Prompt by vector: for every positive alpha, benchmark and cue that all four cells were asked of."""
    found = []
    for direction in directions(board):
        for alpha in (alpha for alpha in direction if alpha > 0):
            for clean in clean_tasks(board):
                for task in families_of(board, clean):
                    if task["family"] in CUES and (one := _factorial(board, direction, alpha, clean, task)):
                        found.append(one)
    return found


def _factorial(
    board: Board, direction: dict[float, VariantRow], alpha: float, clean: TaskRow, task: TaskRow
) -> Factorial | None:
    rows = {"base": direction[0.0], "v": direction[alpha], "-v": direction.get(-alpha)}
    found = {name: under(board, row["id"], clean, task) if row else None for name, row in rows.items()}
    base, plus, minus = found["base"], found["v"], found["-v"]
    if base is None or plus is None or set(base.ids) != set(plus.ids):
        return None
    columns = {"base": base.clean, "base+cue": base.under}
    for name, one in (("v", plus), ("-v", minus)):
        if one is not None and set(one.ids) == set(base.ids):
            columns[name] = ordered(one.clean, one.ids, base.ids, task["task"])
            columns[f"{name}+cue"] = ordered(one.under, one.ids, base.ids, task["task"])
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


def _effects(columns: dict[str, Floats], name: str) -> Effects:
    found = stats.factorial(columns["base"], columns["base+cue"], columns[name], columns[f"{name}+cue"])
    shown = {key: Effect(difference=interval(one.difference), p=one.p) for key, one in vars(found).items()}
    return cast(Effects, shown)
