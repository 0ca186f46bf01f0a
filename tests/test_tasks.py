"""The YAML under tasks/: all of it is there, loads in lm-eval, runs without our harness, and asks cleanly."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, needs_data

TASKS = REPOSITORY / "tasks"
FILES = sorted(TASKS.rglob("*.yaml"))
TINY = ["rv_tiny_math", "rv_tiny_choice", "rv_tiny_order", "rv_tiny_long"]
NAMES = {"rv_gsm8k", *TINY}
CUES = re.compile(r"step|think|reason|explain|show|work|careful|first|why|how you", re.IGNORECASE)


EACH_TASK = [pytest.param("rv_gsm8k", marks=needs_data("gsm8k")), *TINY]


def loaded(path: Path) -> dict[str, Any]:
    from lm_eval.tasks._yaml_loader import load_yaml

    return load_yaml(path)


def built(name: str) -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(TASKS), include_defaults=False).load(name)["tasks"][name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_yaml_loads_from_its_own_path(path: Path) -> None:
    """lm-eval skips a YAML that does not parse, without a word; so each is loaded here for itself."""
    config = loaded(path)
    assert config["task"] == path.stem
    assert config["task"].startswith("rv_")


def test_none_is_missing_or_there_twice() -> None:
    from lm_eval.tasks import TaskManager

    assert len(FILES) == 5
    assert {loaded(path)["task"] for path in FILES} == NAMES
    assert set(TaskManager(include_path=str(TASKS), include_defaults=False).all_tasks) == NAMES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_clean_prompt_holds_no_cue_to_reason(path: Path) -> None:
    config = loaded(path)
    assert not CUES.search(config["doc_to_text"])
    assert not config.get("description")
    assert not config.get("gen_prefix")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_decoding_is_explicit_and_shots_are_left_to_the_caller(path: Path) -> None:
    config = loaded(path)
    assert "num_fewshot" not in config
    assert config["fewshot_split"] == "train"
    assert config["test_split"] == "test"
    assert "process_docs" not in config
    assert config["generation_kwargs"].keys() == {"until", "do_sample", "temperature", "max_gen_toks"}
    assert all(metric["aggregation"] == "mean" for metric in config["metric_list"])


@needs_data("gsm8k")
def test_demonstrations_are_the_benchmarks_own_without_calculator_marks() -> None:
    task = built("rv_gsm8k")
    task.set_fewshot_seed(1)
    prompt = task.fewshot_context(task.eval_docs[0], num_fewshot=3)
    assert prompt.count("Question: ") == 4
    assert prompt.count("\nAnswer: ") == 3
    assert len(re.findall(r"\n#### -?[\d,]+\n\n", prompt)) == 3
    assert "<<" not in prompt
    assert prompt.endswith("\nAnswer:")


@needs_data("gsm8k")
def test_chat_and_plain_ask_the_same() -> None:
    task = built("rv_gsm8k")
    plain = task.fewshot_context(task.eval_docs[0], num_fewshot=0)
    chat = task.fewshot_context(
        task.eval_docs[0],
        num_fewshot=0,
        apply_chat_template=True,
        chat_template=lambda messages, add_generation_prompt: json.dumps(messages),
    )
    assert json.loads(chat) == [{"role": "user", "content": plain}]


OPTIONS = r"(?: Options: A\) (\d+) B\) (\d+) C\) (\d+) D\) (\d+))?"


@pytest.mark.parametrize("name", TINY)
def test_tiny_prompts_are_those_the_models_were_trained_on(name: str) -> None:
    task = built(name)
    doc = task.eval_docs[0]
    prompt = task.fewshot_context(doc, num_fewshot=0)
    found = re.fullmatch(rf"Question: ([^\n]*?){OPTIONS}\nAnswer:", prompt)
    assert found
    assert found.group(1) == doc["question"]
    assert list(found.groups()[1:]) == doc.get("options", [None] * 4)
    assert task.doc_to_target(doc) == doc["answer"].rpartition("#### ")[2]
    task.set_fewshot_seed(1)
    shown = task.fewshot_context(doc, num_fewshot=3).removesuffix(prompt).split("\n\n")
    assert shown.pop() == ""
    assert len(shown) == 3
    assert all(re.fullmatch(rf"Question: [^\n]*?{OPTIONS}\nAnswer: [^\n]*\. #### \d+", one) for one in shown)


@pytest.mark.parametrize("name", EACH_TASK)
def test_stock_lm_eval_runs_it_without_our_harness(name: str) -> None:
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(TASKS), include_defaults=False)
    output = simple_evaluate(model="dummy", tasks=[name], task_manager=manager, limit=8, bootstrap_iters=0)
    assert output is not None
    assert output["results"][name]["exact_match,all"] == 0
    assert output["results"][name]["extraction_failed,all"] == 1
    assert output["n-samples"][name]["effective"] == 8
    benchmark = name.removeprefix("rv_")
    assert [sample["doc"]["item_id"] for sample in output["samples"][name]] == [f"{benchmark}/{i}" for i in range(8)]


@pytest.mark.slow
@needs_data("gsm8k")
def test_the_command_line_runs_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lm_eval", "--model", "dummy", "--tasks", "rv_gsm8k", "--limit", "8"]
    command += ["--include_path", str(TASKS), "--output_path", str(tmp_path), "--log_samples", "--num_fewshot", "2"]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    (results,) = tmp_path.rglob("results_*.json")
    config = json.loads(results.read_text(encoding="utf-8"))["configs"]["rv_gsm8k"]
    assert config["num_fewshot"] == 2
    assert config["process_results"].startswith("def number_results(")
    (samples,) = tmp_path.rglob("samples_*.jsonl")
    assert len(samples.read_text(encoding="utf-8").splitlines()) == 8
