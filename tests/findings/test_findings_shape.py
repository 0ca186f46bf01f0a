"""The shape of a report: summary.json as its types say, tables and pictures whole, one finding a file."""

from __future__ import annotations

import json
import re
import typing
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY
from studies import Made, label_of, random_study, term

from rveval.findings import (
    Points,
    Report,
    claims,
    comparisons,
    curves,
    factorial,
    gains,
    interference,
    noise,
    nulls,
    pooled,
    refused,
    report,
    robustness,
    scores,
    survival,
    sweeps,
)
from rveval.findings.analysis import registered
from rveval.findings.pictures import Panel
from rveval.findings.wording import in_words

ROWS = {
    "cells": scores.CellRow,
    "claims": claims.Claim,
    "comparisons": comparisons.Comparison,
    "curves": curves.Curve,
    "factorial": factorial.Factorial,
    "gains": gains.Gains,
    "interference": interference.Interference,
    "noise": noise.Noise,
    "nulls": nulls.NullRow,
    "pooled": pooled.Pooled,
    "refused": refused.RefusedRow,
    "robustness": robustness.Robustness,
    "survival": survival.Survival,
    "sweeps": sweeps.Sweep,
    "variants": report.VariantRow,
    "tasks": report.TaskRow,
    "problems": report.ProblemRow,
    "items": report.ItemSet,
}
ONE = {"made": report.Made, "rules": report.Rules, "verdict": report.Verdict, "provenance": report.Provenance}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A study in which every finding has something to say."""
    folder = tmp_path_factory.mktemp("whole")
    made = Made(folder / "runs")
    random_study(made, 3)
    made.add("01" * 30, repeat=1)
    made.ablate("0110" * 15, 1.0, steps=[{"name": "random", "seed": 1}])
    made.ablate("1110" * 15, 1.0, terms=[term("v"), term("w", 2.0)])
    made.ablate("0111" * 15, 1.0, terms=[term("w", 2.0)], layers=[0, 2], forced=True)
    made.ablate("0111" * 15, 1.0, terms=[term("w", 2.0)])
    made.ablate("0111" * 15, 1.0, terms=[term("w", 2.0)], kinds=["mlp"])
    made.refuse("m + 1 x")
    claim = {"id": "c", "text": "t", "source": "s", "points": 50, "task": "rv_gsm8k"}
    return made.report(items=folder / "items", claims=[claim], commands=["x"])


def conforms(value: Any, hint: Any, where: str) -> list[str]:
    """What of a value is not as its hint says."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if typing.is_typeddict(hint):
        hints = typing.get_type_hints(hint)
        if not isinstance(value, dict) or value.keys() != hints.keys():
            return [f"{where}: {value!r} has not the keys {sorted(hints)}"]
        return [wrong for key, one in hints.items() for wrong in conforms(value[key], one, f"{where}.{key}")]
    if origin is list:
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [wrong for n, one in enumerate(value) for wrong in conforms(one, arguments[0], f"{where}[{n}]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no mapping"]
        return [wrong for key, one in value.items() for wrong in conforms(one, arguments[1], f"{where}.{key}")]
    if origin is typing.Literal:
        return [] if value in arguments else [f"{where}: {value!r}"]
    if arguments:  # a union
        return [] if any(not conforms(value, one, where) for one in arguments) else [f"{where}: {value!r}"]
    if hint is Any or hint is type(None):
        return [] if hint is Any or value is None else [f"{where}: {value!r}"]
    fits = isinstance(value, int | float) if hint is float else isinstance(value, hint)
    return [] if fits and not (hint is int and isinstance(value, bool)) else [f"{where}: {value!r} is no {hint}"]


def test_the_summary_is_what_its_types_say(whole: Report) -> None:
    summary = whole.summary()
    assert summary.keys() == {"schema_version", *ROWS, *ONE}
    for key, kind in ROWS.items():
        assert conforms(summary[key], list[kind], key) == []  # type: ignore[valid-type]
        assert summary[key], f"nothing in {key}"
    for key, kind in ONE.items():
        assert conforms(summary[key], kind, key) == []
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert {row["kind"] for row in whole.problems} == {"skipped"}, "some cells hold their items in another order"
    for row in whole.variants:
        assert row["label"].startswith(label_of(row["alpha"]))
        assert row["id"].isalnum()


def test_tables_are_whole_and_say_their_numbers_once(whole: Report) -> None:
    tables = [table for found in whole.findings for table in found.tables]
    keys = [table.key for table in tables]
    assert len(set(keys)) == len(keys)
    for table in tables:
        assert table.rows, table.key
        assert {len(row.values) for row in table.rows} == {len(table.columns)}, table.key
        headings = [column.heading for column in table.columns]
        for row in table.rows:
            for heading, value in zip(headings, row.values, strict=True):
                assert isinstance(value, Points) == heading.endswith(", points") or value is None or "detect" in heading
                assert isinstance(in_words(value), str)


def test_pictures_are_whole(whole: Report) -> None:
    pictures = [found.picture for found in whole.findings if found.picture]
    assert [picture.kind for picture in pictures] == ["strip", "curve", "forest", "heat", "forest", "bars"]
    for picture in pictures:
        assert picture.choices
        for panel in (panel for choice in picture.choices for panel in choice.panels):
            points = len(_of(panel, "value", "right"))
            for name in ("low", "high", "hover", "call", "x", "row", "column", "mark", "left"):
                column = getattr(panel, name, None)
                assert column is None or isinstance(column, str) or len(column) == points, (picture.key, name)
            assert all(line for hover in panel.hover for line in hover)


def _of(panel: Panel, *names: str) -> Any:
    return next(getattr(panel, name) for name in names if hasattr(panel, name))


def test_a_finding_without_anything_to_show_says_why(tmp_path: Path) -> None:
    made = Made(tmp_path / "runs")
    made.add("1010")
    for found in made.report().findings:
        assert found.quiet or found.empty, found.key
        assert found.is_empty == (found.key not in ("overview", "cells"))


def test_the_finding_of_the_documentation_is_all_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {compute: float(10 * place) for place, compute in enumerate(registered())}
    monkeypatch.setattr("rveval.findings.analysis._REGISTERED", known)
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], {"__name__": "length"})  # type: ignore[index]
    made = Made(tmp_path / "runs")
    made.add("1010" * 5)
    made.add("SSSS" * 5, 1.0)
    whole = made.report()
    (row,) = whole.summary()["length"]
    assert row["ratio"]["value"] > 1.5
    assert "m + 1 v answers at greater length." in [point["text"] for point in whole.verdict["points"]]
    (table,) = whole.finding("length").tables
    assert [in_words(value) for value in table.rows[0].values][:3] == ["m + 1 v", "gsm8k", "20"]
