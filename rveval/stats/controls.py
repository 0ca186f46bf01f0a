"""What a difference has to stand out from: the same model asked twice, and vectors that mean nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.stats.cell import LEVEL, Interval, accuracy
from rveval.stats.pairs import Paired, paired

if TYPE_CHECKING:
    from rveval.stats.cell import Scores

_TIE = 1e-9


@dataclass(frozen=True)
class NoiseFloor:
    """One variant run twice: share of items whose score differs, share whose response differs, and the difference."""

    scores_differ: Interval
    responses_differ: Interval | None
    difference: Paired


@dataclass(frozen=True)
class Nulls:
    """A real vector among null vectors (same norm, no meaning).

    Args:
        n: null vectors.
        beaten: share of them with a smaller effect than the real one's, in the direction that was asked about.
        p: (1 + nulls with at least the real effect) / (1 + n).
        smallest_p: what beating all of them gives, 1 / (1 + n): with fewer than 19, never as low as 0.05.
    """

    n: int
    beaten: float
    p: float
    smallest_p: float


def noise_floor(
    first: Scores, second: Scores, first_responses: Sequence[str] = (), second_responses: Sequence[str] = ()
) -> NoiseFloor:
    """Two runs of one variant on the same items, in the same order; shares with Wilson's interval.

    Raises:
        ValueError: not the same number of items everywhere, or none.
    """
    import numpy as np

    difference = paired(second, first)
    differ = np.asarray(first, dtype=float) != np.asarray(second, dtype=float)
    responses = [a != b for a, b in zip(first_responses, second_responses, strict=True)]
    if responses and len(responses) != len(differ):
        raise ValueError(f"{len(differ)} items, and responses to {len(responses)} of them")
    return NoiseFloor(accuracy(differ), accuracy(responses) if responses else None, difference)


def nulls(real: float, null_effects: Sequence[float], harm: bool = False) -> Nulls:
    """Rank the real effect among the nulls': an exact Monte Carlo test (Barnard 1963, J. R. Stat. Soc. B 25:294;
    Davison and Hinkley 1997, section 4.2; Phipson and Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39).

    Were the real vector one more null, each place among n + 1 would be as likely, so p <= k / (n + 1) at most that
    often, whatever the distribution. A null with the same effect counts as having reached it: ties raise p.

    One-sided, and which side is said before the answers are seen: help (the vector is added) or harm (it is
    subtracted). The rank of |effect| would ask another question: nulls mostly do harm, as any noise in the weights
    does, so 0 is not in the middle of their effects, and a real gain of 5 points would lose to nulls that break the
    model. Taking the side of the real effect after it is seen would double the error of the first kind.

    Args:
        real: the real vector's difference to the baseline.
        null_effects: each null vector's, on the same items.
        harm: the question is whether the real vector does more harm than the nulls.

    >>> nulls(0.05, [0.0, 0.01, -0.02, 0.06])
    Nulls(n=4, beaten=0.75, p=0.4, smallest_p=0.2)
    >>> nulls(-0.05, [0.0, 0.01, -0.02, 0.06], harm=True).p
    0.2

    Raises:
        ValueError: no null vectors.
    """
    n = len(null_effects)
    if n == 0:
        raise ValueError("no null vectors to compare with")
    sign = -1 if harm else 1
    # Means of the same items that differ by rounding alone are a tie.
    reached = sum(sign * effect >= sign * real - _TIE for effect in null_effects)
    return Nulls(n, (n - reached) / n, (1 + reached) / (1 + n), 1 / (1 + n))


def nulls_needed(p: float = 1 - LEVEL) -> int:
    """How many nulls it takes for the smallest p, 1 / (1 + n), to be no larger than this.

    >>> nulls_needed(), nulls_needed(0.01)
    (19, 99)
    """
    return math.ceil(1 / p - 1 - _TIE)
