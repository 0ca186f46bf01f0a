"""The sum: theta + alpha * sum_i w_i delta_i.

Everything is computed in float32 over cache-sized chunks and rounded once to the target dtype, so that the memory it
takes is one output tensor and a few megabytes of scratch, whatever the size of the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rveval.vectors.delta import Displacement, another_shape

if TYPE_CHECKING:
    import torch


def combine(
    base: torch.Tensor,
    displacements: Sequence[Displacement],
    alpha: float,
    *,
    dtype: torch.dtype | None = None,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """`base + alpha * sum_i weight_i * delta_i`, in float32, rounded once to the target dtype.

    Formula: Ilharco et al. 2023, "Editing models with task arithmetic", section 2.

    Args:
        base: any shape, any float dtype; not changed.
        displacements: the terms; all of the base's shape.
        alpha: the scaling coefficient. With 0, or without terms, the base itself is returned: its bits, not a sum.
        dtype: the target dtype; the base's own if not given.
        out: contiguous, the base's shape and the target dtype, written to if given.

    Returns:
        A tensor of the base's shape and the target dtype (`out` if it was given and something had to be computed).

    Raises:
        Failed: a term's shape is not the base's.
    """
    if alpha == 0 or not displacements:
        return base if dtype is None else base.to(dtype)
    for one in displacements:
        if one.delta.shape != tuple(base.shape):
            raise another_shape(tuple(base.shape), one.delta.shape)
    import torch

    result = torch.empty(base.shape, dtype=dtype or base.dtype, device=base.device) if out is None else out
    with torch.no_grad():
        _combine_chunks(base.reshape(-1), displacements, alpha, result.view(-1))
    return result


def _combine_chunks(
    base: torch.Tensor, displacements: Sequence[Displacement], alpha: float, result: torch.Tensor
) -> None:
    import torch

    chunk = min(base.numel(), *(one.delta.chunk for one in displacements))
    total, step = (torch.empty(chunk, dtype=torch.float32, device=base.device) for _ in range(2))
    for start in range(0, base.numel(), chunk or 1):
        size = min(chunk, base.numel() - start)
        here = slice(start, start + size)
        acc, delta = total[:size].copy_(base[here]), step[:size]
        for one in displacements:
            one.delta.fill(start, delta)
            acc.add_(delta, alpha=alpha * one.weight)
        result[here].copy_(acc)
