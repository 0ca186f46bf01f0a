"""Entries dropped at random: kept shares, unbiased sums, chances that rise with the rank, any chunking, any seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from test_vectors_sparse import Make, check_pieces, counted, kinds, shapes, values

from rveval.vectors import CHUNK, Memo, Place, Step, difference, drops
from rveval.vectors.drops import Chances, dare, della
from rveval.vectors.steps import della_range, of

CPU = torch.device("cpu")
BOTH = pytest.mark.parametrize(
    ("make", "step"), [(dare, of("dare", density=0.3)), (della, of("della", density=0.3))], ids=["dare", "della"]
)


@settings(deadline=None)
@given(shapes, kinds, st.floats(0.01, 0.99), st.integers(0, 2**20))
def test_dare_divides_what_it_keeps(shape, kind, density, seed) -> None:
    tensor = values(shape, kind, seed)
    found = check_pieces(dare(difference(tensor), of("dare", seed, density=density), Place("t")), seed)
    left = found != 0
    torch.testing.assert_close(found[left], (tensor[left].double() / density).float(), rtol=3e-7, atol=2.0**-148)


def mean_ranks(tensor: torch.Tensor) -> np.ndarray:
    """The rank of each magnitude in its row, from 0 to 1: by the leading 16 bits, equal ones share the mean."""
    columns = tensor.shape[-1] if tensor.ndim else 1
    sizes = np.abs(tensor.reshape(-1, columns).numpy()).view(np.uint32) & np.uint32(0xFFFF0000)
    return (rankdata(sizes.view(np.float32), axis=1) - 1) / (columns - 1) if columns > 1 else np.full(sizes.shape, 0.5)


def chances(probabilities: list[float]) -> Chances:
    return Chances.of(torch.tensor(probabilities, dtype=torch.float64), CPU)


def kept(seed: str, start: int, size: int, chance: float) -> np.ndarray:
    ones = torch.ones(size)
    drops.drop(seed, start, chances([chance]), ones)
    return ones.numpy() != 0


@settings(deadline=None)
@given(
    shapes.filter(lambda shape: 0 not in shape),
    kinds.filter(lambda kind: kind != "tiny"),
    st.sampled_from(((0.3, 0.1), (0.5, 0.49), (0.9, 0.0))),
    st.integers(0, 2**20),
)
def test_della_divides_what_it_keeps_by_the_chance_of_its_rank(shape, kind, window, seed) -> None:
    tensor, (density, epsilon) = values(shape, kind, seed), window
    step = of("della", seed, density=density, epsilon=epsilon)
    found = check_pieces(della(difference(tensor), step, Place("t")), seed)
    ranks = mean_ranks(tensor)
    chances = density - epsilon + 2 * epsilon * ranks
    exact, rows = tensor.double().numpy().reshape(ranks.shape), found.numpy().reshape(ranks.shape)
    np.testing.assert_allclose(rows[rows != 0], (exact / chances)[rows != 0], rtol=3e-7)


@BOTH
def test_large_tensors_in_pieces(make: Make, step: Step) -> None:
    tensor = values((CHUNK // 300 * 3 + 5, 700), "few values", 5)
    found = check_pieces(make(difference(tensor), step, Place("t")), 1)
    filled = int((tensor != 0).sum())
    assert int((found != 0).sum()) / filled == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("shape", [(2, 9000), (20_000,), (3, 40_000)], ids=str)
def test_rows_too_long_for_short_numbers(shape: tuple[int, ...]) -> None:
    tensor, step = values(shape, "normal", 2), of("della", density=0.5, epsilon=0.4)
    found = check_pieces(della(difference(tensor), step, Place("t")), 3)
    ranks = mean_ranks(tensor)
    left = found.reshape(ranks.shape).numpy() != 0
    assert left[ranks < 0.1].mean() == pytest.approx(0.14, abs=0.04)
    assert left[ranks > 0.9].mean() == pytest.approx(0.86, abs=0.04)


@pytest.mark.parametrize("chance", [0.001, 0.2, 1 / 3, 0.5, 0.9999])
def test_chances_are_met(chance: float) -> None:
    """The share of kept entries, against the binomial's spread; neighbours independent."""
    size = 200_000
    flat = kept("s", 3, size, chance).astype(float)
    assert abs(flat.mean() - chance) < 5 * (chance * (1 - chance) / size) ** 0.5
    for step in (1, 2, 7, 8, 64):
        assert abs(np.corrcoef(flat[:-step], flat[step:])[0, 1]) < 5 / size**0.5


