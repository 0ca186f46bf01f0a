"""A task built by lm-eval, with its documents: what planning counts and hashes, and what the harness asks.

Building imports lm-eval and reads the task's data, so it is done for tasks of others only, once a process.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rveval.benchmarks import yaml_files
from rveval.benchmarks.upstream.find import Ref
from rveval.errors import Problem, Refused, RvevalError

Doc = dict[str, Any]
_FIELDS_OF_GROUPS = ("tag", "group", "task_list")


@dataclass(frozen=True)
class Loaded:
    """A task of lm-eval's.

    Args:
        ref: what it was built from.
        task: lm-eval's object, never changed; who asks copies it.
        docs: the documents that are asked, in their order, with `rv_item_id`.
        shots: demonstrations that its file asks for.
    """

    ref: Ref
    task: Any = field(repr=False)
    docs: tuple[Doc, ...] = field(repr=False)
    shots: int

    @property
    def kind(self) -> str:
        """lm-eval's output type: generate_until, multiple_choice, loglikelihood, loglikelihood_rolling."""
        return str(self.task.OUTPUT_TYPE)

    def prompt(self, doc: Doc) -> str:
        """The question of a document as the task renders it, without description and demonstrations."""
        with self.own_code("doc_to_text", doc):
            text = self.task.doc_to_text(doc)
        return self.choices(doc)[text] if isinstance(text, int) else str(text)

    def whole_prompt(self, doc: Doc) -> str:
        """The question that a document of a cell is asked with, and the description before it."""
        description = self.task.resolve_field(doc, self.task.config.description) or ""
        return f"{description}{doc.get('rv_prompt') or self.prompt(doc)}"

    def choices(self, doc: Doc) -> list[str]:
        """What a multiple-choice task scores; empty where it names nothing."""
        with self.own_code("doc_to_choice", doc):
            return list(self.task.doc_to_choice(doc)) if self.task.config.doc_to_choice is not None else []

    def target(self, doc: Doc) -> str:
        """The right answer as text; of several right ones the first."""
        target = self.raw_target(doc)
        target = target[0] if isinstance(target, list) and target else target
        choices = self.choices(doc)
        is_place = isinstance(target, int) and not isinstance(target, bool) and 0 <= target < len(choices)
        return str(choices[target]) if is_place else str(target)

    def raw_target(self, doc: Doc) -> Any:
        """What the task says is right: a text, the place of a choice, or several of them."""
        with self.own_code("doc_to_target", doc):
            return self.task.doc_to_target(doc)

    @contextmanager
    def own_code(self, what: str, doc: Mapping[str, Any], raises: type[RvevalError] = Refused) -> Iterator[None]:
        """Where code of the task's runs on a document: what it raises becomes an error (`raises`) that names both."""
        try:
            yield
        except RvevalError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
            where = f"{doc.get('rv_item_id', self.ref.name)}, {self.ref.path}"
            raise raises(Problem(f"the task's {what} failed: {said}", where, fix="mend the task")) from error


_built: dict[tuple[Ref, str], Loaded | Refused] = {}


def load(ref: Ref) -> Loaded:
    """The task of a reference.

    Raises:
        Refused: lm-eval can't build it, or its data can't be loaded.
    """
    key = (ref, yaml_files.content_hash(ref.path))
    if key not in _built:
        try:
            _built[key] = _build(ref)
        except Refused as error:  # a hub that can't be reached is asked once
            _built[key] = error
    found = _built[key]
    if isinstance(found, Refused):
        raise found
    return found


def _build(ref: Ref) -> Loaded:
    import datasets
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._yaml_loader import load_yaml

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    try:
        _quiet(datasets)
        config = {key: value for key, value in load_yaml(ref.path).items() if key not in _FIELDS_OF_GROUPS}
        metadata = config.get("metadata") if isinstance(config.get("metadata"), dict) else {}
        task = ConfigurableTask(config=config | {"task": ref.name, "metadata": metadata})
        docs = tuple({**doc, "rv_item_id": f"{ref.name}/{number}"} for number, doc in enumerate(task.eval_docs))
    except Exception as error:
        raise Refused(_not_built(ref, error)) from error
    if not docs:
        raise Refused(Problem("the task has no items", where=f"{ref.name}, {ref.path}"))
    return Loaded(ref, task, docs, int(task.config.num_fewshot or 0))


def _not_built(ref: Ref, error: Exception) -> Problem:
    said = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
    if isinstance(error, ConnectionError):
        fix = "run it once where the hub can be reached: what was downloaded is used offline, too"
        return Problem(f"the data of the task can't be loaded: {said}", f"{ref.name}, {ref.path}", fix=fix)
    return Problem(f"lm-eval can't build the task: {said}", f"{ref.name}, {ref.path}", fix="mend the task or its data")


def _quiet(datasets: Any) -> None:
    """No bars, and no cache of `map`: it would hand out what an earlier version of the task's code made."""
    datasets.disable_progress_bars()
    datasets.disable_caching()


def data_hash(ref: Ref) -> str:
    """sha256 over the task's items as canonical JSON."""
    return _sha256(load(ref).docs)


def demonstrations(ref: Ref) -> list[Doc]:
    """What demonstrations are drawn from; empty where there is nothing."""
    return [dict(doc) for doc in getattr(getattr(load(ref).task, "sampler", None), "df", None) or []]


def demonstrations_hash(ref: Ref) -> str:
    """sha256 over what demonstrations are drawn from."""
    return _sha256(demonstrations(ref))


def _sha256(docs: Any) -> str:
    return hashlib.sha256(json.dumps(docs, sort_keys=True, default=str).encode()).hexdigest()


def demonstrations_from_test(loaded: Loaded) -> bool:
    """Whether lm-eval would draw demonstrations from the items that are asked."""
    task = loaded.task
    if task.fewshot_cfg.split is not None:
        return bool(task.fewshot_cfg.split == _asked_split(task))
    if task.fewshot_cfg.samples is not None or task.has_training_docs():
        return False
    return not (task.has_validation_docs() and task.has_test_docs())


def _asked_split(task: Any) -> str | None:
    split = task.config.test_split if task.has_test_docs() else task.config.validation_split
    return None if split is None else str(split)
