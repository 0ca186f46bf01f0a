"""From what a config names to a folder: folders, packaged models, and a hub that is there, cached, or out of reach."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import adapterfiles
import pytest
import tinymodels

from rveval.checkpoints import content_hash, file_hash, headers, open_checkpoint, resolve
from rveval.checkpoints.sources import _wanted
from rveval.errors import Refused


@dataclass
class Source:
    path: str
    revision: str | None = None
    subfolder: str | None = None


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinymodels.make(tmp_path_factory.mktemp("tiny") / "base")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return tinymodels.sibling(tiny, tmp_path / "copy")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def no(source: Source) -> str:
    with pytest.raises(Refused) as caught:
        resolve(source, "model.path")
    return str(caught.value)


def test_folders_resolve(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve(Source(str(copy))) == copy
    assert resolve(Source(str(tmp_path), subfolder="copy")) == copy
    monkeypatch.chdir(tmp_path)
    assert resolve(Source("copy")).resolve() == copy
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve(Source("~/copy")) == copy
    # A local folder is the way out where the revision could not be filled in.
    assert resolve(Source(str(copy), revision="???")) == copy


def test_a_folder_that_wins_over_the_hub(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org").mkdir()
    copy.rename(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)
    assert resolve(Source("org/name")) == Path("org/name")


@pytest.mark.parametrize("path", ["/nope/x", "./x", "../x/y", "~/nope", ""])
def test_a_missing_folder_is_never_sent_to_the_hub(path: str) -> None:
    words = no(Source(path))
    assert "no such folder" in words
    assert "hub" not in words


def test_what_names_nothing(copy: Path) -> None:
    assert "this is a file" in no(Source(str(copy / "config.json")))
    assert "org/name" in no(Source("gpt2"))
    assert "org/a--b" in no(Source("org/a--b"))
    assert "no such packaged model" in no(Source("tiny:nope"))
    assert "no such packaged model" in no(Source("tiny:../model"))
    assert "model.subfolder" in no(Source(str(copy), subfolder="deeper"))


def test_what_is_not_filled_in() -> None:
    assert "model.path: the path is not filled in" in no(Source("???"))
    words = no(Source("org/name", revision="???"))
    assert "model.revision: the revision is not filled in" in words
    assert "model.path=FOLDER" in words


HUB = """
import sys
from types import SimpleNamespace
from rveval.checkpoints import resolve
from rveval.errors import Refused
try:
    print(resolve(SimpleNamespace(path="org/name", revision={revision!r}, subfolder={subfolder!r})))
except Refused as refused:
    print(refused)
