"""What is said of a vector: sums over the entries of its tensors, and the numbers that follow from them.

Everything is a sum over entries, so that a tensor, all tensors of a kind in a layer, and the whole vector have the same
numbers by the same formulas. v is the vector after scope, layer weights and transforms, without alpha; theta are the
base's weights.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import TYPE_CHECKING, Any

from rveval.checkpoints import Checkpoint
from rveval.recipe import Recipe, VariantTensors
from rveval.vectors import Difference, combine, depth_of, kind_of, layer_of

if TYPE_CHECKING:
    import torch

KINDS = ("attention", "mlp", "norm", "other", "embeddings", "head")
"""In the order of columns; `other` is what the names of known architectures do not say."""

EXACT = 256
"""The longest smaller side of a matrix whose effective rank is not an estimate."""

SKETCH, SAMPLES = 16, 32
"""Random vectors that find the strongest directions of a larger matrix, and that say what these leave out."""

_PIECE = 1 << 22
"""Entries that are added up in float64 at a time."""


@dataclass(frozen=True)
class Sums:
    """Sums over entries.

    Args:
        tensors, entries: how many.
        theta, squares: the sums of theta^2 and of v^2.
        nonzero: entries of v that are not zero.
        changed: entries with another value, in the dtype that is served, than the base's.
        products, donors: for each donor the sums of v * (donor - common) and of (donor - common)^2.
        matrices: the sum of v^2 over matrices alone.
        fourth, variance: the sum of the fourth powers of the matrices' singular values, or an unbiased estimate of it,
            and the variance of that estimate; 0 where it is exact.
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
        names = [field.name for field in fields(Sums)]
        return Sums(**{name: _added(getattr(self, name), getattr(other, name)) for name in names})

    @property
    def finite(self) -> bool:
        """Whether no NaN and no infinity went into it."""
        return math.isfinite(self.squares) and math.isfinite(self.theta)

    def norm(self, alpha: float) -> float:
        """||alpha v||."""
        return abs(alpha) * math.sqrt(self.squares)

    def relative(self, alpha: float) -> float | None:
        """||alpha v|| / ||theta||; None where the weights are all zero."""
        return self.norm(alpha) / math.sqrt(self.theta) if self.theta else None

    @property
    def density(self) -> float:
        """The share of entries of v that are not zero."""
        return self.nonzero / self.entries if self.entries else 0.0

    @property
    def changed_share(self) -> float:
        """The share of entries that really change when they are served."""
        return self.changed / self.entries if self.entries else 0.0

    @property
    def cosines(self) -> list[float | None]:
        """cos(v, donor - common) for each donor; None where one of the two is zero."""
        return [
            max(-1.0, min(1.0, product / math.sqrt(self.squares * square))) if self.squares and square else None
            for product, square in zip(self.products, self.donors, strict=True)
        ]

    @property
    def effective_rank(self) -> float | None:
        """The participation ratio (sum s^2)^2 / sum s^4 of all matrices' singular values; None where it is not known.

        It is Hill's number of order 2 (Hill 1973, "Diversity and evenness") of the shares s^2 / sum s^2: r for r equal
        singular values, 1 for one that outweighs all others.
        """
        return self.matrices**2 / self.fourth if self.fourth > 0 and math.isfinite(self.fourth) else None

    @property
    def effective_rank_error(self) -> float | None:
        """The standard error of `effective_rank`, to first order; 0 where it is exact."""
        rank = self.effective_rank
        return None if rank is None else rank * math.sqrt(self.variance) / self.fourth


def _added(one: Any, other: Any) -> Any:
    if isinstance(one, tuple):
        return tuple(a + b for a, b in zip(one, other, strict=True)) if one and other else one or other
    return one + other


