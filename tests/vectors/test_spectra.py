"""Transforms of sizes and ranks against singular value decompositions in float64: what is kept, what is drawn."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tensorcases import apply, kinds, shapes, values

SHAPES = ((300, 200), (200, 300), (64, 64), (1000, 80), (80, 1000), (40, 5, 8), (5, 16, 3), (700, 900), (5000, 130))
moderate = kinds.filter(lambda kind: kind not in ("wide", "tiny"))


@given(shapes, moderate, st.integers(0, 2**20))
def test_signs_alone_keep_the_norm(shape, kind, seed) -> None:
    tensor = values(shape, kind, seed)
    result = apply("sign_only", tensor)
    assert torch.equal(result.sign(), tensor.sign())
    sizes = result.abs()[result != 0]
    assert bool((sizes == sizes[:1]).all())
    assert float(result.double().norm()) == pytest.approx(float(tensor.double().norm()), rel=1e-6)


@given(shapes, moderate, st.floats(0.01, 5), st.integers(0, 2**20))
def test_clip_bounds_by_the_root_mean_square(shape, kind, cap, seed) -> None:
    tensor = values(shape, kind, seed)
    result, exact = apply("clip", tensor, cap=cap), tensor.double()
    bound = cap * float(exact.square().mean().sqrt()) if exact.numel() else 0.0
    torch.testing.assert_close(result.double(), exact.clamp(-bound, bound), rtol=1e-6, atol=0)
    inside = exact.abs() < bound * (1 - 1e-6)
    assert torch.equal(result[inside], tensor[inside])


def steep(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    """A matrix whose singular values fall by a factor of a thousand."""
    left, _ = torch.linalg.qr(values((rows, min(rows, columns)), seed=seed).double())
    right, _ = torch.linalg.qr(values((columns, min(rows, columns)), seed=seed + 1).double())
    return ((left * torch.logspace(0, -3, min(rows, columns)).double()) @ right.T).float()


def matrix(tensor: torch.Tensor) -> torch.Tensor:
    rows = tensor.shape[0] if tensor.dim() else 1
    return tensor.double().reshape(rows, tensor.numel() // max(rows, 1))


def check_spectrum(tensor: torch.Tensor, seed: int) -> None:
    result = apply("spectrum", tensor, seed)
    if tensor.numel():
        before, after = torch.linalg.svdvals(matrix(tensor)), torch.linalg.svdvals(matrix(result))
        assert float((before - after).abs().max()) <= 1e-6 * float(before[0])


@given(shapes, st.integers(0, 99))
def test_spectrum_keeps_the_singular_values(shape: tuple[int, ...], seed: int) -> None:
    check_spectrum(values(shape, seed=seed), seed)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_spectrum_keeps_the_singular_values_of_larger_ones(shape: tuple[int, ...]) -> None:
    check_spectrum(values(shape), 3)
    if len(shape) == 2:
        check_spectrum(steep(*shape), 4)
        check_spectrum(values((shape[0], 3)) @ values((3, shape[1])), 5)


def test_spectrum_of_small_squares() -> None:
    """Gaussian squares are close to singular now and then."""
    for seed in range(30):
        for shape in ((2, 2), (3, 2), (2, 3), (2, 4), (4, 2), (2, 5)):
            check_spectrum(values(shape, seed=seed), seed)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (3, 3), (4, 3), (9, 3)], ids=str)
def test_both_bases_are_haar(shape: tuple[int, int]) -> None:
    """Of sigma u v^T every entry of u and v is one of a random direction; u is as good as independent of v."""
    rounds = 1500
    tensor = torch.diag_embed(torch.tensor([3.0, 2.0, 1.0]))
    tensor = torch.nn.functional.pad(tensor, (0, shape[1] - 3, 0, shape[0] - 3))
    drawn = torch.stack([apply("spectrum", tensor, seed) for seed in range(rounds)]).double()
    left, sigma, right = torch.linalg.svd(drawn, full_matrices=False)
    assert torch.allclose(sigma, torch.tensor([3.0, 2.0, 1.0]).double(), atol=1e-5)
    assert float(drawn.mean(0).abs().max()) < 4.5 * (14 / (shape[0] * shape[1]) / rounds) ** 0.5
    second = drawn.square().mean(0)
    assert torch.allclose(second, torch.full_like(second, 14 / (shape[0] * shape[1])), rtol=0.25)
    for basis, size in ((left, shape[0]), (right.mT, shape[1])):
        for column in range(3):
            # The square of one entry of a random unit vector is Beta(1/2, (n - 1)/2).
            for row in (0, size - 1):
                squares = basis[:, row, column].square().numpy()
                assert stats.kstest(squares, stats.beta(0.5, (size - 1) / 2).cdf).pvalue > 1e-4


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_spectrum_forgets_the_directions(shape: tuple[int, ...]) -> None:
    tensor = values(shape)
    drawn = [apply("spectrum", tensor, **place) for place in ({}, {"seed": 1}, {"tensor": "v"}, {"term": 1})]
    cosines = torch.corrcoef(torch.stack([one.reshape(-1).double() for one in [tensor, *drawn]])) - torch.eye(5)
    assert float(cosines.abs().max()) < 6 / tensor.numel() ** 0.5


def check_rank(tensor: torch.Tensor, rank: int) -> None:
    result = apply("rank", tensor, rank=rank)
    left, sigma, right = torch.linalg.svd(matrix(tensor), full_matrices=False)
    best = (left[:, :rank] * sigma[:rank]) @ right[:rank]
    # By the error, not the entries: where two singular values are nearly one, more than one answer is the best.
    error, least = float((matrix(tensor) - matrix(result)).norm()), float((matrix(tensor) - best).norm())
    assert error <= least * (1 + 1e-6) + 1e-5 * float(sigma[0])
    rest = torch.linalg.svdvals(matrix(result))[rank:]
    assert not len(rest) or float(rest[0]) <= 2e-6 * float(sigma[0])
    gap = float(sigma[rank - 1] - sigma[rank]) / float(sigma[0]) if rank < len(sigma) else 1.0
    assert float((matrix(result) - best).norm()) <= 3e-6 / gap * float(best.norm())


@given(st.tuples(st.integers(1, 30), st.integers(1, 30)), st.integers(0, 99), st.data())
def test_rank_is_the_best_approximation(shape: tuple[int, int], seed: int, data: st.DataObject) -> None:
    check_rank(values(shape, seed=seed), data.draw(st.integers(1, min(shape))))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("rank", [1, 3])
def test_rank_of_larger_ones(shape: tuple[int, ...], rank: int) -> None:
    check_rank(values(shape), rank)
    if len(shape) == 2:
        check_rank(steep(*shape), rank)


@pytest.mark.parametrize("shape", [(), (0,), (5,), (0, 3), (4, 6), (6, 4), (4, 2, 3)], ids=str)
def test_rank_that_is_enough_is_the_tensor_itself(shape: tuple[int, ...]) -> None:
    assert torch.equal(apply("rank", values(shape), rank=4), values(shape))


@pytest.mark.parametrize("shape", [(500, 40), (40, 500), (40, 50), (9,)], ids=str)
def test_zeros_and_what_is_not_finite(shape: tuple[int, ...]) -> None:
    for name in ("spectrum", "rank"):
        assert not bool(apply(name, torch.zeros(shape), rank=2).count_nonzero())
        broken = values(shape)
        broken.view(-1)[3] = torch.nan
        assert bool(apply(name, broken, rank=2).isnan().any())
        strided = values((*shape, 2))[..., 1]
        assert torch.equal(apply(name, strided, rank=2), apply(name, strided.contiguous(), rank=2))
