"""One displacement out of several: what the vectors agree on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rveval.vectors.delta import Delta, Displacement, another_shape
from rveval.vectors.sparse import made, trim
from rveval.vectors.steps import Step

if TYPE_CHECKING:
    import torch

    from rveval.vectors.apply import Place


def ties(terms: Sequence[Displacement], step: Step, place: Place) -> list[Displacement]:
    """TIES: trim every term, elect a sign for every entry, average what agrees with it.

    Every term is trimmed to its `density` largest entries and multiplied by its weight. The elected sign of an entry
    is that of the sum over the terms (a sum of zero elects plus, as in mergekit). The result is the weighted mean of
    the entries with that sign, `sum(w_i d_i) / sum(|w_i|)` over them, and zero where no entry has it.

    Source: Yadav et al. 2023, "TIES-Merging". mergekit divides by `sum(w_i)`, which is the same for
    positive weights; for a negative one it would turn a vector that is taken away into one that is added.

    Args:
        terms: of one tensor, one or more.
        step: its density.
        place: the tensor.

    Returns:
        One displacement of weight 1; none of no terms.

    Raises:
        Failed: the terms differ in shape.
    """
    if not terms:
        return []
    shape, device = terms[0].delta.shape, terms[0].delta.device
    for one in terms:
        if one.delta.shape != shape:
            raise another_shape(shape, one.delta.shape)
    trimmed = [(trim(one.delta, step, place), one.weight) for one in terms]
    size = terms[0].delta.chunk
    scratch: list[torch.Tensor] = []

    def fill(start: int, into: torch.Tensor) -> None:
        import torch

        needed = min(size, into.numel())
        if not scratch or scratch[0].numel() < needed:
            scratch[:] = [torch.empty(needed, dtype=torch.float32, device=device) for _ in range(len(trimmed) + 2)]
        for first in range(0, into.numel(), size):
            out = into[first : first + size]
            _elect(trimmed, start + first, out, [one[: out.numel()] for one in scratch])

    key = made(step, *(f"{one.weight!r} {one.delta.key}" if one.delta.key else "" for one in terms))
    return [Displacement(Delta(shape, device, fill, key))]


def _elect(
    terms: Sequence[tuple[Delta, float]], start: int, total: torch.Tensor, scratch: Sequence[torch.Tensor]
) -> None:
    """Write the merged entries from `start` on to `total`. Products and sums stay apart: a fused one rounds otherwise,
    and which entries of a piece a machine fuses may depend on where the piece begins."""
    import torch

    sign, weights, *parts = scratch
    total.zero_()
    for (delta, weight), part in zip(terms, parts, strict=True):
        delta.fill(start, part)
        total.add_(part.mul_(weight))
    total.add_(0.0)  # a sum of minus zero elects plus, too
    torch.copysign(torch.ones((), dtype=torch.float32, device=total.device), total, out=sign)
    total.zero_()
    weights.zero_()
    for (_, weight), part in zip(terms, parts, strict=True):
        total.add_(part.mul_(sign).clamp_min_(0.0))
        weights.add_(part.sign_().mul_(abs(weight)))
    # Where nothing agrees the sum is zero, whatever it is divided by.
    total.div_(weights.add_(weights == 0)).mul_(sign)
