"""Null controls against brute force: what each keeps, what it forgets, and that pieces and order change no bit."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rveval.errors import Failed
from rveval.vectors import CHUNK, Delta, Displacement, Memo, Place, Step, combine, difference, transformed
from rveval.vectors.delta import RUN
from rveval.vectors.draws import gaussians, words
from rveval.vectors.layers import swapped
from rveval.vectors.measures import sum_of_squares
from rveval.vectors.permute import shuffled

CPU = torch.device("cpu")
DRAWN = ("random", "permute", "signs")
SIZES = (0, 1, 2, 63, 64, 65, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 77)
shapes = st.one_of(
    st.just(()),
    st.just((0,)),
    st.just((3, 0, 2)),
    st.tuples(st.integers(1, 300)),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6)),
)


def numbers(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def source(shape: tuple[int, ...], seed: int = 0) -> Delta:
    return difference(numbers(shape, seed).bfloat16(), numbers(shape, seed + 1).bfloat16(), f"{shape} {seed}")


def null(name: str, delta: Delta, seed: int = 0, tensor: str = "w", term: int = 0, **place: object) -> Delta:
    terms = [Displacement(delta)] * (term + 1)
    steps = [Step(name, seed=None if name == "other" else seed)]
    return transformed(terms, steps, Place(tensor, **place))[term].delta  # type: ignore[arg-type]


def flat(delta: Delta) -> torch.Tensor:
    return delta.whole().view(-1)


def norm(tensor: torch.Tensor) -> float:
    return float(tensor.double().square().sum().sqrt())


@given(shapes, st.integers(0, 99))
def test_random_keeps_the_norm(shape: tuple[int, ...], seed: int) -> None:
    delta = source(shape, seed)
    found = null("random", delta, seed)
    assert found.shape == shape
    assert norm(found.whole()) == pytest.approx(norm(delta.whole()), rel=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_what_each_null_keeps_at_all_sizes(size: int) -> None:
    delta = source((size,))
    before = flat(delta)
    assert norm(flat(null("random", delta))) == pytest.approx(norm(before), rel=3e-7)
    assert torch.equal(flat(null("signs", delta)).abs(), before.abs())
    assert torch.equal(flat(null("permute", delta)).sort().values, before.sort().values)


@given(shapes, st.integers(0, 99))
def test_permute_keeps_every_entry_once(shape: tuple[int, ...], seed: int) -> None:
    delta = source(shape, seed)
    found = null("permute", delta, seed)
    assert found.shape == shape
    assert torch.equal(flat(found).sort().values, flat(delta).sort().values)


@settings(max_examples=40)
@given(st.sampled_from(DRAWN), st.sampled_from(SIZES[1:]), st.data())
def test_any_range_is_a_slice_of_the_whole(name: str, size: int, data: st.DataObject) -> None:
    found = null(name, source((size,)), 5)
    whole = flat(found)
    for _ in range(3):
        start = data.draw(st.integers(0, size - 1))
        piece = torch.empty(data.draw(st.integers(1, size - start)))
        found.fill(start, piece)
        assert torch.equal(piece, whole[start : start + piece.numel()])
    again = null(name, source((size,)), 5)
    odd = data.draw(st.integers(max(1, size // 7), size))
    assert torch.equal(torch.cat([piece.clone() for _, piece in again.chunks(odd)]), whole)


@pytest.mark.parametrize("name", DRAWN)
def test_threads_change_no_bit(name: str) -> None:
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(flat(null(name, source((CHUNK + 999,)))))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(found[0], one) for one in found[1:])


@pytest.mark.parametrize("name", DRAWN)
def test_seeds_tensors_and_terms_draw_their_own(name: str) -> None:
    delta = source((3000,))
    places = [{"seed": 0}, {"seed": 1}, {"tensor": "v"}, {"term": 1}]
    found = [flat(null(name, delta, **place)) for place in places]  # type: ignore[arg-type]
    same = [torch.equal(one, other) for one, other in itertools.combinations([flat(delta), *found], 2)]
    assert not any(same)
    for one, other in itertools.combinations(found, 2):
        assert abs(float(torch.corrcoef(torch.stack([one, other]))[0, 1])) < 5 * 3**0.5 / 3000**0.5
    keys = {null(name, delta, **place).key for place in places}  # type: ignore[arg-type]
    assert len(keys) == len(places)
    assert null(name, difference(numbers((9,)))).key == ""


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_of_the_direction_is_left(name: str) -> None:
    size = 4 * CHUNK // 3
    delta = source((size,))
    before, after = flat(delta).double(), flat(null(name, delta)).double()
    cosine = float(before @ after / before.norm() / after.norm())
    # Of signs, the products are squares: their spread is the root of the fourth moment, which is 3 for these.
    assert abs(cosine) < 5 * 3**0.5 / size**0.5


@pytest.mark.parametrize("name", [*DRAWN, "other"])
def test_zeros_stay_zeros(name: str) -> None:
    delta = difference(torch.zeros(70, 10), None, "zero")
    assert not bool(null(name, delta, other=source((70, 10))).whole().count_nonzero())


@pytest.mark.parametrize("name", [*DRAWN, "other"])
def test_layout_does_not_matter(name: str) -> None:
    plus = numbers((40, 30)).T
    there, straight = difference(plus, None, "x"), difference(plus.contiguous(), None, "x")
    other = source((30, 40), 4)
    assert torch.equal(null(name, there, other=other).whole(), null(name, straight, other=other).whole())


def test_random_is_gaussian_and_has_no_pattern() -> None:
    size = 3 * CHUNK + 5000
    found = flat(null("random", difference(torch.ones(size), None, "x"))).double()
    assert stats.kstest(found.numpy(), "norm").pvalue > 1e-3
    assert abs(float(found.mean())) < 4 / size**0.5
    assert float(found.pow(4).mean()) == pytest.approx(3, abs=5 * 96**0.5 / size**0.5 + 0.001)
    for lag in (1, 2, 3, 4, 64, CHUNK):
        assert abs(float((found[lag:] * found[:-lag]).mean())) < 4.5 / (size - lag) ** 0.5


def test_norms_of_blocks_vary_as_those_of_gaussian_numbers_do() -> None:
    blocks = 200
    found = null("random", difference(torch.ones(1).expand(blocks * CHUNK), None, "x"))
    squares = torch.tensor([float(piece.double().square().sum()) for _, piece in found.chunks()])
    spread = float(squares.double().std()) / (2 * CHUNK) ** 0.5
    assert 0.8 < spread < 1.2


def test_small_tensors_get_every_direction() -> None:
    delta = difference(torch.tensor([3.0, 4.0]), None, "x")
    found = torch.stack([flat(null("random", delta, seed)) for seed in range(2000)]).double()
    assert torch.allclose(found.norm(dim=1), torch.tensor(5.0).double())
    angles = torch.atan2(found[:, 0], found[:, 1]) / (2 * torch.pi) + 0.5
    assert stats.kstest(angles.numpy(), "uniform").pvalue > 1e-3


def test_signs_are_fair_and_independent_of_their_neighbours() -> None:
    size = 2 * CHUNK + 13
    found = flat(null("signs", difference(torch.ones(size), None, "x")))
    assert abs(float(found.mean())) < 4 / size**0.5
    for lag in (1, 31, 32, 33, 64):
        assert abs(float((found[lag:] * found[:-lag]).mean())) < 4 / (size - lag) ** 0.5


def went(size: int, seed: int, take: bool = True) -> torch.Tensor:
    """Where every place's entry came from, exact as float32 holds it: the entries are their own places."""
    delta = difference(torch.arange(size, dtype=torch.float32), None, "places")
    if not take:
        delta = Delta(delta.shape, delta.device, delta.fill, delta.key)
    return flat(null("permute", delta, seed)).long()


