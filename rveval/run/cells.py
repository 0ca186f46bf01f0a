"""From one config to its cells: one variant on one task, one draw, each with the id it is stored and resumed under.

Planning reads headers, hashes and the benchmark's items; it needs no torch, no engine, and refuses what does not fit.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rveval import benchmarks, perturb
from rveval.benchmarks import upstream
from rveval.checkpoints import Checkpoint
from rveval.config import Config
from rveval.engine import installation
from rveval.errors import Problem, Refused, RvevalError
from rveval.recipe import Recipe, assembly
from rveval.run import suites
from rveval.run.suites import Asked
from rveval.store import Store


@dataclass(frozen=True)
class Cell:
    """One variant on one task, one draw.

    Args:
        cell_id: sha256 (first 32 hex digits) over `settings`.
        asked: the task with its benchmark, families, draw and strength.
        n_items: items that will be asked.
        settings: everything that can change an answer, and nothing that only reads or scores it.
        done: whether the store has it complete.
    """

    cell_id: str
    asked: Asked
    n_items: int
    settings: dict[str, Any]
    done: bool

    @property
    def task(self) -> str:
        """Name of the task, with its families."""
        return self.asked.task


@dataclass(frozen=True)
class Plan:
    """What a config comes to: the variant, its cells, and what the reader of its numbers must know.

    `added`: nobody asked for it, but a comparison needs this baseline.
    """

    config: Config
    recipe: Recipe
    label: str
    cells: tuple[Cell, ...]
    checkpoints: tuple[Checkpoint, ...]
    warnings: tuple[str, ...]
    left_out: tuple[str, ...]
    added: bool = False

    @property
    def left(self) -> tuple[Cell, ...]:
        """The cells that have to be run: all with `force`, else those the store does not have."""
        return tuple(cell for cell in self.cells if self.config.force or not cell.done)


def plan(config: Config) -> Plan:
    """Resolve, check and hash everything a run needs before an engine starts.

    Raises:
        Refused: whatever does not fit, all of it at once as far as it can be known.
    """
    problems: list[Problem] = []
    base, donors = assembly.open_all(config, problems)
    asked = _asked(config, problems)
    if problems or base is None:
        raise Refused(problems)
    variant = assembly.assemble(config, base, donors)
    recipe, store = variant.recipe, Store(Path(config.store))
    again = [replace(task, repeat=time) for time in range(1, config.suite.repeat + 1) for task in asked]
    cells = tuple(_cell(config, recipe, task, store) for task in [*asked, *(again if recipe.is_base else [])])
    opened = (base, *(checkpoint for _, checkpoint in donors))
    warnings = tuple(str(problem) for problem in variant.report.warnings)
    return Plan(config, recipe, variant.label, cells, opened, warnings, variant.report.left_out)


def asking(config: Config, recipe: Recipe, asked: Asked, n_items: int) -> dict[str, Any]:
    """What can change an answer of a cell: its id is the hash of this.

    Args:
        config: the run.
        recipe: the variant.
        asked: the task.
        n_items: items that the task has.
    """
    settings = {
        "variant": recipe.fingerprint,
        "task": asked.task,
        "draw": asked.draw,
        "strength": asked.strength,
        "seed": config.seed,
        "limit": None if config.item_limit is None or config.item_limit >= n_items else config.item_limit,
        **data_hashes(asked, config.num_fewshot),
        "prompt": prompt_hash(asked),
        "decoding": config.decoding,
        "prompting": config.prompting,
        "engine": engine_identity(config) | {"dtype": recipe.dtype},
    }
    return settings | ({"repeat": asked.repeat} if asked.repeat else {})


def engine_identity(config: Config) -> dict[str, Any]:
    """What of the engine can change an answer, known without starting it: kind, version, device, sizes and limits."""
    engine = config.engine
    version, device = installation.engine_version(engine.kind)
    return {
        "kind": engine.kind,
        "version": version,
        "device": device,
        "tensor_parallel_size": engine.tensor_parallel_size,
        "batch": engine.batch_size if engine.kind == "hf" else engine.max_num_seqs,
        "max_model_len": engine.max_model_len,
        "enforce_eager": engine.enforce_eager,
        "seed": engine.seed,
        "extra": engine.extra,
        "lm_eval": installation.version("lm_eval"),
    }


def _asked(config: Config, problems: list[Problem]) -> list[Asked]:
    """What the suite asks, once it is sure that all its items can be read."""
    asked = suites.expand(config.suite, problems, num_fewshot=config.num_fewshot)
    for source, wrapped in dict.fromkeys((task.source, task.wrapped) for task in asked):
        try:
            if wrapped:
                problems.extend(
                    upstream.problems(wrapped, num_fewshot=config.num_fewshot, n=config.n, sandbox=config.sandbox)
                )
            else:
                benchmarks.load(source)
            if config.num_fewshot and not wrapped:
                _demonstrations(source)
        except RvevalError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
    return asked


def _cell(config: Config, recipe: Recipe, asked: Asked, store: Store) -> Cell:
    n_items = len(upstream.load(asked.wrapped).docs if asked.wrapped else benchmarks.load(asked.source))
    settings = asking(config, recipe, asked, n_items)
    cell_id = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:32]
    return Cell(cell_id, asked, min(n_items, config.item_limit or n_items), settings, store.has(cell_id))


def data_hashes(asked: Asked, num_fewshot: int | None) -> dict[str, str | None]:
    """Hashes of what is asked and of what demonstrations are drawn from."""
    if not asked.wrapped:
        shown = _demonstrations(asked.source) if num_fewshot else None
        return {"data": benchmarks.data_hash(asked.source), "demonstrations": shown}
    shots = upstream.load(asked.wrapped).shots if num_fewshot is None else num_fewshot
    shown = upstream.demonstrations_hash(asked.wrapped) if shots else None
    return {"data": upstream.data_hash(asked.wrapped), "demonstrations": shown}


def _demonstrations(source: str) -> str:
    """A hash of what demonstrations are drawn from, for runs that show some.

    Raises:
        Refused: the benchmark has nothing to show.
    """
    if "train" not in benchmarks.splits(source):
        what = f"{source} has no demonstrations"
        raise Refused(Problem(what, "num_fewshot", "0", fix="set num_fewshot=0, or leave the benchmark out"))
    return benchmarks.data_hash(source, "train")


def prompt_hash(asked: Asked) -> str:
    """A hash of how items become prompts: of the clean documents and what the task's file says of them (of another's
    task its file with its code), and the versions of its families."""
    own = asked.wrapped
    said = upstream.content_hash(own.path) if own else benchmarks.get(asked.source).asking_hash()
    families = {name: getattr(perturb.FAMILIES[name], "version", 1) for name in perturb.names(asked.families)}
    return hashlib.sha256(json.dumps([said, families], sort_keys=True, default=str).encode()).hexdigest()[:16]


def not_stored(task: str, store: Store, error: OSError) -> Problem:
    """What to say where a cell could not be written."""
    return Problem(
        f"the cell could not be stored: {error.strerror or error}",
        where=f"{task}, {store.root}",
        fix="free space or rights there and run the same command again; complete cells are kept and not run again",
    )
