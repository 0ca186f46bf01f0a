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
import re

from rveval.checkpoints.checkpoint import Checkpoint
from rveval.checkpoints.fingerprints import content_hash, recall, remember

UNRELATED = 0.2
"""Below this cosine two checkpoints count as unrelated; chance gives 0.00, siblings 0.9 and more."""
SAME_MODEL = 0.8
"""Above this cosine with the base a donor is a model and no difference of models."""

_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks?)\.\d+\.")
_SAMPLE = 4096


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
    value = _cosine(one, other)
    if math.isfinite(value):
        remember("lineage", key, value)
    return value


def _cosine(one: Checkpoint, other: Checkpoint) -> float:
    """Up to 4,096 entries from the middle of each matrix, summed in float64."""
    import numpy as np

    product = ours = theirs = 0.0
    for name in one.names:
        fits = name in other and one.shape(name) == other.shape(name)
        if fits and len(one.shape(name)) == 2 and _LAYER.search(name):
            start = max(0, (math.prod(one.shape(name)) - _SAMPLE) // 2)
            a, b = (checkpoint.array(name, start, _SAMPLE).astype(np.float64) for checkpoint in (one, other))
            product += float(np.dot(a, b))
            ours += float(np.dot(a, a))
            theirs += float(np.dot(b, b))
    return product / math.sqrt(ours * theirs) if ours and theirs else math.nan
