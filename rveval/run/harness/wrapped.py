"""Cells of lm-eval's own tasks: what is asked, and how lm-eval's filters and metrics score it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rveval.benchmarks import Score, upstream
from rveval.config import Config
from rveval.engine import Answer
from rveval.run.cells import Cell
from rveval.run.harness.lm import EngineLM, Taken, Weighed
from rveval.run.suites import Asked
from rveval.store import Sample

Doc = dict[str, Any]


def build(asked: Asked, config: Config) -> Any:
    """The lm-eval task of a cell, over documents under the cell's families."""
    assert asked.wrapped is not None
    docs = upstream.documents(asked.wrapped, asked.families, seed=config.seed, draw=asked.draw, strength=asked.strength)
    return upstream.task(asked.wrapped, asked.task, docs, num_fewshot=config.num_fewshot, repeats=config.n)


def answered(cell: Cell, lm: EngineLM, task: Any, docs: Mapping[int, Doc]) -> None:
    """Note the likeliest of the texts that were scored as the answer: nothing was generated."""
    for doc_id, doc in docs.items():
        weighed = lm.notes.weighed.get((cell.task, doc_id))
        if weighed and (cell.task, doc_id) not in lm.notes.taken:
            lm.notes.taken[cell.task, doc_id].append(_best(weighed, _number_of_texts(task, doc)))


def _number_of_texts(task: Any, doc: Doc) -> int | None:
    """How many of the scored texts are choices; further ones are for comparison, without the prompt."""
    return len(task.doc_to_choice(doc)) if task.config.doc_to_choice is not None else None


def _best(weighed: Sequence[Weighed], texts: int | None) -> Taken:
    best = weighed[upstream.likeliest([(one.logprob, one.greedy) for one in weighed[:texts]])]
    return Taken(best.prompt, best.n_prompt_tokens, Answer(best.text, (), "stop", best.logprob))


def scores(cell: Cell, lm: EngineLM, task: Any, answers: Sequence[tuple[Doc, int, Taken]]) -> list[tuple[Score, str]]:
    """Each answer's score and right answer.

    Args:
        cell: what was asked.
        lm: what was answered.
        task: as `build` made it.
        answers: documents with their number in the task, and an answer each.
    """
    assert cell.asked.wrapped is not None
    loaded = upstream.load(cell.asked.wrapped)
    found = upstream.score(
        loaded,
        task,
        [doc for doc, _, _ in answers],
        [_returned(lm.notes.weighed.get((cell.task, doc_id)), taken) for _, doc_id, taken in answers],
    )
    return [(score, _target(loaded, task, doc)) for (doc, _, _), score in zip(answers, found, strict=True)]


def remarks(cell: Cell, samples: Sequence[Sample]) -> list[str]:
    """What of lm-eval's own metrics the record does not show."""
    if cell.asked.wrapped is None:
        return []
    return upstream.not_kept(upstream.load(cell.asked.wrapped), [sample["metrics"] for sample in samples])


def _returned(weighed: Sequence[Weighed] | None, taken: Taken) -> list[Any]:
    return [(one.logprob, one.greedy) for one in weighed] if weighed else [taken.answer.text]


def _target(loaded: upstream.Loaded, task: Any, doc: Doc) -> str:
    if "rv_target" not in doc:
        return loaded.target(doc)
    found = doc["rv_target"]
    return str(task.doc_to_choice(doc)[found] if isinstance(found, int) else found)
