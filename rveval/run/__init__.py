"""Plan what a command line comes to, and run what is left of it: cells, items, lm-eval over an engine.

suites     a suite -> tasks, each under its families and draws
cells      one config -> its variant and its cells, with their ids
prompts    the prompts of a task as text, without lm-eval
fit        whether every prompt fits with its answer
planning   the points of a sweep -> one plan: baselines, refusals, order
listing    the plan as tables
sweep      runs a plan
progress   what of it is done
harness    one cell: lm-eval over an engine, scores, records
rescoring  scores stored answers again, without an engine
"""

from __future__ import annotations

from rveval.run.cells import Cell, Plan, plan
from rveval.run.planning import Outcome, Sweep, plan_sweep
from rveval.run.rescoring import Rescored, rescore
from rveval.run.sweep import Mirror, run_sweep, unforeseen

__all__ = [
    "Cell",
    "Mirror",
    "Outcome",
    "Plan",
    "Rescored",
    "Sweep",
    "plan",
    "plan_sweep",
    "rescore",
    "run_sweep",
    "unforeseen",
]
