"""Cells of lm-eval's own tasks: what is asked, and how lm-eval's filters and metrics score it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rveval.benchmarks import Score, upstream
from rveval.engine import Answer
from rveval.run.cells import Cell
from rveval.run.harness.lm import EngineLM, Reply, ScoredText
from rveval.run.suites import Asked
from rveval.store import Sample

Doc = dict[str, Any]
Returned = list[Any]
"""What a model returned for a document: one text, or (log-likelihood, whether greedy) for every text that is scored."""


def build(asked: Asked, seed: int, num_fewshot: int | None, repeats: int) -> Any:
    """The lm-eval task of a cell, over documents under the cell's families."""
    assert asked.wrapped is not None
    docs = upstream.documents(asked.wrapped, asked.families, seed=seed, draw=asked.draw, strength=asked.strength)
    return upstream.task(asked.wrapped, asked.task, docs, num_fewshot=num_fewshot, repeats=repeats)


def take_likeliest(cell: Cell, lm: EngineLM, task: Any, docs: Mapping[int, Doc]) -> None:
    """Note the likeliest of the texts that were scored as the answer: nothing was generated."""
    for doc_id, doc in docs.items():
        texts = lm.transcript.scored.get((cell.task, doc_id))
        if texts and (cell.task, doc_id) not in lm.transcript.replies:
            lm.transcript.replies[cell.task, doc_id].append(_likeliest(texts, _number_of_choices(task, doc)))


def _number_of_choices(task: Any, doc: Doc) -> int | None:
    """How many of the scored texts are choices; further ones are for comparison, without the prompt."""
    return len(task.doc_to_choice(doc)) if task.config.doc_to_choice is not None else None


def _likeliest(texts: Sequence[ScoredText], choices: int | None) -> Reply:
    best = texts[upstream.likeliest([(text.logprob, text.greedy) for text in texts[:choices]])]
    return Reply(best.prompt, best.n_prompt_tokens, Answer(best.text, (), "stop", best.logprob))


def scores(asked: Asked, task: Any, docs: Sequence[Doc], returned: Sequence[Returned]) -> list[tuple[Score, str]]:
    """Each answer's score and right answer.

    Args:
        asked: what was asked.
        task: as `build` made it.
        docs: a document an answer.
        returned: what the model returned for each.
    """
    assert asked.wrapped is not None
    loaded = upstream.load(asked.wrapped)
    found = upstream.score(loaded, task, docs, returned)
    return [(score, _target(loaded, task, doc)) for doc, score in zip(docs, found, strict=True)]


def remarks(asked: Asked, samples: Sequence[Sample]) -> list[str]:
    """What of lm-eval's own metrics the record does not show."""
    if asked.wrapped is None:
        return []
    return upstream.not_kept(upstream.load(asked.wrapped), [sample["metrics"] for sample in samples])


def _target(loaded: upstream.Loaded, task: Any, doc: Doc) -> str:
    if "rv_target" not in doc:
        return loaded.target(doc)
    found = doc["rv_target"]
    return str(task.doc_to_choice(doc)[found] if isinstance(found, int) else found)
