"""The simulated studies: each plants what it says, asks rveval.stats as a report would, and compares with the truth.

Every function takes (random, n items, share of discordant items, planted effect) and yields what each method said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulate import MEAN, Kind, Seen, answers, flips

from rveval.stats import (
    Interval,
    Survival,
    accuracy,
    additivity,
    best_alpha,
    clustered,
    detectable,
    dose_response,
    drop,
    factorial,
    holm,
    nulls,
    paired,
    pooled,
    survival,
)

if TYPE_CHECKING:
    import numpy as np

_ALPHAS = (-1.0, 0.0, 0.5, 1.0)
_FAMILIES = 3
_DRAWS = 1000  # of the bootstrap, five times fewer than in a report: coarser, so no better than there


def accuracies(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """One cell."""
    yield Seen("accuracy (Wilson)", None, _holds(accuracy(random.random(n) < MEAN), MEAN))


def pairs(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """A variant and its baseline."""
    found = paired(*flips(random, n, discordant, effect))
    yield Seen("paired: exact McNemar", found.p, _holds(found.difference, effect), exact=True)
    yield Seen("paired: mid-p", found.mid_p, None)


def draws(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """Four draws of every item, whose answers agree with each other."""
    import numpy as np

    variant, baseline = answers(random, [[MEAN + effect] * 4, [MEAN] * 4], n, discordant)
    found = clustered((variant - baseline).ravel(), np.tile(np.arange(n), 4))
    yield Seen("clustered: 4 draws an item", found.p, _holds(found.difference, effect))


def few_clusters(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """27 clusters, the largest 27 times the smallest, each leaning to its own side; no effect on the whole."""
    import numpy as np

    sizes = np.arange(1, 28) * n // 378 + 1
    lean = np.repeat(random.uniform(-0.8, 0.8, 27), sizes)
    draw = random.random(len(lean))
    differences = np.where(draw < (1 + lean) * discordant / 2, 1.0, np.where(draw < discordant, -1.0, 0.0))
    found = clustered(differences, np.repeat(np.arange(27), sizes))
    yield Seen("clustered: 27 unequal clusters", found.p, _holds(found.difference, 0.0))


def benchmarks(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """Three benchmarks of unlike sizes and effects, pooled."""
    effects = {"a": (n, effect), "b": (n // 2, 0.0), "c": (n // 5, effect / 2)}
    strata = {}
    for name, (size, own) in effects.items():
        variant, baseline = flips(random, size, discordant, own)
        strata[name] = variant - baseline
    found = pooled(strata, "benchmarks").effect
    yield Seen("pooled: by benchmarks", found.p, _holds(found.difference, sum(own for _, own in effects.values()) / 3))
    truth = sum(size * own for size, own in effects.values()) / sum(size for size, _ in effects.values())
    found = pooled(strata, "items").effect
    yield Seen("pooled: by items", found.p, _holds(found.difference, truth))


def gains(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """A gain on clean prompts, the same one under three families; planted: less of it under them."""
    import numpy as np

    gain = 1.5 * detectable(n, discordant)
    means = [[MEAN + gain] + [MEAN + gain - effect - 0.1] * _FAMILIES, [MEAN] + [MEAN - 0.1] * _FAMILIES]
    variant, baseline = answers(random, means, n, discordant)
    items = np.tile(np.arange(n), _FAMILIES)
    clean = np.tile(variant[0], _FAMILIES), np.tile(baseline[0], _FAMILIES)
    several = survival(*clean, variant[1:].ravel(), baseline[1:].ravel(), items, draws=_DRAWS)
    yield from _changes(several, f"{_FAMILIES} families", effect, gain)
    one = survival(variant[0], baseline[0], variant[1], baseline[1], draws=_DRAWS)
    yield from _changes(one, "1 family", effect, gain)


def _changes(found: Survival, name: str, effect: float, gain: float) -> Iterator[Seen]:
    yield Seen(f"change of the gain: {name}", found.p, _holds(found.change, -effect))
    if found.kept is not None:
        yield Seen(f"share kept: {name}", None, _holds(found.kept, 1 - effect / gain))


def margins(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """Exactly half of a large gain is kept, so that "survived" and "lost" are both wrong: 2.5% of studies each."""
    gain = min(0.3, 3 * detectable(n, discordant))
    variant, baseline = answers(random, [[MEAN + gain, MEAN + gain / 2], [MEAN, MEAN]], n, discordant)
    verdict = survival(variant[0], baseline[0], variant[1], baseline[1], draws=_DRAWS).verdict
    yield Seen("verdict where just the margin is kept", float(verdict not in ("survived", "lost")), None, exact=True)


def drops(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """A family against the clean prompts: the flips are tested, the rate has an interval."""
    clean, under = answers(random, [[MEAN], [MEAN - effect]], n, discordant)[:, 0]
    found = drop(clean, under)
    yield Seen("flips", found.flips.p, _holds(found.flips.difference, -effect), exact=True)
    if found.rate is not None:
        yield Seen("drop rate", None, _holds(found.rate, effect / MEAN))


def doses(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """Four alphas, and a straight line. A held-out alpha of 0 is no test: its difference is 0 whatever the data."""
    truth = {alpha: MEAN + effect * alpha for alpha in _ALPHAS}
    scores = dict(zip(_ALPHAS, answers(random, [[mean] for mean in truth.values()], n, discordant)[:, 0], strict=True))
    trend = dose_response(scores).trend
    yield Seen("trend over alpha", trend.p, _holds(trend.difference, effect))
    best = best_alpha(scores, [str(item) for item in range(n)])
    if best is not None and best.alpha != 0:
        held = best.held_out
        yield Seen("best alpha, held out", held.p, _holds(held.difference, truth[best.alpha] - MEAN), exact=True)


def cues(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """Cue and vector add 5 points each; planted: the interaction."""
    means = [[MEAN], [MEAN + 0.05], [MEAN + 0.05], [MEAN + 0.1 + effect]]
    base, cue, vector, both = answers(random, means, n, discordant)[:, 0]
    found = factorial(base, cue, vector, both)
    yield Seen("interaction", found.interaction.p, _holds(found.interaction.difference, effect))
    yield Seen("vector with cue", None, _holds(found.vector_with_cue.difference, 0.05 + effect))


def together(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """Three vectors of 4 points each; planted: what they give together beyond the sum."""
    means = [[MEAN], *([[MEAN + 0.04]] * 3), [MEAN + 0.12 + effect]]
    base, *alone, whole = answers(random, means, n, discordant)[:, 0]
    found = additivity(base, alone, whole)
    yield Seen("interference of 3 vectors", found.excess.p, _holds(found.excess.difference, effect))


def null_controls(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """19 null vectors that do harm, and a real one that is no better than they are: is it said to be?"""
    base, *vectors = answers(random, [[MEAN]] + [[MEAN - 0.1]] * 20, n, discordant)[:, 0]
    real, *others = (float((vector - base).mean()) for vector in vectors)
    # p is below 0.05 never and equal to it at most in one of 20 studies; the bands count what is below.
    yield Seen("rank among 19 nulls", nulls(real, others).p - 1e-6, None, exact=True)


def variants(random: np.random.Generator, n: int, discordant: float, effect: float) -> Iterator[Seen]:
    """Five variants that share a baseline: is any of them found?"""
    base, *others = answers(random, [[MEAN]] * 6, n, discordant)[:, 0]
    p_values = {str(place): paired(other, base).p for place, other in enumerate(others)}
    yield Seen("Holm: any of 5 variants", min(holm(p_values, "simulated").adjusted.values()), None, exact=True)


KINDS = (
    Kind("accuracies", False, accuracies),
    *(Kind("pairs", planted, pairs) for planted in (False, True)),
    *(Kind("draws", planted, draws) for planted in (False, True)),
    Kind("few clusters", False, few_clusters),
    *(Kind("benchmarks", planted, benchmarks) for planted in (False, True)),
    *(Kind("gains", planted, gains) for planted in (False, True)),
    Kind("margins", False, margins),
    *(Kind("drops", planted, drops) for planted in (False, True)),
    *(Kind("doses", planted, doses) for planted in (False, True)),
    *(Kind("cues", planted, cues) for planted in (False, True)),
    *(Kind("together", planted, together) for planted in (False, True)),
    Kind("null controls", False, null_controls),
    Kind("variants", False, variants),
)


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high
