"""What is added up over the entries of tensors, and the numbers that follow from it.

Everything is a sum over entries, so that a tensor, all tensors of a kind in a layer, and the whole vector have the same
numbers by the same formulas: only the sums are longer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rveval.vectors.scopes import depth_of, kind_of, layer_of

KINDS = ("attention", "mlp", "norm", "other", "embeddings", "head")
"""In the order of columns; `other` is what the names of known architectures do not say."""


@dataclass(frozen=True)
class Sums:
    """Sums over entries. v is the vector after scope and transforms, without alpha; theta the base's weights.

    Args:
        tensors: how many.
        entries: of them together.
        theta: the sum of theta^2.
        squares: the sum of v^2.
        nonzero: entries of v that are not zero.
        changed: entries with another value, in the dtype that is served, than the base's.
        products: sums of v * (donor - common), one for each donor.
        donors: sums of (donor - common)^2.
        matrices: the sum of v^2 over matrices alone.
        fourth: the sum of the fourth powers of the matrices' singular values, or an unbiased estimate of it.
        variance: of that estimate; 0 where it is exact.
        full_rank: the sum of the matrices' smaller sides.
    """

    tensors: int = 0
    entries: int = 0
    theta: float = 0.0
    squares: float = 0.0
    nonzero: int = 0
    changed: int = 0
    products: tuple[float, ...] = ()
    donors: tuple[float, ...] = ()
    matrices: float = 0.0
    fourth: float = 0.0
    variance: float = 0.0
    full_rank: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            tensors=self.tensors + other.tensors,
            entries=self.entries + other.entries,
            theta=self.theta + other.theta,
            squares=self.squares + other.squares,
            nonzero=self.nonzero + other.nonzero,
            changed=self.changed + other.changed,
            products=_added(self.products, other.products),
            donors=_added(self.donors, other.donors),
            matrices=self.matrices + other.matrices,
            fourth=self.fourth + other.fourth,
            variance=self.variance + other.variance,
            full_rank=self.full_rank + other.full_rank,
        )

    @property
    def finite(self) -> bool:
        """Whether no NaN and no infinity went into it."""
        return math.isfinite(self.squares) and math.isfinite(self.theta)

    def norm(self, alpha: float) -> float:
        """||alpha v||."""
        return abs(alpha) * math.sqrt(self.squares)

    @property
    def theta_norm(self) -> float:
        """||theta||."""
        return math.sqrt(self.theta)

    def relative(self, alpha: float) -> float | None:
        """||alpha v|| / ||theta||; None where the weights are all zero."""
        return self.norm(alpha) / self.theta_norm if self.theta else None

    @property
    def density(self) -> float:
        """The share of entries of v that are not zero."""
        return self.nonzero / self.entries if self.entries else 0.0

    @property
    def changed_share(self) -> float:
        """The share of entries whose served value changes."""
        return self.changed / self.entries if self.entries else 0.0

    @property
    def cosines(self) -> list[float | None]:
        """cos(v, donor - common) for each donor; None where one of the two is zero."""
        return [
            _bounded(product / math.sqrt(self.squares * square)) if self.squares and square else None
            for product, square in zip(self.products, self.donors, strict=True)
        ]

    @property
    def effective_rank(self) -> float | None:
        """(sum s^2)^2 / sum s^4 over the singular values of all matrices, see `ranks`; None where it is not known."""
        return self.matrices**2 / self.fourth if self.fourth > 0 and math.isfinite(self.fourth) else None

    @property
    def effective_rank_error(self) -> float | None:
        """The standard error of `effective_rank`, to first order; 0 where it is exact."""
        rank = self.effective_rank
        return None if rank is None else rank * math.sqrt(self.variance) / self.fourth


def _added(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True)) if one and other else one or other


def _bounded(cosine: float) -> float:
    return max(-1.0, min(1.0, cosine))  # rounding may leave 1.0000000000000002


@dataclass(frozen=True)
class Measured:
    """One tensor of the base that is in scope, and its sums."""

    name: str
    shape: tuple[int, ...]
    weight: float
    sums: Sums

    @property
    def layer(self) -> int | None:
        """The number of its layer; None outside the layers."""
        return layer_of(self.name)

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return kind_of(self.name) or "other"


Place = tuple[str, str]
"""(row, kind): the row is a layer's number, or the name of what lies outside the layers."""


def row_of(name: str) -> str:
    """The row that a tensor belongs to.

    >>> row_of("model.layers.3.mlp.up_proj.weight"), row_of("model.norm.weight")
    ('3', 'final norm')
    """
    layer = layer_of(name)
    kind = kind_of(name) or "other"
    return str(layer) if layer is not None else {"norm": "final norm"}.get(kind, kind)


def rows_in_order(names: Iterable[str]) -> list[str]:
    """The rows of these tensors as data flows through them: embeddings, layers, final norm, head."""
    names = list(names)
    there = {row_of(name) for name in names}
    order = ["embeddings", *map(str, range(depth_of(names))), "other", "final norm", "head"]
    return [row for row in order if row in there]


def total(tensors: Iterable[Measured]) -> Sums:
    """The sums over several tensors."""
    return sum((one.sums for one in tensors), Sums())


def grouped(tensors: Iterable[Measured], key: Callable[[Measured], str]) -> dict[str, Sums]:
    """The sums of the tensors that share a key, in the order in which the keys come first."""
    groups: dict[str, Sums] = {}
    for one in tensors:
        groups[key(one)] = groups.get(key(one), Sums()) + one.sums
    return groups


def places(tensors: Iterable[Measured]) -> dict[Place, Sums]:
    """The sums by row and kind, rows and kinds in order."""
    tensors = list(tensors)
    found: dict[Place, Sums] = {}
    for one in tensors:
        place = row_of(one.name), one.kind
        found[place] = found.get(place, Sums()) + one.sums
    rows = {row: number for number, row in enumerate(rows_in_order(one.name for one in tensors))}
    return dict(sorted(found.items(), key=lambda item: (rows[item[0][0]], KINDS.index(item[0][1]))))
