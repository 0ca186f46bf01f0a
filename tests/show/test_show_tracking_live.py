"""The W&B mirror, with the real client, offline: what it wrote is read back from its own run files."""

from __future__ import annotations

import doctest
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
from rveval.config import Config, ModelConfig, TrackingConfig, VectorConfig
from rveval.show import tracking
from rveval.show.tracking import mirror


@pytest.fixture(autouse=True)
def clean_client(tmp_path: Path) -> Iterator[None]:
    with mirrors.client_of_nobody(tmp_path):
        yield


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
    caplog.set_level(logging.INFO, logger="rveval.show.tracking")
    total = mirror.TABLE_ROWS + 7
    run = tracking.start(config(tmp_path), variant(0.5))
    run.log_cell(cell(n=total), samples(total))
    run.finish(0)
    (found,) = run_files(tmp_path)
    assert len(found.table("rv_gsm8k/table")["data"]) == mirror.TABLE_ROWS
    assert found.summary["rv_gsm8k/samples"] == total
    assert found.summary["rv_gsm8k/samples_shown"] == mirror.TABLE_ROWS
    assert f"first {mirror.TABLE_ROWS} of {total}" in caplog.text


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


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, "FileExistsError"),
        ({"mode": "online"}, "nobody is logged in"),
        ({"tags": ["x" * 100]}, "not mirrored"),
    ],
)
def test_a_client_that_can_not_work_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, keys: dict[str, Any], expected: str
) -> None:
    if not keys:
        (tmp_path / "wandb").write_text("a file where the client wants its folder")
    warning = finishes_with_a_warning(config(tmp_path, **keys), caplog)
    assert expected in warning
    assert "not mirrored" in warning


@pytest.mark.slow
def test_a_server_out_of_reach_costs_seconds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    begun = time.monotonic()
    warning = finishes_with_a_warning(config(tmp_path, mode="online"), caplog)
    assert "not mirrored" in warning
    assert time.monotonic() - begun < 80  # 20 s of it are waited for; the client by itself has 90 s of patience


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


def test_the_same_job_again_is_the_same_run(tmp_path: Path) -> None:
    for right in (0.25, 0.75):
        run = tracking.start(config(tmp_path), variant(0.5))
        run.log_cell(cell(metrics={"exact_match": right}), samples(2))
        run.finish(0)
    (found,) = run_files(tmp_path)
    assert found.summary["rv_gsm8k/exact_match"] == 0.75


def test_another_study_variant_or_way_of_asking_is_another_run(tmp_path: Path) -> None:
    base = config(tmp_path)
    others = [
        replace(base, study="second"),
        replace(base, temperature=0.5),
        replace(base, limit=7),
        replace(base, seed=1),
    ]
    for asked in (base, *others):
        tracking.start(asked, variant(0.5)).finish(0)
    tracking.start(base, variant(1.0)).finish(0)
    assert len({file.run.run_id for file in run_files(tmp_path)}) == len(others) + 2


def test_a_job_that_goes_on_shows_the_cells_of_the_one_before(tmp_path: Path) -> None:
    asked = mirrors.asked(tmp_path)
    mirrors.add(asked, "1101", "rv_sciq")
    mirrors.add(replace(asked, temperature=0.5), "0000", "rv_gsm8k")  # asked in another way
    run = tracking.start(asked, mirrors.variant_of(asked))
    run.log_cell(cell("rv_bbh_navigate"), samples(2))
    run.finish(0)
    (found,) = run_files(tmp_path)
    assert (found.summary["rv_sciq/exact_match"], found.summary["rv_sciq/samples"]) == (0.75, 4)
    assert found.summary["rv_bbh_navigate/n"] == 3
    assert not any(name.startswith("rv_gsm8k") for name in found.summary)


def test_a_run_that_somebody_writes_to_is_not_removed(tmp_path: Path) -> None:
    first = tracking.start(config(tmp_path), variant(0.5))
    second = tracking.start(config(tmp_path), variant(0.5))
    second.finish(0)
    first.log_cell(cell(), samples(2))
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 2
    first.finish(0)
    (found,) = run_files(tmp_path)
    assert found.summary["rv_gsm8k/exact_match"] == 0.5


