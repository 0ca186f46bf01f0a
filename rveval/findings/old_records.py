"""What cells of schema 1 do not say of their benchmark: the one place where findings know benchmarks by name.

Newer records hold these facts themselves, as the benchmark gave them: `chance`, `group`, `title`, `reads_code`,
`recipe`. Nothing is to be added here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from rveval.recipe import Recipe, from_variant
from rveval.store import CellRecord

_CHANCE = {"sciq": 0.25, "sciq_closed": 0.25, "tiny_choice": 0.25}
_READS_CODE = ("humaneval",)
_GROUPED = "bbh"
_SAME_QUESTIONS = ("sciq_closed/", "sciq/")


def _facts(record: CellRecord) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], record)


def source_of(record: CellRecord) -> str:
    """The clean task that a task is a family of; a clean task is its own."""
    family = record["family"]
    return record["task"] if family == "clean" else record["task"].removesuffix(f"_{family}")


def chance_of(record: CellRecord) -> float:
    """The share of items that guessing gets right."""
    plain = source_of(record).removeprefix("rv_")
    return float(_facts(record).get("chance", _CHANCE.get(plain, 0.0)))


def title_of(record: CellRecord) -> str:
    """What the clean task is called."""
    return str(_facts(record).get("title") or source_of(record).removeprefix("rv_"))


def group_of(record: CellRecord) -> str:
    """The group of a subtask's task ("rv_bbh_typos" for "rv_bbh_word_sorting_typos"); "" for none."""
    group = _facts(record).get("group")
    if group is None and record["benchmark"] == _GROUPED:
        group = f"rv_{'stock_' if record['task'].startswith('rv_stock_') else ''}{_GROUPED}"
    if not group or record["family"] == "clean":
        return str(group or "")
    return f"{str(group).removesuffix('_' + record['family'])}_{record['family']}"


def reads_code(record: CellRecord) -> bool:
    """Whether answers are programs."""
    return bool(_facts(record).get("reads_code", record["benchmark"] in _READS_CODE))


def question_of(item_id: str) -> str:
    """The question behind an item: two benchmarks ask some questions with and without their passages."""
    return item_id.replace(*_SAME_QUESTIONS)


def recipe_of(record: CellRecord) -> Recipe:
    """What the cell's variant is made of; the type it was served in is a setting, and no part of it here."""
    known = _facts(record).get("recipe")
    recipe = Recipe.from_record(known) if known else from_variant(record["variant"])
    if recipe.is_base:  # alpha 0 of a vector is the base, whatever the vector is
        recipe = recipe.as_base()
    return replace(recipe, dtype="", kinds=tuple(sorted(recipe.kinds)))


def misfit_of(record: CellRecord) -> str:
    """In words, how the donors of an old experiment about refusals were made to fit less; "" for not at all."""
    misfit = record["variant"].get("misfit") if record["variant"]["terms"] else ""
    return f"misfit {misfit}" if misfit else ""
