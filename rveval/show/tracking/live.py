"""The mirror at the end of each job of a run, from the store; nothing in here may cost a cell.

Whatever goes wrong in the client, in the network or on the disk becomes one warning in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rveval import findings
from rveval.config import Config
from rveval.errors import Refused
from rveval.show.tracking.client import Place
from rveval.show.tracking.groups import groups
from rveval.show.tracking.rebuild import mirror_report, mirror_variant
from rveval.store import Store

log = logging.getLogger("rveval.show.tracking")


@dataclass(frozen=True)
class Job:
    """The mirror of one job, which runs one variant. No method raises."""

    config: Config
    fingerprint: str

    def finish(self, exit_code: int) -> None:
        """Mirror what the store has of the variant; its newest run shows the exit status of the job, 0 for a success.

        A variant of which nothing is complete has no run.
        """
        if self.config.tracking.kind == "none":
            return
        with _costing_nothing("the run is not mirrored; `python -m rveval.track` can do it later"):
            store, place = Store(Path(self.config.store)), Place.of(self.config)
            own = [group for group in _groups(store, self.config.study) if group.fingerprint == self.fingerprint]
            last = max((cell["created"] for group in own for cell in group.cells), default="")
            for group in own:
                is_last = any(cell["created"] == last for cell in group.cells)
                mirror_variant(place, self.config.study, store, group, exit_code=exit_code if is_last else 0)


def start(config: Config, variant: Mapping[str, Any]) -> Job:
    """The mirror of a job.

    Args:
        config: `tracking` says whether and where to, `study` is the group, `store` gets the client's folder `wandb`.
        variant: with its `fingerprint`.
    """
    return Job(config, str(variant["fingerprint"]))


def summarise(config: Config) -> None:
    """Mirror the report of a config's study, as its cells stand now; for the end of an invocation. Never raises."""
    if config.tracking.kind == "none":
        return
    with _costing_nothing("the study's summary is not mirrored; `python -m rveval.track` can do it later"):
        store = Store(Path(config.store))
        studies = [findings.Study(config.study, store, store.read_study(config.study))]
        report = findings.build(studies, made={"source": config.store})
        mirror_report(Place.of(config), config.study, report)


def _groups(store: Store, study: str) -> list[Any]:
    try:
        return groups(store, study)
    except Refused:
        return []  # the study is new, and nothing came of it


@contextmanager
def _costing_nothing(consequence: str) -> Iterator[None]:
    """Turn any failure into a warning. Interrupts pass: they are the user's, not the client's."""
    try:
        yield
    except Exception as error:  # the client's failures have no common base: pydantic, sockets, its service, the disk
        log.warning("W&B: %s: %s (the results are in the store). %s", type(error).__name__, error, consequence)
        log.debug("W&B: the failure in full", exc_info=True)
