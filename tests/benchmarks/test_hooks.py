"""Scoring as tasks/ names it; and stock's metrics against stock lm-eval itself, item by item, on the same words."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import REPOSITORY, needs_data
from cpu import at_most, long

from rveval import benchmarks
from rveval.benchmarks import gsm8k, hooks, load, score, target
from rveval.benchmarks import stock as stock_tasks
from rveval.benchmarks.hooks import results

TINY = [name for name in benchmarks.names() if benchmarks.traits(name).for_tiny_models]

DOC = {
    "rv_source": "gsm8k",
    "item_id": "gsm8k/3",
    "question": "Ann has 1,000 pens and buys 18. How many?",
    "answer": "Sum.\n#### 1,018",
}
TINY_DOC = {**DOC, "rv_source": "tiny_math", "item_id": "tiny_math/3"}
CASES = 400

# What a model might say: %g is the right number, %w a wrong one, %c the right one with thousands commas.
WORDINGS = [
    "%g", "#### %g", "#### %c", "#### $%c", "It is %g.\n#### %g", "#### %g.", "#### %g dollars", "#### %w",
    "The answer is %g.", "The answer is %g", "The answer is $%c.", "The answer is %c.00.", "the answer is %g.",
    "The answer is %g. The answer is %w.", "The answer is %w. No: The answer is %g.", "The answer is -%g.",
    "Answer: %g", "**Answer:** $%c", "\\boxed{%g}", "so $\\boxed{%c}$.", "\\boxed{%w}", "%w + %w = %g", "%w-%g", "%g%%",
    "She has %g eggs. That took 3 days.", "He pays $%c in 2 rates.", "%g.0", "%c.", "$%g", "$$%g", "...", "$.", ",,%g",
    "", " ", "I do not know.", "%w", "#### Step 1\n%w\n#### Step 2\n%g", "The answer is\n%g.", "Q: %g", "[%g]",
    "%g\u00b2", "1\u2212%g", "\u2212%g", "The answer is .%g.", "%g,%w", "%g, %w", "%w,%g.",
    "A: Let's think. %w %w. The answer is %gx",
]  # fmt: skip


def docs(source: str) -> list[dict[str, Any]]:
    return benchmarks.documents(source, "test", {})


def canned(items: list[dict[str, Any]]) -> list[str]:
    """One response an item, of every wording in turn, some of them joined or repeated."""
    rng = Random("canned")
    responses = []
    for index, item in enumerate(items):
        commas = item["answer"].rpartition("#### ")[2]
        gold = commas.replace(",", "")
        text = WORDINGS[index % len(WORDINGS)] if index < 3 * len(WORDINGS) else "\n".join(rng.sample(WORDINGS, 3))
        text = text.replace("%g", gold).replace("%c", commas).replace("%%", "%")
        responses.append(re.sub("%w", lambda _: str(rng.randint(-20, 5000)), text))
    return responses


def evaluated(task: Any, responses: list[list[str]]) -> list[dict[str, Any]]:
    """lm-eval's own samples for a task when the model says these words (k a document)."""
    from lm_eval.api.model import LM
    from lm_eval.evaluator import evaluate

    class Canned(LM):
        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            said = {index: iter(texts) for index, texts in enumerate(responses)}
            return [next(said[request.doc_id]) for request in requests]

        def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> Any:
            raise AssertionError("these tasks only generate")

        def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> Any:
            raise AssertionError("these tasks only generate")

    name = task.config.task
    task.set_config("num_fewshot", 0)
    output = evaluate(lm=Canned(), task_dict={"tasks": {name: task}}, limit=len(responses), bootstrap_iters=0)
    assert output is not None
    return list(output["samples"][name])


def ours(repeats: int = 1, name: str = "rv_gsm8k") -> Any:
    from lm_eval.tasks import TaskManager

    task = TaskManager(include_path=str(REPOSITORY / "tasks"), include_defaults=False).load(name)["tasks"][name]
    task.set_config("repeats", repeats)
    return task


