"""Loops over entries that draw nothing: they count, collect, merge and reorder. See `loops`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rveval.vectors.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NO_SIGN = np.uint32(0x7FFFFFFF)
_U0, _U1, _U9 = np.uint32(0), np.uint32(1), np.uint32(9)
_TILE = 1024
"""Entries whose scratch lies in a first-level cache."""


@compiled
def survey(
    numbers: NDArray[np.float32],
    edges: NDArray[np.float32],
    inner: NDArray[np.float32],
    at_least: NDArray[np.int64],
    collected: NDArray[np.float32],
) -> int:
    """Look at the magnitudes of a piece.

    Args:
        edges: how many magnitudes reach each is written to `at_least`, which is as long.
        inner: two; the magnitudes from the first up to below the second one are collected.
        collected: has room for one more than the piece has entries.

    Returns:
        How many were collected.
    """
    for number in range(0, edges.size, 2):
        one, other = edges[number], edges[min(number + 1, edges.size - 1)]
        reach_one, reach_other = _U0, _U0
        for i in range(numbers.size):
            size = abs(numbers[i])
            reach_one = np.uint32(reach_one + np.uint32(size >= one))
            reach_other = np.uint32(reach_other + np.uint32(size >= other))
        at_least[number], at_least[min(number + 1, edges.size - 1)] = reach_one, reach_other
    return _collect(numbers.view(np.uint32), inner.view(np.uint32), collected.view(np.uint32))


@compiled
def _collect(numbers: NDArray[np.uint32], inner: NDArray[np.uint32], collected: NDArray[np.uint32]) -> int:
    """Magnitudes as whole numbers, which are in the same order. Sixteen are looked at together, as a vector, and only
    sixteens that hold one singly."""
    low, width, found = inner[0], np.uint32(inner[1] - inner[0]), np.uint64(0)
    whole = numbers.size // 16
    for group in range(whole):
        here, hit = numbers[16 * group : 16 * group + 16], _U0
        for i in range(16):
            hit |= np.uint32(np.uint32((here[i] & _NO_SIGN) - low) < width)
        if hit:
            for i in range(16):
                size = here[i] & _NO_SIGN
                collected[found] = size  # overwritten by the next one if it does not count
                found += np.uint64(np.uint32(size - low) < width)
    for i in range(16 * whole, numbers.size):
        size = numbers[i] & _NO_SIGN
        collected[found] = size
        found += np.uint64(np.uint32(size - low) < width)
    return int(found)


@compiled
def elect(parts: NDArray[np.float32], weights: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Merge entries: the sign of their weighted sum, and the weighted mean of those that have it.

    Args:
        parts: one row for each term, at least as long as `out`.
        weights: of the terms.
        out: written.
    """
    one, zero = np.float32(1), np.float32(0)
    sign, shared = np.empty(_TILE, np.float32), np.empty(_TILE, np.float32)
    for start in range(0, out.size, _TILE):
        total = out[start : start + _TILE]
        total[:] = zero
        for term in range(weights.size):
            part, weight = parts[term, start : start + total.size], weights[term]
            for i in range(total.size):
                total[i] += part[i] * weight
        for i in range(total.size):
            sign[i] = -one if total[i] < zero else one
        total[:] = zero
        shared[:] = zero
        for term in range(weights.size):
            part, weight = parts[term, start : start + total.size], weights[term]
            for i in range(total.size):
                agreed = part[i] * weight * sign[i]
                counts = not agreed <= zero  # a NaN is not lost
                total[i] += agreed if counts else zero
                shared[i] += abs(weight) if counts else zero
        for i in range(total.size):
            total[i] = total[i] / (shared[i] if shared[i] > zero else one) * sign[i]


@compiled
def reorder(
    entries: NDArray[np.float32], order: NDArray[np.int32], drawn: NDArray[np.uint32], out: NDArray[np.float32]
) -> None:
    """Write the entries of a block in an order of places that is mixed with three drawn numbers.

    Args:
        entries: of the block; all of them, or fewer than it has places.
        order: a permutation of the places of a whole block, a power of two.
        drawn: two odd numbers and one more.
        out: written; as long as `entries`.
    """
    low = np.uint32(order.size - 1)
    size, found = np.uint32(entries.size), np.uint64(0)
    if entries.size == order.size:
        for i in range(order.size):
            out[i] = entries[_remixed(np.uint32(order[i]), drawn, low)]
        return
    i = 0
    while found < size:
        place = _remixed(np.uint32(order[i]), drawn, low)
        i += 1
        out[found] = entries[min(place, size - _U1)]  # overwritten by the next one if it does not count
        found += np.uint64(place < size)


@compiled
def _remixed(place: np.uint32, drawn: NDArray[np.uint32], low: np.uint32) -> np.uint32:
    place = np.uint32(place * drawn[0]) & low
    place ^= place >> _U9
    return np.uint32(place * drawn[1] + drawn[2]) & low
