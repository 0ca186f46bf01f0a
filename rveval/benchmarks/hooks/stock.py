"""What tasks/stock names for lm-eval: our items for its own tasks, and its own scoring of one response.

The prompts, filters and metrics of these tasks are lm-eval's. Only HumanEval's answers are run by us: lm-eval would run
them unconfined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rveval import benchmarks
from rveval.benchmarks.hooks.programs import outcomes
from rveval.benchmarks.hooks.scores import Score
from rveval.errors import Problem, Refused

if TYPE_CHECKING:
    from datasets import Dataset

Doc = Mapping[str, Any]
_NOTHING = ("[invalid]", "")
"""What lm-eval's filters return where they find nothing."""


def items(**metadata: Any) -> dict[str, Dataset]:
    """Every stock task's `custom_dataset`: all splits of a benchmark, as published.

    Args:
        metadata: `rv_benchmark` ("stock_gsm8k", ...); `rv_sandbox` for HumanEval; the rest is not read.

    Raises:
        Refused: a benchmark that can't be loaded, or a family, which would no longer be lm-eval's own prompt.
    """
    from datasets import Dataset

    source = str(metadata["rv_benchmark"])
    return {split: Dataset.from_list(records(source, split, metadata)) for split in benchmarks.splits(source)}


def records(source: str, split: str, metadata: Mapping[str, Any], limit: int | None = None) -> list[dict[str, Any]]:
    """The documents of one split, as `items` has them; only the first ones with `limit`."""
    families = metadata.get("rv_families", "clean") or "clean"
    if families != "clean":
        what = "lm-eval's own prompts are kept as they are, no family applies to them"
        raise Refused(Problem(what, "rv_families", "clean", str(families), f"ask rv_{source.removeprefix('stock_')}"))
    added: dict[str, Any] = {"rv_source": source, "rv_families": "clean", "rv_draw": int(metadata.get("rv_draw", 0))}
    added |= {"rv_changed": False, "rv_left_alone": ""}
    if source == "stock_humaneval":
        added["rv_sandbox"] = str(metadata.get("rv_sandbox", "bwrap"))
    return [record | added for record in benchmarks.load(source, split)[:limit]]


def score(doc: Doc, response: str) -> Score:
    """What lm-eval's task gives one response: its filter flexible-extract as the flexible reading, strict-match as the
    strict one.

    Not for SciQ, whose options are scored by their likelihood. HumanEval has one reading, the response as the stub's
    continuation.

    Raises:
        Refused: the sandbox that the document names is not there.
    """
    source = str(doc["rv_source"])
    if source == "stock_humaneval":
        program = _prediction(doc, response)
        outcome = outcomes([doc], [program])[0]
        why = f"{outcome.reason}: {outcome.detail}".removesuffix(": ")
        return Score(program, outcome.passed, program, outcome.passed, False, {"pass@1": float(outcome.passed)}, why)
    task = _scoring(source)
    strict, flexible = (task.filtered(name, doc, response) for name in ("strict-match", "flexible-extract"))
    return Score(
        extracted=None if flexible in _NOTHING else flexible,
        correct=task.matches(flexible, target(doc)),
        extracted_strict=None if strict in _NOTHING else strict,
        correct_strict=task.matches(strict, target(doc)),
        extraction_failed=flexible in _NOTHING,
    )


def target(doc: Doc) -> str:
    """The right answer as lm-eval's task has it."""
    field = {"stock_gsm8k": "answer", "stock_sciq": "correct_answer", "stock_humaneval": "canonical_solution"}
    return str(doc[field.get(str(doc["rv_source"]), "target")])


def predictions(resps: Sequence[Sequence[str]], docs: Sequence[Doc]) -> list[list[str]]:
    """Stock HumanEval's filter: the stub and its continuation. All are run here, over all cores; `code_results` then
    finds how each ended.
    """
    made = [[_prediction(doc, response) for response in of_one] for of_one, doc in zip(resps, docs, strict=True)]
    repeated = [doc for doc, of_one in zip(docs, made, strict=True) for _ in of_one]
    outcomes(repeated, [program for of_one in made for program in of_one])
    return made


def code_results(doc: Doc, results: Sequence[Sequence[str]]) -> dict[str, float]:
    """Stock HumanEval's `process_results`: pass@1 over the samples, by running each with the tests."""
    ended = outcomes([doc] * len(results[0]), results[0])
    return {"pass@1": fmean(outcome.passed for outcome in ended)}


def _prediction(doc: Doc, response: str) -> str:
    return str(doc["prompt"]) + response


@dataclass(frozen=True)
class _Scoring:
    """The parts of one of lm-eval's tasks that turn a response into a score."""

    filters: dict[str, Any]
    metric: Callable[..., dict[str, float]]
    arguments: dict[str, Any]

    def filtered(self, name: str, doc: Doc, response: str) -> str:
        from lm_eval.api.instance import Instance

        instance = Instance(request_type="generate_until", doc=dict(doc), arguments=("", {}), idx=0, resps=[response])
        self.filters[name].apply([instance])
        return str(instance.filtered_resps[name])

    def matches(self, prediction: str, gold: str) -> bool:
        found = self.metric(references=[gold], predictions=[prediction], **self.arguments)
        return bool(found["exact_match"])


@cache
def _scoring(source: str) -> _Scoring:
    """Read from the installed lm-eval, so that what is called stock is what lm-eval would do."""
    from lm_eval.api.registry import get_metric
    from lm_eval.filters import build_filter_ensemble
    from lm_eval.tasks._yaml_loader import load_yaml

    from rveval.benchmarks.hooks.stock_files import STOCK
    from rveval.benchmarks.lm_eval_prompts import tasks_folder

    config = load_yaml(tasks_folder() / STOCK[source])
    (metric,) = config["metric_list"]
    arguments = {key: metric[key] for key in metric if key not in ("metric", "aggregation", "higher_is_better")}
    filters = {
        pipeline["name"]: build_filter_ensemble(
            pipeline["name"],
            [(step["function"], {k: v for k, v in step.items() if k != "function"}) for step in pipeline["filter"]],
        )
        for pipeline in config["filter_list"]
    }
    return _Scoring(filters, get_metric(metric["metric"]), arguments)
