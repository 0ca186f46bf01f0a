"""The estimate of sum s^4 where the singular values are known: its mean, its spread, and what it says of both."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rveval.describe import measure
from rveval.describe.measure import Sums, fourth_powers

SEEDS = 200


def spikes(count: int, height: float) -> torch.Tensor:
    values = torch.ones(150, dtype=torch.float64)
    values[:count] = height
    return values


SPECTRA = {
    "flat": spikes(0, 1.0),
    "one spike": spikes(1, 100.0),
    "five spikes": spikes(5, 8.0),
    "more spikes than are looked for": spikes(measure.SKETCH + 20, 5.0),
    "slow decay": torch.arange(1, 151, dtype=torch.float64) ** -0.5,
    "fast decay": torch.exp(-torch.arange(150, dtype=torch.float64) / 10),
    "of rank three": spikes(3, 2.0) - 1,
}


def matrix(values: torch.Tensor, rows: int = 200) -> torch.Tensor:
    """A matrix with these singular values, in random directions."""
    generator = torch.Generator().manual_seed(1)
    left, right = (
        torch.linalg.qr(torch.randn(size, len(values), generator=generator, dtype=torch.float64))[0]
        for size in (rows, len(values))
    )
    return ((left * values) @ right.t()).float()


def estimates(shown: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """By seed: the estimate and its variance."""
    found = [fourth_powers(shown, str(seed)) for seed in range(SEEDS)]
    means, variances = torch.tensor(found, dtype=torch.float64).unbind(1)
    return means, variances


@pytest.mark.parametrize("name", SPECTRA)
def test_mean_and_spread_are_what_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "EXACT", 16)
    values = SPECTRA[name]
    expected = float(values.pow(4).sum())
    found, variances = estimates(matrix(values))
    mean, spread = float(found.mean()), float(found.std())
    assert abs(mean - expected) < 4 * spread / math.sqrt(SEEDS) + 1e-5 * expected
    assert math.sqrt(float(variances.mean())) == pytest.approx(spread, rel=0.3, abs=1e-5 * expected)


@pytest.mark.parametrize("name", ["one spike", "five spikes", "slow decay", "fast decay", "of rank three"])
def test_it_knows_more_than_as_many_vectors_on_their_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of ||B z||^2 over all the vectors has the variance 2 (||B^2||^2 - its diagonal's) / their number."""
    monkeypatch.setattr(measure, "EXACT", 16)
    shown = matrix(SPECTRA[name])
    squared = torch.linalg.matrix_power(shown.double().t() @ shown.double(), 2)
    alone = 2 * float(squared.square().sum() - squared.diagonal().square().sum()) / (measure.SKETCH + measure.SAMPLES)
    assert float(estimates(shown)[0].var()) < alone / 2


@pytest.mark.parametrize("rows", [151, 400])
def test_nothing_and_one_entry_have_no_error(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "EXACT", 16)
    empty = torch.zeros(rows, 150)
    assert all(float(one.abs().max()) == 0 for one in estimates(empty))
    empty[rows // 2, 7] = 3.0
    found, variances = estimates(empty)
    assert found.tolist() == pytest.approx([81.0] * SEEDS, rel=1e-6)
    assert float(variances.max()) < 1e-8


def test_both_sides_are_compared_with_the_limit() -> None:
    """Just below it the answer is exact, just above it is not."""
    generator = torch.Generator().manual_seed(0)
    for shape in ((measure.EXACT, 400), (400, measure.EXACT), (measure.EXACT + 1, 400), (400, measure.EXACT + 1)):
        shown = torch.randn(*shape, generator=generator)
        found, variance = fourth_powers(shown, "")
        expected = float(torch.linalg.svdvals(shown.double()).pow(4).sum())
        assert (variance == 0) == (min(shape) <= measure.EXACT)
        assert found == pytest.approx(expected, rel=1e-5 if variance == 0 else 0.15)


@settings(max_examples=30)
@given(rank=st.integers(1, 20), scale=st.floats(1e-6, 1e3))
def test_equal_singular_values_count_themselves(rank: int, scale: float) -> None:
    left, right = (torch.linalg.qr(torch.randn(size, rank, dtype=torch.float64))[0] for size in (50, 30))
    shown = (scale * left @ right.t()).float()
    squares = float(shown.double().square().sum())
    fourth, variance = fourth_powers(shown, "")
    found = Sums(tensors=1, entries=1500, matrices=squares, fourth=fourth, variance=variance)
    assert found.effective_rank == pytest.approx(rank, rel=1e-4)
    assert found.effective_rank_error == 0


@pytest.mark.parametrize("shape", [(300, 40), (40, 300), (64, 64), (1, 9), (9, 1)])
def test_the_fourth_powers_are_exact_where_one_side_is_small(shape: tuple[int, int]) -> None:
    shown = 1e-4 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    expected = torch.linalg.svdvals(shown.double()).pow(4).sum()
    assert fourth_powers(shown, "") == (pytest.approx(float(expected), rel=1e-5), 0.0)
