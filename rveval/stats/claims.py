"""Published numbers against ours: reproduced, not reproduced, or not enough data to say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rveval.stats.cell import LEVEL, Interval

if TYPE_CHECKING:
    from rveval.stats.clusters import Effect
    from rveval.stats.pairs import Paired


@dataclass(frozen=True)
class Judgement:
    """A claim and what was seen, both as shares (0.049 for 4.9 points).

    Args:
        verdict: "reproduced", "not reproduced", "underpowered" or "no verdict".
        reason: what decided it.
        claim: the published difference.
        observed: ours with its interval.
        p: of our difference.
        detectable: the smallest difference that our data show at 80% power; below the claim in a study large enough.
    """

    verdict: str
    reason: str
    claim: float
    observed: Interval
    p: float
    detectable: float


def judge(claim: float, observed: Paired | Effect) -> Judgement:
    """Judge a published difference by ours.

    With the sign of the claim made positive:
    - no verdict: both cells stand at the floor or at the ceiling.
    - not reproduced: the interval lies below the claim, significant or not.
    - reproduced: p < 0.05 and the interval reaches the claim or lies above it, so ours has the claim's sign.
    - underpowered: neither; the data fit the claim, and also no difference at all.

    Args:
        claim: the published difference, as a share.
        observed: of `paired` or `clustered`, or the effect of `pooled`.

    Raises:
        ValueError: the claim is 0 or no number.
    """
    if not claim or not math.isfinite(claim):
        raise ValueError(f"a claim to judge is a difference other than 0: {claim}")
    found = observed.difference
    sign = math.copysign(1, claim)
    value, upper = sign * found.value, sign * (found.high if claim > 0 else found.low)
    verdict, reason = "underpowered", "the interval holds the claim, and the difference can't be told from 0"
    at = getattr(observed, "edge", None)
    significant = observed.p < 1 - LEVEL
    if at is not None:
        verdict, reason = "no verdict", f"both cells stand at the {at}"
    elif upper < abs(claim):
        verdict = "not reproduced"
        small = "of its sign, but smaller" if significant and value > 0 else "and ours can't be told from 0"
        reason = "of the other sign" if significant and value < 0 else small
    elif significant and value > 0:
        verdict, reason = "reproduced", "significant, of the same sign, and the interval reaches the claim"
    return Judgement(verdict, reason, claim, found, observed.p, observed.detectable)
