"""Tests, power, clusters, pooling and ratios, against other people's code, matrix algebra and counting every table."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from itertools import product

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as published
from statsmodels.stats.contingency_tables import mcnemar as published_mcnemar
from statsmodels.stats.multitest import multipletests

from rveval import stats
from rveval.stats.clusters import moments, sums_by

DIFFERENCES = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=40)
P_VALUES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 1), max_size=8)


def rows(seed: int, n: int, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Differences that lean to one side within a cluster, and clusters of unlike sizes."""
    random = np.random.default_rng(seed)
    clusters = np.sort(random.choice(groups, n, p=np.arange(1, groups + 1) / np.arange(1, groups + 1).sum()))
    leaning = random.uniform(-1, 1, groups)[clusters]
    return np.sign(leaning + random.normal(size=n)).astype(float), clusters


@pytest.mark.parametrize(("fixed", "broken"), [(f, b) for f in range(7) for b in range(7)] + [(9, 3), (2, 12)])
def test_mid_p_is_what_counting_gives(fixed: int, broken: int) -> None:
    """Every way the discordant items could have fallen; those as lopsided as ours count by half."""
    n, lopsided = fixed + broken, abs(fixed - broken)
    falls = [abs(2 * sum(way) - n) for way in product((0, 1), repeat=n)]
    more, as_much = sum(fall > lopsided for fall in falls), sum(fall == lopsided for fall in falls)
    p, mid_p = stats.mcnemar(fixed, broken)
    assert p == pytest.approx((more + as_much) / len(falls))
    # Where neither side leads, the middle is one table and not two: half of it would be less than all there is.
    assert mid_p == pytest.approx((more + as_much / 2) / len(falls) if lopsided else 1.0)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_statsmodels(fixed: int, broken: int) -> None:
    assert stats.mcnemar(fixed, broken)[0] == pytest.approx(
        min(1.0, published_mcnemar([[0, fixed], [broken, 0]], exact=True).pvalue)
    )


@pytest.mark.parametrize(("n", "points"), [(1319, 2.4), (164, 6.9), (1000, 2.8), (6511, 1.1)])
def test_what_ten_percent_discordant_items_can_show(n: int, points: float) -> None:
    assert round(100 * stats.detectable(n, 0.1), 1) == points


@given(st.integers(1, 5000), st.floats(0.0, 1.0))
def test_a_detectable_difference_can_be(n: int, discordant: float) -> None:
    found = stats.detectable(n, discordant)
    assert 0 < found <= 1
    assert stats.detectable(n + 50, discordant) <= found + 1e-12
    assert stats.detectable(n, min(1.0, discordant + 0.1)) >= found - 1e-9


@pytest.mark.parametrize(("n", "discordant"), [(100, 0.3), (164, 0.1), (1319, 0.1), (1319, 0.02), (6511, 0.05)])
def test_a_detectable_difference_is_found_four_times_of_five(n: int, discordant: float) -> None:
    difference = stats.detectable(n, discordant)
    share = max(difference, discordant)
    assert 0.75 <= stats.power(n, share, difference) <= stats.power(n, share, difference, mid=True)
    assert 0.79 <= stats.power(n, share, difference, mid=True) <= 0.86


@pytest.mark.parametrize(("discordant", "difference"), [(0.5, 0.0), (0.5, 0.4), (1.0, 0.5), (0.3, -0.2)])
@pytest.mark.parametrize("mid", [False, True])
def test_power_is_the_sum_over_every_table(discordant: float, difference: float, mid: bool) -> None:
    n, up, down, total = 12, (discordant + difference) / 2, (discordant - difference) / 2, 0.0
    for fixed in range(n + 1):
        for broken in range(n + 1 - fixed):
            if stats.mcnemar(fixed, broken)[mid] < 0.05:
                ways = math.comb(n, fixed) * math.comb(n - fixed, broken)
                total += ways * up**fixed * down**broken * (1 - discordant) ** (n - fixed - broken)
    assert stats.power(n, discordant, difference, mid) == pytest.approx(total)


def test_a_power_that_no_study_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no study has"):
        stats.power(100, 0.1, 0.2)


@given(st.integers(2, 200), st.integers(0, 2**32))
def test_rows_that_stand_alone_are_a_t_test(n: int, seed: int) -> None:
    differences = np.random.default_rng(seed).normal(size=n)
    theirs = published.ttest_1samp(differences, 0)
    assert stats.clustered(differences).p == pytest.approx(theirs.pvalue)
    one = moments(sums_by(differences[:, None], None))
    low, high = theirs.confidence_interval(0.95)
    half = published.t.ppf(0.975, one.freedom) * math.sqrt(one.covariance[0, 0])
    assert (one.means[0] - half, one.means[0] + half) == pytest.approx((low, high))


def test_the_interval_is_bonett_and_prices_where_rows_stand_alone() -> None:
    """With t for z, so a little wider."""
    variant, baseline = np.repeat([1.0, 0.0, 1.0], [60, 40, 900]), np.repeat([0.0, 1.0, 1.0], [60, 40, 900])
    ours, theirs = stats.clustered(variant - baseline).difference, stats.paired(variant, baseline).difference
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=5e-5)
    assert ours.low < theirs.low < theirs.high < ours.high


