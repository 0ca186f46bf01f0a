"""Checkpoints on disk and from the hub's cache: what is read, what is refused, and that nothing is read twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import tinymodels
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from rveval import fingerprints, headers
from rveval.checkpoints import assert_finite, content_hash, open_checkpoint, resolve
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


@pytest.fixture
def sharded(copy: Path) -> Path:
    tinymodels.reshard(copy, 3)
    return copy


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def settle(folder: Path) -> None:
    """Make all files old enough to be remembered."""
    for file in folder.iterdir():
        os.utime(file, (time.time() - 60, time.time() - 60))


def refusal(folder: Path) -> str:
    with pytest.raises(Refused) as caught:
        open_checkpoint(folder)
    return str(caught.value)


# Reading


@pytest.mark.parametrize("arch", tinymodels.ARCHITECTURES)
@pytest.mark.parametrize("shards", [None, 3])
def test_reads_what_the_library_reads(tmp_path: Path, arch: str, shards: int | None) -> None:
    checkpoint = open_checkpoint(tinymodels.make(tmp_path / "m", arch=arch, shards=shards))
    expected = tinymodels.tensors(checkpoint.folder)
    assert checkpoint.names == tuple(sorted(expected))
    assert checkpoint.nbytes == sum(t.nbytes for t in expected.values())
    assert len(checkpoint.files) == (shards or 1)
    for name, tensor in expected.items():
        assert checkpoint.shape(name) == tuple(tensor.shape)
        assert checkpoint.dtype(name) == "BF16"
        assert torch.equal(checkpoint.get(name), tensor)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(lambda name: name != "__metadata__"),
        st.tuples(
            st.lists(st.integers(0, 4), max_size=3), st.sampled_from([torch.float32, torch.float16, torch.bfloat16])
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_names_shapes_and_types_come_back(
    tmp_path_factory: pytest.TempPathFactory, spec: dict[str, tuple[list[int], torch.dtype]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    generator = torch.Generator().manual_seed(0)
    named = {name: torch.randn(shape, generator=generator).to(dtype) for name, (shape, dtype) in spec.items()}
    save_file(named, folder / "weights.safetensors")
    (folder / "config.json").write_text("{}")
    checkpoint = open_checkpoint(folder)
    assert checkpoint.names == tuple(sorted(named))
    for name, tensor in named.items():
        assert checkpoint.get(name).dtype == tensor.dtype
        assert torch.equal(checkpoint.get(name), tensor)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_cut_or_grown_file_is_never_accepted(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("cut")
    save_file({"a": torch.ones(3, 2), "b": torch.ones(5)}, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")
    raw = (folder / "model.safetensors").read_bytes()
    size = data.draw(st.integers(0, len(raw) + 8).filter(lambda n: n != len(raw)))
    (folder / "model.safetensors").write_bytes((raw + bytes(8))[:size])
    assert "model.safetensors" in refusal(folder)


def test_an_unknown_name_offers_the_nearest(tiny: Path) -> None:
    with pytest.raises(KeyError, match=r"layers\.0\.mlp\.up_proj\.weight"):
        open_checkpoint(tiny).get("model.layers.0.mlp.up_prj.weight")


def test_writing_into_a_tensor_leaves_the_file(copy: Path) -> None:
    checkpoint = open_checkpoint(copy)
    before = content_hash(copy)
    checkpoint.get("model.norm.weight").fill_(7)
    assert fingerprints.file_hash(copy / "model.safetensors") == fingerprints.file_hash(copy / "model.safetensors")
    assert content_hash(copy) == before
    assert not (load_file(copy / "model.safetensors")["model.norm.weight"] == 7).any()


def test_threads_see_the_same(sharded: Path) -> None:
    checkpoint, expected = open_checkpoint(sharded), tinymodels.tensors(sharded)
    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda name: torch.equal(checkpoint.get(name), expected[name]), checkpoint.names * 5))
    assert all(sums)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_tensors_stay_in_the_file(tmp_path: Path) -> None:
    """Looking at every byte of a 64 MB tensor, and scanning it, adds next to no anonymous memory."""
    save_file({"w": torch.ones(4096, 8192, dtype=torch.bfloat16)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    checkpoint = open_checkpoint(tmp_path)
    torch.ones(10, dtype=torch.bfloat16).sum()

    def anonymous_kib() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

    before = anonymous_kib()
    tensor = checkpoint.get("w")
    assert tensor.max() == 1
    assert_finite(checkpoint)
    assert anonymous_kib() - before < 8 * 1024


def test_importing_needs_no_torch() -> None:
    code = (
        "import sys, rveval.checkpoints, rveval.compatibility as c\n"
        "heavy = {'torch', 'huggingface_hub', 'transformers', 'safetensors', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_headers_and_hashes_need_no_torch(tiny: Path) -> None:
    code = (
        "import sys, pathlib, rveval.checkpoints as c\n"
        f"p = pathlib.Path({str(tiny)!r}); c.open_checkpoint(p); c.content_hash(p, 'model')\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Broken folders


def test_an_empty_folder(tmp_path: Path) -> None:
    words = refusal(tmp_path)
    assert "no weights in this folder" in words
    assert "an empty folder" in words
    assert "config.json is missing" in words, "all problems at once"
    assert "no such folder" in refusal(tmp_path / "nope")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_only_pickles(copy: Path, name: str) -> None:
    (copy / "model.safetensors").unlink()
    torch.save({"a": torch.ones(2)}, copy / name)
    words = refusal(copy)
    assert "only pickles" in words
    assert name in words
    assert "convert" in words


def test_a_missing_shard(sharded: Path) -> None:
    (sharded / "model-00002-of-00003.safetensors").unlink()
    words = refusal(sharded)
    assert "model-00002-of-00003.safetensors: a shard that the index names is missing" in words
    assert "tensors that are not" not in words, "the tensors of a missing shard are not reported again"
    (sharded / headers.INDEX).unlink()
    assert "model-00002-of-00003.safetensors: a shard is missing" in refusal(sharded)


def test_shards_without_an_index_are_read(sharded: Path) -> None:
    (sharded / headers.INDEX).unlink()
    assert len(open_checkpoint(sharded).files) == 3


def change_index(folder: Path, **weight_map: str | None) -> None:
    index = json.loads((folder / headers.INDEX).read_text())
    changed = {**index["weight_map"], **weight_map}
    index["weight_map"] = {name: file for name, file in changed.items() if file is not None}
    (folder / headers.INDEX).write_text(json.dumps(index))


def test_index_and_shards_must_agree(sharded: Path) -> None:
    change_index(sharded, **{"ghost.weight": "model-00001-of-00003.safetensors", "model.norm.weight": None})
    words = refusal(sharded)
    assert "names 1 tensors that are not in the file it names" in words
    assert "ghost.weight" in words
    assert "1 tensors in model-0000" in words
    assert "model.norm.weight" in words


@pytest.mark.parametrize("text", ["{", "[]", '{"weight_map": {"a": "../x.safetensors"}}', '{"weight_map": {}}'])
def test_a_broken_index(sharded: Path, text: str) -> None:
    (sharded / headers.INDEX).write_text(text)
    assert headers.INDEX in refusal(sharded)


def test_a_tensor_in_two_shards(sharded: Path) -> None:
    named = load_file(sharded / "model-00001-of-00003.safetensors")
    named["model.norm.weight"] = torch.ones(64)
    save_file(named, sharded / "model-00001-of-00003.safetensors")
    assert "the tensor model.norm.weight is in two files" in refusal(sharded)


def raw_file(path: Path, header: bytes, data: bytes = b"") -> None:
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


A = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        (b"{nonsense", b"", "broken header"),
        (b"[]", b"", "broken header"),
        (b'{"a": 3}', b"", "broken header"),
        (b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', bytes(4), "needs another size"),
        (b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', bytes(4), "impossible shape"),
        (A + b',"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}', bytes(6), "gap or an overlap"),
        (A + b',"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4), "names a tensor twice"),
        (A + b"}", bytes(3), "truncated"),
        (A + b"}", bytes(5), "1 bytes too many"),
        (b'{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}', bytes(4), "a (I8)"),
        (b'{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}', bytes(4), "before quantisation"),
    ],
)
def test_broken_headers(copy: Path, header: bytes, data: bytes, words: str) -> None:
    raw_file(copy / "model.safetensors", header, data)
    message = refusal(copy)
    assert words in message
    assert "model.safetensors" in message


def test_a_git_lfs_pointer_and_garbage(copy: Path) -> None:
    (copy / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    assert "Git LFS pointer" in refusal(copy)
    (copy / "model.safetensors").write_bytes(b"\xff" * 100)
    assert "no safetensors file" in refusal(copy)


def test_config_json(copy: Path) -> None:
    (copy / "config.json").write_text("{")
    assert "config.json cannot be read" in refusal(copy)
    (copy / "config.json").write_text("[]")
    assert "a mapping is needed" in refusal(copy)
    (copy / "config.json").unlink()
    assert "config.json is missing" in refusal(copy)
    (copy / "adapter_config.json").write_text("{}")
    assert "LoRA" in refusal(copy)


def test_all_problems_at_once(sharded: Path) -> None:
    (sharded / "model-00001-of-00003.safetensors").unlink()
    (sharded / "model-00002-of-00003.safetensors").write_bytes(b"")
    (sharded / "config.json").unlink()
    words = refusal(sharded)
    assert all(part in words for part in ("00001-of-00003", "truncated: 0 bytes", "config.json is missing"))


def test_a_second_copy_of_the_weights_is_named(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copy(copy / "model.safetensors", copy / "consolidated.safetensors")
    assert [file.name for file in open_checkpoint(copy).files] == ["model.safetensors"]
    assert "not part of the weights: consolidated.safetensors" in caplog.text


# Content hash and its memory


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


# NaN and infinity


def test_not_finite_is_counted_by_tensor_and_remembered(copy: Path, cache: Path) -> None:
    named = tinymodels.tensors(copy)
    named["model.norm.weight"][3] = float("nan")
    named["model.embed_tokens.weight"][5, :2] = float("inf")
    named["model.embed_tokens.weight"][6, 1] = -float("inf")
    tinymodels.write(copy, named)
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            assert_finite(open_checkpoint(copy))
        words = str(caught.value)
        assert len(caught.value.problems) == 2
        assert "model.norm.weight has 1 NaN and 0 infinite" in words
        assert "model.embed_tokens.weight has 0 NaN and 3 infinite" in words
        assert str(copy) in words
    assert len(list((cache / "finite").glob("*.json"))) == 1


def test_finite_is_remembered(copy: Path, cache: Path) -> None:
    checkpoint = open_checkpoint(copy)
    assert_finite(checkpoint)
    assert fingerprints.recall("finite", content_hash(copy)) == {}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_large_but_finite_sums_are_no_fault(copy: Path, dtype: torch.dtype) -> None:
    tinymodels.write(copy, {"w": torch.full((64, 64), torch.finfo(dtype).max, dtype=dtype)})
    assert_finite(open_checkpoint(copy))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([torch.float32, torch.float16, torch.bfloat16]),
    st.lists(st.sampled_from([0.0, 1.5, -2.0, float("nan"), float("inf"), -float("inf")]), min_size=1, max_size=300),
)
def test_the_scan_counts_exactly(dtype: torch.dtype, values: list[float]) -> None:
    from rveval.checkpoints import _not_finite

    tensor = torch.tensor(values, dtype=dtype)
    assert _not_finite(tensor) == [sum(v != v for v in values), sum(abs(v) == float("inf") for v in values)]


# From words to a folder


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
    assert time.monotonic() - start < 8
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


def test_an_incomplete_snapshot_is_not(tmp_path: Path, tiny: Path) -> None:
    folder = snapshot(tmp_path, tiny)
    tinymodels.reshard(folder, 3)
    (folder / "model-00002-of-00003.safetensors").unlink()
    assert f"cannot get model-00002-of-00003.safetensors of org/name at revision {COMMIT}" in from_hub(tmp_path, COMMIT)


def test_only_what_is_needed_is_fetched() -> None:
    from rveval.sources import _wanted

    files = ["model.safetensors", "consolidated.safetensors", "pytorch_model.bin", "config.json", "README.md", "x/y.py"]
    assert _wanted(files, Source("org/name"), "model.path") == ["model.safetensors", "config.json"]
    many = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", headers.INDEX, "config.json"]
    assert set(_wanted([*many, "consolidated.safetensors"], Source("org/name"), "model.path")) == set(many)
    deep = _wanted(["a/model.safetensors", "a/config.json", "config.json"], Source("o/n", subfolder="a"), "model.path")
    assert deep == ["a/model.safetensors", "a/config.json"]
    with pytest.raises(Refused, match="pickles are never loaded"):
        _wanted(["pytorch_model.bin", "config.json"], Source("org/name"), "model.path")
