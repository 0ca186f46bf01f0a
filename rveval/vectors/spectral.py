"""Transforms of whole matrices: `spectrum` keeps the singular values and draws the bases, `rank` keeps the largest.

Only matrices of the smaller side are ever factored, in float64 on the CPU. A tensor of more than two dimensions is the
matrix of its first one against all others. Bits may differ between machines and numbers of threads where a library of
linear algebra adds up in another order, by float32's rounding; ranges, order and processes change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rveval.vectors.blocks import BLOCK
from rveval.vectors.delta import Delta
from rveval.vectors.draws import gaussians
from rveval.vectors.matrices import as_matrix, by_strips, gram, strip_rows, strips, timed
from rveval.vectors.nulls import direction
from rveval.vectors.sparse import made
from rveval.vectors.steps import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from rveval.vectors.apply import Place

_WIDE = 1 << 22
"""Entries of a strip of a wide result (16 MiB): every strip needs all Gaussian numbers of the tensor again."""


def spectrum(delta: Delta, step: Step, place: Place) -> Delta:
    """Q diag(sigma) V^T with the singular values of the matrix and both bases drawn from all with equal chances (Haar).

    Of a tall matrix Q = G R^-1, where G is as large as the matrix, Gaussian and drawn anew piece by piece, and R is the
    Cholesky factor of G^T G; V is the Q of a small Gaussian matrix with the signs of R's diagonal (Mezzadri 2007, "How
    to generate random matrices from the classical compact groups", section 5). What is remembered is R^-1 diag(sigma)
    V^T, of the smaller side; of a matrix less than twice as long as wide, whose G may be near to singular, Q is found
    by Householder's way and the result itself is remembered. Of a wide matrix all of this is transposed.

    A vector, a number and a matrix of one row or column get a random direction: their only singular value is the norm.
    """
    seed = place.seed(step)
    key = made(step, delta.key, seed)
    small, large = sorted(as_matrix(delta.shape))
    if small <= 1:
        return Delta(delta.shape, delta.device, direction(delta, seed, place), key)
    kept = place.memo.recall(key)
    if kept is None:
        with timed(f"singular values and random bases of {place.tensor}"):
            sigma = _singular_values(delta, place)
            kept = _dense(sigma, large, seed) if large < 2 * small else _factor(sigma, large, seed, delta.device)
            if large < 2 * small and as_matrix(delta.shape)[0] < large:
                kept = kept.T.contiguous()
        place.memo.keep_factors(key, kept)
    factor = kept.to(delta.device)
    fill = _copied(factor) if large < 2 * small else _product(delta.shape, factor, seed)
    return Delta(delta.shape, delta.device, fill, key)


def _singular_values(delta: Delta, place: Place) -> torch.Tensor:
    """From the largest to the smallest, float64; NaN where an entry of the matrix is not finite."""
    import torch

    key = f"singular values|{delta.key}" if delta.key else ""
    known = place.memo.recall(key)
    if known is None:
        squares = gram(delta)
        finite = bool(squares.isfinite().all())
        known = torch.linalg.eigvalsh(squares) if finite else torch.full((len(squares),), torch.nan).double()
        known = known.clamp_min(0).sqrt().flip(0)
        place.memo.keep(key, known)
    return known


def _gaussian(seed: str, first: int, rows: int, width: int, device: torch.device) -> torch.Tensor:
    """Rows of a Gaussian matrix of this width, float32."""
    import torch

    drawn = torch.empty(rows * width, dtype=torch.float32, device=device)
    gaussians(seed, first * width, drawn)
    return drawn.view(rows, width)


def _haar(seed: str, rows: int, columns: int) -> torch.Tensor:
    """Orthonormal columns, float64 on the CPU, all such matrices equally likely."""
    import torch

    drawn = _gaussian(seed, 0, rows, columns, torch.device("cpu")).double()
    basis, upper = torch.linalg.qr(drawn)
    found: torch.Tensor = basis * upper.diagonal().sign()
    return found


def _dense(sigma: torch.Tensor, large: int, seed: str) -> torch.Tensor:
    """The whole tall result, float32."""
    small = len(sigma)
    return ((_haar(seed, large, small) * sigma) @ _haar(f"{seed}:right", small, small).T).float()


def _factor(sigma: torch.Tensor, large: int, seed: str, device: torch.device) -> torch.Tensor:
    """R^-1 diag(sigma) V^T, float32: the Gaussian matrix times this is the tall result."""
    import torch

    small, step = len(sigma), strip_rows(len(sigma))
    squares = torch.zeros(small, small, dtype=torch.float64, device=device)
    for first in range(0, large, step):
        strip = _gaussian(seed, first, min(step, large - first), small, device).double()
        squares.addmm_(strip.T, strip)
    upper = torch.linalg.cholesky(squares.cpu(), upper=True)
    right = _haar(f"{seed}:right", small, small).T
    found: torch.Tensor = torch.linalg.solve_triangular(upper, sigma[:, None] * right, upper=True)
    return found.float()


def _copied(values: torch.Tensor) -> Callable[[int, torch.Tensor], None]:
    flat = values.view(-1)

    def fill(start: int, into: torch.Tensor) -> None:
        into.copy_(flat[start : start + into.numel()])

    return fill


def _product(shape: tuple[int, ...], factor: torch.Tensor, seed: str) -> Callable[[int, torch.Tensor], None]:
    """G factor of a tall shape, its transpose of a wide one; G is drawn while it is needed."""
    import torch

    rows, width = as_matrix(shape)
    small, large = len(factor), max(rows, width)

    def tall(first: int, into: torch.Tensor) -> None:
        torch.mm(_gaussian(seed, first, len(into), small, factor.device), factor, out=into)

    def wide(first: int, into: torch.Tensor) -> None:
        left, step = factor[:, first : first + len(into)].T, strip_rows(small)
        for place in range(0, large, step):
            drawn = _gaussian(seed, place, min(step, large - place), small, factor.device)
            into[:, place : place + len(drawn)] = left @ drawn.T

    return by_strips(shape, tall) if rows >= width else by_strips(shape, wide, _WIDE)


def rank(delta: Delta, step: Step, place: Place) -> Delta:
    """The best approximation of a matrix by one of rank `step.rank` (Eckart and Young 1936).

    Of a tall matrix A it is A V V^T, of a wide one U (U^T A), with the singular vectors of the largest singular values
    as eigenvectors of the Gram matrix of the smaller side; V, or U and U^T A, are remembered. A vector, a number and a
    matrix whose rank cannot be larger stay as they are.
    """
    import torch

    assert step.rank is not None
    rows, width = as_matrix(delta.shape)
    if len(delta.shape) < 2 or step.rank >= min(rows, width):
        return delta
    key = made(step, delta.key)
    kept = place.memo.recall(key)
    if kept is None:
        with timed(f"singular vectors of {place.tensor}"):
            basis = _leading(gram(delta), step.rank)
            kept = basis if rows >= width else torch.cat([basis, _projected(delta, basis).T])
        kept = kept.float()
        place.memo.keep_factors(key, kept)
    factors = kept.to(delta.device)

    def tall(first: int, into: torch.Tensor) -> None:
        piece = torch.empty_like(into)
        delta.fill(first * width, piece.view(-1))
        torch.mm(piece @ factors, factors.T, out=into)

    def wide(first: int, into: torch.Tensor) -> None:
        torch.mm(factors[first : first + len(into)], factors[rows:].T, out=into)

    return Delta(delta.shape, delta.device, by_strips(delta.shape, tall if rows >= width else wide), key)


def _leading(squares: torch.Tensor, count: int) -> torch.Tensor:
    """The eigenvectors of the largest eigenvalues, as columns, float64; NaN where the matrix is not finite."""
    import torch

    if not bool(squares.isfinite().all()):
        return torch.full((len(squares), count), torch.nan, dtype=torch.float64)
    vectors: torch.Tensor = torch.linalg.eigh(squares).eigenvectors
    return vectors[:, -count:]


def _projected(delta: Delta, basis: torch.Tensor) -> torch.Tensor:
    """U^T A, float64 on the CPU."""
    import torch

    total = torch.zeros(basis.shape[1], as_matrix(delta.shape)[1], dtype=torch.float64, device=delta.device)
    left = basis.to(delta.device)
    for first, strip in strips(delta, BLOCK):
        total.addmm_(left[first : first + len(strip)].T, strip)
    return total.cpu()
