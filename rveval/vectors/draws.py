"""Random numbers that can be asked for in any range, on any device, and are the same everywhere.

The word at place i of a stream is SplitMix64's i-th output (Steele, Lea and Flood 2014, "Fast splittable pseudorandom
number generators", figure 16, with the mixing constants of its function mix64variant13), started at 64 bits of the
sha256 of the stream's name. Only whole numbers and one table are used, so that a GPU, another number of threads,
another order or another version of a library gives the same bits. Words are cut up as little-endian machines do.

Gaussian numbers are 16 bits looked up in a table: the 65,536 values that cut the normal distribution into equal parts
at their middles, rounded to multiples of 2**-15. So nothing lies beyond 4.17 standard deviations, the variance is
0.99998 instead of 1, and sums of squares of 2**18 of them are exact in float64, in whatever order they are added.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

_STEP, _MIX = 0x9E3779B97F4A7C15, ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_SIGN = -(1 << 31)
_WORDS = 1 << 16
"""Words for 2**18 Gaussian numbers."""


def whole_number(seed: str) -> int:
    """64 bits of a text's sha256, as torch's int64 holds them."""
    return _signed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little"))


def words(seed: str, start: int, count: int, device: torch.device) -> torch.Tensor:
    """The words `start : start + count` of a stream: int64, every bit of them random."""
    first = _signed((whole_number(seed) + (start + 1) * _STEP) % (1 << 64))
    return mixed(_ramp(max(count, _WORDS), device)[:count] + first)


def mixed(numbers: torch.Tensor) -> torch.Tensor:
    """SplitMix64's mixing of int64 numbers, in place: a bijection whose output shows nothing of the input's order."""
    import torch

    moved = torch.empty_like(numbers)
    for shift, factor in (*_MIX, (31, 1)):
        # int64 is shifted with its sign: the copies of it are cut off.
        torch.bitwise_right_shift(numbers, shift, out=moved)
        numbers.bitwise_xor_(moved.bitwise_and_((1 << (64 - shift)) - 1))
        if factor != 1:
            numbers.mul_(_signed(factor))
    return numbers


def unsigned(seed: str) -> np.uint64:
    """The number of a stream as the loops of a processor take it."""
    import numpy as np

    return np.uint64(whole_number(seed) % (1 << 64))


def gaussians(seed: str, start: int, into: torch.Tensor) -> None:
    """Write the Gaussian numbers `start : start + into.numel()` of a stream into a contiguous float32 vector."""
    table = _quantiles(into.device)
    if into.device.type == "cpu":
        from rveval.vectors import loops

        loops.gaussians(unsigned(seed), start, table.numpy(), into.numpy())
    else:
        _looked_up(seed, start, table, into)


def _looked_up(seed: str, start: int, table: torch.Tensor, into: torch.Tensor) -> None:
    import torch

    first, last = start // 4, -(-(start + into.numel()) // 4)
    halves = words(seed, first, last - first, into.device).view(torch.uint16)
    here = halves[start - 4 * first :][: into.numel()]
    torch.index_select(table, 0, here.to(torch.int32), out=into)


def flip_signs(seed: str, start: int, numbers: torch.Tensor) -> None:
    """Give the entries of a contiguous float32 vector the signs `start : start + numbers.numel()` of a stream."""
    import torch

    size = numbers.numel()
    first, last = start // 64, -(-(start + size) // 64)
    bits = words(seed, first, last - first, numbers.device).view(torch.int32)[:, None]
    flips = (bits << torch.arange(32, dtype=torch.int32, device=numbers.device)).bitwise_and_(_SIGN)
    numbers.view(torch.int32).bitwise_xor_(flips.view(-1)[start - 64 * first :][:size])


@lru_cache(maxsize=4)
def _ramp(count: int, device: torch.device) -> torch.Tensor:
    import torch

    return torch.arange(count, dtype=torch.int64, device=device).mul_(_signed(_STEP))


@lru_cache(maxsize=4)
def _quantiles(device: torch.device) -> torch.Tensor:
    from statistics import NormalDist

    import torch

    normal, grain = NormalDist(), 1 << 15
    upper = [round(normal.inv_cdf((place + 0.5) / (1 << 16)) * grain) for place in range(1 << 15, 1 << 16)]
    values = [-value for value in reversed(upper)] + upper
    return (torch.tensor(values, dtype=torch.float64) / grain).to(device, torch.float32)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number
