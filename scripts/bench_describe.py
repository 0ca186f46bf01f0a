"""How long `python -m rveval.describe` takes, and how much memory, beside a plain read of the same files.

    python scripts/bench_describe.py [0.5b|7b] [--folder FOLDER] [--quick-only]

Makes two synthetic checkpoints of Qwen2.5's shape (0.5B: 1 GB each; 7B: 15.2 GB each) in FOLDER (default: a temporary
folder), measures, and deletes them. The base and the vector's minus are one folder: every byte of it is computed on for
both, but the disk gives it once. Bytes per second are those of the files, each counted once.

Rows: a plain read with one 4 MiB buffer; describe the first time, when all files are hashed for the gate; describe with
the hashes known; the same without effective ranks. Before each the files' pages are dropped from the page cache as far
as the system does that for who asks (posix_fadvise). Memory is sampled every 20 ms: VmRSS counts mapped pages of files,
RssAnon does not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHAPES = {
    "0.5b": {"layers": 24, "hidden": 896, "inner": 4864, "kv": 128, "heads": 14, "vocab": 151936, "tied": True},
    "7b": {"layers": 28, "hidden": 3584, "inner": 18944, "kv": 512, "heads": 28, "vocab": 152064, "tied": False},
}
SHARD = 4 << 30
BUFFER = 4 << 20


@dataclass
class Peaks:
    """The largest values that were seen, in bytes."""

    rss: int = 0
    anon: int = 0


def tensors(shape: dict[str, int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of a Qwen2 model."""
    hidden, inner, kv, vocab = (shape[key] for key in ("hidden", "inner", "kv", "vocab"))
    yield "model.embed_tokens.weight", (vocab, hidden)
    for layer in range(shape["layers"]):
        here = f"model.layers.{layer}"
        for name, rows in (("q", hidden), ("k", kv), ("v", kv)):
            yield f"{here}.self_attn.{name}_proj.weight", (rows, hidden)
            yield f"{here}.self_attn.{name}_proj.bias", (rows,)
        yield f"{here}.self_attn.o_proj.weight", (hidden, hidden)
        yield f"{here}.mlp.gate_proj.weight", (inner, hidden)
        yield f"{here}.mlp.up_proj.weight", (inner, hidden)
        yield f"{here}.mlp.down_proj.weight", (hidden, inner)
        yield f"{here}.input_layernorm.weight", (hidden,)
        yield f"{here}.post_attention_layernorm.weight", (hidden,)
    yield "model.norm.weight", (hidden,)
    if not shape["tied"]:
        yield "lm_head.weight", (vocab, hidden)


