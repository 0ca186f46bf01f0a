"""Transforms that keep some entries of a tensor and set the others to zero, by size, at random, or by agreement.

Of equal magnitudes the entry with the lower index counts as the larger one, so that "the k largest" is one set and no
other: differences of bfloat16 checkpoints take few values. What is not finite is never dropped by size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rveval.vectors.registry import Parameter, transform
from rveval.vectors.tensors import uniform

if TYPE_CHECKING:
    import torch

DENSITY = Parameter("a number above 0 and at most 1", lambda value: 0 < value <= 1)
GAMMA = Parameter("a number above 0 and below 1", lambda value: 0 < value < 1, default=0.01)
EPSILON = Parameter("a number above 0 and below 1", lambda value: 0 < value < 1, default=0.1)


@transform("the largest entries of every tensor", parameters={"density": DENSITY}, by_size=True)
def trim(delta: torch.Tensor, density: float) -> torch.Tensor:
    """The largest entries of a tensor: exactly `max(1, int(density * n))` of its n, the others zero.

    Source: Yadav et al. 2023, "TIES-Merging", its first step (mergekit's `magnitude` keeps as many).
    """
    return _largest(delta, max(1, int(density * delta.numel())))


@transform(
    "entries of middle size: neither outliers nor small ones",
    parameters={"density": DENSITY, "gamma": GAMMA},
    by_size=True,
)
def breadcrumbs(delta: torch.Tensor, density: float, gamma: float) -> torch.Tensor:
    """Entries of middle size: of n, the `int(gamma * n)` largest are dropped, then the smallest until
    `int(density * n)` remain; where fewer than that would remain, fewer of the largest are dropped.

    Source: Davari and Belilovsky 2024, "Model Breadcrumbs" (mergekit's `magnitude_outliers` keeps as many).
    """
    kept = int(density * delta.numel())
    dropped = min(int(gamma * delta.numel()), delta.numel() - kept)
    return _largest(delta, dropped + kept) - _largest(delta, dropped)


def _largest(delta: torch.Tensor, count: int) -> torch.Tensor:
    """The `count` entries of largest magnitude, the others zero."""
    if count >= delta.numel():
        return delta
    if count <= 0:
        return delta * 0
    flat = delta.reshape(-1)
    sizes = flat.abs()
    smallest, needed = _kth_largest(sizes, count)
    result = flat.masked_fill(sizes < smallest, 0.0)
    if smallest:
        result[(sizes == smallest).nonzero().view(-1)[needed:]] = 0.0
    return result.view(delta.shape)


def _kth_largest(sizes: torch.Tensor, count: int) -> tuple[float, int]:
    """The `count`-th largest of a vector of magnitudes, and how many of those equal to it the `count` largest hold.

    The bits of magnitudes, read as whole numbers, are in their order: the upper half is found by counting, then the
    lower half among those that share it. So nothing is sorted.
    """
    import torch

    bits, found = sizes.view(torch.int32), 0
    for shift in (16, 0):
        halves = (bits >> shift) & 0xFFFF
        above = torch.bincount(halves).flip(0).cumsum(0)
        place = int((above < count).sum())
        half = len(above) - 1 - place
        count -= int(above[place - 1]) if place else 0
        bits, found = bits[halves == half], found << 16 | half
    return float(torch.tensor([found], dtype=torch.int32).view(torch.float32)), count


@transform("entries dropped at random, the rest scaled up", version=2, parameters={"density": DENSITY}, draws=True)
def dare(delta: torch.Tensor, generator: torch.Generator, density: float) -> torch.Tensor:
    """Every entry kept with the probability `density`, on its own, and divided by it; the others zero.

    Source: Yu et al. 2024, "Language Models are Super Mario" (its DARE). mergekit multiplies what is kept by the ratio
    of the tensor's L1 norms before and after instead: nearly the same factor on large tensors, but one that depends on
    what was drawn, so that its L1 norm is met exactly and its expectation is the tensor only approximately.
    """
    return (delta / density).masked_fill_(uniform(delta, generator) >= density, 0.0)


def window(density: float, epsilon: float) -> str:
    """What is wrong with della's window, or "": `density - epsilon` and `density + epsilon` are probabilities of being
    kept, and the first one is divided by. A density of 1 keeps all, whatever epsilon is.

    >>> window(0.05, 0.1)
    'density - epsilon is -0.05 and density + epsilon is 0.15: both must lie between 0 and 1'
    """
    low, high = density - epsilon, density + epsilon
    if density == 1 or (low > 0 and high < 1):
        return ""
    return f"density - epsilon is {low:g} and density + epsilon is {high:g}: both must lie between 0 and 1"


@transform(
    "entries dropped at random, small ones sooner, the rest scaled up",
    version=2,
    parameters={"density": DENSITY, "epsilon": EPSILON},
    draws=True,
    by_size=True,
    check=window,
)
def della(delta: torch.Tensor, generator: torch.Generator, density: float, epsilon: float) -> torch.Tensor:
    """Entries dropped at random, small ones sooner: within a row (the last dimension; a vector is one row) the
    probability of being kept rises linearly with the rank of the magnitude, from `density - epsilon` for the smallest
    entry to `density + epsilon` for the largest, and what is kept is divided by its own probability.

    Magnitudes are compared as bfloat16 has them (truncated to 8 significant bits); equal ones share the mean of their
    ranks, and with it one probability.

    Source: Deep et al. 2024, "DELLA-Merging" (its MAGPRUNE); the window is written as mergekit writes it: the
    paper's epsilon is the whole width. mergekit draws with the same chances (and computes ranks and chances in the
    model's dtype), but scales all that is kept by one factor that restores the tensor's L1 norm. Since large entries
    are kept more often, that factor is below `1 / density`, its large entries are larger in expectation than they were
    and its small ones smaller.
    """
    if density >= 1 or not delta.numel():
        return delta
    rows = delta.reshape(-1, delta.shape[-1] if delta.shape else 1)
    chances = mean_ranks(rows).mul_(2 * epsilon).add_(density - epsilon)
    dropped = uniform(rows, generator) >= chances
    return (rows / chances).masked_fill_(dropped, 0.0).view(delta.shape)


COUNTED = 1 << 20
"""Counters that `mean_ranks` holds at a time (8 MiB)."""


def mean_ranks(rows: torch.Tensor) -> torch.Tensor:
    """The rank of each magnitude in its row, from 0 (smallest) to 1, as bfloat16 has magnitudes; equal ones share the
    mean of their ranks. A row of one entry has rank 0.5.

    Nothing is sorted: a row has few different magnitudes, so the entries of each are counted.

    Args:
        rows: float32, (rows, columns), contiguous.

    Returns:
        float32 of the same shape.
    """
    import torch

    if rows.shape[1] == 1:
        return torch.full_like(rows, 0.5)
    sizes = (rows.view(torch.int32) & 0x7FFFFFFF) >> 16
    first = int(sizes.where(sizes > 0, 1 << 15).min()) - 1
    sizes = sizes.sub_(first).clamp_min_(0)  # zero stays 0, the smallest other magnitude is 1
    width, ranks = int(sizes.max()) + 1, torch.empty_like(rows)
    step = max(1, COUNTED // width)
    for part, into in zip(torch.split(sizes, step), torch.split(ranks, step), strict=True):
        places = part + width * torch.arange(len(part), device=rows.device)[:, None]
        counts = torch.bincount(places.view(-1), minlength=width * len(part)).view(-1, width)
        doubled = counts.cumsum(1).mul_(2).sub_(counts).sub_(1).float().div_(2 * (rows.shape[1] - 1))
        into.copy_(doubled.take(places))
    return ranks


@transform("the terms trimmed, one sign elected, what agrees merged", parameters={"density": DENSITY}, given="terms")
def ties(deltas: Sequence[torch.Tensor], weights: Sequence[float], density: float) -> torch.Tensor:
    """TIES: trim every term, elect a sign for every entry, average what agrees with it.

    Every term is trimmed to its `density` largest entries and multiplied by its weight. The elected sign of an entry
    is that of the sum over the terms (a sum of zero elects plus, as in mergekit). The result is the weighted mean of
    the entries with that sign, `sum(w_i d_i) / sum(|w_i|)` over them, and zero where no entry has it.

    Source: Yadav et al. 2023, "TIES-Merging". mergekit divides by `sum(w_i)`, which is the same for
    positive weights; for a negative one it would turn a vector that is taken away into one that is added.

    Args:
        deltas: of one tensor, at least one, all of one shape.
        weights: of the terms.
        density: of each term.
    """
    import torch

    scaled = [trim(delta, density) * weight for delta, weight in zip(deltas, weights, strict=True)]
    total = torch.zeros_like(scaled[0])
    for entries in scaled:
        total += entries
    elected = total.lt(0).float().mul_(-2).add_(1)  # -1 or +1
    total, shared = total.zero_(), torch.zeros_like(elected)
    for entries, weight in zip(scaled, weights, strict=True):
        disagrees = entries * elected <= 0  # a NaN does not, and is not lost
        total += entries.masked_fill_(disagrees, 0.0)
        shared.add_(disagrees.logical_not_(), alpha=abs(weight))
    return total.div_(shared.masked_fill_(shared == 0, 1.0))
