"""The loops over entries that a processor runs. On a GPU torch's operations do the same, to the bit.

A piece is a contiguous float32 vector that fits a second-level cache. A stream of random words is given by its number
(`draws.whole_number`), as an unsigned one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rveval.vectors.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ONE, _STEP = np.uint64(1), np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_U27, _U30, _U31 = np.uint64(27), np.uint64(30), np.uint64(31)
_QUARTERS, _EIGHTHS = np.uint64(4), np.uint64(8)
_BYTE, _BITS_8 = np.uint64(0xFF), np.uint64(8)
_TWO_BYTES, _BITS_16 = np.uint64(0xFFFF), np.uint64(16)
_BITS_53, _GRAIN = np.uint64((1 << 53) - 1), 2.0**-53
_NO_SIGN, _CLASS_BITS = np.uint32(0x7FFFFFFF), np.uint32(16)
_U0, _U1, _U9 = np.uint32(0), np.uint32(1), np.uint32(9)
_TILE = 1024
_K1 = np.uint16(1)
_N1 = np.int32(1)


@compiled
def _mixed(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> _U30)) * _MIX_1
    z = (z ^ (z >> _U27)) * _MIX_2
    return z ^ (z >> _U31)


@compiled
def _word(stream: np.uint64, place: np.uint64) -> np.uint64:
    return _mixed(stream + (place + _ONE) * _STEP)


@compiled
def _quarter(stream: np.uint64, place: np.uint64) -> np.uint64:
    return (_word(stream, place // _QUARTERS) >> (_BITS_16 * (place % _QUARTERS))) & _TWO_BYTES


@compiled
def gaussians(stream: np.uint64, start: int, table: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Write what a table of 65,536 numbers has for the places `start : start + out.size` of a stream."""
    head = min(-start % 4, out.size)
    whole = (out.size - head) // 4
    for i in range(head):
        out[i] = table[_quarter(stream, np.uint64(start + i))]
    first, middle = np.uint64((start + head) // 4), out[head : head + 4 * whole]
    for number in range(whole):
        word = _word(stream, first + np.uint64(number))
        middle[4 * number] = table[word & _TWO_BYTES]
        middle[4 * number + 1] = table[(word >> np.uint64(16)) & _TWO_BYTES]
        middle[4 * number + 2] = table[(word >> np.uint64(32)) & _TWO_BYTES]
        middle[4 * number + 3] = table[word >> np.uint64(48)]
    for i in range(head + 4 * whole, out.size):
        out[i] = table[_quarter(stream, np.uint64(start + i))]


@compiled
def _factor(
    rest: np.uint64, place: np.uint64, bits: np.uint64, border: np.uint64, chance: float, scale: np.float32
) -> np.float32:
    """What an entry is multiplied by: the scale where its 8 bits lie below the border, or where they are equal to it
    and 53 other ones say so; else 0. No jump depends on the outcome: a processor could not foresee it."""
    if bits == border:
        return scale * np.float32(np.float64(_mixed(rest + place) & _BITS_53) * _GRAIN < chance)
    return scale * np.float32(bits < border)


@compiled
def _eighth(stream: np.uint64, place: np.uint64) -> np.uint64:
    return (_word(stream, place // _EIGHTHS) >> (_BITS_8 * (place % _EIGHTHS))) & _BYTE


@compiled
def drop(
    stream: np.uint64,
    rest: np.uint64,
    start: int,
    border: np.uint64,
    chance: float,
    scale: np.float32,
    numbers: NDArray[np.float32],
) -> None:
    """Entries `start : start + numbers.size` of a tensor times a scale or, where the draws say so, times zero."""
    head = min(-start % 8, numbers.size)
    whole = (numbers.size - head) // 8
    for i in range(head):
        place = np.uint64(start + i)
        numbers[i] *= _factor(rest, place, _eighth(stream, place), border, chance, scale)
    first, middle = np.uint64((start + head) // 8), numbers[head : head + 8 * whole]
    for number in range(whole):
        at = first + np.uint64(number)
        word = _word(stream, at)
        for lane in range(8):
            bits, place = (word >> (_BITS_8 * np.uint64(lane))) & _BYTE, _EIGHTHS * at + np.uint64(lane)
            middle[8 * number + lane] *= _factor(rest, place, bits, border, chance, scale)
    for i in range(head + 8 * whole, numbers.size):
        place = np.uint64(start + i)
        numbers[i] *= _factor(rest, place, _eighth(stream, place), border, chance, scale)


@compiled
def draw(stream: np.uint64, first: int, words: NDArray[np.uint64]) -> None:
    """Write the words of a stream from number `first` on."""
    for number in range(words.size):
        words[number] = _word(stream, np.uint64(first + number))


@compiled
def drop_by_rank(
    rest: np.uint64,
    start: int,
    drawn: NDArray[np.uint8],
    borders: NDArray[np.uint8],
    chances: NDArray[np.float64],
    scales: NDArray[np.float32],
    rows: NDArray[np.float32],
) -> None:
    """The same for rows that begin at the index `start`, each entry with the numbers for its rank in its row.

    Args:
        drawn: 8 random bits for each entry.
        borders, chances, scales: by the doubled rank: of n entries of a row, 0 to 2 n - 2.
        rows: changed in place.
    """
    columns = rows.shape[1]
    classes = np.empty(columns, np.uint16)
    ranks, spare = np.zeros(1 << 15, np.int32), np.zeros(1 << 15, np.int32)
    for row in range(rows.shape[0]):
        numbers, bits = rows[row], drawn[row * columns : (row + 1) * columns]
        low, high = _classes(numbers.view(np.uint32), classes)
        _count(classes, ranks, spare)
        _doubled_ranks(ranks, spare, low, high)
        at = np.uint64(start + row * columns)
        for i in range(columns):
            rank = ranks[classes[i]]
            border = np.uint64(borders[rank])
            numbers[i] *= _factor(rest, at + np.uint64(i), np.uint64(bits[i]), border, chances[rank], scales[rank])
        ranks[0] = 0
        ranks[low:high] = 0


@compiled
def _classes(numbers: NDArray[np.uint32], classes: NDArray[np.uint16]) -> tuple[int, int]:
    """Write the magnitudes' leading 15 bits; the range, from low up to below high, of those that are not 0."""
    low, high = np.uint16(0xFFFF), np.uint16(0)
    for i in range(classes.size):
        classes[i] = np.uint16((numbers[i] & _NO_SIGN) >> _CLASS_BITS)
    for i in range(classes.size):
        low = min(low, np.uint16(classes[i] - _K1))  # 0 becomes the largest
        high = max(high, classes[i])
    return min(int(low), int(high)) + 1, int(high) + 1


@compiled
def _count(classes: NDArray[np.uint16], one: NDArray[np.int32], other: NDArray[np.int32]) -> None:
    """How many entries each class has. Two tables in turn: a processor waits before it counts one cell up twice."""
    for i in range(classes.size // 2):
        one[classes[2 * i]] += 1
        other[classes[2 * i + 1]] += 1
    if classes.size % 2:
        one[classes[-1]] += 1


@compiled
def _doubled_ranks(one: NDArray[np.int32], other: NDArray[np.int32], low: int, high: int) -> None:
    """Turn counts into twice the mean rank of each class, counted from 0; the second table is cleared."""
    counts, more = one[low:high], other[low:high]
    for i in range(counts.size):
        counts[i] += more[i]
    more[:] = 0
    below = np.int32(one[0] + other[0])
    one[0], other[0] = below - _N1, 0
    below = np.int32(below + below)
    for i in range(counts.size):
        count = counts[i]
        counts[i] = np.int32(below + count - _N1)
        below = np.int32(below + count + count)


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
        edges: four; how many magnitudes reach each is written to `at_least`.
        inner: two; the magnitudes from the first up to below the second one are collected.
        collected: has room for one more than the piece has entries.

    Returns:
        How many were collected.
    """
    first, second, third, fourth = edges
    a = b = c = d = _U0
    for i in range(numbers.size):
        size = abs(numbers[i])
        a = np.uint32(a + np.uint32(size >= first))
        b = np.uint32(b + np.uint32(size >= second))
        c = np.uint32(c + np.uint32(size >= third))
        d = np.uint32(d + np.uint32(size >= fourth))
    at_least[0], at_least[1], at_least[2], at_least[3] = a, b, c, d
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
