"""How a variant stands up to families of perturbations: drops, flips both ways, the worst case, consistency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.stats.cell import Interval, accuracy
from rveval.stats.clusters import ratio
from rveval.stats.pairs import Paired, paired

if TYPE_CHECKING:
    from rveval.stats.cell import Floats, Scores


@dataclass(frozen=True)
class Drop:
    """One family against the clean prompts of the same items.

    Args:
        accuracy: under the family.
        flips: the family as the "variant" of the clean cell: `broken` are the items it lost, `fixed` those it gained.
        rate: performance drop rate, 1 - accuracy / clean accuracy; None where the clean accuracy can't be told from 0.
    """

    accuracy: Interval
    flips: Paired
    rate: Interval | None


@dataclass(frozen=True)
class Robustness:
    """A variant under all families. `consistent` = `right_under_all` + `wrong_under_all`, never shown without them.

    Args:
        clean: accuracy on clean prompts.
        families: each family's drop.
        rate: the drop rate of the mean over all families.
        worst: the family with the lowest accuracy. It was picked for being low: its own interval flatters nobody, but
            another sample may well pick another one.
        right_under_all: share of items right on clean prompts and in every draw of every family.
        wrong_under_all: share of items wrong in all of them.
        consistent: share of items that are either.
    """

    clean: Interval
    families: dict[str, Drop]
    rate: Interval | None
    worst: str
    right_under_all: Interval
    wrong_under_all: Interval
    consistent: Interval


def robustness(clean: Scores, families: Mapping[str, Scores], chance: float = 0.0) -> Robustness:
    """Compare every family with the clean prompts, item by item.

    Args:
        clean: scores by item.
        families: scores of the same items in the same order; the mean over its draws where a family has several, so
            that an item counts once and no draw passes for an item.
        chance: the share that guessing gets right.

    Raises:
        ValueError: no family, or one with other rows.
    """
    import numpy as np

    if not families:
        raise ValueError("no families to be robust against")
    drops = {name: drop(clean, scores, chance) for name, scores in families.items()}
    under = np.asarray(list(families.values()), dtype=float)
    everything = np.vstack([np.asarray(clean, dtype=float), under])
    right, wrong = everything.min(axis=0) == 1, everything.max(axis=0) == 0
    return Robustness(
        clean=accuracy(clean),
        families=drops,
        rate=drop_rate(clean, under.mean(axis=0)),
        worst=min(drops, key=lambda name: drops[name].accuracy.value),
        right_under_all=accuracy(right),
        wrong_under_all=accuracy(wrong),
        consistent=accuracy(right | wrong),
    )


def drop(clean: Scores, under: Scores, chance: float = 0.0) -> Drop:
    """One family against the clean prompts: flips with their exact test, and the drop rate."""
    return Drop(accuracy(under), paired(under, clean, chance), drop_rate(clean, under))


def drop_rate(clean: Scores, under: Scores) -> Interval | None:
    """Performance drop rate 1 - accuracy / clean accuracy (Zhu et al. 2023, PromptBench, arXiv:2306.04528).

    Its interval is Fieller's (see `ratio`), with one item gained and one lost added. Negative where the family helps.

    >>> drop_rate([1] * 50 + [0] * 50, [1] * 40 + [0] * 60).value
    0.19999999999999996
    """
    kept = ratio(under, clean, added=[[1.0, 0.0], [0.0, 1.0]])
    return None if kept is None else Interval(1 - kept.value, 1 - kept.high, 1 - kept.low, kept.n)


def worst_case(families: Mapping[str, Scores]) -> Floats:
    """Each item's lowest score over the families: HELM's worst case (Liang et al. 2022, arXiv:2211.09110).

    Two variants are compared on it as on any score, by `paired`.

    >>> worst_case({"clean": [1, 1, 0], "typos": [1, 0, 1]})
    array([1., 0., 0.])
    """
    import numpy as np

    lowest: Floats = np.asarray(list(families.values()), dtype=float).min(axis=0)
    return lowest
