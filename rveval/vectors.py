"""Task-vector algebra on one tensor at a time: theta + alpha * sum_i w_i (plus_i - minus_i).

Everything is computed in float32 over cache-sized chunks and rounded once to the base's dtype, so that the memory it
takes is one output tensor and a few megabytes of scratch, whatever the size of the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.errors import Failed, Problem

if TYPE_CHECKING:
    import torch

CHUNK = 1 << 18
"""Elements handled at a time on the CPU: the float32 scratch (1 MiB each) fits the second-level caches of two cores."""

GPU_CHUNK = 1 << 26
"""The same on a GPU, where a chunk must be large enough to be worth seven launches (256 MiB of scratch each)."""


@dataclass(frozen=True)
class Displacement:
    """One term of a vector for one tensor.

    Args:
        plus: the tensor of the donor that is added, any float dtype, the base's shape.
        minus: the tensor of the donor that is subtracted; None where `plus` is already a difference.
        weight: what the term is multiplied by, before alpha.
    """

    plus: torch.Tensor
    minus: torch.Tensor | None
    weight: float = 1.0


def combine(
    base: torch.Tensor,
    displacements: Sequence[Displacement],
    alpha: float,
    *,
    dtype: torch.dtype | None = None,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """`base + alpha * sum_i weight_i * (plus_i - minus_i)`, in float32, rounded once to the target dtype.

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
    _same_shapes(base, displacements)
    import torch

    result = torch.empty(base.shape, dtype=dtype or base.dtype, device=base.device) if out is None else out
    with torch.no_grad():
        _combine_chunks(base.reshape(-1), displacements, alpha, result.view(-1))
    return result


def _combine_chunks(
    base: torch.Tensor, displacements: Sequence[Displacement], alpha: float, result: torch.Tensor
) -> None:
    import torch

    flat = [(d.plus.reshape(-1), None if d.minus is None else d.minus.reshape(-1), d.weight) for d in displacements]
    chunk = min(CHUNK if base.device.type == "cpu" else GPU_CHUNK, base.numel())
    total, delta, other = (torch.empty(chunk, dtype=torch.float32, device=base.device) for _ in range(3))
    for start in range(0, base.numel(), chunk or 1):
        size = min(chunk, base.numel() - start)
        here = slice(start, start + size)
        acc = total[:size].copy_(base[here])
        for plus, minus, weight in flat:
            step = delta[:size].copy_(plus[here])
            if minus is not None:
                step.sub_(other[:size].copy_(minus[here]))
            acc.add_(step, alpha=alpha * weight)
        result[here].copy_(acc)


def _same_shapes(base: torch.Tensor, displacements: Sequence[Displacement]) -> None:
    for displacement in displacements:
        for tensor in (displacement.plus, displacement.minus):
            if tensor is not None and tensor.shape != base.shape:
                raise Failed(
                    Problem(
                        "a donor's tensor has another shape than the base's",
                        expected=str(tuple(base.shape)),
                        found=str(tuple(tensor.shape)),
                        fix="use donors of the base's architecture and size",
                    )
                )
