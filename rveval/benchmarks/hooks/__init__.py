"""What tasks/ names for lm-eval: where the items come from, under which families, and how a response is scored.

The functions that a YAML names are plain defs, because lm-eval dumps a task's config with `inspect.getsource`.
`score` is the same scoring for rveval's own harness, one response at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rveval import benchmarks, perturb
from rveval.benchmarks.hooks import documents, scores, stock
from rveval.benchmarks.hooks.scores import Score, run_code
from rveval.errors import Problem, Refused

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["Score", "code_outcomes", "items", "records", "results", "run_code", "score", "target"]


def items(**metadata: Any) -> Mapping[str, Dataset]:
    """Every task's `custom_dataset`: all splits of a benchmark, the test split under the task's families.

    A split is made when lm-eval first asks for it: most runs show no demonstrations.

    Demonstrations come from the other splits, which no family touches. In memory, never through `Dataset.map`: its
    cache would hand out the text of another seed.

    Args:
        metadata: the task's own, and what `lm_eval --metadata` or rveval's harness adds: `rv_benchmark`, `rv_families`
            ("clean", or families joined by "+"), `rv_seed`, `rv_draw`, `rv_strength`, `rv_sandbox`. The rest is not
            ours and is not read.

    Raises:
        Refused: a benchmark that can't be loaded, a family that does not apply.
    """
    return _Splits(str(metadata["rv_benchmark"]), metadata)


class _Splits(Mapping[str, Any]):
    def __init__(self, source: str, metadata: Mapping[str, Any]) -> None:
        self._source, self._metadata = source, metadata
        self._made: dict[str, Dataset] = {}

    def __getitem__(self, split: str) -> Dataset:
        from datasets import Dataset

        if split not in self._made:
            self._made[split] = Dataset.from_list(records(self._source, split, self._metadata))
        return self._made[split]

    def __iter__(self) -> Iterator[str]:
        return iter(benchmarks.splits(self._source))

    def __len__(self) -> int:
        return len(benchmarks.splits(self._source))


def records(source: str, split: str, metadata: Mapping[str, Any], limit: int | None = None) -> list[dict[str, Any]]:
    """The documents of one split, as `items` has them; only the first ones with `limit`."""
    if source.startswith(benchmarks.STOCK):
        return stock.records(source, split, metadata, limit)
    families = _families(metadata) if split == "test" else perturb.CLEAN
    loaded = benchmarks.load(source, split)[:limit]
    clean = [documents.item(source, record) for record in loaded]
    seed, draw = int(metadata.get("rv_seed", 0)), int(metadata.get("rv_draw", 0))
    asked = perturb.perturb(clean, families, seed=seed, draw=draw, strength=metadata.get("rv_strength"))
    made = [
        documents.document(source, record, before, after, families, draw)
        for record, before, after in zip(loaded, clean, asked, strict=True)
    ]
    if source == "humaneval":
        made = [doc | {"rv_sandbox": str(metadata.get("rv_sandbox", "bwrap"))} for doc in made]
    return made


def score(doc: Mapping[str, Any], response: str) -> Score:
    """Score one response to one document."""
    return stock.score(doc, response) if _is_stock(doc) else scores.score(doc, response)


def target(doc: Mapping[str, Any]) -> str:
    """The right answer in the spelling that `score` compares with; for code its own solution."""
    return stock.target(doc) if _is_stock(doc) else scores.target(doc)


def _is_stock(doc: Mapping[str, Any]) -> bool:
    return str(doc["rv_source"]).startswith(benchmarks.STOCK)


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
    scored = [score(doc, response) for response in responses]
    found = {
        "exact_match": fmean(s.correct for s in scored),
        "exact_match_strict": fmean(s.correct_strict for s in scored),
        "extraction_failed": fmean(s.extraction_failed for s in scored),
    }
    if "rv_sandbox" in doc:
        return found | {"pass@1": found["exact_match"], "pass@k": float(any(s.correct for s in scored))}
    return found | scored[0].metrics


def code_outcomes(resps: Sequence[Sequence[str]], docs: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """HumanEval's filter: it sees all responses at once, and runs them over all cores; the responses stay as they are.

    `results` then asks for each how it ended, which is known by then.
    """
    kept = [list(of_one) for of_one in resps]
    repeated = [doc for doc, of_one in zip(docs, kept, strict=True) for _ in of_one]
    run_code(repeated, [response for of_one in kept for response in of_one])
    return kept


def _families(metadata: Mapping[str, Any]) -> str:
    families = metadata.get("rv_families", perturb.CLEAN)
    if not isinstance(families, str):
        raise Refused(Problem("not the name of a family", "rv_families", "text such as typos+hint", repr(families)))
    return families or perturb.CLEAN
