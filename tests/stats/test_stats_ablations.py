"""The statistics of ablations: the rank among null controls, by trying all of its outcomes; interference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as published

from rveval import stats


@pytest.mark.parametrize("harm", [False, True])
@pytest.mark.parametrize("values", [[1, 2, 3, 4, 5], [1, 1, 2, 2, 2], [0, 0, 0, 0, 0], [1, 2, 2, 3, 3, 3, 9]])
def test_the_rank_among_nulls_errs_no_more_often_than_p_says(values: list[float], harm: bool) -> None:
    # Were the real vector one more null, each of the values would be as likely the real one's: all of them are tried.
    n = len(values)
    ps = [stats.nulls(values[at], values[:at] + values[at + 1 :], harm=harm).p for at in range(n)]
    for k in range(1, n + 1):
        wrong = sum(p <= k / n + 1e-12 for p in ps)
        assert wrong <= k
        assert len(set(values)) < n or wrong == k, "without ties the test is exact"


@given(st.floats(-1, 1), st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_harm_is_help_turned_round(real: float, effects: list[float]) -> None:
    assert stats.nulls(real, effects) == stats.nulls(-real, [-effect for effect in effects], harm=True)


def test_nulls_that_break_a_model_do_not_hide_a_gain() -> None:
    # The rank of |effect| would say that all nulls do more than the real vector.
    assert stats.nulls(0.05, [-0.3] * 19).p == 0.05
    assert stats.nulls(-0.4, [-0.3] * 19, harm=True).p == 0.05
    assert stats.nulls(-0.4, [-0.3] * 19).p == 1


def test_rounding_is_no_difference_between_a_vector_and_its_null() -> None:
    assert stats.nulls(0.1 + 0.2, [0.3]).p == stats.nulls(0.3, [0.1 + 0.2]).p == 1


@pytest.mark.parametrize(("p", "n"), [(0.05, 19), (0.01, 99), (0.5, 1), (0.04, 24), (0.07, 14)])
def test_nulls_needed(p: float, n: int) -> None:
    assert stats.nulls_needed(p) == n
    assert 1 / (1 + n) <= p + 1e-12 < 1 / n


def test_interference_of_two_is_the_interaction_of_a_table() -> None:
    random = np.random.default_rng(1)
    base, one, other, both = (random.random((4, 200)) < [[0.5], [0.6], [0.6], [0.9]]).astype(float)
    found = stats.additivity(base, [one, other], both)
    table = stats.factorial(base, one, other, both)
    assert (found.excess, found.together, found.alone) == (
        table.interaction,
        table.both,
        (table.cue, table.vector),
    )
    assert found.total.difference.value == pytest.approx((one - base).mean() + (other - base).mean())


def test_interference_of_three_is_together_less_the_sum() -> None:
    random = np.random.default_rng(2)
    base, *ones, all_of_them = (random.random((5, 120)) < 0.5).astype(float)
    apart = all_of_them - base - sum(one - base for one in ones)
    found = stats.additivity(base, ones, all_of_them)
    assert found.excess.difference.value == pytest.approx(apart.mean())
    assert found.excess.p == pytest.approx(published.ttest_1samp(apart, 0).pvalue)
    doubled = stats.additivity(
        *(np.tile(x, 2) for x in (base,)),
        [np.tile(one, 2) for one in ones],
        np.tile(all_of_them, 2),
        [*range(120), *range(120)],
    )
    assert doubled.excess.p == pytest.approx(found.excess.p), "two draws of an item are no two items"


def test_vectors_that_add_up_do_not_interfere() -> None:
    base = np.zeros(100)
    one, other = (np.arange(100) < 20).astype(float), (np.arange(100) >= 70).astype(float)
    found = stats.additivity(base, [one, other], one + other).excess
    assert found.difference.value == 0
    assert found.difference.low < 0 < found.difference.high
    assert found.p == 1


@pytest.mark.parametrize(
    ("alone", "together", "told"),
    [([[1.0]], [1.0], "two vectors"), ([[1.0], [1.0, 0.0]], [1.0], "different rows"), ([[], []], [], "no rows|rows")],
)
def test_what_can_t_interfere_is_refused(alone: list[list[float]], together: list[float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        stats.additivity([1.0] * len(together), alone, together)
