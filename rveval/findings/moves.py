"""Where a difference comes from: each item that a variant fixed or broke is put into exactly one class.

The classes are asked in this order, and the first that fits takes the item. The *losing side* is the one with the lower
score: the baseline of a fixed item, the variant of a broken one.

1. truncation: a wrong answer of the losing side was cut off at the token limit.
2. extraction: a wrong answer of the losing side, not cut off, held no answer that could be read.
3. style: one side shows its steps (in most of its samples) and the other does not.
4. length: the same style, but one side's answers are at least twice as long, and by 8 tokens or more.
5. content: nothing of these; the two say something else.

A class says what changed along with the verdict, not why: a model that begins to write steps is put under style, also
if the steps are what made it right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.findings.typed_cells import Class

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rveval.findings.reading import Marks

    Ints = NDArray[np.int64]

CLASSES: tuple[Class, ...] = ("truncation", "extraction", "style", "length", "content")
_WORDS = 12
_RATIO, _TOKENS = 2.0, 8.0

_EQUATION = re.compile(r"=\s*[$€£]?-?\d")
_WORD = re.compile(r"[^\W\d_]{2,}")
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)


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
        said = _FENCED.sub(" ", response)
    else:
        end = response.rfind("####")
        said = response if end < 0 else response[:end]
        if _EQUATION.search(said):
            return True
    if len(said) < 3 * _WORDS:
        return False
    return sum(1 for _ in zip(_WORD.finditer(said), range(_WORDS), strict=False)) == _WORDS


@dataclass(frozen=True)
class Moves:
    """By item: 1 fixed, -1 broken, 0 neither; the class (place in `CLASSES`, -1 for none); the change of its score."""

    move: Ints
    kind: Ints
    change: NDArray[np.float64]


def moves(variant: Marks, baseline: Marks) -> Moves:
    """What happened to each item, both in the same order."""
    import numpy as np

    change = variant.score - baseline.score
    move = np.sign(change).astype(np.int64)

    def losing(name: str) -> NDArray[np.bool_]:
        return np.where(move > 0, getattr(baseline, name), getattr(variant, name)) > 0

    ours, theirs = variant.mean_tokens, baseline.mean_tokens
    apart, longer = np.abs(ours - theirs), np.maximum(ours, theirs)
    fits = [
        losing("bad_cut"),
        losing("bad_failed"),
        (2 * variant.steps > variant.count) != (2 * baseline.steps > baseline.count),
        (longer >= _RATIO * np.minimum(ours, theirs)) & (apart >= _TOKENS),
        np.ones(len(move), dtype=bool),
    ]
    kind = np.where(move == 0, -1, np.argmax(np.stack(fits), axis=0))
    return Moves(move, kind.astype(np.int64), change)
