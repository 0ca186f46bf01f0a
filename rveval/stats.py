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

    Wilson's score interval (Wilson 1927, JASA 22:209) for 0/1 scores; for means over several samples an item, the
    normal interval of a mean, cut to [0, 1].

    >>> accuracy([1, 1, 0, 1])
    Interval(value=0.75, low=0.3006..., high=0.9544..., n=4)
    """
    n = len(scores)
    if n == 0:
        raise ValueError("no items: an accuracy of nothing is not a number")
    value = math.fsum(scores) / n
    if all(score in (0, 1) for score in scores):
        from scipy.stats import binomtest

        found = binomtest(round(math.fsum(scores)), n).proportion_ci(LEVEL, method="wilson")
        return Interval(value, float(found.low), float(found.high), n)
    half = _z() * _standard_error(scores)
    return Interval(value, max(0.0, value - half), min(1.0, value + half), n)


def paired(variant: Sequence[float], baseline: Sequence[float]) -> Paired:
    """Paired difference of two variants over the same items, in the same order.

    The interval is Bonett and Price's adjusted Wald interval for paired proportions (2012, J. Educ. Behav. Stat.
    37:479): one half added to each of the four cells, so it does not shrink to nothing where few items differ. For
    scores that are means over samples, the normal interval of the mean difference. p: McNemar 1947, exact binomial.

    >>> result = paired([1, 1, 1, 0], [0, 1, 0, 0])
    >>> result.fixed, result.broken, result.p
    (2, 0, 0.5)
    """
    if len(variant) != len(baseline) or not variant:
        raise ValueError(f"pairs need the same items on both sides: {len(variant)} against {len(baseline)}")
    from scipy.stats import binomtest

    n = len(variant)
    differences = [a - b for a, b in zip(variant, baseline, strict=True)]
    fixed, broken = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    value = math.fsum(differences) / n
    p = float(binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0
    if all(d in (-1, 0, 1) for d in differences):
        low, high = _bonett_price(fixed, broken, n)
    else:
        half = _z() * _standard_error(differences)
        low, high = value - half, value + half
    return Paired(Interval(value, max(-1.0, low), min(1.0, high), n), fixed, broken, p)


def _bonett_price(fixed: int, broken: int, n: int) -> tuple[float, float]:
    p12, p21 = (fixed + 1) / (n + 2), (broken + 1) / (n + 2)
    half = _z() * math.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2))
    return p12 - p21 - half, p12 - p21 + half


def _standard_error(values: Sequence[float]) -> float:
    n = len(values)
    if n < 2:
        return math.inf
    mean = math.fsum(values) / n
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n)


def _z() -> float:
    from scipy.stats import norm

    return float(norm.ppf(0.5 + LEVEL / 2))