def test_equal_clusters_are_statsmodels() -> None:
    random = np.random.default_rng(3)
    clusters = np.repeat(np.arange(30), 4)
    differences = np.repeat(random.normal(size=30), 4) + random.normal(size=120)
    theirs = sm.OLS(differences, np.ones(120)).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    found = moments(sums_by(differences[:, None], clusters))
    assert found.covariance[0, 0] == pytest.approx(theirs.cov_params()[0, 0])
    assert found.freedom == pytest.approx(29)
    assert stats.clustered(differences, clusters).p == pytest.approx(theirs.pvalues[0])


@pytest.mark.parametrize("seed", range(5))
def test_unequal_clusters_are_bell_and_mccaffreys_matrices(seed: int) -> None:
    """CR2 as in the paper: residuals of a cluster times (I - H)^(-1/2); degrees of freedom (tr M)^2 / tr(M^2)."""
    differences, clusters = rows(seed, 60, 7)
    n = len(differences)
    left = np.eye(n) - np.ones((n, n)) / n
    residuals, variance, columns = left @ differences, 0.0, []
    for cluster in np.unique(clusters):
        mine = clusters == cluster
        values, vectors = np.linalg.eigh(left[np.ix_(mine, mine)])
        root = vectors @ np.diag(1 / np.sqrt(values)) @ vectors.T
        variance += float((root @ residuals[mine]).sum() / n) ** 2
        columns.append(left[:, mine] @ root @ np.ones(mine.sum()) / n)
    crossed = np.array(columns) @ np.array(columns).T
    found = moments(sums_by(differences[:, None], clusters))
    assert found.covariance[0, 0] == pytest.approx(variance)
    assert found.freedom == pytest.approx(np.trace(crossed) ** 2 / (crossed**2).sum())


def test_copies_of_an_item_are_one_witness() -> None:
    """Four copies of every row under one id: the same interval as of the rows alone, give or take the rows added."""
    differences = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 400, p=[0.1, 0.75, 0.15])
    once, four = stats.clustered(differences), stats.clustered(np.tile(differences, 4), np.tile(np.arange(400), 4))
    assert four.p == pytest.approx(once.p)
    assert four.difference.high - four.difference.low == pytest.approx(
        once.difference.high - once.difference.low, rel=0.03
    )
    assert (four.clusters, four.difference.n) == (400, 1600)
    assert stats.clustered(np.tile(differences, 4)).p < four.p


@given(DIFFERENCES, st.data())
def test_an_effect_holds_its_value_and_is_never_certain(differences: list[float], data: st.DataObject) -> None:
    clusters = data.draw(
        st.none() | st.lists(st.sampled_from("abc"), min_size=len(differences), max_size=len(differences))
    )
    found = stats.clustered(differences, clusters)
    interval = found.difference
    assert -1 <= interval.low <= interval.value <= interval.high <= 1
    assert interval.low < interval.high
    assert 0 <= found.p <= 1
    mirrored = stats.clustered([-d for d in differences], clusters)
    assert (mirrored.p, mirrored.difference.low) == pytest.approx((found.p, -interval.high))
    json.dumps(asdict(found), allow_nan=False)


def test_nothing_changed_is_no_evidence_and_no_certainty() -> None:
    found = stats.clustered([0.0] * 50)
    assert (found.difference.value, found.p) == (0, 1)
    assert found.difference.low < 0 < found.difference.high


def test_pooling_two_is_welchs_test() -> None:
    random = np.random.default_rng(5)
    a, b = random.normal(0.3, 1, 40), random.normal(0, 2, 25)
    found = stats.pooled({"a": a, "b": -b})
    assert found.effect.p == pytest.approx(published.ttest_ind(a, b, equal_var=False).pvalue)
    assert (found.by, found.weights) == ("benchmarks", {"a": 0.5, "b": 0.5})


def test_pooling_by_items_is_the_mean_of_all() -> None:
    found = stats.pooled({"a": [1.0, 0.0, 0.0], "b": [1.0]}, "items")
    assert found.effect.difference.value == 0.5
    assert found.weights == {"a": 0.75, "b": 0.25}
    assert stats.pooled({"a": [1.0, 0.0, 0.0], "b": [1.0]}).effect.difference.value == pytest.approx(2 / 3)


def test_pooling_one_is_no_pooling() -> None:
    differences, clusters = rows(1, 200, 20)
    pooled = stats.pooled({"only": differences}, clusters={"only": clusters}).effect
    alone = stats.clustered(differences, clusters)
    assert (pooled.p, pooled.difference.low, pooled.clusters) == pytest.approx(
        (alone.p, alone.difference.low, alone.clusters)
    )