@pytest.mark.parametrize("size", [5000, CHUNK, 5 * CHUNK + 70])
def test_permute_sends_entries_everywhere(size: int) -> None:
    bins = 16
    table = torch.zeros(bins, bins)
    for seed in range(3):
        start = went(size, seed)
        pairs = (start * bins // size) * bins + torch.arange(size) * bins // size
        table += torch.bincount(pairs, minlength=bins * bins).view(bins, bins)
    # Runs move together, so that whole blocks have counts that vary up to so many times as much as single entries'.
    spread = 1 if size <= CHUNK else RUN
    statistic = float(((table - table.mean()) ** 2 / table.mean()).sum()) / spread
    assert statistic < stats.chi2.ppf(0.9999, (bins - 1) ** 2)
    assert statistic > stats.chi2.ppf(0.0001, (bins - 1) ** 2) / spread


def test_permute_leaves_no_neighbours_and_no_common_order() -> None:
    size = 4 * CHUNK
    start = went(size, 1)
    assert int((start.diff().abs() <= 4).sum()) < 200
    assert int((start == torch.arange(size)).sum()) < 20
    inside = (start % CHUNK).view(4, CHUNK)
    for one, other in itertools.combinations(inside.double(), 2):
        assert abs(float(torch.corrcoef(torch.stack([one, other]))[0, 1])) < 5 / CHUNK**0.5


@pytest.mark.parametrize("size", [512, 5000, CHUNK, 9 * CHUNK + 700, 17 * CHUNK])
def test_permute_is_the_same_where_runs_must_be_looked_for(size: int) -> None:
    assert torch.equal(went(size, 2), went(size, 2, take=False))


def test_permute_after_another_step() -> None:
    delta = source((2 * CHUNK + 5,))
    steps = [Step("trim", density=0.25), Step("permute", seed=1)]
    found = flat(transformed([Displacement(delta)], steps, Place("w"))[0].delta)
    trimmed = flat(transformed([Displacement(delta)], steps[:1], Place("w"))[0].delta)
    assert torch.equal(found.sort().values, trimmed.sort().values)


@given(st.integers(1, 3000), st.integers(0, 99))
def test_shuffled_is_a_permutation(size: int, seed: int) -> None:
    whole = shuffled(f"{seed}", size, CPU)
    assert torch.equal(whole.sort().values.long(), torch.arange(size))


def test_shuffled_sends_each_to_each_equally_often() -> None:
    size, rounds = 12, 6000
    table = torch.zeros(size, size)
    for seed in range(rounds):
        table[torch.arange(size), shuffled(f"{seed}", size, CPU).long()] += 1
    assert stats.chi2.sf(float(((table - rounds / size) ** 2 / (rounds / size)).sum()), (size - 1) ** 2) > 1e-4


@given(shapes, st.integers(0, 99))
def test_other_has_the_norm_and_its_own_direction(shape: tuple[int, ...], seed: int) -> None:
    delta, other = source(shape, seed), source(shape, seed + 50)
    found, wanted = null("other", delta, other=other).whole().double(), other.whole().double()
    factor = norm(delta.whole()) / norm(wanted) if norm(wanted) else 0.0
    assert torch.allclose(found, wanted * factor, rtol=1e-6, atol=0)


def test_other_that_is_zero_or_of_another_shape() -> None:
    delta = source((8, 4))
    assert not bool(null("other", delta, other=difference(torch.zeros(8, 4), None, "z")).whole().count_nonzero())
    with pytest.raises(Failed):
        null("other", delta, other=source((4, 8)))


def test_what_is_not_finite_stays_visible() -> None:
    delta = difference(torch.tensor([1.0, torch.nan, 3.0]), None, "x")
    assert bool(null("random", delta).whole().isnan().all())
    assert int(null("signs", delta).whole().isnan().sum()) == 1
    assert int(null("permute", delta).whole().isnan().sum()) == 1


def counted(delta: Delta) -> tuple[Delta, list[int]]:
    """The delta, and a list that grows with every reading of it."""
    reads: list[int] = []

    def fill(start: int, into: torch.Tensor) -> None:
        reads.append(start)
        delta.fill(start, into)

    return Delta(delta.shape, delta.device, fill, delta.key), reads


@pytest.mark.parametrize("key", ["known", ""])
def test_a_norm_is_read_once_where_the_delta_is_known(key: str) -> None:
    memo, values = Memo(), numbers((1000,))
    found = []
    for _ in range(2):
        delta, reads = counted(difference(values, None, key))
        found.append(flat(null("random", delta, memo=memo)))
    assert bool(reads) == (not key)
    assert torch.equal(*found)


@pytest.mark.parametrize("size", SIZES)
def test_sum_of_squares(size: int) -> None:
    values = numbers((size,)) * 1e-25
    found = sum_of_squares(difference(values, None, "x"), Memo())
    assert found == pytest.approx(float(values.double().square().sum()), rel=1e-12)


def test_random_goes_through_the_sum_as_any_delta() -> None:
    base, delta = numbers((300, 1000)).bfloat16(), source((300, 1000))
    found = null("random", delta)
    assert torch.equal(combine(base, [Displacement(found)], 0.5), (base.float() + 0.5 * found.whole()).bfloat16())


def reference_words(state: int, count: int) -> list[int]:
    """SplitMix64 as its authors give it, in Python's whole numbers."""
    mask, found = (1 << 64) - 1, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        found.append(z ^ (z >> 31))
    return found


def test_words_are_splitmix64(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reference_words(0, 1) == [0xE220A8397B1DCDAF]
    for state in (0, 1, (1 << 64) - 5, 0x8000000000000000):
        signed = state - (1 << 64) if state >> 63 else state
        monkeypatch.setattr("rveval.vectors.draws.whole_number", lambda _, signed=signed: signed)
        wanted = [word - (1 << 64) if word >> 63 else word for word in reference_words(state, 70)]
        assert words("", 0, 70, CPU).tolist() == wanted
        assert words("", 33, 5, CPU).tolist() == wanted[33:38]


def test_gaussians_are_the_middles_of_equal_parts() -> None:
    found = torch.empty(1 << 22)
    gaussians("x", 0, found)
    values = found.unique().double()
    assert len(values) == 1 << 16
    wanted = torch.special.ndtri((torch.arange(1 << 16).double() + 0.5) / (1 << 16))
    assert torch.allclose(values, wanted, atol=2.0**-16, rtol=0)
    assert torch.equal(values * 2**15, (values * 2**15).round())
    assert float(values.square().mean()) == pytest.approx(0.99998, abs=1e-6)


def model(layers: int, prefix: str = "model.layers.", width: int = 4) -> dict[str, tuple[int, ...]]:
    kinds = {"self_attn.q_proj.weight": (width, width), "mlp.experts.7.up.weight": (width, 2), "norm.weight": (width,)}
    return {f"{prefix}{number}.{kind}": shape for number in range(layers) for kind, shape in kinds.items()}


@given(st.integers(2, 30), st.integers(0, 1000))
def test_no_layer_keeps_its_own(layers: int, seed: int) -> None:
    names = model(layers) | {"model.embed_tokens.weight": (9, 4), "lm_head.weight": (9, 4)}
    found = swapped(names, seed)
    assert found.keys() == names.keys()
    assert sorted(found.values()) == sorted(names)
    assert all(names[target] == names[name] for name, target in found.items())
    target: dict[str, set[str]] = {}
    for name, other in found.items():
        if ".layers." in name:
            assert name.split(".", 3)[3] == other.split(".", 3)[3]
            target.setdefault(name.split(".")[2], set()).add(other.split(".")[2])
    assert all(len(others) == 1 and number not in others for number, others in target.items())
    assert found["lm_head.weight"] == "lm_head.weight"
    assert found == swapped(dict(reversed(names.items())), seed)


def test_every_derangement_is_drawn() -> None:
    names = {f"h.{number}.w": (2,) for number in range(4)}
    found = Counter(tuple(swapped(names, seed).values()) for seed in range(1800))
    assert len(found) == 9
    assert stats.chisquare(list(found.values())).pvalue > 1e-4


def test_layers_of_other_shapes_and_stacks_stay_apart() -> None:
    wide = {name.replace("layers.", "layers.1", 1): shape for name, shape in model(2, width=6).items()}
    vision = model(3, "vision.blocks.")
    names = model(2) | wide | vision | {"model.layers.99.only.weight": (1,)}
    found = swapped(names, 0)
    assert found["model.layers.0.norm.weight"] == "model.layers.1.norm.weight"
    assert found["model.layers.10.norm.weight"] == "model.layers.11.norm.weight"
    assert found["model.layers.99.only.weight"] == "model.layers.99.only.weight"
    assert all(found[name] in vision and found[name] != name for name in vision)
