"""A variant against its baseline over the same items: difference, exact tests, and what could have been found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.stats.cell import LEVEL, Interval, accuracy, adjusted_wald, edge

if TYPE_CHECKING:
    from rveval.stats.cell import Scores

POWER = 0.8


@dataclass(frozen=True)
class Paired:
    """A variant against its baseline over the same items.

    Args:
        difference: mean of (variant - baseline) with its interval.
        fixed: items only the variant has right (for 0/1 scores).
        broken: items only the baseline has right.
        p: exact McNemar test of fixed against broken, two-sided; 1 where they agree on every item.
        mid_p: the same, the table that was seen counted by half: less conservative, and no longer guaranteed.
        detectable: the smallest difference that so many items, as often discordant, show at 80% power.
        edge: "floor" or "ceiling" where both cells stand there, so that no verdict can be given; else None.
    """

    difference: Interval
    fixed: int
    broken: int
    p: float
    mid_p: float
    detectable: float
    edge: str | None


def paired(variant: Scores, baseline: Scores, chance: float = 0.0) -> Paired:
    """Paired difference of two variants over the same items, in the same order.

    The interval is Bonett and Price's adjusted Wald interval for paired proportions (2012, J. Educ. Behav. Stat.
    37:479): one item fixed and one item broken are added, so it does not shrink to nothing where few items differ.
    Scores that are means over samples take the same formula with their own variance. p: McNemar 1947, exact binomial;
    for means over samples that is the sign test. mid-p: Fagerland, Lydersen and Laake 2013, BMC Med. Res. Methodol.
    13:91. The share of discordant items behind `detectable` is that of the data with the same two items added (for
    means, their mean square): nothing seen to differ does not mean that nothing can.

    Args:
        variant: scores in [0, 1].
        baseline: scores in [0, 1].
        chance: the share that guessing gets right; see `edge`.

    >>> result = paired([1, 1, 1, 0], [0, 1, 0, 0])
    >>> result.fixed, result.broken, result.p, result.mid_p
    (2, 0, 0.5, 0.25)

    Raises:
        ValueError: not as many scores on both sides, or none, or one outside [0, 1].
    """
    import numpy as np

    ours, theirs = np.asarray(variant, dtype=float), np.asarray(baseline, dtype=float)
    if len(ours) != len(theirs) or not len(ours):
        raise ValueError(f"pairs need the same items on both sides: {len(ours)} against {len(theirs)}")
    n = len(ours)
    differences = ours - theirs
    fixed, broken = int((differences > 0).sum()), int((differences < 0).sum())
    value = float(differences.sum() / n)
    low, high = adjusted_wald(differences, (1.0, -1.0))
    p, mid_p = mcnemar(fixed, broken)
    return Paired(
        difference=Interval(value, min(value, max(-1.0, low)), max(value, min(1.0, high)), n),
        fixed=fixed,
        broken=broken,
        p=p,
        mid_p=mid_p,
        detectable=detectable(n, (float((differences**2).sum()) + 2) / (n + 2)),
        edge=edge([accuracy(ours), accuracy(theirs)], chance),
    )


def mcnemar(fixed: int, broken: int) -> tuple[float, float]:
    """Exact two-sided p and mid-p of so many items fixed and broken, each as likely as the other (binomial, 1/2).

    >>> p, mid_p = mcnemar(6, 0)
    >>> round(p, 6), round(mid_p, 6)
    (0.03125, 0.015625)
    """
    from scipy.special import bdtr

    fewer, total = min(fixed, broken), fixed + broken
    up_to = float(bdtr(fewer, total, 0.5))
    below = float(bdtr(fewer - 1, total, 0.5)) if fewer else 0.0
    return min(1.0, 2 * up_to), min(1.0, up_to + below)


def detectable(n: int, discordant: float) -> float:
    """The smallest paired difference that is found in 80% of studies at p < 0.05.

    The d that solves d sqrt(n) = z(0.975) sqrt(q) + z(0.8) sqrt(q - d^2), q the share of discordant items (Miettinen
    1968, Biometrics 24:339; Connor 1987, Biometrics 43:207). As d can't exceed q, q grows with d where it has to: then
    all discordant items fall to one side. The exact test, which is conservative, finds it in 76 to 79%; mid-p in 80%
    or more (see `power`).

    Args:
        n: items.
        discordant: the share of items that are fixed or broken.

    >>> [round(100 * detectable(n, 0.1), 1) for n in (1319, 164, 1000, 6511)]
    [2.4, 6.9, 2.8, 1.1]
    """
    from scipy.special import ndtri

    z, zb = float(ndtri(0.5 + LEVEL / 2)), float(ndtri(POWER))
    scale = n + zb * zb
    room = z * z * discordant * n - scale * (z * z - zb * zb) * discordant
    if room >= 0:
        found = (z * math.sqrt(discordant * n) + math.sqrt(room)) / scale
        if 0 < found <= discordant:
            return found
    if n <= z * z:
        return 1.0
    # q = d: with u = sqrt(1 - d) this is n (1 - u^2) = (z + zb u)^2.
    u = (math.sqrt((z * zb) ** 2 + scale * (n - z * z)) - z * zb) / scale
    return 1.0 - max(0.0, u) ** 2


def power(n: int, discordant: float, difference: float, mid: bool = False) -> float:
    """How often McNemar's test gives p < 0.05, summed exactly over every table of n pairs that matters.

    The number of discordant pairs is binomial(n, q); of those, fixed ones are binomial with (q + d) / 2q (Duffy 1984,
    Biometrics 40:1005). With d = 0 this is the test's true error of the first kind.

    Args:
        n: items.
        discordant: q, the share of items that are fixed or broken.
        difference: d, at most q.
        mid: of the mid-p instead of the exact p.

    >>> round(power(164, 0.1, 0.069), 2), round(power(164, 0.1, 0), 3)
    (0.78, 0.028)

    Raises:
        ValueError: a difference larger than the share of discordant items.
    """
    if not 0 < discordant <= 1 or abs(difference) > discordant:
        raise ValueError(f"no study has {discordant} discordant items and a difference of {difference}")
    import numpy as np
    from scipy.stats import binom

    totals = np.arange(n + 1)
    weights = binom.pmf(totals, n, discordant)
    found = 0.0
    for total, weight in zip(totals[weights > 1e-12], weights[weights > 1e-12], strict=True):
        fixed = np.arange(total + 1)
        fewer = np.minimum(fixed, total - fixed)
        p = 2 * binom.cdf(fewer, total, 0.5) - (binom.pmf(fewer, total, 0.5) if mid else 0)
        chances = binom.pmf(fixed, total, (discordant + difference) / (2 * discordant))
        found += float(weight * chances[p < 1 - LEVEL].sum())
    return found