def test_chances_finer_than_the_first_draw() -> None:
    """Two chances that 8 and 16 bits cannot tell apart: the same draws, and a few more that are kept."""
    size, low, high = 1 << 20, 0.25, 0.25 + 2.0**-18
    one, other = (kept("s", 0, size, chance) for chance in (low, high))
    assert not (one & ~other).any()
    assert 0 < int((other & ~one).sum()) < 20


@pytest.mark.parametrize(("make", "name"), [(dare, "dare"), (della, "della")])
def test_the_mean_over_seeds_is_the_tensor(make: Make, name: str) -> None:
    tensor, seeds, total = values((4, 50), "normal", 9), 3000, torch.zeros(4, 50, dtype=torch.float64)
    for seed in range(seeds):
        total += make(difference(tensor), of(name, seed, density=0.4, epsilon=0.2), Place("t")).whole()
    # x * (kept / p) has the variance x^2 (1 - p) / p, and p is 0.2 at least.
    spread = tensor.double().abs() * (0.8 / 0.2 / seeds) ** 0.5
    gap = (total / seeds - tensor.double()) / spread
    assert float(gap.abs().max()) < 5
    assert abs(float(gap.mean())) < 5 / gap.numel() ** 0.5


def test_della_keeps_large_entries_more_often() -> None:
    tensor, seeds = values((30, 21), "normal", 4), 400
    step_of = [of("della", seed, density=0.5, epsilon=0.3) for seed in range(seeds)]
    often = sum((della(difference(tensor), step, Place("t")).whole() != 0).double() for step in step_of) / seeds
    ranks = mean_ranks(tensor)
    for rank in np.unique(ranks):
        here = np.asarray(often)[ranks == rank]
        assert abs(here.mean() - 0.2 - 0.6 * rank) < 5 * (0.25 / (here.size * seeds)) ** 0.5


@BOTH
def test_what_a_draw_depends_on(make: Make, step: Step) -> None:
    tensor = difference(values((50, 40), "normal", 1), key="d")
    first = make(tensor, step, Place("t"))
    again = make(tensor, step, Place("t", memo=Memo()))
    assert torch.equal(first.whole(), again.whole())
    assert first.key == again.key != ""
    for other in (
        make(tensor, step, Place("u")),
        make(tensor, step, Place("t", term=1)),
        make(tensor, of(step.name, 1, density=0.3), Place("t")),
    ):
        assert not torch.equal(first.whole(), other.whole())
        assert first.key != other.key
    nameless, _ = counted(values((50, 40), "normal", 1), "")
    assert make(nameless, step, Place("t")).key == ""


@BOTH
def test_density_one_changes_nothing(make: Make, step: Step) -> None:
    tensor = values((5, 7), "normal", 1)
    assert torch.equal(make(difference(tensor), of(step.name, density=1.0), Place("t")).whole(), tensor)


@BOTH
def test_threads_change_nothing(make: Make, step: Step) -> None:
    delta, threads = difference(values((600, 512), "normal", 1)), torch.get_num_threads()
    found = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            found.append(make(delta, step, Place("t")).whole())
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 40), kinds, st.integers(0, 2**20), st.integers(0, 100))
def test_what_a_gpu_computes_is_what_the_cpu_computes(rows, columns, kind, seed, start) -> None:
    tensor = values((rows, columns), kind, seed)
    most = 2 * columns - 1
    many = chances([0.3 + 0.4 * rank / most for rank in range(most)])
    one, other = tensor.clone(), tensor.clone()
    drops.drop_by_rank("s", start, many, one)
    drops._drop("s", start, many, drops.doubled_ranks(other), other.view(-1))
    assert torch.equal(one, other)
    one, other = tensor.view(-1).clone(), tensor.view(-1).clone()
    drops.drop("s", start, chances([0.3]), one)
    drops._drop("s", start, chances([0.3]), None, other)
    assert torch.equal(one, other)


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(2, 40), kinds, st.integers(0, 2**20))
def test_ranks_compare_as_bfloat16_and_equal_ones_share_their_mean(rows, columns, kind, seed) -> None:
    tensor = values((rows, columns), kind, seed)
    wanted = mean_ranks(tensor) * 2 * (columns - 1)
    np.testing.assert_allclose(drops.doubled_ranks(tensor).numpy(), wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("density", "epsilon", "fine"),
    [(0.5, 0.1, True), (0.2, 0.2, False), (0.9, 0.1, False), (0.05, 0.1, False), (1.0, 0.1, True), (0.5, -0.1, False)],
)
def test_windows_that_are_no_chances(density: float, epsilon: float, fine: bool) -> None:
    assert (della_range(density, epsilon) == "") == fine
