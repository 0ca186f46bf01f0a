"""From an answer to a line of samples.jsonl, and from lines to a cell's metrics and signs of illness."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from rveval import stats
from rveval.benchmarks import Score
from rveval.run.cells import Cell
from rveval.run.harness.lm import Taken
from rveval.store import Sample

_LONGEST_PERIOD = 32
_REPEATS = 4

SIGNS = ("nonfinite_logprob", "empty", "repetition", "truncated")
"""What shows that a variant is broken rather than wrong: counted and shown, never averaged away."""


def line(
    cell: Cell, seed: int, doc_id: int, doc: dict[str, Any], number: int, taken: Taken, score: Score, target: str
) -> Sample:
    """One sample: one answer to one item, scored both ways."""
    answer = taken.answer
    return Sample(
        item_id=str(doc.get("rv_item_id") or doc["item_id"]),
        doc_id=doc_id,
        benchmark=cell.asked.benchmark,
        family=cell.asked.families,
        draw=cell.asked.draw,
        seed=seed,
        sample_index=number,
        prompt=taken.prompt,
        response=answer.text,
        extracted=score.extracted,
        correct=score.correct,
        extracted_strict=score.extracted_strict,
        correct_strict=score.correct_strict,
        target=target,
        extraction_failed=score.extraction_failed,
        finish_reason=answer.finish_reason,
        n_prompt_tokens=taken.n_prompt_tokens,
        n_output_tokens=len(answer.tokens),
        mean_logprob=_mean_logprob(answer.logprob, len(answer.tokens)),
        signs=signs(answer.text, answer.tokens, answer.finish_reason, answer.logprob),
        metrics=score.metrics,
        changed=bool(doc["rv_changed"]),
        left_alone=str(doc["rv_left_alone"]),
        why=score.why,
    )


def metrics(samples: Sequence[Sample]) -> dict[str, float]:
    """Shares over all samples, under the names of the interface.

    Stock's metrics are over the first sample of each item, as lm-eval's own filters have them. Code also has pass@k,
    for k = 1 and for k in powers of two up to the number of samples an item.
    """
    first = [sample for sample in samples if sample["sample_index"] == 0]
    found = {
        "exact_match": fmean(s["correct"] for s in samples),
        "exact_match_strict": fmean(s["correct_strict"] for s in samples),
        "extraction_failed": fmean(s["extraction_failed"] for s in samples),
        "truncated": fmean(s["finish_reason"] == "length" for s in samples),
    }
    names = dict.fromkeys(name for sample in first for name in sample["metrics"])
    found |= {name: fmean(s["metrics"][name] for s in first if name in s["metrics"]) for name in names}
    return found | (_pass_at(samples) if "pass@1" in found else {})


def _pass_at(samples: Sequence[Sample]) -> dict[str, float]:
    passed: dict[str, list[bool]] = defaultdict(list)
    for sample in samples:
        passed[sample["item_id"]].append(sample["correct"])
    n = len(next(iter(passed.values())))
    ks = sorted({1, n, *(k for k in (2, 4, 8, 16, 32, 64, 128) if k <= n)})
    return {f"pass@{k}": fmean(stats.pass_at_k(n, sum(of_item), k) for of_item in passed.values()) for k in ks}


def left_alone(samples: Sequence[Sample]) -> dict[str, int]:
    """How many items a family left alone, wholly or in part, by its reason."""
    first = [sample for sample in samples if sample["sample_index"] == 0]
    return dict(Counter(sample["left_alone"] for sample in first if sample["left_alone"]))


def health(samples: Sequence[Sample]) -> dict[str, int]:
    """How many samples show each sign; a sign that none shows is there with 0."""
    counted = Counter(sign for sample in samples for sign in sample["signs"])
    return {sign: counted[sign] for sign in SIGNS}


def signs(text: str, tokens: Sequence[int], finish_reason: str, logprob: float) -> list[str]:
    """The signs that one answer shows."""
    shown = {
        "nonfinite_logprob": not math.isfinite(logprob),
        "empty": not text.strip(),
        "repetition": repeats(tokens) and finish_reason == "length",
        "truncated": finish_reason == "length",
    }
    return [sign for sign in SIGNS if shown[sign]]


def repeats(tokens: Sequence[int]) -> bool:
    """Whether the end is one passage of at most 32 tokens said four times over or more, for at least 16 tokens.

    >>> repeats([5, 6] * 10), repeats(list(range(40)))
    (True, False)
    """
    for period in range(1, _LONGEST_PERIOD + 1):
        size = max(16, _REPEATS * period)
        end = tokens[-size:]
        if len(end) == size and all(end[i] == end[i - period] for i in range(period, size)):
            return True
    return False


def _mean_logprob(total: float, tokens: int) -> float | None:
    """None where it is not a finite number, which JSON has no word for."""
    return total / tokens if tokens and math.isfinite(total) else None
