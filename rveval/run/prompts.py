"""The prompts of a task as text, without lm-eval: for a plan, which must not take seconds to import."""

from __future__ import annotations

from functools import cache
from typing import Any

from rveval import benchmarks
from rveval.benchmarks import upstream
from rveval.run.suites import Asked

_DEFAULT = 256  # lm-eval's limit of tokens an answer, where a task names none


def render(asked: Asked, seed: int, limit: int) -> list[str]:
    """The first prompts of a task, as lm-eval renders them without a chat template and without demonstrations.

    Args:
        asked: the task.
        seed: the seed of families.
        limit: how many at most.
    """
    if asked.wrapped:
        loaded = upstream.load(asked.wrapped)
        docs = upstream.documents(
            asked.wrapped, asked.families, seed=seed, draw=asked.draw, strength=asked.strength, limit=limit
        )
        return [loaded.whole_prompt(doc) for doc in docs]
    template = _template(asked.source, "doc_to_text")
    return [template.render(**doc) for doc in benchmarks.documents(asked.source, "test", asked.metadata(seed), limit)]


def shots(asked: Asked, num_fewshot: int | None) -> int:
    """How many demonstrations stand before a question; None is the task's own number."""
    if num_fewshot is not None:
        return num_fewshot
    return upstream.load(asked.wrapped).shots if asked.wrapped else 0


def demonstrations(asked: Asked, limit: int | None) -> list[str]:
    """What demonstrations are drawn from, or the first of it, each with its answer; none where there are none."""
    if asked.wrapped:
        loaded = upstream.load(asked.wrapped)
        docs = upstream.demonstrations(asked.wrapped)[:limit]
        return [f"{loaded.prompt(doc)} {loaded.target(doc)}" for doc in docs]
    source = asked.source
    if "train" not in benchmarks.splits(source):
        return []
    text, answer = _template(source, "doc_to_text"), _template(source, "doc_to_target")
    docs = benchmarks.documents(source, "train", {}, limit)
    return [f"{text.render(**doc)} {answer.render(**doc)}" for doc in docs]


def token_limit(asked: Asked, max_gen_toks: int | None) -> int:
    """The limit of tokens an answer: the config's, else the task's own; 0 where given texts are scored."""
    if not asked.wrapped:
        task = benchmarks.get(asked.source).task_yaml()
        scores_texts = task.get("output_type") == "multiple_choice"
        return 0 if scores_texts else max_gen_toks or int(task["generation_kwargs"].get("max_gen_toks", _DEFAULT))
    loaded = upstream.load(asked.wrapped)
    if loaded.kind != "generate_until":
        return 0
    return max_gen_toks or int(loaded.task.config.generation_kwargs.get("max_gen_toks", _DEFAULT))


@cache
def _template(source: str, key: str) -> Any:
    from jinja2 import BaseLoader, Environment, StrictUndefined

    task = benchmarks.get(source).task_yaml()
    text = (task.get("fewshot_config") or {}).get(key) if key == "doc_to_target" else None
    environment = Environment(loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["regex_replace"] = _regex_replace
    return environment.from_string(text or task[key])


def _regex_replace(text: str, pattern: str, value: str = "", count: int = 0) -> str:
    import re

    return re.sub(pattern, value, str(text), count=count)
