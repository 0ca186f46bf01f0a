"""The estimate of sum s^4 where the singular values are known: its mean, its spread, and what it says of both."""

from __future__ import annotations

import math

import pytest
import torch

from rveval.describe import ranks

SEEDS = 200


def spikes(count: int, height: float) -> torch.Tensor:
    values = torch.ones(150, dtype=torch.float64)
    values[:count] = height
    return values


SPECTRA = {
    "flat": spikes(0, 1.0),
    "one spike": spikes(1, 100.0),
    "five spikes": spikes(5, 8.0),
    "more spikes than are looked for": spikes(ranks.FINDING + 20, 5.0),
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
    found = []
    for seed in range(SEEDS):
        spectrum = ranks.Spectrum((shown.shape[0], shown.shape[1]), str(seed))
        for block in shown.split(60):
            spectrum.add(block)
        found.append(spectrum.fourth())
    means, variances = torch.tensor(found, dtype=torch.float64).unbind(1)
    return means, variances


@pytest.mark.parametrize("name", SPECTRA)
def test_mean_and_spread_are_what_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "EXACT", 16)
    values = SPECTRA[name]
    expected = float(values.pow(4).sum())
    found, variances = estimates(matrix(values))
    mean, spread = float(found.mean()), float(found.std())
    assert abs(mean - expected) < 4 * spread / math.sqrt(SEEDS) + 1e-5 * expected
    assert math.sqrt(float(variances.mean())) == pytest.approx(spread, rel=0.3, abs=1e-5 * expected)


@pytest.mark.parametrize("name", ["one spike", "five spikes", "slow decay", "fast decay", "of rank three"])
def test_it_knows_more_than_as_many_vectors_on_their_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of ||B z||^2 over all the vectors has the variance 2 (||B^2||^2 - its diagonal's) / their number."""
    monkeypatch.setattr(ranks, "EXACT", 16)
    shown = matrix(SPECTRA[name])
    squared = torch.linalg.matrix_power(shown.double().t() @ shown.double(), 2)
    alone = 2 * float(squared.square().sum() - squared.diagonal().square().sum()) / (ranks.FINDING + ranks.REST)
    assert float(estimates(shown)[0].var()) < alone / 2


@pytest.mark.parametrize("rows", [151, 400])
def test_nothing_and_one_entry_have_no_error(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "EXACT", 16)
    empty = torch.zeros(rows, 150)
    assert all(float(one.abs().max()) == 0 for one in estimates(empty))
    empty[rows // 2, 7] = 3.0
    found, variances = estimates(empty)
    assert found.tolist() == pytest.approx([81.0] * SEEDS, rel=1e-6)
    assert float(variances.max()) < 1e-8


def test_both_sides_are_compared_with_the_limit() -> None:
    """Just below it the answer is exact, just above it is not."""
    generator = torch.Generator().manual_seed(0)
    for shape in ((ranks.EXACT, 400), (400, ranks.EXACT), (ranks.EXACT + 1, 400), (400, ranks.EXACT + 1)):
        shown = torch.randn(*shape, generator=generator)
        spectrum = ranks.Spectrum(shape, "")
        spectrum.add(shown)
        found, variance = spectrum.fourth()
        expected = float(torch.linalg.svdvals(shown.double()).pow(4).sum())
        assert (variance == 0) == (min(shape) <= ranks.EXACT)
        assert found == pytest.approx(expected, rel=1e-5 if variance == 0 else 0.15)
