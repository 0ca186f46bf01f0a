"""One tensor, read once: everything that is said of it is added up while its pieces pass.

A block of whole rows is computed piece by piece (a piece fits a second-level cache), and then shown to the effective
rank, which wants larger blocks. So a tensor of any size takes a few megabytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from rveval.checkpoints import Checkpoint
from rveval.describe.pieces import PIECE, Added, Place, pieces
from rveval.describe.ranks import Spectrum
from rveval.describe.sums import Measured, Sums
from rveval.recipe import VariantTensors
from rveval.vectors import Delta, Displacement, Memo, difference
from rveval.vectors.measures import sum_of_squares

if TYPE_CHECKING:
    import torch

BLOCK = 1 << 20
"""Entries of a block of rows (4 MiB of float32)."""


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
        plain: plus and minus where the vector is their difference and nothing else; None: it is computed by `variant`.
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
    plain: tuple[Checkpoint, Checkpoint] | None = None
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
        self._subject, self._name = subject, name
        self._shape = subject.base.shape(name)
        place = Place(subject.base, name, subject.alpha, subject.variant.weight(name), subject.dtype)
        self._pieces = pieces(place, terms, subject.plain)
        self._donors = _displaced(subject, name)
        self._added = Added(len(self._donors))
        wanted = subject.ranks and len(self._shape) == 2 and prod(self._shape) > 0
        self._spectrum = Spectrum((self._shape[0], self._shape[1]), f"describe:{name}") if wanted else None

    def sums(self) -> Sums:
        """Read everything once."""
        import torch

        numel, keep = prod(self._shape), self._spectrum is not None
        columns = self._shape[-1] if keep else 1
        size = max(1, BLOCK // columns) * columns
        # Nobody wants the block as a whole: its pieces take turns in one place, which stays in the cache.
        block = torch.empty(min(size if keep else PIECE, numel))
        term = torch.empty(min(PIECE, numel) if self._donors else 0)
        for start in range(0, numel, size):
            stop = min(start + size, numel)
            for at in range(start, stop, PIECE):
                if self._subject.stop.is_set():
                    raise Stopped
                place = at - start if keep else 0
                piece = block[place : place + min(PIECE, stop - at)]
                self._pieces.fill(at, piece, self._added)
                self._compare(at, piece, term)
            self._added.fold()
            if self._spectrum:
                self._spectrum.add(block[: stop - start].view(-1, columns))
            self._subject.seen(self._name, stop - start)
        return self._sums()

    def _compare(self, start: int, piece: torch.Tensor, term: torch.Tensor) -> None:
        """Add the products with what the donors did to the same entries."""
        from rveval.describe.loops import add_products, add_squares

        for number, donor in enumerate(self._donors):
            other = term[: piece.numel()]
            donor.fill(start, other)
            add_products(piece.numpy(), other.numpy(), self._added.products[number])
            add_squares(other.numpy(), self._added.donors[number])

    def _sums(self) -> Sums:
        added = self._added
        fourth, variance = self._spectrum.fourth() if self._spectrum else (0.0, 0.0)
        theta, squares, products, donors = added.totals
        return Sums(
            tensors=1,
            entries=prod(self._shape),
            theta=theta,
            squares=squares,
            nonzero=added.nonzero,
            changed=added.changed,
            products=tuple(products),
            donors=tuple(donors),
            matrices=squares if self._spectrum else 0.0,
            fourth=fourth,
            variance=variance,
            full_rank=min(self._shape) if self._spectrum else 0,
        )