"""


def from_hub(home: Path, revision: str | None = None, subfolder: str | None = None, **environment: str) -> str:
    """Resolve org/name in a process of its own: the hub's client reads its settings when it is imported."""
    env = {**os.environ, "HF_HOME": str(home), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    code = HUB.format(revision=revision, subfolder=subfolder)
    return subprocess.run(
        [sys.executable, "-c", code], env={**env, **environment}, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize("offline", ["0", "1"])
def test_an_unreachable_hub_is_one_clear_error_in_seconds(tmp_path: Path, offline: str) -> None:
    start = time.monotonic()
    words = from_hub(tmp_path, "v1", subfolder="sub", HF_HUB_OFFLINE=offline)
    assert time.monotonic() - start < 20  # under a second is usual; the hub's own client tries for 23 s
    assert "cannot get sub/config.json of org/name at revision v1" in words
    assert "hf download org/name --revision v1 --local-dir FOLDER" in words
    assert "model.path=FOLDER" in words


COMMIT = "0123456789" * 4


def snapshot(home: Path, tiny: Path) -> Path:
    repository = home / "hub" / "models--org--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    return Path(shutil.copytree(tiny, repository / "snapshots" / COMMIT))


@pytest.mark.parametrize("offline", ["0", "1"])
@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_a_cached_snapshot_is_used(tmp_path: Path, tiny: Path, revision: str | None, offline: str) -> None:
    folder = snapshot(tmp_path, tiny)
    assert from_hub(tmp_path, revision, HF_HUB_OFFLINE=offline) == str(folder)


def test_a_cached_adapter_is_used(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--org--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    made = adapterfiles.factors({"model.layers.0.self_attn.q_proj": (4, 4)})
    folder = adapterfiles.write(repository / "snapshots" / COMMIT, made)
    assert from_hub(tmp_path, COMMIT) == str(folder)
    (folder / "adapter_model.safetensors").unlink()
    assert f"cannot get adapter_model.safetensors of org/name at revision {COMMIT}" in from_hub(tmp_path, COMMIT)


def test_an_incomplete_snapshot_is_not(tmp_path: Path, tiny: Path) -> None:
    folder = snapshot(tmp_path, tiny)
    tinymodels.reshard(folder, 3)
    (folder / "model-00002-of-00003.safetensors").unlink()
    assert f"cannot get model-00002-of-00003.safetensors of org/name at revision {COMMIT}" in from_hub(tmp_path, COMMIT)


def test_only_what_is_needed_is_fetched() -> None:
    files = ["model.safetensors", "consolidated.safetensors", "pytorch_model.bin", "config.json", "README.md", "x/y.py"]
    assert _wanted(files, Source("org/name"), "model.path") == ["model.safetensors", "config.json"]
    many = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", headers.INDEX, "config.json"]
    assert set(_wanted([*many, "consolidated.safetensors"], Source("org/name"), "model.path")) == set(many)
    deep = _wanted(["a/model.safetensors", "a/config.json", "config.json"], Source("o/n", subfolder="a"), "model.path")
    assert deep == ["a/model.safetensors", "a/config.json"]
    adapter = ["adapter_model.safetensors", "adapter_config.json"]
    more = ["README.md", "optimizer.pt", "tokenizer.json", "checkpoint-10/adapter_model.safetensors"]
    assert set(_wanted([*adapter, *more], Source("org/name"), "x.plus")) == {*adapter, "tokenizer.json"}
    # Whole weights beside an adapter are the model.
    both = _wanted([*adapter, "model.safetensors", "config.json"], Source("org/name"), "x.plus")
    assert both == ["model.safetensors", "config.json"]
    for files in (["pytorch_model.bin", "config.json"], ["adapter_model.bin", "adapter_config.json"]):
        with pytest.raises(Refused, match="pickles are never loaded"):
            _wanted(files, Source("org/name"), "model.path")


class Hub(BaseHTTPRequestHandler):
    """Just enough of the hub: one repository, its list of files, and the files."""

    folder: ClassVar[Path]
    fetched: ClassVar[list[str]]

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        files = sorted(self.folder.iterdir())
        name = path.rsplit("/", 1)[-1]
        if path in ("/api/models/org/name", f"/api/models/org/name/revision/{COMMIT}"):
            self.answer({"id": "org/name", "sha": COMMIT, "siblings": [{"rfilename": file.name} for file in files]})
        elif path.startswith("/api/models/org/name/tree/"):
            self.answer([{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": etag(f)} for f in files])
        elif path.startswith("/org/name/resolve/") and (self.folder / name).is_file():
            content = (self.folder / name).read_bytes()
            self.fetched.append(name)
            self.reply(200, content, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag(self.folder / name)}"'})
        else:
            error = "RevisionNotFound" if path.startswith("/api/models/org/name/") else "RepoNotFound"
            self.reply(404, b"", {"X-Error-Code": error})

    def answer(self, value: object) -> None:
        self.reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def reply(self, status: int, content: bytes, fields: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


def etag(file: Path) -> str:
    """As the hub has it: sha256 for large files, sha1 for small ones."""
    return (hashlib.sha256 if file.suffix == ".safetensors" else hashlib.sha1)(file.read_bytes()).hexdigest()


@pytest.fixture
def hub(copy: Path) -> Iterator[tuple[str, type[Hub]]]:
    (copy / "pytorch_model.bin").write_bytes(b"never")
    (copy / "consolidated.safetensors").write_bytes(b"never")
    handler = type("OneHub", (Hub,), {"folder": copy, "fetched": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()


def test_a_repository_is_fetched_without_what_is_not_needed(hub: tuple[str, type[Hub]], tmp_path: Path) -> None:
    address, handler = hub
    folder = Path(from_hub(tmp_path / "home", HF_ENDPOINT=address))
    assert folder.name == COMMIT
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= set(handler.fetched)
    assert not {"pytorch_model.bin", "consolidated.safetensors"} & set(handler.fetched)
    assert open_checkpoint(folder).names == open_checkpoint(handler.folder).names
    # The blob's name is the hash; nothing is read to know it.
    assert (folder / "model.safetensors").resolve().name == file_hash(handler.folder / "model.safetensors")
    assert content_hash(folder, "model") == content_hash(handler.folder, "model")
    handler.fetched.clear()
    assert from_hub(tmp_path / "home", COMMIT) == str(folder), "a commit that is there needs no hub"
    assert handler.fetched == []


def test_what_the_hub_refuses(hub: tuple[str, type[Hub]], tmp_path: Path) -> None:
    address, handler = hub
    assert "the repository has no such revision" in from_hub(tmp_path / "home", "nope", HF_ENDPOINT=address)
    (handler.folder / "model.safetensors").unlink()
    (handler.folder / "consolidated.safetensors").unlink()
    assert "pickles are never loaded" in from_hub(tmp_path / "home", HF_ENDPOINT=address)
    assert "config.json" not in handler.fetched