@pytest.mark.parametrize("seed", range(4))
def test_fiellers_ends_are_where_the_t_test_turns(seed: int) -> None:
    """The definition: both ends r make the mean of (numerator - r denominator) just significant."""
    random = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(100), 3)
    denominator = (random.random(300) < 0.7).astype(float)
    numerator = denominator * (random.random(300) < 0.8)
    found = stats.ratio(numerator, denominator, clusters)
    assert found is not None
    assert found.value == pytest.approx(numerator.mean() / denominator.mean())
    for end in (found.low, found.high):
        assert stats.clustered(numerator - end * denominator, clusters).p == pytest.approx(0.05)


@pytest.mark.parametrize("denominator", [[0.0] * 8, [1.0, -1.0] * 4, [1.0, 0, 0, 0, 0, 0, 0, 0]])
def test_a_ratio_to_what_may_be_nothing_has_no_meaning(denominator: list[float]) -> None:
    assert stats.ratio([1.0, 0.0] * 4, denominator) is None


def test_the_bootstrap_is_what_every_resample_gives() -> None:
    """All 5^5 resamples of five clusters of unlike sizes, counted."""
    differences, clusters = [1.0, 1.0, 0.0, -1.0, 1.0, 1.0, 0.0, 1.0], [0, 0, 0, 1, 2, 3, 3, 4]
    totals, sizes, _ = sums_by(np.asarray(differences)[:, None], clusters)
    means = np.array([totals[list(way), 0].sum() / sizes[list(way)].sum() for way in product(range(5), repeat=5)])
    below = (means <= 1e-12).mean()
    interval, p = stats.bootstrapped(differences, clusters, draws=100_000)
    assert p == pytest.approx(2 * below, rel=0.05)
    assert interval.value == pytest.approx(0.5)
    assert stats.bootstrapped(differences, clusters) == stats.bootstrapped(differences, clusters)
    assert stats.bootstrapped(differences, clusters, seed=1) != stats.bootstrapped(differences, clusters)


def test_the_bootstrap_of_many_is_the_t_interval() -> None:
    differences, clusters = rows(2, 3000, 400)
    interval, p = stats.bootstrapped(differences, clusters, draws=20_000)
    theirs = stats.clustered(differences, clusters)
    assert (interval.low, interval.high) == pytest.approx((theirs.difference.low, theirs.difference.high), abs=0.004)
    assert p == pytest.approx(theirs.p, abs=0.03)


def test_whole_numbers_and_shares_are_resampled_alike() -> None:
    """Scores that are all different take the way with many kinds of clusters."""
    values = np.random.default_rng(1).normal(0.1, 1, 500)
    interval, _ = stats.bootstrapped(values)
    theirs = stats.clustered(values).difference
    assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high), abs=0.015)


@pytest.mark.parametrize("p_values", [[0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.001], [1.0], [0.02] * 5])
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    named = {f"variant {place}": p for place, p in enumerate(p_values)}
    found = stats.holm(named, "all of them")
    assert (found.family, found.p, list(found.adjusted)) == ("all of them", named, list(named))
    assert list(found.adjusted.values()) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


@given(P_VALUES)
def test_holm_rejects_step_by_step(p_values: dict[str, float]) -> None:
    """As in the paper: the smallest p against 0.05 / m, the next against 0.05 / (m - 1), until one is too large."""
    left, rejected = sorted(p_values, key=p_values.__getitem__), set()
    while left and p_values[left[0]] <= 0.05 / len(left):
        rejected.add(left.pop(0))
    adjusted = stats.holm(p_values, "all of them").adjusted
    assert {name for name, p in adjusted.items() if p <= 0.05} == rejected
    assert all(p_values[name] <= adjusted[name] <= 1 for name in p_values)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="vectors"):
        stats.holm({"a": p}, "vectors")


def test_the_interaction_is_a_difference_of_differences() -> None:
    random = np.random.default_rng(0)
    base, cue, vector, both = (random.random((4, 300)) < [[0.5], [0.6], [0.6], [0.9]]).astype(float)
    found = stats.factorial(base, cue, vector, both)
    assert found.vector.difference.value == pytest.approx(vector.mean() - base.mean())
    assert found.cue.difference.value == pytest.approx(cue.mean() - base.mean())
    assert found.both.difference.value == pytest.approx(both.mean() - base.mean())
    assert found.vector_with_cue.difference.value == pytest.approx(both.mean() - cue.mean())
    assert found.interaction.difference.value == pytest.approx(both.mean() - vector.mean() - cue.mean() + base.mean())
    assert found.interaction.p == pytest.approx(published.ttest_1samp(both - vector - cue + base, 0).pvalue)


@pytest.mark.parametrize(
    "call",
    [
        lambda: stats.clustered([]),
        lambda: stats.clustered([1.0], ["a", "b"]),
        lambda: stats.pooled({}),
        lambda: stats.pooled({"a": []}),
        lambda: stats.pooled({"a": [1.0]}, "weight"),  # type: ignore[arg-type]
        lambda: stats.factorial([1], [1], [1], [1, 0]),
    ],
)
def test_what_can_t_be_compared_is_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"no rows|clusters for|no benchmark|different rows"):
        call()
