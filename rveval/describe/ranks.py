"""The effective rank of a matrix that is read once, row by row.

Definition: the participation ratio of the squared singular values, (sum s^2)^2 / sum s^4. It is Hill's number of order
2 (Hill 1973, "Diversity and evenness", Ecology 54) of the shares s^2 / sum s^2: r for r equal singular values, 1 for
one that outweighs all others. Roy & Vetterli 2007, "The effective rank" (EUSIPCO), is the number of order 1; it needs
every singular value, this one only two sums: sum s^2 = ||A||_F^2, which is the norm, and sum s^4 = ||A^T A||_F^2.

Over several matrices both sums are added up: the effective rank of the block-diagonal matrix that has them on its
diagonal, between 1 and the sum of their ranks.

sum s^4 is exact where the smaller side is at most `EXACT`: from the Gram matrix of that side. Else it is estimated:
E ||A^T A z||^2 = tr (A^T A)^2 = sum s^4 for a vector z of independent random signs (Hutchinson 1990), and A^T A z adds
up over the rows as they pass. The mean over `PROBES` seeded vectors is unbiased; its variance is estimated from them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

EXACT = 1024
"""The longest smaller side whose Gram matrix is built."""

PROBES = 32
"""Random vectors for larger matrices."""


class Spectrum:
    """Adds up sum s^4 of a matrix whose rows come in order, a block at a time.

    Args:
        shape: (rows, columns).
        seed: what the random vectors are drawn from; the same text, the same vectors.
    """

    def __init__(self, shape: tuple[int, int], seed: str) -> None:
        import torch

        rows, columns = shape
        self._at = 0
        self._tall = columns <= EXACT
        self._wide = not self._tall and rows <= EXACT
        if self._tall:
            self._gram = torch.zeros(columns, columns)
        elif self._wide:
            self._whole = torch.empty(rows, columns)
        else:
            generator = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:7]))
            self._signs = torch.randint(0, 2, (columns, PROBES), generator=generator).mul_(2).sub_(1).float()
            self._images = torch.zeros(columns, PROBES)

    def add(self, block: torch.Tensor) -> None:
        """The next rows, float32; they may be overwritten afterwards."""
        if self._tall:
            self._gram.addmm_(block.t(), block)
        elif self._wide:
            self._whole[self._at : self._at + block.shape[0]] = block
        else:
            self._images.addmm_(block.t(), block @ self._signs)
        self._at += block.shape[0]

    def fourth(self) -> tuple[float, float]:
        """The sum of s^4 and its variance, which is 0 where it is exact."""
        if self._wide:
            self._gram = self._whole @ self._whole.t()
        if self._tall or self._wide:
            return float(self._gram.double().square_().sum()), 0.0
        each = self._images.double().square_().sum(0)
        return float(each.mean()), float(each.var()) / PROBES
