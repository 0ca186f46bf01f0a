"""The golden studies: every answer and number is what was recorded, and a change of any of them is seen."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import goldendiff
import goldenkept
import goldenstudies
import pytest
from conftest import REPOSITORY


def script() -> ModuleType:
    """scripts/golden.py as a module."""
    spec = importlib.util.spec_from_file_location("golden", REPOSITORY / "scripts" / "golden.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


golden = script()


@pytest.mark.slow
def test_nothing_has_changed(tmp_path: Path) -> None:
    names = goldenstudies.can_run(goldenstudies.NAMES)
    goldenstudies.run(names, tmp_path)
    lines: list[str] = []
    for name in names:
        kinds = goldendiff.compare(golden.recorded(name), goldenkept.study(name, tmp_path))
        if any(kind.differences for kind in kinds):
            lines += goldendiff.report(name, kinds)
    assert not lines, "\n".join(lines)


def cell(value: dict[str, Any]) -> dict[str, Any]:
    return dict(value["cells"]["tiny + 1 tiny_grpo | rv_tiny_math | clean | draw 0"])


def change(column: str) -> Callable[[dict[str, Any]], None]:
    def act(value: dict[str, Any]) -> None:
        cell(value)["samples"][3][goldenkept.COLUMNS.index(column)] = "something else"

    return act


def a_number(value: dict[str, Any]) -> None:
    path = next(path for path, number in value["numbers"].items() if path.startswith("comparisons[") and number)
    value["numbers"][path] *= 1 + 1e-6


def a_quoted_number(value: dict[str, Any]) -> None:
    value["table"]["difference | tiny + 1 tiny_grpo | rv_tiny_math | clean"]["fixed"] += 1


def a_sentence(value: dict[str, Any]) -> None:
    value["texts"]["verdict.sentence"] += "!"


def a_text_of_the_page(value: dict[str, Any]) -> None:
    value["page"].pop(0)


def a_metric(value: dict[str, Any]) -> None:
    cell(value)["metrics"]["exact_match"] += 0.02


def a_sample(value: dict[str, Any]) -> None:
    cell(value)["samples"].pop()


def the_order(value: dict[str, Any]) -> None:
    cell(value)["samples"].reverse()


def a_cell(value: dict[str, Any]) -> None:
    value["cells"].popitem()


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (change("prompt"), "prompts"),
        (change("response"), "responses"),
        (change("extracted"), "readings"),
        (change("extracted_strict"), "readings"),
        (change("target"), "readings"),
        (change("correct"), "correctness"),
        (change("correct_strict"), "correctness"),
        (change("item_id"), "samples"),
        (a_sample, "samples"),
        (the_order, "samples"),
        (a_cell, "cells"),
        (a_metric, "metrics"),
        (a_number, "summary numbers"),
        (a_quoted_number, "quoted numbers"),
        (a_sentence, "summary sentences"),
        (a_text_of_the_page, "page sentences"),
    ],
)
def test_a_change_is_seen_and_named(act: Callable[[dict[str, Any]], None], kind: str) -> None:
    before = golden.recorded("alphas")
    after = copy.deepcopy(before)
    act(after)
    assert not [found for found in goldendiff.compare(before, before) if found.differences]
    kinds = goldendiff.compare(before, after)
    assert [found.name for found in kinds if found.differences] == [kind]
    lines = list(goldendiff.report("alphas", kinds))
    assert "DIFFERS" in lines[0]
    assert kind in lines[1]


def test_a_sum_made_in_another_order_is_no_change() -> None:
    assert goldendiff.same([0.1 + 0.2, 1, None, "a"], [0.3, 1.0, None, "a"])
    assert not goldendiff.same(0.3, 0.30000001)
    assert not goldendiff.same(True, 1)


def test_every_study_is_recorded() -> None:
    for name in goldenstudies.NAMES:
        value = golden.recorded(name)
        assert min(map(len, (value["cells"], value["numbers"], value["table"], value["texts"], value["page"]))) > 1
    right, broken = (
        golden.recorded("code")["cells"][f"{who} | rv_humaneval | clean | draw 0"]["metrics"]["pass@1"]
        for who in ("right", "broken")
    )
    assert (right, broken) == (1, 0)
