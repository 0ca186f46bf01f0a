"""The rows of the table at the end of a run: every cell of a study with its intervals, and against its baseline."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from rveval import stats
from rveval.errors import Problem, Refused
from rveval.store import CellRecord, Sample, Store, StudyEntry


@dataclass(frozen=True)
class Row:
    """One cell of a study, compared.

    Args:
        cell: its record.
        label: the variant's label in this study; with the start of its fingerprint where two variants share one.
        asked: the settings by which this cell differs from others of its task in the study, such as `limit=4`.
        accuracy: share of right answers (flexible reading) with its interval, per item.
        strict: the same by the strict reading.
        difference: against the baseline's cell; None for the baseline itself, and where there is none.
        group: the group of tasks it belongs to ("rv_bbh_typos"), "" for none.
        members: of a group's own row, the number of its tasks; 0 for a single cell.
    """

    cell: CellRecord
    label: str
    asked: str
    accuracy: stats.Interval
    strict: stats.Interval
    difference: stats.Paired | None
    group: str = ""
    members: int = 0

    @property
    def is_baseline(self) -> bool:
        return not self.cell["variant"]["terms"]


def compare(store: Store, study: str) -> list[Row]:
    """All complete cells of a study, by task, then by how they were asked, then by alpha.

    The label is the study's and not the one in the cell: the cell may have been run under another name.

    Raises:
        Refused: no such study, damaged cells (all are named), or two cells to be compared hold different items.
    """
    entries = store.read_study(study)
    listed = [(entry, cell_id) for entry in entries for cell_id in entry["cells"] if store.has(cell_id)]
    cells, samples = _read(store, [cell_id for _, cell_id in listed])
    labels, asked = _labels(entries), _differences(list(cells.values()))
    baselines = {asked_as(cell): cell for cell in cells.values() if not cell["variant"]["terms"]}
    rows = []
    groups: dict[tuple[str, str, str], list[CellRecord]] = defaultdict(list)
    for entry, cell_id in listed:
        cell = cells[cell_id]
        label = labels[entry["label"], entry["fingerprint"]]
        rows.append(_row(cell, label, asked[cell_id], baselines.get(asked_as(cell)), samples))
        if cell["benchmark"] == "bbh":
            groups[label, group_of(cell), _asked_alike(cell)].append(cell)
    for (label, group, _), members in groups.items():
        if len(members) > 1:
            rows.append(_group_row(group, label, members, [baselines.get(asked_as(one)) for one in members], samples))
    return sorted(rows, key=_order)


def group_of(cell: CellRecord) -> str:
    """The group of a subtask's task: "rv_bbh_typos" for "rv_bbh_word_sorting_typos"."""
    plain = "rv_stock_bbh" if cell["task"].startswith("rv_stock_") else "rv_bbh"
    return plain if cell["family"] == "clean" else f"{plain}_{cell['family']}"


def _asked_alike(cell: CellRecord) -> str:
    """What the members of a group have in common; the rest belongs to each one's own data and file."""
    own = ("task", "data", "demonstrations", "code", "prompt", "limit")
    return json.dumps({key: value for key, value in cell["settings"].items() if key not in own}, sort_keys=True)


def _group_row(
    group: str,
    label: str,
    members: Sequence[CellRecord],
    baselines: Sequence[CellRecord | None],
    samples: dict[str, list[Sample]],
) -> Row:
    """All items of a group together: every item counts the same, so a subtask weighs by its size."""

    def whole(cells: Sequence[CellRecord]) -> CellRecord:
        n = sum(cell["n"] for cell in cells)
        shares = {name: sum(c["metrics"][name] * c["n"] for c in cells) / n for name in cells[0]["metrics"]}
        health = Counter[str]()
        for cell in cells:
            health.update(cell["health"])
        timings = {name: sum(cell["timings"][name] for cell in cells) for name in cells[0]["timings"]}  # type: ignore[literal-required]
        found = {"task": group, "n": n, "metrics": shares, "health": dict(health), "timings": timings}
        return {**cells[0], **found, "cell_id": "+".join(cell["cell_id"] for cell in cells)}  # type: ignore[typeddict-item]

    cell = whole(members)
    held = {cell["cell_id"]: [sample for one in members for sample in samples[one["cell_id"]]]}
    known = [one for one in baselines if one is not None]
    baseline = whole(known) if len(known) == len(members) else None
    if baseline is not None and baseline["cell_id"] != cell["cell_id"]:
        held[baseline["cell_id"]] = [sample for one in known for sample in samples[one["cell_id"]]]
    return replace(_row(cell, label, f"{len(members)} subtasks", baseline, held), group="", members=len(members))


def missing(store: Store, study: str) -> list[tuple[str, str]]:
    """(label, cell id) of the cells that a study lists and the store does not have: somebody removed them."""
    entries = store.read_study(study)
    return [(entry["label"], cell) for entry in entries for cell in entry["cells"] if not store.has(cell)]


