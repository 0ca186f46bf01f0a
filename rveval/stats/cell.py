"""One cell: its accuracy with an interval, pass@k, and whether it stands at the floor or at the ceiling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Scores = Sequence[float] | NDArray[Any]

LEVEL = 0.95
EDGE = 0.02


@dataclass(frozen=True)
class Interval:
    """A number with its two-sided interval at `LEVEL` and the number of items behind it."""

    value: float
    low: float
    high: float
    n: int


def accuracy(scores: Scores) -> Interval:
    """Mean of per-item scores in [0, 1].

    Wilson's score interval (Wilson 1927, JASA 22:209) for 0/1 scores. Means over several samples an item vary less
    than that: for them the adjusted Wald interval (Agresti and Coull 1998, Am. Stat. 52:119), with two items at 0 and
    two at 1 added, and the variance of the scores. It is never of no width, also where all items have one score.

    >>> accuracy([1, 1, 0, 1])
    Interval(value=0.75, low=0.3006..., high=0.9544..., n=4)

    Raises:
        ValueError: no scores, or one outside [0, 1].
    """
    import numpy as np
    from statsmodels.stats.proportion import proportion_confint

    values = np.asarray(scores, dtype=float)
    n = len(values)
    if n == 0:
        raise ValueError("no items: an accuracy of nothing is not a number")
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError("a score is outside [0, 1]")
    value = float(values.sum() / n)
    if np.all((values == 0) | (values == 1)):
        low, high = proportion_confint(round(values.sum()), n, alpha=1 - LEVEL, method="wilson")
    else:
        low, high = adjusted_wald(values, (0.0, 0.0, 1.0, 1.0))
    return Interval(value, min(value, max(0.0, float(low))), max(value, min(1.0, float(high))), n)


def edge(cells: Sequence[Interval], chance: float = 0.0) -> str | None:
    """Where cells that are compared all stand: "floor", "ceiling", or None, which is where a verdict can be given.

    At the floor: the low end of every interval is under `EDGE` (2 points) above what guessing gives; nearly everything
    wrong can't be told from everything wrong. At the ceiling: every high end is above 1 - `EDGE`. One cell at an edge
    and the other not is a difference like any other.

    Args:
        cells: accuracies.
        chance: the share that guessing gets right, such as 0.25 of four options.

    >>> edge([accuracy([0] * 99 + [1]), accuracy([0] * 98 + [1, 1])])
    'floor'
    """
    if all(cell.low < chance + EDGE for cell in cells):
        return "floor"
    return "ceiling" if all(cell.high > 1 - EDGE for cell in cells) else None


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


def adjusted_wald(values: Floats, added: Sequence[float]) -> tuple[float, float]:
    """Mean -+ z standard errors (variance over n) after adding values that keep both away from the edge."""
    from scipy.special import ndtri

    n = len(values) + len(added)
    mean = (float(values.sum()) + math.fsum(added)) / n
    # Of whole numbers, such as 0/1 scores and their differences, both sums are exact, in whatever order.
    squares = float((values**2).sum()) + math.fsum(value**2 for value in added)
    half = float(ndtri(0.5 + LEVEL / 2)) * math.sqrt(max(0.0, squares / n - mean**2) / n)
    return mean - half, mean + half