def stock(data: Path, cache: Path, repeats: int = 1) -> Any:
    """The installed lm-eval's gsm8k_cot_zeroshot, unchanged but for where its data lie."""
    import lm_eval.tasks
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._yaml_loader import load_yaml

    config = load_yaml(Path(lm_eval.tasks.__file__).parent / gsm8k.STOCK_TASK)
    files = {split: str(data / "gsm8k" / f"{split}.jsonl") for split in ("test", "train")}
    local = {"dataset_path": "json", "dataset_name": None, "repeats": repeats}
    config |= local | {"dataset_kwargs": {"data_files": files, "cache_dir": str(cache)}}
    return TaskManager(include_defaults=False).load(config)["tasks"]["gsm8k_cot_zeroshot"]


def by_filter(samples: list[dict[str, Any]], name: str) -> list[float]:
    return [sample["exact_match"] for sample in sorted(samples, key=lambda s: s["doc_id"]) if sample["filter"] == name]


@needs_data("gsm8k")
def test_stock_metrics_are_stock_lm_evals_item_by_item(data_folder: Path, tmp_path: Path) -> None:
    items = docs("gsm8k")[:CASES]
    first = canned(items)
    responses = [[text, f"{text} and 7", "The answer is 3."] for text in first]
    theirs = evaluated(stock(data_folder, tmp_path, 3), responses)
    mine = sorted(evaluated(ours(3), responses), key=lambda sample: sample["doc_id"])
    assert len(mine) == CASES
    for name, metric in (("strict-match", "stock_strict_match"), ("flexible-extract", "stock_flexible_extract")):
        expected = by_filter(theirs, name)
        assert [sample[metric] for sample in mine] == expected
        assert 0.1 < sum(expected) / CASES < 0.9, "the wordings should exercise both outcomes"
        assert [score(item, text).metrics[metric] for item, text in zip(items, first, strict=True)] == expected


@needs_data("gsm8k")
def test_the_benchmarks_own_answers_are_all_right() -> None:
    for item in docs("gsm8k"):
        result = score(item, item["answer"])
        assert result.correct
        assert result.correct_strict
        assert result.metrics["stock_flexible_extract"] == 1


@pytest.mark.parametrize("benchmark", TINY)
def test_tiny_answers_are_right_in_plain_lm_eval_and_a_wrong_one_is_not(benchmark: str) -> None:
    items = docs(benchmark)[:120]
    said = [item["answer"] for item in items]
    wrong, mute = 17, 18
    said[wrong] = re.sub(r"#### (\d+)", lambda gold: f"#### {int(gold.group(1)) + 1}", said[wrong])
    said[mute] = "What?"
    samples = sorted(evaluated(ours(name=f"rv_{benchmark}"), [[text] for text in said]), key=lambda s: s["doc_id"])
    assert [sample["doc"] for sample in samples] == items  # every field, in the published order
    right = [float(index not in (wrong, mute)) for index in range(120)]
    assert [sample["exact_match"] for sample in samples] == right
    assert [sample["exact_match_strict"] for sample in samples] == right
    assert [sample["extraction_failed"] for sample in samples] == [float(index == mute) for index in range(120)]


def test_options_are_answered_by_value() -> None:
    for item in docs("tiny_choice"):
        assert target(item) == item["options"][item["gold"]]
        assert score(item, f"#### {item['options'][item['gold']]}").correct
        assert not any(score(item, f"#### {wrong}").correct for wrong in other_options(item))
        assert score(item, f"#### {'ABCD'[item['gold']]}").extraction_failed


def other_options(item: dict[str, Any]) -> list[str]:
    return [option for index, option in enumerate(item["options"]) if index != item["gold"]]


def test_the_stock_task_is_the_one_we_know() -> None:
    """When lm-eval changes its filters, our stock metrics follow; whoever moves the range shall notice."""
    parts = stock_tasks.scoring(gsm8k.STOCK_TASK)
    assert list(parts.filters) == ["strict-match", "flexible-extract"]
    assert [
        step().__dict__.get("regex_pattern") for ensemble in parts.filters.values() for step in ensemble.filters
    ] == [
        "The answer is (\\-?[0-9\\.\\,]+).",
        None,
        "(-?[$0-9.,]{2,})|(-?[0-9]+)",
        None,
    ]
    assert parts.arguments == {
        "ignore_case": True,
        "ignore_punctuation": False,
        "regexes_to_ignore": [",", "\\$", "(?s).*#### ", "\\.$"],
    }


