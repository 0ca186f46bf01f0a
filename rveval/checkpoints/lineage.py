"""Do two checkpoints descend from one start? Told from their weights: nothing else in a checkpoint says it.

Training from a common start moves weights by a few percent, so that the matrices of siblings point the same way
(cosine near 1). Two initialisations have nothing in common: their cosine is 0. A difference of checkpoints of another
initialisation is arithmetic on directions that mean nothing here.

A few thousand entries of each matrix are looked at, n together. The standard error of their cosine c is
(1 - c^2) / sqrt(n): 0.003 for strangers in the smallest model here, 0.001 in one of 0.5B. Where rows and columns differ
widely in size, fewer entries count; with a spread of a factor two up and down, in rows and in columns, it is 0.02, a
tenth of the way to `UNRELATED`. Siblings are nearer to 1 than strangers to 0, and so is their sample.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rveval.checkpoints import Checkpoint, content_hash
from rveval.checkpoints.fingerprints import recall, remember
from rveval.vectors.scopes import layer_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNRELATED = 0.2
"""Below this cosine two checkpoints count as unrelated; chance gives 0.00, siblings 0.9 and more."""

_SAMPLE = 4096
_BYTES = {"F32": 4, "F16": 2, "BF16": 2}


def cosine(one: Checkpoint, other: Checkpoint) -> float:
    """The cosine between the matrices in the layers of two checkpoints, over a sample of their entries.

    Embeddings, head and norms are left out: they are alike in any two models of one vocabulary.

    Returns:
        A number from -1 to 1, remembered by the contents of both; NaN where they share no matrix of one shape.
    """
    key = ":".join(sorted((content_hash(one.folder), content_hash(other.folder))))
    known = recall("lineage", key)
    if isinstance(known, float):
        return known
    found = _cosine(one, other)
    if math.isfinite(found):
        remember("lineage", key, found)
    return found


def _cosine(one: Checkpoint, other: Checkpoint) -> float:
    import numpy as np

    product = ours = theirs = 0.0
    for name in one.names:
        fits = name in other and one.shape(name) == other.shape(name)
        if fits and len(one.shape(name)) == 2 and layer_of(name) is not None:
            a, b = _sample(one, name), _sample(other, name)
            product += float(np.dot(a, b))
            ours += float(np.dot(a, a))
            theirs += float(np.dot(b, b))
    return product / math.sqrt(ours * theirs) if ours and theirs else math.nan


def _sample(checkpoint: Checkpoint, name: str) -> NDArray[np.float64]:
    """Up to 4,096 entries from the middle of a tensor, as float64; without torch, which takes seconds to import."""
    import numpy as np

    size = _BYTES[checkpoint.dtype(name)]
    raw = checkpoint.raw(name)
    count = len(raw) // size
    start = max(0, (count - _SAMPLE) // 2) * size
    piece = raw[start : start + min(count, _SAMPLE) * size]
    if checkpoint.dtype(name) == "BF16":
        return (np.frombuffer(piece, dtype=np.uint16).astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return np.frombuffer(piece, dtype=np.float16 if size == 2 else np.float32).astype(np.float64)