def _order(row: Row) -> tuple[Any, ...]:
    number = row.cell["variant"]["alpha"]
    return row.cell["task"], row.cell["draw"], row.asked, number, _by_numbers(row.label)


def _by_numbers(label: str) -> list[tuple[str, float]]:
    """A label's words and numbers, so that `seed 2` comes before `seed 10`."""
    parts = re.split(r"(\d+(?:\.\d+)?)", label)
    return [(words, float(number)) for words, number in zip(parts[::2], [*parts[1::2], "0"], strict=True)]


def _read(store: Store, ids: Sequence[str]) -> tuple[dict[str, CellRecord], dict[str, list[Sample]]]:
    problems: list[Problem] = []
    cells, samples = {}, {}
    for cell_id in dict.fromkeys(ids):
        try:
            cells[cell_id], samples[cell_id] = store.read_cell(cell_id), store.read_samples(cell_id)
        except Refused as error:
            problems.extend(error.problems)
    if problems:
        raise Refused(problems)
    return cells, samples


def _labels(entries: Sequence[StudyEntry]) -> dict[tuple[str, str], str]:
    """What each (label, fingerprint) is shown as."""
    variants = {(entry["label"], entry["fingerprint"]) for entry in entries}
    shared = Counter(label for label, _ in variants)
    return {(label, print_): f"{label} ({print_[:8]})" if shared[label] > 1 else label for label, print_ in variants}


def _differences(cells: Sequence[CellRecord]) -> dict[str, str]:
    """By cell id: the settings that not all cells of the same task and draw share."""
    groups: dict[tuple[str, int], list[CellRecord]] = defaultdict(list)
    for cell in cells:
        groups[cell["task"], cell["draw"]].append(cell)
    found = {}
    for group in groups.values():
        flat = {cell["cell_id"]: dict(flat_settings(cell["settings"])) for cell in group}
        keys = sorted({key for settings in flat.values() for key in settings} - {"variant", "repeat"})
        differing = [key for key in keys if len({settings.get(key) for settings in flat.values()}) > 1]
        for cell_id, settings in flat.items():
            again = [f"repeat={settings['repeat']}"] if "repeat" in settings else []
            found[cell_id] = ", ".join([f"{key}={settings.get(key, 'null')}" for key in differing] + again)
    return found


def flat_settings(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys and their values as text; of a hash, its start. Decoding and prompting are keys of the top level."""
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from flat_settings(value, "" if key in ("decoding", "prompting") else f"{prefix}{key}.")
        else:
            text = json.dumps(value)
            yield prefix + key, text[1:9] if re.fullmatch('"[0-9a-f]{16,}"', text) else text.strip('"')


def scores(samples: Sequence[Sample], key: str = "correct") -> dict[str, float]:
    """Share of right samples by item id."""
    by_item: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        by_item[sample["item_id"]].append(float(bool(sample[key])))  # type: ignore[literal-required]
    return {item: fmean(values) for item, values in by_item.items()}


def asked_as(cell: CellRecord) -> str:
    """Everything two cells must share to be compared: all settings but the variant, and the same base."""
    settings: dict[str, Any] = {key: value for key, value in cell["settings"].items() if key != "variant"}
    return json.dumps([cell["variant"]["base"], settings], sort_keys=True)


def _row(
    cell: CellRecord, label: str, asked: str, baseline: CellRecord | None, samples: dict[str, list[Sample]]
) -> Row:
    own = samples[cell["cell_id"]]
    flexible = scores(own)
    difference = None
    if baseline is not None and baseline["cell_id"] != cell["cell_id"]:
        difference = _paired(cell, flexible, baseline, scores(samples[baseline["cell_id"]]))
    strict = scores(own, "correct_strict")
    return Row(
        cell=cell,
        label=label,
        asked=asked,
        accuracy=stats.accuracy(list(flexible.values())),
        strict=stats.accuracy(list(strict.values())),
        difference=difference,
        group=group_of(cell) if cell["benchmark"] == "bbh" else "",
    )


def _paired(
    cell: CellRecord, variant: dict[str, float], baseline_cell: CellRecord, baseline: dict[str, float]
) -> stats.Paired:
    if variant.keys() != baseline.keys():
        only = sorted(variant.keys() ^ baseline.keys())
        raise Refused(
            Problem(
                "two cells that should be compared hold different items",
                where=f"{cell['task']}: {cell['variant']['label']} and {baseline_cell['variant']['label']}",
                expected="the same item ids",
                found=f"{len(only)} items in one only, such as {', '.join(only[:5])}",
                fix="run both again with force=true",
            )
        )
    items = list(variant)
    return stats.paired([variant[item] for item in items], [baseline[item] for item in items])
