"""One piece of one tensor: the vector's entries, and what is added up over them.

The usual case, a difference of two bfloat16 checkpoints that is added to a third and served as bfloat16, is one loop
over the files' bits (`Plain`). Everything else goes through `Delta.fill` and torch, as the engine does (`General`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Protocol

from rveval.checkpoints import Checkpoint
from rveval.vectors import Displacement

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

PIECE = 1 << 16
"""Entries of a piece: the vectors that are needed of it at a time are about 1 MiB together."""


class Added:
    """Sums over the entries that have passed, and counts.

    Sums are added up in parts (see `loops`), and the parts are put away when `fold` is called: with a block of 2^20
    entries at a time, a sum of squares of any tensor is within 10^-11 of the true one.

    Args:
        donors: how many displacements of donors there are products with.

    Attributes:
        theta, squares: the parts of the sums of the base's squares and of the vector's, float64 of length `LANES`.
        products, donors: the same for each donor: of products with the vector, and of its own squares.
        nonzero, changed: counts.
    """

    def __init__(self, donors: int = 0) -> None:
        import numpy as np

        from rveval.describe.loops import LANES

        self._parts = np.zeros((2 + 2 * donors, LANES))
        self._totals = np.zeros(len(self._parts))
        self.theta, self.squares = self._parts[:2]
        self.products, self.donors = self._parts[2 : 2 + donors], self._parts[2 + donors :]
        self.nonzero = self.changed = 0

    def fold(self) -> None:
        """Add the parts to the totals, and begin anew."""
        import numpy as np

        with np.errstate(invalid="ignore", over="ignore"):  # of broken weights, which are refused afterwards
            self._totals += self._parts.sum(1)
        self._parts[:] = 0

    @property
    def totals(self) -> tuple[float, float, list[float], list[float]]:
        """What was folded: theta, squares, products, donors."""
        theta, squares, *others = map(float, self._totals)
        return theta, squares, others[: len(self.products)], others[len(self.products) :]


class Pieces(Protocol):
    """Makes the pieces of a tensor's vector."""

    def fill(self, start: int, v: torch.Tensor, added: Added) -> None:
        """Write the entries from `start` on into `v`, float32 of at most `PIECE` entries, and add up what they say."""


@dataclass(frozen=True)
class Place:
    """A tensor that something is added to.

    Args:
        base: the checkpoint.
        name: of the tensor.
        alpha: the scaling coefficient.
        weight: of the layer.
        dtype: what is served, as torch calls it.
    """

    base: Checkpoint
    name: str
    alpha: float
    weight: float
    dtype: str


def pieces(place: Place, terms: Sequence[Displacement], whole: tuple[Checkpoint, Checkpoint] | None) -> Pieces:
    """The quickest way that gives the engine's own bits.

    Args:
        place: the tensor.
        terms: what is added to it, at least one.
        whole: plus and minus of the only term where no transform changes it, else None.
    """
    if whole is not None and len(terms) == 1 and place.dtype == "bfloat16" and torch_fuses():
        entries = [_bits(one, place.name) for one in (place.base, *whole)]
        fit = [one for one in entries if one is not None and one.size == prod(place.base.shape(place.name))]
        if len(fit) == len(entries):
            return Plain(fit, place, terms[0].weight)
    return General(place, terms)


def _bits(checkpoint: Checkpoint, name: str) -> NDArray[np.uint16] | None:
    """The bits of a bfloat16 tensor, mapped from its file; None of another type, or where they lie askew."""
    import numpy as np

    if checkpoint.dtype(name) != "BF16":
        return None
    found = np.frombuffer(checkpoint.raw(name), dtype=np.uint16)
    return found if found.flags.aligned else None


@cache
def torch_fuses() -> bool:
    """Whether torch rounds a + alpha * b once on this processor, in vectors and in what is left over of them.

    It does where the processor has such an instruction (AVX2, AVX-512, NEON), and `loops.plain` always does.
    """
    import torch

    # (1 + e)(1 - e) = 1 - e^2: rounded before 1 is taken away, nothing is left of e^2.
    e, count = 2.0**-13, 67
    found = torch.add(torch.full((count,), -1.0), torch.full((count,), 1 + e), alpha=1 - e)
    return bool((found == -(e**2)).all())


class Plain:
    """weight * (plus - minus) from the bits of three bfloat16 tensors."""

    def __init__(self, bits: Sequence[NDArray[np.uint16]], place: Place, weight: float) -> None:
        import numpy as np

        from rveval.describe.loops import TILE, plain

        self._loop: Callable[..., tuple[int, int]] = plain
        self._base, self._plus, self._minus = bits
        # The order of the factors is that of `combine`, as in `General`.
        self._factor = np.float32(place.alpha * place.weight * weight)
        self._weight = np.float32(place.weight * weight)
        self._tile = np.empty(TILE, dtype=np.float32)

    def fill(self, start: int, v: torch.Tensor, added: Added) -> None:
        """See `Pieces`."""
        out = v.numpy()
        stop = start + out.size
        bits = self._base[start:stop], self._plus[start:stop], self._minus[start:stop]
        found, changed = self._loop(*bits, self._factor, self._weight, out, self._tile, added.theta, added.squares)
        added.nonzero += found
        added.changed += changed


class General:
    """The sum of any terms, each computed when a piece is asked for."""

    def __init__(self, place: Place, terms: Sequence[Displacement]) -> None:
        import torch

        self._terms, self._place = terms, place
        self._theta = place.base.get(place.name).reshape(-1)
        self._dtype: torch.dtype = getattr(torch, place.dtype)
        size = min(PIECE, self._theta.numel())
        self._scratch = [torch.empty(size) for _ in range(3)]
        self._served = torch.empty(size, dtype=self._dtype)

    def fill(self, start: int, v: torch.Tensor, added: Added) -> None:
        """See `Pieces`."""
        import torch

        from rveval.describe import loops

        size, outer = v.numel(), self._place.weight
        theta, summed, term = (scratch[:size] for scratch in self._scratch)
        theta.copy_(self._theta[start : start + size])
        for number, one in enumerate(self._terms):
            into = term if number else v
            one.delta.fill(start, into)
            # The order of the factors is that of `combine`: the sum must round as the one that is served.
            factor = self._place.alpha * outer * one.weight
            torch.add(summed if number else theta, into, alpha=factor, out=summed)
            if number:
                v.add_(term, alpha=outer * one.weight)
            elif outer * one.weight != 1:
                v.mul_(outer * one.weight)
        loops.add_squares(theta.numpy(), added.theta)
        loops.add_squares(v.numpy(), added.squares)
        added.nonzero += loops.nonzero(v.numpy())
        added.changed += self._changed(theta, summed)

    def _changed(self, before: torch.Tensor, after: torch.Tensor) -> int:
        """How many entries have another value when they are served; both vectors may be rounded in place."""
        from rveval.describe import loops

        if self._place.dtype == "bfloat16":
            return loops.differing_rounded(before.numpy(), after.numpy())
        if self._place.dtype == "float16":
            served = self._served[: before.numel()]
            for values in (before, after):
                values.copy_(served.copy_(values))
        return loops.differing(before.numpy(), after.numpy())
