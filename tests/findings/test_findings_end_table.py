"""The table at the end of a run: what every line says, and what is not shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from studies import Made

from rveval.findings import end_table
from rveval.findings.wording import in_words


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "runs")


def lines(made: Made, fresh: set[str] | None = None, table: int = 0) -> dict[str, dict[str, str]]:
    """By variant and draw: the columns of its line as texts."""
    found = end_table(made.report(), fresh or set())[table]
    names = [f"{column.heading} {column.quiet}".strip() for column in found.columns]
    texts = [dict(zip(names, map(in_words, row.values), strict=True)) for row in found.rows]
    return {row["variant"] + (f" {row['draw']}" if "draw" in row else ""): row for row in texts}


def test_a_line_has_the_score_and_the_difference(made: Made) -> None:
    made.add("1100101010")
    made.add("1110101x10", 0.5)
    base, variant = lines(made).values()
    assert (base["n"], base["accuracy [95% interval]"]) == ("10", "50.0% [23.7, 76.3]")
    assert (base["difference to alpha=0 [95%]"], base["p"]) == ("baseline", "")
    assert variant["difference to alpha=0 [95%]"].startswith("+10.0 [")
    assert (variant["p"], variant["strict reading"], variant["no answer"]) == ("1", "60.0%", "10.0%")
    assert (variant["swap s"], variant["gen. s"], variant["note"]) == ("0.1", "1", "kept")
    assert "cut off" not in variant, "a column of nothing"


def test_a_donor_beside_the_base_is_no_baseline(made: Made) -> None:
    made.add("1100")
    made.add("1111", variant={"base": "another", "fingerprint": "d" * 64}, label="donor")
    assert {row["difference to alpha=0 [95%]"] for row in lines(made).values()} == {"baseline"}  # two bases: who knows
    made.add("1110", 0.5)
    assert lines(made)["donor"]["difference to alpha=0 [95%]"] == "another model"
    made.add("1110", 0.5, limit=2)
    assert lines(made)["m + 0.5 v (limit=2)"]["difference to alpha=0 [95%]"] == "no baseline"


def test_draws_have_lines_of_their_own_and_one_difference(made: Made) -> None:
    for alpha, draw in ((0.0, 0), (0.0, 1), (1.0, 0), (1.0, 1)):
        made.add("1100" if alpha else "1000", alpha, family="typos", draw=draw)
    found = lines(made)
    assert list(found) == ["m 0", "m 1", "m + 1 v 0", "m + 1 v 1"]
    assert found["m + 1 v 0"]["difference to alpha=0 [95%]"].startswith("+25.0")
    assert found["m + 1 v 1"]["difference to alpha=0 [95%]"] == ""


def test_notes(made: Made) -> None:
    fresh = made.add("10", warnings=["sandbox=unsafe: model-written code ran unconfined"])
    made.add("01", repeat=1)
    assert lines(made, {fresh})["m"]["note"] == "unsafe sandbox; run again: 2 verdicts differ"
    assert lines(made)["m"]["note"].startswith("kept; ")


def test_a_table_a_task_until_there_are_many(made: Made) -> None:
    made.add("10", task="rv_a")
    made.add("10", task="rv_b")
    assert [table.title for table in end_table(made.report(), set())] == ["rv_a", "rv_b"]
    for number in range(6):
        made.add("10", task=f"rv_t{number}")
        made.add("11", 1.0, task=f"rv_t{number}")
    (table,) = end_table(made.report(), set())
    assert [row.values[0] for row in table.rows][:4] == ["rv_a", "rv_b", "rv_t0", ""], "a task is said once"


def test_a_group_stands_for_its_subtasks_and_is_kept_only_if_all_are(made: Made) -> None:
    fresh, _ = (made.add("10", task=f"rv_bbh_{name}", data=name) for name in ("navigate", "snarks"))
    (table,) = end_table(made.report(), set())
    assert (table.title, len(table.rows)) == ("rv_bbh", 1)
    assert table.note == "2 cells of subtasks are only shown as their groups; the store has each of them"
    assert lines(made)["m"]["note"] == "kept"
    assert "note" not in lines(made, {fresh})["m"]


def test_columns_leave_in_an_order_and_the_important_ones_never(made: Made) -> None:
    made.add("10")
    (table,) = end_table(made.report(), set())
    order: Any = {column.heading: column.drop for column in table.columns}
    assert order["variant"] == order["accuracy"] == order["difference to"] == 0
    assert 0 < order["strict"] < order["swap"] < order["gen."]
