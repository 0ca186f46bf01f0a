"""Transforms that keep some entries of a tensor as they are, chosen by magnitude, and set the others to zero.

Of equal magnitudes the entry with the lower index counts as the larger one: exactly as many are kept as are asked for.
"""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING

from rveval.vectors.delta import Delta
from rveval.vectors.steps import Step
from rveval.vectors.thresholds import Cut, cuts

if TYPE_CHECKING:
    import torch

    from rveval.vectors.apply import Place


def made(step: Step, *parts: str) -> str:
    """The key of what a step makes of deltas with these keys (and from these random numbers): empty if one is."""
    return json.dumps([step.known, *parts], sort_keys=True) if all(parts) else ""


def trim(delta: Delta, step: Step, place: Place) -> Delta:
    """The largest entries of a tensor: exactly `max(1, int(density * n))` of its n, the others zero.

    Source: Yadav et al. 2023, "TIES-Merging", its first step (mergekit's `magnitude` keeps as many).
    """
    assert step.density is not None
    (cut,) = cuts(delta, [max(1, int(step.density * delta.numel))], place.memo)

    def fill(start: int, into: torch.Tensor) -> None:
        delta.fill(start, into)
        keep_largest(start, into, cut, into)

    return Delta(delta.shape, delta.device, fill, made(step, delta.key))


def breadcrumbs(delta: Delta, step: Step, place: Place) -> Delta:
    """Entries of middle size: of n, the `int(gamma * n)` largest are dropped, then the smallest until
    `int(density * n)` remain; where fewer than that would remain, fewer of the largest are dropped.

    Source: Davari and Belilovsky 2024, "Model Breadcrumbs" (mergekit's `magnitude_outliers` keeps as many).
    """
    assert step.density is not None
    assert step.gamma is not None
    kept = min(int(step.density * delta.numel), delta.numel)
    dropped = min(int(step.gamma * delta.numel), delta.numel - kept)
    top, both = cuts(delta, [dropped, dropped + kept], place.memo)
    scratch: list[torch.Tensor] = []

    def fill(start: int, into: torch.Tensor) -> None:
        import torch

        if not scratch or scratch[0].numel() < into.numel():
            scratch[:] = [torch.empty_like(into)]
        largest = scratch[0][: into.numel()]
        delta.fill(start, into)
        keep_largest(start, into, both, into)
        keep_largest(start, into, top, largest)
        into.sub_(largest)

    return Delta(delta.shape, delta.device, fill, made(step, delta.key))


def keep_largest(start: int, piece: torch.Tensor, cut: Cut, out: torch.Tensor) -> None:
    """Write to `out` a piece of a delta that begins at the index `start`, with zeros for what a cut leaves out."""
    import numpy as np
    import torch

    # hardshrink keeps what is larger than its number, so for "at least" it gets the next smaller one.
    below = float(np.nextafter(np.float32(cut.value), np.float32(-inf))) if cut.value else 0.0
    border = min(max(cut.upto - start, 0), piece.numel())
    for here, bound in ((slice(0, border), below), (slice(border, None), cut.value)):
        torch.hardshrink(piece[here], bound, out=out[here])
