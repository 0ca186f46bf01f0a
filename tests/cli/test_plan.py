"""`python -m rveval.plan`: what it counts is what a run would ask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import needs_data

from rveval import config as schema
from rveval import plan
from rveval.run import plan_sweep
from rveval.run.suites import Asked

NUMBERS = r"((?:\s+[\d,]+)+)"


def rows(text: str) -> dict[tuple[str, str], list[int]]:
    """The table's numbers by benchmark and family; the totals under ("all", "")."""
    found = {}
    for line in text.splitlines():
        if match := re.match(rf"\s*([a-z_0-9]+)\s+([a-z+]*){NUMBERS}\s*$", line):
            found[match[1], match[2]] = [int(n.replace(",", "")) for n in match[3].split()]
    return found


def test_a_plan_counts_cells_items_prompts_and_tokens(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tasks = "suite.tasks=[rv_tiny_math,rv_tiny_choice]"
    status = plan.main(
        [tasks, "suite.families=[clean,think,shuffle+hint]", "baseline=none", f"store={tmp_path}", "limit=30"]
    )
    assert status == 2, "shuffle has nothing to shuffle in tiny_math, and an explicit family is not skipped"
    families = "suite.families=[clean,think]"
    assert plan.main([tasks, families, "baseline=none", f"store={tmp_path}", "limit=30", "suite.draws=2"]) == 0
    found = rows(capsys.readouterr().out)
    assert found.keys() == {(b, f) for b in ("tiny_math", "tiny_choice") for f in ("clean", "think")} | {("all", "")}
    for (benchmark, family), (cells, items, prompts, tokens, most, left, prompts_left) in found.items():
        draws = {"clean": 1, "think": 2, "": 6}[family]
        assert (cells, items, prompts, most) == (draws, 30 * draws, 30 * draws, 96 * 30 * draws), benchmark
        assert (left, prompts_left) == (draws, 30 * draws)
        assert 20 * prompts < tokens < 90 * prompts
    assert found["tiny_math", "think"][3] > 2 * found["tiny_math", "clean"][3]


def test_what_is_stored_is_not_left(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    overrides = ["suite.families=[clean,think]", "limit=5", "baseline=none", f"store={tmp_path}"]
    (clean, _) = plan_sweep(schema.points(overrides)).plans[0].cells
    folder = tmp_path / "cells" / clean.cell_id
    folder.mkdir(parents=True)
    (folder / "cell.json").write_text("{}")
    assert plan.main(overrides) == 0
    found = rows(capsys.readouterr().out)
    assert found["tiny_math", "clean"][-2:] == [0, 0]
    assert found["tiny_math", "think"][-2:] == [1, 5]


def test_a_sweep_is_one_plan_with_what_a_comparison_needs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert plan.main(["-m", "alpha=0.5,1,1", "limit=5", f"store={tmp_path}"]) == 0
    out = capsys.readouterr().out
    assert "the baseline of the others, added" in out
    assert rows(out)["all", ""][0] == 4
    assert rows(out)["all", ""][-2:] == [3, 15]  # equal cells are asked once
    assert "every prompt fits with its answer: 1,024 tokens" in out


def test_demonstrations_and_samples_count(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    common = ["limit=5", "baseline=none", f"store={tmp_path}", "n=3", "temperature=0.5"]
    assert plan.main(common) == 0
    without = rows(capsys.readouterr().out)["all", ""]
    assert without[1:3] == [5, 15]
    assert plan.main([*common, "num_fewshot=2"]) == 0
    assert rows(capsys.readouterr().out)["all", ""][3] > 2.5 * without[3]


@needs_data("sciq")
@pytest.mark.parametrize("task", ["rv_tiny_choice", "rv_sciq", "rv_gsm8k", "rv_humaneval", "rv_bbh_snarks"])
def test_prompts_are_those_that_lm_eval_renders(task: str) -> None:
    from conftest import REPOSITORY
    from lm_eval.tasks import TaskManager

    from rveval.run import prompts

    family = "typos" if task != "rv_humaneval" else "rename"
    source = task.removeprefix("rv_")
    ours = prompts.render(Asked(f"{task}_{family}", source, source, family, 0, None), 0, 10)
    tasks, said = str(REPOSITORY / "tasks"), {"rv_families": family}
    theirs = TaskManager(include_path=tasks, include_defaults=False, metadata=said).load(task)["tasks"][task]
    assert ours == [theirs.fewshot_context(doc, num_fewshot=0) for doc in theirs.eval_docs.select(range(10))]


def test_help_is_that_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan.main(["--help"]) == 0
    assert "python -m rveval.plan" in capsys.readouterr().out
