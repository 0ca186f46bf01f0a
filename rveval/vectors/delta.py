"""A difference of two tensors (or what a transform made of one) that exists only piece by piece.

A transform takes deltas and gives one back: it may read its input through once to learn something of the whole (a
norm, a threshold), and its output asks the input for each piece again. So any number of transforms needs a few
megabytes beside the tensor that is written, whatever the size of the tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from rveval.errors import Failed, Problem

if TYPE_CHECKING:
    import torch

CHUNK = 1 << 18
"""Elements handled at a time on the CPU: the float32 scratch (1 MiB each) fits the second-level caches of two cores."""

RUN = 512
"""Entries that lie together when single places are asked for: a kilobyte in a 16-bit type."""

GPU_CHUNK = 1 << 26
"""The same on a GPU, where a chunk must be large enough to be worth seven launches (256 MiB of scratch each)."""


@dataclass(frozen=True)
class Delta:
    """A tensor of differences, in float32, computed when a piece of it is asked for.

    Args:
        shape: of the base's tensor.
        device: where the pieces are computed.
        fill: `fill(start, into)` writes the entries `start : start + into.numel()` (row by row order) into a float32
            vector on `device`.
        key: what it is made of, in full: equal keys mean equal entries. Empty: nothing may be remembered of it.
        take: `take(runs, into)` writes the runs of `RUN` entries with these numbers (run r is the entries
            `RUN * r : RUN * (r + 1)`), one after the other; None where that is no quicker than reading all.
        block: entries that are made together, if `fill` makes blocks: what is read in these is not copied once more.
    """

    shape: tuple[int, ...]
    device: torch.device
    fill: Callable[[int, torch.Tensor], None]
    key: str = ""
    take: Callable[[torch.Tensor, torch.Tensor], None] | None = None
    block: int = 0

    @property
    def numel(self) -> int:
        return prod(self.shape)

    @property
    def chunk(self) -> int:
        """Elements to be handled at a time where nothing else decides."""
        if self.device.type != "cpu":
            return GPU_CHUNK
        return self.block or CHUNK

    def chunks(self, size: int | None = None) -> Iterator[tuple[int, torch.Tensor]]:
        """(start, piece) from first to last; a piece is overwritten by the next one."""
        import torch

        size = min(size or self.chunk, self.numel)
        scratch = torch.empty(size, dtype=torch.float32, device=self.device)
        for start in range(0, self.numel, size or 1):
            piece = scratch[: min(size, self.numel - start)]
            self.fill(start, piece)
            yield start, piece

    def whole(self) -> torch.Tensor:
        """All of it, float32, in its shape: for small tensors."""
        import torch

        result = torch.empty(self.numel, dtype=torch.float32, device=self.device)
        if self.numel:
            self.fill(0, result)
        return result.view(self.shape)


@dataclass(frozen=True)
class Displacement:
    """One term of a vector for one tensor: a delta, and what it is multiplied by, before alpha."""

    delta: Delta
    weight: float = 1.0


def difference(plus: torch.Tensor, minus: torch.Tensor | None = None, key: str = "") -> Delta:
    """`plus - minus`, entry by entry in float32.

    Args:
        plus: any shape, any float dtype.
        minus: the same shape, any float dtype; None where `plus` is a difference already.
        key: see `Delta`.

    Raises:
        Failed: the two differ in shape.
    """
    import torch

    if minus is not None and minus.shape != plus.shape:
        raise another_shape(tuple(plus.shape), tuple(minus.shape))
    added, taken = plus.reshape(-1), None if minus is None else minus.reshape(-1)
    scratch: list[torch.Tensor] = []

    def fill(start: int, into: torch.Tensor) -> None:
        here = slice(start, start + into.numel())
        into.copy_(added[here])
        if taken is None:
            return
        if not scratch or scratch[0].numel() < into.numel():
            scratch[:] = [torch.empty(into.numel(), dtype=torch.float32, device=into.device)]
        into.sub_(scratch[0][: into.numel()].copy_(taken[here]))

    def take(runs: torch.Tensor, into: torch.Tensor) -> None:
        rows = into.view(runs.numel(), RUN)
        rows.copy_(_runs(added, runs))
        if taken is not None:
            rows.sub_(_runs(taken, runs).to(torch.float32))

    return Delta(tuple(plus.shape), plus.device, fill, key, take)


def _runs(entries: torch.Tensor, runs: torch.Tensor) -> torch.Tensor:
    whole = entries.numel() // RUN
    return entries[: whole * RUN].view(whole, RUN).index_select(0, runs)


def between(plus: torch.Tensor, minus: torch.Tensor | None = None, weight: float = 1.0) -> Displacement:
    """The term `weight * (plus - minus)` of one tensor; see `difference`."""
    return Displacement(difference(plus, minus), weight)


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
