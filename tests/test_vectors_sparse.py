"""Transforms that choose or change entries by their size, against brute force: exactly k kept, ties, any chunking."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rveval.vectors import CHUNK, Delta, Memo, Place, Step, difference
from rveval.vectors import thresholds as orders
from rveval.vectors.shapes import clip, sign_only
from rveval.vectors.sparse import breadcrumbs, trim
from rveval.vectors.steps import of
from rveval.vectors.thresholds import Cut, cuts

Make = Callable[[Delta, Step, Place], Delta]

shapes = st.one_of(
    st.just(()),
    st.just((0,)),
    st.just((3, 0, 2)),
    st.tuples(st.integers(1, 200)),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
)
densities = st.one_of(st.floats(1e-6, 1), st.sampled_from((1e-9, 0.2, 0.5, 1.0)))
kinds = st.sampled_from(("normal", "few values", "mostly zero", "one value", "zero", "wide", "tiny"))


def values(shape: tuple[int, ...], kind: str, seed: int) -> torch.Tensor:
    """Numbers of a kind that differences of checkpoints have."""
    random = np.random.default_rng(seed)
    normal = random.standard_normal(shape)
    found = {
        "normal": normal,
        "few values": random.integers(-3, 4, shape) * 2.0**-9,
        "mostly zero": np.where(random.random(shape) < 0.9, 0.0, random.integers(-2, 3, shape) * 2.0**-9),
        "one value": np.sign(normal) * 0.25,
        "zero": normal * 0.0,
        "wide": normal * 2.0 ** random.integers(-100, 100, shape),
        "tiny": random.integers(-3, 4, shape) * 2.0**-149,
    }[kind]
    return torch.from_numpy(np.asarray(found, dtype=np.float32))


def largest_first(tensor: torch.Tensor) -> np.ndarray:
    """Indices by falling magnitude, of equal ones the lower index first."""
    flat = np.abs(tensor.numpy().ravel().astype(np.float64))
    return np.lexsort((np.arange(flat.size), -flat))


def kept(tensor: torch.Tensor, chosen: np.ndarray) -> torch.Tensor:
    found = torch.zeros(tensor.numel(), dtype=torch.float32)
    found[chosen.copy()] = tensor.reshape(-1)[chosen.copy()]
    return found.view(tensor.shape)


def check_pieces(delta: Delta, seed: int) -> torch.Tensor:
    """The same entries in whatever pieces they are asked for; returns them."""
    whole = delta.whole()
    random = np.random.default_rng(seed)
    for _ in range(8):
        first, last = sorted(random.integers(0, whole.numel() + 1, 2).tolist())
        piece = torch.full((last - first,), torch.nan)
        delta.fill(first, piece)
        assert torch.equal(piece, whole.view(-1)[first:last])
    for size in (1, 7, 64) if whole.numel() < 1000 else (CHUNK - 1, 100_003):
        parts = [piece.clone() for _, piece in delta.chunks(size)]
        assert torch.equal(torch.cat([*parts, torch.empty(0)]), whole.view(-1))
    return whole


@settings(deadline=None)
@given(shapes, kinds, st.lists(st.integers(0, 450), max_size=4), st.integers(0, 2**20))
def test_a_cut_leaves_exactly_the_k_largest(shape, kind, counts, seed) -> None:
    tensor = values(shape, kind, seed)
    for count, cut in zip(counts, cuts(difference(tensor), counts, Memo()), strict=True):
        flat = tensor.view(-1).abs()
        chosen = (flat > cut.value) | ((flat == cut.value) & (torch.arange(flat.numel()) < cut.upto))
        assert sorted(chosen.nonzero().view(-1).tolist()) == sorted(largest_first(tensor)[:count].tolist())


LARGE = 3 * CHUNK + 12_345


@pytest.mark.parametrize("kind", ["normal", "few values", "mostly zero", "one value", "wide"])
@pytest.mark.parametrize("layout", ["mixed", "rising", "blocks"])
def test_cuts_of_large_tensors(kind: str, layout: str) -> None:
    """Also where the sample says the wrong thing: rising values, and blocks that no sample need hit."""
    tensor = values((LARGE,), kind, 7)
    if layout == "rising":
        tensor = tensor[tensor.abs().argsort()]
    if layout == "blocks":
        tensor[CHUNK : CHUNK + 500] *= 64
    counts = [1, 400, LARGE // 100, LARGE // 5, LARGE // 2, LARGE - 1]
    order = largest_first(tensor)
    for count, cut in zip(counts, cuts(difference(tensor), counts, Memo()), strict=True):
        last = order[count - 1]
        assert cut == Cut(float(tensor[last].abs()), int(last) + 1)
        assert orders._by_patterns(difference(tensor), count) == cut


def test_too_much_between_the_two_magnitudes_is_counted_by_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "COLLECTED", 100)
    tensor = values((LARGE,), "normal", 3)
    last = largest_first(tensor)[LARGE // 5 - 1]
    assert cuts(difference(tensor), [LARGE // 5], Memo()) == [Cut(float(tensor[last].abs()), int(last) + 1)]


def test_all_or_nothing_needs_no_reading() -> None:
    def fill(start: int, into: torch.Tensor) -> None:
        raise AssertionError

    delta = Delta((10,), torch.device("cpu"), fill, "key")
    assert cuts(delta, [0, 10, 11], Memo()) == [Cut(inf, 0), Cut(0.0, 10), Cut(0.0, 10)]


@settings(deadline=None)
@given(shapes, kinds, densities, st.integers(0, 2**20))
def test_trim_keeps_exactly_as_many(shape, kind, density, seed) -> None:
    tensor = values(shape, kind, seed)
    found = check_pieces(trim(difference(tensor), of("trim", density=density), Place("t")), seed)
    chosen = largest_first(tensor)[: max(1, int(density * tensor.numel()))]
    assert torch.equal(found, kept(tensor, chosen))


@settings(deadline=None)
@given(shapes, kinds, densities, st.floats(0, 0.5), st.integers(0, 2**20))
def test_breadcrumbs_keep_the_middle(shape, kind, density, gamma, seed) -> None:
    tensor = values(shape, kind, seed)
    step = of("breadcrumbs", density=density, gamma=gamma)
    found = check_pieces(breadcrumbs(difference(tensor), step, Place("t")), seed)
    size = tensor.numel()
    remain = int(density * size)
    dropped = min(int(gamma * size), size - remain)
    assert torch.equal(found, kept(tensor, largest_first(tensor)[dropped : dropped + remain]))


@pytest.mark.parametrize("make", [trim, breadcrumbs])
def test_large_tensors_in_pieces(make: Make) -> None:
    tensor = values((LARGE,), "few values", 5)
    found = check_pieces(make(difference(tensor), of(make.__name__, density=0.2), Place("t")), 1)
    dropped = int(0.01 * LARGE) if make is breadcrumbs else 0
    assert torch.equal(found, kept(tensor, largest_first(tensor)[dropped : dropped + int(0.2 * LARGE)]))


@settings(deadline=None)
@given(shapes, kinds.filter(lambda kind: kind not in ("wide", "tiny")), st.integers(0, 2**20))
def test_signs_alone_keep_the_norm(shape, kind, seed) -> None:
    tensor = values(shape, kind, seed)
    found = check_pieces(sign_only(difference(tensor), of("sign_only"), Place("t")), seed)
    assert torch.equal(found.sign(), tensor.sign())
    sizes = found.abs()[found != 0]
    assert bool((sizes == sizes[:1]).all())
    assert float(found.double().norm()) == pytest.approx(float(tensor.double().norm()), rel=1e-6)


@settings(deadline=None)
@given(shapes, kinds.filter(lambda kind: kind not in ("wide", "tiny")), st.floats(0.01, 5), st.integers(0, 2**20))
def test_clip_bounds_by_the_root_mean_square(shape, kind, cap, seed) -> None:
    tensor = values(shape, kind, seed)
    found = check_pieces(clip(difference(tensor), of("clip", cap=cap), Place("t")), seed)
    exact = tensor.double()
    bound = cap * float(exact.square().mean().sqrt()) if exact.numel() else 0.0
    torch.testing.assert_close(found.double(), exact.clamp(-bound, bound), rtol=1e-6, atol=0)
    inside = exact.abs() < bound * (1 - 1e-6)
    assert torch.equal(found[inside], tensor[inside])


def counted(tensor: torch.Tensor, key: str) -> tuple[Delta, list[int]]:
    """A delta and the places it was asked for."""
    inner, asked = difference(tensor), list[int]()

    def fill(start: int, into: torch.Tensor) -> None:
        asked.append(start)
        inner.fill(start, into)

    return Delta(inner.shape, inner.device, fill, key), asked


STEPS = [
    (trim, of("trim", density=0.3)),
    (breadcrumbs, of("breadcrumbs", density=0.3)),
    (sign_only, of("sign_only")),
    (clip, of("clip", cap=1.0)),
]


@pytest.mark.parametrize(("make", "step"), STEPS, ids=[step.name for _, step in STEPS])
def test_what_is_known_of_a_delta_is_not_asked_again(make: Make, step: Step) -> None:
    tensor, memo = values((300, 7), "normal", 1), Memo()
    (first, asked), (again, not_asked), (another, asked_too) = (counted(tensor, key) for key in ("a", "a", "b"))
    wanted = make(first, step, Place("t", memo=memo))
    found = make(again, step, Place("t", memo=memo))
    assert asked
    assert not not_asked
    assert torch.equal(found.whole(), wanted.whole())
    assert wanted.key == found.key != make(another, step, Place("t", memo=memo)).key
    assert asked_too
    nameless, asked = counted(tensor, "")
    for _ in range(2):
        before = len(asked)
        assert make(nameless, step, Place("t", memo=memo)).key == ""
        assert len(asked) > before


def test_keys_tell_parameters_apart() -> None:
    delta = difference(values((9,), "normal", 1), key="d")
    steps = [of("trim", density=density) for density in (0.2, 0.2000001)]
    assert len({trim(delta, step, Place("t")).key for step in steps}) == 2


@settings(max_examples=20, deadline=None)
@given(kinds, st.integers(0, 2**20))
def test_one_after_the_other(kind: str, seed: int) -> None:
    """A transform reads what another made as if it were a tensor."""
    tensor = values((40, 11), kind, seed)
    first = trim(difference(tensor), of("trim", density=0.5), Place("t"))
    second, alone = of("trim", density=0.1), difference(first.whole())
    assert torch.equal(trim(first, second, Place("t")).whole(), trim(alone, second, Place("t")).whole())
    assert torch.equal(trim(first, second, Place("t")).whole(), trim(difference(tensor), second, Place("t")).whole())
