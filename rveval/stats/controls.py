"""What a difference has to stand out from: the same model asked twice, and vectors that mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.stats.cell import Interval, accuracy
from rveval.stats.pairs import Paired, paired

if TYPE_CHECKING:
    from rveval.stats.cell import Scores


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
        beaten: share of them with a smaller effect than the real one's.
        p: (1 + nulls with at least the real effect) / (1 + n).
        smallest_p: what beating all of them gives, 1 / (1 + n): with fewer than 20, never below 0.05.
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


def nulls(real: float, null_effects: Sequence[float]) -> Nulls:
    """Rank the real effect among the nulls': a Monte Carlo test (Davison and Hinkley 1997, section 4.2), one-sided.

    >>> nulls(0.05, [0.0, 0.01, -0.02, 0.06])
    Nulls(n=4, beaten=0.75, p=0.4, smallest_p=0.2)

    Raises:
        ValueError: no null vectors.
    """
    n = len(null_effects)
    if n == 0:
        raise ValueError("no null vectors to compare with")
    as_good = sum(effect >= real for effect in null_effects)
    return Nulls(n, (n - as_good) / n, (1 + as_good) / (1 + n), 1 / (1 + n))
