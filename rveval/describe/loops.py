"""What is added up over the entries of a piece, in one pass while it lies in a cache; see `vectors.compiled`.

Sums of squares and of products are added in float64 in `LANES` parts, entry i in part i % LANES, so that a processor
adds several at a time. A product of two float32 numbers is exact in float64; a part of n terms is off by at most
n 2^-53 of the sum of their magnitudes (Higham 2002, "Accuracy and stability of numerical algorithms", section 4.2).

Numpy is not imported here: its name would be needed for types alone, and numba has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import float32, float64, types, uint32
from numba.extending import intrinsic

from rveval.vectors.compiled import compiled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LANES = 64
"""Parts that a sum is added up in: enough of them that the loop over them is not unrolled, but made of vectors."""

TILE = 2048
"""Entries of the base's weights that are kept as float32 between two loops: a quarter of a first-level cache."""

_16, _1, _0 = uint32(16), uint32(1), uint32(0)
_HALF, _HIGH = uint32(0x7FFF), uint32(0xFFFF0000)


def _as_float(_context: Any, bits: Any) -> Any:
    """The float32 that has these bits."""

    def code(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.float32))

    return types.float32(types.uint32), code


def _as_bits(_context: Any, number: Any) -> Any:
    """The bits of a float32."""

    def code(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(types.uint32))

    return types.uint32(types.float32), code


def _fused(_context: Any, one: Any, other: Any, more: Any) -> Any:
    """one * other + more, rounded once: what torch adds a multiple with."""

    def code(_inner: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return types.float32(types.float32, types.float32, types.float32), code


as_float, as_bits, fused = intrinsic(_as_float), intrinsic(_as_bits), intrinsic(_fused)


@compiled
def _widened(bits: np.uint16) -> np.float32:
    return as_float(uint32(uint32(bits) << _16))  # type: ignore[no-any-return]


@compiled
def _rounded(number: np.float32) -> np.float32:
    """The nearest bfloat16, of two the even one; NaN stays NaN. As whole numbers: half of what is cut off is added, a
    carry runs into the exponent as it should, and beyond the largest number lies infinity."""
    bits = as_bits(number)
    even = uint32(uint32(bits >> _16) & _1)
    near = as_float(uint32(uint32(bits + uint32(_HALF + even)) & _HIGH))
    return near if number == number else number


@compiled
def add_squares(numbers: NDArray[np.float32], lanes: NDArray[np.float64]) -> None:
    """Add the squares of all entries to `lanes`, float64 of length `LANES`."""
    whole = numbers.size // LANES
    for row in range(whole):
        here = numbers[LANES * row : LANES * row + LANES]
        for lane in range(LANES):
            lanes[lane] += float64(here[lane]) * float64(here[lane])
    here = numbers[LANES * whole :]
    for lane in range(here.size):
        lanes[lane] += float64(here[lane]) * float64(here[lane])


@compiled
def add_products(numbers: NDArray[np.float32], others: NDArray[np.float32], lanes: NDArray[np.float64]) -> None:
    """Add numbers * others to `lanes`, float64 of length `LANES`; both vectors are equally long."""
    whole = numbers.size // LANES
    for row in range(whole):
        here, there = numbers[LANES * row : LANES * row + LANES], others[LANES * row : LANES * row + LANES]
        for lane in range(LANES):
            lanes[lane] += float64(here[lane]) * float64(there[lane])
    here, there = numbers[LANES * whole :], others[LANES * whole :]
    for lane in range(here.size):
        lanes[lane] += float64(here[lane]) * float64(there[lane])


@compiled
def nonzero(numbers: NDArray[np.float32]) -> int:
    """How many entries are not zero; NaN is not."""
    found = _0
    for i in range(numbers.size):
        found = uint32(found + uint32(numbers[i] != float32(0)))
    return found  # type: ignore[no-any-return]


@compiled
def differing(before: NDArray[np.float32], after: NDArray[np.float32]) -> int:
    """How many entries have two values; NaN is never one value."""
    found = _0
    for i in range(before.size):
        found = uint32(found + uint32(before[i] != after[i]))
    return found  # type: ignore[no-any-return]


@compiled
def differing_rounded(before: NDArray[np.float32], after: NDArray[np.float32]) -> int:
    """The same of the entries' nearest bfloat16 numbers."""
    found = _0
    for i in range(before.size):
        found = uint32(found + uint32(_rounded(before[i]) != _rounded(after[i])))
    return found  # type: ignore[no-any-return]


@compiled
def rounded(numbers: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write the nearest bfloat16 numbers, as float32."""
    for i in range(numbers.size):
        out[i] = _rounded(numbers[i])


@compiled
def plain(
    base: NDArray[np.uint16],
    plus: NDArray[np.uint16],
    minus: NDArray[np.uint16],
    factor: np.float32,
    weight: np.float32,
    out: NDArray[np.float32],
    tile: NDArray[np.float32],
    theta: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> tuple[int, int]:
    """One difference of bfloat16 tensors that is added to another: v = weight * (plus - minus) is written, and counted.

    Args:
        base, plus, minus: the bits of equally many entries.
        factor: alpha * weight: what the engine multiplies the difference with.
        weight: what v is multiplied by.
        out: v, written.
        tile: scratch of length `TILE`.
        theta, squares: of length `LANES`; the squares of the base's entries and of v's are added.

    Returns:
        (entries of v that are not zero, entries of bfloat16(base + factor * (plus - minus)) that are not the base's).
    """
    found, changed = 0, 0
    for start in range(0, base.size, TILE):
        stop = min(start + TILE, base.size)
        v, weights = out[start:stop], tile[: stop - start]
        more, moved = _tile(base[start:stop], plus[start:stop], minus[start:stop], factor, weight, v, weights)
        found += more
        changed += moved
        add_squares(weights, theta)
        add_squares(v, squares)
    return found, changed


@compiled
def _tile(
    base: NDArray[np.uint16],
    plus: NDArray[np.uint16],
    minus: NDArray[np.uint16],
    factor: np.float32,
    weight: np.float32,
    v: NDArray[np.float32],
    weights: NDArray[np.float32],
) -> tuple[int, int]:
    found, changed = _0, _0  # 32 bits wide, as the entries are: a vector of counters
    for i in range(base.size):
        old = _widened(base[i])
        moved = _widened(plus[i]) - _widened(minus[i])
        new = _rounded(fused(moved, factor, old))
        scaled = moved * weight
        weights[i] = old
        v[i] = scaled
        found = uint32(found + uint32(scaled != float32(0)))
        changed = uint32(changed + uint32(new != old))
    return found, changed
