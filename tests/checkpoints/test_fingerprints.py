"""Content hashes: of content only, each file read once until it changes, and a memory that may be lost or spoilt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tinymodels

from rveval.checkpoints import content_hash, fingerprints


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinymodels.make(tmp_path_factory.mktemp("tiny") / "base")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return tinymodels.sibling(tiny, tmp_path / "copy")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def settle(folder: Path) -> None:
    """Make all files old enough to be remembered."""
    for file in folder.iterdir():
        os.utime(file, (time.time() - 60, time.time() - 60))


def test_the_hash_is_of_content(tiny: Path, tmp_path: Path) -> None:
    other = tinymodels.sibling(tiny, tmp_path / "other")
    (other / "model.safetensors").rename(other / "renamed.safetensors")
    assert content_hash(other) == content_hash(tiny)
    assert content_hash(other, "model") == content_hash(tiny, "model")
    assert content_hash(tinymodels.perturbed(tiny, tmp_path / "noisy")) != content_hash(tiny)
    (other / "chat_template.jinja").write_text("{{ messages }}")
    assert content_hash(other) == content_hash(tiny)
    assert content_hash(other, "model") != content_hash(tiny, "model")


def test_a_file_is_read_once_until_it_changes(copy: Path, cache: Path) -> None:
    settle(copy)
    first = content_hash(copy)
    entries = list((cache / "sha256").glob("*.json"))
    assert len(entries) == 1
    # A marked entry shows that the file itself is not read again.
    entry = json.loads(entries[0].read_text())
    entries[0].write_text(json.dumps(entry | {"value": "0" * 64}))
    assert fingerprints.file_hash(copy / "model.safetensors") == "0" * 64
    named = tinymodels.tensors(copy)
    named["model.norm.weight"] += 1
    tinymodels.write(copy, named)
    settle(copy)
    assert content_hash(copy) not in (first, "0" * 64)


def test_a_file_written_just_now_is_not_remembered(copy: Path, cache: Path) -> None:
    os.utime(copy / "model.safetensors")
    content_hash(copy)
    assert not list(cache.rglob("*.json"))


@pytest.mark.parametrize("spoil", ["{", "[]", '{"key": 3}', '{"key": "x", "value": "y"}', "\x00"])
def test_a_spoilt_cache_costs_only_time(copy: Path, cache: Path, spoil: str) -> None:
    settle(copy)
    first = content_hash(copy)
    for entry in cache.rglob("*.json"):
        entry.write_text(spoil)
    assert content_hash(copy) == first


def test_an_unwritable_cache_warns(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settle(copy)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "file"))
    assert len(content_hash(copy)) == 64
    assert "cannot be written" in caplog.text


def test_concurrent_processes_agree(copy: Path, cache: Path) -> None:
    settle(copy)
    code = f"import pathlib, rveval.checkpoints as c; print(c.content_hash(pathlib.Path({str(copy)!r}), 'model'))"
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {process.communicate()[0] for process in running}
    assert answers == {content_hash(copy, "model") + "\n"}
    assert not list(cache.rglob("*.tmp"))


def test_blobs_of_the_hub_are_not_read(copy: Path, tmp_path: Path) -> None:
    digest = "ab" * 32
    (tmp_path / "blobs").mkdir()
    (copy / "model.safetensors").rename(tmp_path / "blobs" / digest)
    (copy / "model.safetensors").symlink_to(tmp_path / "blobs" / digest)
    assert fingerprints.file_hash(copy / "model.safetensors") == digest
