"""Runs a planned sweep: what is left of it, variant by variant, each proved before its cells are asked.

Nothing is shown here but progress; how every point ended is handed to the caller as soon as it has.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from rveval.checkpoints import assert_finite
from rveval.config import Config, resolved
from rveval.engine import installation
from rveval.engine.session import Served, Session
from rveval.errors import DoesNotFit, Failed, Problem, Refused, RvevalError
from rveval.run.cells import Cell, Plan
from rveval.run.planning import Outcome, Sweep, engine_key, refusal_record
from rveval.run.progress import Progress, shown
from rveval.run.rescoring import rescore_cell
from rveval.store import SCHEMA_VERSION, CellRecord, Refusal, Store, StudyEntry, full_variant

log = logging.getLogger("rveval")

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
_KEPT = "complete cells are kept; the same command goes on from there"


class Mirror(Protocol):
    """Somebody who is told when a variant has ended, and then reads the store; no method raises."""

    def finish(self, exit_code: int) -> None:
        """The variant has ended, with the exit status of its point."""


StartMirror = Callable[[Config, Mapping[str, Any]], Mirror | None]
"""From a config and its variant, as records hold it, to the mirror of that variant, if it has one."""


def run_sweep(
    sweep: Sweep, ended: Callable[[Outcome], None], fresh: set[str], mirror: StartMirror | None = None
) -> None:
    """Run what is left of a sweep's cells; a point that is refused or fails does not stop the others.

    Args:
        sweep: the plan.
        ended: told how each point ended, in the order in which they do.
        fresh: takes the ids of the cells that were asked, also of a run that is interrupted.
        mirror: starts the mirror of a variant.

    Raises:
        KeyboardInterrupt: after `ended` was told; what was complete stays complete.
    """
    _Run(sweep, ended, fresh, mirror).run()


class _Run:
    """One run of a sweep: the live engine, the progress, the cells that were asked."""

    def __init__(
        self, sweep: Sweep, ended: Callable[[Outcome], None], fresh: set[str], mirror: StartMirror | None
    ) -> None:
        self._sweep = sweep
        self._ended = ended
        self._mirror = mirror
        self._session: Session | None = None
        self._fresh = fresh
        self._warned: set[str] = set()

    def run(self) -> None:
        self._keep_refusals()
        ready = [(plan, left) for plan, left in self._sweep.left() if self._guarded(plan, partial(_ready, plan, left))]
        to_ask = [(plan, left) for plan, left in ready if left]
        n_cells = sum(len(left) for _, left in to_ask)
        answers = sum(cell.n_items * plan.config.n for plan, left in to_ask for cell in left)
        try:
            with shown(len(to_ask), n_cells, answers) as progress:
                for plan, left in ready:
                    if self._guarded(plan, partial(self._variant, plan, left, progress)):
                        self._ended(Outcome(DONE, plan.label))
        finally:
            if self._session is not None:
                self._session.close()

    def _keep_refusals(self) -> None:
        """Put the variants that were refused as a result into their studies, and tell of everything refused."""
        unkept: dict[str, str] = {}
        for config, error in self._sweep.mismatches:
            try:
                store = Store(Path(config.store))
                store.check_writable()
                record = refusal_record(config, error)
                store.write_refusal(Refusal(schema_version=SCHEMA_VERSION, **record))  # type: ignore[typeddict-item]
            except Refused as broken:
                unkept[error.label] = str(broken)
        for outcome in self._sweep.refused:
            more = unkept.get(outcome.label) if outcome.kept else None
            self._ended(Outcome(REFUSED, outcome.label, f"{outcome.message}\n{more}") if more else outcome)

    def _guarded(self, plan: Plan, work: Callable[[], None]) -> bool:
        """Whether some work on a plan ended well; where it did not, the caller is told."""
        try:
            work()
            return True
        except RvevalError as error:
            self._ended(Outcome(error.exit_code, plan.label, str(error)))
        except KeyboardInterrupt:
            self._ended(Outcome(INTERRUPTED, plan.label, _KEPT))
            raise
        except BaseException as error:  # noqa: BLE001 - one point must not stop the others
            self._ended(Outcome(FAILED, plan.label, unforeseen(error, plan.config.store)))
        return False

    def _variant(self, plan: Plan, left: Sequence[Cell], progress: Progress) -> None:
        store = Store(Path(plan.config.store))
        store.forget_refusal(plan.config.study, plan.label)
        self._warn(plan.warnings)
        _score_again(plan, store)
        _list(plan, store)
        if not left:
            return
        from rveval.run.harness.run import variant

        shown = full_variant(variant(plan.recipe), plan.recipe.to_record())
        mirror = self._mirror(plan.config, dict(shown)) if self._mirror else None
        exit_code = FAILED
        try:
            self._ask(plan, left, store, progress)
            exit_code = DONE
        except KeyboardInterrupt:
            exit_code = INTERRUPTED
            raise
        except RvevalError as error:
            exit_code = error.exit_code
            raise
        finally:
            if mirror:
                mirror.finish(exit_code)

    def _ask(self, plan: Plan, left: Sequence[Cell], store: Store, progress: Progress) -> None:
        from rveval.run.harness import run_cell

        progress.variant(plan.label)
        served = self._serve(plan, store)
        self._warn(served.warnings)
        unasked: list[Problem] = []
        for cell in left:
            with progress.cell(cell.task, cell.n_items * plan.config.n) as advance:
                try:
                    record = run_cell(plan, cell, served, store, advance)
                except DoesNotFit as error:
                    unasked.extend(error.problems)  # the tasks after it may well fit; said at the end
                    continue
                except RvevalError:
                    raise
                except Exception as error:
                    self._close()  # it may have requests left that it would answer with the next variant's weights
                    raise Failed(_cell_failed(plan, cell.task, store, error)) from error
            self._fresh.add(cell.cell_id)
            _list(plan, store)
            _log_cell(record)
        if unasked:
            raise Failed(unasked)

    def _serve(self, plan: Plan, store: Store) -> Served:
        if self._session is None:
            name = f"engine-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
            self._session = Session((store.root / "logs" / name).resolve())
        alike = [other for other in self._sweep.plans if engine_key(other) == engine_key(plan)]
        swaps = any(not other.recipe.is_base for other in alike)
        return self._session.serve(plan.recipe, plan.config.engine, swaps=swaps)

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()

    def _warn(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                log.warning("warning: %s", warning)


def unforeseen(error: BaseException, store: str | None) -> str:
    """One line for the user about what nobody foresaw; the traceback goes to a file of the store, or to /tmp."""
    words = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    for folder in (*([Path(store) / "logs"] if store else []), Path(tempfile.gettempdir()) / "rveval-logs"):
        with suppress(OSError):
            return f"{words} (traceback: {_traceback(error, folder)})"
    return f"{words} (no folder could be written for the traceback)"


def _traceback(error: BaseException, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    file.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="replace")
    return file


def _cell_failed(plan: Plan, task: str, store: Store, error: Exception) -> Problem:
    see = ""
    with suppress(OSError):  # a full disk may be why the cell failed
        see = f"see {_traceback(error, store.root / 'logs')}; "
    what = f"the cell failed: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    return Problem(what, where=f"{plan.label}, {task}", fix=f"{see}{_KEPT}")


def _ready(plan: Plan, left: Sequence[Cell]) -> None:
    """What needs no engine, but torch or transformers, before any engine starts.

    Raises:
        Refused: the store, a stored cell, the installation, the sandbox, a tensor or the chat template is broken.
    """
    store = Store(Path(plan.config.store))
    store.check_writable()
    _check_kept(plan, store)
    if not left:
        return
    installation.check(plan.config.engine.kind)
    if any(cell.asked.runs_code for cell in left):
        from rveval import sandbox

        sandbox.check(plan.config.sandbox)
    for checkpoint in {checkpoint.folder: checkpoint for checkpoint in plan.checkpoints}.values():
        assert_finite(checkpoint)
    from rveval.run.harness import chat

    chat.preflight(
        Path(plan.recipe.base), plan.config.model.system, plan.config.template, use_chat=plan.config.use_chat
    )


def _check_kept(plan: Plan, store: Store) -> None:
    """Say which cells are complete already, and refuse those that were damaged since."""
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


def _score_again(plan: Plan, store: Store) -> None:
    """Score the answers again of cells that are complete, but were scored in another way than today's."""
    for cell in plan.cells:
        if cell not in plan.left and (change := rescore_cell(store, cell.cell_id, cell.asked, plan.config.sandbox)):
            log.info("%s", change)


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


def _log_cell(record: CellRecord) -> None:
    right, label = 100 * record["metrics"]["exact_match"], record["variant"]["label"]
    seconds = record["timings"]["wall_s"]
    log.info("%s: %s, %.1f%% of %d items right, %.1f s", label, record["task"], right, record["n"], seconds)
