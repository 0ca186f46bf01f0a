"""How a task of lm-eval's scores answers: by its own filters and metrics, one answer at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from rveval.benchmarks import yaml_files
from rveval.benchmarks.scores import Score
from rveval.benchmarks.upstream.checks import right_or_wrong
from rveval.benchmarks.upstream.find import Ref
from rveval.benchmarks.upstream.load import Doc, Loaded
from rveval.errors import Failed

_NOTHING = ("", "[invalid]")
"""What lm-eval's filters return where they find nothing."""
STRICT = "strict-match"


def score(loaded: Loaded, task: Any, docs: Sequence[Doc], answers: Sequence[Sequence[Any]]) -> list[Score]:
    """Score answers, all at once, because a filter may be slow to start.

    `extracted` and `correct` are what the task's flexible filter (else its first) read, `extracted_strict` and
    `correct_strict` what its strict one did; `metrics` are all of its numbers.

    Args:
        loaded: the task as lm-eval built it.
        task: the task that was asked, whose documents have their own targets.
        docs: for each answer its document.
        answers: for each answer what the model returned for the document's requests: one text where the task
            generates, else (log-likelihood, whether greedy) for every text that it scores.

    Raises:
        Failed: code of the task's raised something.
    """
    from lm_eval.api.instance import Instance

    kind = "generate_until" if loaded.kind == "generate_until" else "loglikelihood"
    made = [
        [Instance(kind, doc, ("", {}), place, resps=[one]) for place, one in enumerate(of_doc)]
        for doc, of_doc in zip(docs, answers, strict=True)
    ]
    for pipeline in task._filters:
        pipeline.apply([instance for of_doc in made for instance in of_doc])
    return [_scored(loaded, task, doc, instances) for doc, instances in zip(docs, made, strict=True)]


def _scored(loaded: Loaded, task: Any, doc: Doc, instances: Sequence[Any]) -> Score:
    names = [pipeline.name for pipeline in task._filters]
    with loaded.own_code("process_results", doc, Failed):
        found = {name: task.process_results(doc, [one.filtered_resps[name] for one in instances]) for name in names}
    flexible, strict = _flexible(names), STRICT if STRICT in names else _flexible(names)
    read = {name: _read(loaded, task, doc, instances, name) for name in (flexible, strict)}
    return Score(
        extracted=read[flexible],
        correct=_right(loaded, found[flexible]),
        extracted_strict=read[strict],
        correct_strict=_right(loaded, found[strict]),
        extraction_failed=read[flexible] is None,
        metrics={
            f"{metric},{name}": float(value)
            for name, of_filter in found.items()
            for metric, value in of_filter.items()
            if metric in averaged(loaded) and _is_number(value)
        },
    )


def _flexible(names: Sequence[str]) -> str:
    """The filter that reads patiently: by name, else the first that is not the strict one."""
    patient = [name for name in names if name.startswith("flexible")]
    return next(iter([*patient, *(name for name in names if name != STRICT), *names]))


def _read(loaded: Loaded, task: Any, doc: Doc, instances: Sequence[Any], name: str) -> str | None:
    """What a filter made of an answer; where texts are scored, the likeliest of them."""
    filtered = [one.filtered_resps[name] for one in instances]
    if loaded.kind == "generate_until":
        first = filtered[0][0] if isinstance(filtered[0], list) and filtered[0] else filtered[0]
        return None if str(first).strip() in _NOTHING else str(first)
    if loaded.kind != "multiple_choice" or task.multiple_input:
        return loaded.target(doc) if filtered[0][1] else None
    texts = task.doc_to_choice(doc)
    return str(texts[likeliest(filtered[: len(texts)])])


def likeliest(scores: Sequence[tuple[float, bool]]) -> int:
    """The place of the highest log-likelihood, the first of equals, as lm-eval's argmax has it."""
    return max(range(len(scores)), key=lambda place: scores[place][0])


def _right(loaded: Loaded, found: dict[str, Any]) -> bool:
    """By the first metric that says so of one answer; a part of a point is not right."""
    for metric in right_or_wrong(loaded):
        if metric in found and _is_number(found[metric]):
            return float(found[metric]) >= 1
    return any(_is_number(value) and float(value) >= 1 for value in found.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (hasattr(value, "item") and not hasattr(value, "__len__"))


def averaged(loaded: Loaded) -> set[str]:
    """The metrics whose mean over items is what lm-eval reports; the others are no numbers of one item."""
    sums = loaded.task.aggregation()
    return {name for name, aggregate in sums.items() if getattr(aggregate, "__name__", "") == "mean"}


def not_kept(loaded: Loaded, metrics: Sequence[Mapping[str, float]]) -> list[str]:
    """What of a task's metrics a reader of our records does not see.

    Args:
        loaded: the task.
        metrics: of every answer.
    """
    count = Counter(name for one in metrics for name, value in one.items() if value not in (0.0, 1.0))
    parts = [f"{name} gave {number} answers a part of a point" for name, number in count.items()]
    found = [f"{', '.join(parts)}: only a whole point counts as right"] if parts else []
    if gone := sorted(set(loaded.task.aggregation()) - averaged(loaded)):
        found.append(f"lm-eval's {', '.join(gone)} is no mean over items and is not kept")
    return found


def scored_by(ref: Ref) -> dict[str, Any]:
    """What scores a task's answers: its own file with its code, and lm-eval's filters and metrics."""
    return {"scorer": ref.name, "scorer_version": yaml_files.content_hash(ref.path), "lm_eval": version("lm_eval")}
