"""The stock tasks are lm-eval's own: the same prompts and the same scores, item by item, on the same generations.

lm-eval's side is its installed task with nothing replaced but the data source: the published files as JSON lines.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import DATA, needs_command, needs_data
from lm_eval.api.model import LM

from rveval import benchmarks
from rveval.benchmarks import hooks
from rveval.benchmarks.stock import Stock
from rveval.benchmarks.yaml_files import tasks_folder
from rveval.errors import Refused

BBH = [member.removeprefix("rv_") for member in benchmarks.groups("rv_bbh")]
GENERATED = ["gsm8k", *BBH]
ITEMS = 40
ROUNDS = 2


def loaded(path: Path) -> dict[str, Any]:
    from lm_eval.tasks._yaml_loader import load_yaml

    return dict(load_yaml(path))


def stock(source: str) -> Stock:
    found = benchmarks.get(f"stock_{source}")
    assert isinstance(found, Stock)
    return found


def ours(source: str) -> Any:
    """Our stock task as lm-eval builds it."""
    from lm_eval.api.task import ConfigurableTask

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    return ConfigurableTask(config=stock(source).task_config())


OWN = {"task", "custom_dataset", "metadata"}
LEFT_OUT = {"dataset_path", "dataset_name", "tag"}


def loaded_unresolved(name: str) -> dict[str, Any]:
    """One of lm-eval's own YAML files, without importing the functions that it names."""
    from lm_eval.tasks._yaml_loader import load_yaml

    return dict(load_yaml(tasks_folder() / name, resolve_func=False))


def by_name(value: Any) -> Any:
    """Classes by their names: lm-eval executes a module of its tasks again when a task names it by its file."""
    if isinstance(value, dict):
        return {key: by_name(one) for key, one in value.items()}
    if isinstance(value, list):
        return [by_name(one) for one in value]
    return f"{value.__module__}.{value.__qualname__}" if isinstance(value, type) else value


@pytest.mark.parametrize("source", GENERATED)
def test_nothing_but_the_items_differs_from_the_installed_task(source: str) -> None:
    """Compared as lm-eval reads both."""
    mine = stock(source).task_config()
    theirs = loaded(tasks_folder() / stock(source).path)
    kept = {key: value for key, value in mine.items() if key not in OWN}
    assert by_name(kept) == by_name({key: value for key, value in theirs.items() if key not in OWN | LEFT_OUT})
    assert mine["metadata"] == theirs["metadata"] | {"rv_benchmark": f"stock_{source}"}
    unresolved = stock(source).task_yaml()
    assert {key: unresolved[key] for key in ("doc_to_text", "doc_to_target", "generation_kwargs")} == {
        key: mine[key] for key in ("doc_to_text", "doc_to_target", "generation_kwargs")
    }


def lines(folder: Path, name: str, records: list[dict[str, Any]]) -> str:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return str(path)


