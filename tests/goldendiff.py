"""Golden studies: how a study differs from what was recorded of it, by kind, in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenkept import COLUMNS

SHOWN = 5
SAMPLES, SUMMARY, PAGE = "samples", "summary", "page"
PARTS = (SAMPLES, SUMMARY, PAGE)

_KINDS = {
    "prompts": ("prompt",),
    "responses": ("response",),
    "readings": ("extracted", "extracted_strict", "target"),
    "correctness": ("correct", "correct_strict"),
}
_MISSING = "(not there)"


@dataclass
class Kind:
    """Differences of one kind: how many were compared, and those that differ as (where, recorded, now)."""

    name: str
    compared: int = 0
    differences: list[tuple[str, Any, Any]] = field(default_factory=list)

    def look(self, where: str, recorded: Any, now: Any) -> None:
        self.compared += 1
        if not same(recorded, now):
            self.differences.append((where, recorded, now))


def same(one: Any, other: Any) -> bool:
    """Equal; floats to nine digits, as a sum may be made in another order."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


def compare(recorded: Mapping[str, Any], now: Mapping[str, Any], parts: Sequence[str] = PARTS) -> list[Kind]:
    """What is compared in a study, kind by kind."""
    kinds: list[Kind] = []
    if SAMPLES in parts:
        kinds += _samples(recorded["cells"], now["cells"])
    if SUMMARY in parts:
        kinds += [
            _mapping("quoted numbers", _spread(recorded["table"]), _spread(now["table"])),
            _mapping("summary numbers", recorded["numbers"], now["numbers"]),
            _mapping("summary sentences", recorded["texts"], now["texts"]),
        ]
    if PAGE in parts:
        kinds.append(_texts("page sentences", recorded["page"], now["page"]))
    return kinds


def report(study: str, kinds: Sequence[Kind], shown: int = SHOWN) -> Iterator[str]:
    """The lines of a study's report: one a kind, and under it the first few differences."""
    bad = [kind for kind in kinds if kind.differences]
    counts = ", ".join(f"{kind.compared} {kind.name}" for kind in kinds)
    yield f"{study}: {'DIFFERS' if bad else 'equal'} ({counts})"
    for kind in bad:
        yield f"  {kind.name}: {len(kind.differences)} of {kind.compared} differ"
        for where, recorded, now in kind.differences[:shown]:
            yield f"    {where}"
            yield f"      recorded  {_short(recorded)}"
            yield f"      now       {_short(now)}"
        if len(kind.differences) > shown:
            yield f"    ... and {len(kind.differences) - shown} more"


def _samples(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[Kind]:
    cells, items, metrics = Kind("cells"), Kind("samples"), Kind("metrics")
    kinds = {name: Kind(name) for name in _KINDS}
    for key in _keys(recorded, now):
        ours, theirs = recorded.get(key), now.get(key)
        cells.look(key, ours and f"{ours['n']} items", theirs and f"{theirs['n']} items")
        if ours is None or theirs is None:
            continue
        for name in _keys(ours["metrics"], theirs["metrics"]):
            metrics.look(f"{key}: {name}", ours["metrics"].get(name, _MISSING), theirs["metrics"].get(name, _MISSING))
        before, after = _by_item(ours["samples"]), _by_item(theirs["samples"])
        if list(before) != list(after) and before.keys() == after.keys():
            items.look(f"{key}: order of the samples", list(before), list(after))
        for item in _keys(before, after):
            there, here = before.get(item), after.get(item)
            items.look(f"{key}: {item}", there and "there", here and "there")
            if there is not None and here is not None:
                for kind, names in _KINDS.items():
                    for name in names:
                        kinds[kind].look(f"{key}: {item}: {name}", there[name], here[name])
    return [cells, items, *kinds.values(), metrics]


def _by_item(samples: Sequence[Sequence[Any]]) -> dict[str, dict[str, Any]]:
    rows = [dict(zip(COLUMNS, sample, strict=True)) for sample in samples]
    return {f"{row['item_id']}, sample {row['sample_index']}": row for row in rows}


def _mapping(name: str, recorded: Mapping[str, Any], now: Mapping[str, Any]) -> Kind:
    kind = Kind(name)
    for key in _keys(recorded, now):
        kind.look(key, recorded.get(key, _MISSING), now.get(key, _MISSING))
    return kind


def _spread(table: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{key}: {name}": value for key, row in table.items() for name, value in row.items()}


def _texts(name: str, recorded: Sequence[str], now: Sequence[str]) -> Kind:
    """Texts as a reader meets them; where one stands is no promise, how often is."""
    kind, before, after = Kind(name, len(recorded)), Counter(recorded), Counter(now)
    kind.differences += [("gone", text, _MISSING) for text in (before - after).elements()]
    kind.differences += [("new", _MISSING, text) for text in (after - before).elements()]
    return kind


def _keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [*one, *(key for key in other if key not in one)]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-80:]}"
