"""The sum: theta + alpha * sum_i w_i delta_i.

Everything is computed in float32 over cache-sized chunks and rounded once to the target dtype, so that a plain swap
takes the memory of one output tensor and a few megabytes, whatever the size of the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.errors import Failed, Problem

if TYPE_CHECKING:
    import torch

CHUNK = 1 << 18
"""Entries handled at a time on the CPU: the float32 scratch (1 MiB each) fits the second-level caches of two cores."""

GPU_CHUNK = 1 << 26
"""The same on a GPU, where a chunk must be large enough to be worth its launches (256 MiB of scratch each)."""


@dataclass(frozen=True)
class Difference:
    """One term of a vector for one tensor: `weight * (plus - minus)`, nothing of which is computed yet.

    Args:
        plus: any shape, any float dtype.
        minus: the same shape, any float dtype; None where `plus` is a difference already.
        weight: what the difference is multiplied by, before alpha.

    Raises:
        Failed: plus and minus differ in shape.
    """

    plus: torch.Tensor
    minus: torch.Tensor | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.minus is not None and self.minus.shape != self.plus.shape:
            raise another_shape(tuple(self.plus.shape), tuple(self.minus.shape))

    @property
    def delta(self) -> torch.Tensor:
        """`plus - minus` without the weight, whole, in float32: contiguous; not to be written to."""
        plus = self.plus.float()
        return (plus if self.minus is None else plus - self.minus.float()).contiguous()


def combine(
    base: torch.Tensor,
    terms: Sequence[Difference],
    alpha: float,
    *,
    dtype: torch.dtype | None = None,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """`base + alpha * sum_i weight_i * (plus_i - minus_i)`, in float32, rounded once to the target dtype.

    Formula: Ilharco et al. 2023, "Editing models with task arithmetic", section 2.

    Args:
        base: any shape, any float dtype; not changed.
        terms: all of the base's shape.
        alpha: the scaling coefficient. With 0, or without terms, the base itself is returned: its bits, not a sum.
        dtype: the target dtype; the base's own if not given.
        out: contiguous, the base's shape and the target dtype, written to if given.

    Returns:
        A tensor of the base's shape and the target dtype (`out` if it was given and something had to be computed).

    Raises:
        Failed: a term's shape is not the base's.
    """
    if alpha == 0 or not terms:
        return base if dtype is None else base.to(dtype)
    for term in terms:
        if term.plus.shape != base.shape:
            raise another_shape(tuple(base.shape), tuple(term.plus.shape))
    import torch

    result = torch.empty(base.shape, dtype=dtype or base.dtype, device=base.device) if out is None else out
    with torch.no_grad():
        _combine_chunks(base.reshape(-1), terms, alpha, result.view(-1))
    return result


def _combine_chunks(base: torch.Tensor, terms: Sequence[Difference], alpha: float, result: torch.Tensor) -> None:
    import torch

    chunk = min(base.numel(), CHUNK if base.device.type == "cpu" else GPU_CHUNK)
    total, delta, taken = (torch.empty(chunk, dtype=torch.float32, device=base.device) for _ in range(3))
    flat = [
        (term.plus.reshape(-1), None if term.minus is None else term.minus.reshape(-1), alpha * term.weight)
        for term in terms
    ]
    for start in range(0, base.numel(), chunk or 1):
        here = slice(start, min(start + chunk, base.numel()))
        size = here.stop - start
        total[:size].copy_(base[here])
        for plus, minus, factor in flat:
            delta[:size].copy_(plus[here])
            if minus is not None:
                delta[:size].sub_(taken[:size].copy_(minus[here]))
            total[:size].add_(delta[:size], alpha=factor)
        result[here].copy_(total[:size])


def another_shape(expected: tuple[int, ...], found: tuple[int, ...]) -> Failed:
    """The error where tensors that are to be added have different shapes."""
    return Failed(
        Problem(
            "a donor's tensor has another shape than the base's",
            expected=str(expected),
            found=str(found),
            fix="use donors of the base's architecture and size",
        )
    )
