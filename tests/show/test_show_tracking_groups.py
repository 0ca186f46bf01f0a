"""Which cells make one run: a run that is going on and one that is rebuilt from its cells come to the same id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mirrors
import pytest
from conftest import needs_data
from hypothesis import given
from hypothesis import strategies as st

from rveval import config as schema
from rveval.config import Config
from rveval.run import cells
from rveval.show.tracking.groups import Group, asked_so, groups, run_id, summary_id, way_of
from rveval.show.tracking.rebuild import groups_of
from rveval.store import CellRecord, Store

NOWHERE = mirrors.asked(Path("nowhere"))


def made(limit: int | None, items: int, task: str, **settings: Any) -> CellRecord:
    """What of a cell is looked at: one of a task with so many items, asked under a limit."""
    asked = None if limit is None or limit >= items else limit
    config = replace(NOWHERE, limit=limit)
    n = items if asked is None else asked
    about = {"cell_id": f"{task}{asked}", "task": task, "draw": 0, "n": n, "created": "2026", "limit": asked}
    return about | {"settings": mirrors.settings_of(config, limit=asked, **settings), "variant": {"alpha": 0.5}}  # type: ignore[return-value]


def entry(listed: list[CellRecord], config: Config, fingerprint: str = "f" * 64, label: str = "v") -> Any:
    return {
        "label": label,
        "fingerprint": fingerprint,
        "cells": [cell["cell_id"] for cell in listed],
        "config": schema.resolved(config),
    }


def grouped(listed: list[CellRecord], config: Config) -> list[Group]:
    return groups([entry(listed, config)], {cell["cell_id"]: cell for cell in listed})


@needs_data("gsm8k")
@pytest.mark.parametrize(
    "keys",
    [{}, {"limit": 3}, {"limit": 10**9}, {"temperature": 0.7, "n": 2, "seed": 4, "chat": False, "num_fewshot": 1}],
)
def test_a_config_and_the_cells_it_plans_are_one_way(keys: dict[str, Any]) -> None:
    config = schema.parse(
        {
            "model": {"label": "tiny", "path": "tiny:instruct"},
            "vector": {"label": "none", "terms": []},
            "suite": {"name": "s", "tasks": ["rv_gsm8k"]},
            "store": "nowhere",
            **keys,
        }
    )
    for cell in cells.plan(config).cells:
        record: Any = {"settings": cell.settings, "n": cell.n_items}
        assert asked_so(record, way_of(config))
        assert not asked_so(record, way_of(replace(config, seed=config.seed + 1)))
        assert not asked_so(record, way_of(replace(config, limit=2)))


@given(limit=st.none() | st.integers(1, 40), items=st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_a_run_is_found_again_whatever_its_limit_and_the_sizes_of_its_tasks(
    limit: int | None, items: list[int]
) -> None:
    listed = [made(limit, n, f"rv_{place}") for place, n in enumerate(items)]
    config = replace(NOWHERE, limit=limit)
    (found,) = grouped(listed, config)
    assert run_id("s", found.fingerprint, found.way) == run_id("s", "f" * 64, way_of(config))
    assert list(found.cells) == listed


@given(
    first=st.none() | st.integers(1, 40),
    last=st.none() | st.integers(1, 40),
    items=st.lists(st.integers(1, 40), min_size=1, max_size=6),
)
def test_no_cell_is_lost_between_two_ways_of_asking(first: int | None, last: int | None, items: list[int]) -> None:
    listed = {
        cell["cell_id"]: cell
        for limit in (first, last)
        for place, n in enumerate(items)
        for cell in [made(limit, n, f"rv_{place}")]
    }
    found = grouped(list(listed.values()), replace(NOWHERE, limit=last))
    assert {cell["cell_id"] for group in found for cell in group.cells} == set(listed)
    assert len({run_id("s", group.fingerprint, group.way) for group in found}) == len(found) <= 2
    assert way_of(replace(NOWHERE, limit=last)) in [group.way for group in found] or len(found) == 1


def test_the_newest_cell_of_a_task_is_shown() -> None:
    old = made(None, 5, "rv_sciq", code="old")
    new = made(None, 5, "rv_sciq", code="new") | {"cell_id": "new", "created": "2027"}
    (found,) = grouped([new, old], NOWHERE)  # type: ignore[list-item]
    assert [cell["cell_id"] for cell in found.cells] == ["new"]


def test_one_variant_under_two_names_has_one_run() -> None:
    listed = [made(None, 5, "rv_sciq"), made(None, 5, "rv_gsm8k")]
    entries = [entry([listed[0]], NOWHERE, label="a"), entry([listed[1]], NOWHERE, label="b")]
    (found,) = groups(entries, {cell["cell_id"]: cell for cell in listed})
    assert [cell["task"] for cell in found.cells] == ["rv_gsm8k", "rv_sciq"]


def test_cells_that_are_gone_are_left_out(tmp_path: Path) -> None:
    config = mirrors.asked(tmp_path)
    mirrors.add(config, "11")
    kept = mirrors.add(config, "10", "rv_gsm8k")
    for path in (tmp_path / "cells").glob("rv_sciq*/*"):
        path.unlink()
    (found,) = groups_of(Store(tmp_path), "first")
    assert [cell["cell_id"] for cell in found.cells] == [kept["cell_id"]]


def test_ids_are_fit_for_the_service_and_stay_what_they_are() -> None:
    # A change here makes every study that was mirrored before a second time as large.
    assert run_id("first", "f" * 64, way_of(NOWHERE)) == "5c19af6d66a313e9"
    assert summary_id("first") == "78e0914820694abe"
