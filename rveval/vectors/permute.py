"""The null control `permute`: the entries of a tensor in another order, without ever holding the tensor in float32.

The order is one of many and not drawn from all with equal chances. It has two steps:

1. Runs of 32 neighbours (a line of cache in a 16-bit type) change places as wholes, all over the tensor, by a
   pseudo-random permutation of the runs.
2. Within every block of 2**18 entries of the result the entries change places singly. The last, shorter block, and a
   tensor of at most one block, have a pseudo-random permutation of their own; whole blocks share one, followed by
   a mixing of places (odd multiplier, shift, odd multiplier, offset) whose numbers are drawn for each block.

So where an entry goes is uniform over the tensor, and any two entries that were not in one run are as good as
independent; those of one run end within one block of 2**18, in places that have nothing to do with each other. The up
to 31 entries after the last whole run always end in the last block. Pseudo-random permutations are Feistel networks
of six rounds with cycle walking (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"), of the seed alone.
"""

from __future__ import annotations

from collections.abc import Callable
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
    seed = place.seed(step)
    runs = delta.numel // RUN
    gather = _gatherer(delta, lambda first, count: placed(f"{seed}:runs", runs, first, count, delta.device))
    shared = placed(f"{seed}:places", BLOCK, 0, BLOCK, delta.device).int() if delta.numel >= 2 * BLOCK else None

    def make(number: int, into: torch.Tensor) -> None:
        import torch

        size = into.numel()
        gathered, whole = torch.empty_like(into), size // RUN * RUN
        gather(number, gathered[:whole])
        if whole < size:
            delta.fill(delta.numel - (size - whole), gathered[whole:])
        if size < BLOCK or shared is None:
            order = placed(f"{seed}:block {number}", size, 0, size, into.device)
        else:
            order = _remixed(shared, words(f"{seed}:blocks", 4 * number, 4, into.device).tolist())
        torch.index_select(gathered, 0, order, out=into)

    return Delta(delta.shape, delta.device, by_blocks(delta.numel, BLOCK, make), made(step, delta.key, seed))


def _remixed(order: torch.Tensor, drawn: list[int]) -> torch.Tensor:
    """A permutation of the places of a block, followed by a bijection of 18 bits."""
    low = BLOCK - 1
    found = (order * (drawn[0] & low | 1)).bitwise_and_(low)
    found ^= found >> 9
    return found.mul_(drawn[1] & low | 1).add_(drawn[2] & low).bitwise_and_(low)


def placed(seed: str, size: int, first: int, count: int, device: torch.device) -> torch.Tensor:
    """The places `first : first + count` of a pseudo-random permutation of `size` things: int64."""
    import torch

    bits = max(size - 1, 1).bit_length()
    keys = words(seed, 0, 2 * _ROUNDS, torch.device("cpu")).tolist()
    found = _feistel(torch.arange(first, first + count, dtype=torch.int64, device=device), bits, keys)
    outside = (found >= size).nonzero().view(-1)
    while outside.numel():
        again = _feistel(found[outside], bits, keys)
        found[outside] = again
        outside = outside[again >= size]
    return found


def _feistel(numbers: torch.Tensor, bits: int, keys: list[int]) -> torch.Tensor:
    """A bijection of the numbers below 2**bits: one part of the bits is changed by a hash of the other, in turns."""
    split = (bits + 1) // 2
    low, high = numbers & ((1 << split) - 1), numbers >> split
    for turn in range(_ROUNDS):
        if turn % 2:
            low = low ^ _hashed(high, keys[2 * turn], keys[2 * turn + 1], split)
        else:
            high = high ^ _hashed(low, keys[2 * turn], keys[2 * turn + 1], bits - split)
    return high << split | low


def _hashed(numbers: torch.Tensor, add: int, factor: int, bits: int) -> torch.Tensor:
    """Some bits that depend on all of each number: the upper half of a product, multiplied and taken from the top."""
    product = (numbers + add).mul_(factor | 1)
    product ^= product >> 32
    return product.mul_(factor | 1).bitwise_right_shift_(40).bitwise_and_((1 << bits) - 1)


def _gatherer(
    delta: Delta, numbers: Callable[[int, int], torch.Tensor]
) -> Callable[[int, torch.Tensor], None]:
    """`gather(block, into)`: the runs that belong into a block of the result, taken singly or while reading all."""
    found: list[tuple[int, torch.Tensor]] = []

    def direct(number: int, into: torch.Tensor) -> None:
        assert delta.take is not None
        delta.take(numbers(number * _RUNS, into.numel() // RUN), into)

    def by_reading(number: int, into: torch.Tensor) -> None:
        group, within = divmod(number, _GROUP)
        if not found or found[0][0] != group:
            first = group * _GROUP * _RUNS
            wanted = numbers(first, min(_GROUP * _RUNS, delta.numel // RUN - first))
            found[:] = [(group, read_runs(delta, wanted))]
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
