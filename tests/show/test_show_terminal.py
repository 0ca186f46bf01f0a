"""What stands on a terminal: the tables at the end of a run, at any width, and nothing that a terminal obeys."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hostile import everything
from rich.console import Console
from studies import Made

from rveval.show import end_of_run


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = Made(tmp_path)
    made.add("10" * 20)
    made.add("1110" * 10, 1.0)
    made.add("111x" * 10, 0.5)
    return made


def shown(made: Made, width: int = 132, fresh: set[str] | None = None) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width)
    for part in end_of_run(made.store, "s", fresh or set(), width):
        console.print(part)
    return out.getvalue()


def test_a_table_a_task_with_all_numbers_in_its_lines(made: Made) -> None:
    fresh = made.add("1111" * 10, 2.0)
    lines = shown(made, fresh={fresh}).splitlines()
    (line,) = [line for line in lines if line.startswith("m + 1 v ")]
    for text in ("75.0% [", "+25.0 [", "kept"):
        assert text in line
    (line,) = [line for line in lines if line.startswith("m + 2 v ")]
    assert "kept" not in line
    assert any(line.strip() == "rv_gsm8k" for line in lines)


@pytest.mark.parametrize("width", [60, 80, 100, 132])
def test_a_narrow_terminal_drops_columns_says_so_and_loses_no_score(made: Made, width: int) -> None:
    text = shown(made, width)
    assert all(len(line) <= width for line in text.splitlines())
    whole = text.replace(" ", "").replace("\n", "")
    assert all(score in whole for score in ("75.0%", "50.0%", "+25.0"))
    assert ("no room for" in text) == (width < 100)


def test_refused_variants_are_named_with_the_first_reason_also_without_a_cell(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.refuse("m + 1 x", what="another hidden size", expected="4", found="5")
    (tmp_path / "studies" / "s").mkdir(parents=True, exist_ok=True)
    text = shown(made)
    assert "nothing was asked" in text
    assert "m + 1 x" in text
    assert "another hidden size: 5 instead of 4" in text


def test_no_terminal_obeys_a_label(made: Made) -> None:
    label = "".join(character for character in everything() if not "\ud800" <= character <= "\udfff")
    made.ablate("1110" * 10, 1.0, label=f"m {label}", layers=[0, 2])
    made.refuse(f"x {label}")
    text = shown(made)
    assert "\x1b" not in text.replace("\x1b[1m", "")
    assert "\u202e" not in text
    assert "⟨001B⟩" in text
