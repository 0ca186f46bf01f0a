"""A sweep as one plan: what each point comes to, what is refused, which baselines a comparison needs, in which order.

Everything is known before an engine starts: the total, the prompts that do not fit, the cells that are equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rveval.config import Config, Point, resolved
from rveval.errors import DoesNotMatch, Refused
from rveval.run import cells, fit
from rveval.run.cells import Cell, Plan

_OF_THE_VARIANT = ("vector", "alpha", "force_incompatible", "dry_run", "baseline")
"""What a variant and its baseline may differ in."""


@dataclass(frozen=True)
class Outcome:
    """How one point of a sweep ended, and the words to say about it.

    Args:
        exit_code: 0 done, 2 refused, 1 failed, 130 interrupted.
        label: of the variant; the words of the command line where it did not get that far.
        message: why it did not end well.
        kept: a refusal that the study keeps as a result.
    """

    exit_code: int
    label: str
    message: str = ""
    kept: bool = False


@dataclass(frozen=True)
class Sweep:
    """Everything that a command line comes to.

    Args:
        plans: what is run, in this order; variants that one engine serves stand together.
        refused: the points that are not.
        mismatches: of those, the variants whose donors do not match their base: results, which a study keeps.
    """

    plans: tuple[Plan, ...]
    refused: tuple[Outcome, ...]
    mismatches: tuple[tuple[Config, DoesNotMatch], ...]

    @property
    def points(self) -> int:
        """Variants planned and refused, added baselines too."""
        return len(self.plans) + len(self.refused)

    @property
    def studies(self) -> dict[tuple[str, str], Config]:
        """Every study that is touched, by store and name, with a config that names it."""
        configs = [*(config for config, _ in self.mismatches), *(plan.config for plan in self.plans)]
        return {(config.store, config.study): config for config in configs}

    def left(self) -> Iterator[tuple[Plan, list[Cell]]]:
        """The plans with the cells that have to be asked; what several have in common is asked for the first."""
        asked: set[tuple[str, str]] = set()
        for plan in self.plans:
            left = [cell for cell in plan.left if (plan.config.store, cell.cell_id) not in asked]
            asked |= {(plan.config.store, cell.cell_id) for cell in left}
            yield plan, left


def plan_sweep(points: Sequence[Point]) -> Sweep:
    """Plan every point of a command line, and what has to stand beside it.

    Args:
        points: composed; those that are wrong are refused here, and do not stop the others.
    """
    plans: list[Plan] = []
    refused: list[Outcome] = []
    mismatches: list[tuple[Config, DoesNotMatch]] = []
    for point in points:
        try:
            if point.config is None:
                raise Refused(point.problems)
            plans.append(_fitting(cells.plan(point.config)))
        except DoesNotMatch as error:
            assert point.config is not None
            mismatches.append((point.config, error))
            refused.append(Outcome(error.exit_code, error.label, str(error), kept=True))
        except Refused as error:
            refused.append(Outcome(error.exit_code, point.label or "rveval", str(error)))
    return Sweep(tuple(_in_order([*_baselines(plans), *plans])), tuple(refused), tuple(mismatches))


def engine_key(plan: Plan) -> tuple[Any, ...]:
    """Plans with one key are served by one engine, one after another; hf loads every variant afresh."""
    own = plan.recipe.fingerprint if plan.config.engine.kind == "hf" else ""
    return plan.recipe.base, plan.recipe.base_hash, plan.recipe.dtype, repr(plan.config.engine), own


def _fitting(plan: Plan) -> Plan:
    """The plan, once every prompt is known to fit.

    Raises:
        Refused: some do not.
    """
    if too_long := fit.problems(plan):
        raise Refused(too_long)
    return plan


def _baselines(plans: Sequence[Plan]) -> Iterator[Plan]:
    """The base for every way of asking that has a variant and no base; what the store has of it is not asked again."""
    has_base = {_way(plan.config) for plan in plans if plan.recipe.is_base}
    for plan in plans:
        if plan.config.baseline == "auto" and _way(plan.config) not in has_base:
            has_base.add(_way(plan.config))
            yield replace(cells.plan(replace(plan.config, alpha=0.0)), added=True)


def _way(config: Config) -> str:
    return json.dumps({name: value for name, value in resolved(config).items() if name not in _OF_THE_VARIANT})


def _in_order(plans: Sequence[Plan]) -> list[Plan]:
    """As they were given, but for variants of one engine, which follow each other."""
    places: dict[tuple[Any, ...], int] = {}
    for plan in plans:
        places.setdefault(engine_key(plan), len(places))
    return sorted(plans, key=lambda plan: places[engine_key(plan)])


def refusal_record(config: Config, error: DoesNotMatch) -> dict[str, Any]:
    """What a study keeps of a variant whose donors do not match."""
    problems = [asdict(problem) for problem in error.problems]
    return {"study": config.study, "label": error.label, "problems": problems, "config": resolved(config)}
