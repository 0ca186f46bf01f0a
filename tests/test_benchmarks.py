"""Benchmarks are whole, in order and unchanged, or refused with the file and the line."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import REPOSITORY, needs_data

from rveval import benchmarks
from rveval.benchmarks import data_hash, load
from rveval.errors import Refused

ROWS = [{"question": f"Ann has {n} pens. How many?", "answer": f"She has {n}.\n#### {n}"} for n in range(6)]


def write(folder: Path, lines: list[str], split: str = "test") -> Path:
    path = folder / "gsm8k" / f"{split}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[list[str]], Path]:
    """GSM8K of six items of our own in a folder of our own."""
    published = benchmarks.PUBLISHED["gsm8k"]
    monkeypatch.setitem(
        benchmarks.PUBLISHED,
        "gsm8k",
        dataclasses.replace(published, counts={"test": 6, "train": 6}),
    )
    monkeypatch.setenv("RVEVAL_DATA", str(tmp_path))
    return lambda lines: write(tmp_path, lines)


def dumped(rows: list[dict[str, str]]) -> list[str]:
    return [json.dumps(row) for row in rows]


@needs_data("gsm8k")
def test_gsm8k_is_whole_and_in_order() -> None:
    test, train = load("gsm8k"), load("gsm8k", "train")
    assert (len(test), len(train)) == (1319, 7473)
    assert [item["item_id"] for item in test] == [f"gsm8k/{index}" for index in range(1319)]
    assert train[7]["item_id"] == "gsm8k/train/7"
    assert set(test[0]) == {"question", "answer", "item_id"}


def test_upstream_fields_are_kept(small: Callable[[list[str]], Path]) -> None:
    small(dumped(ROWS))
    assert load("gsm8k") == [{**row, "item_id": f"gsm8k/{index}"} for index, row in enumerate(ROWS)]


def test_the_hash_is_of_content_not_of_spelling(small: Callable[[list[str]], Path]) -> None:
    small(dumped(ROWS))
    plain = data_hash("gsm8k")
    small([json.dumps(dict(reversed(row.items())), indent=None, ensure_ascii=False) + " " for row in ROWS])
    assert data_hash("gsm8k") == plain
    small(dumped([*ROWS[:5], {**ROWS[5], "question": "Ann has 5 pens. How many now?"}]))
    assert data_hash("gsm8k") != plain


BROKEN: list[tuple[str, list[str], list[str]]] = [
    ("short", dumped(ROWS[:5]), ["expected 6 records", "5"]),
    ("long", dumped([*ROWS, {"question": "Again?", "answer": "#### 1"}]), ["expected 6 records", "7"]),
    ("empty", [], ["expected 6 records", "0"]),
    ("cut", [*dumped(ROWS[:5]), dumped(ROWS)[5][:20]], ["line 6", "not JSON", "cut off"]),
    ("no JSON", [*dumped(ROWS[:3]), "hello", *dumped(ROWS[4:])], ["line 4", "not JSON"]),
    ("blank line", [*dumped(ROWS[:3]), "", *dumped(ROWS[3:])], ["line 4", "not JSON"]),
    ("no record", [*dumped(ROWS[:5]), "[1]"], ["line 6", "JSON object", "list"]),
    ("wrong field", [*dumped(ROWS[:5]), '{"query": "x", "answer": "#### 1"}'], ["line 6", "question", "query"]),
    ("no text", [*dumped(ROWS[:5]), '{"question": 5, "answer": "#### 1"}'], ["line 6", "question"]),
    ("no gold", [*dumped(ROWS[:5]), '{"question": "x", "answer": "five"}'], ["line 6", "####"]),
    ("repeated", dumped([*ROWS[:5], ROWS[1]]), ["line 6", "repeats the question of line 2"]),
]


@pytest.mark.parametrize(("lines", "words"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_changed_file_is_refused_by_name_and_line(
    small: Callable[[list[str]], Path], lines: list[str], words: list[str]
) -> None:
    path = small(lines)
    with pytest.raises(Refused) as refused:
        load("gsm8k")
    for word in [str(path), *words]:
        assert word in str(refused.value)


def test_bad_bytes_are_refused(small: Callable[[list[str]], Path]) -> None:
    path = small(dumped(ROWS))
    path.write_bytes(path.read_bytes().replace(b"Ann has 3", b"Ann \xff 3"))
    with pytest.raises(Refused, match="line 4: not JSON"):
        load("gsm8k")


def test_all_broken_lines_are_reported_at_once_but_not_a_screenful(small: Callable[[list[str]], Path]) -> None:
    small(["x"] * 100)
    with pytest.raises(Refused) as refused:
        load("gsm8k")
    assert len(refused.value.problems) == 6
    assert "95 problems more" in str(refused.value)


def test_a_missing_file_says_how_to_use_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RVEVAL_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(Refused, match=r"nowhere/gsm8k/test.jsonl.*can't be read[^$]*RVEVAL_DATA"):
        load("gsm8k")


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(Refused, match="gsm8k"):
        load("gsm9k")
    with pytest.raises(Refused, match="test, train"):
        load("gsm8k", "validation")


def test_a_hub_out_of_reach_is_one_refusal(tmp_path: Path) -> None:
    """In a process of its own: huggingface_hub reads its switches when it is imported."""
    code = "from rveval import benchmarks as b, errors\ntry:\n b.load('gsm8k')\nexcept errors.Refused as e:\n print(e)"
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    env.pop("RVEVAL_DATA", None)
    env.pop("HF_DATASETS_CACHE", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=120
    )
    for words in ("openai/gsm8k", "main", "the test split of gsm8k", "RVEVAL_DATA", "gsm8k/test.jsonl"):
        assert words in done.stdout


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Six items of our own as the test split of tiny_math."""
    monkeypatch.setattr(benchmarks, "TINY_DATA", tmp_path)
    monkeypatch.setattr(benchmarks, "TINY_COUNTS", {"test": 6})
    path = tmp_path / "tiny_math" / "test.jsonl"
    path.parent.mkdir()
    rows = [{"id": f"tiny_math/{index}", "kind": "sum", **row} for index, row in enumerate(ROWS)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(benchmarks, "TINY", {"tiny_math": {"test": digest}})
    return path


def test_tiny_items_carry_their_own_id(tiny: Path) -> None:
    items = load("tiny_math")
    assert [item["item_id"] for item in items] == [f"tiny_math/{index}" for index in range(6)]
    assert items[0]["kind"] == "sum"
    assert benchmarks.names() == ["gsm8k", "tiny_math"]
    with pytest.raises(Refused, match="no such split"):
        load("tiny_math", "train")


def test_a_repeated_or_missing_tiny_id_is_refused(tiny: Path) -> None:
    text = tiny.read_text(encoding="utf-8")
    tiny.write_text(text.replace("tiny_math/4", "tiny_math/1"), encoding="utf-8")
    with pytest.raises(Refused, match="line 5: repeats the id of line 2"):
        load("tiny_math")
    tiny.write_text(text.replace('"id": "tiny_math/4", ', ""), encoding="utf-8")
    with pytest.raises(Refused, match="line 5: field id"):
        load("tiny_math")


CHANGES: list[tuple[str, Callable[[str], str | None], str]] = [
    ("missing", lambda text: None, "can't be read"),
    ("empty", lambda text: "", "expected 6 records, found 0"),
    ("short", lambda text: "".join(text.splitlines(keepends=True)[:5]), "expected 6 records, found 5"),
    ("long", lambda text: text + text.splitlines()[0].replace("math/0", "math/6"), "expected 6 records, found 7"),
    ("other answer", lambda text: text.replace("#### 3", "#### 4"), "contents were changed"),
    ("no answer", lambda text: text.replace("#### 3", "three"), "line 4: 'answer' does not end in '#### <number>'"),
]


@pytest.mark.parametrize(("change", "says"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_a_packaged_file_that_is_not_the_packaged_one_is_refused(
    tiny: Path, change: Callable[[str], str | None], says: str
) -> None:
    changed = change(tiny.read_text(encoding="utf-8"))
    if changed is None:
        tiny.unlink()
    else:
        tiny.write_text(changed, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        load("tiny_math")
    assert str(tiny) in str(refused.value)
    assert says in str(refused.value)
    assert "RVEVAL_DATA" not in str(refused.value)


@pytest.mark.parametrize("name", ["tiny_math", "tiny_choice", "tiny_order", "tiny_long"])
def test_the_packaged_tiny_benchmarks_are_whole(name: str) -> None:
    assert name in benchmarks.names()
    counts = {split: len(load(name, split)) for split in ("test", "validation", "train")}
    assert counts == {"test": 1000, "validation": 600, "train": 300}
    assert [item["item_id"] for item in load(name)] == [f"{name}/{index}" for index in range(1000)]
    assert len(data_hash(name)) == 64
