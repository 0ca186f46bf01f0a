"""In which order `describe` reads and hashes files; it changes no number."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import tinymodels
from conftest import REPOSITORY

from rveval import describe
from rveval.checkpoints import Checkpoint, content_hash, fingerprints, open_checkpoint
from rveval.describe import hashing, measure, stream
from rveval.describe.pages import Ahead
from rveval.describe.sums import Measured

TINY = REPOSITORY / "rveval" / "tiny" / "models"


def in_shards(folder: Path, count: int) -> Path:
    """tiny:grpo with its tensors in several files, the last names in the first file."""
    from safetensors.torch import save_file

    tensors = tinymodels.tensors(TINY / "grpo")
    tinymodels.sibling(TINY / "grpo", folder)
    (folder / "model.safetensors").unlink()
    names = sorted(tensors, reverse=True)
    index: dict[str, str] = {}
    for number in range(count):
        file = f"model-{number + 1:05d}-of-{count:05d}.safetensors"
        part = {name: tensors[name].contiguous() for name in names[number::count]}
        save_file(part, folder / file, metadata={"format": "pt"})
        index |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return folder


def test_files_are_hashed_in_turns_and_the_gate_hashes_none_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    monkeypatch.setattr(fingerprints, "_SETTLED_NS", 0)
    one, other = (in_shards(tmp_path / name, 3) for name in ("one", "other"))
    asked: list[Path] = []

    def hashed(file: Path) -> str:
        asked.append(file)
        return fingerprints.file_hash(file)

    monkeypatch.setattr(hashing, "file_hash", hashed)
    first, second = open_checkpoint(one), open_checkpoint(other)
    hashing.hash_ahead([first, second, first])
    assert asked == [file for pair in zip(first.files, second.files, strict=True) for file in pair]

    def again() -> None:
        raise AssertionError("hashed again")

    monkeypatch.setattr(fingerprints.hashlib, "sha256", lambda data=None: again() if data is None else SHA256(data))
    assert content_hash(one) == content_hash(other)


SHA256 = fingerprints.hashlib.sha256


def test_a_file_that_cannot_be_read_is_left_to_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = open_checkpoint(in_shards(tmp_path / "one", 2))

    def broken(_: Path) -> str:
        raise OSError("no")

    monkeypatch.setattr(hashing, "file_hash", broken)
    hashing.hash_ahead([checkpoint])


def described(tmp_path: Path, folder: Path, *words: str) -> dict[str, Any]:
    terms = f"vector.terms=[{{plus: {{path: '{folder}'}}, minus: {{path: 'tiny:sft'}}}}]"
    assert describe.main([terms, "alpha=0.5", "format=json", f"out={tmp_path / 'out'}", *words]) == 0
    found: dict[str, Any] = json.loads((tmp_path / "out" / "vector.json").read_text())
    return found


@pytest.mark.parametrize("words", [[], ["quick=true"], ["vector.transform=trim", "vector.density=0.3"]])
def test_large_tensors_come_first_then_the_last_of_the_files(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = described(tmp_path, TINY / "grpo", *words)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    read: list[str] = []

    def measured(subject: measure.Subject, name: str) -> Measured:
        read.append(name)
        return measure.measured(subject, name)

    monkeypatch.setattr(stream, "measured", measured)
    folder = in_shards(tmp_path / "shards", 3)
    found = described(tmp_path, folder, *words)
    assert [row["name"] for row in found["tensors"]] == [row["name"] for row in expected["tensors"]]
    assert found["total"] == expected["total"]
    ahead = Ahead([TINY / "instruct", folder, TINY / "sft"])
    sizes = {name: ahead.nbytes(name) for name in read}
    large = [name for name in read if sizes[name] >= stream._LARGE * sum(sizes.values())]
    assert 0 < len(large) < len(read) == len(found["tensors"])
    assert read[: len(large)] == large
    for part in (large, read[len(large) :]):
        assert part == sorted(part, key=ahead.place, reverse=True)
    ahead.close()


@pytest.mark.parametrize("ranks", [True, False])
def test_blocks_and_pieces_of_any_size_give_the_same(
    ranks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"quick={str(not ranks).lower()}", "common=tiny:base"]
    whole = described(tmp_path, TINY / "grpo", *words)
    monkeypatch.setattr(measure, "PIECE", 1000)
    monkeypatch.setattr(measure, "BLOCK", 5000)
    parts = described(tmp_path, TINY / "grpo", *words)
    for one, other in zip(whole["tensors"], parts["tensors"], strict=True):
        assert one["cosines"] == pytest.approx(other["cosines"], abs=1e-13)
        for key, value in one.items():
            if isinstance(value, float):
                assert other[key] == pytest.approx(value, rel=1e-5 if "rank" in key else 1e-13), key


def test_a_donor_that_is_no_whole_checkpoint_goes_the_general_way(tmp_path: Path) -> None:
    """A saved delta holds the difference itself: nothing is subtracted from it."""
    from rveval.describe.making import _plain

    class Found:
        def __init__(self, donors: list[Any], steps: tuple[int, ...] = (), misfit: str = "") -> None:
            self.donors = [("x", donor) for donor in donors]
            minus = "m" if len(donors) > 1 else None
            self.recipe: Any = type(
                "R", (), {"steps": steps, "misfit": misfit, "terms": [type("T", (), {"minus": minus})]}
            )

    one, other = (open_checkpoint(TINY / name) for name in ("grpo", "sft"))

    class Computed(Checkpoint):
        pass

    computed = Computed(one.folder, one.config, open_layout(one))
    assert _plain(Found([one, other])) == (one, other)  # type: ignore[arg-type]
    for found in (
        Found([one]),
        Found([one, other], steps=(1,)),
        Found([one, other], misfit="x"),
        Found([one, computed]),
    ):
        assert _plain(found) is None  # type: ignore[arg-type]


def open_layout(checkpoint: Checkpoint) -> Any:
    from rveval.checkpoints import headers

    return headers.read(checkpoint.folder)
