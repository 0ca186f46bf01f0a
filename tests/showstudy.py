"""A real study for what shows reports: variants, benchmarks, families and items as a run leaves them, in seconds.

Every item's prompt says which it is, a family adds a sentence to all but every fiftieth, and answers of variants part
after the first words, so that tests know what the page must find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from studies import Made, sample, term

from rveval.findings import Report
from rveval.store import Sample

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
                lines = _samples(plan, task, family, alpha)
                made.add("", alpha, task=f"rv_{task}", family=family, samples=lines, config={"alpha": alpha})
    if plan.ablations:
        name, n = f"rv_{plan.tasks[0]}", plan.n
        for seed in range(5):
            steps = [{"name": "random", "seed": seed}]
            made.ablate("01" * (n // 2), 1.0, task=name, steps=steps, label=f"m + 1 v [random seed {seed}]")
        for density in (0.1, 0.5):
            steps = [{"name": "trim", "density": density}]
            made.ablate("1110" * (n // 4), 1.0, task=name, steps=steps, label=f"m + 1 v [trim {density}]")
        for terms in ([term("w")], [term("v"), term("w")]):
            made.ablate("1100" * (n // 4), 1.0, task=name, terms=terms, label=f"m + 1 {len(terms)} terms")
        again = _samples(plan, plan.tasks[0], "clean", 0.0)
        made.add("", task=name, samples=[*again[2:], *again[:2]], repeat=1)
        made.refuse("m + 1 foreign")
    return made


def report(folder: Path, plan: Plan | None = None) -> Report:
    """The study's report, its item files in `folder/items`."""
    made = write(folder, plan or Plan())
    return made.report(items=folder / "items", claims=[CLAIM, UNTESTED], commands=["python -m rveval study=s"])


def _samples(plan: Plan, task: str, family: str, alpha: float) -> list[Sample]:
    items = task.replace("bbh_", "bbh/")
    return [
        _sample(plan, place, mark, items, family, alpha) for place, mark in enumerate(marks(plan, task, family, alpha))
    ]


def _sample(plan: Plan, place: int, mark: str, items: str, family: str, alpha: float) -> Sample:
    changed = family != "clean" and place % 50 != 3
    own = sample(place, mark, items, family=family)
    return own | {  # type: ignore[return-value]
        "item_id": plan.ids[place] if place < len(plan.ids) else own["item_id"],
        "prompt": f"{ADDED if changed else ''}Question {place} of {items}: how many are there? {plan.text}",
        "response": f"{START}{'So' if alpha == 0 else 'Therefore'} {own['response']}{plan.text}",
        "changed": changed,
        "left_alone": "" if changed or family == "clean" else "no name to change",
    }
