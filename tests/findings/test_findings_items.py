"""The item files: every item once, in its place, whatever the texts hold; small enough to be loaded when looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from studies import Made, sample

from rveval.findings import items

HOSTILE = [
    "<script>alert(1)</script>",
    "</textarea><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "\u202e\u2028\u2029\x00\x1b[31m\ud800 é 🙂",
    '"); alert(1); ("',
]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "runs")


def load(path: Path) -> tuple[str, Any]:
    """A file as a page reads it: one call with a key and a value."""
    text = path.read_bytes().decode("ascii")
    assert text.startswith('rveval_items("')
    assert text.endswith(");\n")
    key, _, value = text.removeprefix('rveval_items("').removesuffix(");\n").partition('", ')
    assert key == path.stem
    return key, json.loads(value)


def whole(folder: Path, files: Any, column: str) -> list[Any]:
    """A column over all pieces; they follow each other without gaps."""
    values: list[Any] = []
    for file in files:
        path = folder / file["file"]
        assert path.stat().st_size == file["bytes"]
        _, value = load(path)
        assert value["first"] == file["first"] == len(values)
        assert len(value[column]) == file["n"]
        values += value[column]
    return values


def build(made: Made, folder: Path) -> dict[str, Any]:
    return made.build(items=folder)


def test_every_item_is_there_once_in_its_place(made: Made, tmp_path: Path) -> None:
    made.add("10xc1")
    made.add("1100s", 1.0)
    made.add("11001", family="typos")
    folder = tmp_path / "items"
    found = build(made, folder)
    clean, typos = found["items"]
    assert (clean["task"], clean["n"], clean["clean"], typos["clean"]) == ("rv_gsm8k", 5, None, clean["id"])
    assert whole(folder, clean["items"], "ids") == [f"gsm8k/{n}" for n in range(5)]
    assert whole(folder, clean["prompts"], "prompts") == [f"Question {n}" for n in range(5)]
    assert whole(folder, clean["prompts"], "targets") == ["1"] * 5
    ids = {row["alpha"]: row["id"] for row in found["variants"]}
    base, variant = ({one["variant"]: one for one in clean["variants"]}[ids[alpha]] for alpha in (0.0, 1.0))
    assert whole(folder, base["marks"], "right") == [1, 0, 0, 0, 1]
    assert whole(folder, base["marks"], "failed") == [0, 0, 1, 0, 0]
    assert whole(folder, base["marks"], "cut") == [0, 0, 0, 1, 0]
    assert whole(folder, base["marks"], "move") == [0] * 5
    assert whole(folder, variant["marks"], "move") == [0, 1, 0, 0, -1]
    assert whole(folder, variant["marks"], "class") == ["", "content", "", "", "style"]
    assert whole(folder, variant["texts"], "responses")[4] == "2+2=4. #### 0"
    assert whole(folder, base["texts"], "extracted")[2] is None
    listed = {file["file"] for one in found["items"] for file in [*one["items"], *one["prompts"]]}
    for one in found["items"]:
        listed |= {file["file"] for line in one["variants"] for file in [*line["marks"], *line["texts"]]}
    assert {path.name for path in folder.iterdir()} == listed


def test_hostile_texts_come_back_and_can_not_leave_their_string(made: Made, tmp_path: Path) -> None:
    lines = [sample(n, "1", "gsm8k", response=text, prompt=text, target=text) for n, text in enumerate(HOSTILE)]
    made.add("", samples=lines)
    folder = tmp_path / "items"
    (one,) = build(made, folder)["items"]
    assert whole(folder, one["variants"][0]["texts"], "responses") == HOSTILE
    assert whole(folder, one["prompts"], "prompts") == HOSTILE
    for path in folder.iterdir():
        assert not set(path.read_text()) & set("<>")


def test_pieces_are_of_about_a_megabyte_and_long_texts_are_cut(made: Made, tmp_path: Path) -> None:
    texts = ["y" * (items.LONGEST + 5)] + ["z" * 30_000] * 99
    lines = [sample(n, "1", "gsm8k", response=text) for n, text in enumerate(texts)]
    made.add("", samples=lines)
    folder = tmp_path / "items"
    (one,) = build(made, folder)["items"]
    files = one["variants"][0]["texts"]
    assert len(files) == 4
    assert all(file["bytes"] < items.BYTES + items.LONGEST + 1000 for file in files)
    responses = whole(folder, files, "responses")
    assert responses[1:] == texts[1:]
    assert responses[0].endswith("\n[... 5 characters more]")


def test_many_items_are_in_several_pieces(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "ITEMS", 4)
    made.add("1010101010")
    made.add("1111101010", 1.0)
    folder = tmp_path / "items"
    (one,) = build(made, folder)["items"]
    assert [file["n"] for file in one["items"]] == [4, 4, 2]
    assert whole(folder, one["items"], "ids") == [f"gsm8k/{n}" for n in range(10)]
    assert sum(whole(folder, one["variants"][1]["marks"], "move")) == 2


def test_several_samples_an_item_are_counted_and_the_first_is_shown(made: Made, tmp_path: Path) -> None:
    lines = [sample(n, mark, "gsm8k", sample_index=k) for n in range(2) for k, mark in enumerate(["1", "0", "1"])]
    made.add("", samples=lines)
    folder = tmp_path / "items"
    (one,) = build(made, folder)["items"]
    _, value = load(folder / one["variants"][0]["marks"][0]["file"])
    assert (value["samples"], value["right"]) == (3, [2, 2])
    assert whole(folder, one["variants"][0]["texts"], "responses") == ["#### 1"] * 2


def test_another_prompt_of_the_same_item_is_kept_beside_it(made: Made, tmp_path: Path) -> None:
    made.add("10")
    made.add("", 1.0, samples=[sample(0, "1", "gsm8k"), sample(1, "1", "gsm8k", prompt="otherwise")])
    folder = tmp_path / "items"
    (one,) = build(made, folder)["items"]
    (file,) = one["variants"][1]["texts"]
    assert load(folder / file["file"])[1]["prompts"] == {"1": "otherwise"}


def test_ways_of_asking_are_sets_of_their_own(made: Made, tmp_path: Path) -> None:
    made.add("10", limit=2)
    made.add("1010", limit=4)
    found = build(made, tmp_path / "items")
    assert sorted(one["n"] for one in found["items"]) == [2, 4]
