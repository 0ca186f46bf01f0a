"""Transforms that drop entries at random and scale up what is left, so that the expected tensor is the one given.

Whether an entry is kept is decided by 8 random bits and, where these leave it open, by 53 more: chances are met to
more than 32 bits, and most entries cost an eighth of a random word. Both depend on the entry's index alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rveval.vectors.blocks import BLOCK, by_blocks
from rveval.vectors.delta import Delta
from rveval.vectors.draws import mixed, unsigned, whole_number, words
from rveval.vectors.sparse import made
from rveval.vectors.steps import Step

if TYPE_CHECKING:
    import torch

    from rveval.vectors.apply import Place


def dare(delta: Delta, step: Step, place: Place) -> Delta:
    """Every entry kept with the probability `density`, on its own, and divided by it; the others zero.

    Source: Yu et al. 2024, "Language Models are Super Mario" (its DARE). mergekit multiplies what is kept by the ratio
    of the tensor's L1 norms before and after instead: nearly the same factor on large tensors, but one that depends on
    what was drawn, so that its L1 norm is met exactly and its expectation is the tensor only approximately.
    """
    assert step.density is not None
    if step.density >= 1:
        return delta
    import torch

    seed, chances = place.seed(step), Chances.of(torch.tensor([step.density], dtype=torch.float64), delta.device)

    def fill(start: int, into: torch.Tensor) -> None:
        delta.fill(start, into)
        drop(seed, start, chances, into)

    return Delta(delta.shape, delta.device, fill, made(step, delta.key, seed))


def della(delta: Delta, step: Step, place: Place) -> Delta:
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
    assert step.density is not None
    assert step.epsilon is not None
    columns = delta.shape[-1] if delta.shape else 1
    if step.density >= 1 or not delta.numel:
        return delta
    chances = _by_rank(columns, step.density, step.epsilon, delta.device)
    seed, rows = place.seed(step), max(1, BLOCK // columns)

    def make(number: int, into: torch.Tensor) -> None:
        start = number * rows * columns
        delta.fill(start, into)
        drop_by_rank(seed, start, chances, into.view(-1, columns))

    fill = by_blocks(delta.numel, rows * columns, make)
    return Delta(delta.shape, delta.device, fill, made(step, delta.key, seed), block=rows * columns)


@lru_cache(maxsize=8)
def _by_rank(columns: int, density: float, epsilon: float, device: torch.device) -> Chances:
    """What entries of a row are kept with, by doubled rank: a model has few lengths of rows."""
    import torch

    most = 2 * (columns - 1)
    ranks = torch.arange(most + 1, dtype=torch.float64) / most if most else torch.tensor([0.5], dtype=torch.float64)
    return Chances.of(density - epsilon + 2 * epsilon * ranks, device)


@dataclass(frozen=True)
class Chances:
    """Probabilities of being kept: one for all entries, or one for each doubled rank (mean ranks are half numbers).

    Args:
        borders: uint8, `floor(p * 2**8)`: 8 random bits below it keep an entry.
        rest: float64 in [0, 1): the probability of keeping an entry whose bits are equal to it.
        scales: float32, `1 / p`.
    """

    borders: torch.Tensor
    rest: torch.Tensor
    scales: torch.Tensor

    @classmethod
    def of(cls, exact: torch.Tensor, device: torch.device) -> Chances:
        """From probabilities, float64, all of them above 0 and below 1."""
        import torch

        grown = exact * (1 << 8)
        borders = grown.floor()
        scales = (1 / exact).to(device, torch.float32)
        return cls(borders.to(device, torch.uint8), (grown - borders).to(device), scales)


def drop(seed: str, start: int, chances: Chances, numbers: torch.Tensor) -> None:
    """Multiply the entries from the index `start` on by the scale or, where the draws say so, by zero; in place.

    Args:
        seed: of the draws; what an entry gets depends on it and on the index alone.
        chances: one for all.
        numbers: a contiguous float32 vector.
    """
    if numbers.device.type != "cpu":
        _drop(seed, start, chances, None, numbers)
        return
    import numpy as np

    from rveval.vectors import loops

    border, scale = np.uint64(chances.borders[0]), np.float32(chances.scales[0])
    streams = unsigned(seed), unsigned(f"{seed}:rest")
    loops.drop(*streams, start, border, float(chances.rest[0]), scale, numbers.numpy())


def drop_by_rank(seed: str, start: int, chances: Chances, rows: torch.Tensor) -> None:
    """The same for whole rows, each entry with the chance for the rank of its magnitude in its row.

    Args:
        seed, start: as for `drop`.
        chances: by doubled rank: 2 n - 1 of them for n entries of a row.
        rows: contiguous float32, (rows, n).
    """
    if rows.device.type != "cpu":
        _drop(seed, start, chances, doubled_ranks(rows), rows.view(-1))
        return
    import numpy as np

    from rveval.vectors import loops

    first, size = start // 8, rows.numel()
    words = np.empty((start % 8 + size + 7) // 8, dtype=np.uint64)
    loops.draw(unsigned(seed), first, words)
    tables = chances.borders.numpy(), chances.rest.numpy(), chances.scales.numpy()
    loops.drop_by_rank(unsigned(f"{seed}:rest"), start, words.view(np.uint8)[start % 8 :][:size], *tables, rows.numpy())


def doubled_ranks(rows: torch.Tensor) -> torch.Tensor:
    """Twice the mean rank of each entry's magnitude in its row, counted from 0: int64, of the rows' shape."""
    import torch

    classes = (rows.view(torch.int32) & 0x7FFFFFFF) >> 16
    ordered = classes.sort(dim=1).values
    return torch.searchsorted(ordered, classes) + torch.searchsorted(ordered, classes, right=True) - 1


def _drop(seed: str, start: int, chances: Chances, ranks: torch.Tensor | None, numbers: torch.Tensor) -> None:
    """What the loops do, by torch: for all entries at once."""
    import torch

    skipped, count = start % 8, numbers.numel()
    borders, rest, scales = chances.borders, chances.rest, chances.scales
    if ranks is not None:
        borders, rest, scales = (table[ranks.view(-1)] for table in (borders, rest, scales))
    drawn = words(seed, start // 8, (skipped + count + 7) // 8, numbers.device).view(torch.uint8)[skipped:][:count]
    mask = drawn < borders
    equal = (drawn == borders).nonzero().view(-1)
    more = mixed(equal.add(start).add_(whole_number(f"{seed}:rest"))).bitwise_and_((1 << 53) - 1)
    mask[equal] = more.double().mul_(2.0**-53) < (rest if ranks is None else rest[equal])
    numbers.mul_(scales * mask)
