"""The benchmarks: what is asked, how, and how responses are scored; one object in one file each.

An item is the upstream record with every field as published, plus `item_id`. Files are read as their authors publish
them, and a file that is short, changed or broken is refused with its name and line: a benchmark that silently lost an
item would still print an accuracy. `upstream` wraps tasks that lm-eval has, or a user's own folder.
"""

from __future__ import annotations

from rveval.benchmarks import upstream
from rveval.benchmarks.benchmark import Benchmark
from rveval.benchmarks.registry import (
    BENCHMARKS,
    data_hash,
    documents,
    find_all,
    get,
    load,
    names,
    run_code,
    score,
    scored_by,
    splits,
    stock_names,
    target,
    traits,
)
from rveval.benchmarks.scores import Score
from rveval.benchmarks.task_names import TaskName, facts, groups, of_task

__all__ = [
    "BENCHMARKS",
    "Benchmark",
    "Score",
    "TaskName",
    "data_hash",
    "documents",
    "facts",
    "get",
    "groups",
    "load",
    "names",
    "of_task",
    "run_code",
    "score",
    "scored_by",
    "splits",
    "stock_names",
    "target",
    "traits",
    "upstream",
]

find_all(__name__, list(__path__))
