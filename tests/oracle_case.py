"""What the oracle judges: an item as published, as asked cleanly, and as asked under a family, with both prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from conftest import REPOSITORY
from oracle_raw import Record, raw

TASKS = REPOSITORY / "tasks"
QUESTION = {"humaneval": "prompt", "bbh": "input"}


@dataclass(frozen=True)
class Case:
    """One item: `raw` as published, `clean` and `asked` as lm-eval gets it, with the prompts that it renders."""

    source: str
    families: tuple[str, ...]
    draw: int
    raw: Record
    clean: Record
    asked: Record
    clean_prompt: str
    prompt: str

    @property
    def benchmark(self) -> str:
        return self.source.split("_")[0] if self.source.startswith(("bbh_", "sciq", "tiny_")) else self.source

    @property
    def question_field(self) -> str:
        return QUESTION.get(self.benchmark, "question")

    @property
    def old(self) -> str:
        """The question, without lettered options, as published."""
        return self._without_options(self.clean)

    @property
    def new(self) -> str:
        """The question, without lettered options, under the family."""
        return self._without_options(self.asked)

    @property
    def added(self) -> str:
        """What stands before and after the problem."""
        return f"{self.asked['rv_before']}\n{self.asked['rv_after']}"

    @property
    def is_number(self) -> bool:
        """Whether the right answer is a number after ####."""
        return self.source == "gsm8k" or self.benchmark == "tiny"

    def _without_options(self, doc: Record) -> str:
        text = str(doc[self.question_field])
        return text.partition("\nOptions:\n")[0] if self.benchmark == "bbh" and doc.get("gold", -1) >= 0 else text


Rule = Callable[[Case], Iterator[str]]


@cache
def _manager(families: str) -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=str(TASKS), include_defaults=False, metadata={"rv_families": families})


@cache
def task(name: str, families: str = "clean") -> Any:
    """lm-eval's own object for a task ("rv_gsm8k") under families: how a document is rendered."""
    return _manager(families).load(name)["tasks"][name]


@cache
def _template(source: str) -> Any:
    from lm_eval.utils import env

    return env.from_string(task(f"rv_{source}").config.doc_to_text)


def prompts(source: str, docs: Sequence[Record]) -> list[str]:
    """What lm-eval renders for documents of a source, by its own template, which it would compile for each anew."""
    found = [str(_template(source).render(**doc)) for doc in docs]
    assert not docs or found[0] == task(f"rv_{source}").doc_to_text(docs[0])
    return found


def documents(
    source: str, families: str, draw: int = 0, limit: int | None = None, strength: float | None = None
) -> list[Record]:
    """The test documents as the tasks' own `custom_dataset` gives them; with a limit only the first are made.

    Raises:
        Refused: the family does not apply to this source.
    """
    from rveval import benchmarks

    metadata = {"rv_families": families, "rv_draw": draw, "rv_strength": strength}
    return benchmarks.documents(source, "test", metadata, limit)


@cache
def _clean(source: str, limit: int | None) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    docs = documents(source, "clean", limit=limit)
    return tuple(docs), tuple(prompts(source, docs))


def cases(
    source: str, families: str, draw: int = 0, limit: int | None = None, strength: float | None = None
) -> list[Case]:
    """Every item of a source (or the first ones) with what the family made of it, paired by place.

    Raises:
        Refused: the family does not apply to this source.
    """
    clean, clean_prompts = _clean(source, limit)
    asked = documents(source, families, draw, limit, strength)
    published = raw(source)[:limit]
    assert len(asked) == len(clean) == len(published), f"{source} under {families}: {len(asked)} items"
    named = tuple(families.split("+"))
    together = zip(published, clean, asked, clean_prompts, prompts(source, asked), strict=True)
    return [Case(source, named, draw, *one) for one in together]
