"""What families may know of each benchmark's prompts: the one place that says so."""

from __future__ import annotations

from dataclasses import replace

from rveval.benchmarks import bbh
from rveval.benchmarks.task_names import STOCK
from rveval.perturb import Traits

_TINY_STORY = Traits("story", for_tiny_models=True)
_TRAITS = {
    "gsm8k": Traits("story"),
    "humaneval": Traits("code"),
    # Demonstrations are a letter each.
    "sciq": Traits("science", lettered=True, worked_examples=False),
    "sciq_closed": Traits("science", lettered=True, worked_examples=False),
    "tiny_math": _TINY_STORY,
    "tiny_long": _TINY_STORY,
    "tiny_choice": replace(_TINY_STORY, lettered=True),
    "tiny_order": replace(_TINY_STORY, kind="order"),
    **{f"bbh_{name}": subtask.traits for name, subtask in bbh.SUBTASKS.items()},
}


def traits(source: str) -> Traits:
    """The traits of a source's items, a source being what `load` takes."""
    if source.startswith(STOCK):
        return replace(_TRAITS[source.removeprefix(STOCK)], fixed="prompt")
    return _TRAITS[source]
