"""The loops over entries that a processor runs: those with random draws here, the others in `sweeps`.

On a GPU torch's operations do the same, to the bit.

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
_GRAINS = np.float32(1 << 15)
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
def squares(numbers: NDArray[np.float32]) -> float:
    """The sum of the squares of at most 2**18 Gaussian numbers, exact. They are multiples of 2**-15, and whole numbers
    may be added up in any order, several at a time."""
    total = np.int64(0)
    for i in range(numbers.size):
        grains = np.int64(np.int32(numbers[i] * _GRAINS))
        total += grains * grains
    return total / 2.0**30


@compiled
def _below(rest: np.uint64, place: np.uint64, chance: float) -> np.float32:
    """1 where 53 bits drawn for a place, as a number from 0 to 1, lie below a chance, else 0."""
    return np.float32(np.float64(_mixed(rest + place) & _BITS_53) * _GRAIN < chance)


@compiled
def _factor(
    rest: np.uint64, place: np.uint64, bits: np.uint64, border: np.uint64, chance: float, scale: np.float32
) -> np.float32:
    """What an entry is multiplied by: the scale where its 8 bits lie below the border, or where they are equal to it
    and 53 other ones say so; else 0. No jump depends on the outcome: a processor could not foresee it."""
    if bits == border:
        return scale * _below(rest, place, chance)
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
            rank = np.uint64(ranks[classes[i]])
            border, scale = borders[rank], scales[rank]
            factor = scale * np.float32(bits[i] < border)
            if bits[i] == border:  # chances are looked up for few
                factor = scale * _below(rest, at + np.uint64(i), chances[rank])
            numbers[i] *= factor
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
