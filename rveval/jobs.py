"""One job of an invocation: plan, refuse what does not fit, serve, ask, store, show. The edge calls these in order.

The engine outlives the job: a multirun of the basic launcher runs all its jobs in this process, one after another.
"""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval import cells, installation
from rveval.cells import Plan
from rveval.checkpoints import assert_finite
from rveval.errors import DoesNotFit, Failed, Problem, Refused, RvevalError
from rveval.records import SCHEMA_VERSION, CellRecord, Store, StudyEntry
from rveval.schema import Config, resolved

if TYPE_CHECKING:
    from rveval.engine.session import Session
    from rveval.tracking import Run

log = logging.getLogger("rveval")


@dataclass(frozen=True)
class JobResult:
    """How a job ended: exit status, the variant's label, and why where it did not end well."""

    exit_code: int
    label: str
    message: str = ""


@dataclass
class _Invocation:
    """What the jobs of this process share."""

    session: Session | None = None
    studies: dict[tuple[str, str], Config] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    warned: set[str] = field(default_factory=set)


_here = _Invocation()


def dry_run(config: Config) -> None:
    """Print the cells that the config comes to, and which of them are done."""
    from rveval import table

    plan = cells.plan(config)
    console = table.console()
    console.print(table.plan(plan))
    for warning in plan.warnings:
        console.print(f"warning: {warning}", highlight=False, markup=False)
    if plan.left_out:
        console.print(f"{len(plan.left_out)} tensors outside the scope keep the base's bits", highlight=False)


def run(config: Config) -> JobResult:
    """Run what is left of a config's cells.

    Raises:
        Refused: before an engine started.
        Failed: after; what was complete stays complete.
    """
    plan = cells.plan(config)
    store = Store(Path(config.store))
    store.check_writable()
    _warn(plan.warnings)
    _here.studies[(config.store, config.study)] = config
    _keep(plan, store)
    if plan.left:
        _preflight(plan)
        _run_left(plan, store)
    _list(plan, store)
    return JobResult(0, plan.label)


def close(store: str) -> None:
    """End of the invocation: close the engine, show the table of every study that was touched, mirror its summary.

    Raises:
        Refused: a study can't be shown, because something in the store was damaged; the others were.
    """
    session, _here.session = _here.session, None
    if session is not None:
        session.close()
    studies, fresh = dict(_here.studies), set(_here.fresh)
    _here.studies.clear()
    _here.fresh.clear()
    problems: list[Problem] = []
    for (place, study), config in studies.items():
        try:
            _show(Path(place), study, fresh)
        except RvevalError as error:
            problems.extend(error.problems)
        if fresh and config.tracking.kind != "none":
            from rveval import tracking

            tracking.summarise(config)
    if problems:
        raise Refused(problems)


def _keep(plan: Plan, store: Store) -> None:
    """Say which cells are complete already, and refuse those that were damaged since, before an engine starts."""
    kept = [cell for cell in plan.cells if cell not in plan.left]
    problems: list[Problem] = []
    for cell in kept:
        try:
            store.read_samples(cell.cell_id)
        except Refused as error:
            problems.extend(error.problems)
    if problems:
        raise Refused(problems)
    if kept:
        of = "" if len(plan.cells) == 1 else f" ({len(kept)} of {len(plan.cells)})"
        tasks = ", ".join(cell.task for cell in kept)
        log.info("%s: kept%s, complete since an earlier run: %s", plan.label, of, tasks)


def _preflight(plan: Plan) -> None:
    """What needs no engine, but torch or transformers: finiteness of every tensor, tokenizer and chat template."""
    installation.check(plan.config.engine.kind)
    if any(cell.asked.benchmark == "humaneval" for cell in plan.left):
        from rveval import sandbox

        sandbox.check(plan.config.sandbox)
    for checkpoint in {checkpoint.folder: checkpoint for checkpoint in plan.checkpoints}.values():
        assert_finite(checkpoint)
    from rveval.harness import chat

    chat.preflight(Path(plan.recipe.base), plan.config.model.system, use_chat=plan.config.use_chat)


def _run_left(plan: Plan, store: Store) -> None:
    from rveval import tracking
    from rveval.harness import run as harness

    mirror = tracking.start(plan.config, dict(harness.variant(plan)))
    exit_code = 1
    try:
        _ask_all(plan, store, mirror)
        exit_code = 0
    except KeyboardInterrupt:
        exit_code = 130
        raise
    except RvevalError as error:
        exit_code = error.exit_code
        raise
    finally:
        mirror.finish(exit_code)


