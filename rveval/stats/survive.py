"""Did the gain survive? The gain of a variant under a family of perturbations against its gain on clean prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.stats.cell import LEVEL, Interval, accuracy, edge
from rveval.stats.clusters import Effect, mean_effect, ratio_of, sums_by

if TYPE_CHECKING:
    import numpy as np

    from rveval.stats.cell import Floats, Scores
    from rveval.stats.clusters import Clusters, Sums

DRAWS = 5000
_AT_ONCE = 2_000_000  # counts held at a time: 16 MB


@dataclass(frozen=True)
class Survival:
    """A gain on clean prompts, what is left of it under a family, and the verdict.

    Args:
        clean: variant - baseline on clean prompts.
        under: variant - baseline under the family.
        change: under - clean, the difference in differences, with its bootstrap interval.
        p: that nothing changed, as in `clustered`: a bootstrap's p depends on its seed and can't be small enough for
            Holm's correction over many comparisons.
        kept: under / clean with its interval; None where the clean gain can't be told from 0: then it has no meaning.
        margin: the share of the gain that has to be kept.
        verdict: "survived", "lost", "inconclusive", "no gain to survive" or "no verdict".
        reason: what decided it.
    """

    clean: Effect
    under: Effect
    change: Interval
    p: float
    kept: Interval | None
    margin: float
    verdict: str
    reason: str


def survival(
    variant_clean: Scores,
    baseline_clean: Scores,
    variant_under: Scores,
    baseline_under: Scores,
    clusters: Clusters | None = None,
    margin: float = 0.5,
    chance: float = 0.0,
    seed: int = 0,
    draws: int = DRAWS,
) -> Survival:
    """Judge one variant under one family, by a rule that is fixed before the data are seen.

    - No verdict: both cells of a pair, clean or under the family, stand at the floor or at the ceiling (see `edge`).
    - No gain to survive: the interval of the clean gain reaches 0.
    - Survived: the interval of the gain under the family lies above 0, and that of the share kept at or above `margin`.
    - Lost: the interval of the share kept lies below `margin`.
    - Inconclusive: all else. A change that is not significant is no survival; neither is a share that may be smaller.

    Gains as in `clustered`, the share kept as in `ratio`, the change as in `bootstrapped`.

    Args:
        variant_clean: scores in [0, 1], a row per item, draw and family; an item's clean score stands in each of its
            rows.
        baseline_clean: of the same rows, as are the next two.
        variant_under: the variant's scores under the family.
        baseline_under: the baseline's.
        clusters: the source item of each row; needed as soon as an item has several rows.
        margin: the share of the gain that has to be kept.
        chance: the share that guessing gets right.
        seed: of the bootstrap.
        draws: of the bootstrap.

    Raises:
        ValueError: not the same number of rows everywhere, or none, or a margin outside (0, 1].
    """
    import numpy as np

    if not 0 < margin <= 1:
        raise ValueError(f"the share of a gain to be kept lies in (0, 1]: {margin}")
    cells = [np.asarray(s, dtype=float) for s in (variant_clean, baseline_clean, variant_under, baseline_under)]
    if len({len(cell) for cell in cells}) != 1:
        raise ValueError(f"the four cells hold different rows: {[len(cell) for cell in cells]}")
    sums = sums_by(np.column_stack(cells), clusters)
    before, after = [1, -1, 0, 0], [0, 0, 1, -1]
    clean, under = mean_effect(sums.mixed(before)), mean_effect(sums.mixed(after))
    change, _ = _bootstrapped(sums.mixed([-1, 1, 1, -1]), seed, draws)
    p = mean_effect(sums.mixed([-1, 1, 1, -1])).p
    kept = None
    if clean.difference.low > 0:
        kept = ratio_of(sums.mixed([after, before]), [[1, 0], [-1, 0], [0, 1], [0, -1]])
    means = [accuracy(column) for column in np.clip(sums.totals / sums.sizes[:, None], 0, 1).T]
    at = edge(means[:2], chance) or edge(means[2:], chance)
    verdict, reason = _judged(clean, under, kept, margin, at)
    return Survival(clean, under, change, p, kept, margin, verdict, reason)


def bootstrapped(
    differences: Scores, clusters: Clusters | None = None, seed: int = 0, draws: int = DRAWS
) -> tuple[Interval, float]:
    """Percentile bootstrap of the mean per row, whole clusters drawn (Davison and Hinkley 1997, chapters 3.8 and 5.3).

    Drawing G clusters is drawing how often each *different* cluster appears, a multinomial: 0/1 scores have few
    different ones, so the exact bootstrap costs little. The interval adds one row of +1 and one of -1 (see `paired`).
    p is twice the smaller share of draws at or beyond 0, counted with the data among the draws, without added rows.
    It needs some thirty clusters to be near its level; for fewer see `clustered`.

    Returns:
        The interval, and p.
    """
    import numpy as np

    return _bootstrapped(sums_by(np.asarray(differences, dtype=float)[:, None], clusters), seed, draws)


def _bootstrapped(sums: Sums, seed: int, draws: int) -> tuple[Interval, float]:
    """`bootstrapped`, of sums of one column."""
    import numpy as np

    value = float(sums.totals.sum() / sums.rows)
    random = np.random.default_rng(seed)
    rows = np.column_stack([sums.totals, sums.sizes])
    means = _resampled(rows, random, draws)
    p = 2 * (1 + min(int((means <= 1e-12).sum()), int((means >= -1e-12).sum()))) / (1 + draws)
    means = _resampled(np.vstack([rows, [[1.0, 1.0], [-1.0, 1.0]]]), random, draws)
    low, high = np.quantile(means, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Interval(value, min(value, float(low)), max(value, float(high)), sums.rows), min(1.0, p)


def _resampled(rows: Floats, random: np.random.Generator, draws: int) -> Floats:
    """Means over resamples of clusters; a row holds a cluster's total and its size."""
    import numpy as np

    # As complex numbers, because sorting pairs of columns is much slower.
    pairs, counts = np.unique(rows[:, 0] + 1j * rows[:, 1], return_counts=True)
    kinds, groups = np.column_stack([pairs.real, pairs.imag]), len(rows)
    means = []
    left = draws
    while left:
        some = min(left, max(1, _AT_ONCE // len(kinds)))
        drawn = random.multinomial(groups, counts / groups, size=some) @ kinds
        means.append(drawn[:, 0] / drawn[:, 1])
        left -= some
    return np.concatenate(means)


def _judged(clean: Effect, under: Effect, kept: Interval | None, margin: float, at: str | None) -> tuple[str, str]:
    """The verdict and what decided it."""
    if at is not None:
        return "no verdict", f"both cells stand at the {at}"
    if clean.difference.low <= 0 or kept is None:
        return "no gain to survive", "the clean gain can't be told from 0"
    if kept.high < margin:
        return "lost", "the share kept lies below the margin"
    if under.difference.low <= 0:
        return "inconclusive", "the gain under the family can't be told from 0, nor from the margin"
    if kept.low < margin:
        return "inconclusive", "the share kept can't be told from the margin"
    return "survived", "the gain under the family lies above 0, the share kept at or above the margin"
