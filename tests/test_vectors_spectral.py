"""Spectral transforms against singular value decompositions in float64: what is kept, what is drawn, what is read."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rveval.vectors import CHUNK, Delta, Displacement, Memo, Place, Step, difference, matrices, transformed

SHAPES = ((300, 200), (200, 300), (64, 64), (1000, 80), (80, 1000), (40, 5, 8), (5, 16, 3), (700, 900), (5000, 130))
shapes = st.one_of(
    st.just(()),
    st.just((0,)),
    st.just((0, 4)),
    st.just((4, 0)),
    st.tuples(st.integers(1, 60)),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
)


def numbers(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def steep(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    """A matrix whose singular values fall by a factor of a thousand."""
    left, _ = torch.linalg.qr(numbers((rows, min(rows, columns)), seed).double())
    right, _ = torch.linalg.qr(numbers((columns, min(rows, columns)), seed + 1).double())
    return ((left * torch.logspace(0, -3, min(rows, columns)).double()) @ right.T).float()


def spectrum(delta: Delta, seed: int = 0, tensor: str = "w", term: int = 0, **place: Any) -> Delta:
    return transformed([Displacement(delta)] * (term + 1), [Step("spectrum", seed)], Place(tensor, **place))[term].delta


def lowered(delta: Delta, rank: int, **place: Any) -> Delta:
    return transformed([Displacement(delta)], [Step("rank", rank=rank)], Place("w", **place))[0].delta


def matrix(tensor: torch.Tensor) -> torch.Tensor:
    rows = tensor.shape[0] if tensor.dim() else 1
    return tensor.double().reshape(rows, tensor.numel() // max(rows, 1))


def check_spectrum(values: torch.Tensor, seed: int) -> None:
    found = spectrum(difference(values, None, "x"), seed)
    assert found.shape == tuple(values.shape)
    if values.numel():
        before, after = torch.linalg.svdvals(matrix(values)), torch.linalg.svdvals(matrix(found.whole()))
        assert float((before - after).abs().max()) <= 1e-6 * float(before[0])


@given(shapes, st.integers(0, 99))
def test_spectrum_keeps_the_singular_values(shape: tuple[int, ...], seed: int) -> None:
    check_spectrum(numbers(shape, seed), seed)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_spectrum_keeps_the_singular_values_of_larger_ones(shape: tuple[int, ...]) -> None:
    check_spectrum(numbers(shape), 3)
    if len(shape) == 2:
        check_spectrum(steep(*shape), 4)
        check_spectrum(numbers((shape[0], 3)) @ numbers((3, shape[1])), 5)


@pytest.mark.parametrize("seed", range(30))
def test_spectrum_of_small_squares(seed: int) -> None:
    """Gaussian squares are close to singular now and then."""
    for shape in ((2, 2), (3, 2), (2, 3), (2, 4), (4, 2), (2, 5)):
        check_spectrum(numbers(shape, seed), seed)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (3, 3), (4, 3), (3, 4), (9, 3)], ids=str)
def test_both_bases_are_haar(shape: tuple[int, int]) -> None:
    """Of sigma u v^T every entry of u and v is one of a random direction; u is as good as independent of v."""
    rounds = 1500
    values = torch.diag_embed(torch.tensor([3.0, 2.0, 1.0]))
    values = torch.nn.functional.pad(values, (0, shape[1] - 3, 0, shape[0] - 3))
    found = torch.stack([spectrum(difference(values, None, "x"), seed).whole() for seed in range(rounds)]).double()
    left, sigma, right = torch.linalg.svd(found, full_matrices=False)
    assert torch.allclose(sigma, torch.tensor([3.0, 2.0, 1.0]).double(), atol=1e-5)
    assert float(found.mean(0).abs().max()) < 4.5 * (14 / (shape[0] * shape[1]) / rounds) ** 0.5
    second = found.square().mean(0)
    assert torch.allclose(second, torch.full_like(second, 14 / (shape[0] * shape[1])), rtol=0.25)
    for basis, size in ((left, shape[0]), (right.mT, shape[1])):
        for column in range(3):
            # The square of one entry of a random unit vector is Beta(1/2, (n - 1)/2).
            for row in (0, size - 1):
                squares = basis[:, row, column].square().numpy()
                assert stats.kstest(squares, stats.beta(0.5, (size - 1) / 2).cdf).pvalue > 1e-4


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_spectrum_forgets_the_directions(shape: tuple[int, ...]) -> None:
    values = numbers(shape)
    delta = difference(values, None, "x")
    found = [spectrum(delta, **place).whole() for place in ({}, {"seed": 1}, {"tensor": "v"}, {"term": 1})]
    every = torch.stack([one.view(-1).double() for one in [values, *found]])
    cosines = torch.corrcoef(every) - torch.eye(5)
    assert float(cosines.abs().max()) < 6 / values.numel() ** 0.5
    assert torch.equal(spectrum(delta).whole(), found[0])


def check_rank(values: torch.Tensor, rank: int) -> None:
    found = lowered(difference(values, None, "x"), rank)
    assert found.shape == tuple(values.shape)
    left, sigma, right = torch.linalg.svd(matrix(values), full_matrices=False)
    best = (left[:, :rank] * sigma[:rank]) @ right[:rank]
    # By the error, not the entries: where two singular values are nearly one, more than one answer is the best.
    error, least = float((matrix(values) - matrix(found.whole())).norm()), float((matrix(values) - best).norm())
    assert error <= least * (1 + 1e-6) + 1e-5 * float(sigma[0])
    rest = torch.linalg.svdvals(matrix(found.whole()))[rank:]
    assert not len(rest) or float(rest[0]) <= 2e-6 * float(sigma[0])
    gap = float(sigma[rank - 1] - sigma[rank]) / float(sigma[0]) if rank < len(sigma) else 1.0
    assert float((matrix(found.whole()) - best).norm()) <= 3e-6 / gap * float(best.norm())


@given(st.tuples(st.integers(1, 30), st.integers(1, 30)), st.integers(0, 99), st.data())
def test_rank_is_the_best_approximation(shape: tuple[int, int], seed: int, data: st.DataObject) -> None:
    check_rank(numbers(shape, seed), data.draw(st.integers(1, min(shape))))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("rank", [1, 3])
def test_rank_of_larger_ones(shape: tuple[int, ...], rank: int) -> None:
    check_rank(numbers(shape), rank)
    if len(shape) == 2:
        check_rank(steep(*shape), rank)


@pytest.mark.parametrize("shape", [(), (0,), (5,), (0, 3), (4, 6), (6, 4), (4, 2, 3)], ids=str)
def test_rank_that_is_enough_is_the_tensor_itself(shape: tuple[int, ...]) -> None:
    delta = difference(numbers(shape), None, "x")
    assert lowered(delta, 4) is delta


@pytest.mark.parametrize("shape", [(3000, 200), (200, 3000), (700, 900), (5000,)], ids=str)
@pytest.mark.parametrize("name", ["spectrum", "rank"])
def test_any_range_is_a_slice_of_the_whole(shape: tuple[int, ...], name: str) -> None:
    def made() -> Delta:
        delta = difference(numbers(shape), None, "x")
        return spectrum(delta) if name == "spectrum" else lowered(delta, 4)

    whole = made().whole().view(-1)
    for size in (777, CHUNK, CHUNK + 1, 3 * CHUNK):
        assert torch.equal(torch.cat([piece.clone() for _, piece in made().chunks(size)]), whole)
    last = torch.empty(100)
    made().fill(whole.numel() - 100, last)
    assert torch.equal(last, whole[-100:])


@pytest.mark.parametrize("shape", [(500, 40), (40, 500), (40, 50), (9,)], ids=str)
def test_zeros_and_what_is_not_finite(shape: tuple[int, ...]) -> None:
    zero = difference(torch.zeros(shape), None, "zero")
    assert not bool(spectrum(zero).whole().count_nonzero())
    assert not bool(lowered(zero, 2).whole().count_nonzero())
    values = numbers(shape)
    values.view(-1)[3] = torch.nan
    assert bool(spectrum(difference(values, None, "x")).whole().isnan().all())
    assert bool(lowered(difference(values, None, "x"), 2).whole().isnan().any())


@pytest.mark.parametrize("shape", [(500, 40), (40, 500), (40, 50), (50, 40), (9,)], ids=str)
def test_layout_does_not_matter(shape: tuple[int, ...]) -> None:
    strided = numbers((*shape, 2))[..., 1]
    there, straight = difference(strided, None, "x"), difference(strided.contiguous(), None, "x")
    assert torch.equal(spectrum(there).whole(), spectrum(straight).whole())
    assert torch.equal(lowered(there, 2).whole(), lowered(straight, 2).whole())


@pytest.mark.parametrize("shape", [(500, 40), (40, 500), (40, 50), (50, 40), (9,)], ids=str)
@pytest.mark.parametrize("key", ["known", ""])
def test_what_is_known_is_not_read_again(shape: tuple[int, ...], key: str) -> None:
    memo, values = Memo(), numbers(shape)
    found, reads = [], []
    for seed in (0, 0, 1):
        inner = difference(values, None, key)

        def fill(start: int, into: torch.Tensor, inner: Delta = inner) -> None:
            reads.append(start)
            inner.fill(start, into)

        reads.clear()
        found.append(spectrum(Delta(inner.shape, inner.device, fill, key), seed, memo=memo).whole())
        assert bool(reads) == (not key or len(found) == 1)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_rank_of_a_wide_matrix_is_not_read_again() -> None:
    memo, delta = Memo(), difference(numbers((20, 900)), None, "x")
    first = lowered(delta, 3, memo=memo).whole()

    def fill(start: int, into: torch.Tensor) -> None:
        raise AssertionError

    assert torch.equal(lowered(Delta(delta.shape, delta.device, fill, "x"), 3, memo=memo).whole(), first)


@pytest.mark.parametrize("shape", [(7, 3), (3, 7), (5, 5), (1, 9), (9, 1)], ids=str)
def test_gram_strip_by_strip(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrices, "_SIDE", 10)
    values = numbers(shape)
    exact = values.double()
    wanted = exact.T @ exact if shape[0] >= shape[1] else exact @ exact.T
    assert torch.allclose(matrices.gram(difference(values)), wanted, rtol=1e-14)


def test_what_takes_long_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    delta = difference(numbers((30, 20)), None, "x")
    with caplog.at_level(logging.INFO, "rveval.vectors"):
        spectrum(delta)
        assert caplog.messages == []
        monkeypatch.setattr(matrices, "_SLOW_S", -1)
        spectrum(delta, tensor="model.w")
        lowered(delta, 2)
    assert [message.split(":")[0] for message in caplog.messages] == [
        "singular values and random bases of model.w",
        "singular vectors of w",
    ]
