"""Records -> comparisons: each variant of a study with its interval, and against its baseline, paired by item id.

A baseline is the same study's base (alpha 0) asked exactly as the variant was: every setting of the two cells is the
same but the weights. Where there is none, no difference is given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rveval import stats
from rveval.errors import Problem, Refused
from rveval.records import CellRecord, Sample, Store


@dataclass(frozen=True)
class Row:
    """One cell of a study, compared.

    Args:
        cell: its record.
        label: the variant's label.
        accuracy: share of right answers (flexible reading) with its interval, per item.
        strict: the same by the strict reading.
        difference: against the baseline's cell; None for the baseline itself, and where there is none.
    """

    cell: CellRecord
    label: str
    accuracy: stats.Interval
    strict: stats.Interval
    difference: stats.Paired | None

    @property
    def is_baseline(self) -> bool:
        return not self.cell["variant"]["terms"]


def compare(store: Store, study: str) -> list[Row]:
    """All complete cells of a study, by task and then by alpha.

    Raises:
        Refused: no such study, or two cells to be compared hold different items (they are named).
    """
    cells = {
        cell_id: store.read_cell(cell_id)
        for entry in store.read_study(study)
        for cell_id in entry["cells"]
        if store.has(cell_id)
    }
    samples = {cell_id: store.read_samples(cell_id) for cell_id in cells}
    baselines = {_asked(cell): cell for cell in cells.values() if not cell["variant"]["terms"]}
    rows = [_row(cell, baselines.get(_asked(cell)), samples) for cell in cells.values()]
    return sorted(rows, key=lambda row: (row.cell["task"], row.cell["draw"], row.cell["variant"]["alpha"], row.label))


def scores(samples: Sequence[Sample], key: str = "correct") -> dict[str, float]:
    """Share of right samples by item id."""
    by_item: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        by_item[sample["item_id"]].append(float(bool(sample[key])))  # type: ignore[literal-required]
    return {item: fmean(values) for item, values in by_item.items()}


def _asked(cell: CellRecord) -> str:
    """Everything two cells must share to be compared: all settings but the variant, and the same base."""
    settings: dict[str, Any] = {key: value for key, value in cell["settings"].items() if key != "variant"}
    return repr((cell["variant"]["base"], sorted(settings.items(), key=lambda pair: pair[0])))


def _row(cell: CellRecord, baseline: CellRecord | None, samples: dict[str, list[Sample]]) -> Row:
    own = samples[cell["cell_id"]]
    flexible = scores(own)
    difference = None
    if baseline is not None and baseline["cell_id"] != cell["cell_id"]:
        difference = _paired(cell, flexible, baseline, scores(samples[baseline["cell_id"]]))
    strict = scores(own, "correct_strict")
    return Row(
        cell=cell,
        label=cell["variant"]["label"],
        accuracy=stats.accuracy(list(flexible.values())),
        strict=stats.accuracy(list(strict.values())),
        difference=difference,
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
