"""The build: stages are skipped where done, run again where not, and the whole chain runs at a handful of steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("trl")
from scripts.tiny import train
from scripts.tiny.build import MARKER, SMOKE, Family
from scripts.tiny.donors import DonorPlan, exact_answer, questions


def test_a_finished_stage_is_skipped_and_a_broken_one_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def stage(folder: Path) -> None:
        calls.append(folder.name)
        folder.mkdir(exist_ok=True)
        if calls == ["first", "second"]:
            raise KeyboardInterrupt

    def stages(_: Family) -> dict[str, Callable[[Path], None]]:
        return {"first": stage, "second": stage}

    monkeypatch.setattr(Family, "stages", stages)
    family = Family(tmp_path, SMOKE, "cpu")
    with pytest.raises(KeyboardInterrupt):
        family.build()
    family.build()
    family.build()
    assert calls == ["first", "second", "second"]
    assert (tmp_path / "second" / MARKER).exists()


def test_both_donors_read_the_same_questions() -> None:
    plan = DonorPlan()
    long, short = questions(plan, frozenset(), 20), questions(plan, frozenset(), 8)
    assert long[:8] == short
    held = frozenset({short[0].key})
    assert questions(plan, held, 7) == short[1:]


def test_reward_is_for_the_exact_final_answer() -> None:
    said = ["1+1=2. #### 2", "#### 2", "#### 3", "2", "#### 2 #### 3"]
    completions = [[{"role": "assistant", "content": text}] for text in said]
    assert exact_answer(completions, ["2"] * len(said)) == [1.0, 1.0, 0.0, 0.0, 0.0]


@pytest.mark.slow
def test_the_whole_chain_runs_and_repeats(tmp_path: Path) -> None:
    for name in ("a", "b"):
        train.run(tmp_path / name, SMOKE, "cpu", install=False)
    for member in ("base", "instruct", "sft", "grpo-foreign"):
        first, second = ((tmp_path / name / member / "model.safetensors").read_bytes() for name in ("a", "b"))
        assert first == second
    assert (tmp_path / "a" / "results-test.json").exists()
