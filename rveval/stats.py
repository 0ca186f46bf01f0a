"""Arrays in, small dataclasses out: intervals for one accuracy and for the paired difference of two.

Formula and source stand in each docstring; the distributions are scipy's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A number with its two-sided interval at `LEVEL` and the number of items behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Paired:
    """A variant against its baseline over the same items.

    Args:
        difference: mean of (variant - baseline) with its interval.
        fixed: items only the variant has right (for 0/1 scores).
        broken: items only the baseline has right.
        p: exact McNemar test of fixed against broken, two-sided; 1 where they agree on every item.
    """

    difference: Interval
    fixed: int
    broken: int
    p: float


def accuracy(scores: Sequence[float]) -> Interval:
    """Mean of per-item scores in [0, 1].

    Wilson's score interval (Wilson 1927, JASA 22:209) for 0/1 scores. Means over several samples an item vary less
    than that: for them the adjusted Wald interval (Agresti and Coull 1998, Am. Stat. 52:119), with two items at 0 and
    two at 1 added, and the variance of the scores. It is never of no width, also where all items have one score.

    >>> accuracy([1, 1, 0, 1])
    Interval(value=0.75, low=0.3006..., high=0.9544..., n=4)

    Raises:
        ValueError: no scores, or one outside [0, 1].
    """
    n = len(scores)
    if n == 0:
        raise ValueError("no items: an accuracy of nothing is not a number")
    if not all(0 <= score <= 1 for score in scores):
        raise ValueError("a score is outside [0, 1]")
    value = math.fsum(scores) / n
    if all(score in (0, 1) for score in scores):
        from scipy.stats import binomtest

        found = binomtest(round(math.fsum(scores)), n).proportion_ci(LEVEL, method="wilson")
        return Interval(value, min(value, float(found.low)), max(value, float(found.high)), n)
    low, high = _adjusted_wald(scores, (0.0, 0.0, 1.0, 1.0))
    return Interval(value, min(value, max(0.0, low)), max(value, min(1.0, high)), n)


def paired(variant: Sequence[float], baseline: Sequence[float]) -> Paired:
    """Paired difference of two variants over the same items, in the same order.

    The interval is Bonett and Price's adjusted Wald interval for paired proportions (2012, J. Educ. Behav. Stat.
    37:479): one item fixed and one item broken are added, so it does not shrink to nothing where few items differ.
    Scores that are means over samples take the same formula with their own variance. p: McNemar 1947, exact binomial;
    for means over samples that is the sign test.

    >>> result = paired([1, 1, 1, 0], [0, 1, 0, 0])
    >>> result.fixed, result.broken, result.p
    (2, 0, 0.5)

    Raises:
        ValueError: not as many scores on both sides, or none.
    """
    if len(variant) != len(baseline) or not variant:
        raise ValueError(f"pairs need the same items on both sides: {len(variant)} against {len(baseline)}")
    from scipy.stats import binomtest

    n = len(variant)
    differences = [a - b for a, b in zip(variant, baseline, strict=True)]
    fixed, broken = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    value = math.fsum(differences) / n
    p = float(binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0
    low, high = _adjusted_wald(differences, (1.0, -1.0))
    interval = Interval(value, min(value, max(-1.0, low)), max(value, min(1.0, high)), n)
    return Paired(interval, fixed, broken, p)


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that of k samples of a problem at least one is right, estimated without bias from n samples.

    1 - C(n - c, k) / C(n, k), with c of the n samples right (Chen et al. 2021, arXiv:2107.03374, equation 1), as the
    product of (1 - k / i) over i = n - c + 1 .. n, which needs no large number. For k = 1 it is c / n.

    >>> pass_at_k(n=5, c=2, k=1), pass_at_k(n=5, c=2, k=3)
    (0.4, 0.9)

    Raises:
        ValueError: not 0 <= c <= n and 1 <= k <= n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@k needs 0 <= c <= n and 1 <= k <= n, not n={n}, c={c}, k={k}")
    if k == 1:
        return c / n
    # From i = k downwards a factor is 0: every draw of k then holds a right one.
    return 1.0 - math.prod(max(0.0, 1.0 - k / i) for i in range(n - c + 1, n + 1))


def _adjusted_wald(values: Sequence[float], added: Sequence[float]) -> tuple[float, float]:
    """Mean -+ z standard errors (variance over n) after adding values that keep both away from the edge."""
    from scipy.stats import norm

    all_values = [*values, *added]
    n = len(all_values)
    mean = math.fsum(all_values) / n
    half = float(norm.ppf(0.5 + LEVEL / 2)) * math.sqrt(math.fsum((v - mean) ** 2 for v in all_values) / n / n)
    return mean - half, mean + half
