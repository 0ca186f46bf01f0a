"""What tasks/ names for lm-eval: where the items come from, and how a response is scored.

The functions that a YAML names (one a benchmark, and `number_results`) are plain defs, because lm-eval dumps a task's
config with `inspect.getsource`. `score` is the same scoring for rveval's own harness, one response at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rveval import answers, benchmarks
from rveval.errors import Problem, Refused

if TYPE_CHECKING:
    from datasets import Dataset

STOCK_TASK = "gsm8k/gsm8k-cot-zeroshot.yaml"  # below lm_eval/tasks; its task is gsm8k_cot_zeroshot
_STOCK_NAMES = {"strict-match": "stock_strict_match", "flexible-extract": "stock_flexible_extract"}


@dataclass(frozen=True, slots=True)
class Score:
    """One response, scored.

    `extracted` and `correct` are the flexible reading, `extracted_strict` and `correct_strict` the strict one;
    `metrics` are further per-response numbers in [0, 1] that only some benchmarks have.
    """

    extracted: str | None
    correct: bool
    extracted_strict: str | None
    correct_strict: bool
    extraction_failed: bool
    metrics: dict[str, float] = field(default_factory=dict)


def gsm8k(**metadata: Any) -> dict[str, Dataset]:
    """GSM8K for lm-eval's `custom_dataset`: test and train, in the published order."""
    return _splits("gsm8k", ("test", "train"))


def tiny_math(**metadata: Any) -> dict[str, Dataset]:
    """The tiny family's word problems of one to four steps: test, validation and train, as all its benchmarks."""
    return _splits("tiny_math", benchmarks.TINY_COUNTS)


def tiny_choice(**metadata: Any) -> dict[str, Dataset]:
    """The same kind of problems with four options, answered by value."""
    return _splits("tiny_choice", benchmarks.TINY_COUNTS)


def tiny_order(**metadata: Any) -> dict[str, Dataset]:
    """The second skill: put four to seven numbers in order and answer a question on them."""
    return _splits("tiny_order", benchmarks.TINY_COUNTS)


def tiny_long(**metadata: Any) -> dict[str, Dataset]:
    """Word problems of four to six steps."""
    return _splits("tiny_long", benchmarks.TINY_COUNTS)


def number_results(doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, float]:
    """lm-eval's `process_results` for a benchmark whose answer is a number.

    Args:
        doc: the item; its `item_id` says which benchmark it is from.
        results: what lm-eval hands over for one request: [[response, ...]] with k samples from a filter that keeps
            all, [response] from one that takes the first.

    Returns:
        exact_match (the flexible reading), exact_match_strict and extraction_failed, each the mean over the samples.
        Stock's metrics read the first sample only, as stock lm-eval does.
    """
    responses = results[0] if isinstance(results[0], list) else list(results)
    benchmark = str(doc["item_id"]).split("/")[0]
    scores = [score(benchmark, doc, response) for response in responses]
    return {
        "exact_match": fmean(s.correct for s in scores),
        "exact_match_strict": fmean(s.correct_strict for s in scores),
        "extraction_failed": fmean(s.extraction_failed for s in scores),
        **scores[0].metrics,
    }


def score(benchmark: str, doc: Mapping[str, Any], response: str) -> Score:
    """Score one response to one item.

    Raises:
        Refused: the benchmark has no scorer.
    """
    if benchmark not in _SCORERS:
        known = ", ".join(_SCORERS)
        raise Refused(Problem("no scorer for this benchmark", where=benchmark, expected=f"one of {known}"))
    return _SCORERS[benchmark](doc, response)


def target(benchmark: str, doc: Mapping[str, Any]) -> str:
    """The right answer in the spelling that `score` compares with."""
    return answers.gold_number(doc["answer"])


def stock_metrics(doc: Mapping[str, Any], response: str) -> dict[str, float]:
    """What lm-eval's own gsm8k_cot_zeroshot gives this response: its filters and its metric, run on it unchanged.

    Both filters of that task end in take_first, so with k samples only the first decides; callers pass that one.
    """
    from lm_eval.api.instance import Instance

    stock = _stock()
    instance = Instance(request_type="generate_until", doc=dict(doc), arguments=("", {}), idx=0, resps=[response])
    scores = {}
    for ensemble in stock.filters:
        ensemble.apply([instance])
        prediction = instance.filtered_resps[ensemble.name]
        scores[_STOCK_NAMES[ensemble.name]] = _stock_match(stock, prediction, doc["answer"])
    return scores


@dataclass(frozen=True)
class _Stock:
    """The parts of lm-eval's task that turn a response into a score."""

    filters: tuple[Any, ...]
    exact_match: Callable[..., dict[str, float]]
    arguments: dict[str, Any]


@cache
def _stock() -> _Stock:
    """Read from the installed lm-eval's YAML, so that what is called stock is what lm-eval would do."""
    import lm_eval.tasks
    import yaml
    from lm_eval.api.registry import get_metric
    from lm_eval.filters import build_filter_ensemble

    config = yaml.safe_load((Path(lm_eval.tasks.__file__).parent / STOCK_TASK).read_text(encoding="utf-8"))
    (metric,) = config["metric_list"]
    arguments = {key: metric[key] for key in metric if key not in ("metric", "aggregation", "higher_is_better")}
    filters = tuple(
        build_filter_ensemble(
            pipeline["name"],
            [(step["function"], {k: v for k, v in step.items() if k != "function"}) for step in pipeline["filter"]],
        )
        for pipeline in config["filter_list"]
    )
    exact_match = get_metric(metric["metric"])
    if exact_match is None or {ensemble.name for ensemble in filters} != set(_STOCK_NAMES):
        raise Refused(Problem("lm-eval's gsm8k_cot_zeroshot is not the task that rveval knows", where=STOCK_TASK))
    return _Stock(filters, exact_match, arguments)


def _stock_match(stock: _Stock, prediction: str, answer: str) -> float:
    """Stock's exact_match of one prediction.

    One of its regexes takes time quadratic in the length of the prediction, which a model that repeats a digit
    makes long. All that stock removes from a prediction without '#' are commas, dollars and one period, so if what is
    left is longer than the whole answer the two can't be equal, and it need not be asked.
    """
    if "#" not in prediction and len(re.sub("[,$]", "", prediction)) > len(answer) + 1:
        return 0.0
    return float(stock.exact_match(references=[answer], predictions=[prediction], **stock.arguments)["exact_match"])


def _score_number(doc: Mapping[str, Any], response: str) -> Score:
    reading = answers.read_number(response)
    gold = answers.gold_number(doc["answer"])
    return Score(
        extracted=reading.flexible,
        correct=answers.same_number(reading.flexible, gold),
        extracted_strict=reading.strict,
        correct_strict=answers.same_number(reading.strict, gold),
        extraction_failed=reading.failed,
    )


def _score_gsm8k(doc: Mapping[str, Any], response: str) -> Score:
    return replace(_score_number(doc, response), metrics=stock_metrics(doc, response))


_SCORERS: dict[str, Callable[[Mapping[str, Any], str], Score]] = {
    "gsm8k": _score_gsm8k,
    **dict.fromkeys(benchmarks.TINY, _score_number),
}


def _splits(benchmark: str, splits: Iterable[str]) -> dict[str, Dataset]:
    """In memory, never through `Dataset.map`: its cache would hand out the text of another seed."""
    from datasets import Dataset

    return {split: Dataset.from_list(benchmarks.load(benchmark, split)) for split in splits}
