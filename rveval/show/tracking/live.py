"""The mirror of a run that is going on: nothing in here may cost a cell.

Whatever goes wrong in the client, in the network or on the disk becomes one warning in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from rveval import config as schema
from rveval.config import Config
from rveval.errors import Refused
from rveval.show.tracking.cells import RUN_ROWS, prefix
from rveval.show.tracking.client import OpenRun, Place, open_run, shown_config
from rveval.show.tracking.groups import asked_so, newest, run_id, way_of
from rveval.show.tracking.study import log_cell, mirror_summary
from rveval.store import CellRecord, Store

log = logging.getLogger("rveval.show.tracking")


class Run(Protocol):
    """The mirror of one variant. No method raises."""

    def log_cell(self, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        """Mirror one stored cell.

        Args:
            cell: the content of cell.json: `task`, `n`, `metrics`, and where there are any `draw`, `health`, `timings`.
            samples: the lines of samples.jsonl in their order; read at most once.
        """

    def finish(self, exit_code: int) -> None:
        """Close the run with the exit status of its job; 0 is a success. Must be called once, after the last cell."""


def start(config: Config, variant: Mapping[str, Any]) -> Run:
    """Open the mirror of one variant as the config says; a mirror that can't be opened is a warning and no mirror.

    An offline run that goes on starts a file of its own and replaces the one before, so the cells that an earlier job
    completed are mirrored again; on the service they are there already.

    Args:
        config: `tracking` says whether and where to, `study` is the group, `store` gets the client's folder `wandb`.
        variant: `label`, `alpha`, `fingerprint`, `terms`, as in cell.json.
    """
    if config.tracking.kind == "none":
        return _NoRun()
    with _costing_nothing("the run is not mirrored"):
        run = _WandbRun(_open(config, variant))
        if config.tracking.mode == "offline" and not config.force:
            run.log_kept(config, str(variant["fingerprint"]))
        return run
    return _NoRun()


def summarise(config: Config) -> None:
    """Mirror the summary of a config's study, as its cells stand now; for the end of an invocation. Never raises."""
    if config.tracking.kind == "none":
        return
    with _costing_nothing("the study's summary is not mirrored; `python -m rveval.track` can do it later"):
        from rveval import findings as summary

        store = Store(Path(config.store))
        studies = [summary.Study(config.study, store, store.read_study(config.study))]
        mirror_summary(Place.of(config), config.study, summary.build(studies, made={"source": config.store}))


class _NoRun:
    """Nothing is mirrored."""

    def log_cell(self, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        pass

    def finish(self, exit_code: int) -> None:
        pass


class _WandbRun:
    """An open run of the real client."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self._rows_left = RUN_ROWS

    def log_cell(self, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        with _costing_nothing(f"cell {cell.get('task')} is not mirrored"):
            self._log(cell, samples)

    def log_kept(self, config: Config, fingerprint: str) -> None:
        """Mirror the cells that were complete before this job, as far as it asks in the same way."""
        store = Store(Path(config.store))
        for cell in newest(cell for cell in _kept(store, config.study, fingerprint) if asked_so(cell, way_of(config))):
            with _costing_nothing(f"the earlier cell {cell['task']} is not mirrored"):
                self._log(cell, store.stream_samples(cell["cell_id"]))

    def finish(self, exit_code: int) -> None:
        with _costing_nothing("the run may be incomplete; `python -m rveval.track` makes the mirror again"):
            self._run.finish(exit_code)

    def _log(self, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        found = log_cell(self._run, cell, samples, self._rows_left)
        self._rows_left -= found.shown
        if found.samples > found.shown:
            table = f"the table of {prefix(cell)} shows the first {found.shown} of {found.samples} samples"
            log.info("W&B: %s", table)


def _open(config: Config, variant: Mapping[str, Any]) -> OpenRun:
    return open_run(
        Place.of(config),
        run_id(config.study, str(variant["fingerprint"]), way_of(config)),
        name=str(variant["label"]),
        group=config.study,
        job_type="evaluate",
        config=shown_config(schema.resolved(config), variant),
        live=True,
    )


def _kept(store: Store, study: str, fingerprint: str) -> Sequence[CellRecord]:
    """The complete cells of a variant in a study; none where the study is new."""
    try:
        entries = store.read_study(study)
    except Refused:
        return []
    listed = [cell_id for entry in entries if entry["fingerprint"] == fingerprint for cell_id in entry["cells"]]
    return [store.read_cell(cell_id) for cell_id in dict.fromkeys(listed) if store.has(cell_id)]


@contextmanager
def _costing_nothing(consequence: str) -> Iterator[None]:
    """Turn any failure into a warning. Interrupts pass: they are the user's, not the client's."""
    try:
        yield
    except Exception as error:  # the client's failures have no common base: pydantic, sockets, its service, the disk
        log.warning("W&B: %s: %s (the results are in the store). %s", type(error).__name__, error, consequence)
        log.debug("W&B: the failure in full", exc_info=True)
