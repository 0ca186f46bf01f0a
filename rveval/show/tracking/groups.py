"""Which cells make one run of the mirror, and its id: a variant of a study, asked in one way.

A run that is going on knows its config, a rebuilt one only cells; both come to the same `Way`, and so to the same id.
What belongs to a task (its data, code, draws) or to the machine (versions, device) is no part of the way: a cell that
was made again by a newer version replaces the older one in the run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rveval.config import Config
from rveval.store import CellRecord, StudyEntry

_DECODING = ("max_gen_toks", "temperature", "top_p", "n")
_ENGINE = ("kind", "tensor_parallel_size", "batch", "max_model_len", "enforce_eager", "seed", "extra")


@dataclass(frozen=True)
class Way:
    """How cells were asked: what they share (as JSON), and how many items of a task at most (None: all)."""

    shared: str
    limit: int | None


@dataclass(frozen=True)
class Group:
    """The cells of one run: by task, the newest of each task, draw and repetition."""

    label: str
    fingerprint: str
    way: Way
    cells: tuple[CellRecord, ...]
    config: dict[str, Any]


def run_id(study: str, fingerprint: str, way: Way) -> str:
    """The id of a variant's run: 16 hex digits of a sha256."""
    return _hashed("variant", study, fingerprint, way.shared, way.limit)


def summary_id(study: str) -> str:
    """The id of the run that shows a study's summary."""
    return _hashed("summary", study)


def way_of(config: Config) -> Way:
    """How a config asks."""
    engine = config.engine
    shared = {
        "seed": config.seed,
        "decoding": {name: getattr(config, name) for name in _DECODING},
        "prompting": {"num_fewshot": config.num_fewshot, "chat": config.use_chat, "system": config.model.system},
        "engine": {
            "kind": engine.kind,
            "tensor_parallel_size": engine.tensor_parallel_size,
            "batch": engine.batch_size if engine.kind == "hf" else engine.max_num_seqs,
            "max_model_len": engine.max_model_len,
            "enforce_eager": engine.enforce_eager,
            "seed": engine.seed,
            "extra": asdict(engine)["extra"],
        },
    }
    return Way(_shared(shared), config.item_limit)


def asked_so(cell: CellRecord, way: Way) -> bool:
    """Whether a cell is one that this way of asking makes."""
    if _shared(cell["settings"]) != way.shared:
        return False
    limit = cell["settings"].get("limit")
    # A limit that no task reaches leaves no trace in the cell.
    return limit == way.limit if limit is not None else way.limit is None or cell["n"] <= way.limit


def newest(cells: Iterable[CellRecord]) -> tuple[CellRecord, ...]:
    """The newest cell of each task, draw and repetition, in the order of their tasks."""
    found: dict[tuple[str, int, int], CellRecord] = {}
    for cell in sorted(cells, key=lambda one: one["created"]):
        found[cell["task"], cell["draw"], repeat(cell)] = cell
    return tuple(found[key] for key in sorted(found))


def repeat(cell: Mapping[str, Any]) -> int:
    """Which repetition of a task in another order of requests a cell is; 0 is the first run of it."""
    return int((cell.get("settings") or {}).get("repeat") or 0)


def groups(entries: Sequence[StudyEntry], cells: Mapping[str, CellRecord]) -> list[Group]:
    """The runs of a study, by alpha and label.

    Args:
        entries: the variants of the study.
        cells: the complete cells by their ids; what is listed and not here is left out.
    """
    found: dict[tuple[str, Way], Group] = {}
    for entry in entries:
        own = [cells[cell_id] for cell_id in entry["cells"] if cell_id in cells]
        for way in _ways(own, entry["config"]):
            one = Group(entry["label"], entry["fingerprint"], way, tuple(own), entry["config"])
            # One variant under two names has one run.
            before = found.get((one.fingerprint, way))
            together = (*before.cells, *own) if before else own
            fitting = newest(cell for cell in together if asked_so(cell, way))
            found[one.fingerprint, way] = replace(before or one, cells=fitting)
    return sorted(found.values(), key=lambda one: (one.cells[0]["variant"]["alpha"], one.label, one.way.limit or 0))


def _ways(cells: Sequence[CellRecord], config: Mapping[str, Any]) -> list[Way]:
    """The fewest ways of asking that account for all cells, the last run's own limit first."""
    ways: list[Way] = []
    for shared in dict.fromkeys(_shared(cell["settings"]) for cell in cells):
        own = [cell for cell in cells if _shared(cell["settings"]) == shared]
        limits = sorted({cell["settings"]["limit"] for cell in own if cell["settings"].get("limit") is not None})
        last = _limit(config)
        unlimited = [cell for cell in own if cell["settings"].get("limit") is None]
        if unlimited and last not in limits and any(asked_so(cell, Way(shared, last)) for cell in unlimited):
            limits.insert(0, last)
        possible = [Way(shared, limit) for limit in limits]
        if any(not any(asked_so(cell, way) for way in possible) for cell in own):
            possible.append(Way(shared, None))
        ways += possible
    return ways


def _limit(config: Mapping[str, Any]) -> Any:
    limit = config.get("limit")
    return (config.get("suite") or {}).get("limit") if limit is None else limit


def _shared(settings: Mapping[str, Any]) -> str:
    engine = settings.get("engine") or {}
    found = {name: settings.get(name) for name in ("seed", "decoding", "prompting")}
    return json.dumps(found | {"engine": {name: engine.get(name) for name in _ENGINE}}, sort_keys=True)


def _hashed(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
