"""Results that plain lm-eval wrote, read like a store."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rveval.findings import Study, build
from rveval.show import report
from rveval.show.lm_eval_logs import Logs


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = report.main(list(words))
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return status, said.out, said.err


def plain_run(folder: Path, marks: str, task: str = "gsm8k", limit: Any = None, **line: Any) -> Path:
    """A folder as lm-eval 0.4.13 writes it, with two filters."""
    folder.mkdir(parents=True, exist_ok=True)
    moment = "2026-11-21T12-31-47.916973"
    rows = []
    for name in ("strict-match", "flexible-extract"):
        for number, mark in enumerate(marks):
            row = {
                "doc_id": number,
                "doc": {"question": f"q{number}"},
                "target": "1",
                "arguments": {"gen_args_0": {"arg_0": f"Q: q{number}", "arg_1": {"until": []}}},
                "resps": [[f"answer {mark}"]],
                "filtered_resps": ["[invalid]" if mark == "x" else mark],
                "filter": name,
                "metrics": ["exact_match"],
                "doc_hash": hashlib.sha256(f"{number}".encode()).hexdigest(),
                "prompt_hash": f"p{number}",
                "exact_match": float(mark == "1" and (name == "flexible-extract" or number % 2 == 0)),
            }
            rows.append({key: value for key, value in (row | line).items() if value is not None})
    (folder / f"samples_{task}_{moment}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    results = {"config": {"limit": limit}, "n-shot": {task: 5}, "versions": {task: 3}, "date": 1.0}
    (folder / f"results_{moment}.json").write_text(json.dumps(results))
    return folder


def read_plain(*folders: Path) -> Any:
    logs = Logs(folders)
    return build([Study("p", logs, logs.read_study("p"))]).summary()


def test_plain_results_are_paired_by_item_whatever_the_order(tmp_path: Path) -> None:
    base, other = plain_run(tmp_path / "base", "110x" * 10), plain_run(tmp_path / "other", "0111" * 10)
    path = next(other.glob("samples_*"))
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    found = read_plain(base, other)
    assert [row["label"] for row in found["variants"]] == ["base", "other"]
    (row,) = found["comparisons"]
    assert (row["fixed"], row["broken"], row["difference"]["value"]) == (20, 10, 0.25)
    assert [cell["accuracy"]["value"] for cell in found["cells"]] == [0.5, 0.75]
    assert [cell["strict"]["value"] for cell in found["cells"]] == [0.25, 0.25]
    assert found["cells"][0]["extraction_failed"]["value"] == 0.25
    assert found["curves"] == found["factorial"] == []


def test_folders_of_one_name_are_told_apart_and_the_models_own_folder_is_found(tmp_path: Path) -> None:
    plain_run(tmp_path / "a" / "model", "10")
    plain_run(tmp_path / "b" / "model", "11")
    found = read_plain(tmp_path / "a", tmp_path / "b")
    assert [row["label"] for row in found["variants"]] == ["a", "b"]
    found = read_plain(tmp_path / "a" / "model", tmp_path / "b" / "model")
    assert [row["label"] for row in found["variants"]] == ["a/model", "b/model"]


@pytest.mark.parametrize(
    ("change", "why"),
    [({"limit": 5}, "limit"), ({"prompt_hash": "another"}, "prompts")],
)
def test_plain_results_asked_in_another_way_are_not_compared(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    found = read_plain(plain_run(tmp_path / "base", "1010"), plain_run(tmp_path / "other", "1110", **change))
    assert found["comparisons"] == []
    assert why in found["problems"][0]["what"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"doc_hash": None, "doc_id": None}, "neither item_id, nor doc_hash, nor doc_id"),
        ({"exact_match": 0.37}, "is no score of right and wrong"),
        ({"exact_match": None}, "hold no score"),
        ({"doc": {"item_id": "gsm8k/0"}}, "is there twice"),
    ],
)
def test_plain_results_that_can_not_be_read_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], told: str
) -> None:
    folder = plain_run(tmp_path / "base", "1010", **change)
    status, _, err = run(capsys, f"lm_eval={folder}", f"out={tmp_path}/out")
    assert status == 2
    assert told in err


def test_plain_results_of_other_items_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, other = plain_run(tmp_path / "base", "1010"), plain_run(tmp_path / "other", "101")
    status, _, err = run(capsys, f"lm_eval={base},{other}", f"out={tmp_path}/out")
    assert status == 2
    assert "different items" in err


def test_plain_results_without_their_results_file_or_cut_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = plain_run(tmp_path / "base", "1010")
    path = next(folder.glob("samples_*"))
    path.write_text(path.read_text()[:-20])
    assert "line 8 can't be read" in run(capsys, f"lm_eval={folder}", f"out={tmp_path}/out")[2]
    next(folder.glob("results_*")).unlink()
    assert "how the model was asked is not known" in run(capsys, f"lm_eval={folder}", f"out={tmp_path}/out")[2]


def test_two_runs_in_one_folder_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = plain_run(tmp_path / "base", "1010")
    first = next(folder.glob("samples_*"))
    shutil.copy(first, str(first).replace("12-31", "13-31"))
    status, _, err = run(capsys, f"lm_eval={folder}", f"out={tmp_path}/out")
    assert status == 2
    assert "two runs of gsm8k" in err


def test_plain_results_of_our_own_tasks_keep_families_and_ids(tmp_path: Path) -> None:
    for name, marks in (("base", "1000"), ("other", "1110")):
        for task, family in (("rv_gsm8k", "clean"), ("rv_gsm8k_typos", "typos")):
            doc = {"rv_source": "gsm8k", "rv_families": family, "rv_changed": family != "clean"}
            folder = plain_run(tmp_path / name, marks, task)
            path = next(folder.glob(f"samples_{task}_2*"))
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            for row in rows:
                row["doc"] |= doc | {"item_id": f"gsm8k/{row['doc_id']}"}
                row["doc_hash"] += family
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            results = {"config": {"limit": None}}
            next(folder.glob("results_*")).write_text(json.dumps(results))
    found = read_plain(tmp_path / "base", tmp_path / "other")
    (row,) = found["survival"]
    assert (row["family"], row["n"], row["gain_family"]["value"]) == ("typos", 4, 0.5)
