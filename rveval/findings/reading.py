"""One pass over a cell's samples: numbers for the statistics stay, texts go by (to the item files, if there are any).

A cell of 200,000 items takes some megabytes here, however long its answers are.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rveval.errors import Problem, Refused
from rveval.findings.moves import shows_steps
from rveval.store import CellRecord, Refusal, Sample, StudyEntry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


class Reader(Protocol):
    """Where cells are read from: a store, or what plain lm-eval wrote."""

    def read_study(self, study: str) -> list[StudyEntry]:
        """The variants of a study with their cells."""

    def has(self, cell_id: str) -> bool:
        """Whether the cell is complete."""

    def read_cell(self, cell_id: str) -> CellRecord:
        """The record of a complete cell."""

    def stream_samples(self, cell_id: str) -> Iterator[Sample]:
        """The samples of a complete cell, one by one."""

    def refusals(self, study: str) -> list[Refusal]:
        """The variants of a study that were refused."""


class Keep(Protocol):
    """What else is done with the texts of a cell."""

    def take(self, place: int, sample: Sample) -> None:
        """An item's first sample, as it goes by, and the item's place."""

    def done(self) -> None:
        """The cell is at its end."""


@dataclass(frozen=True)
class Marks:
    """What the statistics need of one cell, by the place of an item; `ids` says which item is where.

    Args:
        ids: item ids in the order of the cell.
        count: samples of each item.
        right, strict, failed, cut, steps: how many of them are right (flexible reading), right (strict reading), had
            no answer that could be read, were cut off at the token limit, show steps.
        bad_cut, bad_failed: how many are wrong and cut off; wrong, not cut off and without an answer.
        tokens: tokens of every sample, in order of items where all have one.
        mean_tokens: their mean by item.
        changed: whether the prompt differs from the clean one.
        left: why a family left the item alone, "" elsewhere.
        answers: a hash of the first response.
    """

    ids: tuple[str, ...]
    count: Ints
    right: Ints
    strict: Ints
    failed: Ints
    cut: Ints
    steps: Ints
    bad_cut: Ints
    bad_failed: Ints
    tokens: Ints
    mean_tokens: Floats
    changed: Ints
    left: tuple[str, ...]
    answers: Ints

    @property
    def n(self) -> int:
        return len(self.ids)

    @property
    def score(self) -> Floats:
        """Share of right samples, by item."""
        return self.right / self.count


_COUNTED = ("count", "right", "strict", "failed", "cut", "steps", "bad_cut", "bad_failed", "sum", "changed", "answers")


@dataclass
class _Growing:
    """Marks while the samples go by."""

    where: str
    code: bool
    places: dict[str, int] = field(default_factory=dict)
    columns: dict[str, array[int]] = field(default_factory=lambda: {name: array("q") for name in _COUNTED})
    tokens: array[int] = field(default_factory=lambda: array("q"))
    left: list[str] = field(default_factory=list)

    def place(self, sample: Sample) -> int:
        """The item's place; a new one for an item that was not seen yet.

        Raises:
            Refused: the sample has no id.
        """
        item = sample.get("item_id")
        if not item:
            what = "a sample has no item_id, so it can't be paired with another variant's"
            raise Refused(Problem(what, where=self.where, fix="run the cell again with force=true"))
        found = self.places.setdefault(str(item), len(self.places))
        if found == len(self.left):
            self.left.append(sample.get("left_alone", ""))
            for column in self.columns.values():
                column.append(0)
        return found

    def add(self, place: int, sample: Sample) -> None:
        right, cut, failed = sample["correct"], sample["finish_reason"] == "length", sample["extraction_failed"]
        found = {
            "count": 1,
            "right": right,
            "strict": sample["correct_strict"],
            "failed": failed,
            "cut": cut,
            "steps": shows_steps(sample["response"], self.code),
            "bad_cut": cut and not right,
            "bad_failed": failed and not right and not cut,
            "sum": sample["n_output_tokens"],
        }
        for name, value in found.items():
            if value:
                self.columns[name][place] += value
        self.tokens.append(sample["n_output_tokens"])

    def add_first(self, place: int, sample: Sample) -> None:
        """What only the first sample of an item tells.

        Raises:
            Refused: the item was there already.
        """
        if self.columns["answers"][place]:
            what = f"item {sample['item_id']} is there twice"
            raise Refused(Problem(what, where=self.where, fix="run the cell again with force=true"))
        self.columns["changed"][place] = bool(sample.get("changed", False))
        text = sample["response"].encode("utf-8", "surrogatepass")
        self.columns["answers"][place] = 1 + int.from_bytes(hashlib.blake2b(text, digest_size=7).digest())


def read(samples: Iterable[Sample], where: str, code: bool = False, keep: Keep | None = None) -> Marks:
    """The marks of a cell; texts go by.

    Args:
        samples: of one cell, in any order.
        where: words for the cell, for errors.
        code: whether answers are programs.
        keep: what else is done with texts.

    Raises:
        Refused: a sample without an id, an item twice, no samples, or what reading them raises.
    """
    growing = _Growing(where, code)
    for sample in samples:
        place = growing.place(sample)
        growing.add(place, sample)
        if sample["sample_index"] == 0:
            growing.add_first(place, sample)
            if keep is not None:
                keep.take(place, sample)
    if keep is not None:
        keep.done()
    if not growing.left:
        raise Refused(Problem("a cell without samples", where=where, fix="run it again with force=true"))
    return _settled(growing)


def _settled(growing: _Growing) -> Marks:
    import numpy as np

    columns = {name: np.frombuffer(column, dtype=np.int64) for name, column in growing.columns.items()}
    total = columns.pop("sum")
    tokens = np.frombuffer(growing.tokens, dtype=np.int64)
    left = tuple(growing.left)
    return Marks(ids=tuple(growing.places), tokens=tokens, mean_tokens=total / columns["count"], left=left, **columns)


def joined(parts: list[Marks]) -> Marks:
    """The marks of several cells with different items as one."""
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    names = [name for name in Marks.__dataclass_fields__ if name not in ("ids", "left")]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    ids = tuple(item for part in parts for item in part.ids)
    return Marks(ids=ids, left=tuple(reason for part in parts for reason in part.left), **columns)