def test_a_short_cut_spares_only_what_can_not_match() -> None:
    """The quadratic regex is skipped for long predictions; where it is not skipped, and where it is, stock agrees."""
    parts = stock_tasks.scoring(gsm8k.STOCK_TASK)
    rng = Random(1)
    for _ in range(300):
        prediction = "".join(rng.choice("$,.10#8 ") for _ in range(rng.randint(0, 24)))
        answer = rng.choice(["#### 1,018", "Sum.\n#### 10", "1", "#### 0", ""])
        assert gsm8k.stock_match(parts, prediction, answer) == parts.matches(prediction, answer)
    with at_most():
        assert set(gsm8k.stock_metrics(DOC, long("1")).values()) == {0.0}


def test_one_response() -> None:
    result = score(DOC, "The answer is $1,018.")
    assert (result.extracted, result.correct) == ("1018", True)
    assert (result.extracted_strict, result.correct_strict) == (None, False)
    assert not result.extraction_failed
    assert result.metrics == {"stock_strict_match": 0.0, "stock_flexible_extract": 1.0}, "stock's strict knows no $"
    assert score(TINY_DOC, "#### 1018").metrics == {}
    assert score(TINY_DOC, "no idea").extraction_failed


def test_samples_are_averaged_but_stock_takes_the_first() -> None:
    said = ["The answer is 1018.", "#### 1,018", "7", "none"]
    expected = {"exact_match": 0.5, "exact_match_strict": 0.25, "extraction_failed": 0.25}
    stock_first = {"stock_strict_match": 1.0, "stock_flexible_extract": 1.0}
    assert results(DOC, [said]) == expected | stock_first
    assert results(TINY_DOC, [said]) == expected
    assert results(DOC, said[:1]) == results(DOC, [said[:1]])


def test_the_target_is_the_gold_number() -> None:
    assert target(DOC) == "1018"


@needs_data("gsm8k")
def test_documents_keep_upstream_fields_and_order_whatever_metadata_says() -> None:
    made = hooks.items(version=1.0, rv_benchmark="gsm8k", rv_seed=3, seed=4)
    assert {split: len(rows) for split, rows in made.items()} == {"test": 1319, "train": 7473}
    upstream = load("gsm8k")
    kept = [{name: doc[name] for name in record} for doc, record in zip(made["test"], upstream, strict=True)]
    assert kept == upstream
    assert not any(doc["rv_changed"] or doc["rv_left_alone"] for doc in made["test"])


def test_what_a_yaml_names_is_a_plain_function_of_an_installed_module() -> None:
    """lm-eval dumps them with inspect.getsource: a partial or a closure would be dumped as an address."""
    named = {
        name
        for path in (REPOSITORY / "tasks").rglob("*.yaml")
        for name in re.findall(r"!function ([\w.]+)", path.read_text(encoding="utf-8"))
    }
    assert named == {f"rveval.benchmarks.hooks.{name}" for name in ("items", "results", "code_outcomes")}
    for name in named:
        module, _, function = name.rpartition(".")
        found = getattr(importlib.import_module(module), function)
        assert inspect.getsource(found).startswith(f"def {function}(")


@needs_data("bbh")
def test_every_bbh_target_is_right_and_the_three_without_a_letter_are_answered_by_their_text() -> None:
    lone = []
    for source in (name for name in benchmarks.names() if name.startswith("bbh_")):
        for doc in docs(source):
            said = score(doc, f"#### {target(doc)}")
            assert said.correct, doc["item_id"]
            assert said.correct_strict
            lone += [doc] if doc.get("gold") == -1 else []
    assert len(lone) == 3
    for doc in lone:
        assert score(doc, f"I would say {doc['target']}.").correct
        assert not score(doc, "#### (A)").correct
        assert not score(doc, "").correct
        assert score(doc, "").extraction_failed
