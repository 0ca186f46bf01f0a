"""How cells were asked: what two of them must share to be compared, the words that tell ways of asking apart."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rveval.store import CellRecord

_HASHES = {"code", "prompt", "data", "demonstrations"}
_OWN = {"variant", "task", "draw", "strength", "repeat"}

Flat = Mapping[str, Mapping[str, str]]


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys and their values as text; of a hash, its start. Decoding and prompting are keys of the top level."""
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from flat_settings(value, "" if key in ("decoding", "prompting") else f"{prefix}{key}.")
        else:
            text = json.dumps(value)
            yield prefix + key, text[1:9] if re.fullmatch('"[0-9a-f]{16,}"', text) else text.strip('"')


def asked_as(record: CellRecord) -> str:
    """Everything two cells must share to be compared: all settings but the variant, and the same base."""
    settings = {key: value for key, value in record["settings"].items() if key != "variant"}
    return json.dumps([record["variant"]["base"], settings], sort_keys=True)


def unlike(record: CellRecord, other: CellRecord, but: set[str]) -> list[str]:
    """The settings in which two cells differ, in words; those in `but` may differ."""
    ours, theirs = (dict(flat_settings(cell["settings"])) for cell in (record, other))
    keys = sorted(key for key in (ours.keys() | theirs.keys()) - but if ours.get(key) != theirs.get(key))
    return [f"{key}: {ours.get(key, 'null')} and {theirs.get(key, 'null')}" for key in keys]


def ways_of(records: Sequence[CellRecord]) -> dict[str, str]:
    """By cell id: the settings in which its line differs from another of the same variant; "" where there is no other.

    A hash (of code, of data) differs from task to task, so its place in time is told instead. A task that was asked in
    one way only goes with the line that was made nearest to it in time, among those asked like it.
    """
    flat = {record["cell_id"]: dict(flat_settings(record["settings"])) for record in records}
    places: dict[tuple[str, int], list[CellRecord]] = defaultdict(list)
    for record in records:
        places[record["task"], record["draw"]].append(record)
    keys = _differing(records, flat)
    ways: dict[str, str] = {}
    for here in places.values():
        shown = [key for key in sorted(keys) if len({flat[cell["cell_id"]].get(key) for cell in here}) > 1]
        for cell in here:
            ways[cell["cell_id"]] = ", ".join(_part(key, cell, here, flat) for key in shown)
    known = [record for record in records if ways[record["cell_id"]]]
    for record in records:
        if known and not ways[record["cell_id"]]:
            ways[record["cell_id"]] = _nearest(record, known, keys - _HASHES, flat, ways)
    return ways


def _differing(records: Sequence[CellRecord], flat: Flat) -> set[str]:
    """The settings in which two cells of one variant on one task and draw differ."""
    groups: dict[tuple[str, str, int], list[Mapping[str, str]]] = defaultdict(list)
    for record in records:
        groups[record["variant"]["fingerprint"], record["task"], record["draw"]].append(flat[record["cell_id"]])
    return {
        key
        for group in groups.values()
        for key in {key for settings in group for key in settings} - _OWN
        if len({settings.get(key) for settings in group}) > 1
    }


def _part(key: str, cell: CellRecord, here: Sequence[CellRecord], flat: Flat) -> str:
    value = flat[cell["cell_id"]].get(key, "null")
    if key not in _HASHES:
        return f"{key}={value}"
    first: dict[str, str] = {}
    for record in here:
        known = flat[record["cell_id"]].get(key, "null")
        first[known] = min(record["created"], first.get(known, record["created"]))
    order = sorted(first, key=lambda known: (first[known], known))
    return f"{key} version {order.index(value) + 1} of {len(order)}"


def _nearest(
    record: CellRecord, known: Sequence[CellRecord], keys: set[str], flat: Flat, ways: Mapping[str, str]
) -> str:
    """The way of the same variant's cell that was made nearest in time, of those that were asked like this one."""
    mine = flat[record["cell_id"]]
    # A limit beyond the end of a benchmark is none.
    alike = {key for key in keys if (key, mine.get(key, "null")) != ("limit", "null")}
    fitting = [
        one
        for one in known
        if one["variant"]["fingerprint"] == record["variant"]["fingerprint"]
        and all(flat[one["cell_id"]].get(key) == mine.get(key) for key in alike)
    ]
    if not fitting:
        return ""
    return ways[min(fitting, key=lambda one: (_apart(one, record), one["cell_id"]))["cell_id"]]


def _apart(one: CellRecord, other: CellRecord) -> float:
    """Seconds between two cells; 0 where one of them does not say when it was made."""
    try:
        first, second = datetime.fromisoformat(one["created"]), datetime.fromisoformat(other["created"])
        return abs((first - second).total_seconds())
    except (ValueError, TypeError):
        return 0.0
