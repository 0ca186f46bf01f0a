"""The prompts of a task as text, without lm-eval: for a plan, which must not take seconds to import."""

from __future__ import annotations

from functools import cache
from typing import Any

from rveval import benchmarks, hooks, task_files
from rveval.suites import Asked


def render(asked: Asked, seed: int, limit: int) -> list[str]:
    """The first prompts of a task, as lm-eval renders them without a chat template and without demonstrations.

    Args:
        asked: the task.
        seed: the seed of families.
        limit: how many at most.
    """
    metadata = {"rv_families": asked.families, "rv_draw": asked.draw, "rv_strength": asked.strength, "rv_seed": seed}
    template = _template(asked.source, "doc_to_text")
    return [template.render(**doc) for doc in hooks.records(asked.source, "test", metadata, limit)]


def demonstrations(source: str, limit: int) -> list[str]:
    """The first of what demonstrations are drawn from, each with its answer; none where there are none."""
    if "train" not in benchmarks.splits(source):
        return []
    text, answer = _template(source, "doc_to_text"), _template(source, "doc_to_target")
    docs = hooks.records(source, "train", {}, limit)
    return [f"{text.render(**doc)} {answer.render(**doc)}" for doc in docs]


def token_limit(source: str) -> int:
    """The task's own limit of tokens an answer."""
    return int(task_files.read(source)["generation_kwargs"]["max_gen_toks"])


@cache
def _template(source: str, key: str) -> Any:
    from jinja2 import BaseLoader, Environment, StrictUndefined

    task = task_files.read(source)
    text = (task.get("fewshot_config") or {}).get(key) if key == "doc_to_target" else None
    environment = Environment(loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["regex_replace"] = _regex_replace
    return environment.from_string(text or task[key])


def _regex_replace(text: str, pattern: str, value: str = "", count: int = 0) -> str:
    import re

    return re.sub(pattern, value, str(text), count=count)
