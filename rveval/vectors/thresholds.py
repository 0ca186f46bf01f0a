"""Order statistics of a delta: where its k largest magnitudes end, exactly, without holding or sorting it whole.

A sample says between which two magnitudes the k-th largest lies; one pass counts what is outside and collects what is
inside. Where the sample was wrong, or too much lies inside, two passes count the bit patterns instead. Both are exact.
Differences of bfloat16 checkpoints take few values, so that thousands of entries share one magnitude: the order is
"larger magnitude first, of equal ones the lower index first", which makes "the k largest" one set and no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isqrt, sqrt
from typing import TYPE_CHECKING, Any

from rveval.vectors.delta import Delta
from rveval.vectors.memo import Memo

if TYPE_CHECKING:
    import torch

RUN = 1 << 11
"""Neighbours that are sampled together."""

COLLECTED = 1 << 21
"""The most entries that a pass collects for one cut: 8 MiB of scratch."""

HIGH, LOW = 15, 16
"""How many bits of a magnitude the two passes look at that count bit patterns."""


@dataclass(frozen=True)
class Cut:
    """Where the k largest end: magnitudes above `value`, and those equal to it with an index below `upto`."""

    value: float
    upto: int


NOTHING = Cut(inf, 0)


def cuts(delta: Delta, counts: Sequence[int], memo: Memo) -> list[Cut]:
    """The cuts that leave exactly the k largest magnitudes, for every k of `counts`.

    Args:
        delta: any shape; read once where the sample was right, and one more piece for equal magnitudes.
        counts: how many are to be left; nothing is read for none and for all.
        memo: what was found is kept there.
    """
    import torch

    keys = [f"cut {count} of {delta.key}" if delta.key else "" for count in counts]
    found = [_known(delta, count, memo.recall(key)) for count, key in zip(counts, keys, strict=True)]
    missing = [number for number, one in enumerate(found) if one is None]
    new = _exact(delta, [counts[number] for number in missing]) if missing else []
    for number, cut in zip(missing, new, strict=True):
        memo.keep(keys[number], torch.tensor([cut.value, cut.upto], dtype=torch.float64))
        found[number] = cut
    return [one for one in found if one is not None]


def _known(delta: Delta, count: int, remembered: torch.Tensor | None) -> Cut | None:
    if count <= 0:
        return NOTHING
    if count >= delta.numel:
        return Cut(0.0, delta.numel)
    return None if remembered is None else Cut(float(remembered[0]), int(remembered[1]))


def _exact(delta: Delta, counts: Sequence[int]) -> list[Cut]:
    import numpy as np

    brackets = _brackets(delta, counts)
    room = np.empty(min(delta.chunk, delta.numel) + 1, dtype=np.float32)
    for start, piece in delta.chunks():
        for bracket in brackets:
            bracket.look(start, piece, room)
    return [bracket.cut(delta) or _by_patterns(delta, count) for bracket, count in zip(brackets, counts, strict=True)]


def _sizes(delta: Delta) -> Iterator[tuple[int, torch.Tensor]]:
    for start, piece in delta.chunks():
        yield start, piece.abs_()


def _sample(delta: Delta) -> torch.Tensor:
    """Sorted magnitudes: all of a small delta, else of runs whose places do not repeat with the length of a row."""
    import torch

    runs = isqrt(delta.numel) // 32
    if delta.numel <= 32 * RUN:
        return _sorted(delta.whole().view(-1).abs_())
    found = torch.empty(runs * RUN, dtype=torch.float32, device=delta.device)
    for number in range(runs):
        share = (number + number * 0.6180339887 % 1) / runs
        delta.fill(int(share * (delta.numel - RUN)), found[number * RUN : (number + 1) * RUN])
    return _sorted(found.abs_())


def _sorted(values: torch.Tensor) -> torch.Tensor:
    """`torch.sort`, which on the CPU takes ten times as long as numpy's."""
    if values.device.type == "cpu":
        values.numpy().sort()
        return values
    return values.sort().values


class _Bracket:
    """Two magnitudes between which the k-th largest lies, and what a pass learns of them.

    Args:
        count: k.
        low, high: the two, as they are in the sample.
        many: which of them so many entries share that they are counted and not collected.
    """

    def __init__(self, count: int, low: float, high: float, many: tuple[bool, bool]) -> None:
        above_low, above_high = _next(low), _next(high)
        self._count = count
        # What lies in [inner] is collected; `edges` bound it and the single values beside it.
        self._inner = (above_low if many[0] else low, high if many[1] else above_high)
        self._edges = sorted({low, self._inner[0], self._inner[1], above_high})
        self._at_least: list[list[int]] = []
        self._starts: list[int] = []
        self._collected: list[Any] = []
        self._size = 0

    def look(self, start: int, piece: torch.Tensor, room: Any) -> None:
        """Count and collect one piece; for `room` see `surveyed`."""
        if self._size > COLLECTED:
            return
        counted, collected = surveyed(piece, self._edges, self._inner, room)
        self._starts.append(start)
        self._at_least.append(counted)
        self._collected.append(collected)
        self._size += collected.size

    def cut(self, delta: Delta) -> Cut | None:
        """The answer; None if the k-th largest lies outside, or too much inside."""
        import numpy as np

        if self._size > COLLECTED:
            return None
        at_least = [*np.sum(self._at_least, axis=0).tolist(), 0]
        if not at_least[-2] < self._count <= at_least[0]:
            return None
        place = max(number for number, edge in enumerate(at_least) if edge >= self._count)
        value, equal = self._edges[place], [here[place] - here[place + 1] for here in self._at_least]
        needed = self._count - at_least[place + 1]
        if self._inner[0] == value and self._inner[0] < self._inner[1]:
            inside = np.concatenate(self._collected)
            value = float(np.partition(inside, inside.size - needed)[inside.size - needed])
            needed -= int(np.count_nonzero(inside > np.float32(value)))
            equal = [int(np.count_nonzero(piece == np.float32(value))) for piece in self._collected]
        return Cut(value, _upto(delta, value, needed, equal, self._starts))


