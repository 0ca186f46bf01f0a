"""One job of an invocation: plan, refuse what does not fit, serve, ask, store, show. The edge calls these in order.

The engine outlives the job: a multirun of the basic launcher runs all its jobs in this process, one after another.
"""

from __future__ import annotations

import logging
import os
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rveval.checkpoints import assert_finite
from rveval.config import Config, resolved
from rveval.engine import installation
from rveval.errors import DoesNotFit, DoesNotMatch, Failed, Problem, Refused, RvevalError
from rveval.run import cells, closing
from rveval.run.cells import Plan
from rveval.run.progress import bar, spinner
from rveval.store import SCHEMA_VERSION, CellRecord, Refusal, Store, StudyEntry

if TYPE_CHECKING:
    from rveval.engine.session import Session
    from rveval.show.tracking import Run

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
    from rveval.run import listing
    from rveval.show.table import console as standard_output

    plan = cells.plan(config)
    console = standard_output()
    console.print(listing.plan(plan))
    for warning in plan.warnings:
        console.print(f"warning: {warning}", highlight=False, markup=False)
    if plan.left_out:
        console.print(f"{len(plan.left_out)} tensors outside the scope keep the base's bits", highlight=False)


def run(config: Config) -> JobResult:
    """Run what is left of a config's cells.

    Raises:
        Refused: before an engine started; donors that do not match are kept in the study as a result.
        Failed: after; what was complete stays complete.
    """
    store = Store(Path(config.store))
    try:
        plan = cells.plan(config)
    except DoesNotMatch as refused:
        _keep_refusal(refused, config, store)
        raise
    store.check_writable()
    store.forget_refusal(config.study, plan.label)
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
            closing.show(Path(place), study, fresh)
        except RvevalError as error:
            problems.extend(error.problems)
        if fresh and config.tracking.kind != "none":
            from rveval.show import tracking

            tracking.summarise(config)
    if problems:
        raise Refused(problems)


def _keep_refusal(refused: DoesNotMatch, config: Config, store: Store) -> None:
    """Put a variant that was refused into its study."""
    problems = [asdict(problem) for problem in refused.problems]
    try:
        store.check_writable()
    except Refused as error:
        raise Refused([*refused.problems, *error.problems]) from refused
    store.write_refusal(
        Refusal(
            schema_version=SCHEMA_VERSION,
            study=config.study,
            label=refused.label,
            problems=problems,
            config=resolved(config),
        )
    )
    _here.studies[(config.store, config.study)] = config


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
    from rveval.run.harness import chat

    chat.preflight(Path(plan.recipe.base), plan.config.model.system, use_chat=plan.config.use_chat)


def _run_left(plan: Plan, store: Store) -> None:
    from rveval.run.harness import run as harness
    from rveval.show import tracking

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
    from rveval.run.harness import run_cell

    session = _session(store)
    with spinner(f"{plan.label}: preparing the engine"):
        served = session.serve(plan.recipe, plan.config.engine, swaps=bool(plan.config.vector.terms))
    _warn(served.warnings)
    unasked: list[Problem] = []
    for cell in plan.left:
        with bar(f"{plan.label}: {cell.task}", cell.n_items * plan.config.n) as advance:
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


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        if warning not in _here.warned:
            _here.warned.add(warning)
            log.warning("warning: %s", warning)
