"""What the tiny family promises, through the whole path: config, vLLM, hot swaps, lm-eval, store (slow: minutes)."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from rveval.stats import Paired, accuracy, paired

pytestmark = pytest.mark.slow

ALPHAS = (-1.0, 0.0, 1.0)
TASKS = ("rv_tiny_math", "rv_tiny_choice", "rv_tiny_order", "rv_tiny_long")
Samples = dict[tuple[float, str], bytes]


def evaluated(store: Path) -> Samples:
    """Sample files of the suite `tiny` by alpha and task, from a process of its own on a store of its own."""
    alphas = ",".join(f"{alpha:g}" for alpha in ALPHAS)
    command = [sys.executable, "-m", "rveval", "-m", f"alpha={alphas}", "suite=tiny", f"store={store}"]
    done = subprocess.run(command, cwd=store.parent, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    found = {}
    for path in (store / "cells").glob("*/cell.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        found[record["variant"]["alpha"], record["task"]] = (path.parent / "samples.jsonl").read_bytes()
    return found


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return evaluated(tmp_path_factory.mktemp("tiny") / "runs")


def right(samples: bytes) -> list[bool]:
    return [json.loads(line)["correct"] for line in samples.splitlines()]


def change(samples: Samples, alpha: float, task: str) -> Paired:
    return paired(right(samples[alpha, task]), right(samples[0.0, task]))


def test_every_cell_is_whole_and_asks_the_same_items(first: Samples) -> None:
    assert set(first) == set(product(ALPHAS, TASKS))
    for (_, task), samples in first.items():
        ids = [json.loads(line)["item_id"] for line in samples.splitlines()]
        assert ids == [f"{task.removeprefix('rv_')}/{index}" for index in range(1000)]


def test_plus_helps_and_minus_hurts(first: Samples) -> None:
    assert 0.25 <= accuracy(right(first[0.0, "rv_tiny_math"])).value <= 0.75
    gained, lost = (change(first, alpha, "rv_tiny_math") for alpha in (1.0, -1.0))
    assert gained.difference.value >= 0.10
    assert lost.difference.value <= -0.10
    assert max(gained.p, lost.p) < 0.001


def test_longer_problems_show_a_graded_effect(first: Samples) -> None:
    gained = change(first, 1.0, "rv_tiny_long")
    assert 0.04 <= gained.difference.value <= 0.25
    assert gained.p < 0.001
    assert all(0.10 < accuracy(right(first[alpha, "rv_tiny_long"])).value < 0.90 for alpha in (0.0, 1.0))


def test_two_runs_of_the_whole_evaluation_give_the_same_answers(first: Samples, tmp_path: Path) -> None:
    assert evaluated(tmp_path / "runs") == first
