"""Survival, robustness, dose and response, controls and claims: each verdict on data made for it."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as published

from rveval import stats

FAMILIES = st.integers(1, 12).flatmap(
    lambda n: st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=n, max_size=n), min_size=2, max_size=4)
)


def cell(right: int, n: int = 1000) -> np.ndarray:
    return (np.arange(n) < right).astype(float)


@pytest.mark.parametrize(
    ("verdict", "clean", "under"),
    [
        ("survived", (700, 500), (600, 420)),
        ("survived", (700, 500), (650, 400)),  # grown
        ("lost", (700, 500), (430, 420)),
        ("lost", (700, 500), (300, 420)),  # turned round
        ("inconclusive", (700, 500), (500, 410)),  # 45% kept, significant, and on both sides of the margin
        ("no gain to survive", (505, 500), (600, 420)),
        ("no gain to survive", (450, 500), (400, 420)),  # harm
        ("no verdict", (700, 500), (10, 5)),  # nobody can do it
        ("no verdict", (998, 990), (700, 500)),  # anybody can do it
    ],
)
def test_verdicts(verdict: str, clean: tuple[int, int], under: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    mixed = random.permutation(1000)
    found = stats.survival(cell(clean[0]), cell(clean[1]), cell(under[0])[mixed], cell(under[1])[mixed])
    assert found.verdict == verdict, found
    gain, left = (clean[0] - clean[1]) / 1000, (under[0] - under[1]) / 1000
    assert found.clean.difference.value == pytest.approx(gain)
    assert found.under.difference.value == pytest.approx(left)
    assert found.change.value == pytest.approx(left - gain)
    assert (found.kept is None) == (found.clean.difference.low <= 0)
    if found.kept is not None:
        assert found.kept.value == pytest.approx(left / gain)
    json.dumps(asdict(found), allow_nan=False)


def test_a_change_that_is_not_significant_is_no_survival() -> None:
    """Few items: all of the gain is kept, and so little is known that it may as well be lost."""
    found = stats.survival(cell(36, 60), cell(24, 60), cell(33, 60), cell(23, 60)[::-1])
    assert found.p > 0.05
    assert found.verdict == "inconclusive"


def test_the_margin_moves_the_verdict() -> None:
    cells = (cell(700), cell(500), cell(560), cell(420))
    assert [stats.survival(*cells, margin=margin).verdict for margin in (0.5, 0.7, 0.95)] == [
        "survived",
        "inconclusive",
        "lost",
    ]


def test_several_draws_of_an_item_are_one_witness() -> None:
    """Each item three times, all alike: what one draw shows, and not the certainty of three."""
    random = np.random.default_rng(4)
    cells = (random.random((4, 300)) < [[0.7], [0.6], [0.6], [0.5]]).astype(float)
    once = stats.survival(*cells)
    items = [f"gsm8k/{number}" for number in range(300)] * 3
    three = stats.survival(*(np.tile(one, 3) for one in cells), clusters=items)
    assert three.verdict == once.verdict
    assert three.p == pytest.approx(once.p, abs=0.03)
    assert three.change.high - three.change.low == pytest.approx(once.change.high - once.change.low, rel=0.05)
    assert (three.clean.clusters, three.clean.difference.n) == (300, 900)


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_next_to_nothing_gives_no_verdict_and_no_crash(n: int, value: float) -> None:
    found = stats.survival([1.0] * n, [value] * n, [value] * n, [0.0] * n)
    assert found.verdict in ("no verdict", "no gain to survive", "inconclusive")
    json.dumps(asdict(found), allow_nan=False)


@pytest.mark.parametrize("margin", [0, -1, 1.5])
def test_a_margin_that_is_no_share_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="share of a gain"):
        stats.survival([1], [0], [1], [0], margin=margin)


def test_cells_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="different rows"):
        stats.survival([1, 0], [0, 0], [1], [0])


@pytest.mark.parametrize(
    ("right", "chance", "expected"),
    [
        ((5, 12), 0.0, "floor"),
        ((5, 300), 0.0, None),  # one of them does it
        ((990, 999), 0.0, "ceiling"),
        ((400, 600), 0.0, None),
        ((255, 270), 0.25, "floor"),  # as good as guessing
        ((255, 400), 0.25, None),
    ],
)
def test_floor_and_ceiling(right: tuple[int, int], chance: float, expected: str | None) -> None:
    assert stats.paired(cell(right[0]), cell(right[1]), chance).edge == expected


@given(FAMILIES)
def test_robustness_is_what_counting_gives(scores: list[list[float]]) -> None:
    clean, families = scores[0], {f"f{place}": column for place, column in enumerate(scores[1:])}
    found = stats.robustness(clean, families)
    items = list(zip(*scores, strict=True))
    right, wrong = sum(set(item) == {1.0} for item in items), sum(set(item) == {0.0} for item in items)
    assert found.right_under_all.value == right / len(items)
    assert found.wrong_under_all.value == wrong / len(items)
    assert found.consistent.value == pytest.approx((right + wrong) / len(items))
    assert found.families[found.worst].accuracy.value == min(sum(column) for column in families.values()) / len(items)
    for name, column in families.items():
        flips = found.families[name].flips
        assert flips.fixed == sum(b > a for a, b in zip(clean, column, strict=True))
        assert flips.broken == sum(b < a for a, b in zip(clean, column, strict=True))
        rate = found.families[name].rate
        assert rate is None or rate.value == pytest.approx(1 - sum(column) / sum(clean))
    assert list(stats.worst_case(families)) == [min(item[1:]) for item in items]
    json.dumps(asdict(found), allow_nan=False)


def test_a_drop_rate_is_relative() -> None:
    rate = stats.drop_rate(cell(800), cell(600))
    assert rate is not None
    assert rate.value == pytest.approx(0.25)
    assert 0.2 < rate.low < 0.25 < rate.high < 0.3
    assert stats.drop_rate(cell(1), cell(0)) is None  # of next to nothing


def test_no_families_are_refused() -> None:
    with pytest.raises(ValueError, match="no families"):
        stats.robustness([1.0], {})


def test_the_trend_is_the_slope_of_each_item() -> None:
    random = np.random.default_rng(0)
    alphas = [-1.0, 0.0, 0.5, 1.0, 2.0]
    number = random.random(400)
    table = {
        alpha: (np.where(random.random(400) < 0.7, number, random.random(400)) < 0.5 + 0.1 * alpha) for alpha in alphas
    }
    found = stats.dose_response(table)
    slopes = np.polyfit(alphas, np.array([table[alpha] for alpha in alphas], dtype=float), 1)[0]
    assert found.trend.difference.value == pytest.approx(slopes.mean())
    assert found.trend.p == pytest.approx(published.ttest_1samp(slopes, 0).pvalue)
    assert [dose.alpha for dose in found.curve] == alphas
    assert [dose.against_base is None for dose in found.curve] == [False, True, False, False, False]
    assert found.curve[4].against_base == stats.paired(table[2.0], table[0.0])
    json.dumps(asdict(found), allow_nan=False)


def test_a_flat_curve_is_not_certain() -> None:
    trend = stats.dose_response({alpha: [1.0, 0.0] * 20 for alpha in (0.0, 0.1, 0.2)}).trend
    assert (trend.difference.value, trend.p) == (0, 1)
    assert trend.difference.low < -0.1 < 0.1 < trend.difference.high


@pytest.mark.parametrize("scores", [{0.0: [1.0]}, {0.0: [1.0], 1.0: [1.0, 0.0]}])
def test_what_is_no_curve_is_refused(scores: dict[float, list[float]]) -> None:
    with pytest.raises(ValueError, match="two alphas"):
        stats.dose_response(scores)


def test_the_best_alpha_is_reported_on_items_it_was_not_chosen_on() -> None:
    """Whatever is done to the reporting half, the choice stays; and the halves make up the whole."""
    items = [f"gsm8k/{number}" for number in range(200)]
    random = np.random.default_rng(0)
    scores = {alpha: (random.random(200) < 0.5 + alpha / 4).astype(float) for alpha in (0.0, 0.5, 1.0)}
    found = stats.best_alpha(scores, items)
    assert found is not None
    assert found.alpha == 1.0
    assert found.chosen_on.n + found.held_out.difference.n == 200
    assert 70 <= found.chosen_on.n <= 130
    mixed = random.permutation(200)
    again = stats.best_alpha({a: column[mixed] for a, column in scores.items()}, [items[place] for place in mixed])
    assert again == found
    other = stats.best_alpha(scores, items, seed="1")
    assert other is not None
    assert other.chosen_on.n != found.chosen_on.n or other.chosen_on.value != found.chosen_on.value


def test_of_equal_alphas_the_smallest_is_best() -> None:
    items = [str(number) for number in range(50)]
    found = stats.best_alpha({alpha: [1.0] * 50 for alpha in (-1.0, 0.0, 1.0)}, items)
    assert found is not None
    assert (found.alpha, found.held_out.difference.value) == (0.0, 0.0)


def test_one_item_has_no_halves() -> None:
    assert stats.best_alpha({0.0: [1.0], 1.0: [1.0]}, ["gsm8k/0"]) is None


def test_a_choice_without_a_base_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha 0"):
        stats.best_alpha({1.0: [1.0]}, ["gsm8k/0"])


def test_the_noise_floor_counts_what_differs() -> None:
    found = stats.noise_floor([1, 1, 0, 0], [1, 0, 1, 0], ["a", "b", "c", "d"], ["a", "b!", "c!", "d!"])
    assert found.responses_differ is not None
    assert (found.scores_differ.value, found.responses_differ.value) == (0.5, 0.75)
    assert (found.difference.fixed, found.difference.broken) == (1, 1)
    assert stats.noise_floor([1], [1]).responses_differ is None
    with pytest.raises(ValueError, match="responses to"):
        stats.noise_floor([1, 1], [1, 1], ["a"], ["a"])


@pytest.mark.parametrize("n", [1, 19, 20, 99])
def test_nulls_can_t_say_more_than_they_are_many(n: int) -> None:
    best, worst = stats.nulls(1.0, [0.0] * n), stats.nulls(-1.0, [0.0] * n)
    assert (best.beaten, best.p, best.smallest_p) == (1, 1 / (n + 1), 1 / (n + 1))
    assert (worst.beaten, worst.p) == (0, 1)
    assert stats.nulls(0.0, [0.0] * n).p == 1  # as good as is not better
    assert (best.p < 0.05) == (n >= 20)


def test_no_nulls_are_refused() -> None:
    with pytest.raises(ValueError, match="no null"):
        stats.nulls(1.0, [])


@pytest.mark.parametrize(
    ("claim", "fixed", "broken", "verdict"),
    [
        (0.049, 90, 40, "reproduced"),
        (0.049, 200, 40, "reproduced"),  # more than was claimed
        (-0.118, 20, 170, "reproduced"),
        (0.049, 60, 58, "not reproduced"),
        (0.049, 70, 40, "not reproduced"),  # of the sign, and too small
        (0.049, 40, 90, "not reproduced"),  # of the other sign
        (-0.118, 50, 90, "not reproduced"),
        (0.022, 60, 45, "underpowered"),
        (0.005, 55, 50, "underpowered"),
    ],
)
def test_claims(claim: float, fixed: int, broken: int, verdict: str) -> None:
    same = 1319 - fixed - broken
    variant = np.repeat([1.0, 0.0, 1.0, 0.0], [fixed, broken, same // 2, same - same // 2])
    baseline = np.repeat([0.0, 1.0, 1.0, 0.0], [fixed, broken, same // 2, same - same // 2])
    found = stats.judge(claim, stats.paired(variant, baseline))
    assert found.verdict == verdict, found
    assert stats.judge(-claim, stats.paired(baseline, variant)).verdict == verdict
    assert stats.judge(claim, stats.clustered(variant - baseline)).verdict == verdict
    json.dumps(asdict(found), allow_nan=False)


def test_a_claim_about_cells_at_the_floor_has_no_verdict() -> None:
    assert stats.judge(0.05, stats.paired(cell(3), cell(1))).verdict == "no verdict"


@pytest.mark.parametrize("claim", [0.0, float("nan"), float("inf")])
def test_a_claim_of_nothing_is_refused(claim: float) -> None:
    with pytest.raises(ValueError, match="claim"):
        stats.judge(claim, stats.paired([1], [0]))
