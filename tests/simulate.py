"""Proof that the statistics are right: many studies whose truth is known, and how often each method errs on them.

With no effect planted, p is below 0.05 in about 5% of studies (fewer for exact tests); an interval holds the truth in
about 95%, effect or none. The studies themselves are in `simulatedstudies`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rveval.stats import LEVEL, detectable, paired, power

if TYPE_CHECKING:
    import numpy as np

    from rveval.stats.cell import Floats

SIZES = (164, 1000, 1319, 6511)
DISCORDANT = (0.05, 0.15, 0.3)
STUDIES = 2000
MEAN = 0.6
COVERED_FROM = 1000  # items from which the coverage is promised
_EXACT = (0.0, 0.07)
_LEVELLED = (0.03, 0.07)
_COVERING = (0.93, 0.97)
_POWER_SLACK = 0.03


class Seen(NamedTuple):
    """What one method said of one study: p, and whether its interval holds the truth; None where it gives none."""

    method: str
    p: float | None
    holds: bool | None
    exact: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of study: is an effect planted, and the function of (random, n, discordant, effect) that runs one."""

    name: str
    planted: bool
    study: Callable[[np.random.Generator, int, float, float], Iterable[Seen]]


@dataclass(frozen=True)
class Line:
    """One method over many studies of one kind.

    Args:
        method: and what is planted, if anything.
        n: items.
        discordant: the share of items that any two variants differ on.
        studies: how many gave a number.
        found: share with p < 0.05.
        found_band: where that has to lie.
        covered: share whose interval held the truth.
        covered_band: where that has to lie.
    """

    method: str
    n: int
    discordant: float
    studies: int
    found: float | None = None
    found_band: tuple[float, float] | None = None
    covered: float | None = None
    covered_band: tuple[float, float] | None = None

    @property
    def holds(self) -> bool:
        """Both shares lie in their bands, one without a band not counted."""
        return _inside(self.found, self.found_band) and _inside(self.covered, self.covered_band)


def lines(kind: Kind, n: int, discordant: float, studies: int = STUDIES, slack: float = 0.0) -> Iterator[Line]:
    """Run one kind of study many times, from a seed that its name, size and share give.

    Args:
        kind: one of `studies.KINDS`.
        n: items.
        discordant: the share of items that differ.
        studies: how many.
        slack: what the bands are widened by, in standard errors of so few studies.
    """
    import numpy as np

    random = np.random.default_rng([*kind.name.encode(), kind.planted, n, round(1000 * discordant)])
    effect = detectable(n, discordant) if kind.planted else 0.0
    seen: dict[str, list[Seen]] = {}
    for _ in range(studies):
        for one in kind.study(random, n, discordant, effect):
            seen.setdefault(one.method, []).append(one)
    wider = slack * math.sqrt(LEVEL * (1 - LEVEL) / studies)
    for method, found in seen.items():
        ps = [one.p for one in found if one.p is not None]
        held = [one.holds for one in found if one.holds is not None]
        yield Line(
            method + (", planted" if kind.planted else ""),
            n,
            discordant,
            len(found),
            found=_significant(ps),
            found_band=None if kind.planted or not ps else _wider(_EXACT if found[0].exact else _LEVELLED, wider),
            covered=sum(held) / len(held) if held else None,
            covered_band=_wider(_COVERING, wider) if n >= COVERED_FROM and held else None,
        )


def power_lines(n: int, discordant: float, studies: int = STUDIES, slack: float = _POWER_SLACK) -> Iterator[Line]:
    """Plant the smallest detectable difference: how often it is found. The band is what `power` says, -+ slack."""
    import numpy as np

    effect = detectable(n, discordant)
    random = np.random.default_rng([1, n, round(1000 * discordant)])
    found = [paired(*flips(random, n, discordant, effect)) for _ in range(studies)]
    for name, ps in (("exact McNemar", [one.p for one in found]), ("mid-p", [one.mid_p for one in found])):
        said = power(n, max(discordant, effect), effect, mid=name == "mid-p")
        text = f"power: {name} finds {100 * effect:.1f} points in {100 * said:.1f}%"
        yield Line(text, n, discordant, studies, _significant(ps), (said - slack, said + slack))


def answers(random: np.random.Generator, means: Sequence[Sequence[float]], n: int, discordant: float) -> Floats:
    """0/1 scores of variants (rows of `means`) under conditions or draws (its columns) on n items.

    An answer is right where a number that is uniform in [0, 1) lies under the mean, so every mean is exact. The number
    is the item's, unless the variant has its own for the item, unless the condition has its own: answers to one item
    agree with each other, those of one variant more, and two variants of mean 0.6 differ on a share `discordant`.

    Returns:
        Shape (variants, conditions, n).
    """
    import numpy as np

    level = np.asarray(means, dtype=float)[:, :, None]
    common = math.sqrt(1 - discordant / (2 * MEAN * (1 - MEAN)))
    own, here = (len(level), 1, n), (*level.shape[:2], n)
    number = np.where(random.random(own) < common**0.6, random.random((1, 1, n)), random.random(own))
    found: Floats = (np.where(random.random(here) < common**0.4, number, random.random(here)) < level).astype(float)
    return found


def flips(random: np.random.Generator, n: int, discordant: float, effect: float) -> tuple[Floats, Floats]:
    """A variant and its baseline with just these chances of an item to be fixed or broken."""
    share = max(discordant, effect)
    up, either = (share + effect) / 2, share
    draw = random.random(n)
    both = (draw >= either) & (draw < either + (1 - share) * MEAN)
    return ((draw < up) | both).astype(float), (((draw >= up) & (draw < either)) | both).astype(float)


def table(found: Sequence[Line]) -> str:
    """A line for each method and size: the shares over the discordant shares, and where one leaves its band."""
    rows: dict[tuple[str, int], list[Line]] = {}
    for line in found:
        power_of = line.method.startswith("power")
        rows.setdefault((line.method, line.n if not power_of else -line.n), []).append(line)
    width = max(len(method) for method, _ in rows)
    discordant = " ".join(f"{100 * share:.0f}%" for share in dict.fromkeys(line.discordant for line in found))
    text = [
        f"{'method':{width}} {'n':>5}  p < 0.05 in %, discordant {discordant:12}  95% interval holds the truth, in %"
    ]
    for (method, n), members in rows.items():
        shares = [_percent([line.found for line in members]), _percent([line.covered for line in members])]
        wrong = "" if all(line.holds for line in members) else "  OUTSIDE ITS BAND"
        text.append(f"{method:{width}} {abs(n):>5}  {shares[0]:37}  {shares[1]}{wrong}".rstrip())
    return "\n".join(text)


def _percent(shares: Sequence[float | None]) -> str:
    return " ".join("    -" if share is None else f"{100 * share:5.1f}" for share in shares)


def _significant(ps: Sequence[float]) -> float | None:
    return sum(p < 1 - LEVEL for p in ps) / len(ps) if ps else None


def _wider(band: tuple[float, float], by: float) -> tuple[float, float]:
    return max(0.0, band[0] - by), min(1.0, band[1] + by)


def _inside(share: float | None, band: tuple[float, float] | None) -> bool:
    return share is None or band is None or band[0] <= share <= band[1]
