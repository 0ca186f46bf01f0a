"""A real study for what shows reports: variants, benchmarks, families and items as a run leaves them, in seconds.

Every item's prompt says which it is, a family adds a sentence to all but every fiftieth, and answers of variants part
after the first words, so that tests know what the page must find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from studies import Made, sample, term

from rveval.findings import Report
from rveval.store import SCHEMA_VERSION, Sample, StudyEntry

ADDED = "The train to the lake leaves at 9. "
START = "Let me see. There are two of them in the box. "
CLAIM = {"id": "one", "source": "A paper, table 2", "text": "The vector helps.", "points": 20, "task": "rv_gsm8k"}
UNTESTED = CLAIM | {"id": "two", "task": "rv_humaneval"}
_CHANCES = {0.0: 0.5, -1.0: 0.3, 0.5: 0.8, 1.0: 0.7}


@dataclass(frozen=True)
class Plan:
    """What to make: items a task, alphas, tasks (those of a group share a start), families; ids of items, a text that
    ends every answer; whether ablations, a refused variant and a null control go with it."""

    n: int = 60
    alphas: tuple[float, ...] = (0.0, -1.0, 0.5, 1.0)
    tasks: tuple[str, ...] = ("gsm8k", "sciq", "bbh_navigate", "bbh_snarks")
    families: tuple[str, ...] = ("clean", "think", "distractor")
    ids: Sequence[str] = ()
    text: str = ""
    ablations: bool = True


def marks(plan: Plan, task: str, family: str, alpha: float) -> str:
    """A mark an item (see `studies.sample`): the same whenever it is asked for."""
    own = Random(f"{task}:{family}:{alpha}")
    right = [own.random() < _CHANCES[alpha] for _ in range(plan.n)]
    return "".join(own.choice("11S") if one else own.choice("00sxc") for one in right)


def write(folder: Path, plan: Plan) -> Made:
    """A store in `folder/runs` with the study "s"."""
    made = Made(folder / "runs")
    for alpha in plan.alphas:
        for task in plan.tasks:
            for family in plan.families:
                lines = _samples(plan, task, family, alpha, marks(plan, task, family, alpha))
                made.add("", alpha, task=f"rv_{task}", family=family, samples=lines, config={"alpha": alpha})
    if plan.ablations:
        _ablate(made, plan, plan.tasks[0])
    return made


def _ablate(made: Made, plan: Plan, task: str) -> None:
    """Null controls, a sweep, two vectors together and alone, the baseline once more, what was refused or is gone."""

    def add(marks: str, label: str, **recipe: Any) -> None:
        lines = _samples(plan, task, "clean", 1.0, (marks * plan.n)[: plan.n])
        made.ablate("", 1.0, task=f"rv_{task}", samples=lines, label=label, **recipe)

    for seed in range(5):
        add("01" + seed * "0", f"m + 1 v [random seed {seed}]", steps=[{"name": "random", "seed": seed}])
    for density in (0.1, 0.5):
        add("1110", f"m + 1 v [trim {density}]", steps=[{"name": "trim", "density": density}])
    add("1100", "m + 1 w", terms=[term("w")])
    add("1010", "m + 1 both", terms=[term("v"), term("w")])
    again = _samples(plan, task, "clean", 0.0, marks(plan, task, "clean", 0.0))
    made.add("", task=f"rv_{task}", samples=[*again[2:], *again[:2]], repeat=1)
    made.refuse("m + 1 foreign")
    gone = StudyEntry(
        schema_version=SCHEMA_VERSION,
        study="s",
        label="m + 3 v",
        alpha=3.0,
        fingerprint="f" * 64,
        cells=["gone"],
        config={},
    )
    made.store.write_study(gone)


def report(folder: Path, plan: Plan | None = None) -> Report:
    """The study's report, its item files in `folder/items`."""
    made = write(folder, plan or Plan())
    return made.report(items=folder / "items", claims=[CLAIM, UNTESTED], commands=["python -m rveval study=s"])


def _samples(plan: Plan, task: str, family: str, alpha: float, marks: str) -> list[Sample]:
    items = task.replace("bbh_", "bbh/")
    return [_sample(plan, place, mark, items, family, alpha) for place, mark in enumerate(marks)]


def _sample(plan: Plan, place: int, mark: str, items: str, family: str, alpha: float) -> Sample:
    changed = family != "clean" and place % 50 != 3
    own = sample(place, mark, items, family=family)
    return own | {
        "item_id": plan.ids[place] if place < len(plan.ids) else own["item_id"],
        "prompt": f"{ADDED if changed else ''}Question {place} of {items}: how many are there? {plan.text}",
        "response": f"{START}{'So' if alpha == 0 else 'Therefore'} {own['response']}{plan.text}",
        "changed": changed,
        "left_alone": "" if changed or family == "clean" else "no name to change",
    }
