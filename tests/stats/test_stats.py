"""Intervals and tests against their formulas written out, brute force, published examples and simulation."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import combinations, product
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rveval import stats

Z = NormalDist().inv_cdf(0.975)
BINARY = st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=60)
SHARES = st.lists(st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 2 / 3, 1.0]), min_size=1, max_size=60)


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (81, 263), (500, 1319)])
def test_wilson_is_where_the_score_test_turns(right: int, n: int) -> None:
    """The definition: both ends p solve |share - p| = z * sqrt(p (1 - p) / n)."""
    found = stats.accuracy([1.0] * right + [0.0] * (n - right))
    assert found.value == pytest.approx(right / n)
    for p in (found.low, found.high):
        assert abs(right / n - p) == pytest.approx(Z * math.sqrt(p * (1 - p) / n), abs=1e-9)


def test_wilson_published() -> None:
    """Newcombe 1998, Stat. Med. 17:857, table I, method 3: 81/263, 15/148, 0/20, 1/29."""
    for right, n, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        found = stats.accuracy([1] * right + [0] * (n - right))
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    found = stats.accuracy([1] + [0] * 28)
    assert (found.low, found.high) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def bonett_price(fixed: int, broken: int, n: int) -> tuple[float, float]:
    """As in the paper: p~12 = (f12 + 1) / (n + 2), p~21 likewise."""
    p12, p21 = (fixed + 1) / (n + 2), (broken + 1) / (n + 2)
    half = Z * math.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2))
    return p12 - p21 - half, p12 - p21 + half


def pairs(fixed: int, broken: int, both: int, neither: int) -> tuple[list[float], list[float]]:
    variant = [1.0] * fixed + [0.0] * broken + [1.0] * both + [0.0] * neither
    baseline = [0.0] * fixed + [1.0] * broken + [1.0] * both + [0.0] * neither
    return variant, baseline


@pytest.mark.parametrize(
    "table", [(0, 0, 0, 1), (0, 0, 7, 3), (5, 0, 10, 5), (12, 4, 60, 24), (3, 3, 0, 0), (400, 9, 9, 9)]
)
def test_bonett_price(table: tuple[int, int, int, int]) -> None:
    fixed, broken, n = table[0], table[1], sum(table)
    found = stats.paired(*pairs(*table))
    low, high = bonett_price(fixed, broken, n)
    assert (found.fixed, found.broken, found.difference.n) == (fixed, broken, n)
    assert found.difference.value == pytest.approx((fixed - broken) / n)
    assert (found.difference.low, found.difference.high) == pytest.approx((max(-1, low), min(1, high)))


def mcnemar(fixed: int, broken: int) -> float:
    """Every way the discordant items could have fallen, each as likely as the other; two-sided."""
    n, lopsided = fixed + broken, abs(fixed - broken)
    falls = [abs(2 * sum(way) - n) for way in product((0, 1), repeat=n)]
    return sum(fall >= lopsided for fall in falls) / len(falls)


@pytest.mark.parametrize(("fixed", "broken"), [(f, b) for f in range(6) for b in range(6)] + [(9, 3), (2, 12)])
def test_mcnemar_is_what_counting_gives(fixed: int, broken: int) -> None:
    assert stats.paired(*pairs(fixed, broken, 3, 4)).p == pytest.approx(mcnemar(fixed, broken))


def test_mcnemar_published() -> None:
    """Agresti, Categorical Data Analysis: 150 against 86 switches of opinion, chi-square 17.4 (p = 3e-5)."""
    assert stats.paired(*pairs(86, 150, 794, 570)).p == pytest.approx(3.7e-5, rel=0.03)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("n", [30, 200])
def test_an_accuracys_interval_holds_the_truth_as_often_as_it_says(n: int, share: float) -> None:
    """Exactly, over every number of right answers there can be; Wilson's is 95% on average, not at every share."""
    held = 0.0
    for right in range(n + 1):
        found = stats.accuracy([1.0] * right + [0.0] * (n - right))
        chance = math.comb(n, right) * share**right * (1 - share) ** (n - right)
        held += chance * (found.low <= share <= found.high)
    assert 0.91 <= held <= 0.999


@pytest.mark.parametrize("chances", [(0.1, 0.05), (0.02, 0.02), (0.4, 0.1), (0.3, 0.0)])
@pytest.mark.parametrize("n", [20, 50])
def test_a_differences_interval_holds_the_truth_as_often_as_it_says(n: int, chances: tuple[float, float]) -> None:
    """Exactly, over every number of fixed and broken items there can be."""
    up, down = chances
    held = total = 0.0
    for fixed in range(n + 1):
        for broken in range(n + 1 - fixed):
            ways = math.comb(n, fixed) * math.comb(n - fixed, broken)
            chance = ways * up**fixed * down**broken * (1 - up - down) ** (n - fixed - broken)
            total += chance
            if chance > 1e-7:
                found = stats.paired(*pairs(fixed, broken, 0, n - fixed - broken)).difference
                held += chance * (found.low <= up - down <= found.high)
    assert total == pytest.approx(1)
    assert held >= 0.93


