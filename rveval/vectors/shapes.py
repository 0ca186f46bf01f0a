"""Transforms that change the sizes of entries and keep their signs."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from rveval.vectors.delta import Delta
from rveval.vectors.memo import Memo
from rveval.vectors.sparse import made
from rveval.vectors.steps import Step

if TYPE_CHECKING:
    import torch

    from rveval.vectors.apply import Place


def sign_only(delta: Delta, step: Step, place: Place) -> Delta:
    """The sign of every entry times one magnitude for the tensor, so that its L2 norm is kept; zeros stay zero."""
    from rveval.vectors.measures import sum_of_squares

    filled = _not_zero(delta, place.memo)
    size = sqrt(sum_of_squares(delta, place.memo) / filled) if filled else 0.0

    def fill(start: int, into: torch.Tensor) -> None:
        delta.fill(start, into)
        into.sign_().mul_(size)

    return Delta(delta.shape, delta.device, fill, made(step, delta.key))


def clip(delta: Delta, step: Step, place: Place) -> Delta:
    """Entries no larger than `cap` times the root mean square over all entries of the tensor, zeros included."""
    from rveval.vectors.measures import sum_of_squares

    assert step.cap is not None
    bound = step.cap * sqrt(sum_of_squares(delta, place.memo) / max(delta.numel, 1))

    def fill(start: int, into: torch.Tensor) -> None:
        delta.fill(start, into)
        into.clamp_(-bound, bound)

    return Delta(delta.shape, delta.device, fill, made(step, delta.key))


def _not_zero(delta: Delta, memo: Memo) -> int:
    import torch

    key = f"entries that are not zero of {delta.key}" if delta.key else ""
    known = memo.recall(key)
    if known is None:
        known = torch.tensor([_counted(delta)])
        memo.keep(key, known)
    return int(known[0])


def _counted(delta: Delta) -> int:
    """Apart from what is remembered, as in `measures`."""
    import numpy as np
    import torch

    found = 0
    for _, piece in delta.chunks():
        on_cpu = piece.device.type == "cpu"
        found += int(np.count_nonzero(piece.numpy() != 0) if on_cpu else torch.count_nonzero(piece))
    return found
