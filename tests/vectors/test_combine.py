"""Task-vector algebra against float64: one rounding, the base's own bits where nothing is added, and every layout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rveval.errors import Failed
from rveval.vectors import Difference, combine
from rveval.vectors.combine import CHUNK

DTYPES = (torch.bfloat16, torch.float16, torch.float32)
BITS = {torch.bfloat16: torch.int16, torch.float16: torch.int16, torch.float32: torch.int32}
FLOAT32 = 2.0**-24
"""Half a unit in the last place of float32, relative: what one of its operations may be wrong by."""


def summed(base: torch.Tensor, terms: list[Difference], alpha: float, **other: Any) -> torch.Tensor:
    return combine(base, terms, alpha, **other)


alphas = st.floats(-2, 2).filter(lambda alpha: alpha != 0)
weights = st.floats(-3, 3)
dtypes = st.sampled_from(DTYPES)
shapes = st.one_of(
    st.just(()),
    st.just((0,)),
    st.just((3, 0, 2)),
    st.tuples(st.integers(1, 40)),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
)


def numbers(shape: tuple[int, ...], dtype: torch.dtype, seed: int, spread: int = 8) -> torch.Tensor:
    """Normal numbers times powers of two from 2**-spread to 2**spread, so that exponents differ within a tensor."""
    generator = torch.Generator().manual_seed(seed)
    powers = torch.randint(-spread, spread + 1, shape, generator=generator).double()
    return (torch.randn(shape, generator=generator, dtype=torch.float64) * powers.exp2()).to(dtype)


def exact(base: torch.Tensor, terms: list[Difference], alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The sum in float64, and the sum of what goes into it without signs, which float32's own errors scale with."""
    total, size = base.double(), base.double().abs()
    for term in terms:
        other = torch.zeros_like(total) if term.minus is None else term.minus.double()
        total = total + alpha * term.weight * (term.plus.double() - other)
        size = size + abs(alpha * term.weight) * (term.plus.double().abs() + other.abs())
    return total, size


def one_rounding(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Half a unit in the last place of a dtype at a value, the subnormal numbers' where it is that small."""
    info = torch.finfo(dtype)
    return (value.abs() * info.eps / 2).clamp_min(info.smallest_normal * info.eps / 2)


def check(base: torch.Tensor, terms: list[Difference], alpha: float, dtype: torch.dtype | None = None) -> None:
    found = summed(base, terms, alpha, dtype=dtype)
    target = dtype or base.dtype
    assert found.dtype == target
    assert found.shape == base.shape
    wanted, size = exact(base, terms, alpha)
    # Inside, float32: each term costs a subtraction, a product of scalars, a multiplication and an addition.
    inside = (4 * len(terms) + 1) * FLOAT32 * size
    bound = inside + one_rounding(wanted.abs() + inside, target)
    assert bool(((found.double() - wanted).abs() <= bound).all())


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one.view(BITS[one.dtype]), other.view(BITS[other.dtype]))


@given(shapes, dtypes, st.lists(st.tuples(weights, dtypes, st.booleans()), min_size=1, max_size=4), alphas, st.data())
def test_within_one_rounding_of_float64(shape, dtype, drawn, alpha, data) -> None:
    seed = data.draw(st.integers(0, 2**20))
    terms = [
        Difference(numbers(shape, d, seed + 2 * i), numbers(shape, d, seed + 2 * i + 1) if two else None, weight)
        for i, (weight, d, two) in enumerate(drawn, start=1)
    ]
    check(numbers(shape, dtype, seed), terms, alpha, data.draw(st.sampled_from((None, *DTYPES))))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 3])
def test_sizes_around_the_chunk(size: int, dtype: torch.dtype) -> None:
    terms = [Difference(numbers((size,), torch.bfloat16, 1), numbers((size,), torch.bfloat16, 2), 0.7)]
    terms.append(Difference(numbers((size,), torch.float32, 3), None, -1.3))
    check(numbers((size,), dtype, 0), terms, 0.9)


@given(dtypes, alphas, st.integers(0, 2**20))
def test_the_rounding_is_the_last_step(dtype: torch.dtype, alpha: float, seed: int) -> None:
    """Two half steps that each round to nothing still move the sum: nothing is rounded to the target in between."""
    one = torch.ones(1, dtype=dtype)
    step = torch.full((1,), float(torch.finfo(dtype).eps) * 0.375, dtype=torch.float32)
    found = summed(one, [Difference(step, None, 1.0), Difference(step, None, 1.0)], 1.0)
    alone = summed(one, [Difference(step, None, 1.0)], 1.0)
    if dtype != torch.float32:
        assert float(alone) == 1.0
        assert float(found) == 1.0 + float(torch.finfo(dtype).eps)
    check(numbers((7,), dtype, seed), [Difference(step.expand(7), None, 1.0)], alpha)


@given(shapes.filter(lambda shape: len(shape) >= 2), alphas, st.integers(0, 2**20), dtypes)
def test_layout_does_not_matter(shape: tuple[int, ...], alpha: float, seed: int, dtype: torch.dtype) -> None:
    turned = (*shape[1:], shape[0])
    base, plus, minus = (numbers(turned, dtype, seed + i).movedim(-1, 0) for i in range(3))
    strided = numbers((*shape, 2), dtype, seed + 9)[..., 1]
    terms = [Difference(plus, minus, 1.0), Difference(strided, None, 0.5)]
    straight = [
        Difference(plus.contiguous(), minus.contiguous(), 1.0),
        Difference(strided.contiguous(), None, 0.5),
    ]
    found = summed(base, terms, alpha)
    assert same_bits(found.contiguous(), summed(base.contiguous(), straight, alpha))
    check(base, terms, alpha)


