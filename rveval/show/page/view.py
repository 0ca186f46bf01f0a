"""What the template shows: sections of findings, squares of the main table, and how the report was made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from rveval.findings import Finding, Interval, ItemsLink, Outcome, Picture, Report, Row, Score, Table, Value
from rveval.show import wording
from rveval.show.wording import CALLS, REMARK, SIGNS, count, level, percent, points, span

TONES = {"good": SIGNS["better"], "bad": SIGNS["worse"], "mixed": "◆", "unknown": SIGNS["unclear"]}
_DOTS = {"better": "●", "worse": "■", "unclear": "◆", "edge": "○", "": "○"}
GLYPHS = {
    "curve": {**_DOTS, "": "●"},
    "forest": _DOTS,
    "strip": _DOTS,
    "heat": {"better": "■", "worse": "■", "unclear": "□", "edge": "⊘", "": "□"},
    "bars": {"better": "■", "worse": "▨"},
}
"""By kind of picture and call: the shape that a legend shows."""

_AT_ONCE = 24  # rows of a table that stand on the page at once
_BAR = 100.0  # width of a square's little drawing of its interval, in its own units
_KINDS = {"skipped": "left out", "warning": "mind"}


@dataclass(frozen=True)
class Shown:
    """A table on the page: `rows` stand there at once, `more` says that the rest is loaded when it is opened.

    `reach` is how far from zero the squares' drawings have to reach, `calls` are those that occur.
    """

    table: Table
    numeric: Sequence[bool]
    rows: Sequence[Row]
    more: bool
    squares: bool
    reach: float
    calls: Sequence[str]


@dataclass(frozen=True)
class Section:
    """A finding with its tables, and those of the findings after it that hold nothing to be seen at once."""

    finding: Finding
    picture: Picture | None
    remarks: bool
    tables: Sequence[Shown]


def sections(report: Report) -> list[Section]:
    """The sections of the verdict, in the order of reading."""
    made: list[Section] = []
    for finding in report.findings:
        tables = [_shown(table) for table in finding.tables if table.rows]
        if made and not finding.picture and not any(table.open for table in finding.tables):
            made[-1] = Section(made[-1].finding, made[-1].picture, made[-1].remarks, [*made[-1].tables, *tables])
        elif not (finding.is_empty and finding.quiet):
            picture = finding.picture if finding.picture and finding.picture.choices else None
            made.append(Section(finding, picture, REMARK in str(picture), tables))
    return made


def _shown(table: Table) -> Shown:
    scores = [value for row in table.rows for value in row.values if isinstance(value, Score)]
    rows = [row for row in table.rows if not row.detail] if table.open else []
    rows = rows if scores else rows[:_AT_ONCE]
    ends = [abs(end) for one in scores if one.difference for end in (one.difference["low"], one.difference["high"])]
    return Shown(
        table=table,
        numeric=_numeric(table),
        rows=rows,
        more=len(rows) < len(table.rows),
        squares=bool(scores),
        reach=max(ends, default=0.0) or 1.0,
        calls=[call for call in SIGNS if call in {one.call for one in scores}],
    )


def _numeric(table: Table) -> list[bool]:
    return [any(wording.is_number(row.values[place]) for row in table.rows) for place in range(len(table.columns))]


def table_data(table: Table) -> dict[str, Any]:
    """A table as the page loads it: texts, and which columns hold numbers."""
    values = [row.values for row in table.rows]
    return {
        "columns": [wording.visible(f"{column.heading} {column.quiet}".strip()) for column in table.columns],
        "help": [wording.visible(column.help) for column in table.columns],
        "numeric": _numeric(table),
        "rows": [[wording.plain(value) for value in row] for row in values],
        "note": "" if table.open else wording.visible(table.note),
    }


def visible(value: Any) -> Any:
    """A template's value without invisible characters; markup is made of such values and stays."""
    return wording.visible(value) if type(value) is str else value


def is_score(value: Value) -> bool:
    """Whether a value is a square of the main table."""
    return isinstance(value, Score)


def lines(value: Value) -> tuple[str, str]:
    """A value in two lines: the number, and its interval; words are one line."""
    text = wording.plain(value)
    if isinstance(value, str | Outcome):
        return text, ""
    number_, bracket, rest = text.partition(" [")
    return number_, bracket.strip() + rest


def bar(interval: Interval, reach: float) -> tuple[float, float, float, float]:
    """Left end, right end, point and zero of an interval, in units of the square's drawing."""
    ends = (interval["low"], interval["high"], interval["value"], 0.0)
    left, right, at, zero = (round(_BAR / 2 * (1 + 0.96 * end / reach), 1) for end in ends)
    return left, right, at, zero


