"""What the transforms of whole matrices share: shapes, Gram matrices added up in float64, products row by row."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from time import monotonic
from typing import TYPE_CHECKING

from rveval.vectors.blocks import BLOCK, by_blocks
from rveval.vectors.delta import Delta

if TYPE_CHECKING:
    import torch

log = logging.getLogger("rveval.vectors")

_SLOW_S = 5
_SIDE = 1 << 21
"""Entries of each of two strips of a wide matrix whose products are formed (16 MiB of float64 each)."""


def as_matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns: the first dimension and all others together; a vector or a number is one column."""
    return (shape[0], prod(shape[1:])) if shape else (1, 1)


def strip_rows(width: int, entries: int = BLOCK) -> int:
    """How many rows of this width make about so many entries; at least one."""
    return max(1, entries // max(width, 1))


def strips(delta: Delta, entries: int = BLOCK, upto: int | None = None) -> Iterator[tuple[int, torch.Tensor]]:
    """(first row, rows in float64) from the first row to the last, or up to one; a strip is never overwritten."""
    import torch

    rows, width = as_matrix(delta.shape)
    step = strip_rows(width, entries)
    for first in range(0, rows if upto is None else upto, step):
        piece = torch.empty(min(step, rows - first) * width, dtype=torch.float32, device=delta.device)
        delta.fill(first * width, piece)
        yield first, piece.view(-1, width).to(torch.float64)


def gram(delta: Delta) -> torch.Tensor:
    """A^T A of a tall matrix, A A^T of a wide one: float64 on the CPU, of the smaller side.

    A wide matrix is read strip against strip, several times, so that nothing larger than a strip is held.
    """
    import torch

    rows, width = as_matrix(delta.shape)
    side = min(rows, width)
    total = torch.zeros(side, side, dtype=torch.float64, device=delta.device)
    if rows >= width:
        for _, strip in strips(delta):
            total.addmm_(strip.T, strip)
        return total.cpu()
    for first, strip in strips(delta, _SIDE):
        here = slice(first, first + len(strip))
        for second, earlier in strips(delta, _SIDE, upto=first):
            there = slice(second, second + len(earlier))
            total[here, there] = strip @ earlier.T
            total[there, here] = total[here, there].T
        total[here, here] = strip @ strip.T
    return total.cpu()


def by_strips(
    shape: tuple[int, ...], make: Callable[[int, torch.Tensor], None], entries: int = BLOCK
) -> Callable[[int, torch.Tensor], None]:
    """A `Delta.fill` from `make(first_row, rows)`, which writes a float32 matrix of whole rows.

    The strips are the same whatever ranges are asked for: the order in which a product is added up depends on them.
    """
    rows, width = as_matrix(shape)
    step = strip_rows(width, entries)
    return by_blocks(rows * width, step * width, lambda number, into: make(number * step, into.view(-1, width)))


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say so where something took long."""
    begun = monotonic()
    yield
    if (took := monotonic() - begun) > _SLOW_S:
        log.info("%s: %.0f s", what, took)
