"""One pass over a cell's samples: numbers for the statistics stay, texts go by.

A cell of 200,000 items takes some megabytes here, however long its answers are.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, TypeAlias

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
    left: NDArray[np.object_]
    answers: Ints

    @property
    def n(self) -> int:
        return len(self.ids)

    @property
    def score(self) -> Floats:
        """Share of right samples, by item."""
        return self.right / self.count


_COUNTED = ("count", "right", "strict", "failed", "cut", "steps", "bad_cut", "bad_failed", "sum", "changed", "answers")


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


def read(samples: Iterable[Sample], where: str, code: bool = False) -> Marks:
    """The marks of a cell.

    Args:
        samples: of one cell, in any order.
        where: words for the cell, for errors.
        code: whether answers are programs.

    Raises:
        Refused: a sample without an id, an item twice, no samples, or what reading them raises.
    """
    import numpy as np

    places: dict[str, int] = {}
    columns: dict[str, array[int]] = {name: array("q") for name in _COUNTED}
    tokens: array[int] = array("q")
    left: list[str] = []
    for sample in samples:
        item = sample.get("item_id")
        if not item:
            what = "a sample has no item_id, so it can't be paired with another variant's"
            raise Refused(Problem(what, where=where, fix=_AGAIN))
        place = places.setdefault(str(item), len(places))
        if place == len(left):
            left.append(sample.get("left_alone", ""))
            for column in columns.values():
                column.append(0)
        for name, value in _counted(sample, code).items():
            columns[name][place] += value
        tokens.append(sample["n_output_tokens"])
        if sample["sample_index"] == 0:
            if columns["answers"][place]:
                raise Refused(Problem(f"item {item} is there twice", where=where, fix=_AGAIN))
            columns["changed"][place] = bool(sample.get("changed", False))
            columns["answers"][place] = _hash(sample["response"])
    if not left:
        raise Refused(Problem("a cell without samples", where=where, fix="run it again with force=true"))
    whole: dict[str, Ints] = {name: np.frombuffer(column, np.int64) for name, column in columns.items()}
    mean_tokens = whole.pop("sum") / whole["count"]
    every = np.frombuffer(tokens, dtype=np.int64)
    return Marks(tuple(places), tokens=every, mean_tokens=mean_tokens, left=np.array(left, dtype=object), **whole)


def _counted(sample: Sample, code: bool) -> dict[str, int]:
    """What a sample adds to the columns of its item."""
    right, cut, failed = sample["correct"], sample["finish_reason"] == "length", sample["extraction_failed"]
    return {
        "count": 1,
        "right": right,
        "strict": sample["correct_strict"],
        "failed": failed,
        "cut": cut,
        "steps": shows_steps(sample["response"], code),
        "bad_cut": cut and not right,
        "bad_failed": failed and not right and not cut,
        "sum": sample["n_output_tokens"],
    }


def _hash(response: str) -> int:
    """Fits into 64 bits, and is never 0."""
    text = response.encode("utf-8", "surrogatepass")
    return 1 + int.from_bytes(hashlib.blake2b(text, digest_size=7).digest())


def joined(parts: Sequence[Marks]) -> Marks:
    """The marks of several cells with different items as one."""
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    names = [column.name for column in fields(Marks) if column.name != "ids"]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Marks(tuple(item for part in parts for item in part.ids), **columns)


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
    names = [column.name for column in fields(Marks) if column.name not in ("ids", "tokens")]
    return replace(marks, ids=wanted, **{name: getattr(marks, name)[places] for name in names})
