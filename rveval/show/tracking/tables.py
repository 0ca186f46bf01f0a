"""summary.json as tables and curves: what the page shows, one row for each line of it, nothing computed.

An interval becomes four columns (`difference`, `difference_low`, `difference_high`, `difference_n`), a list words
joined by commas, and a variant is named by its label, with its id beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rveval.findings.typed import Comparison, Curve, Interval, Summary
from rveval.show.tracking.cells import shown_as

_ELSEWHERE = {"metrics", "health", "timings", "left_alone", "terms"}  # in the runs of the variants, and in the artifact


@dataclass(frozen=True)
class Table:
    """Columns and the rows under them."""

    columns: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Chart:
    """Accuracy over alpha for one vector under one family: rows of (alpha, accuracy, line)."""

    title: str
    rows: list[list[Any]]


def tables(summary: Summary) -> dict[str, Table]:
    """The tables of a summary by their names; those with nothing to show are left out."""
    labels = {variant["id"]: variant["label"] for variant in summary["variants"]}
    parts: dict[str, Iterable[Mapping[str, Any]]] = {
        "verdict": [{"text": summary["verdict"]["sentence"], "tone": summary["verdict"]["tone"]}]
        + [dict(point) for point in summary["verdict"]["points"]],
        "variants": summary["variants"],
        "tasks": summary["tasks"],
        "accuracy": summary["cells"],
        "differences": summary["comparisons"],
        "pooled": summary["pooled"],
        "survival": summary["survival"],
        "robustness": [_without(one, "families") for one in summary["robustness"]],
        "families": _exploded(summary["robustness"], "families", ("variant", "source")),
        "gains": _exploded(summary["gains"], "classes", ("variant", "baseline", "task", "draw", "n")),
        "alpha": _exploded(summary["curves"], "points", ("model", "vector", "task", "family")),
        "best_alpha": [_without(one, "points") for one in summary["curves"]],
        "prompt_by_vector": summary["factorial"],
        "noise": summary["noise"],
        "claims": summary["claims"],
        "problems": summary["problems"],
    }
    made = {name: _table([_named(row, labels) for row in rows]) for name, rows in parts.items()}
    return {name: table for name, table in made.items() if table.rows}


def charts(summary: Summary) -> dict[str, Chart]:
    """The alpha curves, one chart for each model, vector and family, one line for each task and for its bounds."""
    found: dict[str, Chart] = {}
    for curve in summary["curves"]:
        name = "/".join(("alpha_curve", curve["model"], curve["vector"], curve["family"]))
        title = f"{curve['vector']} on {curve['model']}, {curve['family']}: share of right answers"
        found.setdefault(name, Chart(title, [])).rows.extend(_lines(curve))
    return {name: chart for name, chart in found.items() if len({row[0] for row in chart.rows}) > 1}


def differences(rows: Iterable[Comparison]) -> dict[str, float]:
    """A variant's comparisons as numbers of its run: `rv_sciq/difference`, its bounds, and the corrected p."""
    found: dict[str, float] = {}
    for row in rows:
        interval = row["difference"]
        named = {
            "difference": interval["value"],
            "difference_low": interval["low"],
            "difference_high": interval["high"],
        }
        named |= {"p_holm": row["p_holm"], "fixed": row["fixed"], "broken": row["broken"]}
        found |= {f"{row['task']}/{name}": value for name, value in named.items() if value is not None}
    return found


def _lines(curve: Curve) -> Iterator[list[Any]]:
    bounds: dict[str, Callable[[Interval], float]] = {
        "": lambda one: one["value"],
        ", low": lambda one: one["low"],
        ", high": lambda one: one["high"],
    }
    for ending, bound in bounds.items():
        for point in curve["points"]:
            yield [point["alpha"], bound(point["accuracy"]), f"{curve['task']}{ending}"]


def _exploded(rows: Sequence[Mapping[str, Any]], part: str, keys: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """One row for each member of a part, with the keys that say whose it is."""
    for row in rows:
        for one in row[part]:
            yield {key: row[key] for key in keys} | {key: value for key, value in one.items() if key not in keys}


def _without(row: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    return {key: value for key, value in row.items() if key != part}


def _named(row: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """A row with labels where ids of variants stand."""
    named = dict(row)
    if row.get("variant") in labels:
        named |= {"variant": labels[row["variant"]], "variant_id": row["variant"]}
    if row.get("baseline") in labels:
        named["baseline"] = labels[row["baseline"]]
    return named


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    flat = [dict(_flat(row)) for row in rows]
    columns = list(dict.fromkeys(column for row in flat for column in row))
    return Table(columns, [[shown_as(row.get(column)) for column in columns] for row in flat])


def _flat(row: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Any]]:
    """The cells of a row: intervals as four, other mappings by their path, lists as words."""
    for key, value in row.items():
        path = f"{name}{key}"
        if key in _ELSEWHERE:
            continue
        if isinstance(value, Mapping) and {"value", "low", "high", "n"} <= value.keys():
            yield from ((path if part == "value" else f"{path}_{part}", value[part]) for part in value)
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list):
            yield path, ", ".join(map(str, value))
        else:
            yield path, value
