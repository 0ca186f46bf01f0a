"""A study mirrored from its store: what is in the runs, that none is doubled, and what the verb says."""

from __future__ import annotations

import io
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mirrors
import pytest
import wandb
from mirrors import RunFile

from rveval import findings
from rveval.config import Config
from rveval.findings import Curve, Report
from rveval.show import tracking
from rveval.show.tables import tables
from rveval.show.tracking import verb
from rveval.show.tracking.rebuild import place_of, rebuild
from rveval.store import Store

Mirror = tuple[Path, dict[str, RunFile], str]
RIGHT = {0.0: "1100110010", 0.5: "1110111010", 1.0: "0100100010"}


@pytest.fixture(autouse=True)
def clean_client(tmp_path: Path) -> Iterator[None]:
    with mirrors.client_of_nobody(tmp_path):
        yield


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with a study: three alphas, clean and under a family."""
    return filled(tmp_path)


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """The same, mirrored once for the tests that only read: the store, the runs, and what the verb said."""
    folder = tmp_path_factory.mktemp("mirrored")
    with mirrors.client_of_nobody(folder), pytest.MonkeyPatch.context() as patch:
        said = io.StringIO()
        patch.setattr(sys, "stdout", said)
        assert track(filled(folder)) == 0
        return folder / "runs", mirrored(folder / "runs"), said.getvalue()


def filled(folder: Path) -> Path:
    for alpha, right in RIGHT.items():
        config = mirrors.asked(folder / "runs", alpha, tracking={"project": "mine", "tags": ["t"]})
        mirrors.add(config, right)
        mirrors.add(config, right[::-1], "rv_sciq_typos", "typos")
    return folder / "runs"


def mirrored(store: Path) -> dict[str, RunFile]:
    """The runs in a store by their names; an error where one is there twice."""
    files = mirrors.run_files(store)
    found = {file.run.display_name: file for file in files}
    assert len(found) == len(files)
    return found


def built(store: Path) -> Report:
    read = Store(store)
    return findings.build([findings.Study("first", read, read.read_study("first"))])


def track(store: Path, *more: str) -> int:
    return verb.main([f"store={store}", *(more or ("study=first",))])


def test_a_study_becomes_its_runs(read_only: Mirror) -> None:
    _, found, said = read_only
    assert set(found) == {"tiny", "tiny + 0.5 tiny_grpo", "tiny + 1 tiny_grpo", "summary of first"}
    assert {file.run.run_group for file in found.values()} == {"first"}
    assert {(file.run.project, tuple(file.run.tags)) for file in found.values()} == {("mine", ("t",))}
    assert {file.exit_code for file in found.values()} == {0}
    half = found["tiny + 0.5 tiny_grpo"]
    assert half.summary["rv_sciq/exact_match"] == 0.7
    assert half.config["alpha"] == 0.5
    assert len(half.table("rv_sciq_typos/table")["data"]) == 10
    assert "4 runs mirrored" in said
    assert "tiny + 0.5 tiny_grpo: 2 cells, all 20 samples in tables" in said


def test_differences_stand_with_the_variants(read_only: Mirror) -> None:
    store, found, _ = read_only
    report = built(store)
    expected = {(one["variant"], one["task"]): one for one in report.finding("comparisons").rows or ()}
    assert len(expected) == 4
    for (variant, task), row in expected.items():
        shown = found[report.label(variant)].summary
        got = [shown[f"{task}/{name}"] for name in ("difference", "difference_low", "difference_high")]
        assert got == pytest.approx([row["difference"][bound] for bound in ("value", "low", "high")])
    assert not any("difference" in name for name in found["tiny"].summary)


def test_the_summary_run_shows_the_tables_of_the_report(read_only: Mirror) -> None:
    run, report = read_only[1]["summary of first"], built(read_only[0])
    for table in tables(report, detail=True):
        shown = run.table(f"study/{table.key}")
        assert len(set(shown["columns"])) == len(shown["columns"])
        if table.key != "claims":  # the verb knows the published numbers
            assert len(shown["data"]) == len(table.rows)
    scores = run.table("study/scores")
    rows = [dict(zip(scores["columns"], row, strict=True)) for row in scores["data"]]
    cells = report.finding("cells").rows or ()
    for row, cell in zip(rows, cells, strict=True):
        values = [row[f"right{end}"] for end in ("", " low", " high", " n")]
        assert values == pytest.approx([cell["accuracy"][key] for key in ("value", "low", "high", "n")])
    assert run.summary["verdict"] == report.verdict["sentence"]
    assert len(run.table("study/claims")["data"]) > 0


def test_the_curves_have_their_bands(read_only: Mirror) -> None:
    run, report = read_only[1]["summary of first"], built(read_only[0])
    pictures = [finding.picture for finding in report.findings if finding.picture]
    choices = [
        (picture.key, choice)
        for picture in pictures
        for choice in picture.choices
        if isinstance(choice.panels[0], Curve)
    ]
    assert len(choices) == 2
    assert set(run.charts) == {f"study/{key}/{choice.label}" for key, choice in choices}
    for key, choice in choices:
        name = f"study/{key}/{choice.label}"
        assert run.charts[name]["fieldSettings"] == {"x": "alpha", "y": "percent", "stroke": "line"}
        assert f"{name}_table" in json.dumps(run.charts[name])
        rows = run.table(f"{name}_table")["data"]
        for panel in choice.panels:
            assert isinstance(panel, Curve)
            for end, values in {"": panel.value, ", low": panel.low, ", high": panel.high}.items():
                drawn = [row[:2] for row in rows if row[2] == f"{panel.title}{end}"]
                assert drawn == [list(pair) for pair in zip(panel.x, values, strict=True)]


def test_the_summary_is_an_artifact(read_only: Mirror) -> None:
    store, runs, _ = read_only
    files = runs["summary of first"].artifact("first-summary")
    kept = Path(files["summary.json"])
    assert store in kept.parents, "it has to be there when the run is uploaded, and to go when the run goes"
    found, said = json.loads(kept.read_text(encoding="utf-8")), built(store).summary()
    ours = {"made", "claims"}  # the verb knows the published numbers
    assert {key: found[key] for key in found if key not in ours} == {
        key: value for key, value in json.loads(json.dumps(said)).items() if key not in ours
    }


def test_doing_it_again_doubles_nothing(store: Path) -> None:
    assert track(store) == 0
    before = {name: file.run.run_id for name, file in mirrored(store).items()}
    size = sum(path.stat().st_size for path in (store / "wandb").rglob("*") if path.is_file())
    assert track(store) == 0
    assert {name: file.run.run_id for name, file in mirrored(store).items()} == before
    again = sum(path.stat().st_size for path in (store / "wandb").rglob("*") if path.is_file())
    assert again < 1.2 * size


def test_what_was_mirrored_during_the_run_is_not_doubled(store: Path) -> None:
    config = mirrors.asked(store, 0.5)
    tracking.start(config, mirrors.variant_of(config)).finish(0)
    tracking.summarise(config)
    assert len(mirrors.run_files(store)) == 2
    assert track(store) == 0
    assert len(mirrored(store)) == 4


def test_a_variant_asked_in_two_ways_is_two_runs(store: Path) -> None:
    mirrors.add(mirrors.asked(store, 0.5, temperature=0.5), "1111111111")
    assert track(store) == 0
    files = mirrors.run_files(store)
    shown = sorted(
        file.summary["rv_sciq/exact_match"] for file in files if file.run.display_name == "tiny + 0.5 tiny_grpo"
    )
    assert shown == [0.7, 1.0]


def test_another_project_and_several_studies(store: Path) -> None:
    shutil.copytree(store / "studies" / "first", store / "studies" / "second")
    assert track(store, "study=first,second", "project=other", "entity=me") == 0
    files = mirrors.run_files(store)
    assert len(files) == 8
    assert {(file.run.project, file.run.entity) for file in files} == {("other", "me")}
    assert {file.run.run_group for file in files} == {"first", "second"}


def test_a_cut_table_is_said(store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("rveval.show.tracking.mirror.RUN_ROWS", 12)
    assert track(store) == 0
    found = mirrored(store)["tiny"].summary
    assert [found[f"{task}/samples_shown"] for task in ("rv_sciq", "rv_sciq_typos")] == [10, 2]
    assert "tiny: 2 cells, the first 12 of 20 samples in tables" in capsys.readouterr().out


def fails(store: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    status = track(store, *more)
    return status, capsys.readouterr().err


def test_a_client_that_fails_is_an_error_and_the_rest_is_mirrored(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = wandb.init

    def init(**keys: Any) -> Any:
        if keys["name"] == "tiny":
            raise wandb.errors.CommError("the service said no")
        return real(**keys)

    monkeypatch.setattr(wandb, "init", init)
    status, said = fails(store, capsys)
    assert status == 1
    assert "W&B, tiny: CommError: the service said no" in said
    assert len(mirrored(store)) == 3


def test_a_run_that_breaks_off_is_shown_as_failed(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rveval.show.tracking.rebuild.differences", lambda *_: 1 / 0)
    status, said = fails(store, capsys)
    assert (status, said.count("ZeroDivisionError")) == (1, 3)
    found = mirrored(store)
    assert {name: file.exit_code for name, file in found.items()}["tiny"] == 1
    assert found["summary of first"].exit_code == 0


def test_a_folder_that_cannot_be_written_is_an_error(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store / "wandb").write_text("a file where the client wants its folder")
    status, said = fails(store, capsys)
    assert status == 1
    assert "FileExistsError" in said


def test_a_client_that_never_works_is_given_up(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wandb, "init", lambda **keys: 1 / 0)
    status, said = fails(store, capsys)
    assert (status, said.count("ZeroDivisionError")) == (1, 2)
    assert "not tried any more: 2 further runs" in said


def test_online_without_a_login_is_an_error(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = fails(store, capsys, "study=first", "mode=online")
    assert status == 1
    assert "nobody is logged in" in said


@pytest.mark.parametrize(("raised", "expected"), [(ValueError("nobody foresaw"), 1), (KeyboardInterrupt(), 130)])
def test_however_it_ends_it_ends_in_words(
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    expected: int,
) -> None:
    def broken(*given: Any) -> None:
        raise raised

    monkeypatch.setattr(verb, "rebuild", broken)
    status, said = fails(store, capsys)
    assert status == expected
    assert said.startswith("failed: ValueError: nobody foresaw" if expected == 1 else "interrupted")


def test_damaged_samples_are_refused(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next((store / "cells").glob("*/samples.jsonl"))
    path.write_bytes(path.read_bytes()[:-40])
    status, said = fails(store, capsys)
    assert status == 2
    assert str(path) in said
    assert not (store / "wandb").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["study=frist"], ["no such study", "did you mean first?"]),
        (["study=first,zzz"], ["no such study", "expected first, found zzz"]),
        (["study=../studies/first"], ["is no name of a study"]),
        (["stdy=first"], ["is no key", "did you mean study?"]),
        (["study=first", "mode=nowhere"], ["no such mode", "offline or online"]),
        (["store=x"], ["no study is named"]),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    store: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: list[str]
) -> None:
    status, said = fails(store, capsys, *words)
    assert status == 2
    assert [text for text in expected if text not in said] == []
    assert not (store / "wandb").exists()


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert verb.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"{key}=" in said for key in ("study", "store", "mode", "project", "entity"))


@pytest.mark.slow
def test_a_service_out_of_reach_is_an_error_in_a_minute(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    begun = time.monotonic()
    status, said = fails(store, capsys, "study=first", "mode=online")
    assert status == 1
    assert "not tried any more" in said
    assert time.monotonic() - begun < 90


@pytest.mark.slow
def test_200_000_items_are_mirrored(tmp_path: Path) -> None:
    for alpha in (0.0, 0.5):
        config: Config = mirrors.asked(tmp_path, alpha)
        for task in range(4):
            mirrors.add(config, ("10" if alpha else "01") * 25_000, f"rv_{task}")
    done = rebuild(place_of(tmp_path, "first", "offline", None, None), "first", built(tmp_path))
    assert [one.samples for one in done] == [0, 200_000, 200_000]
    assert [one.shown for one in done] == [0, 4_000, 4_000]
