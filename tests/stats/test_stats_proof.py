"""The proof of scripts/check_stats.py, quick: fewer studies at fewer sizes, bands wider by as much."""

from __future__ import annotations

import math

import numpy as np
import pytest
from simulate import MEAN, Kind, Line, Seen, answers, flips, lines, power_lines, table
from simulatedstudies import KINDS

from rveval import stats

STUDIES = 150


def name_of(kind: object) -> str:
    return f"{getattr(kind, 'name', kind)}{', planted' if getattr(kind, 'planted', False) else ''}"


@pytest.mark.parametrize("n", [164, 1000])
@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_every_statistic_errs_as_often_as_it_says(kind, n: int) -> None:  # type: ignore[no-untyped-def]
    found = list(lines(kind, n, 0.15, STUDIES, slack=3.0))
    assert found
    assert [line for line in found if not line.holds] == []


def test_a_planted_effect_is_found_as_often_as_the_power_says() -> None:
    found = list(power_lines(1000, 0.15, 500, slack=3 * math.sqrt(0.2 * 0.8 / 500)))
    assert len(found) == 2
    assert [line for line in found if not line.holds] == []


@pytest.mark.parametrize("discordant", [0.05, 0.3])
def test_the_studies_are_what_they_say(discordant: float) -> None:
    """Means, shares of discordant items, and items that agree with themselves."""
    random = np.random.default_rng(0)
    found = answers(random, [[MEAN, MEAN], [MEAN, MEAN + 0.1]], 200_000, discordant)
    assert found.mean(axis=2).ravel() == pytest.approx([MEAN, MEAN, MEAN, MEAN + 0.1], abs=0.006)
    assert (found[0, 0] != found[1, 0]).mean() == pytest.approx(discordant, abs=0.006)
    clean, under = found[0, 0] - found[1, 0], found[0, 1] - found[1, 1]
    assert np.corrcoef(clean, under)[0, 1] > 0.2
    variant, baseline = flips(random, 200_000, discordant, 0.02)
    assert (variant - baseline).mean() == pytest.approx(0.02, abs=0.005)
    assert (variant != baseline).mean() == pytest.approx(discordant, abs=0.005)


def test_a_method_that_errs_is_caught() -> None:
    """The proof can fail: clusters passed off as rows find an effect that is not there far too often."""

    def wrong(random, n, discordant, effect):  # type: ignore[no-untyped-def]
        variant, baseline = answers(random, [[MEAN] * 4, [MEAN] * 4], n, discordant)
        found = stats.clustered((variant - baseline).ravel()).difference
        yield Seen("rows", 0.0 if found.low > 0 or found.high < 0 else 1.0, found.low <= 0 <= found.high)

    (line,) = lines(Kind("wrong", False, wrong), 1000, 0.15, STUDIES, slack=3.0)
    assert not line.holds
    assert "OUTSIDE" in table([line])


def test_the_table_shows_every_line() -> None:
    text = table(
        [Line("a test", 164, 0.05, 100, 0.05, (0.03, 0.07)), Line("a test", 164, 0.3, 100, 0.09, (0.03, 0.07))]
    )
    assert text.splitlines()[1].split() == ["a", "test", "164", "5.0", "9.0", "-", "-", "OUTSIDE", "ITS", "BAND"]