def _brackets(delta: Delta, counts: Sequence[int]) -> list[_Bracket]:
    sample = _sample(delta)
    size, found = sample.numel(), []
    for count in counts:
        share = count / delta.numel
        # Four standard deviations of a sample whose runs hold a fourth of what independent entries would say.
        margin = 0 if size == delta.numel else int(8 * sqrt(size * share * (1 - share))) + 16
        ranks = [min(max(size - round(share * size) + step, 0), size - 1) for step in (-margin, margin)]
        low, high = (float(sample[rank]) for rank in ranks)
        many = [_share(sample, value) > 0.01 for value in (low, high)]
        found.append(_Bracket(count, low, high, (many[0] or low == high, many[1] and low < high)))
    return found


def _share(ordered: torch.Tensor, value: float) -> float:
    import torch

    edges = torch.tensor([value, _next(value)], dtype=torch.float32, device=ordered.device)
    first, last = torch.searchsorted(ordered, edges).tolist()
    return float((last - first) / ordered.numel())


def _next(value: float) -> float:
    """The next larger float32."""
    import numpy as np

    return float(np.nextafter(np.float32(value), np.float32(inf)))


def surveyed(
    piece: torch.Tensor, edges: Sequence[float], inner: tuple[float, float], room: Any
) -> tuple[list[int], Any]:
    """Look at the magnitudes of a piece.

    Args:
        piece: float32.
        edges: one or more.
        inner: two.
        room: scratch for the loop of a processor: a float32 numpy vector longer than the piece.

    Returns:
        How many reach each edge; those from `inner[0]` up to below `inner[1]`, in order, as a numpy vector (on a GPU
        no more than one too many for a bracket).
    """
    import numpy as np

    if piece.device.type != "cpu":
        return _surveyed(piece, edges, inner)
    from rveval.vectors import sweeps

    borders, limits = (np.array(numbers, dtype=np.float32) for numbers in (edges, inner))
    at_least = np.empty(len(edges), dtype=np.int64)
    found = sweeps.survey(piece.numpy(), borders, limits, at_least, room)
    return at_least.tolist(), room[:found].copy()


def _surveyed(piece: torch.Tensor, edges: Sequence[float], inner: tuple[float, float]) -> tuple[list[int], Any]:
    sizes = piece.abs()
    inside = sizes[(sizes >= inner[0]) & (sizes < inner[1])]
    return [int((sizes >= edge).sum()) for edge in edges], inside[: COLLECTED + 1].cpu().numpy()


def _upto(delta: Delta, value: float, needed: int, equal: Sequence[int], starts: Sequence[int]) -> int:
    """One past the index of the `needed`-th entry of this magnitude; how many each piece holds is known."""
    import torch

    place, before = 0, 0
    while before + equal[place] < needed:
        before += equal[place]
        place += 1
    start = starts[place]
    piece = torch.empty(min(delta.chunk, delta.numel - start), dtype=torch.float32, device=delta.device)
    delta.fill(start, piece)
    return start + int((piece.abs_() == value).nonzero()[needed - before - 1]) + 1


def _by_patterns(delta: Delta, count: int) -> Cut:
    """The same from counts of bit patterns: a magnitude's bits, read as a whole number, are in its order."""
    import torch

    high = torch.zeros(1 << HIGH, dtype=torch.int64, device=delta.device)
    for _, sizes in _sizes(delta):
        high += torch.bincount(sizes.view(torch.int32) >> LOW, minlength=1 << HIGH)
    first, needed = _from_above(high, count)
    low, starts, pieces = torch.zeros(1 << LOW, dtype=torch.int64, device=delta.device), [], []
    for start, sizes in _sizes(delta):
        bits = sizes.view(torch.int32)
        low += torch.bincount(bits[bits >> LOW == first] & ((1 << LOW) - 1), minlength=1 << LOW)
        starts.append(start)
    second, needed = _from_above(low, needed)
    value = float(torch.tensor([first << LOW | second], dtype=torch.int32).view(torch.float32))
    for _, sizes in _sizes(delta):
        pieces.append(int((sizes == value).sum()))
        if sum(pieces) >= needed:
            break
    return Cut(value, _upto(delta, value, needed, pieces, starts[: len(pieces)]))


def _from_above(counted: torch.Tensor, count: int) -> tuple[int, int]:
    """(the pattern that holds the `count`-th largest, how many of its entries belong to the `count` largest)."""
    above = counted.flip(0).cumsum(0)
    place = int((above < count).sum())
    return counted.numel() - 1 - place, count - (int(above[place - 1]) if place else 0)