def test_intervals_of_means_hold_the_truth() -> None:
    """Five samples an item, whose items differ in how hard they are."""
    draw = random.Random(0)
    hits = [0, 0]
    rounds = 600
    for _ in range(rounds):
        hard = [draw.betavariate(1, 1) for _ in range(60)]
        variant = [sum(draw.random() < p for _ in range(5)) / 5 for p in hard]
        baseline = [sum(draw.random() < p * p for _ in range(5)) / 5 for p in hard]
        own, both = stats.accuracy(variant), stats.paired(variant, baseline).difference
        hits[0] += own.low <= 1 / 2 <= own.high
        hits[1] += both.low <= 1 / 2 - 1 / 3 <= both.high
    assert 0.92 <= hits[0] / rounds <= 0.995
    assert 0.92 <= hits[1] / rounds <= 0.995


@given(st.one_of(BINARY, SHARES))
def test_an_interval_holds_its_value_and_stays_in_range(scores: list[float]) -> None:
    found = stats.accuracy(scores)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0  # never certain
    assert found.value == pytest.approx(sum(scores) / len(scores))


@given(st.one_of(BINARY, SHARES))
def test_right_and_wrong_mirror_each_other(scores: list[float]) -> None:
    found, mirrored = stats.accuracy(scores), stats.accuracy([1 - score for score in scores])
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low))


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=60))
def test_exchanging_the_sides_turns_the_sign(scores: list[tuple[float, float]]) -> None:
    variant, baseline = [a for a, _ in scores], [b for _, b in scores]
    one, other = stats.paired(variant, baseline), stats.paired(baseline, variant)
    assert (one.fixed, one.broken, one.p) == (other.broken, other.fixed, pytest.approx(other.p))
    assert one.difference.low == pytest.approx(-other.difference.high)
    assert -1 <= one.difference.low <= one.difference.value <= one.difference.high <= 1
    assert one.difference.high > one.difference.low


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_the_items_does_not_matter(scores: list[tuple[bool, bool]], draw: random.Random) -> None:
    mixed = draw.sample(scores, len(scores))
    assert stats.paired([a for a, _ in scores], [b for _, b in scores]) == stats.paired(
        [a for a, _ in mixed], [b for _, b in mixed]
    )


@given(st.integers(1, 60))
def test_no_difference_is_no_evidence(n: int) -> None:
    found = stats.paired([1.0] * n, [1.0] * n)
    assert (found.difference.value, found.p, found.fixed, found.broken) == (0, 1, 0, 0)
    assert found.difference.low < 0 < found.difference.high


def test_booleans_are_scores() -> None:
    assert stats.accuracy([True, False]) == stats.accuracy([1, 0])


@pytest.mark.parametrize("scores", [[], [1.5], [-0.1], [float("nan")]])
def test_what_is_no_accuracy_is_refused(scores: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no items|outside"):
        stats.accuracy(scores)


@pytest.mark.parametrize(("variant", "baseline"), [([], []), ([1], []), ([1, 0], [1])])
def test_what_is_no_pair_is_refused(variant: list[float], baseline: list[float]) -> None:
    with pytest.raises(ValueError, match="same items"):
        stats.paired(variant, baseline)


@pytest.mark.parametrize("n", range(1, 9))
def test_pass_at_k_is_what_drawing_every_subset_gives(n: int) -> None:
    for c in range(n + 1):
        for k in range(1, n + 1):
            draws = [any(chosen) for chosen in combinations([True] * c + [False] * (n - c), k)]
            assert stats.pass_at_k(n, c, k) == pytest.approx(sum(draws) / len(draws))


@pytest.mark.parametrize(("n", "c", "k"), [(200, 1, 100), (200, 13, 10), (10_000, 37, 100), (1_000_000, 5, 1_000)])
def test_pass_at_k_of_many_samples_is_the_formula_in_whole_numbers(n: int, c: int, k: int) -> None:
    exact = 1 - Fraction(math.comb(n - c, k), math.comb(n, k))
    assert stats.pass_at_k(n, c, k) == pytest.approx(float(exact), rel=1e-9)


@given(st.integers(1, 300), st.data())
def test_pass_at_k_grows_with_what_is_right_and_with_k(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, n))
    found = stats.pass_at_k(n, c, k)
    assert 0 <= found <= stats.pass_at_k(n, c + 1, k) + 1e-12 <= 1 + 1e-12
    assert stats.pass_at_k(n, c, 1) == c / n <= found + 1e-12
    assert (stats.pass_at_k(n, 0, k), stats.pass_at_k(n, n, k)) == (0, 1)


@pytest.mark.parametrize(("n", "c", "k"), [(0, 0, 1), (5, 6, 1), (5, -1, 1), (5, 2, 6), (5, 2, 0)])
def test_pass_at_k_of_what_can_t_be_is_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@k needs"):
        stats.pass_at_k(n, c, k)
