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
    trimmed = [trim(one.delta, step, place) for one in terms]
    weights = [one.weight for one in terms]
    size = terms[0].delta.chunk
    scratch: list[torch.Tensor] = []

    def fill(start: int, into: torch.Tensor) -> None:
        import torch

        needed = min(size, into.numel())
        if not scratch or scratch[0].shape[1] < needed:
            scratch[:] = [torch.empty(len(trimmed), needed, dtype=torch.float32, device=device)]
        for first in range(0, into.numel(), size):
            out = into[first : first + size]
            for one, part in zip(trimmed, scratch[0], strict=True):
                one.fill(start + first, part[: out.numel()])
            elect(scratch[0], weights, out)

    key = made(step, *(f"{one.weight!r} {one.delta.key}" if one.delta.key else "" for one in terms))
    return [Displacement(Delta(shape, device, fill, key))]


def elect(parts: torch.Tensor, weights: Sequence[float], out: torch.Tensor) -> None:
    """Write the merged entries of a piece.

    Args:
        parts: float32, one row for each term, each as long as `out` or longer; overwritten.
        weights: of the terms.
        out: a float32 vector.
    """
    if out.device.type != "cpu":
        _elected(parts[:, : out.numel()], weights, out)
        return
    import numpy as np

    from rveval.vectors import sweeps

    sweeps.elect(parts.numpy(), np.array(weights, dtype=np.float32), out.numpy())


def _elected(parts: torch.Tensor, weights: Sequence[float], total: torch.Tensor) -> None:
    """Products and sums stay apart: a fused one rounds otherwise, and which entries of a piece a machine fuses may
    depend on where the piece begins."""
    import torch

    total.zero_()
    for part, weight in zip(parts, weights, strict=True):
        total.add_(part.mul_(weight))
    total.add_(0.0)  # a sum of minus zero elects plus, too
    sign, shared = torch.copysign(torch.ones_like(total), total), torch.zeros_like(total)
    total.zero_()
    for part, weight in zip(parts, weights, strict=True):
        total.add_(part.mul_(sign).clamp_min_(0.0))
        shared.add_(part.sign_().mul_(abs(weight)))
    # Where nothing agrees the sum is zero, whatever it is divided by.
    total.div_(shared.add_(shared == 0)).mul_(sign)
