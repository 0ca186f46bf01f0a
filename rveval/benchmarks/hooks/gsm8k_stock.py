"""What lm-eval's own gsm8k_cot_zeroshot gives a response: its filters and its metric, run unchanged."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rveval.errors import Problem, Refused

STOCK_TASK = "gsm8k/gsm8k-cot-zeroshot.yaml"  # below lm_eval/tasks; its task is gsm8k_cot_zeroshot
_STOCK_NAMES = {"strict-match": "stock_strict_match", "flexible-extract": "stock_flexible_extract"}


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
