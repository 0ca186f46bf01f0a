"""From an answer to a line of samples.jsonl, and from lines to a cell's metrics and signs of illness."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from rveval import answers, benchmarks, stats
from rveval.benchmarks import Score
from rveval.engine import Answer
from rveval.run.cells import Cell
from rveval.run.harness import wrapped
from rveval.run.harness.lm import Reply, ScoredText
from rveval.run.suites import Asked
from rveval.store import Sample

_LONGEST_PERIOD = 32
_REPEATS = 4

SIGNS = ("nonfinite_logprob", "empty", "repetition", "truncated", "unclosed_thinking")
"""What shows that a variant is broken rather than wrong: counted and shown, never averaged away."""


def line(
    cell: Cell, seed: int, doc_id: int, doc: Mapping[str, Any], number: int, reply: Reply, tokenizer: Any
) -> Sample:
    """One sample: one answer to one item, not yet scored (`scored`)."""
    answer = reply.answer
    return Sample(
        item_id=item_id(doc),
        doc_id=doc_id,
        benchmark=cell.asked.benchmark,
        family=cell.asked.families,
        draw=cell.asked.draw,
        seed=seed,
        sample_index=number,
        prompt=reply.prompt,
        response=answer.text,
        thinking="",
        extracted=None,
        correct=False,
        extracted_strict=None,
        correct_strict=False,
        target="",
        extraction_failed=True,
        finish_reason=answer.finish_reason,
        stop_reason=_stop_reason(answer, tokenizer),
        n_prompt_tokens=reply.n_prompt_tokens,
        n_output_tokens=len(answer.tokens),
        n_thinking_tokens=0,
        mean_logprob=_mean_logprob(answer.logprob, len(answer.tokens)),
        signs=signs(answer.text, answer.tokens, answer.finish_reason, answer.logprob),
        metrics={},
        changed=bool(doc["rv_changed"]),
        left_alone=str(doc["rv_left_alone"]),
        why="",
    )


def item_id(doc: Mapping[str, Any]) -> str:
    """The id of a document's item."""
    return str(doc.get("rv_item_id") or doc["item_id"])


def loglikelihoods(texts: Sequence[ScoredText]) -> list[tuple[float | str, bool]]:
    """What a line keeps of texts that were scored; a number that JSON has no word for is kept as text."""
    return [(text.logprob if math.isfinite(text.logprob) else str(text.logprob), text.greedy) for text in texts]


def scored(
    asked: Asked,
    task: Any,
    docs: Mapping[int, dict[str, Any]],
    samples: Sequence[Sample],
    count_tokens: Callable[[str], int],
) -> list[Sample]:
    """Samples, fresh or stored, with their scores; programs are run all at once.

    Args:
        asked: the task.
        task: lm-eval's own, where it is one (`wrapped.build`).
        docs: by their number in the task.
        samples: with their responses.
        count_tokens: the number of tokens of a text.

    Raises:
        Refused: the sandbox that the documents name is not there.
    """
    of_samples = [docs[sample["doc_id"]] for sample in samples]
    if asked.wrapped:
        scores = wrapped.scores(asked, task, of_samples, [_returned(sample) for sample in samples])
    else:
        benchmarks.run_code(of_samples, [sample["response"] for sample in samples])
        scores = [
            (benchmarks.score(doc, sample["response"]), benchmarks.target(doc))
            for doc, sample in zip(of_samples, samples, strict=True)
        ]
    return [_with_score(sample, *found, count_tokens) for sample, found in zip(samples, scores, strict=True)]


def _returned(sample: Sample) -> wrapped.Returned:
    texts = sample.get("loglikelihoods")
    return [(float(logprob), greedy) for logprob, greedy in texts] if texts else [sample["response"]]


def _with_score(sample: Sample, score: Score, target: str, count_tokens: Callable[[str], int]) -> Sample:
    parts = answers.take_apart(sample["response"])
    known = parts.thinking == sample["thinking"]
    unclosed = {"unclosed_thinking"} if parts.unclosed else set()
    shown = {*sample["signs"]} - {"unclosed_thinking"} | unclosed
    return sample | {
        "thinking": parts.thinking,
        "n_thinking_tokens": sample["n_thinking_tokens"] if known else count_tokens(parts.thinking),
        "extracted": score.extracted,
        "correct": score.correct,
        "extracted_strict": score.extracted_strict,
        "correct_strict": score.correct_strict,
        "target": target,
        "extraction_failed": score.extraction_failed,
        "signs": [sign for sign in SIGNS if sign in shown],
        "metrics": score.metrics,
        "why": score.why,
    }


def token_counter(tokenizer: Any) -> Callable[[str], int]:
    """Counts the tokens of a text."""
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))


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
        "unclosed_thinking": fmean("unclosed_thinking" in s["signs"] for s in samples),
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
    """The signs that one answer shows by itself, without being read."""
    shown = {
        "nonfinite_logprob": not math.isfinite(logprob),
        "empty": not text.strip(),
        "repetition": repeats(tokens) and finish_reason == "length",
        "truncated": finish_reason == "length",
    }
    return [sign for sign in SIGNS if shown.get(sign)]


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


def _stop_reason(answer: Answer, tokenizer: Any) -> str | None:
    """The stop string or the end token that ended an answer; None where nothing did."""
    if answer.finish_reason != "stop" or not (answer.stop_string or answer.tokens):
        return None
    return answer.stop_string or str(tokenizer.decode([answer.tokens[-1]]))


def _mean_logprob(total: float, tokens: int) -> float | None:
    """None where it is not a finite number, which JSON has no word for."""
    return total / tokens if tokens and math.isfinite(total) else None
