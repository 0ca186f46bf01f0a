"""Stored answers, scored again without an engine: where a reader or a scorer is not the one that scored them.

A cell's id knows what can change an answer, and no reader (`cells.asking`). What scored the answers is `scored_by` in
its record; the next run and the next report score again what that differs for, and the record says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rveval import benchmarks, perturb
from rveval.benchmarks import upstream
from rveval.errors import Failed, Problem, Refused, RvevalError
from rveval.run import cells
from rveval.run.suites import Asked, scored_by
from rveval.store import CellRecord, Rescoring, Sample, Store

_AGAIN = "scored again"


@dataclass(frozen=True)
class Rescored:
    """A cell whose answers were scored again, or why they could not be.

    Args:
        cell_id, label, task: of the cell.
        why: what scores otherwise now.
        metrics: those that changed, each with its value before and now.
        changed: answers that are read or scored otherwise now.
        problem: why nothing was done; the cell is as it was.
    """

    cell_id: str
    label: str
    task: str
    why: str = ""
    metrics: Mapping[str, tuple[float, float]] | None = None
    changed: int = 0
    problem: str = ""

    def __str__(self) -> str:
        where = f"{self.label}, {self.task}"
        if self.problem:
            return f"{where}: not {_AGAIN}: {self.problem}"
        numbers = [f"{name} {before:.4g} -> {now:.4g}" for name, (before, now) in (self.metrics or {}).items()]
        found = "; ".join([f"{self.changed} answers are read or scored otherwise", *numbers])
        return f"{where}: {_AGAIN} without asking again ({self.why}): {found}"


def rescore(store: Store, study: str, *, force: bool = False) -> list[Rescored]:
    """Score a study's answers again, of all cells that were scored otherwise than today.

    Cells of schema 1 do not say what scored them, and stay as they are.

    Args:
        store: where the study is.
        study: its name.
        force: all of its cells.

    Returns:
        What was scored again, and what could not be.

    Raises:
        Refused: no such study.
    """
    found: dict[str, Rescored | None] = {}
    for entry in store.read_study(study):
        include = (entry["config"].get("suite") or {}).get("include") or ()
        for cell_id in entry["cells"]:
            if cell_id in found or not store.has(cell_id):
                continue
            record = store.read_cell(cell_id)
            by = record.get("scored_by", {})
            try:
                asked = _asked(record, include) if by else None
                sandbox = by.get("sandbox", "bwrap")
                found[cell_id] = rescore_cell(store, cell_id, asked, sandbox, force=force) if asked else None
            except RvevalError as error:
                found[cell_id] = Rescored(cell_id, entry["label"], record["task"], problem=str(error))
    return [change for change in found.values() if change]


def rescore_cell(store: Store, cell_id: str, asked: Asked, sandbox: str, *, force: bool = False) -> Rescored | None:
    """Score the answers of one complete cell again, where they were scored otherwise than today.

    Args:
        store: where the cell is.
        cell_id: its id.
        asked: its task.
        sandbox: where programs are run.
        force: also where nothing differs.

    Returns:
        What changed; None where there was nothing to do.

    Raises:
        Refused: the items are not those that were asked, or can't be read; the sandbox is not there.
        Failed: the disk is full or not writable. The cell is as it was.
    """
    record = store.read_cell(cell_id)
    before, today = record.get("scored_by"), scored_by(asked, sandbox)
    if before is None or (before == today and not force):
        return None
    from rveval.run.harness import samples as lines

    stored = store.read_samples(cell_id)
    samples = _scored(record, asked, sandbox, stored)
    metrics = lines.metrics(samples)
    why = _difference(before, today)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    said = [warning for warning in record["warnings"] if not warning.startswith(_AGAIN)]
    try:
        store.rewrite_cell(
            cell_id,
            samples,
            metrics=metrics,
            health=lines.health(samples),
            scored_by=today,
            rescored=[*record.get("rescored", []), Rescoring(at=now, scored_by=before)],
            warnings=[*said, f"{_AGAIN} on {now[:10]} without asking again: {why}"],
        )
    except OSError as error:
        raise Failed(cells.not_stored(record["task"], store, error)) from error
    known = record["metrics"]
    changed = {name: (known.get(name, 0.0), value) for name, value in metrics.items() if known.get(name) != value}
    number = sum(one != other for one, other in zip(stored, samples, strict=True))
    return Rescored(cell_id, record["variant"]["label"], record["task"], why, changed, number)


def _asked(record: CellRecord, include: Sequence[str]) -> Asked:
    """The task of a record.

    Raises:
        Refused: there is no such task any more.
    """
    task, families, settings = record["task"], record["family"], record["settings"]
    clean = task if families == perturb.CLEAN else task.removesuffix(f"_{families}")
    wrapped = None if task.startswith("rv_") else upstream.find(clean, include)[0]
    source = clean if wrapped else benchmarks.of_task(task).source
    how = (settings.get("strength"), wrapped, settings.get("repeat", 0))
    return Asked(task, source, record["benchmark"], families, record["draw"], *how)


def _scored(record: CellRecord, asked: Asked, sandbox: str, stored: Sequence[Sample]) -> list[Sample]:
    """The samples with today's scores."""
    from rveval.run.harness import chat, wrapped
    from rveval.run.harness import samples as lines

    _check_items(record, asked)
    task: Any = None
    if asked.wrapped:
        task = wrapped.build(asked, record["seed"], None, record["settings"]["decoding"]["n"])
        docs = task.test_docs()
    else:
        docs = benchmarks.documents(asked.source, "test", asked.metadata(record["seed"], sandbox), record["limit"])

    def count_tokens(text: str) -> int:
        return lines.token_counter(chat.read_tokenizer(Path(record["recipe"]["base"])))(text)

    return lines.scored(asked, task, dict(enumerate(docs)), stored, count_tokens)


def _check_items(record: CellRecord, asked: Asked) -> None:
    """Raises Refused where today's items or prompts are not those that were asked: their answers may be others."""
    now = {"prompt": cells.prompt_hash(asked), "data": cells.data_hashes(asked, 0)["data"]}
    for name, value in now.items():
        if record["settings"].get(name) != value:
            what = f"the {name} of the task was changed since it was asked, so its answers can't be scored again"
            raise Refused(Problem(what, where=record["task"], fix="run it again"))


def _difference(before: Mapping[str, Any], today: Mapping[str, Any]) -> str:
    """What scores otherwise, in words."""
    names = [name for name in {**before, **today} if before.get(name) != today.get(name)]
    parts = [f"{name.replace('_', ' ')} {before.get(name, 'none')} -> {today.get(name, 'none')}" for name in names]
    return ", ".join(parts) or "as was wished"
