"""The mirror of a whole study, from the store: a run for each variant as it was asked, and one for its report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rveval.errors import Failed, Problem
from rveval.findings import Report
from rveval.show.tracking.client import OpenRun, Place, open_run, shown_config
from rveval.show.tracking.groups import Group, groups, summary_id
from rveval.show.tracking.mirror import Mirrored, differences, log_report
from rveval.store import Store

log = logging.getLogger("rveval.show.tracking")

_GIVE_UP = 2  # runs that fail before any succeeds: a service out of reach costs each of them its time-out


def rebuild(place: Place, study: str, report: Report, tell: Callable[[Mirrored], None] | None = None) -> list[Mirrored]:
    """Mirror a study again from the store; runs that are there already are replaced.

    Args:
        place: where to.
        study: its name.
        report: of this study alone.
        tell: is given each run when it is done.

    Raises:
        Refused: no such study, or something in the store is damaged.
        Failed: runs could not be mirrored; the others were.
    """
    store = Store(place.store)
    work: list[tuple[str, Callable[[], Mirrored]]] = [(_named(study), partial(mirror_report, place, study, report))]
    for group in groups(store, study):
        work.append((group.label, partial(mirror_variant, place, study, store, group, report)))
    done: list[Mirrored] = []
    problems: list[Problem] = []
    for left, (name, mirror) in zip(range(len(work), 0, -1), work, strict=True):
        if not done and len(problems) == _GIVE_UP:
            problems.append(Problem(f"not tried any more: {left} further runs", "W&B"))
            break
        try:
            done.append(mirror())
        except Exception as error:  # the client's failures have no common base
            what = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            problems.append(Problem(what, f"W&B, {name}", fix="the store is as it was; run the same command again"))
            log.debug("W&B: the failure in full", exc_info=True)
        else:
            if tell is not None:
                tell(done[-1])
    if problems:
        raise Failed(problems)
    return done


def place_of(store: Path, study: str, mode: str, project: str | None, entity: str | None) -> Place:
    """Where a study's mirror is: the project of its last mirrored run, unless another is asked for.

    Raises:
        Refused: no such study.
    """
    tracked = [entry["config"].get("tracking") or {} for entry in Store(store).read_study(study)]
    known: dict[str, Any] = next((tracking for tracking in tracked if tracking.get("kind") == "wandb"), {})
    tags = tuple(known.get("tags") or ())
    return Place(store, project or known.get("project") or "rveval", entity or known.get("entity"), mode, tags)


def mirror_report(place: Place, study: str, report: Report) -> Mirrored:
    """Mirror a study's report."""
    done = Mirrored(_named(study), summary_id(study))
    with _opened(place, done, study, "summary", {"study": study, "rules": report.rules, "made": report.made}) as run:
        done.tables = log_report(run, study, report)
    return done


def mirror_variant(
    place: Place, study: str, store: Store, group: Group, report: Report | None = None, exit_code: int = 0
) -> Mirrored:
    """Mirror the cells of a variant; with a report also their differences to the baseline."""
    done = Mirrored(group.label, group.run_id(study))
    variant = {**group.cells[-1]["variant"], "label": group.label}
    with _opened(place, done, study, "evaluate", shown_config(group.config, variant), exit_code) as run:
        for cell in group.cells:
            done.log_cell(run, cell, store.stream_samples(cell["cell_id"]))
        if report is not None:
            run.state(differences(report, group.cells))
    return done


@contextmanager
def _opened(
    place: Place, done: Mirrored, study: str, job_type: str, config: Mapping[str, Any], exit_code: int = 0
) -> Iterator[OpenRun]:
    """A run, finished with this exit status if all went well and with 1 if not."""
    run = open_run(place, done.run_id, name=done.name, group=study, job_type=job_type, config=config)
    try:
        yield run
    except BaseException:
        run.finish(1)
        raise
    run.finish(exit_code)


def _named(study: str) -> str:
    return f"summary of {study}"
