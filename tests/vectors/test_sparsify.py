"""Transforms that choose entries, by size, at random or by agreement, against brute force with numpy in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata
from tensorcases import KINDS, apply, kinds, shapes, values

from rveval.errors import Failed
from rveval.vectors import Difference, Step, combine, sparsify, transformed

LARGE = 800_000
densities = st.one_of(st.floats(1e-6, 1), st.sampled_from((1e-9, 0.2, 0.5, 1.0)))


def largest_first(tensor: torch.Tensor) -> np.ndarray:
    """Indices by falling magnitude, of equal ones the lower index first."""
    flat = np.abs(tensor.numpy().ravel().astype(np.float64))
    return np.lexsort((np.arange(flat.size), -flat))


def kept(tensor: torch.Tensor, chosen: np.ndarray) -> torch.Tensor:
    result = torch.zeros(tensor.numel(), dtype=torch.float32)
    result[chosen.copy()] = tensor.reshape(-1)[chosen.copy()]
    return result.view(tensor.shape)


@given(shapes, kinds, densities, st.integers(0, 2**20))
def test_trim_keeps_exactly_as_many(shape, kind, density, seed) -> None:
    tensor = values(shape, kind, seed)
    chosen = largest_first(tensor)[: max(1, int(density * tensor.numel()))]
    assert torch.equal(apply("trim", tensor, density=density), kept(tensor, chosen))


@given(shapes, kinds, densities, st.floats(0.001, 0.5), st.integers(0, 2**20))
def test_breadcrumbs_keep_the_middle(shape, kind, density, gamma, seed) -> None:
    tensor = values(shape, kind, seed)
    size = tensor.numel()
    remain = int(density * size)
    dropped = min(int(gamma * size), size - remain)
    chosen = largest_first(tensor)[dropped : dropped + remain]
    assert torch.equal(apply("breadcrumbs", tensor, density=density, gamma=gamma), kept(tensor, chosen))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "zero"])
def test_large_tensors(kind: str) -> None:
    tensor = values((LARGE,), kind, 7)
    order = largest_first(tensor)
    for density in (1e-6, 0.01, 0.2, 0.999):
        assert torch.equal(apply("trim", tensor, density=density), kept(tensor, order[: max(1, int(density * LARGE))]))
    assert torch.equal(apply("breadcrumbs", tensor, density=0.2), kept(tensor, order[8000:168_000]))


def test_one_after_the_other() -> None:
    tensor = values((40, 11), "few values", 3)
    steps = [Step.of("trim", density=0.5), Step.of("trim", density=0.1)]
    assert torch.equal(transformed([Difference(tensor)], steps, "w")[0].plus, apply("trim", tensor, density=0.1))


# --- at random


def mean_ranks(tensor: torch.Tensor) -> np.ndarray:
    """The rank of each magnitude in its row, from 0 to 1: by the leading 16 bits, equal ones share the mean."""
    columns = tensor.shape[-1] if tensor.ndim else 1
    sizes = np.abs(tensor.reshape(-1, columns).numpy()).view(np.uint32) & np.uint32(0xFFFF0000)
    return (rankdata(sizes.view(np.float32), axis=1) - 1) / (columns - 1) if columns > 1 else np.full(sizes.shape, 0.5)


@given(st.integers(1, 5), st.integers(1, 40), kinds, st.integers(0, 2**20))
def test_ranks_compare_as_bfloat16_and_equal_ones_share_their_mean(rows, columns, kind, seed) -> None:
    tensor = values((rows, columns), kind, seed)
    np.testing.assert_allclose(sparsify.mean_ranks(tensor).numpy(), mean_ranks(tensor), rtol=1e-6)


def test_ranks_of_many_rows_and_of_rows_too_long_for_short_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparsify, "COUNTED", 10_000)  # rows are taken a few at a time
    for shape in ((300, 70), (2, 40_000)):
        tensor = values(shape, "normal", 1)
        np.testing.assert_allclose(sparsify.mean_ranks(tensor).numpy(), mean_ranks(tensor), rtol=1e-6)


@given(shapes, kinds, st.floats(0.01, 0.99), st.integers(0, 2**20))
def test_dare_divides_what_it_keeps(shape, kind, density, seed) -> None:
    tensor = values(shape, kind, seed)
    result = apply("dare", tensor, seed, density=density)
    left = result != 0
    torch.testing.assert_close(result[left], (tensor[left].double() / density).float(), rtol=3e-7, atol=2.0**-148)


@given(
    shapes.filter(lambda shape: 0 not in shape),
    kinds.filter(lambda kind: kind != "tiny"),
    st.sampled_from(((0.3, 0.1), (0.5, 0.49), (0.9, 0.01))),
    st.integers(0, 2**20),
)
def test_della_divides_what_it_keeps_by_the_chance_of_its_rank(shape, kind, window, seed) -> None:
    tensor, (density, epsilon) = values(shape, kind, seed), window
    ranks = mean_ranks(tensor)
    rows = apply("della", tensor, seed, density=density, epsilon=epsilon).numpy().reshape(ranks.shape)
    exact = tensor.double().numpy().reshape(ranks.shape) / (density - epsilon + 2 * epsilon * ranks)
    np.testing.assert_allclose(rows[rows != 0], exact[rows != 0], rtol=3e-7)


@pytest.mark.parametrize("density", [0.001, 0.2, 1 / 3, 0.5, 0.9999])
def test_chances_are_met_and_neighbours_independent(density: float) -> None:
    size = 200_000
    flat = (apply("dare", torch.ones(size), density=density) != 0).double().numpy()
    assert abs(flat.mean() - density) < 5 * (density * (1 - density) / size) ** 0.5
    for step in (1, 2, 7, 8, 64) if 0.1 < density < 0.9 else ():  # of rare ones there are too few pairs to correlate
        assert abs(np.corrcoef(flat[:-step], flat[step:])[0, 1]) < 5 / size**0.5


@pytest.mark.parametrize("name", ["dare", "della"])
def test_the_mean_over_seeds_is_the_tensor(name: str) -> None:
    tensor, seeds, total = values((4, 50), "normal", 9), 3000, torch.zeros(4, 50, dtype=torch.float64)
    for seed in range(seeds):
        total += apply(name, tensor, seed, density=0.4, epsilon=0.2)
    # x * (kept / p) has the variance x^2 (1 - p) / p, and p is 0.2 at least.
    gap = (total / seeds - tensor.double()) / (tensor.double().abs() * (0.8 / 0.2 / seeds) ** 0.5)
    assert float(gap.abs().max()) < 5
    assert abs(float(gap.mean())) < 5 / gap.numel() ** 0.5


def test_della_keeps_large_entries_more_often() -> None:
    tensor, seeds = values((30, 21), "normal", 4), 400
    often = sum((apply("della", tensor, s, density=0.5, epsilon=0.3) != 0).double() for s in range(seeds)) / seeds
    ranks = mean_ranks(tensor)
    for rank in np.unique(ranks):
        here = np.asarray(often)[ranks == rank]
        assert abs(here.mean() - 0.2 - 0.6 * rank) < 5 * (0.25 / (here.size * seeds)) ** 0.5


@pytest.mark.parametrize("name", ["dare", "della", "trim"])
def test_density_one_changes_nothing(name: str) -> None:
    tensor = values((5, 7), "normal", 1)
    assert torch.equal(apply(name, tensor, density=1.0), tensor)


@pytest.mark.parametrize(
    ("density", "epsilon", "fine"),
    [(0.5, 0.1, True), (0.2, 0.2, False), (0.9, 0.1, False), (0.05, 0.1, False), (1.0, 0.1, True)],
)
def test_windows_that_are_no_chances(density: float, epsilon: float, fine: bool) -> None:
    assert (sparsify.window(density, epsilon) == "") == fine


# --- by agreement

weights = st.sampled_from((1.0, 0.5, 2.0, -1.0, 0.25))


def by_the_paper(tensors: list[torch.Tensor], given: list[float], density: float) -> np.ndarray:
    """Trim, elect, merge. Weights are powers of two in the tests, so that no product is rounded in float32 either."""
    scaled = []
    for tensor, weight in zip(tensors, given, strict=True):
        chosen = largest_first(tensor)[: max(1, int(density * tensor.numel()))]
        scaled.append(weight * kept(tensor, chosen).numpy().ravel().astype(np.float64))
    merged = np.zeros(tensors[0].numel())
    for place in range(merged.size):
        entries = [one[place] for one in scaled]
        elected = 1.0 if sum(np.float32(entry) for entry in entries) >= 0 else -1.0
        agree = [number for number, entry in enumerate(entries) if entry * elected > 0]
        if agree:
            merged[place] = sum(entries[n] for n in agree) / sum(abs(given[n]) for n in agree)
    return merged.reshape(tensors[0].shape)


@given(
    shapes,
    kinds.filter(lambda kind: kind not in ("wide", "tiny")),
    st.lists(weights, min_size=1, max_size=4),
    st.sampled_from((0.01, 0.2, 0.5, 1.0)),
    st.integers(0, 2**20),
)
def test_trim_elect_merge(shape, kind, given, density, seed) -> None:
    tensors = [values(shape, kind, seed + number) for number in range(len(given))]
    terms = [Difference(tensor, weight=weight) for tensor, weight in zip(tensors, given, strict=True)]
    (merged,) = transformed(terms, [Step.of("ties", density=density)], "w")
    assert merged.weight == 1.0
    np.testing.assert_allclose(merged.plus.numpy(), by_the_paper(tensors, given, density), rtol=1e-5, atol=1e-6)
    assert torch.equal(combine(torch.zeros(shape), [merged], 1.0), merged.plus)


def test_a_vector_that_is_taken_away_stays_taken_away() -> None:
    added, taken = torch.tensor([1.0, 2.0, 0.0, 3.0]), torch.tensor([2.0, -2.0, 5.0, 3.0])
    # 1 against -2: minus is elected; 2 and 2 agree; only the second says something; 3 and -3: plus is elected.
    assert sparsify.ties([added, taken], [1.0, -1.0], 1.0).tolist() == [-2.0, 2.0, -5.0, 3.0]


def test_terms_of_other_shapes_and_no_terms() -> None:
    steps = [Step.of("ties", density=0.5)]
    assert transformed([], steps, "w") == []
    with pytest.raises(Failed, match=r"\(2, 3\)"):
        transformed([Difference(torch.ones(shape)) for shape in ((6,), (2, 3))], steps, "w")
