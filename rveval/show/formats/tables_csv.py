"""csv/*.csv: every list of the summary, a file each, at full precision, for whoever computes on."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rveval.show import wording
from rveval.show.output import Output, output_format

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the start of a formula


@output_format("csv", "csv/*.csv: every list of the summary, at full precision")
def write(output: Output) -> Iterator[str]:
    """Write the lists that hold something; nested values get dotted columns, lists are JSON.

    Where a row names a variant by its id, its label stands beside it: it says what was forced.
    """
    report = output.report
    labels = {row["id"]: row["label"] for row in report.variants}
    lists: dict[str, Sequence[Mapping[str, Any]]] = {"variants": report.variants, "tasks": report.tasks}
    lists |= {finding.key: finding.rows or () for finding in report.findings}
    lists["problems"] = report.problems
    (output.folder / "csv").mkdir()
    for name, rows in lists.items():
        if flat := [dict(_flat(_labelled(row, labels))) for row in rows]:
            columns = list(dict.fromkeys(key for row in flat for key in row))
            place = f"csv/{name}.csv"
            with (output.folder / place).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                writer = csv.DictWriter(file, columns, restval="")
                writer.writeheader()
                writer.writerows(flat)
            yield place


def _labelled(row: Mapping[str, Any], labels: Mapping[str, str]) -> Mapping[str, Any]:
    label = labels.get(row.get("variant") or "")
    return {"label": label, **row} if label is not None else row


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            text = wording.visible(value)
            yield prefix + key, f"'{text}" if text.startswith(_FORMULA) else text
        else:
            yield prefix + key, json.dumps(value) if isinstance(value, Sequence) else value
