"""The mirror of a run that is going on: nothing in here may cost a cell.

Whatever goes wrong in the client, in the network or on the disk becomes one warning in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from rveval import config as schema
from rveval import findings
from rveval.config import Config
from rveval.errors import Refused
from rveval.show.tracking.client import OpenRun, Place, open_run, shown_config
from rveval.show.tracking.groups import asked_so, newest, run_id, way_of
from rveval.show.tracking.mirror import Mirrored, prefix
from rveval.show.tracking.rebuild import mirror_report
from rveval.store import Store

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
        run = _WandbRun(config, variant)
        if config.tracking.mode == "offline" and not config.force:
            run.log_kept()
        return run
    return _NoRun()


def summarise(config: Config) -> None:
    """Mirror the report of a config's study, as its cells stand now; for the end of an invocation. Never raises."""
    if config.tracking.kind == "none":
        return
    with _costing_nothing("the study's summary is not mirrored; `python -m rveval.track` can do it later"):
        store = Store(Path(config.store))
        studies = [findings.Study(config.study, store, store.read_study(config.study))]
        report = findings.build(studies, made={"source": config.store})
        mirror_report(Place.of(config), config.study, report)


class _NoRun:
    """Nothing is mirrored."""

    def log_cell(self, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        pass

    def finish(self, exit_code: int) -> None:
        pass


class _WandbRun:
    """An open run of the real client."""

    def __init__(self, config: Config, variant: Mapping[str, Any]) -> None:
        self._config, self._fingerprint = config, str(variant["fingerprint"])
        self._mirrored = Mirrored(str(variant["label"]), run_id(config.study, self._fingerprint, way_of(config)))
        self._run: OpenRun = open_run(
            Place.of(config),
            self._mirrored.run_id,
            name=self._mirrored.name,
            group=config.study,
            job_type="evaluate",
            config=shown_config(schema.resolved(config), variant),
            live=True,
        )

    def log_cell(self, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        with _costing_nothing(f"cell {cell.get('task')} is not mirrored"):
            shown, total = self._mirrored.log_cell(self._run, cell, samples)
            if shown < total:
                log.info("W&B: the table of %s shows the first %d of %d samples", prefix(cell), shown, total)

    def log_kept(self) -> None:
        """Mirror the cells that were complete before this job, as far as it asks in the same way."""
        store, way = Store(Path(self._config.store)), way_of(self._config)
        try:
            entries = store.read_study(self._config.study)
        except Refused:
            return  # the study is new
        ids = [id_ for entry in entries if entry["fingerprint"] == self._fingerprint for id_ in entry["cells"]]
        kept = [store.read_cell(cell_id) for cell_id in dict.fromkeys(ids) if store.has(cell_id)]
        for cell in newest(cell for cell in kept if asked_so(cell, way)):
            self.log_cell(cell, store.stream_samples(cell["cell_id"]))

    def finish(self, exit_code: int) -> None:
        with _costing_nothing("the run may be incomplete; `python -m rveval.track` makes the mirror again"):
            self._run.finish(exit_code)


@contextmanager
def _costing_nothing(consequence: str) -> Iterator[None]:
    """Turn any failure into a warning. Interrupts pass: they are the user's, not the client's."""
    try:
        yield
    except Exception as error:  # the client's failures have no common base: pydantic, sockets, its service, the disk
        log.warning("W&B: %s: %s (the results are in the store). %s", type(error).__name__, error, consequence)
        log.debug("W&B: the failure in full", exc_info=True)
