"""What the tiny family promises, measured again on its 1,000 test items (slow: some minutes of plain torch)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev

import pytest

pytest.importorskip("transformers")
from scripts.tiny.evaluate import State, added, mcnemar, random_like
from scripts.tiny.measure import ALPHAS, RANDOM_SEEDS, Bench

TINY = Path(__file__).resolve().parents[2] / "rveval" / "tiny"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(TINY / "models", TINY / "data", "test", "cpu")


@pytest.fixture(scope="module")
def vector(bench: Bench) -> State:
    return bench.vector("")


def change(bench: Bench, vector: State, alpha: float, task: str) -> tuple[float, float]:
    """Points gained against alpha 0, and the exact p."""
    before = bench.answers(bench.instruct, task)
    after = bench.answers(added(bench.instruct, vector, alpha), task)
    return after.accuracy - before.accuracy, mcnemar(before.right, after.right)


def test_plus_helps_and_minus_hurts(bench: Bench, vector: State) -> None:
    assert 25 <= bench.answers(bench.instruct, "math").accuracy <= 75
    gained, p_gained = change(bench, vector, 1.0, "math")
    lost, p_lost = change(bench, vector, -1.0, "math")
    assert gained >= 10
    assert lost <= -10
    assert max(p_gained, p_lost) < 0.001


def test_long_problems_show_a_graded_effect(bench: Bench, vector: State) -> None:
    gained, _ = change(bench, vector, 1.0, "long")
    assert 4 <= gained <= 25
    before = bench.answers(bench.instruct, "long").accuracy
    assert 10 < before < before + gained < 90


def test_a_foreign_vector_does_not_help(bench: Bench) -> None:
    gained, p = change(bench, bench.vector("", "-foreign"), 1.0, "math")
    assert gained <= 0 or p >= 0.05


def test_vectors_of_two_skills_compose(bench: Bench, vector: State) -> None:
    order = bench.vector("order-")
    both = {name: vector[name] + order[name] for name in vector}
    assert min(change(bench, both, 0.5, "math")[0], change(bench, both, 0.5, "order")[0]) >= 10


def test_curve_has_one_broad_peak(bench: Bench, vector: State) -> None:
    scores = [bench.answers(added(bench.instruct, vector, alpha), "math").accuracy for alpha in ALPHAS]
    peak = scores.index(max(scores))
    slack = 2.0  # two points: what neighbours on a plateau may differ by without being a second peak
    assert all(later >= earlier - slack for earlier, later in pairwise(scores[: peak + 1]))
    assert all(later <= earlier + slack for earlier, later in pairwise(scores[peak:]))
    assert 0 < peak < len(ALPHAS) - 1
    assert scores[-1] < max(scores) - slack


def test_random_vectors_do_not_help(bench: Bench, vector: State) -> None:
    gains = [change(bench, random_like(vector, seed), 1.0, "math")[0] for seed in RANDOM_SEEDS]
    half_width = 2.776 * stdev(gains) / len(gains) ** 0.5  # t quantile .975 at 4 degrees of freedom
    assert mean(gains) - half_width <= 0


@pytest.mark.parametrize("task", ["math, think", "math, distractor"])
def test_gain_survives(bench: Bench, vector: State, task: str) -> None:
    gained, p = change(bench, vector, 1.0, task)
    assert gained > 0
    assert p < 0.05


@pytest.mark.parametrize(("pair", "task"), [("", "math"), ("order-", "order")])
def test_grpo_beats_sft_on_its_own_questions(bench: Bench, pair: str, task: str) -> None:
    sft, grpo = (bench.answers(bench.state(f"{pair}{kind}"), task) for kind in ("sft", "grpo"))
    assert grpo.accuracy > sft.accuracy
    assert mcnemar(sft.right, grpo.right) < 0.001


def test_same_answers_twice(bench: Bench, vector: State) -> None:
    weights = added(bench.instruct, vector, 1.0)
    assert bench.answers(weights, "math").texts == bench.answers(weights, "math").texts
