"""The YAML under tasks/: all of it is there, loads in lm-eval, runs without our harness, and asks cleanly."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, needs_data

from rveval import benchmarks

TASKS = REPOSITORY / "tasks"
FILES = sorted(TASKS.rglob("*.yaml"))
TINY = ["rv_tiny_math", "rv_tiny_choice", "rv_tiny_order", "rv_tiny_long"]
CLEAN = ["rv_gsm8k", "rv_humaneval", "rv_sciq", "rv_sciq_closed", *TINY]
BY_HAND = [path for path in FILES if path.stem in CLEAN]
CUES = re.compile(r"step|think|reason|explain|show|work|careful|first|why|how you", re.IGNORECASE)

EACH_TASK = [
    pytest.param("rv_gsm8k", marks=needs_data("gsm8k")),
    pytest.param("rv_humaneval", marks=needs_data("humaneval")),
    pytest.param("rv_sciq", marks=needs_data("sciq")),
    pytest.param("rv_bbh_snarks", marks=needs_data("bbh")),
    *TINY,
]


@cache
def manager(families: str = "clean") -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(TASKS), include_defaults=False, metadata={"rv_families": families})


def loaded(path: Path) -> dict[str, Any]:
    from lm_eval.tasks._yaml_loader import load_yaml

    return load_yaml(path)


def built(name: str, families: str = "clean") -> Any:
    return manager(families).load(name)["tasks"][name]


def test_every_yaml_loads_from_its_own_path() -> None:
    """lm-eval skips a YAML that does not parse, without a word; so each is loaded here for itself."""
    for path in FILES:
        config = loaded(path)
        assert config.get("task") == path.stem or config.get("group") == path.stem
        assert path.stem.startswith("rv_")


def test_every_benchmark_has_its_file_and_no_file_is_there_twice() -> None:
    names = [path.stem for path in FILES]
    assert sorted(names) == sorted(["rv_bbh", *(f"rv_{name}" for name in benchmarks.names())])
    tag = "rv_bbh_lettered"
    assert {*manager().all_tasks} == {*names, tag}
    lettered = [f"rv_{n}" for n in benchmarks.names() if n.startswith("bbh_") and benchmarks.traits(n).lettered]
    assert sorted(manager().load(tag)["tasks"]) == sorted(lettered)
    assert loaded(TASKS / "bbh/rv_bbh.yaml")["task"] == benchmarks.groups("rv_bbh")


@pytest.mark.parametrize("path", BY_HAND, ids=lambda path: path.stem)
def test_a_clean_prompt_holds_no_cue_to_reason(path: Path) -> None:
    config = loaded(path)
    assert not CUES.search(config["doc_to_text"])
    assert not config.get("description")
    assert not config.get("gen_prefix")


@needs_data("bbh")
@pytest.mark.parametrize("source", benchmarks.names())
def test_what_we_add_to_a_clean_item_holds_no_cue_to_reason(source: str) -> None:
    for doc in benchmarks.documents(source, "test", {}, limit=3):
        ours = doc["rv_before"] + doc["rv_instruction"] + doc["rv_after"]
        assert not CUES.search(ours)
        assert not CUES.search(doc.get("rv_description", "").replace("multi-step arithmetic", "arithmetic"))


@pytest.mark.parametrize("path", BY_HAND, ids=lambda path: path.stem)
def test_decoding_is_explicit_and_shots_are_left_to_the_caller(path: Path) -> None:
    config = loaded(path)
    assert "num_fewshot" not in config
    assert config.get("fewshot_split") == (None if path.stem == "rv_humaneval" else "train")
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


@needs_data("bbh")
def test_bbh_shows_the_published_examples_in_their_order_without_a_cue() -> None:
    task = built("rv_bbh_date_understanding")
    task.set_fewshot_seed(1)
    prompt = task.fewshot_context(task.eval_docs[0], num_fewshot=3)
    assert "step by step" not in prompt
    assert prompt.count("\nQ: ") == 4
    assert len(re.findall(r"So the answer is (\([A-F]\))\.\n#### \1\n\n", prompt)) == 3
    assert prompt.index("10 days ago") < prompt.index("one year ago")


@needs_data("sciq")
def test_sciq_shows_letters() -> None:
    task = built("rv_sciq")
    task.set_fewshot_seed(1)
    prompt = task.fewshot_context(task.eval_docs[0], num_fewshot=2)
    assert len(re.findall(r"\nAnswer: #### [ABCD]\n\n", prompt)) == 2
    for text in (task.eval_docs[0]["correct_answer"], task.eval_docs[0]["distractor1"]):
        assert re.search(rf"^[ABCD]\. {re.escape(text)}$", prompt, re.MULTILINE)


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

    output = simple_evaluate(model="dummy", tasks=[name], task_manager=manager(), limit=8, bootstrap_iters=0)
    assert output is not None
    assert output["results"][name]["exact_match,all"] == 0
    assert output["results"][name]["extraction_failed,all"] == 1
    assert output["n-samples"][name]["effective"] == 8
    place = name.removeprefix("rv_").replace("bbh_", "bbh/")
    assert [sample["doc"]["item_id"] for sample in output["samples"][name]] == [f"{place}/{i}" for i in range(8)]


@needs_data("bbh")
def test_a_group_weighs_its_subtasks_by_their_size() -> None:
    from lm_eval import simple_evaluate

    output = simple_evaluate(model="dummy", tasks=["rv_bbh"], task_manager=manager(), limit=1, bootstrap_iters=0)
    assert output is not None
    assert len(output["results"]) == 27 + 1
    assert output["results"]["rv_bbh"]["extraction_failed,all"] == 1
    assert all(metric["weight_by_size"] for metric in loaded(TASKS / "bbh/rv_bbh.yaml")["aggregate_metric_list"])


def command_line(folder: Path, *arguments: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What `lm_eval` writes for a dummy model: the results, and the samples of all tasks."""
    command = [sys.executable, "-m", "lm_eval", "--model", "dummy", "--include_path", str(TASKS), *arguments]
    command += ["--output_path", str(folder), "--log_samples"]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    (results,) = folder.rglob("results_*.json")
    lines = [line for path in folder.rglob("samples_*.jsonl") for line in path.read_text("utf-8").splitlines()]
    return json.loads(results.read_text("utf-8")), [json.loads(line) for line in lines]


@needs_data("gsm8k")
def test_a_family_goes_by_metadata_on_lm_evals_command_line(tmp_path: Path) -> None:
    said = {"rv_families": "typos+hint", "rv_draw": 1}
    tasks = ["--tasks", "rv_gsm8k,rv_tiny_math", "--limit", "4", "--num_fewshot", "2", "--metadata", json.dumps(said)]
    results, lines = command_line(tmp_path, *tasks)
    config = results["configs"]["rv_gsm8k"]
    assert config["num_fewshot"] == 2
    assert config["process_results"].startswith("def results(")
    assert len(lines) == 8
    for line in lines:
        doc = line["doc"]
        (asked,) = [
            d for d in benchmarks.documents(doc["rv_source"], "test", said, 4) if d["item_id"] == doc["item_id"]
        ]
        assert {name: doc[name] for name in asked} == asked
        assert (doc["rv_families"], doc["rv_draw"], doc["rv_changed"]) == ("typos+hint", 1, True)
        assert asked["question"] in line["arguments"]["gen_args_0"]["arg_0"]