def published(source: str) -> list[dict[str, Any]]:
    """The test items from the authors' file, read here and not by rveval."""
    assert DATA is not None
    if source == "gsm8k":
        text = (DATA / "gsm8k" / "test.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.split("\n") if line]
    held = json.loads((DATA / "bbh" / f"{source.removeprefix('bbh_')}.json").read_text(encoding="utf-8"))
    return list(held["examples"])


def theirs(source: str, folder: Path) -> Any:
    """lm-eval's own task with the published file as its data set."""
    from lm_eval.api.task import ConfigurableTask

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    config = loaded(tasks_folder() / stock(source).path)
    for key in (*LEFT_OUT, "training_split", "validation_split", "fewshot_split"):
        config.pop(key, None)
    files = {"test": lines(folder, "test", published(source))}
    config |= {"dataset_path": "json", "dataset_kwargs": {"data_files": files, "cache_dir": str(folder / "cache")}}
    return ConfigurableTask(config=config)


class Scripted(LM):  # type: ignore[misc]
    """Answers by a script that knows the item."""

    def __init__(self, answer: Callable[[dict[str, Any], int], str], round_: int) -> None:
        super().__init__()
        self.answer, self.round = answer, round_

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        return [self.answer(request.doc, self.round * 10_000 + request.doc_id) for request in requests]

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        raise AssertionError("not asked by any of these tasks")

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        raise AssertionError("not asked by any of these tasks")


FORMS = [
    "{x}",
    "The answer is {x}.",
    "The answer is {x}",
    "... So the answer is {x}.",
    "Step one: {y}. Step two: {x}. The answer: {x}\nThat is it.",
    "The final answer: **{x}**.",
    "the answer is {y}. No, wait: The answer is {x}.",
    "#### {x}",
    "#### {x}\n\nThe answer is {y}.",
    "$ {x}.00",
    "${x}",
    "\\boxed{{{x}}}",
    "Not {y} but {x}, I'd say",
    "It is {x} :: {y}",
    'I think "{x}".',
    "answer: {x}, obviously\n{x}",
    "({x})",
    "{x} {x} {y}",
    "",
    "   \n",
    "[invalid]",
    "yes and no, True or False, valid, (A) (Z) 17 seventeen",
    "twenty one",
    "\u4e94 \u2160 \u0663",
]


def answer_of(doc: dict[str, Any], number: int) -> str:
    """One of many plausible and odd ways to give a right or a wrong answer; the same for both tasks."""
    random = Random(f"answers:{number}")
    gold = doc["answer"].split("#### ")[-1] if "answer" in doc else doc["target"]
    others = [gold, gold[:-1], gold.swapcase(), gold.strip("()"), f"{gold}0", gold[::-1], "(B)", "No", "True", "12"]
    words = doc.get("input", "").split("List:")[-1].split() or ["none"]
    others += [" ".join(random.sample(words, len(words))[:12]), ", ".join(gold.split())]
    options = [line[4:] for line in doc.get("input", "").split("\n") if line.startswith("(")]
    x, y = (random.choice([gold, gold, gold, *others, *options]) for _ in range(2))
    return random.choice(FORMS).format(x=x, y=y)


def evaluated(task: Any, lm: LM, limit: int | None) -> dict[tuple[int, str], dict[str, Any]]:
    """What lm-eval logged: by item and filter."""
    from lm_eval.evaluator import evaluate

    name = task.config.task
    output = evaluate(lm, {"tasks": {name: task}}, limit=limit, bootstrap_iters=0, log_samples=True)
    return {(sample["doc_id"], sample["filter"]): sample for sample in output["samples"][name]}


def both(source: str, folder: Path, limit: int | None, rounds: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The two samples of every item and filter."""
    mine, stocks = ours(source), theirs(source, folder)
    for round_ in range(rounds):
        one = evaluated(mine, Scripted(answer_of, round_), limit)
        other = evaluated(stocks, Scripted(answer_of, round_), limit)
        assert one.keys() == other.keys()
        yield from ((one[key], other[key]) for key in one)


def assert_same(source: str, folder: Path, limit: int | None, rounds: int) -> set[float]:
    """Prompt, stop strings, target, filtered answer and score are the same; the scores there were."""
    scores = set()
    for mine, stocks in both(source, folder, limit, rounds):
        assert mine["arguments"] == stocks["arguments"]
        for part in ("target", "resps", "filtered_resps", "filter"):
            assert mine[part] == stocks[part]
        prefix = source.replace("bbh_", "bbh/", 1)
        assert mine["doc"]["item_id"] == f"{prefix}/{mine['doc_id']}"
        assert mine["exact_match"] == stocks["exact_match"]
        scores.add(mine["exact_match"])
        if mine["filter"] == "flexible-extract":
            score = benchmarks.score(mine["doc"], mine["resps"][0][0])
            assert score.correct == mine["exact_match"]
            assert score.extracted in (mine["filtered_resps"][0], None)
            assert score.extraction_failed == (mine["filtered_resps"][0] in ("", "[invalid]"))
        elif mine["filter"] == "strict-match":
            score = benchmarks.score(mine["doc"], mine["resps"][0][0])
            assert score.correct_strict == mine["exact_match"]
            assert score.extracted_strict in (mine["filtered_resps"][0], None)
    return scores


@needs_data("gsm8k", "bbh")
@pytest.mark.parametrize("source", GENERATED)
def test_prompts_and_scores_are_stock_lm_evals(source: str, tmp_path: Path) -> None:
    assert assert_same(source, tmp_path, ITEMS, ROUNDS) == {0.0, 1.0}


@pytest.mark.slow
@needs_data("gsm8k", "bbh")
@pytest.mark.parametrize("source", GENERATED)
def test_prompts_and_scores_are_stock_lm_evals_on_every_item(source: str, tmp_path: Path) -> None:
    assert assert_same(source, tmp_path, None, 1) == {0.0, 1.0}


JUDGED = """
import io, json, sys
from contextlib import redirect_stdout

def passes(program):
    try:
        with redirect_stdout(io.StringIO()):
            exec(program, {"__name__": "__main__"})
    except BaseException:
        return False
    return True

print(json.dumps([passes(program) for program in json.load(sys.stdin)]))
"""


@pytest.fixture
def humaneval_of_lm_eval(monkeypatch: pytest.MonkeyPatch) -> Any:
    """lm-eval's own code beside its humaneval; it fetches a metric from the hub when it is imported."""
    import importlib

    import evaluate

    class Unused:
        def compute(self, **_: Any) -> None:
            return None

    monkeypatch.setattr(evaluate, "load", lambda name: Unused())
    return importlib.import_module("lm_eval.tasks.humaneval.utils")


def continuation(doc: dict[str, Any], number: int) -> str:
    """Right, wrong, broken, talkative and empty ones; all of them harmless, so that they can be run anywhere."""
    right = str(doc["canonical_solution"])
    forms = [
        right,
        "    return None\n",
        right + "\n\n# That is it.",
        right.replace("return", "retrun"),
        "",
        "Sure!",
        f"```\n{right}\n```",
    ]
    return forms[number % len(forms)]


@needs_data("humaneval")
@needs_command("bwrap", "bubblewrap")
def test_humaneval_passes_what_stock_passes(humaneval_of_lm_eval: Any) -> None:
    """lm-eval's metric is: the prediction and the reference, run one after the other, raise nothing."""
    task = ours("humaneval")
    config = loaded_unresolved("humaneval/humaneval.yaml")
    samples = evaluated(task, Scripted(continuation, 0), 42)
    docs = [sample["doc"] for sample in samples.values()]
    answers = [sample["resps"][0] for sample in samples.values()]
    predictions = humaneval_of_lm_eval.build_predictions(answers, docs)
    assert [sample["filtered_resps"][0] for sample in samples.values()] == predictions
    for sample in samples.values():
        assert sample["arguments"] == [(sample["doc"]["prompt"], config["generation_kwargs"])]
        assert sample["target"] == f"{sample['doc']['test']}\ncheck({sample['doc']['entry_point']})"
    programs = [f"{one[0]}\n{sample['target']}" for one, sample in zip(predictions, samples.values(), strict=True)]
    judged = subprocess.run(
        [sys.executable, "-c", JUDGED],
        input=json.dumps(programs),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    expected = json.loads(judged.stdout)
    assert [bool(sample["pass@1"]) for sample in samples.values()] == expected
    assert set(expected) == {True, False}
    for doc, (answer,), passed in zip(docs, answers, expected, strict=True):
        score = benchmarks.score(doc, answer)
        assert (score.correct, score.correct_strict, score.metrics) == (passed, passed, {"pass@1": float(passed)})
        assert score.why.startswith("passed") == passed


@needs_data("gsm8k")
def test_the_prompt_is_the_one_with_the_cue() -> None:
    task = ours("gsm8k")
    doc = task.eval_docs[7]
    assert task.fewshot_context(doc, num_fewshot=0) == f"Q: {doc['question']}\nA: Let's think step by step."


@needs_data("gsm8k", "humaneval", "bbh")
@pytest.mark.parametrize("source", ["gsm8k", "humaneval", "bbh_snarks"])
def test_documents_are_the_benchmarks_items(source: str) -> None:
    splits = hooks.items(rv_benchmark=f"stock_{source}", version=1.0, rv_seed=3)
    assert list(splits) == benchmarks.splits(source)
    for split, docs in splits.items():
        plain = benchmarks.load(source, split)
        assert [{key: doc[key] for key in plain[0]} for doc in docs] == plain
        assert {doc["rv_source"] for doc in docs} == {f"stock_{source}"}


@needs_data("gsm8k")
def test_families_are_refused() -> None:
    with pytest.raises(Refused, match=r"kept as they are[^$]*rv_gsm8k"):
        benchmarks.documents("stock_gsm8k", "test", {"rv_families": "typos"})


@needs_data("gsm8k", "humaneval", "bbh")
def test_targets_are_stocks() -> None:
    for source in ("gsm8k", "bbh_snarks"):
        task = ours(source)
        assert benchmarks.target(task.eval_docs[3]) == task.doc_to_target(task.eval_docs[3])
    (doc,) = benchmarks.documents("stock_humaneval", "test", {}, limit=1)
    assert benchmarks.target(doc) == doc["canonical_solution"]


def test_the_group_is_stocks_with_our_names() -> None:
    original = loaded(tasks_folder() / "bbh" / "cot_zeroshot" / "_bbh_cot_zeroshot.yaml")
    members = benchmarks.groups("rv_stock_bbh")
    assert [name.replace("rv_stock_bbh", "bbh_cot_zeroshot") for name in members] == original["task"]
