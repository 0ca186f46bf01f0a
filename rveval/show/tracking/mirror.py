"""What runs of the mirror show: a variant its cells, as numbers and tables of samples; a study its report's tables.

What a model wrote is data: it is cut where it is endless, cleaned of what is no Unicode, and otherwise left as it is;
W&B shows a table's text as text.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from rveval.findings import Curve, Interval, Outcome, Points, PValue, Report, Score, Share, Table, Value
from rveval.show.tables import tables
from rveval.show.tracking.client import OpenRun
from rveval.show.tracking.groups import repeat

TABLE_ROWS = 1_000
"""Rows of one cell's table; `<task>/samples` and `<task>/samples_shown` say what is left to samples.jsonl."""

RUN_ROWS = 10_000
"""Rows of all tables of one run together: W&B's tables are for looking at, and slow beyond this."""

CELL_CHARACTERS = 10_000
"""Characters of one text in a table; a longer one is cut and ends by saying so."""

TABLE_COLUMNS = (
    *("item_id", "sample_index", "prompt", "response", "target", "extracted", "correct", "extracted_strict"),
    *("correct_strict", "extraction_failed", "finish_reason", "n_prompt_tokens", "n_output_tokens"),
)
_KEY_LENGTH = 90  # of the 128 characters of an artifact's name; the rest is the run's id, "_table" and a random ending


@dataclass
class Mirrored:
    """One run that was mirrored: its cells, how many of their samples its tables show, and a study's tables."""

    name: str
    run_id: str
    cells: int = 0
    samples: int = 0
    shown: int = 0
    tables: tuple[str, ...] = ()

    def log_cell(self, run: OpenRun, cell: Mapping[str, Any], samples: Iterable[Mapping[str, Any]]) -> None:
        """Log one cell: its numbers, and a table of its first samples.

        Args:
            run: the variant's run.
            cell: the content of cell.json.
            samples: the lines of samples.jsonl in their order; read once.
        """
        name, remaining = prefix(cell), iter(samples)
        first = islice(remaining, max(0, min(TABLE_ROWS, RUN_ROWS - self.shown)))
        rows = [[shown_as(sample.get(column)) for column in TABLE_COLUMNS] for sample in first]
        total = len(rows) + sum(1 for _ in remaining)
        values: dict[str, Any] = {**_numbers(cell), "samples": total, "samples_shown": len(rows)}
        values = {f"{name}/{key}": value for key, value in values.items()}
        if rows:
            values[table_key(f"{name}/table")] = _table(TABLE_COLUMNS, rows)
        run.log(values)
        self.cells, self.samples, self.shown = self.cells + 1, self.samples + total, self.shown + len(rows)


def log_report(run: OpenRun, study: str, report: Report) -> tuple[str, ...]:
    """Log a study's report: its tables, its curves, and the whole of it as an artifact; gives the tables' names."""
    import wandb

    points = [[point["text"], point["tone"]] for point in [_sentence(report), *report.verdict["points"]]]
    values: dict[str, Any] = {"study/verdict": _table(["text", "tone"], points)}
    values |= {f"study/{table.key}": _table(*columns_and_rows(table)) for table in tables(report, detail=True)}
    names = tuple(key.removeprefix("study/") for key in values)
    for key, rows in _curves(report):
        curve = _table(["alpha", "percent", "line"], rows)
        title = key.rpartition("/")[2]
        values[table_key(key)] = wandb.plot.line(curve, "alpha", "percent", stroke="line", title=title)
    run.log(values)
    run.state({"verdict": report.verdict["sentence"], "tone": report.verdict["tone"]})
    summary = report.summary()
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "summary.json"
        file.write_text(json.dumps(summary, indent=1), encoding="ascii")
        about = {"study": study, "schema_version": summary["schema_version"]}
        run.log_file(file, f"{study}-summary", "rveval-summary", about)
    return names


