"""One pass over a cell's samples: numbers for the statistics stay, texts go by (to the item files, if there are any).

A cell of 200,000 items takes some megabytes here, however long its answers are.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rveval.errors import Problem, Refused
from rveval.store import Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORDS = 12
_EQUATION = re.compile(r"=\s*[$€£]?-?\d")
_WORD = re.compile(r"[^\W\d_]{2,}")
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_AGAIN = "run the cell again with force=true"

Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.int64]"


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
_TEXTS = ("ids", "left")


def shows_steps(response: str, code: bool = False) -> bool:
    """Whether an answer shows how it was come by, rather than only what it is.

    It does if the text before its last `####` (all of it, where there is none) holds an equation with its result, or
    12 words or more. Of model-written code it is the words outside the fenced block: a bare program shows no steps.

    >>> shows_steps("28+4=32. 32+24=56. #### 56"), shows_steps("#### 56"), shows_steps("The answer is 56.")
    (True, False, False)
    """
    if code:
        if "```" not in response:
            return False
        text = _FENCED.sub(" ", response)
    else:
        end = response.rfind("####")
        text = response if end < 0 else response[:end]
        if _EQUATION.search(text):
            return True
    if len(text) < 3 * _WORDS:
        return False
    return sum(1 for _ in zip(_WORD.finditer(text), range(_WORDS), strict=False)) == _WORDS


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
            raise Refused(Problem(what, where=self.where, fix=_AGAIN))
        place = self.places.setdefault(str(item), len(self.places))
        if place == len(self.left):
            self.left.append(sample.get("left_alone", ""))
            for column in self.columns.values():
                column.append(0)
        return place

    def add(self, place: int, sample: Sample) -> None:
        right, cut, failed = sample["correct"], sample["finish_reason"] == "length", sample["extraction_failed"]
        counted = {
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
        for name, value in counted.items():
            if value:
                self.columns[name][place] += value
        self.tokens.append(sample["n_output_tokens"])

    def add_first(self, place: int, sample: Sample) -> None:
        """What only the first sample of an item tells.

        Raises:
            Refused: the item was there already.
        """
        if self.columns["answers"][place]:
            raise Refused(Problem(f"item {sample['item_id']} is there twice", where=self.where, fix=_AGAIN))
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
    import numpy as np

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
    columns: dict[str, Ints] = {name: np.frombuffer(column, np.int64) for name, column in growing.columns.items()}
    total, tokens = columns.pop("sum"), np.frombuffer(growing.tokens, dtype=np.int64)
    ids, left = tuple(growing.places), tuple(growing.left)
    return Marks(ids=ids, tokens=tokens, mean_tokens=total / columns["count"], left=left, **columns)


def joined(parts: Sequence[Marks]) -> Marks:
    """The marks of several cells with different items as one."""
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    names = [column.name for column in fields(Marks) if column.name not in _TEXTS]
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    columns |= {name: tuple(text for part in parts for text in getattr(part, name)) for name in _TEXTS}
    return Marks(**columns)


def places_of(ids: tuple[str, ...], wanted: tuple[str, ...], where: str) -> list[int] | None:
    """Where in `ids` each of the `wanted` stands; None where the two are in one order already.

    Raises:
        Refused: the two name different items.
    """
    if ids is wanted or ids == wanted:
        return None
    if set(ids) != set(wanted):
        only = sorted(set(ids) ^ set(wanted))
        raise Refused(
            Problem(
                "two cells that should be compared hold different items",
                where=where,
                expected="the same item ids",
                found=f"{len(only)} items in one only, such as {', '.join(only[:5])}",
                fix="run both again with force=true",
            )
        )
    places = {item: place for place, item in enumerate(ids)}
    return [places[item] for item in wanted]


def ordered(values: Floats, ids: tuple[str, ...], wanted: tuple[str, ...], where: str) -> Floats:
    """`values`, which stand by `ids`, put into the order of `wanted`; raises as `places_of`."""
    places = places_of(ids, wanted, where)
    return values if places is None else values[places]


def reordered(marks: Marks, wanted: tuple[str, ...], where: str) -> Marks:
    """The same marks in another order of items (but `tokens`, which need none); raises as `places_of`."""
    places = places_of(marks.ids, wanted, where)
    if places is None:
        return marks
    names = [column.name for column in fields(Marks) if column.name not in (*_TEXTS, "tokens")]
    columns: dict[str, Any] = {name: getattr(marks, name)[places] for name in names}
    return Marks(ids=wanted, left=tuple(marks.left[place] for place in places), tokens=marks.tokens, **columns)
