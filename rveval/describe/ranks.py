"""The effective rank of a matrix that is read once, row by row.

Definition: the participation ratio of the squared singular values, (sum s^2)^2 / sum s^4. It is Hill's number of order
2 (Hill 1973, "Diversity and evenness", Ecology 54) of the shares s^2 / sum s^2: r for r equal singular values, 1 for
one that outweighs all others. Roy & Vetterli 2007, "The effective rank" (EUSIPCO), is the number of order 1; it needs
every singular value, this one only two sums: sum s^2 = ||A||_F^2, which is the norm, and sum s^4 = ||A^T A||_F^2.

Over several matrices both sums are added up: the effective rank of the block-diagonal matrix that has them on its
diagonal, between 1 and the sum of their ranks.

sum s^4 is exact where the smaller side is at most `EXACT`: from the Gram matrix of that side. Else it is estimated,
with B = A^T A, of which B z adds up over the rows as they pass, for seeded vectors z of independent random signs. The
mean of ||B z||^2 would do, since E ||B z||^2 = tr B^2 (Hutchinson 1990); but where few directions hold most of the
matrix, the vectors disagree widely. So some of them, S, find those directions: B' = (B S) (S^T B S)^+ (B S)^T, a
Nystroem approximation of B. The others, independent of it, say what it leaves out:

    tr B'^2 + mean of (||B z||^2 - ||B' z||^2)

Given S this is unbiased, whatever B' is, and its variance is that of the bracket over their number, which is estimated
from them. It is Nystroem++ of Persson, Cortinovis & Kressner 2022, "Improved variants of the Hutch++ algorithm for
trace estimation" (SIAM J. Matrix Anal. Appl. 43), for B^2.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

EXACT = 256
"""The longest smaller side whose Gram matrix is built: as costly as the random vectors of larger ones."""

FINDING = 16
"""Random vectors that find the strongest directions of a larger matrix."""

REST = 32
"""Random vectors for what is left."""

_NOISE = 1e-5
"""Directions of an approximation below this share of its strongest are the rounding errors of float32."""


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
            self._signs = torch.randint(0, 2, (columns, FINDING + REST), generator=generator).mul_(2).sub_(1).float()
            self._images = torch.zeros(FINDING + REST, columns)

    def add(self, block: torch.Tensor) -> None:
        """The next rows, float32; they may be overwritten afterwards."""
        if self._tall:
            self._gram.addmm_(block.t(), block)
        elif self._wide:
            self._whole[self._at : self._at + block.shape[0]] = block
        else:
            self._images.addmm_((block @ self._signs).t(), block)
        self._at += block.shape[0]

    def fourth(self) -> tuple[float, float]:
        """The sum of s^4 and its variance, which is 0 where it is exact."""
        if self._wide:
            self._gram = self._whole @ self._whole.t()
        if self._tall or self._wide:
            return float(self._gram.double().square_().sum()), 0.0
        return _estimated(self._signs.double(), self._images.double().t())


def _estimated(signs: torch.Tensor, images: torch.Tensor) -> tuple[float, float]:
    """tr B^2 and its variance, from random signs, (n, FINDING + REST), and their images under B."""
    import torch

    inner = signs[:, :FINDING].t() @ images[:, :FINDING]
    if not bool(inner.isfinite().all()):
        return float(inner.square().sum()), 0.0
    values, directions = torch.linalg.eigh((inner + inner.t()) / 2)
    kept = values > _NOISE * values[-1].clamp_min(0)
    root = images[:, :FINDING] @ (directions[:, kept] / values[kept].sqrt())  # B' = root root^T
    gram = root.t() @ root
    seen = root.t() @ signs[:, FINDING:]
    left = images[:, FINDING:].square().sum(0) - (seen * (gram @ seen)).sum(0)
    return float(gram.square().sum() + left.mean()), float(left.var()) / REST