def differences(report: Report, cells: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Differences to the baseline as numbers of a variant's run: `rv_sciq/difference`, its bounds, the corrected p.

    Args:
        report: of the study.
        cells: of the run.
    """
    places = {row["cell_id"]: (row["variant"], row["task"]) for row in report.finding("cells").rows or ()}
    compared = {(row["variant"], row["task"]): row for row in report.finding("comparisons").rows or ()}
    values: dict[str, float] = {}
    for cell in cells:
        row = compared.get(places.get(cell["cell_id"], ("", "")))
        if row is not None and not repeat(cell):
            interval = row["difference"]
            named = {"": interval["value"], "_low": interval["low"], "_high": interval["high"]}
            values |= {f"{row['task']}/difference{end}": value for end, value in named.items()}
            values |= {f"{row['task']}/{name}": row[name] for name in ("p_holm", "fixed", "broken")}
    return values


def prefix(cell: Mapping[str, Any]) -> str:
    """The name of a cell among the metrics of its run: the task, and the draw and the repetition after the first.

    >>> prefix({"task": "rv_sciq", "draw": 2, "settings": {"repeat": 1}})
    'rv_sciq/draw2/repeat1'
    """
    further = {"draw": cell.get("draw") or 0, "repeat": repeat(cell)}
    return "/".join([str(cell["task"]), *(f"{name}{number}" for name, number in further.items() if number)])


def shown_as(value: Any) -> Any:
    """A value of a table: texts cut to `CELL_CHARACTERS` and without halves of characters, all else as it is.

    >>> shown_as("a\\ud800"), shown_as(3)
    ('a\\ufffd', 3)
    """
    if not isinstance(value, str):
        return value
    if (more := len(value) - CELL_CHARACTERS) > 0:
        value = f"{value[:CELL_CHARACTERS]}\n[... {more:,} characters more]"
    # A lone surrogate is no UTF-8, which the client writes; U+FFFD is what stands for such a thing.
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def table_key(name: str) -> str:
    """The key of a table: its name, shortened where W&B could not name the artifact that it keeps the table in.

    >>> table_key("rv_sciq/table"), len(table_key("x" * 500))
    ('rv_sciq/table', 89)
    """
    if len(name) <= _KEY_LENGTH:
        return name
    return f"{name[: _KEY_LENGTH - 10]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def columns_and_rows(table: Table) -> tuple[list[str], list[list[Any]]]:
    """A table of typed values as plain columns: an interval is four of them."""
    lines = [[_flat(value) for value in row.values] for row in table.rows]
    columns: dict[tuple[int, str], str] = {}
    for place, column in enumerate(table.columns):
        for end in dict.fromkeys(end for line in lines for end in line[place]):
            name = f"{column.heading}{end}"
            columns[place, end] = name if name not in columns.values() else f"{name} ({place})"
    return list(columns.values()), [[line[place].get(end) for place, end in columns] for line in lines]


def _flat(value: Value) -> dict[str, Any]:
    """A value by the endings of its columns."""
    match value:
        case Points() | Share():
            return {"": value.value, **(_bounds(value.interval) if value.interval else {})}
        case Score():
            apart = value.difference
            ends = {" difference": apart["value"], **_bounds(apart, " difference")} if apart else {}
            return {"": value.accuracy["value"] if value.accuracy else None, **ends}
        case PValue():
            return {"": value.value}
        case Outcome():
            return {"": shown_as(value.text)}
        case _:
            return {"": shown_as(value)}


def _bounds(interval: Interval, of: str = "") -> dict[str, float]:
    return {f"{of} low": interval["low"], f"{of} high": interval["high"], f"{of} n": interval["n"]}


def _sentence(report: Report) -> Mapping[str, str]:
    return {"text": report.verdict["sentence"], "tone": report.verdict["tone"]}


def _curves(report: Report) -> Iterator[tuple[str, list[list[Any]]]]:
    """The curves of all pictures: a key, and rows of (x, percent, line) with a line for each panel and its bounds."""
    for finding in report.findings:
        for choice in finding.picture.choices if finding.picture else ():
            panels = [panel for panel in choice.panels if isinstance(panel, Curve)]
            rows: list[list[Any]] = []
            for panel in panels:
                bounds = {"": panel.value, ", low": panel.low, ", high": panel.high}
                for end, values in bounds.items():
                    rows += [[x, value, f"{panel.title}{end}"] for x, value in zip(panel.x, values, strict=True)]
            if rows:
                yield f"study/{finding.key}/{choice.label}", rows


def _numbers(cell: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a cell: metrics under their own names, health and timings under theirs, and n."""
    values: dict[str, float] = {"n": cell["n"]}
    for part in ("metrics", "health", "timings"):
        for name, value in _leaves(cell.get(part) or {}):
            values[name if part == "metrics" else f"{part}/{name}"] = value
    return values


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers in a tree of mappings, named by their path."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}/{name}", leaf) for name, leaf in _leaves(value))
        elif isinstance(value, int | float):
            yield str(key), value


def _table(columns: Sequence[str], rows: list[list[Any]]) -> Any:
    import wandb

    # Mixed types: `extracted` is a number for one benchmark and a letter or nothing for the next.
    return wandb.Table(columns=list(columns), data=rows, allow_mixed_types=True)