def odd_bits(dtype: torch.dtype) -> torch.Tensor:
    """Both zeros, infinities, subnormal numbers and NaNs with a payload."""
    info = torch.finfo(dtype)
    values = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, info.tiny * info.eps, 1.5], dtype=dtype)
    nan = torch.tensor([torch.nan, -torch.nan], dtype=dtype).view(BITS[dtype])
    return torch.cat([values, nan.bitwise_or(5).view(dtype)])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_nothing_to_add_is_the_base_bit_for_bit(dtype: torch.dtype) -> None:
    base = odd_bits(dtype)
    term = Difference(torch.ones_like(base), None, 1.0)
    for alpha, terms in ((0.0, [term]), (-0.0, [term]), (0, [term]), (1.0, []), (0.0, [])):
        for asked in (None, dtype):
            found = summed(base, terms, alpha, dtype=asked)
            assert found is base or same_bits(found, base)


@given(dtypes, shapes, st.integers(0, 2**20))
def test_nothing_to_add_in_another_type_is_one_rounding_of_the_base(target, shape, seed) -> None:
    base = numbers(shape, torch.float32, seed)
    assert torch.equal(summed(base, [], 1.0, dtype=target), base.to(target))


@given(shapes, st.sampled_from(DTYPES[:2]), st.integers(0, 2**20))
def test_the_whole_way_to_the_donor_is_the_donor(shape, dtype, seed) -> None:
    """base + 1 * (B - base) = B, exactly, where float32 holds both: exponents at most 10 apart."""
    base, donor = numbers(shape, dtype, seed, 1).clamp(-8, 8), numbers(shape, dtype, seed + 1, 1)
    donor = donor.sign() * donor.abs().clamp(2.0**-7, 8)
    assert torch.equal(summed(base, [Difference(donor, base)], 1.0), donor)


@given(shapes, dtypes, st.integers(0, 2**20), st.integers(0, 12))
def test_the_whole_way_to_the_donor_is_within_one_rounding(shape, dtype, seed, spread) -> None:
    base, donor = numbers(shape, dtype, seed, spread), numbers(shape, dtype, seed + 1, spread)
    if dtype == torch.float16:
        base, donor = (t.nan_to_num(posinf=1.0, neginf=-1.0) for t in (base, donor))
    found = summed(base, [Difference(donor, base)], 1.0).double()
    inside = 2 * FLOAT32 * torch.maximum(base.double().abs(), (donor.double() - base.double()).abs())
    assert bool(((found - donor.double()).abs() <= inside + one_rounding(donor.double().abs() + inside, dtype)).all())


def test_the_base_is_not_changed() -> None:
    base, plus = numbers((11,), torch.bfloat16, 0), numbers((11,), torch.bfloat16, 1)
    before = base.clone(), plus.clone()
    summed(base, [Difference(plus, base)], 1.5)
    assert torch.equal(base, before[0])
    assert torch.equal(plus, before[1])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_out_takes_the_result(dtype: torch.dtype) -> None:
    base, plus = numbers((5, CHUNK // 4), torch.bfloat16, 0), numbers((5, CHUNK // 4), torch.bfloat16, 1)
    out = torch.full(base.shape, torch.nan, dtype=dtype)
    found = summed(base, [Difference(plus, base)], 0.5, dtype=dtype, out=out)
    assert found is out
    assert torch.equal(out, summed(base, [Difference(plus, base)], 0.5, dtype=dtype))


def test_what_is_not_finite_stays_visible() -> None:
    base = torch.tensor([1.0, 60000.0], dtype=torch.float16)
    plus = torch.tensor([torch.nan, 60000.0], dtype=torch.float16)
    found = summed(base, [Difference(plus, None)], 1.0)
    assert bool(found[0].isnan())
    assert float(found[1]) == torch.inf


@pytest.mark.parametrize("where", ["plus", "minus"])
@pytest.mark.parametrize("shape", [(), (3,), (4, 3), (3, 4, 1), (12,)])
def test_another_shape_is_an_error(where: str, shape: tuple[int, ...]) -> None:
    base, other = torch.zeros(3, 4), torch.zeros(shape)
    with pytest.raises(Failed) as caught:
        summed(base, [Difference(other, None) if where == "plus" else Difference(base, other)], 1.0)
    assert "(3, 4)" in str(caught.value)
    assert str(tuple(shape)) in str(caught.value)


@settings(max_examples=30)
@given(alphas, st.integers(0, 2**20))
def test_terms_with_opposite_weights_cancel(alpha: float, seed: int) -> None:
    base, donor = numbers((9,), torch.bfloat16, seed, 1), numbers((9,), torch.bfloat16, seed + 1, 1)
    there_and_back = [Difference(donor, base, 0.5), Difference(donor, base, -0.5)]
    gap = (summed(base, there_and_back, alpha).double() - base.double()).abs()
    assert bool((gap <= 8 * FLOAT32 * 16 + one_rounding(base.double(), torch.bfloat16)).all())


@given(shapes, dtypes, st.integers(0, 2**20))
def test_a_difference_as_a_whole_is_what_is_added(shape, dtype, seed) -> None:
    plus, minus = numbers(shape, dtype, seed), numbers(shape, dtype, seed + 1)
    whole = Difference(plus, minus, 3.0).delta
    assert torch.equal(whole, plus.float() - minus.float())
    assert torch.equal(Difference(plus).delta, plus.float())
    base = numbers(shape, torch.bfloat16, seed + 2)
    there = summed(base, [Difference(plus, minus, 0.5)], 0.7)
    assert same_bits(there, summed(base, [Difference(whole, None, 0.5)], 0.7)) or not there.isfinite().all()
