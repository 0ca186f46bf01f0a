"""Prompt by vector: what the cue adds, what the vector adds, and whether they add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.stats.clusters import Effect, clustered

if TYPE_CHECKING:
    from rveval.stats.cell import Scores
    from rveval.stats.clusters import Clusters


@dataclass(frozen=True)
class Factorial:
    """The effects of a two-by-two table, all paired over the same items.

    Args:
        vector: vector - base, no cue.
        cue: base with the cue - base.
        both: vector with the cue - base.
        vector_with_cue: vector with the cue - base with the cue.
        interaction: (vector with the cue - vector) - (base with the cue - base). Above 0: they help each other; below:
            they do the same thing. An interval that holds 0 does not show that they add up, only that nothing else
            was seen.
    """

    vector: Effect
    cue: Effect
    both: Effect
    vector_with_cue: Effect
    interaction: Effect


def factorial(
    base: Scores, base_cue: Scores, vector: Scores, vector_cue: Scores, clusters: Clusters | None = None
) -> Factorial:
    """Simple effects and interaction of cue and vector, each as in `clustered`; once for +v, once for -v.

    Args:
        base: scores of the same rows, as are the next three.
        base_cue: base + think.
        vector: v.
        vector_cue: v + think.
        clusters: the source item of each row, where an item has several.

    >>> factorial([0, 0], [1, 0], [1, 0], [1, 0]).interaction.difference.value
    -0.5

    Raises:
        ValueError: not the same number of rows everywhere, or none.
    """
    import numpy as np

    cells = [np.asarray(cell, dtype=float) for cell in (base, base_cue, vector, vector_cue)]
    if len({len(cell) for cell in cells}) != 1:
        raise ValueError(f"the four cells hold different rows: {[len(cell) for cell in cells]}")
    neither, cue, alone, both = cells
    return Factorial(
        vector=clustered(alone - neither, clusters),
        cue=clustered(cue - neither, clusters),
        both=clustered(both - neither, clusters),
        vector_with_cue=clustered(both - cue, clusters),
        interaction=clustered(both - alone - cue + neither, clusters),
    )
