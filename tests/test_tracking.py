"""The W&B mirror, with the real client, offline: what it wrote is read back from its own run files."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import wandb
from wandb.proto import wandb_internal_pb2

from rveval import schema, tracking
from rveval.schema import Config, ModelConfig, TrackingConfig, VectorConfig


@pytest.fixture(autouse=True)
def clean_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A client that knows nothing of the user: no variables, no login, and a new session for every test."""
    wandb.teardown()
    for name in list(os.environ):
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    yield
    wandb.teardown()


def config(store: Path, **keys: Any) -> Config:
    """A config that mirrors into a store."""
    keys = {"kind": "wandb", "mode": "offline", **keys}
    return Config(
        model=ModelConfig("tiny", "tiny:instruct"),
        vector=VectorConfig("tiny_grpo"),
        alpha=0.5,
        study="first",
        store=str(store),
        tracking=TrackingConfig(**keys),
    )


def variant(alpha: float) -> dict[str, Any]:
    return {"label": f"tiny + {alpha} tiny_grpo", "alpha": alpha, "fingerprint": f"f{alpha}", "terms": []}


def cell(task: str = "rv_gsm8k", n: int = 3, **more: Any) -> dict[str, Any]:
    return {
        "task": task,
        "draw": 0,
        "n": n,
        "metrics": {"exact_match": 0.5, "exact_match_strict": 0.25, "truncated": 0},
        "health": {"empty": 1, "nonfinite": 0},
        "timings": {"swap_s": 0.02},
        "engine": {"kind": "vllm"},
        **more,
    }


def samples(n: int) -> list[dict[str, Any]]:
    """Lines of samples.jsonl; the second has no answer."""
    return [
        {
            "item_id": f"gsm8k/{i}",
            "sample_index": 0,
            "prompt": "Question: é?",
            "response": f"#### {i}",
            "extracted": None if i == 1 else str(i),
            "correct": i != 1,
            "target": str(i),
            "extraction_failed": i == 1,
            "finish_reason": "stop",
            "n_prompt_tokens": 9,
            "n_output_tokens": 4,
        }
        for i in range(n)
    ]


