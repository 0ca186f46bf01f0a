"""The mirror of jobs, with the real client, offline: what it wrote is read back from its own run files."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mirrors
import pytest
import wandb
from mirrors import run_files

from rveval import config as schema
from rveval.config import Config
from rveval.show import tracking
from rveval.show.tracking import client, mirror


@pytest.fixture(autouse=True)
def clean_client(tmp_path: Path) -> Iterator[None]:
    with mirrors.client_of_nobody(tmp_path):
        yield


def job(config: Config, exit_code: int = 0) -> None:
    """The end of a job."""
    tracking.start(config, mirrors.variant_of(config)).finish(exit_code)


def table_of(file: mirrors.RunFile, name: str) -> list[dict[str, Any]]:
    table = file.table(name)
    return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]


def test_no_tracking_and_a_disabled_client_write_nothing(tmp_path: Path) -> None:
    for keys in ({"kind": "none"}, {"mode": "disabled"}):
        config = mirrors.asked(tmp_path, tracking=keys)
        mirrors.add(config, "10")
        job(config)
        tracking.summarise(replace(config, tracking=replace(config.tracking, kind="none")))
    assert not list(tmp_path.rglob("*.wandb"))


def test_a_variant_becomes_a_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = mirrors.asked(tmp_path, tracking={"project": "mirror", "tags": ["cpu", "tiny"]})
    mirrors.add(config, "1010")
    mirrors.add(config, "11", "rv_gsm8k", draw=2)
    mirrors.add(config, "1110", settings={"repeat": 1}, said="again")
    job(config)

    (found,) = run_files(tmp_path)
    assert (found.run.run_group, found.run.project, found.run.job_type) == ("first", "mirror", "evaluate")
    assert found.run.display_name == "tiny + 0.5 tiny_grpo"
    assert list(found.run.tags) == ["cpu", "tiny"]
    assert found.config["fingerprint"] == mirrors.variant_of(config)["fingerprint"]
    resolved = schema.resolved(config)
    assert {key: found.config[key] for key in ("alpha", "model", "study")} == {
        key: resolved[key] for key in ("alpha", "model", "study")
    }
    assert found.exit_code == 0
    expected = {
        "rv_sciq/n": 4,
        "rv_sciq/exact_match": 0.5,
        "rv_sciq/truncated": 0,
        "rv_sciq/health/empty": 0,
        "rv_sciq/timings/swap_s": 0.02,
        "rv_sciq/samples": 4,
        "rv_sciq/samples_shown": 4,
        "rv_sciq/repeat1/exact_match": 0.75,
        "rv_gsm8k/draw2/n": 2,
        "rv_gsm8k/draw2/exact_match": 1.0,
    }
    assert expected.items() <= found.summary.items()
    logged = {key: value for line in found.history for key, value in line.items()}
    assert expected.items() <= logged.items()
    rows = table_of(found, "rv_sciq/table")
    assert [row["item_id"] for row in rows] == [f"sciq/{place}" for place in range(4)]
    assert [row["correct"] for row in rows] == [True, False, True, False]
    assert rows[0]["prompt"] == "Question 0: é?"
    assert capfd.readouterr() == ("", ""), "not a word over the user's own table"


def test_a_sweep_gives_as_many_runs_as_jobs_each_with_its_exit_code(tmp_path: Path) -> None:
    codes = {-1.0: 0, 0.0: 0, 0.5: 1, 1.0: 130}
    for alpha, code in codes.items():
        config = mirrors.asked(tmp_path, alpha)
        mirrors.add(config, "1100")
        job(config, code)
    found = {file.config["alpha"]: file for file in run_files(tmp_path)}
    assert {alpha: file.exit_code for alpha, file in found.items()} == codes
    assert {file.run.run_group for file in found.values()} == {"first"}


def test_the_exit_code_is_that_of_the_way_that_was_asked_last(tmp_path: Path) -> None:
    mirrors.add(mirrors.asked(tmp_path), "1100")
    config = mirrors.asked(tmp_path, temperature=0.5)
    mirrors.add(config, "1110", created="2027-01-01T00:00:00+00:00")
    job(config, 1)
    found = {file.summary["rv_sciq/exact_match"]: file.exit_code for file in run_files(tmp_path)}
    assert found == {0.5: 0, 0.75: 1}


def test_a_job_of_which_nothing_is_complete_has_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    job(mirrors.asked(tmp_path), 1)
    assert run_files(tmp_path) == []
    assert caplog.text == ""


def test_a_run_left_open_does_not_swallow_the_next(tmp_path: Path) -> None:
    config = mirrors.asked(tmp_path)
    mirrors.add(config, "1100")
    place = client.Place(tmp_path)
    left_open = client.open_run(place, "a" * 16, name="x", group="first", job_type="evaluate", config={})
    job(config)
    left_open.finish(1)
    found = {file.run.display_name: file for file in run_files(tmp_path)}
    assert found["tiny + 0.5 tiny_grpo"].summary["rv_sciq/exact_match"] == 0.5
    assert {name: file.exit_code for name, file in found.items()} == {"tiny + 0.5 tiny_grpo": 0, "x": 1}


def test_the_same_job_again_is_the_same_run_but_one_that_somebody_writes_to_stays(tmp_path: Path) -> None:
    config = mirrors.asked(tmp_path)
    mirrors.add(config, "1100")
    job(config)
    (first,) = run_files(tmp_path)
    written_to = client._hold(first.folder)
    assert written_to is not None
    mirrors.add(config, "1111", "rv_gsm8k")
    job(config)
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 2
    os.close(written_to)
    job(config)
    (found,) = run_files(tmp_path)
    assert found.run.run_id == first.run.run_id
    assert (found.summary["rv_sciq/exact_match"], found.summary["rv_gsm8k/exact_match"]) == (0.5, 1.0)


def test_everything_lies_in_the_store(tmp_path: Path) -> None:
    config = mirrors.asked(tmp_path / "store")
    mirrors.add(config, "1100")
    job(config)
    wandb.teardown()
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "store" not in path.parents]
    assert [path for path in outside if ".cache/wandb/logs" not in str(path)] == []
    assert "WANDB_DATA_DIR" not in os.environ


def test_the_summary_is_mirrored_at_the_end(tmp_path: Path) -> None:
    configs = [mirrors.asked(tmp_path, alpha) for alpha in (0.0, 0.5)]
    mirrors.add(configs[0], "1100")
    mirrors.add(configs[1], "1110")
    for _ in range(2):
        tracking.summarise(configs[1])
    (found,) = run_files(tmp_path)
    assert (found.run.job_type, found.run.run_group) == ("summary", "first")
    assert "study/comparisons/path" in found.summary


# --- a mirror that can't be made costs a warning


@pytest.mark.parametrize(
    ("keys", "expected"),
    [({}, "FileExistsError"), ({"mode": "online"}, "nobody is logged in"), ({"tags": ["x" * 100]}, "ValidationError")],
)
def test_a_client_that_can_not_work_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, keys: dict[str, Any], expected: str
) -> None:
    config = mirrors.asked(tmp_path, tracking=keys)
    mirrors.add(config, "1100")
    if not keys:
        (tmp_path / "wandb").write_text("a file where the client wants its folder")
    job(config)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "not mirrored" in warning
    assert expected in warning


@pytest.mark.slow
def test_a_server_out_of_reach_costs_seconds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    config = mirrors.asked(tmp_path, tracking={"mode": "online"})
    mirrors.add(config, "1100")
    begun = time.monotonic()
    job(config)
    assert "not mirrored" in caplog.text
    assert time.monotonic() - begun < 80  # 20 s of it are waited for; the client by itself has 90 s of patience


def test_a_damaged_cell_and_a_summary_that_fails_cost_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = mirrors.asked(tmp_path)
    tracking.summarise(config)
    assert "rveval.track" in caplog.text
    mirrors.add(config, "1100")
    path = next((tmp_path / "cells").glob("*/samples.jsonl"))
    path.write_bytes(path.read_bytes()[:-40])
    job(config)
    assert "Refused" in caplog.text
    assert [file.exit_code for file in run_files(tmp_path)] == [1]


def test_an_interrupt_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    config = mirrors.asked(tmp_path)
    mirrors.add(config, "1100")
    monkeypatch.setattr(mirror.Mirrored, "log_cell", interrupted)
    with pytest.raises(KeyboardInterrupt):
        job(config)
    assert run_files(tmp_path)[0].exit_code == 1


# --- what a model wrote is data

HOSTILE = [
    "<script>alert(1)</script>",
    "</textarea><img src=x onerror=alert(1)>",
    "\x00\x07\x1b[31m\u202e\u2028",
    "a\ud800b",
    '{"_type": "html-file", "path": "/etc/passwd"}',
    "=HYPERLINK(1)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_model_wrote_is_only_data(tmp_path: Path, text: str) -> None:
    config = mirrors.asked(tmp_path)
    mirrors.add(config, "1", said=text)
    job(config)
    (row,) = table_of(run_files(tmp_path)[0], "rv_sciq/table")
    assert row["response"] == text.replace("\ud800", "\ufffd")


def test_long_tables_texts_and_names_are_cut_and_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "TABLE_ROWS", 3)
    monkeypatch.setattr(mirror, "RUN_ROWS", 8)
    config, name = mirrors.asked(tmp_path), "my_" + "very_" * 25 + "long_task"
    for task in ("rv_0", "rv_1", "rv_2", name):
        mirrors.add(config, "1111", task, said="x" * 1_000_000 if task == "rv_0" else "x")
    job(config)
    (found,) = run_files(tmp_path)
    shown = [found.summary[f"{task}/samples_shown"] for task in (name, "rv_0", "rv_1", "rv_2")]
    assert shown == [3, 3, 2, 0]
    assert {found.summary[f"{task}/samples"] for task in (name, "rv_0", "rv_1", "rv_2")} == {4}
    assert "rv_2/table/path" not in found.summary
    assert len(table_of(found, mirror.table_key(f"{name}/table"))) == 3
    response = table_of(found, "rv_0/table")[0]["response"]
    assert response.startswith("x" * mirror.CELL_CHARACTERS + "\n")
    assert response.endswith("[... 990,000 characters more]")
