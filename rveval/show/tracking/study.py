"""The mirror of a whole study, from the store: a run for each variant as it was asked, and one for the summary."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rveval.errors import Failed, Problem
from rveval.findings.typed import Comparison, Summary
from rveval.show.tracking.cells import RUN_ROWS, TABLE_COLUMNS, TABLE_ROWS, numbers, prefix, rows, table_key
from rveval.show.tracking.client import OpenRun, Place, open_run, shown_config
from rveval.show.tracking.groups import Group, groups, repeat, run_id, summary_id
from rveval.show.tracking.tables import charts, differences, tables
from rveval.store import Store, StudyEntry

log = logging.getLogger("rveval.show.tracking")

_GIVE_UP = 2  # runs that fail before any succeeds: a service out of reach costs each of them its time-out


@dataclass(frozen=True)
class Shown:
    """Samples of a cell, and how many of them its table shows."""

    samples: int
    shown: int


@dataclass
class Mirrored:
    """One run that was mirrored: what it is called, its cells, and how many of their samples its tables show."""

    name: str
    run_id: str
    cells: int = 0
    samples: int = 0
    shown: int = 0
    tables: list[str] = field(default_factory=list)


def rebuild(
    place: Place, study: str, summary: Summary, told: Callable[[Mirrored], None] | None = None
) -> list[Mirrored]:
    """Mirror a study again from the store; runs that are there already are replaced.

    Args:
        place: where to.
        study: its name.
        summary: of this study alone.
        told: is given each run when it is done.

    Raises:
        Refused: no such study, or something in the store is damaged.
        Failed: runs could not be mirrored; the others were.
    """
    store = Store(place.store)
    compared = _compared(summary)
    work: list[tuple[str, Callable[[], Mirrored]]]
    work = [(f"summary of {study}", partial(mirror_summary, place, study, summary))]
    work += [
        (group.label, partial(_mirror_variant, place, study, store, group, compared))
        for group in groups_of(store, study)
    ]
    done: list[Mirrored] = []
    problems: list[Problem] = []
    for place_in_line, (name, mirror) in enumerate(work):
        if not done and len(problems) == _GIVE_UP:
            problems.append(Problem(f"not tried any more: {len(work) - place_in_line} further runs", "W&B"))
            break
        try:
            done.append(mirror())
        except Exception as error:  # the client's failures have no common base
            what = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            problems.append(Problem(what, f"W&B, {name}", fix="the store is as it was; run the same command again"))
            log.debug("W&B: the failure in full", exc_info=True)
        else:
            if told is not None:
                told(done[-1])
    if problems:
        raise Failed(problems)
    return done


def place_of(store: Path, study: str, mode: str, project: str | None, entity: str | None) -> Place:
    """Where a study's mirror is: the project of its last mirrored run, unless another is asked for.

    Raises:
        Refused: no such study.
    """
    found = [entry["config"].get("tracking") or {} for entry in Store(store).read_study(study)]
    known: dict[str, Any] = next((one for one in found if one.get("kind") == "wandb"), {})
    return Place(
        store,
        project or known.get("project") or "rveval",
        entity or known.get("entity"),
        mode,
        tuple(known.get("tags") or ()),
    )


def groups_of(store: Store, study: str) -> list[Group]:
    """The runs that a study's complete cells make."""
    entries: Sequence[StudyEntry] = store.read_study(study)
    listed = dict.fromkeys(cell_id for entry in entries for cell_id in entry["cells"])
    return groups(entries, {cell_id: store.read_cell(cell_id) for cell_id in listed if store.has(cell_id)})


def mirror_summary(place: Place, study: str, summary: Summary) -> Mirrored:
    """Mirror a study's summary: its tables, its alpha curves, and the whole of it as an artifact."""
    import wandb

    name = f"summary of {study}"
    made = tables(summary)
    values: dict[str, Any] = {f"study/{key}": _table(one.columns, one.rows) for key, one in made.items()}
    for key, chart in charts(summary).items():
        curve = _table(["alpha", "accuracy", "line"], chart.rows)
        values[table_key(f"study/{key}")] = wandb.plot.line(
            curve, "alpha", "accuracy", stroke="line", title=chart.title
        )
    told = Mirrored(name, summary_id(study), len(summary["cells"]), tables=list(made))
    shown = {"study": study, "rules": summary["rules"], "made": summary["made"]}
    with _opened(place, told, study, "summary", shown) as run, tempfile.TemporaryDirectory() as scratch:
        run.log(values)
        run.state({"verdict": summary["verdict"]["sentence"], "tone": summary["verdict"]["tone"]})
        file = Path(scratch) / "summary.json"
        file.write_text(json.dumps(summary, indent=1), encoding="ascii")
        about = {"study": study, "schema_version": summary["schema_version"]}
        run.log_file(file, f"{study}-summary", "rveval-summary", about)
    return told


def log_cell(run: OpenRun, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]], rows_left: int) -> Shown:
    """Log one cell: its numbers, and a table of its first samples.

    Args:
        run: the variant's run.
        cell: the content of cell.json.
        samples: the lines of samples.jsonl in their order; read once.
        rows_left: how many rows the run may still show.
    """
    named = prefix(cell)
    shown, total = rows(samples, max(0, min(TABLE_ROWS, rows_left)))
    values = {**numbers(cell), "samples": total, "samples_shown": len(shown)}
    logged: dict[str, Any] = {f"{named}/{name}": value for name, value in values.items()}
    if shown:
        logged[table_key(f"{named}/table")] = _table(TABLE_COLUMNS, shown)
    run.log(logged)
    return Shown(total, len(shown))


def _mirror_variant(
    place: Place, study: str, store: Store, group: Group, compared: Mapping[str, Comparison]
) -> Mirrored:
    told = Mirrored(group.label, run_id(study, group.fingerprint, group.way))
    variant = {**group.cells[-1]["variant"], "label": group.label}
    with _opened(place, told, study, "evaluate", shown_config(group.config, variant)) as run:
        for cell in group.cells:
            found = log_cell(run, cell, store.stream_samples(cell["cell_id"]), RUN_ROWS - told.shown)
            told.cells += 1
            told.samples += found.samples
            told.shown += found.shown
        first = {cell["task"]: cell["cell_id"] for cell in reversed(group.cells) if not repeat(cell)}
        run.state(differences(compared[cell_id] for cell_id in first.values() if cell_id in compared))
    return told


@contextmanager
def _opened(place: Place, told: Mirrored, study: str, job_type: str, config: Mapping[str, Any]) -> Iterator[OpenRun]:
    """A run, finished with 0 if all went well and with 1 if not."""
    run = open_run(place, told.run_id, name=told.name, group=study, job_type=job_type, config=config, live=False)
    try:
        yield run
    except BaseException:
        run.finish(1)
        raise
    run.finish(0)


def _compared(summary: Summary) -> dict[str, Comparison]:
    """By cell: the comparison that it is part of."""
    by_task = {(one["variant"], one["task"]): one for one in summary["comparisons"]}
    found: dict[str, Comparison] = {}
    for cell in summary["cells"]:
        comparison = by_task.get((cell["variant"], cell["task"]))
        if comparison is not None and cell["cell_id"]:
            found[cell["cell_id"]] = comparison
    return found


def _table(columns: Sequence[str], shown: list[list[Any]]) -> Any:
    import wandb

    # Mixed types: `extracted` is a number for one benchmark and a letter or nothing for the next.
    return wandb.Table(columns=list(columns), data=shown, allow_mixed_types=True)
