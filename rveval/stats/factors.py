"""Prompt by vector, and vector by vector: what each adds alone, what they add together, and whether they add up."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True)
class Additivity:
    """Several vectors alone and together, all paired over the same items.

    Args:
        together: all at once - base.
        alone: each one - base.
        total: what they would give together if they added up, the sum of `alone`.
        excess: `together` - `total`, item by item. Above 0: they help each other; below: they stand in each
            other's way, or do the same thing.
    """

    together: Effect
    alone: tuple[Effect, ...]
    total: Effect
    excess: Effect


def additivity(base: Scores, alone: Sequence[Scores], together: Scores, clusters: Clusters | None = None) -> Additivity:
    """(together - base) - sum_i (alone_i - base), the mean over items, each effect as in `clustered`.

    A difference in differences on the scale of accuracy: additivity of right answers is what it asks about. With two
    vectors it is the interaction of `factorial`. Where base and sum lie above 1 the two cannot add up at all, and
    whoever shows it should say so.

    Args:
        base: scores of the same rows, as are all others.
        alone: each vector by itself, two or more.
        together: all of them at once.
        clusters: the source item of each row, where an item has several.

    >>> additivity([0, 0], [[1, 0], [1, 0]], [1, 0]).excess.difference.value
    -0.5

    Raises:
        ValueError: fewer than two vectors, not the same number of rows everywhere, or none.
    """
    import numpy as np

    if len(alone) < 2:
        raise ValueError(f"additivity is about two vectors or more, and there is {len(alone) or 'none'}")
    start, whole = np.asarray(base, dtype=float), np.asarray(together, dtype=float)
    ones = [np.asarray(one, dtype=float) for one in alone]
    rows = [len(column) for column in (start, whole, *ones)]
    if len(set(rows)) != 1:
        raise ValueError(f"the cells hold different rows: {rows}")
    total = sum((one - start for one in ones), np.zeros(len(start)))
    return Additivity(
        together=clustered(whole - start, clusters),
        alone=tuple(clustered(one - start, clusters) for one in ones),
        total=clustered(total, clusters),
        excess=clustered(whole - start - total, clusters),
    )
