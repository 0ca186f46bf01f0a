"""Transforms that drop entries at random and scale up what is left, so that the expected tensor is the one given.

Whether an entry is kept is decided by 8 random bits and, where these leave it open, by 53 more: chances are met to
more than 32 bits, and most entries cost an eighth of a random word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rveval.vectors.blocks import BLOCK, by_blocks
from rveval.vectors.delta import Delta
from rveval.vectors.draws import mixed, whole_number, words
from rveval.vectors.sparse import made
from rveval.vectors.steps import Step

if TYPE_CHECKING:
    import torch

    from rveval.vectors.apply import Place

PART = 1 << 16
"""Entries that are ranked at a time: all that is made of them fits a second-level cache."""

COARSE = 12
"""Bits of a mantissa that ranks do not look at: 11 stay, four more than bfloat16 has and one more than float16."""


def dare(delta: Delta, step: Step, place: Place) -> Delta:
    """Every entry kept with the probability `density`, on its own, and divided by it; the others zero.

    Source: Yu et al. 2024, "Language Models are Super Mario" (its DARE). mergekit multiplies what is kept by the ratio
    of the tensor's L1 norms before and after instead: nearly the same factor on large tensors, but one that depends on
    what was drawn, so that its L1 norm is met exactly and its expectation is the tensor only approximately.
    """
    assert step.density is not None
    if step.density >= 1:
        return delta
    seed, scale = place.seed(step), 1 / step.density
    chances = Chances.of([step.density], delta.device)

    def fill(start: int, into: torch.Tensor) -> None:
        delta.fill(start, into)
        mask = kept(seed, start, into.numel(), chances)
        if into.device.type == "cpu":
            numbers = into.numpy()
            numbers *= mask
        else:
            into.mul_(mask)
        into.mul_(scale)

    return Delta(delta.shape, delta.device, fill, made(step, delta.key, seed))


def della(delta: Delta, step: Step, place: Place) -> Delta:
    """Entries dropped at random, small ones sooner: within a row (the last dimension; a vector is one row) the
    probability of being kept rises linearly with the rank of the magnitude, from `density - epsilon` for the smallest
    entry to `density + epsilon` for the largest, and what is kept is divided by its own probability.

    Ranks compare magnitudes by their exponent and the first 11 bits of their mantissa; of equal ones the entry further
    right ranks higher. So two entries may change places in the order that differ by less than one part in 2048, and
    with them chances that are almost the same; each is divided by the chance that it had.

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
    low, width = step.density - step.epsilon, 2 * step.epsilon
    ranks = [rank / (columns - 1) for rank in range(columns)] if columns > 1 else [0.5]
    chances, seed = Chances.of([low + width * rank for rank in ranks], delta.device), place.seed(step)
    rows = max(1, BLOCK // columns)

    def make(number: int, into: torch.Tensor) -> None:
        _drop_by_rank(delta, number * rows * columns, into.view(-1, columns), seed, chances)

    return Delta(delta.shape, delta.device, by_blocks(delta.numel, rows * columns, make), made(step, delta.key, seed))


@dataclass(frozen=True)
class Chances:
    """Probabilities of being kept, those of a row or one for all, cut into what the first and the second draw decide.

    Args:
        first: int8, `floor(p * 2**8) - 2**7`: 8 random bits below it, read as a signed number, keep an entry.
        rest: float64 in [0, 1): the probability of keeping an entry whose bits are equal to it.
        scale: float32, `1 / p`.
    """

    first: torch.Tensor
    rest: torch.Tensor
    scale: torch.Tensor

    @classmethod
    def of(cls, probabilities: list[float], device: torch.device) -> Chances:
        """All of them above 0 and below 1."""
        import torch

        exact = torch.tensor(probabilities, dtype=torch.float64)
        grown = exact * (1 << 8)
        first = grown.floor()
        scale = (1 / exact).to(device, torch.float32)
        return cls((first - (1 << 7)).to(device, torch.int8), (grown - first).to(device), scale)


def kept(seed: str, start: int, count: int, chances: Chances) -> Any:
    """Which of the entries `start : start + count` are kept: booleans in rows of the chances' length.

    A numpy array on the CPU, where numpy compares several times as fast as torch, a tensor on a GPU.
    """
    import torch

    first, columns = chances.first, chances.first.numel()
    skipped, on_cpu = start % 8, first.device.type == "cpu"
    drawn = words(seed, start // 8, (skipped + count + 7) // 8, first.device).view(torch.int8)[skipped:][:count]
    drawn = drawn.view(-1, columns) if columns > 1 else drawn
    bits, border = (drawn.numpy(), first.numpy()) if on_cpu else (drawn, first)
    mask, places = bits < border, _marked(bits == border)
    if places.numel():
        more = mixed(places.add(start).add_(whole_number(f"{seed}:rest"))).bitwise_and_((1 << 53) - 1)
        chosen = more.double().mul_(2.0**-53) < chances.rest[places % columns]
        flat: Any = mask.reshape(-1)
        flat[places.numpy() if on_cpu else places] = chosen.numpy() if on_cpu else chosen
    return mask


def _marked(mask: Any) -> torch.Tensor:
    """The places of few marks among many entries, in order."""
    import numpy as np
    import torch

    if isinstance(mask, torch.Tensor):
        return mask.reshape(-1).nonzero().view(-1)
    # Eight marks are looked at as one number, and only eights that hold one are taken apart.
    flat = mask.reshape(-1)
    full = flat.size // 8 * 8
    eights = np.flatnonzero(flat[:full].view(np.uint64) != 0)
    inside = np.flatnonzero(flat[:full].view("V8").take(eights).view(np.bool_))
    places = eights.take(inside >> 3) * 8 + (inside & 7)
    return torch.from_numpy(np.concatenate([places, np.flatnonzero(flat[full:]) + full]))


def _drop_by_rank(delta: Delta, start: int, into: torch.Tensor, seed: str, chances: Chances) -> None:
    """Write the rows of a delta that begin at `start`, each with what is drawn of its entries in rising order."""
    delta.fill(start, into.view(-1))
    mask = kept(seed, start, into.numel(), chances)
    if delta.device.type != "cpu":
        _ranked(into, mask, chances.scale)
        return
    numbers, marks, scale = into.numpy(), mask.reshape(into.shape), chances.scale.numpy()
    rows = max(1, PART // into.shape[1])
    for first in range(0, len(numbers), rows):
        here = slice(first, first + rows)
        _ranked_on_cpu(numbers[here], marks[here], scale)


def _ranked(numbers: torch.Tensor, mask: torch.Tensor, scale: torch.Tensor) -> None:
    """Multiply each entry by the scale of its rank in the row if that rank is marked, by zero if not; in place."""
    import torch

    columns = torch.arange(numbers.shape[1], dtype=torch.int64, device=numbers.device)
    sizes = numbers.abs().view(torch.int32).to(torch.int64) >> COARSE
    order = (sizes << 32 | columns).sort(dim=1).values & 0xFFFFFFFF
    numbers.mul_(torch.zeros_like(numbers).scatter_(1, order, mask * scale))


def _ranked_on_cpu(numbers: Any, mask: Any, scale: Any) -> None:
    """The same with numpy, which sorts whole numbers many times as fast as torch does."""
    import numpy as np

    rows, columns = numbers.shape
    # One number to be sorted for each entry: its magnitude, then its column.
    kind, shift = (np.uint32, 13) if columns <= 1 << 13 else (np.uint64, 32)
    keys = np.abs(numbers).view(np.uint32)
    keys >>= np.uint32(COARSE)
    keys = keys.astype(kind, copy=False)
    keys <<= kind(shift)
    keys |= np.arange(columns, dtype=kind)
    keys.sort(axis=1)
    keys &= kind((1 << shift) - 1)
    places = keys.astype(np.int64)
    places += np.arange(0, rows * columns, columns)[:, None]
    factors = np.empty(rows * columns, dtype=np.float32)
    factors[places.reshape(-1)] = (mask * scale).reshape(-1)
    numbers *= factors.reshape(rows, columns)