@dataclass(frozen=True)
class Measured:
    """One tensor of the base that is in scope, its layer's weight, and its sums."""

    name: str
    shape: tuple[int, ...]
    weight: float
    sums: Sums

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return kind_of(self.name) or "other"

    @property
    def row(self) -> str:
        """The number of its layer, or the name of what lies outside the layers."""
        layer = layer_of(self.name)
        return str(layer) if layer is not None else {"norm": "final norm"}.get(self.kind, self.kind)


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Args:
        recipe, variant: what would be served.
        base: gives the weights.
        common: what the donors started from; None: no cosines.
        donors: whose displacements from `common` the vector is compared with.
        ranks: whether effective ranks are wanted.
    """

    recipe: Recipe
    variant: VariantTensors
    base: Checkpoint
    common: Checkpoint | None = None
    donors: tuple[Checkpoint, ...] = ()
    ranks: bool = True


def vector(terms: Sequence[Difference], weight: float) -> torch.Tensor:
    """weight * sum_i w_i T(delta_i) of one tensor, float32; at least one term."""
    first, *others = terms
    total = first.delta * (weight * first.weight)
    for term in others:
        total += term.delta * (weight * term.weight)
    return total


def measured(subject: Subject, name: str) -> Measured:
    """One tensor in scope; one that no donor has (a saved delta leaves it out) counts as zero.

    Raises:
        Failed: the donors' tensors have another shape, or a transform can't be done.
    """
    import torch

    recipe, weight, theta = subject.recipe, subject.variant.weight(name), subject.base.get(name)
    sums = Sums(tensors=1, entries=theta.numel(), theta=_dot(theta, theta))
    terms = subject.variant.terms(name)
    if not terms:
        return Measured(name, tuple(theta.shape), weight, sums)
    v = vector(terms, weight)
    dtype: torch.dtype = getattr(torch, recipe.dtype)
    served = combine(theta, terms, recipe.alpha * weight, dtype=dtype)
    moved = _displaced(subject, name)
    ranked = subject.ranks and v.dim() == 2 and v.numel() > 0
    squares = _dot(v, v)
    fourth, variance = fourth_powers(v, f"describe:{name}") if ranked else (0.0, 0.0)
    sums += Sums(
        squares=squares,
        nonzero=int(v.count_nonzero()),
        changed=int((served != theta.to(dtype)).sum()),
        products=tuple(_dot(v, one) for one in moved),
        donors=tuple(_dot(one, one) for one in moved),
        matrices=squares if ranked else 0.0,
        fourth=fourth,
        variance=variance,
        full_rank=min(v.shape) if ranked else 0,
    )
    return Measured(name, tuple(theta.shape), weight, sums)


def _displaced(subject: Subject, name: str) -> list[torch.Tensor]:
    """How far the donors are from the common start; nothing where a donor that was forced does not fit."""
    common, shape = subject.common, subject.base.shape(name)
    if common is None or any(name not in one or one.shape(name) != shape for one in (common, *subject.donors)):
        return []
    return [Difference(donor.get(name), common.get(name)).delta for donor in subject.donors]


def _dot(one: torch.Tensor, other: torch.Tensor) -> float:
    """The sum of products, in float64."""
    import torch

    pieces = zip(*(torch.split(tensor.reshape(-1), _PIECE) for tensor in (one, other)), strict=True)
    return math.fsum(float(a.double().dot(b.double())) for a, b in pieces)


def fourth_powers(matrix: torch.Tensor, seed: str) -> tuple[float, float]:
    """The sum of the fourth powers of a matrix's singular values, and the variance of that where it is an estimate.

    With B = A^T A it is tr B^2: exact where the smaller side is at most `EXACT`; else by Hutch++ (Meyer et al. 2021,
    "Hutch++: Optimal Stochastic Trace Estimation"): exactly on the span Q of B S for random signs S, which finds the
    strongest directions, and on the rest as the mean of ||B (I - Q Q^T) z||^2 over other random signs z.

    Args:
        matrix: float32, two dimensions.
        seed: of the random signs: the same text, the same signs.
    """
    import torch

    wide = matrix.shape[0] < matrix.shape[1]
    tall = matrix.T if wide else matrix
    if tall.shape[1] <= EXACT:
        return float((tall.T @ tall).double().square().sum()), 0.0

    def squared(vectors: torch.Tensor) -> torch.Tensor:
        return (tall.T @ (tall @ vectors.float())).double()

    generator = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:7]))
    signs = torch.randint(0, 2, (tall.shape[1], SKETCH + SAMPLES), generator=generator).mul_(2).sub_(1).double()
    image = squared(signs[:, :SKETCH])
    if not bool(image.isfinite().all()):
        return math.nan, 0.0
    found = torch.linalg.qr(image).Q
    rest = signs[:, SKETCH:]
    rest = rest - found @ (found.T @ rest)
    samples = squared(rest).square().sum(0)
    return float(squared(found).square().sum() + samples.mean()), float(samples.var()) / SAMPLES


# --- several tensors together


def total(tensors: Iterable[Measured]) -> Sums:
    """The sums over several tensors."""
    return sum((one.sums for one in tensors), Sums())


Place = tuple[str, str]
"""(row, kind)"""


def grouped(tensors: Iterable[Measured], key: Callable[[Measured], Place]) -> dict[Place, Sums]:
    """Sums by row and kind, as data flows through them: embeddings, layers, final norm, head; kinds as in `KINDS`."""
    tensors = list(tensors)
    groups: dict[Place, Sums] = {}
    for one in tensors:
        groups[key(one)] = groups.get(key(one), Sums()) + one.sums
    layers = map(str, range(depth_of(one.name for one in tensors)))
    rows = ["", "embeddings", *layers, "other", "final norm", "head"]
    kinds = ["", *KINDS]
    return dict(sorted(groups.items(), key=lambda item: (rows.index(item[0][0]), kinds.index(item[0][1]))))


def places(tensors: Iterable[Measured]) -> dict[Place, Sums]:
    """The sums by row and kind."""
    return grouped(tensors, lambda one: (one.row, one.kind))


def nbytes(checkpoint: Checkpoint, names: Iterable[str]) -> int:
    """Bytes of these tensors in a checkpoint's files, as far as it has them."""
    sizes = {"F32": 4, "F16": 2, "BF16": 2}
    there = [name for name in names if name in checkpoint]
    return sum(prod(checkpoint.shape(name)) * sizes.get(checkpoint.dtype(name), 4) for name in there)
