"""Stands in for engines and cells: a cell ends the way its alpha says. What is planned, run and said is the real thing.

As a script it runs a command line with that, for tests that send signals.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rveval.engine.session import Served
from rveval.errors import DoesNotFit, DoesNotMatch, Failed, Problem, Refused
from rveval.run import Plan, planning

ENDS: dict[float, BaseException] = {
    10: Failed(Problem("the swap is not proved", "cell abc")),
    11: KeyError("nobody foresaw this"),
    12: KeyboardInterrupt(),
    13: SystemExit(5),
    14: DoesNotFit(Problem("why", "cell x")),
    15: Refused(Problem("why", "cell x")),
}


class Ends:
    """Alpha says how a cell ends; 16 is refused as a plan, 17 as donors that do not match, 99 takes half a minute."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self._plan = planning.cells.plan
        monkeypatch.setattr("rveval.run.planning.cells.plan", self.plan)
        monkeypatch.setattr("rveval.run.sweep.Session", lambda log: self)
        monkeypatch.setattr("rveval.run.sweep._ready", lambda plan, left: None)
        monkeypatch.setattr("rveval.run.sweep._list", lambda plan, store: None)
        monkeypatch.setattr("rveval.run.sweep.Store.write_refusal", lambda store, refusal: None)
        monkeypatch.setattr("rveval.run.sweep.Store.check_writable", lambda store: None)
        monkeypatch.setattr("rveval.run.harness.run_cell", self.run_cell)
        monkeypatch.setattr("rveval.cli._study", self.study)

    def plan(self, config: Any) -> Plan:
        if config.alpha == 16:
            raise Refused(Problem("not readable", "model.path"))
        if config.alpha == 17:
            raise DoesNotMatch(Problem("another shape", "vector.terms[0].plus"), "tiny + 17 v [forced]")
        return self._plan(config)

    def serve(self, recipe: Any, config: Any, *, swaps: bool) -> Served:
        return Served(None, "hot", 0.0)  # type: ignore[arg-type]

    def close(self) -> None:
        self.calls.append("engine closed")

    def run_cell(self, plan: Plan, cell: Any, served: Served, store: Any, progress: Any) -> dict[str, Any]:
        alpha = 0.0 if plan.recipe.is_base else plan.config.alpha
        self.calls.append(f"run {alpha:g}")
        if alpha == 99:
            sys.stderr.write("generating\n")
            sys.stderr.flush()
            time.sleep(30)
        if alpha in ENDS:
            raise ENDS[alpha]
        timings = {"wall_s": 0.0}
        return {"variant": {"label": plan.label}, "task": cell.task, "metrics": {"exact_match": 1.0}, "n": 1} | {
            "timings": timings
        }

    def study(self, place: Path, study: str, fresh: set[str]) -> Iterator[Any]:
        self.calls.append(f"show {place}")
        if str(place) == "breaks":
            raise Failed(Problem("the table could not be written", str(place)))
        return iter(())


if __name__ == "__main__":
    from rveval.cli import main

    Ends(pytest.MonkeyPatch())
    sys.exit(main())
