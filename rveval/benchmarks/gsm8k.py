"""GSM8K: 1,319 word problems, one whole number each (Cobbe et al. 2021, arXiv:2110.14168)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rveval import answers
from rveval.benchmarks import stock
from rveval.benchmarks.benchmark import FORM, Benchmark
from rveval.benchmarks.scores import Doc, Score, number_score
from rveval.benchmarks.source import Record, Source
from rveval.perturb import Item, Traits

STOCK_TASK = "gsm8k/gsm8k-cot-zeroshot.yaml"
_STOCK_METRICS = {"strict-match": "stock_strict_match", "flexible-extract": "stock_flexible_extract"}


def stock_metrics(doc: Mapping[str, Any], response: str) -> dict[str, float]:
    """What lm-eval's own gsm8k_cot_zeroshot gives this response: its filters and its metric, run on it unchanged.

    Both filters of that task end in take_first, so with k samples only the first decides; callers pass that one.
    """
    scoring = stock.scoring(STOCK_TASK)
    return {
        metric: float(stock_match(scoring, scoring.filtered(name, doc, response), doc["answer"]))
        for name, metric in _STOCK_METRICS.items()
    }


def stock_match(scoring: stock.Scoring, prediction: str, answer: str) -> bool:
    """Stock's exact_match of one prediction.

    One of its regexes takes time quadratic in the length of the prediction, which a model that repeats a digit
    makes long. All that stock removes from a prediction without '#' are commas, dollars and one period, so if what is
    left is longer than the whole answer the two can't be equal, and it need not be asked.
    """
    if "#" not in prediction and len(re.sub("[,$]", "", prediction)) > len(answer) + 1:
        return False
    return scoring.matches(prediction, answer)


class _Gsm8k(Benchmark):
    def item(self, record: Record) -> Item:
        instruction = FORM.format(what="the final number")
        return Item(record["item_id"], self.traits, record["question"], record["answer"], instruction=instruction)

    def fields(self, record: Record, item: Item) -> Record:
        return {"question": item.question, "answer": item.answer}

    def score(self, doc: Doc, response: str) -> Score:
        return replace(number_score(self.target(doc), response), metrics=stock_metrics(doc, response))

    def target(self, doc: Doc) -> str:
        return answers.gold_number(doc["answer"])


_GSM8K = _Gsm8k(
    name="gsm8k",
    source=Source(
        name="gsm8k",
        files={"test": "gsm8k/test.jsonl", "train": "gsm8k/train.jsonl"},
        counts={"test": 1319, "train": 7473},
        sha256={
            "test": "13ee343c128dbc3cee820f744d547416974a23f2ea356a454d4aa3376a35bd37",
            "train": "d7258301a8643789aed45c15bbe328bb4ec398fa60c7eb290ba40ccff26cba9c",
        },
        fields=("question", "answer"),
        hub=("openai/gsm8k", "main"),
    ),
    traits=Traits("story"),
    reader="number",
    uses_lm_eval=True,
)
BENCHMARKS = [_GSM8K, stock.Stock.of(_GSM8K, STOCK_TASK, target="answer")]
