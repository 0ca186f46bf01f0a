"""Which cells make one run of the mirror, and its id: a variant of a study, asked in one way.

What belongs to a task (its data, code, draws) or to the machine (versions, device) is no part of the way: a cell that
was made again by a newer version replaces the older one in the run. A limit is, and a limit that a task does not reach
leaves no trace in its cell, which then belongs to every limit that it fits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rveval.store import CellRecord, Store

_ENGINE = ("kind", "tensor_parallel_size", "batch", "max_model_len", "enforce_eager", "seed", "extra")


@dataclass(frozen=True)
class Group:
    """The cells of one run: by task, the newest of each task, draw and repetition.

    `way` is what they share, as JSON; `limit` is how many items of a task were asked at most (None: all).
    """

    label: str
    fingerprint: str
    way: str
    limit: int | None
    cells: tuple[CellRecord, ...]
    config: dict[str, Any]

    def run_id(self, study: str) -> str:
        """The id of the run: 16 hex digits of a sha256."""
        return _hashed("variant", study, self.fingerprint, self.way, self.limit)


def summary_id(study: str) -> str:
    """The id of the run that shows a study's report."""
    return _hashed("summary", study)


def repeat(cell: Mapping[str, Any]) -> int:
    """Which repetition of a task in another order of requests a cell is; 0 is the first run of it."""
    return int((cell.get("settings") or {}).get("repeat") or 0)


def groups(store: Store, study: str) -> list[Group]:
    """The runs that a study's complete cells make, by alpha, label and limit; one variant under two names has one run.

    Raises:
        Refused: no such study, or something in it is damaged.
    """
    cells: dict[tuple[str, str], dict[str, CellRecord]] = {}
    names: dict[str, tuple[str, dict[str, Any]]] = {}
    for entry in store.read_study(study):
        names.setdefault(entry["fingerprint"], (entry["label"], entry["config"]))
        for cell_id in filter(store.has, entry["cells"]):
            cell = store.read_cell(cell_id)
            cells.setdefault((entry["fingerprint"], way_of(cell)), {})[cell_id] = cell
    made = []
    for (fingerprint, way), by_id in cells.items():
        label, config = names[fingerprint]
        for limit, of_limit in _by_limit(list(by_id.values())):
            made.append(Group(label, fingerprint, way, limit, _newest(of_limit), config))
    return sorted(made, key=lambda group: (group.cells[0]["variant"]["alpha"], group.label, group.limit or 0))


def way_of(cell: Mapping[str, Any]) -> str:
    """How a cell was asked, but for what belongs to its task."""
    settings = cell["settings"]
    engine = settings.get("engine") or {}
    shared = {name: settings.get(name) for name in ("seed", "decoding", "prompting")}
    return json.dumps(shared | {"engine": {name: engine.get(name) for name in _ENGINE}}, sort_keys=True)


def _by_limit(cells: Sequence[CellRecord]) -> Iterable[tuple[int | None, list[CellRecord]]]:
    """The cells of each limit; those without one that fit no limit are a group of all that were asked whole."""
    limits = sorted({limit for cell in cells if (limit := cell["settings"].get("limit")) is not None})
    whole = [cell for cell in cells if cell["settings"].get("limit") is None]
    for limit in limits:
        fitting = [cell for cell in whole if cell["n"] <= limit]
        yield limit, fitting + [cell for cell in cells if cell["settings"].get("limit") == limit]
    if any(cell["n"] > max(limits, default=0) for cell in whole):
        yield None, whole


def _newest(cells: Iterable[CellRecord]) -> tuple[CellRecord, ...]:
    """The newest cell of each task, draw and repetition, in the order of their tasks."""
    newest = {
        (cell["task"], cell["draw"], repeat(cell)): cell for cell in sorted(cells, key=lambda cell: cell["created"])
    }
    return tuple(newest[key] for key in sorted(newest))


def _hashed(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