def make(folder: Path, shape: dict[str, int], noise: float) -> Path:
    """Write a checkpoint: random weights that are the same for every `noise`, plus that much noise."""
    folder.mkdir(parents=True)
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": shape["hidden"],
        "intermediate_size": shape["inner"],
        "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"],
        "num_key_value_heads": shape["kv"] * shape["heads"] // shape["hidden"],
        "vocab_size": shape["vocab"],
        "tie_word_embeddings": bool(shape["tied"]),
        "torch_dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(config))
    shards: list[dict[str, tuple[int, ...]]] = [{}]
    size = 0
    for name, dims in tensors(shape):
        nbytes = 2 * numel(dims)
        if size + nbytes > SHARD and shards[-1]:
            shards.append({})
            size = 0
        shards[-1][name] = dims
        size += nbytes
    index = {}
    for number, shard in enumerate(shards, start=1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        write(folder / file, shard, noise)
        index |= dict.fromkeys(shard, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return folder


def numel(dims: tuple[int, ...]) -> int:
    """Entries of a tensor."""
    found = 1
    for one in dims:
        found *= one
    return found


def write(file: Path, shard: dict[str, tuple[int, ...]], noise: float) -> None:
    """One file, from a pool of random numbers that is read round and round."""
    import torch

    generator = torch.Generator().manual_seed(0)
    pool = 0.02 * torch.randn((1 << 24) + 1, generator=generator)
    moved = (pool + noise * torch.randn(pool.numel(), generator=generator)).bfloat16().view(torch.int16).numpy()
    header, at = {}, 0
    for name, dims in shard.items():
        end = at + 2 * numel(dims)
        header[name] = {"dtype": "BF16", "shape": list(dims), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        left, start = at // 2, 0
        while left:  # an odd period: no two rows are equal
            piece = moved[start : start + left]
            stream.write(piece)
            left -= len(piece)
        stream.flush()
        os.fsync(stream.fileno())


def drop(folders: list[Path]) -> None:
    """Ask the system to forget the files' pages."""
    for folder in folders:
        for file in folder.glob("*.safetensors"):
            with file.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def plain(folders: list[Path]) -> tuple[float, int]:
    """Seconds and bytes of reading every file once."""
    buffer, done, start = bytearray(BUFFER), 0, time.monotonic()
    for folder in folders:
        for file in sorted(folder.glob("*.safetensors")):
            with file.open("rb", buffering=0) as stream:
                while count := stream.readinto(buffer):
                    done += count
    return time.monotonic() - start, done


def watch(process: subprocess.Popen[bytes], peaks: Peaks) -> None:
    """Sample the memory of a process until it ends."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
            peaks.rss = max(peaks.rss, 1024 * int(lines["VmRSS"].split()[0]))
            peaks.anon = max(peaks.anon, 1024 * int(lines["RssAnon"].split()[0]))
        except (OSError, KeyError, ValueError):
            return
        time.sleep(0.02)


def described(
    base: Path, plus: Path, out: Path, cache: Path, *words: str
) -> tuple[dict[str, float], Peaks, tuple[float, float]]:
    """One run of describe: its own timings, its peak memory, its seconds of processor time as user and as system."""
    terms = f"vector.terms=[{{plus: {{path: '{plus}'}}, minus: {{path: '{base}'}}}}]"
    command = [sys.executable, "-m", "rveval.describe", f"model.path={base}", "model.label=synthetic", terms]
    command += ["vector.label=noise", "alpha=0.5", f"out={out}", "format=json", *words]
    before = os.times()
    with (out.parent / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"RVEVAL_CACHE": str(cache)})
        peaks = Peaks()
        watcher = threading.Thread(target=watch, args=(process, peaks))
        watcher.start()
        status = process.wait()
        watcher.join()
    after = os.times()
    if status:
        sys.exit((out.parent / "log.txt").read_text())
    user, system = after.children_user - before.children_user, after.children_system - before.children_system
    return json.loads((out / "vector.json").read_text())["timings"], peaks, (user, system)


def main() -> None:
    """Make, measure, say, delete."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", nargs="?", choices=SHAPES, default="0.5b")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--quick-only", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as scratch:
        folder = Path(scratch)
        base = make(folder / "base", SHAPES[asked.shape], 0.0)
        plus = make(folder / "plus", SHAPES[asked.shape], 2e-4)
        drop([base, plus])
        seconds, nbytes = plain([base, plus])
        print(
            f"{asked.shape}: {nbytes / 1e9:.1f} GB of files, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
        )
        print(f"{'plain read':24} {seconds:7.1f} s  {nbytes / seconds / 1e9:5.2f} GB/s of files")
        kinds = {"first time": [], "hashes known": [], "without ranks": ["quick=true"]}
        for name, words in kinds.items():
            if asked.quick_only and name == "hashes known":
                continue
            drop([base, plus])
            found, peaks, (user, system) = described(base, plus, folder / "out", folder / "cache", *words)
            print(
                f"{name:24} {found['measure_s']:7.1f} s  {nbytes / found['measure_s'] / 1e9:5.2f} GB/s of files; "
                f"before that the gate {found['gate_s']:.1f} s; "
                f"processor {user:.0f} s + {system:.0f} s of the system; "
                f"peak RSS {peaks.rss / 1e9:.2f} GB, RssAnon {peaks.anon / 1e9:.2f} GB",
                flush=True,
            )


if __name__ == "__main__":
    main()
