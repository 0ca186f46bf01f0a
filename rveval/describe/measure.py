"""One tensor, read once: everything that is said of it is added up while its pieces pass.

A block of whole rows is computed piece by piece (a piece fits a second-level cache), and then shown to the effective
rank, which wants larger blocks. So a tensor of any size takes a few megabytes. Sums of squares are added in float64.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from rveval.checkpoints import Checkpoint
from rveval.describe.ranks import Spectrum
from rveval.describe.sums import Measured, Sums
from rveval.variants import VariantTensors
from rveval.vectors import Delta, Displacement, Memo, difference
from rveval.vectors.measures import sum_of_squares

if TYPE_CHECKING:
    import torch

PIECE = 1 << 16
"""Entries of a piece: the eight vectors that are needed of it at a time are 2 MiB together."""

BLOCK = 1 << 19
"""Entries of a block of rows (2 MiB of float32)."""


class Stopped(Exception):
    """Somebody does not want the rest."""


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Args:
        variant: gives the terms of every tensor.
        base: gives the weights.
        alpha: the scaling coefficient.
        dtype: what is served, as torch calls it.
        common: what the donors started from; None: no cosines.
        donors: whose displacements from `common` the vector is compared with.
        ranks: whether effective ranks are wanted.
        seen: told the tensor and how many of its entries were measured, again and again, from any thread.
        stop: set by who does not want the rest.
    """

    variant: VariantTensors
    base: Checkpoint
    alpha: float
    dtype: str
    common: Checkpoint | None = None
    donors: tuple[Checkpoint, ...] = ()
    ranks: bool = True
    seen: Callable[[str, int], None] = lambda name, entries: None
    stop: threading.Event = field(default_factory=threading.Event)


def vector(terms: Sequence[Displacement], weight: float) -> Delta:
    """weight * sum_i w_i T(delta_i) of one tensor, computed when a piece is asked for.

    Args:
        terms: at least one, all of one shape.
        weight: the layer's.
    """
    import torch

    shape, device = terms[0].delta.shape, terms[0].delta.device
    key = "+".join(f"{weight * one.weight!r}*{one.delta.key}" for one in terms)

    def fill(start: int, into: torch.Tensor) -> None:
        scratch = torch.empty_like(into)
        into.zero_()
        for one in terms:
            one.delta.fill(start, scratch)
            into.add_(scratch, alpha=weight * one.weight)

    return Delta(shape, device, fill, key if all(one.delta.key for one in terms) else "")


def measured(subject: Subject, name: str) -> Measured:
    """One tensor in scope.

    Raises:
        Stopped: `subject.stop` was set.
        Failed: the donors' tensors have another shape, or a transform can't be done.
    """
    import torch

    terms = subject.variant.displacements(name)
    shape = subject.base.shape(name)
    with torch.no_grad():
        sums = _Adding(subject, name, terms).sums() if terms else _untouched(subject, name)
    return Measured(name, shape, subject.variant.weight(name), sums)


def _untouched(subject: Subject, name: str) -> Sums:
    """A tensor that a saved delta leaves out: it counts as zero."""
    squares = sum_of_squares(difference(subject.base.get(name)), Memo())
    return Sums(tensors=1, entries=prod(subject.base.shape(name)), theta=squares)


def _displaced(subject: Subject, name: str) -> list[Delta]:
    """How far the donors are from the common start; nothing where a donor that was forced does not fit."""
    common, shape = subject.common, subject.base.shape(name)
    if common is None or any(name not in one or one.shape(name) != shape for one in (common, *subject.donors)):
        return []
    return [difference(donor.get(name), common.get(name)) for donor in subject.donors]


class _Adding:
    """The sums of one tensor, and the scratch they need."""

    def __init__(self, subject: Subject, name: str, terms: Sequence[Displacement]) -> None:
        import torch

        self._subject, self._name, self._terms = subject, name, terms
        self._theta = subject.base.get(name).reshape(-1)
        self._weight = subject.variant.weight(name)
        self._dtype: torch.dtype = getattr(torch, subject.dtype)
        self._shape = subject.base.shape(name)
        self._donors = _displaced(subject, name)
        wanted = subject.ranks and len(self._shape) == 2 and prod(self._shape) > 0
        self._spectrum = Spectrum((self._shape[0], self._shape[1]), f"describe:{name}") if wanted else None
        size = min(PIECE, self._theta.numel())
        self._scratch = [torch.empty(size) for _ in range(3)]
        self._doubles = [torch.empty(size, dtype=torch.float64) for _ in range(2)]
        self._served = torch.empty(size, dtype=self._dtype)
        self._theta_squares = self._squares = 0.0
        self._nonzero = self._changed = 0
        self._products = [0.0] * len(self._donors)
        self._donor_squares = [0.0] * len(self._donors)

    def sums(self) -> Sums:
        """Read everything once."""
        import torch

        numel = self._theta.numel()
        columns = self._shape[-1] if self._spectrum else 1
        rows = max(1, BLOCK // columns)
        block = torch.empty(min(rows * columns, numel))
        for start in range(0, numel, rows * columns):
            here = block[: min(rows * columns, numel - start)]
            for at in range(0, here.numel(), PIECE):
                if self._subject.stop.is_set():
                    raise Stopped
                self._piece(start + at, here[at : at + PIECE])
            if self._spectrum:
                self._spectrum.add(here.view(-1, columns))
            self._subject.seen(self._name, here.numel())
        fourth, variance = self._spectrum.fourth() if self._spectrum else (0.0, 0.0)
        return Sums(
            tensors=1,
            entries=numel,
            theta=self._theta_squares,
            squares=self._squares,
            nonzero=self._nonzero,
            changed=self._changed,
            products=tuple(self._products),
            donors=tuple(self._donor_squares),
            matrices=self._squares if self._spectrum else 0.0,
            fourth=fourth,
            variance=variance,
            full_rank=min(self._shape) if self._spectrum else 0,
        )

    def _piece(self, start: int, v: torch.Tensor) -> None:
        """One piece: writes the vector into `v` and adds up all but the rank."""
        import numpy as np
        import torch

        size = v.numel()
        theta, summed, term = (scratch[:size] for scratch in self._scratch)
        theta.copy_(self._theta[start : start + size])
        for number, one in enumerate(self._terms):
            into = term if number else v
            one.delta.fill(start, into)
            # The order of the factors is that of `combine`: the sum must round as the one that is served.
            factor = self._subject.alpha * self._weight * one.weight
            torch.add(summed if number else theta, into, alpha=factor, out=summed)
            if number:
                v.add_(term, alpha=self._weight * one.weight)
            elif self._weight * one.weight != 1:
                v.mul_(self._weight * one.weight)
        double = self._doubles[0][:size].copy_(theta)
        self._theta_squares += float(double.dot(double))
        double.copy_(v)
        self._squares += float(double.dot(double))
        self._nonzero += int(np.count_nonzero(v.numpy() != 0))
        before = theta if self._theta.dtype == self._dtype else self._as_served(theta)
        after = self._as_served(summed)
        self._changed += int(np.count_nonzero(before.numpy() != after.numpy()))
        other = self._doubles[1][:size]
        for number, donor in enumerate(self._donors):
            donor.fill(start, term)
            other.copy_(term)
            self._products[number] += float(double.dot(other))
            self._donor_squares[number] += float(other.dot(other))

    def _as_served(self, values: torch.Tensor) -> torch.Tensor:
        """Rounded to the served dtype, in place; as float32 again, whose comparison is ten times as quick as torch's
        of a 16-bit type."""
        return values.copy_(self._served[: values.numel()].copy_(values))