def _ask_all(plan: Plan, store: Store, mirror: Run) -> None:
    from rveval.harness import run_cell

    session = _session(store)
    with _said(f"{plan.label}: preparing the engine"):
        served = session.serve(plan.recipe, plan.config.engine, swaps=bool(plan.config.vector.terms))
    _warn(served.warnings)
    unasked: list[Problem] = []
    for cell in plan.left:
        with _progress(f"{plan.label}: {cell.task}", cell.n_items * plan.config.n) as advance:
            try:
                record = run_cell(plan, cell, served, store, advance)
            except DoesNotFit as error:
                unasked.extend(error.problems)  # the tasks after it may well fit; said at the end, and exit status 1
                continue
            except RvevalError:
                raise
            except Exception as error:
                session.close()  # it may have requests left that it would answer with the next variant's weights
                raise Failed(_cell_failed(plan, cell.task, store, error)) from error
        _here.fresh.add(cell.cell_id)
        _list(plan, store)
        if plan.config.tracking.kind != "none":
            mirror.log_cell(dict(record), [dict(sample) for sample in store.read_samples(cell.cell_id)])
        _log_cell(record)
    if unasked:
        raise Failed(unasked)


def _log_cell(record: CellRecord) -> None:
    log.info(
        "%s: %s, %.1f%% of %d items right, %.1f s",
        record["variant"]["label"],
        record["task"],
        100 * record["metrics"]["exact_match"],
        record["n"],
        record["timings"]["wall_s"],
    )


def _cell_failed(plan: Plan, task: str, store: Store, error: Exception) -> Problem:
    """One line for the user, the traceback for whoever mends it."""
    traceback_file = store.root / "logs" / f"cell-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    see = f"see {traceback_file}; "
    try:
        traceback_file.parent.mkdir(parents=True, exist_ok=True)
        traceback_file.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="replace")
    except OSError:
        see = ""  # a full disk may be why the cell failed
    first_line = (str(error).splitlines() or [""])[0]
    return Problem(
        f"the cell failed: {type(error).__name__}: {first_line}",
        where=f"{plan.label}, {task}",
        fix=f"{see}complete cells are kept, and the same command goes on from there",
    )


def _session(store: Store) -> Session:
    if _here.session is None:
        from rveval.engine.session import Session

        name = f"engine-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        _here.session = Session((store.root / "logs" / name).resolve())
    return _here.session


def _list(plan: Plan, store: Store) -> None:
    """Put the variant's complete cells on the study's list.

    Raises:
        Failed: the disk is full or not writable; the cells themselves are complete and stay.
    """
    entry = StudyEntry(
        schema_version=SCHEMA_VERSION,
        study=plan.config.study,
        label=plan.label,
        alpha=0.0 if plan.recipe.is_base else plan.recipe.alpha,
        fingerprint=plan.recipe.fingerprint,
        cells=[cell.cell_id for cell in plan.cells if store.has(cell.cell_id)],
        config=resolved(plan.config),
    )
    try:
        store.write_study(entry)
    except OSError as error:
        what = f"the study could not be written: {error.strerror or error}"
        fix = "free space or rights there and run the same command again; complete cells are kept and not run again"
        raise Failed(Problem(what, f"{plan.label}, {store.root / 'studies' / plan.config.study}", fix=fix)) from error


def _show(place: Path, study: str, fresh: set[str]) -> None:
    from rveval import summary, table

    store = Store(place)
    if not (place / "studies" / study).is_dir():
        return  # nothing got as far as a cell; why was said
    rows = summary.compare(store, study)
    console = table.console()
    for one in table.comparison(rows, fresh, console.width):
        console.print(one)
    for label, cell_id in summary.missing(store, study):
        log.warning("warning: %s lists the cell %s, which is not in the store any more", label, cell_id)
    where = f"stored in {place / 'cells'}, listed in {place / 'studies' / study}"
    console.print(where, highlight=False, markup=False, soft_wrap=True)
    command = f"python -m rveval.report study={study}" + ("" if str(place) == "runs" else f" store={place}")
    console.print(f"the verdict, as a page: {command}", highlight=False, markup=False, soft_wrap=True)


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        if warning not in _here.warned:
            _here.warned.add(warning)
            log.warning("warning: %s", warning)


@contextmanager
def _said(words: str) -> Iterator[None]:
    """A spinner while something takes seconds and counts nothing."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status(escape(words)) if console.is_terminal else nullcontext():
        yield


@contextmanager
def _progress(words: str, total: int) -> Iterator[Any]:
    """A bar that takes the number of finished requests."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(words), total=total)
        yield lambda n: bar.advance(task, n)
