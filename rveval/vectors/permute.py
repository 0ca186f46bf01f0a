"""The null control `permute`: the entries of a tensor in another order, without ever holding the tensor in float32.

The order is one of many and not drawn from all with equal chances. It has two steps:

1. Runs of 512 neighbours (a kilobyte of a 16-bit type) change places as wholes, all over the tensor, by a pseudo-random
   permutation of the runs.
2. Within every block of 2**18 entries of the result the entries change places singly: by one pseudo-random permutation
   for all blocks, followed by a mixing of places (odd multiplier, shift, odd multiplier, offset) whose numbers are
   drawn for each block of each tensor. A shorter block, and a tensor of at most one block, take of it what is theirs.

So where an entry goes is uniform over the tensor, and any two entries that were not in one run are as good as
independent; those of one run end within one block of 2**18, in places that have nothing to do with each other. The up
to 511 entries after the last whole run always end in the last block. Pseudo-random permutations are Feistel networks
of six rounds over the next power of two, of which the numbers below the size are kept in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from rveval.vectors.blocks import BLOCK, by_blocks
from rveval.vectors.delta import RUN, Delta
from rveval.vectors.draws import words
from rveval.vectors.sparse import made
from rveval.vectors.steps import Step

if TYPE_CHECKING:
    import torch

    from rveval.vectors.apply import Place

_ROUNDS = 6
_RUNS = BLOCK // RUN
_GROUP = 8
"""Blocks whose runs are looked for at a time where the input must be read through to find them (8 MiB)."""


def permute(delta: Delta, step: Step, place: Place) -> Delta:
    """The entries of a tensor, each exactly once, in an order drawn by the seed; the module says which."""
    import torch

    seed = place.seed(step)
    gather = _gatherer(delta, shuffled(f"{seed}:runs", delta.numel // RUN, delta.device))
    shared = _shared(f"{step.seed}:{step.name}", delta.device)
    drawn = words(f"{seed}:blocks", 0, 4 * -(-delta.numel // BLOCK), torch.device("cpu")).tolist()

    def make(number: int, into: torch.Tensor) -> None:
        size = into.numel()
        gathered, whole = torch.empty_like(into), size // RUN * RUN
        gather(number, gathered[:whole])
        if whole < size:
            delta.fill(delta.numel - (size - whole), gathered[whole:])
        reorder(gathered, shared, drawn[4 * number : 4 * number + 3], into)

    return Delta(delta.shape, delta.device, by_blocks(delta.numel, BLOCK, make), made(step, delta.key, seed))


@lru_cache(maxsize=4)
def _shared(seed: str, device: torch.device) -> torch.Tensor:
    """The permutation of a block's places that all blocks share."""
    return shuffled(f"{seed}:places", BLOCK, device)


def reorder(entries: torch.Tensor, shared: torch.Tensor, drawn: Sequence[int], out: torch.Tensor) -> None:
    """Write the entries of a block in the order that is the shared one mixed with three drawn numbers."""
    low = BLOCK - 1
    mixing = (drawn[0] & low | 1, drawn[1] & low | 1, drawn[2] & low)
    if out.device.type != "cpu":
        _reordered(entries, shared, mixing, out)
        return
    import numpy as np

    from rveval.vectors import sweeps

    sweeps.reorder(entries.numpy(), shared.numpy(), np.array(mixing, dtype=np.uint32), out.numpy())


def _reordered(entries: torch.Tensor, shared: torch.Tensor, mixing: Sequence[int], out: torch.Tensor) -> None:
    import torch

    low, size = BLOCK - 1, out.numel()
    order = (shared * mixing[0]).bitwise_and_(low)
    order ^= order >> 9
    order.mul_(mixing[1]).add_(mixing[2]).bitwise_and_(low)
    torch.index_select(entries, 0, order if size == BLOCK else order[order < size], out=out)


def shuffled(seed: str, size: int, device: torch.device) -> torch.Tensor:
    """A pseudo-random permutation of the numbers below `size` (2**31 at most): int32."""
    import torch

    bits = max(size - 1, 1).bit_length()
    keys = [key >> 32 for key in words(seed, 0, 2 * _ROUNDS, torch.device("cpu")).tolist()]
    found = torch.arange(1 << bits, dtype=torch.int32, device=device)
    _feistel(found, bits, keys)
    return found if size == 1 << bits else found[found < size]


def _feistel(numbers: torch.Tensor, bits: int, keys: list[int]) -> None:
    """A bijection of the int32 numbers below 2**bits, in place.

    In turns, the upper bits are changed by a hash of the lower ones and the lower ones by one of the upper ones. The
    hash is the top of a product with a drawn odd number, after another such product was folded onto itself.
    """
    import torch

    split = bits // 2
    hashed, folded = torch.empty_like(numbers), torch.empty_like(numbers)
    for turn in range(_ROUNDS):
        if turn % 2:
            torch.bitwise_right_shift(numbers, split, out=hashed)
        else:
            torch.bitwise_and(numbers, (1 << split) - 1, out=hashed)
        hashed.mul_(keys[2 * turn] | 1).add_(keys[2 * turn + 1])
        hashed.bitwise_xor_(torch.bitwise_right_shift(hashed, 15, out=folded)).mul_(keys[2 * turn + 1] | 1)
        if turn % 2:
            hashed.bitwise_right_shift_(14).bitwise_and_((1 << split) - 1)
        else:
            hashed.bitwise_right_shift_(14 - split).bitwise_and_(((1 << bits) - 1) ^ ((1 << split) - 1))
        numbers.bitwise_xor_(hashed)


def _gatherer(delta: Delta, runs: torch.Tensor) -> Callable[[int, torch.Tensor], None]:
    """`gather(block, into)`: the runs that belong into a block of the result, taken singly or while reading all."""
    found: list[tuple[int, torch.Tensor]] = []

    def direct(number: int, into: torch.Tensor) -> None:
        assert delta.take is not None
        delta.take(runs[number * _RUNS :][: into.numel() // RUN], into)

    def by_reading(number: int, into: torch.Tensor) -> None:
        group, within = divmod(number, _GROUP)
        if not found or found[0][0] != group:
            first = group * _GROUP * _RUNS
            found[:] = [(group, read_runs(delta, runs[first : first + _GROUP * _RUNS]))]
        into.copy_(found[0][1][within * BLOCK :][: into.numel()])

    return by_reading if delta.take is None else direct


def read_runs(delta: Delta, wanted: torch.Tensor) -> torch.Tensor:
    """The runs with these numbers, one after the other, found by reading the delta through once."""
    import torch

    result = torch.empty(wanted.numel(), RUN, dtype=torch.float32, device=delta.device)
    order = wanted.argsort()
    ascending = wanted[order]
    for start, piece in delta.chunks():
        rows = piece[: piece.numel() // RUN * RUN].view(piece.numel() // RUN, RUN)
        edges = torch.tensor([start // RUN, start // RUN + len(rows)], device=delta.device)
        low, high = torch.searchsorted(ascending, edges).tolist()
        here = order[low:high]
        result[here] = rows[wanted[here] - start // RUN]
    return result.view(-1)
