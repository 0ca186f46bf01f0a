"""Transforms that keep the signs of entries and change their sizes, or lower a matrix's rank."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from rveval.vectors.registry import Parameter, transform
from rveval.vectors.tensors import as_matrix, gram, norm, squares

if TYPE_CHECKING:
    import torch

RANK = Parameter("a whole number, at least 1", lambda value: value >= 1, whole=True)
CAP = Parameter("a number above 0", lambda value: value > 0)


@transform("the signs alone, all of one size, the norm of every tensor kept", one_size=True)
def sign_only(delta: torch.Tensor) -> torch.Tensor:
    """The sign of every entry times one magnitude for the tensor, so that its L2 norm is kept; zeros stay zero."""
    return delta.sign() * sqrt(squares(delta) / max(int(delta.count_nonzero()), 1))


@transform("the best approximation of every matrix by this rank", version=2, parameters={"rank": RANK})
def rank(delta: torch.Tensor, rank: int) -> torch.Tensor:
    """The best approximation of a matrix by one of this rank (Eckart and Young 1936).

    Of a tall matrix A it is A V V^T, of a wide one U U^T A, with the singular vectors of the largest singular values as
    eigenvectors of the Gram matrix of the smaller side, in float64. A tensor of more dimensions is the matrix of its
    first one against all others. A vector, a number and a matrix whose rank cannot be larger stay as they are.
    """
    import torch

    matrix = as_matrix(delta)
    if delta.dim() < 2 or rank >= min(matrix.shape):
        return delta
    wide = matrix.shape[0] < matrix.shape[1]
    tall = matrix.T if wide else matrix
    products = gram(tall)
    if not bool(products.isfinite().all()):
        return delta * torch.nan  # eigenvectors would not bear it
    basis: torch.Tensor = torch.linalg.eigh(products).eigenvectors[:, -rank:].float()
    lowered = (tall @ basis) @ basis.T
    return (lowered.T if wide else lowered).reshape(delta.shape)


@transform("entries no larger than this many root mean squares", parameters={"cap": CAP}, by_size=True)
def clip(delta: torch.Tensor, cap: float) -> torch.Tensor:
    """Entries no larger than `cap` times the root mean square over all entries of the tensor, zeros included."""
    bound = cap * norm(delta) / sqrt(max(delta.numel(), 1))
    return delta.clamp(-bound, bound)
