"""The loops of `describe`: to the bit what torch and the engine do, and sums that hostile numbers do not spoil."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rveval import describe
from rveval.describe import loops, pieces
from rveval.describe.pieces import PIECE, Added, General, Place, Plain
from rveval.vectors import Displacement, combine, difference

ONE = 0x3F80
"""The bits of 1 as a bfloat16; the next number is 2^-7 larger."""


def as_tensor(bits: NDArray[np.uint16]) -> torch.Tensor:
    return torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)


def some_bits(rng: np.random.Generator, count: int) -> NDArray[np.uint16]:
    """Any finite bfloat16 numbers: of all sizes, subnormal ones, both zeros."""
    bits = rng.integers(0, 1 << 16, count, dtype=np.uint16)
    return np.where(bits & 0x7F80 == 0x7F80, bits & 0x807F, bits)


def close_bits(rng: np.random.Generator, count: int) -> NDArray[np.uint16]:
    """Numbers as weights are: of few sizes, so that what is added is often about half a step."""
    return np.uint16(ONE) + rng.integers(-40, 40, count).astype(np.uint16) ^ (
        rng.integers(0, 2, count).astype(np.uint16) << 15
    )


class Bits:
    """A checkpoint of one tensor, from bits."""

    def __init__(self, bits: NDArray[np.uint16]) -> None:
        self.bits = bits

    def get(self, name: str) -> torch.Tensor:
        return as_tensor(self.bits)

    def dtype(self, name: str) -> str:
        return "BF16"

    def shape(self, name: str) -> tuple[int, ...]:
        return (self.bits.size,)

    def raw(self, name: str) -> memoryview:
        return memoryview(self.bits.view(np.uint8))


def through(way: pieces.Pieces, count: int, size: int = PIECE) -> tuple[torch.Tensor, Added]:
    v, added = torch.empty(count), Added()
    for start in range(0, count, size):
        way.fill(start, v[start : start + size], added)
        added.fold()
    return v, added


def test_rounding_to_bfloat16_is_torchs_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    low = [0, 1, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0xFFFF, *rng.integers(0, 1 << 16, 20)]
    for bits in low:  # with every sign, exponent and leading seven bits
        numbers = ((np.arange(1 << 16, dtype=np.uint32) << 16) | np.uint32(bits)).view(np.float32)
        found = np.empty_like(numbers)
        loops.rounded(numbers, found)
        expected = torch.from_numpy(numbers).bfloat16().float().numpy()
        known = ~np.isnan(numbers)
        assert (np.isnan(found) == ~known).all()
        assert (found[known].view(np.uint32) == expected[known].view(np.uint32)).all(), hex(bits)


def test_this_torch_fuses_so_that_the_quick_way_is_taken() -> None:
    assert pieces.torch_fuses()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 3 * loops.TILE + 70),
    alpha=st.floats(-3, 3).filter(bool) | st.sampled_from([0.5, 1.0, -1.0, 1 / 3, 1e-3]),
    outer=st.sampled_from([1.0, -0.25, 1 / 3]),
    weight=st.sampled_from([1.0, 2.5, -0.1]),
    kind=st.sampled_from([some_bits, close_bits]),
)
def test_the_quick_way_has_the_bits_of_the_engine(
    seed: int,
    count: int,
    alpha: float,
    outer: float,
    weight: float,
    kind: Callable[[np.random.Generator, int], NDArray[np.uint16]],
) -> None:
    rng = np.random.default_rng(seed)
    base, plus, minus = (kind(rng, count) for _ in range(3))
    plus[::5] = minus[::5]
    term = Displacement(difference(as_tensor(plus), as_tensor(minus)), weight)
    place = Place(Bits(base), "x", alpha, outer, "bfloat16")  # type: ignore[arg-type]
    quick, slow = Plain([base, plus, minus], place, weight), General(place, [term])
    v, added = through(quick, count)
    w, other = through(slow, count, 1000)
    assert torch.equal(v.view(torch.int32), w.view(torch.int32))
    served = combine(as_tensor(base), [term], alpha * outer)
    assert added.changed == other.changed == int((served != as_tensor(base)).sum())
    assert added.nonzero == other.nonzero == int((v != 0).sum())
    for one in (added, other):
        theta, squares, _, _ = one.totals
        expected = exact(v.numpy())
        assert theta == pytest.approx(exact(as_tensor(base).float().numpy()), rel=1e-13)
        assert squares == (pytest.approx(expected, rel=1e-13) if math.isfinite(expected) else math.inf)


def exact(numbers: NDArray[np.float32], others: NDArray[np.float32] | None = None) -> float:
    """The sum of products, rounded once."""
    wide = numbers.astype(np.float64)
    products = wide * (wide if others is None else others.astype(np.float64))
    return math.fsum(products) if np.isfinite(products).all() else math.inf


def test_a_sum_that_is_a_hair_above_half_a_step_changes_as_it_does_in_the_engine() -> None:
    """1 + p with p a hair above 2^-8 + 2^-24: rounded once, it is above the middle between 1 and the next bfloat16.
    Where p is rounded first, as it is without a fused operation, the sum is the middle and becomes 1 again."""
    middle, found = 2.0**-8 + 2.0**-24, 0
    for odd in range(129, 256, 2):
        moved = odd * 2.0**-13  # a bfloat16; products of it with a float32 are exact in float64
        for factor in np.float32(middle / moved) + np.arange(-2, 3, dtype=np.float32) * np.float32(2.0**-24):
            apart = float(factor) * moved - middle
            if not 0 < apart <= 2.0**-32 or float(np.float32(float(factor) * moved)) != middle:
                continue
            found += 1
            plus = torch.full((67,), moved).bfloat16()
            assert float(plus[0]) == moved
            ones = np.full(67, ONE, dtype=np.uint16)
            term = Displacement(difference(plus, torch.zeros_like(plus)))
            engine = combine(as_tensor(ones), [term], float(factor))
            assert (engine == 1 + 2.0**-7).all(), "this torch fuses"
            place = Place(Bits(ones), "x", float(factor), 1.0, "bfloat16")  # type: ignore[arg-type]
            bits = plus.view(torch.int16).numpy().view(np.uint16)
            for way in (Plain([ones, bits, np.zeros_like(ones)], place, 1.0), General(place, [term])):
                assert through(way, 67)[1].changed == 67
    assert found > 0, "no such number was tried"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("stored", [torch.float32, torch.float16, torch.bfloat16])
def test_entries_change_as_they_are_served_in_any_type(dtype: str, stored: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    base = (0.02 * torch.randn(5000, generator=generator)).to(stored)
    terms = [
        Displacement(difference(*(1e-4 * torch.randn(2, 5000, generator=generator)).to(stored)), weight)
        for weight in (1.0, -0.3)
    ]

    class Held(Bits):
        def get(self, name: str) -> torch.Tensor:
            return base

        def shape(self, name: str) -> tuple[int, ...]:
            return (5000,)

        def dtype(self, name: str) -> str:
            return {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}[str(stored).removeprefix("torch.")]

    held: Any = Held(np.zeros(5000, np.uint16))
    way = pieces.pieces(Place(held, "x", 0.7, 1.0, dtype), terms, None)
    served = getattr(torch, dtype)
    expected = combine(base, terms, 0.7, dtype=served) != base.to(served)
    assert int(expected.sum()) > 0
    assert through(way, 5000, 777)[1].changed == int(expected.sum())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 5000), spread=st.sampled_from([0, 3, 15]))
def test_sums_are_exact_to_the_last_digits(seed: int, count: int, spread: int) -> None:
    """Numbers from 10^-spread to 10^spread, and products that cancel but for their rounding errors."""
    rng = np.random.default_rng(seed)
    a, b = (
        (rng.standard_normal(count) * 10.0 ** rng.uniform(-spread, spread, count)).astype(np.float32) for _ in range(2)
    )
    half = count // 2
    a[half : 2 * half], b[half : 2 * half] = a[:half], -b[:half]
    squares, products = np.zeros(loops.LANES), np.zeros(loops.LANES)
    loops.add_squares(a, squares)
    loops.add_products(a, b, products)
    assert math.fsum(squares) == pytest.approx(exact(a), rel=1e-13)
    assert abs(math.fsum(products) - exact(a, b)) <= 1e-13 * exact(abs(a), abs(b))


def test_many_equal_numbers_lose_nothing() -> None:
    """All rounding errors of a sum of equal numbers go one way."""
    numbers, added = np.full(1 << 20, 0.1, dtype=np.float32), Added(1)
    for _ in range(200):
        loops.add_squares(numbers, added.theta)
        loops.add_products(numbers, -numbers, added.products[0])
        added.fold()
    expected = 200 * 2**20 * float(np.float32(0.1)) ** 2
    assert added.totals == (pytest.approx(expected, rel=1e-11), 0, [pytest.approx(-expected, rel=1e-11)], [0])


def test_zeros_are_one_value_and_nan_is_none() -> None:
    zeros = np.array([0.0, -0.0, math.nan, 1.0], dtype=np.float32)
    others = np.array([-0.0, 0.0, math.nan, 1.001], dtype=np.float32)
    assert loops.nonzero(zeros) == 2
    assert loops.differing(zeros, others) == 2
    assert loops.differing_rounded(zeros, others) == 1, "1.001 is 1 as a bfloat16"


@pytest.mark.parametrize("words", [[], ["vector.weights=[-0.7]", "vector.ramp=[0.3,1]"]])
def test_a_processor_without_fused_operations_is_described_the_slow_way(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[type] = []
    made = pieces.pieces

    def seen(*args: Any) -> pieces.Pieces:
        taken.append(type(made(*args)))
        return made(*args)

    monkeypatch.setattr("rveval.describe.measure.pieces", seen)

    def described(name: str) -> dict[str, Any]:
        command = ["alpha=0.3", "common=tiny:base", "format=json", f"out={tmp_path / name}", *words]
        assert describe.main(command) == 0
        return json.loads((tmp_path / name / "vector.json").read_text())

    quick = described("quick")
    assert {*taken} == {Plain}
    taken.clear()
    monkeypatch.setattr(pieces, "torch_fuses", lambda: False)
    slow = described("slow")
    assert {*taken} == {General}
    for one, other in zip(quick["tensors"], slow["tensors"], strict=True):
        cosines = one.pop("cosines")
        assert cosines == pytest.approx(other.pop("cosines"), abs=1e-13)
        assert one == {
            key: pytest.approx(value, rel=1e-13) if type(value) is float else value for key, value in other.items()
        }
