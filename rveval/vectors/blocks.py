"""A tensor that is made block by block, each block whole, and read in any range: what ranges are asked for changes no
bit of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rveval.vectors.delta import CHUNK

if TYPE_CHECKING:
    import torch

BLOCK = CHUNK
"""Entries of a block where nothing else decides: whoever reads by chunks gets blocks that are made in place."""


def by_blocks(numel: int, size: int, make: Callable[[int, torch.Tensor], None]) -> Callable[[int, torch.Tensor], None]:
    """A `Delta.fill` from a function that makes blocks.

    Args:
        numel: entries of the tensor.
        size: entries of a block; the last one may have fewer.
        make: `make(number, into)` writes all of a block into a contiguous float32 vector.
    """
    # A block that a range cuts is kept: the next range most likely starts with the rest of it.
    kept: list[tuple[int, torch.Tensor]] = []

    def cut(number: int, length: int, like: torch.Tensor) -> torch.Tensor:
        if not kept or kept[0][0] != number:
            space = kept.pop()[1] if kept else like.new_empty(min(size, numel))
            make(number, space[:length])
            kept[:] = [(number, space)]
        return kept[0][1]

    def fill(start: int, into: torch.Tensor) -> None:
        stop = start + into.numel()
        for number in range(start // size, -(-stop // size)):
            first = number * size
            length = min(size, numel - first)
            low, high = max(start, first), min(stop, first + length)
            here = into[low - start : high - start]
            if high - low == length:
                make(number, here)
            else:
                here.copy_(cut(number, length, into)[low - first : high - first])

    return fill
