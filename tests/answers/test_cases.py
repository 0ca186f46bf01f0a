"""Inputs from bug reports and answers that real models wrote, where the folder of them is there."""

from __future__ import annotations

import gzip
import importlib.util
import json
from types import ModuleType
from typing import Any

import pytest
from conftest import REPOSITORY

from rveval.answers import read_number, read_option, read_sorted, read_word

CASES = REPOSITORY.parent / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="no shared/cases beside the checkout")
EXPLAINED = {
    "bbh_davinci/4756",  # cut in the middle of a word: nothing shows that the option mentioned last was not the answer
    "zeroeval_gsm/54100",  # a sentence about "$3 more", which the judge takes for an expression
    "zeroeval_gsm/55546",  # "((22 * 5) + (4 * 8))" is 142 by its value
}


def load(name: str) -> list[dict[str, Any]]:
    return json.loads((CASES / name).read_text(encoding="utf-8")) if CASES.is_dir() else []  # type: ignore[no-any-return]


def reading(case: dict[str, Any]) -> str | None:
    text = case["text"]
    if case["reader"] == "option":
        return read_option(text, "ABCDEFG"[: len(case["options"])], case["options"]).flexible
    if case["reader"] == "word":
        return read_word(text, case["words"]).flexible
    return (read_sorted(text, case["words"]) if case["reader"] == "sorted" else read_number(text)).flexible


@pytest.mark.parametrize("case", load("answers.json"), ids=lambda case: case["source"])
def test_answers_from_bug_reports(case: dict[str, Any]) -> None:
    assert reading(case) == case["right"]


@pytest.mark.parametrize("case", load("served.json"), ids=lambda case: case["name"])
def test_what_scripted_models_say(case: dict[str, Any]) -> None:
    text = "".join(case["script"])
    readings = {
        "rv_gsm8k": lambda: read_number(text),
        "rv_sciq": lambda: read_option(text, "ABCD", ["phenol", "oxidants", "renewal", "halide"]),
        "rv_bbh_boolean_expressions": lambda: read_word(text, ("True", "False")),
    }
    assert readings[case["task"]]().flexible == case["extracted"]


def script() -> ModuleType:
    """scripts/check_readings.py as a module."""
    found = importlib.util.spec_from_file_location("check_readings", REPOSITORY / "scripts" / "check_readings.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_answers_of_real_models() -> None:
    check, misread = script(), set()
    with gzip.open(CASES / "real.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if check.is_right(*check.read(row), row["gold"]) != row["right"]:
                misread.add(row["id"])
    assert misread <= EXPLAINED
