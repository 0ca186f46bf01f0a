"""A task of lm-eval's as it is asked: a copy whose documents are those of a cell.

lm-eval's own object renders demonstrations, description and clean questions; only a question that a family changed is
taken from the document, and with it the target and choices of options that moved.
"""

from __future__ import annotations

import copy
from typing import Any

from rveval.benchmarks.upstream.find import Ref
from rveval.benchmarks.upstream.load import Doc, load
from rveval.errors import Failed


def task(ref: Ref, name: str, docs: list[Doc], *, num_fewshot: int | None, repeats: int) -> Any:
    """The task under a cell's name, over a cell's documents.

    Args:
        ref: the task.
        name: what lm-eval is to call it.
        docs: of `documents`.
        num_fewshot: None for the task's own number.
        repeats: answers an item.
    """
    loaded = load(ref)
    own = loaded.task
    made = copy.copy(own)
    made._config = copy.copy(own.config)
    if hasattr(own, "sampler"):
        made.sampler = copy.copy(own.sampler)
    made.set_config("task", name)
    made.set_config("repeats", repeats)
    if num_fewshot is not None:
        made.set_config("num_fewshot", num_fewshot)

    def text(doc: Doc, doc_to_text: Any = None) -> Any:
        with loaded.own_code("doc_to_text", doc, Failed):
            return doc["rv_prompt"] if "rv_prompt" in doc else own.doc_to_text(doc, doc_to_text)

    def target(doc: Doc, doc_to_target: Any = None) -> Any:
        with loaded.own_code("doc_to_target", doc, Failed):
            return doc["rv_target"] if "rv_target" in doc else own.doc_to_target(doc, doc_to_target)

    def choice(doc: Doc, doc_to_choice: Any = None) -> Any:
        with loaded.own_code("doc_to_choice", doc, Failed):
            return doc["rv_choices"] if doc.get("rv_choices") else own.doc_to_choice(doc, doc_to_choice)

    made.doc_to_text, made.doc_to_target, made.doc_to_choice = text, target, choice
    made.has_test_docs, made.test_docs = lambda: True, lambda: docs
    return made
