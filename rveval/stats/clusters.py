"""Differences whose rows belong together: means over source items (clusters), over benchmarks, and ratios of means.

Several draws or families of one item answer the same question, so they are no independent witnesses. Everything here
counts clusters, and all of it rests on `moments`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from rveval.stats.cell import LEVEL, Interval
from rveval.stats.pairs import POWER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rveval.stats.cell import Floats, Scores

    Clusters = Sequence[str] | Sequence[int] | NDArray[np.int64]

_NO_SPREAD = 1e-24  # a variance that rounding makes of none


@dataclass(frozen=True)
class Effect:
    """A mean difference that need not be one of 0/1 scores.

    Args:
        difference: with its interval; its n counts rows.
        p: two-sided, that it is 0.
        clusters: how many independent things (source items) the rows come from.
        detectable: the smallest difference that the same spread shows at 80% power.
    """

    difference: Interval
    p: float
    clusters: int
    detectable: float


@dataclass(frozen=True)
class Pooled:
    """One effect over several benchmarks, and how each of them weighed."""

    effect: Effect
    by: str
    weights: dict[str, float]


class Sums(NamedTuple):
    """Columns summed by cluster (G x k), the rows of each cluster (G), and the rows in all."""

    totals: Floats
    sizes: Floats
    rows: int

    def mixed(self, weights: Sequence[float] | Sequence[Sequence[float]]) -> Sums:
        """Weighted sums of the columns: one (k weights) or several (a row of k weights each)."""
        import numpy as np

        return self._replace(totals=self.totals @ np.atleast_2d(np.asarray(weights, dtype=float)).T)


class Moments(NamedTuple):
    """Means of k columns, their covariance (k x k), its degrees of freedom, and the number of clusters."""

    means: Floats
    covariance: Floats
    freedom: float
    clusters: int


def clustered(differences: Scores, clusters: Clusters | None = None, unit: float = 1.0) -> Effect:
    """Mean difference per row, rows of one cluster being free to agree with each other.

    t interval with the cluster-robust variance CR2 and its Satterthwaite degrees of freedom (Bell and McCaffrey 2002,
    Surv. Methodol. 28:169), which for a mean have a closed form; G - 1 where all G clusters are equally large, and the
    plain paired t where each is a row. As in `paired`, one row of +unit and one of -unit are added for the interval,
    each a cluster of its own, so that it never shrinks to nothing. p is the t test of the data as they are; where they
    show no spread (one cluster, or one value), of the data with the two rows.

    Args:
        differences: variant - baseline, a row per item, draw and family.
        clusters: the source item of each row; each row its own by default.
        unit: what one answer that flips changes a row by.

    >>> clustered([1, 1, 0, 0, 0, 0, -1, 0], ["a", "a", "b", "b", "c", "c", "d", "d"]).clusters
    4

    Raises:
        ValueError: no rows, or not as many clusters as rows.
    """
    import numpy as np

    return mean_effect(sums_by(np.asarray(differences, dtype=float)[:, None], clusters), unit)


def mean_effect(sums: Sums, unit: float = 1.0) -> Effect:
    """`clustered`, of sums of one column."""
    import numpy as np

    plain, added = moments(sums), moments(sums, [[unit], [-unit]])
    widest = max(unit, float(np.abs(sums.totals / sums.sizes[:, None]).max()))
    found = _effect(sums.rows, _one(plain), _one(added), plain.clusters)
    low, high = max(-widest, found.difference.low), min(widest, found.difference.high)
    value = found.difference.value
    interval = Interval(value, min(value, low), max(value, high), sums.rows)
    return Effect(interval, found.p, found.clusters, found.detectable)


def pooled(
    strata: Mapping[str, Scores],
    by: Literal["benchmarks", "items"] = "benchmarks",
    clusters: Mapping[str, Clusters] | None = None,
) -> Pooled:
    """One difference over several benchmarks, each of them a stratum: sum of w m, with variance sum of w^2 var(m).

    Equal weights answer "on a benchmark of this kind", weights by rows "on a question out of this pool". Means and
    variances of a stratum are those of `clustered`; degrees of freedom by Welch and Satterthwaite (1946, Biometrics
    Bull. 2:110). The benchmarks are these ones and no sample of all there are.

    Args:
        strata: differences by benchmark.
        by: what has the same weight, a benchmark or an item.
        clusters: the source items by benchmark, where rows belong together.

    >>> pooled({"a": [1, 0], "b": [0, 0, 0, 0, 0, 0]}).weights
    {'a': 0.5, 'b': 0.5}

    Raises:
        ValueError: no benchmark, or one without rows.
    """
    import numpy as np

    if not strata or by not in ("benchmarks", "items"):
        raise ValueError("no benchmark to pool, or weights that are neither by benchmarks nor by items")
    groups = clusters or {}
    sums = {
        name: sums_by(np.asarray(values, dtype=float)[:, None], groups.get(name)) for name, values in strata.items()
    }
    total = sum(of.rows for of in sums.values())
    weights = {name: 1 / len(sums) if by == "benchmarks" else of.rows / total for name, of in sums.items()}
    plain = {name: moments(of) for name, of in sums.items()}
    added = {name: moments(of, [[1.0], [-1.0]]) for name, of in sums.items()}
    effect = _effect(
        total, _weighted(plain, weights), _weighted(added, weights), sum(found.clusters for found in plain.values())
    )
    return Pooled(effect, by, weights)


def ratio(
    numerator: Scores, denominator: Scores, clusters: Clusters | None = None, added: Sequence[Sequence[float]] = ()
) -> Interval | None:
    """Mean of one column over the mean of another, both of the same rows.

    Fieller's interval (1954, J. R. Stat. Soc. B 16:175): the r for which the mean of (numerator - r denominator) can't
    be told from 0 by a t test. None where the denominator itself can't be told from 0: then any ratio fits the data.

    Args:
        numerator: a row per item, draw and family.
        denominator: of the same rows.
        clusters: the source item of each row.
        added: rows added for the interval, each a cluster of its own, that keep it from shrinking to nothing.
    """
    import numpy as np

    table = np.column_stack([np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)])
    return ratio_of(sums_by(table, clusters), added)


def ratio_of(sums: Sums, added: Sequence[Sequence[float]] = ()) -> Interval | None:
    """`ratio`, of sums of two columns."""
    (a, b), covariance, freedom, groups = moments(sums, added)
    t2 = _t(freedom) ** 2
    quadratic = b * b - t2 * covariance[1, 1]
    under, over = sums.totals.sum(axis=0)
    if groups < 2 or not quadratic > 0 or not over:
        return None
    middle = a * b - t2 * covariance[0, 1]
    half = math.sqrt(max(0.0, middle**2 - quadratic * (a * a - t2 * covariance[0, 0])))
    value = float(under / over)
    return Interval(
        value,
        min(value, float((middle - half) / quadratic)),
        max(value, float((middle + half) / quadratic)),
        sums.rows,
    )


def moments(sums: Sums, added: Sequence[Sequence[float]] = ()) -> Moments:
    """Means and their CR2 covariance.

    With u the residual sums of a cluster and w its share of the n rows: cov = sum of u u' / (1 - w) / n^2. Degrees of
    freedom (sum of m_gg)^2 / sum of m_gh^2, with m_gg = w / n and m_gh = - w_g w_h / n / sqrt((1 - w_g)(1 - w_h)):
    what Bell and McCaffrey's become when the only regressor is the constant. `added`: rows, each a cluster of its own.
    """
    import numpy as np

    totals, sizes, _ = sums
    groups = len(sizes)
    if len(added):
        totals = np.vstack([totals, np.asarray(added, dtype=float)])
        sizes = np.concatenate([sizes, np.ones(len(added))])
    n = sizes.sum()
    means = totals.sum(axis=0) / n
    if len(sizes) == 1:
        return Moments(means, np.full((len(means), len(means)), np.inf), 1.0, groups)
    share = sizes / n
    scaled = (totals - sizes[:, None] * means) / np.sqrt(1 - share)[:, None]
    crossed = share**2 / (1 - share)
    freedom = 1 / float((share**2).sum() + crossed.sum() ** 2 - (crossed**2).sum())
    return Moments(means, scaled.T @ scaled / n**2, freedom, groups)


def sums_by(columns: Floats, clusters: Clusters | None) -> Sums:
    """Sum the columns by cluster; each row is its own where there are none.

    Raises:
        ValueError: no rows, or not as many clusters as rows.
    """
    import numpy as np

    if not len(columns):
        raise ValueError("no rows: a difference of nothing is not a number")
    if clusters is None:
        return Sums(columns, np.ones(len(columns)), len(columns))
    if len(clusters) != len(columns):
        raise ValueError(f"{len(columns)} rows, and clusters for {len(clusters)} of them")
    _, index = np.unique(np.asarray(clusters), return_inverse=True)
    totals = [np.bincount(index, weights=column) for column in columns.T]
    return Sums(np.column_stack(totals), np.bincount(index).astype(float), len(columns))


def _one(found: Moments) -> tuple[float, float, float]:
    """Mean, variance and degrees of freedom of a single column."""
    return float(found.means[0]), float(found.covariance[0, 0]), found.freedom


def _weighted(strata: Mapping[str, Moments], weights: Mapping[str, float]) -> tuple[float, float, float]:
    """Mean, variance and degrees of freedom of a weighted sum of independent means."""
    mean = sum(weights[name] * float(found.means[0]) for name, found in strata.items())
    parts = [(weights[name] ** 2 * float(found.covariance[0, 0]), found.freedom) for name, found in strata.items()]
    variance = sum(part for part, _ in parts)
    if variance == 0 or math.isinf(variance):
        return mean, variance, 1.0
    return mean, variance, variance**2 / sum(part**2 / freedom for part, freedom in parts)


def _effect(rows: int, plain: tuple[float, float, float], added: tuple[float, float, float], clusters: int) -> Effect:
    """The interval of (mean, variance, freedom) with the added rows; p without them, where it can be had."""
    from scipy.special import ndtri, stdtr

    value = plain[0]
    mean, variance, freedom = added
    half = _t(freedom) * math.sqrt(variance)
    tested = plain if _NO_SPREAD < plain[1] < math.inf else added
    p = 2 * float(stdtr(tested[2], -abs(tested[0]) / math.sqrt(tested[1])))
    reach = (_t(freedom) + float(ndtri(POWER))) * math.sqrt(variance)
    return Effect(Interval(value, min(value, mean - half), max(value, mean + half), rows), p, clusters, reach)


def _t(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + LEVEL / 2))
