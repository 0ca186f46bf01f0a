"""Checkpoints on disk: what is read, what is refused with which words, and what a scan for NaN finds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tinymodels
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from rveval.checkpoints import assert_finite, content_hash, fingerprints, headers, open_checkpoint, open_donor
from rveval.checkpoints.checkpoint import _not_finite
from rveval.checkpoints.vocabulary import read as read_vocabulary
from rveval.errors import Refused


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


def test_importing_is_light_and_headers_and_hashes_need_no_torch(tiny: Path) -> None:
    code = (
        "import sys, pathlib, rveval.checkpoints as c\n"
        "heavy = {'torch', 'huggingface_hub', 'transformers', 'peft', 'safetensors', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
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
    assert "model-00002-of-00003.safetensors: a shard is missing" in words
    assert "disagree" not in words, "the tensors of a missing shard are not reported again"
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
    assert "index and files disagree about 2 tensors" in words
    assert "ghost.weight, model.norm.weight" in words


@pytest.mark.parametrize("text", ["{", "[]", '{"weight_map": {"a": "../x.safetensors"}}', '{"weight_map": {}}'])
def test_a_broken_index(sharded: Path, text: str) -> None:
    (sharded / headers.INDEX).write_text(text)
    assert headers.INDEX in refusal(sharded)


def test_a_tensor_in_two_shards(sharded: Path) -> None:
    named = load_file(sharded / "model-00001-of-00003.safetensors")
    named["model.norm.weight"] = torch.ones(64)
    save_file(named, sharded / "model-00001-of-00003.safetensors")
    words = refusal(sharded)
    assert "1 tensors are in two files" in words
    assert "model.norm.weight (model-00001-of-00003.safetensors, model-00003-of-00003.safetensors)" in words


def raw_file(path: Path, header: bytes, data: bytes = b"") -> None:
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


A = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        (b"{nonsense", b"", "truncated or broken"),
        (b"[" * 100_000, b"", "truncated or broken"),
        (b'{"__metadata__": {"a": 3}}', b"", "truncated or broken"),
        (b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', bytes(4), "truncated or broken"),
        (b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', bytes(4), "truncated or broken"),
        (A + b',"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}', bytes(6), "truncated or broken"),
        (A + b"}", bytes(3), "truncated or broken"),
        (A + b"}", bytes(5), "truncated or broken"),
        (b'{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}', bytes(4), "a (I8)"),
        (b'{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}', bytes(4), "before quantisation"),
        (b'{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}', bytes(8), "a (F64)"),
        (b" " * (17 << 20), b"", "no possible header length"),
    ],
    ids=range(12),
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
    (copy / "model.safetensors").write_bytes(b"\xff" * 7)
    assert "truncated: 7 bytes, the header alone needs 8" in refusal(copy)


def test_config_json(copy: Path) -> None:
    (copy / "config.json").write_text("{")
    assert "config.json cannot be read" in refusal(copy)
    (copy / "config.json").write_text("[]")
    assert "a mapping is needed" in refusal(copy)
    for text in ("[" * 500_000, '{"a":' * 90 + "1" + "}" * 90):
        (copy / "config.json").write_text(text)
        assert "nested too deeply" in refusal(copy)
    for field in ('"text_config": 3', '"architectures": {"a": 1}', '"rope_parameters": [1]', '"architectures": [null]'):
        (copy / "config.json").write_text(f"{{{field}}}")
        assert "config.json cannot be read" in refusal(copy), field
    (copy / "config.json").write_text('{"hidden_size": [1], "num_attention_heads": 2}')
    assert "config.json cannot be read" in refusal(copy)
    with (copy / "config.json").open("w") as stream:
        stream.truncate(11 << 20)
    assert "such a file has at most" in refusal(copy)
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


def test_a_second_copy_of_the_weights_does_not_count(copy: Path) -> None:
    shutil.copy(copy / "model.safetensors", copy / "consolidated.safetensors")
    assert [file.name for file in open_checkpoint(copy).files] == ["model.safetensors"]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", headers.INDEX])
def test_a_pipe_in_a_files_place_is_not_opened(copy: Path, name: str) -> None:
    (copy / name).unlink(missing_ok=True)
    os.mkfifo(copy / name)
    if name == "tokenizer.json":
        with pytest.raises(Refused, match="no regular file"):
            read_vocabulary(copy)
        return
    assert "no regular file" in refusal(copy)
    if name == "model.safetensors":
        with pytest.raises(Refused, match="no regular file"):
            content_hash(copy)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_pipe_in_an_adapters_place_is_not_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    save_file({"a": torch.ones(2)}, tmp_path / "adapter_model.safetensors")
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(Refused):
        open_donor(tmp_path)


def test_two_sets_of_weights_are_both_named(sharded: Path) -> None:
    save_file(tinymodels.tensors(sharded), sharded / "model.safetensors")
    words = refusal(sharded)
    assert "two sets of weights: model.safetensors, and what model.safetensors.index.json names" in words
    assert "model-00001-of-00003.safetensors" in words
    names = tinymodels.tensors(sharded)
    index = {"weight_map": dict.fromkeys(names, "model.safetensors")}
    (sharded / headers.INDEX).write_text(json.dumps(index))
    assert [file.name for file in open_checkpoint(sharded).files] == ["model.safetensors"]


def test_masks_positions_and_frequencies_are_no_weights(copy: Path) -> None:
    weights = tinymodels.tensors(copy)
    buffers = {
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(16),
        "h.0.attn.bias": torch.ones(1, 1, 4, 4, dtype=torch.uint8),
        "gpt_neox.layers.0.attention.bias": torch.ones(1, 1, 4, 4, dtype=torch.bool),
        "gpt_neox.layers.0.attention.masked_bias": torch.tensor(-1e9),
        "embeddings.position_ids": torch.arange(4),
    }
    tinymodels.write(
        copy, {**weights, **buffers, "h.0.attn.c_attn.bias": torch.ones(3), "x.attention.bias": torch.ones(3)}
    )
    checkpoint = open_checkpoint(copy)
    assert set(checkpoint.names) == {*weights, "h.0.attn.c_attn.bias", "x.attention.bias"}
    assert set(checkpoint.not_weights) == set(buffers)
    assert all(torch.equal(checkpoint.get(name), tensor) for name, tensor in weights.items())


def test_the_saved_copy_of_a_tied_head_is_no_weight(copy: Path) -> None:
    named = tinymodels.tensors(copy)
    head = {"lm_head.weight": named["model.embed_tokens.weight"].clone()}
    tinymodels.write(copy, {**named, **head}, shards=2)
    checkpoint = open_checkpoint(copy)
    assert (set(checkpoint.names), checkpoint.not_weights) == (set(named), ("lm_head.weight",))
    assert checkpoint.nbytes == sum(tensor.nbytes for tensor in named.values())
    assert checkpoint.tied_head == ("lm_head.weight", "model.embed_tokens.weight")
    head["lm_head.weight"][0, 0] += 1
    tinymodels.write(copy, {**named, **head})
    assert "lm_head.weight" in open_checkpoint(copy)


def test_a_file_that_is_written_anew_is_noticed(sharded: Path) -> None:
    checkpoint = open_checkpoint(sharded)
    assert checkpoint.changed() == ()
    assert set(checkpoint.stamp()) == set(checkpoint.files)
    second = checkpoint.files[1]
    status = second.stat()
    raw = second.read_bytes()
    with second.open("r+b") as stream:  # in place: the same size and inode; and its mtime set back
        stream.seek(-1, os.SEEK_END)
        stream.write(bytes([raw[-1] ^ 1]))
    os.utime(second, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert checkpoint.changed() == (second,)
    checkpoint.files[2].unlink()
    assert checkpoint.changed() == checkpoint.files[1:]


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
    tensor = torch.tensor(values, dtype=dtype)
    assert _not_finite(tensor) == [sum(v != v for v in values), sum(abs(v) == float("inf") for v in values)]