def address(link: ItemsLink) -> str:
    """Where in this page the items are."""
    wanted = {"task": link.task, "variant": link.variant, "show": link.show}
    return "#items?" + urlencode({key: value for key, value in wanted.items() if value})


# --- how it was made


def made(report: Report) -> dict[str, Any]:
    """Pairs of names and words: rules, versions, timings, and what else there is to know of how it was made."""
    known = report.provenance
    timings = {name.removesuffix("_s").replace("_", " "): seconds(value) for name, value in known["timings"].items()}
    moments = [moment(text) for text in sorted(known["created"])]
    answered = " to ".join(dict.fromkeys([moments[0], moments[-1]])) if moments else "not known"
    return {
        "rules": _rules(report),
        "rules_from": rules_from(report),
        "columns": {
            "Versions": [(name, ", ".join(values) or "not known") for name, values in known["versions"].items()],
            "Timings": list(timings.items()),
            "Seeds and dates": [("seeds", ", ".join(map(str, known["seeds"]))), ("answered", answered)],
            "Engine": _engines(known["engines"]),
        },
        "problems": [(_KINDS.get(row["kind"], row["kind"]), row) for row in report.problems],
    }


def _rules(report: Report) -> list[tuple[str, str]]:
    rules = report.rules
    pooling = "each benchmark counts the same" if rules["weights"] == "benchmarks" else "each item counts the same"
    survives = f"when at least {level(rules['margin'])} of it is kept and what is left is above 0, both by their whole "
    named = [
        ("Intervals", f"{level(rules['level'])}, two-sided"),
        ("Smallest detectable difference", f"what would be found with {level(rules['power'])} power"),
        ("A gain survives", f"{survives}intervals"),
        ("All benchmarks together", pooling),
        ("Floor and ceiling", f"within {100 * rules['edge']:g} points of guessing, or of everything right: no verdict"),
        ("Seed of the statistics", str(rules["seed"])),
    ]
    guessed = ", ".join(f"{name} {100 * share:.1f}%" for name, share in rules["chance"].items())
    return [*named, ("Right by guessing", guessed)] if guessed else named


def rules_from(report: Report) -> str:
    """Where the rules come from: the configs of the runs, or defaults where these do not say."""
    suites = [config.get("suite") or {} for config in report.provenance["configs"].values()]
    troubled = ", ".join(row["where"] for row in report.problems)
    keys = {"margin": "the margin", "pooled_by": "the weights"}
    unsaid = [
        words
        for key, words in keys.items()
        if not suites or f"suite.{key}" in troubled or not all(key in suite for suite in suites)
    ]
    names, fixed = "(suite.margin, suite.pooled_by)", "The rest is fixed in rveval."
    if not unsaid:
        return f"Margin and weights are those of the runs' own configs {names}. {fixed}"
    return (
        f"The runs' configs {names} do not all say {' and '.join(unsaid)}, or do not agree: defaults are taken where "
        f"they say nothing, the strictest where they differ. {fixed}"
    )


def _engines(engines: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What served the models; where engines differ, each of the values."""
    values: dict[str, dict[str, None]] = {}
    for engine in engines:
        for name, value in engine.items():
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            values.setdefault(str(name).replace("_", " "), {})[text] = None
    return [(name, ", ".join(texts)) for name, texts in values.items()]


def details(report: Report) -> dict[str, Any]:
    """What is long, and loaded when it is opened: title and text of each."""
    known = report.provenance
    parts = [(f"Config of {report.label(variant)}", config) for variant, config in known["configs"].items()]
    parts += [(f"Settings of cell {cell}", settings) for cell, settings in known["settings"].items()]
    parts += [(f"Terms of {row['label']}", {"scope": row["scope"], "terms": row["terms"]}) for row in report.variants]
    return {"parts": [[title, json.dumps(value, indent=2, ensure_ascii=False, default=str)] for title, value in parts]}


def seconds(value: float) -> str:
    """A duration.

    >>> seconds(4.5), seconds(75), seconds(7260)
    ('4.5 s', '1 min 15 s', '2 h 1 min')
    """
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(text: str) -> str:
    """A moment as records write it, to the minute; what is none stays.

    >>> moment("2025-01-02T03:04:05+00:00"), moment("yesterday")
    ('2025-01-02 03:04 UTC', 'yesterday')
    """
    known = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*(Z|[+-]\d\d:?\d\d)?", text)
    if known is None:
        return text
    zone = known[3] or ""
    return f"{known[1]} {known[2]} {'UTC' if zone in ('Z', '+00:00') else zone}".rstrip()


FILTERS = {
    **{"plain": wording.plain, "lines": lines, "bar": bar, "address": address, "moment": moment},
    **{"points": points, "percent": percent, "span": span, "count": count, "words": CALLS.get},
    **{"is_number": wording.is_number},
}
