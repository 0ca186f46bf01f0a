"""Dose and response: the curve over the scaling coefficient, its trend, and its best point, chosen and tested apart."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.stats.cell import Interval, accuracy
from rveval.stats.clusters import Effect, clustered
from rveval.stats.pairs import Paired, paired

if TYPE_CHECKING:
    from rveval.stats.cell import Scores


@dataclass(frozen=True)
class Dose:
    """One point of the curve; `against_base` is None at alpha 0 itself, and where the curve has no alpha 0."""

    alpha: float
    accuracy: Interval
    against_base: Paired | None


@dataclass(frozen=True)
class DoseResponse:
    """The curve in order of alpha, and the trend: change of accuracy per unit of alpha, tested against 0."""

    curve: tuple[Dose, ...]
    trend: Effect


@dataclass(frozen=True)
class BestAlpha:
    """The best alpha of one half of the items, as it does on the other half.

    Args:
        alpha: the one with the highest accuracy on the choosing half; of equals the one nearest to 0.
        chosen_on: its accuracy there. It won, so it is too high: not to be reported as a result.
        held_out: against alpha 0 on the other half; an honest number.
    """

    alpha: float
    chosen_on: Interval
    held_out: Paired


def dose_response(scores: Mapping[float, Scores], chance: float = 0.0) -> DoseResponse:
    """Accuracy and difference to alpha 0 at every alpha, each with its own 95% interval, and a linear trend.

    The trend is the mean over items of each item's own least-squares slope over alpha: a regression with a constant
    for every item and item-clustered variance. All points stand on the same items, and this takes it into account. It
    tests the straight line only: a curve that rises and falls again may have none.

    Args:
        scores: by alpha, of the same items in the same order.
        chance: the share that guessing gets right.

    >>> found = dose_response({0: [0, 0, 1, 0], 0.5: [0, 1, 1, 0], 1: [1, 1, 1, 0]})
    >>> found.trend.difference.value
    0.5

    Raises:
        ValueError: fewer than two alphas, or not the same number of items at each.
    """
    import numpy as np

    alphas = sorted(scores)
    if len(alphas) < 2 or len({len(scores[alpha]) for alpha in alphas}) != 1:
        raise ValueError("a curve needs two alphas or more, each on the same items")
    centred = np.asarray(alphas) - np.mean(alphas)
    weights = centred / (centred**2).sum()
    table = np.column_stack([np.asarray(scores[alpha], dtype=float) for alpha in alphas])
    base = scores.get(0)
    curve = tuple(
        Dose(
            alpha, accuracy(scores[alpha]), None if base is None or alpha == 0 else paired(scores[alpha], base, chance)
        )
        for alpha in alphas
    )
    # From the first alpha on: weights sum to 0 but for rounding, and an item that never changes has no slope at all.
    return DoseResponse(curve, clustered((table - table[:, :1]) @ weights, unit=float(weights[weights > 0].sum())))


def best_alpha(
    scores: Mapping[float, Scores], items: Sequence[str], seed: str = "0", chance: float = 0.0
) -> BestAlpha | None:
    """Choose alpha on one half of the items, report it on the other: the same data can't do both honestly.

    Args:
        scores: by alpha, of the same items in the same order; alpha 0 among them.
        items: the source item of each row; the first bit of sha256(seed:item) says which half it is in, so an item is
            in the same half in every study, whatever else was run.
        seed: of the split.
        chance: the share that guessing gets right.

    Returns:
        None where a half is empty.

    Raises:
        ValueError: no alpha 0, or not the same number of items everywhere.
    """
    if 0 not in scores or any(len(column) != len(items) for column in scores.values()):
        raise ValueError("choosing an alpha needs alpha 0, and the same items at each")
    import numpy as np

    first = np.array([hashlib.sha256(f"{seed}:{item}".encode()).digest()[0] < 128 for item in items])
    if first.all() or not first.any():
        return None
    columns = {alpha: np.asarray(column, dtype=float) for alpha, column in scores.items()}
    found = {alpha: accuracy(column[first]) for alpha, column in columns.items()}
    best = max(sorted(found, key=lambda alpha: (abs(alpha), alpha)), key=lambda alpha: found[alpha].value)
    return BestAlpha(best, found[best], paired(columns[best][~first], columns[0][~first], chance))