def test_everything_lies_in_the_store(tmp_path: Path) -> None:
    store = tmp_path / "store"
    run = tracking.start(config(store), variant(0.5))
    run.log_cell(cell(), samples(3))
    run.finish(0)
    wandb.teardown()
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and store not in path.parents]
    assert [path for path in outside if ".cache/wandb/logs" not in str(path)] == []
    assert "WANDB_DATA_DIR" not in os.environ


HOSTILE = [
    "<script>alert(1)</script>",
    "</textarea><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "\x00\x07\x1b[31m\u202e\u2028",
    "a\ud800b",
    '{"_type": "html-file", "path": "/etc/passwd"}',
    "=HYPERLINK(1)",
]


def test_what_a_model_wrote_is_only_data(tmp_path: Path) -> None:
    written = [{**samples(1)[0], "item_id": f"x/{place}", "response": text} for place, text in enumerate(HOSTILE)]
    run = tracking.start(config(tmp_path), variant(0.5))
    run.log_cell(cell(), written)
    run.finish(0)
    table = run_files(tmp_path)[0].table("rv_gsm8k/table")
    responses = [row[table["columns"].index("response")] for row in table["data"]]
    assert responses == [text.replace("\ud800", "\ufffd") for text in HOSTILE]


def test_an_endless_text_is_cut_and_says_so(tmp_path: Path) -> None:
    run = tracking.start(config(tmp_path), variant(0.5))
    run.log_cell(cell(), [{**samples(1)[0], "response": "x" * 1_000_000}])
    run.finish(0)
    table = run_files(tmp_path)[0].table("rv_gsm8k/table")
    response = table["data"][0][table["columns"].index("response")]
    assert response.startswith("x" * mirror.CELL_CHARACTERS + "\n")
    assert response.endswith("[... 990,000 characters more]")


def test_all_tables_of_a_run_together_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rveval.show.tracking.mirror.RUN_ROWS", 5)
    run = tracking.start(config(tmp_path), variant(0.5))
    for number in range(3):
        run.log_cell(cell(f"rv_{number}"), samples(3))
    run.finish(0)
    (found,) = run_files(tmp_path)
    assert [found.summary[f"rv_{number}/samples_shown"] for number in range(3)] == [3, 2, 0]
    assert [found.summary[f"rv_{number}/samples"] for number in range(3)] == [3, 3, 3]
    assert "rv_2/table/path" not in found.summary


def test_a_task_with_an_endless_name_has_a_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    name = "my_" + "very_" * 40 + "long_task"
    run = tracking.start(config(tmp_path), variant(0.5))
    run.log_cell(cell(name), samples(3))
    run.finish(0)
    (found,) = run_files(tmp_path)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert found.summary[f"{name}/n"] == 3
    assert len(found.table(mirror.table_key(f"{name}/table"))["data"]) == 3


def test_a_repetition_and_a_draw_stand_beside_the_first(tmp_path: Path) -> None:
    run = tracking.start(config(tmp_path), variant(0.5))
    run.log_cell(cell(metrics={"exact_match": 0.5}), samples(1))
    run.log_cell(cell(metrics={"exact_match": 0.6}, settings={"repeat": 1}), samples(1))
    run.log_cell(cell(metrics={"exact_match": 0.7}, draw=1, settings={"repeat": 2}), samples(1))
    run.finish(0)
    found = run_files(tmp_path)[0].summary
    names = ("rv_gsm8k", "rv_gsm8k/repeat1", "rv_gsm8k/draw1/repeat2")
    assert [found[f"{name}/exact_match"] for name in names] == [0.5, 0.6, 0.7]


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(mirror).failed == 0
    assert doctest.testmod(mirror).attempted > 0


def test_the_summary_is_mirrored_at_the_end(tmp_path: Path) -> None:
    asked = [mirrors.asked(tmp_path, alpha) for alpha in (0.0, 0.5)]
    mirrors.add(asked[0], "1100")
    mirrors.add(asked[1], "1110")
    for _ in range(2):
        tracking.summarise(asked[1])
    (found,) = run_files(tmp_path)
    assert (found.run.job_type, found.run.run_group) == ("summary", "first")
    assert "study/comparisons/path" in found.summary


def test_a_summary_that_fails_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tracking.summarise(mirrors.asked(tmp_path))
    assert "rveval.track" in caplog.text
    tracking.summarise(mirrors.asked(tmp_path, tracking={"kind": "none"}))
    assert list(tmp_path.glob("wandb")) == []
