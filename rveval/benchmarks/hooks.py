"""What the YAML under tasks/ names for lm-eval: where documents come from, and how responses are scored.

Plain defs, because lm-eval dumps a task's config with `inspect.getsource`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from rveval.benchmarks import registry
from rveval.benchmarks.benchmark import Asking, Benchmark


def items(**metadata: Any) -> Mapping[str, Any]:
    """Every task's `custom_dataset`: all splits of a benchmark, the test split under the task's families.

    A split is made when lm-eval first asks for it: most runs show no demonstrations. Demonstrations come from the other
    splits, which no family touches. In memory, never through `Dataset.map`: its cache would hand out the text of
    another seed.

    Args:
        metadata: the task's own, and what `lm_eval --metadata` or rveval's harness adds: `rv_benchmark`, `rv_families`
            ("clean", or families joined by "+"), `rv_seed`, `rv_draw`, `rv_strength`, `rv_sandbox`. The rest is not
            ours and is not read.

    Returns:
        A `datasets.Dataset` a split.

    Raises:
        Refused: a benchmark that can't be loaded, a family that does not apply.
    """
    return _Splits(registry.get(str(metadata["rv_benchmark"])), Asking.of(metadata))


class _Splits(Mapping[str, Any]):
    def __init__(self, benchmark: Benchmark, asking: Asking) -> None:
        self._benchmark, self._asking = benchmark, asking
        self._made: dict[str, Any] = {}

    def __getitem__(self, split: str) -> Any:
        from datasets import Dataset

        if split not in self._made:
            self._made[split] = Dataset.from_list(self._benchmark.documents(split, self._asking))
        return self._made[split]

    def __iter__(self) -> Iterator[str]:
        return iter(self._benchmark.splits)

    def __len__(self) -> int:
        return len(self._benchmark.splits)


def results(doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, float]:
    """Every task's `process_results`.

    Args:
        doc: the document.
        results: what lm-eval hands over for one request: [[response, ...]] with k samples from a filter that keeps
            all, [response] from one that takes the first.

    Returns:
        exact_match (the flexible reading), exact_match_strict and extraction_failed, each the mean over the samples.
        For code also pass@1 (the same mean, by the unbiased estimator with k = 1) and pass@k, whether any of the
        samples passed. Stock's metrics read the first sample only, as stock lm-eval does.
    """
    responses = results[0] if isinstance(results[0], list) else list(results)
    benchmark = registry.get(str(doc["rv_source"]))
    scores = [benchmark.score(doc, response) for response in responses]
    means = {
        "exact_match": fmean(score.correct for score in scores),
        "exact_match_strict": fmean(score.correct_strict for score in scores),
        "extraction_failed": fmean(score.extraction_failed for score in scores),
    }
    if benchmark.reads_code:
        return means | {"pass@1": means["exact_match"], "pass@k": float(any(score.correct for score in scores))}
    return means | scores[0].metrics


def code_outcomes(resps: Sequence[Sequence[str]], docs: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The filter of tasks whose responses are programs: it sees them all at once, and runs them over all cores.

    The responses stay as they are; `results` then asks for each how it ended, which is known by then.
    """
    kept = [list(of_doc) for of_doc in resps]
    repeated = [doc for doc, of_doc in zip(docs, kept, strict=True) for _ in of_doc]
    registry.run_code(repeated, [response for of_doc in kept for response in of_doc])
    return kept
