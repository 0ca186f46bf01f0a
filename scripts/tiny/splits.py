"""The benchmark's files: test, train and validation of each task, from a seed, disjoint by question hash.

One set of keys spans all tasks and splits, so no question occurs twice anywhere; `held_out_keys` is what training
must avoid.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from scripts.tiny.arithmetic import LONGER, word_problem
from scripts.tiny.choice import choice
from scripts.tiny.ordering import order_problem
from scripts.tiny.problems import Problem, question_key

SEED = "rveval-tiny-1"
SIZES = {"test": 1000, "validation": 600, "train": 300}
BENCHMARKS = ("tiny_math", "tiny_choice", "tiny_order", "tiny_long")
Record = dict[str, Any]


def _math(rng: Random) -> tuple[Problem, Record]:
    problem = word_problem(rng)
    return problem, {}


def _choice(rng: Random) -> tuple[Problem, Record]:
    drawn = choice(rng)
    return drawn.problem, {"options": list(drawn.options), "gold": drawn.gold}


def _order(rng: Random) -> tuple[Problem, Record]:
    return order_problem(rng), {}


def _long(rng: Random) -> tuple[Problem, Record]:
    return word_problem(rng, LONGER), {}


_DRAW: dict[str, Callable[[Random], tuple[Problem, Record]]] = {
    "tiny_math": _math,
    "tiny_choice": _choice,
    "tiny_order": _order,
    "tiny_long": _long,
}


def all_splits(seed: str = SEED) -> dict[tuple[str, str], list[Record]]:
    """Every split of every benchmark, as JSON-ready records keyed by (benchmark, split)."""
    seen: set[str] = set()
    return {(name, split): list(_records(name, split, seed, seen)) for split in SIZES for name in BENCHMARKS}


def _records(name: str, split: str, seed: str, seen: set[str]) -> Iterator[Record]:
    """`SIZES[split]` fresh records; a draw whose question was seen before is drawn again under the next seed."""
    found = draw = 0
    while found < SIZES[split]:
        item_seed = f"{seed}:{name}:{split}:{draw}"
        draw += 1
        problem, extra = _DRAW[name](Random(item_seed))
        if problem.key in seen:
            continue
        seen.add(problem.key)
        identity = f"{name}/{found}" if split == "test" else f"{name}/{split}/{found}"
        yield _record(identity, item_seed, problem, extra)
        found += 1


def _record(identity: str, item_seed: str, problem: Problem, extra: Record) -> Record:
    return {
        "id": identity,
        "question": problem.question,
        "answer": problem.written,
        **extra,
        "kind": problem.kind,
        "steps": problem.steps,
        "seed": item_seed,
    }


def held_out_keys(seed: str = SEED) -> frozenset[str]:
    """Hashes of all test and validation questions: no training stage may see one of them."""
    splits = all_splits(seed)
    return frozenset(
        question_key(record["question"])
        for (_, split), records in splits.items()
        if split != "train"
        for record in records
    )


def write_data(folder: Path, seed: str = SEED) -> None:
    """Write `folder/<benchmark>/<split>.jsonl` for everything."""
    for (name, split), records in all_splits(seed).items():
        path = folder / name / f"{split}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def read_split(folder: Path, benchmark: str, split: str) -> list[Record]:
    """Records of one packaged file."""
    lines = (folder / benchmark / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