class RunFile:
    """What a finished offline run left on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = list(read_records(next(folder.glob("*.wandb"))))

    def of_kind(self, kind: str) -> list[Any]:
        return [getattr(record, kind) for record in self.records if record.WhichOneof("record_type") == kind]

    @property
    def run(self) -> Any:
        return self.of_kind("run")[0]

    @property
    def config(self) -> dict[str, Any]:
        return {item.key: json.loads(item.value_json) for item in self.run.config.update}

    @property
    def history(self) -> list[dict[str, Any]]:
        return [named(history.item) for history in self.of_kind("history")]

    @property
    def summary(self) -> dict[str, Any]:
        return {key: value for summary in self.of_kind("summary") for key, value in named(summary.update).items()}

    @property
    def exit_code(self) -> int:
        (last,) = self.of_kind("exit")
        return int(last.exit_code)

    def table(self, name: str) -> dict[str, Any]:
        (path,) = [line[f"{name}/path"] for line in self.history if line.get(f"{name}/_type") == "table-file"]
        return dict(json.loads((self.folder / "files" / path).read_text(encoding="utf-8")))


def named(items: Any) -> dict[str, Any]:
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def read_records(path: Path) -> Iterator[Any]:
    """The records of a .wandb file: a LevelDB log (32 KiB blocks; crc, length, type before each piece) of protobufs."""
    data, position, piece = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while position + 7 <= len(data):
        if (left := 32768 - position % 32768) < 7:
            position += left
            continue
        length, kind = int.from_bytes(data[position + 4 : position + 6], "little"), data[position + 6]
        piece += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or its last piece
            record = wandb_internal_pb2.Record()
            record.ParseFromString(piece)
            piece = b""
            yield record


def run_files(store: Path) -> list[RunFile]:
    wandb.teardown()  # the client writes behind; the end of its session waits for that, as the end of the process does
    return [RunFile(folder) for folder in sorted((store / "wandb").glob("offline-run-*"))]


def test_no_tracking_does_nothing(tmp_path: Path) -> None:
    run = tracking.start(config(tmp_path, kind="none"), variant(0.5))
    run.log_cell(cell(), samples(3))
    run.finish(0)
    assert list(tmp_path.iterdir()) == []


def test_a_variant_becomes_a_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asked = config(tmp_path, project="mirror", tags=["cpu", "tiny"])
    run = tracking.start(asked, variant(0.5))
    run.log_cell(cell(), iter(samples(3)))
    run.log_cell(cell("rv_sciq", metrics={"exact_match": 1.0}, draw=2), samples(1))
    run.finish(0)

    (found,) = run_files(tmp_path)
    assert (found.run.run_group, found.run.project, found.run.job_type) == ("first", "mirror", "evaluate")
    assert found.run.display_name == "tiny + 0.5 tiny_grpo"
    assert list(found.run.tags) == ["cpu", "tiny"]
    assert found.config["fingerprint"] == "f0.5"
    assert found.config["variant"] == variant(0.5)
    assert {key: found.config[key] for key in ("alpha", "model", "study")} == {
        key: schema.resolved(asked)[key] for key in ("alpha", "model", "study")
    }
    assert found.exit_code == 0
    expected = {
        "rv_gsm8k/n": 3,
        "rv_gsm8k/exact_match": 0.5,
        "rv_gsm8k/exact_match_strict": 0.25,
        "rv_gsm8k/truncated": 0,
        "rv_gsm8k/health/empty": 1,
        "rv_gsm8k/health/nonfinite": 0,
        "rv_gsm8k/timings/swap_s": 0.02,
        "rv_gsm8k/samples": 3,
        "rv_gsm8k/samples_shown": 3,
        "rv_sciq/draw2/n": 3,
        "rv_sciq/draw2/exact_match": 1.0,
    }
    assert expected.items() <= found.summary.items()
    logged = {key: value for line in found.history for key, value in line.items()}
    assert expected.items() <= logged.items()
    # Not a word over the user's own table.
    assert capfd.readouterr() == ("", "")


def test_the_sample_table_holds_the_samples(tmp_path: Path) -> None:
    run = tracking.start(config(tmp_path), variant(0.5))
    run.log_cell(cell(), samples(3))
    run.finish(0)
    table = run_files(tmp_path)[0].table("rv_gsm8k/table")
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [row["item_id"] for row in rows] == ["gsm8k/0", "gsm8k/1", "gsm8k/2"]
    assert [row["correct"] for row in rows] == [True, False, True]
    assert [row["extracted"] for row in rows] == ["0", None, "2"]
    assert rows[0]["prompt"] == "Question: é?"


def test_a_long_table_is_cut_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="rveval.tracking")
    total = tracking.TABLE_ROWS + 7
    run = tracking.start(config(tmp_path), variant(0.5))
    run.log_cell(cell(n=total), samples(total))
    run.finish(0)
    (found,) = run_files(tmp_path)
    assert len(found.table("rv_gsm8k/table")["data"]) == tracking.TABLE_ROWS
    assert found.summary["rv_gsm8k/samples"] == total
    assert found.summary["rv_gsm8k/samples_shown"] == tracking.TABLE_ROWS
    assert f"first {tracking.TABLE_ROWS} of {total}" in caplog.text


def test_a_sweep_gives_as_many_runs_as_jobs_each_with_its_exit_code(tmp_path: Path) -> None:
    alphas, codes = [-1.0, 0.0, 0.5, 1.0], [0, 0, 1, 130]
    for alpha, code in zip(alphas, codes, strict=True):
        run = tracking.start(replace(config(tmp_path), alpha=alpha), variant(alpha))
        run.log_cell(cell(metrics={"exact_match": alpha}), samples(2))
        run.finish(code)
    found = {file.config["alpha"]: file for file in run_files(tmp_path)}
    assert sorted(found) == alphas
    assert [found[alpha].exit_code for alpha in alphas] == codes
    assert [found[alpha].summary["rv_gsm8k/exact_match"] for alpha in alphas] == alphas
    assert {file.run.run_group for file in found.values()} == {"first"}


def test_a_run_left_open_does_not_swallow_the_next(tmp_path: Path) -> None:
    left_open = tracking.start(config(tmp_path), variant(0.5))
    run = tracking.start(config(tmp_path), variant(1.0))
    run.log_cell(cell(), samples(2))
    run.finish(0)
    left_open.finish(1)
    found = {file.config["fingerprint"]: file for file in run_files(tmp_path)}
    assert found["f1.0"].summary["rv_gsm8k/exact_match"] == 0.5
    assert "rv_gsm8k/exact_match" not in found["f0.5"].summary
    assert (found["f1.0"].exit_code, found["f0.5"].exit_code) == (0, 1)


def test_disabled_writes_nothing(tmp_path: Path) -> None:
    run = tracking.start(config(tmp_path / "store", mode="disabled"), variant(0.5))
    run.log_cell(cell(), samples(3))
    run.finish(0)
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def finishes_with_a_warning(asked: Config, caplog: pytest.LogCaptureFixture) -> str:
    """Go through a whole job with a client that can't work; return the one warning."""
    run = tracking.start(asked, variant(0.5))
    run.log_cell(cell(), samples(3))
    run.finish(0)
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    return warning


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "wandb").write_text("a file where the client wants its folder")
    warning = finishes_with_a_warning(config(tmp_path), caplog)
    assert "FileExistsError" in warning
    assert "not mirrored" in warning


def test_online_without_a_login_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    warning = finishes_with_a_warning(config(tmp_path, mode="online"), caplog)
    assert "nobody is logged in" in warning


def test_an_invalid_tag_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert "not mirrored" in finishes_with_a_warning(config(tmp_path, tags=["x" * 100]), caplog)


@pytest.mark.slow
def test_a_server_out_of_reach_costs_seconds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    begun = time.monotonic()
    warning = finishes_with_a_warning(config(tmp_path, mode="online"), caplog)
    assert "not mirrored" in warning
    assert time.monotonic() - begun < 60


def test_a_cell_that_cannot_be_mirrored_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = tracking.start(config(tmp_path), variant(0.5))
    run.log_cell({"task": "rv_broken"}, samples(1))
    run.log_cell(cell(), samples(1))
    run.finish(0)
    assert "rv_broken is not mirrored" in caplog.text
    (found,) = run_files(tmp_path)
    assert found.summary["rv_gsm8k/exact_match"] == 0.5


def test_a_client_whose_service_died_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = tracking.start(config(tmp_path), variant(0.5))
    wandb.teardown()
    run.log_cell(cell(), samples(1))
    run.finish(0)
    assert "rv_gsm8k is not mirrored" in caplog.text


def test_an_interrupt_passes(tmp_path: Path) -> None:
    def interrupted() -> Iterator[dict[str, Any]]:
        yield from samples(1)
        raise KeyboardInterrupt

    run = tracking.start(config(tmp_path), variant(0.5))
    with pytest.raises(KeyboardInterrupt):
        run.log_cell(cell(), interrupted())
    run.finish(130)
    assert run_files(tmp_path)[0].exit_code == 130
