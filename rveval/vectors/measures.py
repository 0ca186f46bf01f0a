"""What transforms need to know of a whole delta before they change it: read through once, remembered in a memo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rveval.vectors.delta import CHUNK, Delta

if TYPE_CHECKING:
    from rveval.vectors.memo import Memo

_GPU_PIECE = 1 << 24
"""Entries squared at a time on a GPU (128 MiB of float64)."""


def sum_of_squares(delta: Delta, memo: Memo) -> float:
    """The sum of the squares of all entries, added up in float64; NaN or infinite where an entry is.

    Pieces are added from first to last. Within a piece the order is the machine's, so the last digits of float64 may
    differ between machines. Remembered under `ss|<key>`.
    """
    import torch

    name = f"ss|{delta.key}" if delta.key else ""
    known = memo.recall(name) if name else None
    if known is None:
        known = torch.tensor(_added(delta), dtype=torch.float64)
        memo.keep(name, known)
    return float(known)


def _added(delta: Delta) -> float:
    """The sum, read through. What is remembered of it is made outside: among the scratch it would keep a hole of that
    size in the heap, one for every tensor."""
    import torch

    size = min(CHUNK if delta.device.type == "cpu" else _GPU_PIECE, delta.numel)
    doubles = torch.empty(size, dtype=torch.float64, device=delta.device)
    total = torch.zeros((), dtype=torch.float64, device=delta.device)
    for _, piece in delta.chunks(size):
        double = doubles[: piece.numel()].copy_(piece)
        total += double.dot(double)
    return float(total)
