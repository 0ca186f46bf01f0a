"""Which cells make one run of the mirror, and its id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import mirrors
from hypothesis import given
from hypothesis import strategies as st

from rveval.show.tracking.groups import Group, groups, summary_id, way_of
from rveval.store import CellRecord, Store

NOWHERE = mirrors.asked(Path("nowhere"))


def made(limit: int | None, items: int, task: str, **more: Any) -> CellRecord:
    """What of a cell is looked at: one of a task with so many items, asked under a limit."""
    asked = None if limit is None or limit >= items else limit
    settings = mirrors.settings_of(replace(NOWHERE, **more.pop("config", {})), limit=asked)
    about = {"cell_id": f"{task}{asked}", "task": task, "draw": 0, "n": min(items, asked or items), "created": "2026"}
    return cast(CellRecord, about | {"settings": settings, "variant": {"alpha": 0.5}} | more)


class Kept(Store):
    """A store of these cells, all of one variant, listed under each of these labels."""

    def __init__(self, cells: list[CellRecord], labels: tuple[str, ...] = ("v",)) -> None:
        self.cells, self.labels = {cell["cell_id"]: cell for cell in cells}, labels

    def read_study(self, study: str) -> Any:
        return [
            {"label": label, "fingerprint": "f" * 64, "config": {}, "cells": list(self.cells)} for label in self.labels
        ]

    def has(self, cell_id: str) -> bool:
        return True

    def read_cell(self, cell_id: str) -> CellRecord:
        return self.cells[cell_id]


def grouped(*cells: CellRecord) -> list[Group]:
    return groups(Kept(list(cells)), "s")


@given(
    first=st.none() | st.integers(1, 40),
    last=st.none() | st.integers(1, 40),
    items=st.lists(st.integers(1, 40), min_size=1, max_size=6),
)
def test_every_limit_is_a_run_with_all_its_tasks_and_no_cell_is_lost(
    first: int | None, last: int | None, items: list[int]
) -> None:
    cells = [made(limit, n, f"rv_{place}") for limit in (first, last) for place, n in enumerate(items)]
    found = grouped(*cells)
    assert {cell["cell_id"] for group in found for cell in group.cells} == {cell["cell_id"] for cell in cells}
    assert len({group.run_id("s") for group in found}) == len(found) <= 2
    for group in found:
        wanted = [made(group.limit, n, f"rv_{place}")["cell_id"] for place, n in enumerate(items)]
        assert {cell["cell_id"] for cell in group.cells} <= set(wanted)
        if group.limit is not None or first is last is None:
            assert [cell["cell_id"] for cell in group.cells] == wanted


def test_another_way_of_asking_is_another_run() -> None:
    ways: tuple[dict[str, Any], ...] = ({}, {"temperature": 0.5}, {"seed": 1}, {"chat": False}, {"num_fewshot": 3})
    cells = [made(None, 5, "rv_sciq", config=way, cell_id=str(way)) for way in ways]
    found = grouped(*cells)
    assert len({group.run_id("s") for group in found}) == len(found) == len(ways)
    assert len({group.run_id("t") for group in found} | {group.run_id("s") for group in found}) == 2 * len(ways)


def test_the_newest_cell_of_a_task_is_shown() -> None:
    (found,) = grouped(made(None, 5, "rv_sciq", cell_id="new", created="2027"), made(None, 5, "rv_sciq"))
    assert [cell["cell_id"] for cell in found.cells] == ["new"]


def test_one_variant_under_two_names_has_one_run() -> None:
    (found,) = groups(Kept([made(None, 5, "rv_sciq"), made(None, 5, "rv_gsm8k")], ("a", "b")), "s")
    assert [cell["task"] for cell in found.cells] == ["rv_gsm8k", "rv_sciq"]


def test_cells_that_are_gone_are_left_out(tmp_path: Path) -> None:
    config = mirrors.asked(tmp_path)
    mirrors.add(config, "11")
    kept = mirrors.add(config, "10", "rv_gsm8k")
    for path in (tmp_path / "cells").glob("rv_sciq*/*"):
        path.unlink()
    (found,) = groups(Store(tmp_path), "first")
    assert [cell["cell_id"] for cell in found.cells] == [kept["cell_id"]]


def test_ids_are_fit_for_the_service_and_stay_what_they_are() -> None:
    # A change here makes every study that was mirrored before a second time as large.
    cell = made(None, 5, "rv_sciq")
    assert Group("v", "f" * 64, way_of(cell), None, (cell,), {}).run_id("first") == "5c19af6d66a313e9"
    assert summary_id("first") == "78e0914820694abe"
