"""A sweep as one plan: baselines, order, equal cells, prompts that do not fit, and how a run of it goes on."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rveval import config as schema
from rveval.run import Sweep, fit, plan_sweep
from rveval.run.progress import Progress

TINY = Path(__file__).resolve().parents[2] / "rveval" / "tiny" / "models"


def planned(*words: str, sweeping: bool = True) -> Sweep:
    return plan_sweep(schema.points([*words, "store=no_such_folder"], sweeping=sweeping))


def labels(sweep: Sweep) -> list[str]:
    return [plan.label for plan in sweep.plans]


def test_a_variant_gets_its_baseline_on_the_same_tasks() -> None:
    sweep = planned("suite.families=[clean,think]", "n=2", "temperature=0.5")
    base, variant = sweep.plans
    assert (base.label, base.added, variant.added) == ("tiny", True, False)
    assert [cell.task for cell in base.cells] == [cell.task for cell in variant.cells]
    differing = {
        key
        for a, b in zip(base.cells, variant.cells, strict=True)
        for key in a.settings
        if a.settings[key] != b.settings[key]
    }
    assert differing == {"variant"}


def test_a_baseline_that_is_there_is_not_added_twice() -> None:
    assert labels(planned("alpha=1,0")) == ["tiny + 1 tiny_grpo", "tiny"]
    assert labels(planned("vector.scope=[],[mlp]")) == ["tiny", "tiny + 1 tiny_grpo [only mlp]"]
    assert labels(planned("alpha=0.5,1", "baseline=none")) == ["tiny + 0.5 tiny_grpo", "tiny + 1 tiny_grpo"]
    assert labels(planned("vector=none")) == ["tiny"]
    assert labels(planned("model.donor=plus")) == ["tiny_grpo-plus"]


def test_every_way_of_asking_and_every_study_has_its_own_baseline() -> None:
    sweep = planned("limit=5,6", "vector=tiny_grpo,tiny_order", "study=a")
    assert [plan.config.limit for plan in sweep.plans if plan.added] == [5, 6]


def test_variants_of_one_engine_follow_each_other() -> None:
    sweep = planned("alpha=0,1", "engine.seed=1,2")
    assert [plan.config.engine.seed for plan in sweep.plans] == [1, 1, 2, 2]
    hf = planned("engine=hf", "alpha=1,0", "limit=5,6")
    assert [(plan.config.alpha, plan.config.limit) for plan in hf.plans] == [(1, 5), (1, 6), (0, 5), (0, 6)]


def test_equal_cells_are_asked_once() -> None:
    sweep = planned("alpha=0", "study=a,b", "force=true")
    assert [len(left) for _, left in sweep.left()] == [1, 0]


def test_a_refused_point_does_not_stop_the_others() -> None:
    sweep = planned("suite.tasks=[rv_tiny_math],[rv_nope]", "limit=5")
    assert labels(sweep) == ["tiny", "tiny + 1 tiny_grpo"]
    (refused,) = sweep.refused
    assert (refused.exit_code, refused.kept) == (2, False)
    assert "rv_nope" in refused.message


# --- prompts that do not fit


def test_prompts_that_do_not_fit_are_refused_with_the_models_own_maximum() -> None:
    sweep = planned("suite.tasks=[rv_tiny_math,rv_tiny_long]", "engine.max_model_len=110", "limit=20")
    (refused,) = sweep.refused
    assert sweep.plans == ()
    assert "rv_tiny_math: " in refused.message
    assert "rv_tiny_long: 20 of 20 prompts do not fit with their answers" in refused.message
    assert "at most 110 tokens (engine.max_model_len; the model itself takes 1,024)" in refused.message
    assert "engine.max_model_len=" in refused.message.partition("-> ")[2]


def test_what_is_said_to_be_enough_is_enough() -> None:
    (refused,) = planned("engine.max_model_len=110", "baseline=none").refused
    enough = refused.message.partition("-> engine.max_model_len=")[2].partition("\n")[0]
    assert planned(f"engine.max_model_len={enough}", "baseline=none").plans
    assert not planned(f"engine.max_model_len={int(enough) - 1}", "baseline=none").plans


def test_where_the_model_takes_no_more_another_way_out_is_named() -> None:
    (refused,) = planned("max_gen_toks=1010").refused
    assert "lower max_gen_toks" in refused.message


def test_demonstrations_count_as_far_as_they_are_known() -> None:
    assert planned("engine.max_model_len=200", "limit=5").plans
    (refused,) = planned("engine.max_model_len=200", "limit=5", "num_fewshot=20").refused
    assert "do not fit" in refused.message


def test_a_model_without_a_tokenizer_file_is_left_to_the_run(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TINY / "instruct", tmp_path / "m"))
    (folder / "tokenizer.json").unlink()
    sweep = planned(f"model.path={folder}", "vector=none", "engine.max_model_len=20")
    assert "known at run time only" in fit.words(sweep.plans[0])


@pytest.mark.parametrize(
    "how", [{}, {"model.system": "Be brief."}, {"chat": False}, {"template": "{a: 1}"}], ids=lambda how: str(how)
)
def test_prompts_are_put_and_counted_as_transformers_does(how: dict[str, Any]) -> None:
    transformers = pytest.importorskip("transformers")
    config = planned(*(f"{key}={value}" for key, value in how.items()), "baseline=none").plans[0].config
    counter = fit.counter_of(TINY / "instruct")
    assert counter is not None
    tokenizer = transformers.AutoTokenizer.from_pretrained(TINY / "instruct")
    put = counter.put("How many?", config)
    assert put is not None
    messages = [{"role": "user", "content": "How many?"}]
    if config.model.system:
        messages.insert(0, {"role": "system", "content": config.model.system})
    if config.use_chat:
        assert put == tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **config.template
        )
    assert counter.count(put, special=not config.use_chat) == len(
        tokenizer.encode(put, add_special_tokens=not config.use_chat)
    )


def test_a_template_that_fails_is_no_reason_to_refuse(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TINY / "instruct", tmp_path / "m"))
    for file in folder.glob("chat_template*"):
        file.unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(
        json.dumps(settings | {"chat_template": "{{ raise_exception('x') }}"})
    )
    assert planned(f"model.path={folder}", "vector=none").plans


# --- progress


def test_progress_counts_the_whole_sweep() -> None:
    said: list[tuple[str, int]] = []
    progress = Progress(2, 3, 30, lambda words, done: said.append((words, done)))
    progress.variant("a")
    with progress.cell("t1", 10) as advance:
        advance(4)
        advance(60)  # no more than there are
    progress.variant("b")
    with suppress(ValueError), progress.cell("t2", 10) as advance:
        advance(1)
        raise ValueError("broken")
    with progress.cell("t3", 10) as advance:
        advance(10)
    assert said[0] == ("variant 1/2, cell 0/3: a: preparing the engine", 0)
    assert [done for words, done in said if "t1" in words] == [0, 4, 10]
    assert said[-1] == ("variant 2/2, cell 3/3: b: t3", 30)
