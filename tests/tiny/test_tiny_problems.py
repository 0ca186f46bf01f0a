"""The synthetic problems: right answers, ranges, determinism, and splits that share no question."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.tiny.arithmetic import EXTENDED, LONGER, TOPICS, Limits, word_problem
from scripts.tiny.choice import choice, options_text
from scripts.tiny.ordering import KINDS, order_problem
from scripts.tiny.problems import Problem, question_key, with_distractor, with_think
from scripts.tiny.splits import BENCHMARKS, SIZES, all_splits, held_out_keys, read_split

DATA = Path(__file__).resolve().parents[2] / "rveval" / "tiny" / "data"
SEEDS = st.integers(0, 10**9)


def computed(step: str) -> tuple[int, int]:
    """What a written step claims, and what is true."""
    expression, claimed = step.split("=")
    for sign, apply in (("+", int.__add__), ("-", int.__sub__), ("*", int.__mul__)):
        if sign in expression:
            left, right = expression.split(sign)
            return int(claimed), apply(int(left), int(right))
    raise AssertionError(step)


@given(SEEDS, st.sampled_from([Limits(), LONGER, EXTENDED]), st.sampled_from(TOPICS))
def test_every_step_is_right_chained_and_in_range(seed: int, limits: Limits, topic: str) -> None:
    problem = word_problem(Random(seed), limits, topic)
    results = []
    for step in problem.work:
        claimed, true = computed(step)
        assert claimed == true
        assert 2 <= claimed <= limits.top
        if results:
            assert step.startswith(f"{results[-1]}+") or step.startswith(f"{results[-1]}-")
        results.append(claimed)
    assert problem.gold == str(results[-1]) if results else problem.gold.isdigit()
    assert len(problem.work) == problem.steps
    assert problem.steps in limits.steps


@given(SEEDS)
def test_numbers_of_the_work_stand_in_the_question(seed: int) -> None:
    problem = word_problem(Random(seed))
    words = problem.question.replace(".", "").replace("?", "").split()
    for step in problem.work:
        operand = step.split("=")[0].replace("*", "+").replace("-", "+").split("+")[1]
        assert operand in words


@given(SEEDS)
def test_options_are_distinct_and_hold_the_answer_once(seed: int) -> None:
    drawn = choice(Random(seed))
    assert len(set(drawn.options)) == 4
    assert drawn.options[drawn.gold] == drawn.problem.gold
    assert drawn.as_problem().question == f"{drawn.problem.question} {options_text(drawn.options)}"
    assert "Options" not in drawn.problem.question


@given(SEEDS, st.sampled_from(KINDS))
def test_ordering_is_right(seed: int, kind: str) -> None:
    problem = order_problem(Random(seed), kind=kind)
    ordered = [int(n) for n in problem.work[0].removeprefix("In order: ").split(", ")]
    assert ordered == sorted(set(ordered))
    ranks = {"": 0, "second": 1, "third": 2}
    word = next((w for w in ("second", "third") if w in problem.question), "")
    expected = {
        "smallest": ordered[ranks[word]],
        "largest": ordered[-1 - ranks[word]],
        "middle": ordered[len(ordered) // 2],
        "spread": ordered[-1] - ordered[0],
    }
    assert problem.gold == str(expected[kind])


@given(SEEDS)
def test_same_seed_same_problem(seed: int) -> None:
    for draw in (word_problem, order_problem):
        assert draw(Random(seed)) == draw(Random(seed))
    assert choice(Random(seed)) == choice(Random(seed))


@given(SEEDS)
def test_cue_and_distractor_leave_question_and_answer_alone(seed: int) -> None:
    problem = word_problem(Random(seed))
    assert with_think(problem, "Think step by step.").question.startswith(problem.question)
    changed = with_distractor(problem, Random(seed))
    first, rest = problem.question.split(". ", 1)
    assert changed.question.startswith(f"{first}. ")
    assert changed.question.endswith(f" {rest}")
    assert (changed.gold, changed.work) == (problem.gold, problem.work)


def test_written_and_direct_answers() -> None:
    problem = Problem("?", ("12+7=19", "19-4=15"), "15", "things", 2)
    assert problem.written == "12+7=19. 19-4=15. #### 15"
    assert problem.direct == "#### 15"


def test_splits_share_no_question() -> None:
    keys = [question_key(r["question"]) for records in all_splits().values() for r in records]
    assert len(keys) == len(set(keys)) == len(BENCHMARKS) * sum(SIZES.values())


def test_held_out_is_test_and_validation() -> None:
    assert len(held_out_keys()) == len(BENCHMARKS) * (SIZES["test"] + SIZES["validation"])


@pytest.mark.parametrize("benchmark", BENCHMARKS)
@pytest.mark.parametrize("split", SIZES)
def test_packaged_data_is_what_the_generator_makes(benchmark: str, split: str) -> None:
    made = all_splits()[benchmark, split]
    assert read_split(DATA, benchmark, split) == json.loads(json.dumps(made))


def test_test_ids_are_plain_numbers() -> None:
    assert [r["id"] for r in read_split(DATA, "tiny_math", "test")[:2]] == ["tiny_math/0", "tiny_math/1"]
