"""Do the sparse merges give mergekit's weights, and at what price? Side by side, each in a process of its own.

    python scripts/compare_mergekit.py --mergekit PATH/TO/mergekit-yaml --folder FOLDER
        [--shape small|0.5b] [--stored bfloat16|float32] [--dtype float32|bfloat16] [--methods ties,breadcrumbs,...]

Makes random checkpoints in FOLDER (base, plus, minus; at the shape of Qwen2.5-0.5B those of bench_swap.py, 3 GB, and
room for two merges), merges `plus` and `minus` into the base with mergekit and with rveval, and compares the files:

  ties         density 0.2, weights 1 and 0.5, normalized
  breadcrumbs  density 0.2, gamma 0.01, of `plus` alone
  dare         density 0.3, of `plus` alone (mergekit: dare_linear)
  della        density 0.3, epsilon 0.1, of `plus` alone (mergekit: della_linear)

`--dtype` is what both compute and write. With float32 the first two must agree but where entries tie: of entries with
exactly the magnitude where the kept ones end, mergekit keeps arbitrary ones and rveval those with the lowest index.
Every weight that differs is looked up: "not ties" counts those with no term at such a magnitude, and must be 0 (with
bfloat16 mergekit rounds each step, so that it says nothing there). The other two are random: what is compared is the
share of entries kept, the norms of the change over those of the vector, and the same for the tenth of each row with
the largest and the smallest entries. A change that is right on average has 1 for L1 (tenths too).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench_swap import make, write_tokenizer

DENSITY = {"ties": 0.2, "breadcrumbs": 0.2, "dare": 0.3, "della": 0.3}
WEIGHTS = {"ties": {"plus": 1.0, "minus": 0.5}}
GAMMA, EPSILON = 0.01, 0.1
NAMES = {"ties": "ties", "breadcrumbs": "breadcrumbs", "dare": "dare_linear", "della": "della_linear"}
MORE = {"breadcrumbs": f", gamma: {GAMMA}", "della": f", epsilon: {EPSILON}"}
ROWS = 512
"""Rows of each matrix whose entries are ranked."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mergekit", default=shutil.which("mergekit-yaml"), help="the command mergekit-yaml")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "rveval-compare-mergekit")
    parser.add_argument("--shape", choices=["small", "0.5b"], default="small")
    parser.add_argument("--stored", choices=["bfloat16", "float32"], default="bfloat16", help="of the small shape")
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="float32")
    parser.add_argument("--methods", default=",".join(DENSITY))
    parser.add_argument("--only", choices=list(DENSITY), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        own_merge(arguments.only, arguments.folder, arguments.dtype)
        return
    if not arguments.mergekit:
        raise SystemExit("no mergekit-yaml: install mergekit in an environment of its own and name it with --mergekit")
    folder = arguments.folder
    if arguments.shape == "small":
        folder = folder / f"small-{arguments.stored}"
        make_small(folder, arguments.stored)
    else:
        make(folder)
    say(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.2f}, {folder.name}, {arguments.dtype}")
    for method in arguments.methods.split(","):
        compare(method, folder, arguments)


def make_small(folder: Path, stored: str) -> None:
    """base, plus and minus: two layers, donors with small differences from the base."""
    import torch
    from safetensors.torch import save_file
    from transformers import Qwen2Config, Qwen2ForCausalLM

    if (folder / "done").exists():
        return
    config = Qwen2Config(
        vocab_size=2000,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        dtype=stored,
        architectures=["Qwen2ForCausalLM"],
    )
    with torch.device("meta"):
        shapes = {n: p.shape for n, p in Qwen2ForCausalLM(config).named_parameters() if n != "lm_head.weight"}
    for seed, name in enumerate(("base", "plus", "minus")):
        start, noise = torch.Generator().manual_seed(0), torch.Generator().manual_seed(seed)
        weights = {n: 0.02 * torch.randn(shape, generator=start) for n, shape in shapes.items()}
        if seed:
            weights = {n: w + 0.002 * torch.randn(w.shape, generator=noise) for n, w in weights.items()}
        config.save_pretrained(folder / name)
        kept = {n: w.to(getattr(torch, stored)) for n, w in weights.items()}
        save_file(kept, folder / name / "model.safetensors", metadata={"format": "pt"})
        write_tokenizer(folder / name)
    (folder / "done").touch()


def compare(method: str, folder: Path, arguments: argparse.Namespace) -> None:
    for name in ("theirs", "ours"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "merge.yaml").write_text(their_recipe(method, folder, arguments.dtype))
    theirs = [arguments.mergekit, str(folder / "merge.yaml"), str(folder / "theirs"), "--random-seed", "1", "--quiet"]
    ours = [sys.executable, __file__, "--only", method, "--folder", str(folder), "--dtype", arguments.dtype]
    say(f"\n{method}")
    for who, command in (("mergekit", theirs), ("rveval", ours)):
        seconds, anonymous, largest = watched(command)
        say(f"  {who:9} {seconds:7.1f} s   RssAnon at most {anonymous:7.0f} MB   max RSS {largest:7.0f} MB")
    (exact if method in ("ties", "breadcrumbs") else on_average)(method, folder)
    for name in ("theirs", "ours"):
        shutil.rmtree(folder / name)


def their_recipe(method: str, folder: Path, dtype: str) -> str:
    models = "".join(
        f"  - model: {folder / name}\n"
        f"    parameters: {{weight: {weight}, density: {DENSITY[method]}{MORE.get(method, '')}}}\n"
        for name, weight in WEIGHTS.get(method, {"plus": 1.0}).items()
    )
    shared = f"parameters: {{normalize: {str(method == 'ties').lower()}, lambda: 1.0}}\n"
    return f"merge_method: {NAMES[method]}\nbase_model: {folder / 'base'}\nmodels:\n{models}{shared}dtype: {dtype}\n"


def own_merge(method: str, folder: Path, dtype: str) -> None:
    from rveval.recipe import Recipe, RecipeTerm, write_merged
    from rveval.vectors import Step

    terms = tuple(
        RecipeTerm(str(folder / name), str(folder / "base"), weight, name, "base")
        for name, weight in WEIGHTS.get(method, {"plus": 1.0}).items()
    )
    step = Step.of(method, 1, density=DENSITY[method], gamma=GAMMA, epsilon=EPSILON)
    write_merged(Recipe(str(folder / "base"), "base", terms, 1.0, dtype=dtype, steps=(step,)), folder / "ours")


def watched(command: list[str]) -> tuple[float, float, float]:
    """Seconds of a process, its highest RssAnon and its highest resident memory (looked at every 10 ms), in MB."""
    highest, done = {"RssAnon": 0.0, "VmHWM": 0.0}, threading.Event()
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)

        def look() -> None:
            while not done.wait(0.01):
                for name, size in memory_mb(child.pid, highest).items():
                    highest[name] = max(highest[name], size)

        watcher = threading.Thread(target=look)
        watcher.start()
        failed = child.wait()
        seconds = time.perf_counter() - begun
        done.set()
        watcher.join()
        if failed:
            errors.seek(0)
            raise SystemExit(f"{command[0]} failed:\n{errors.read()[-3000:]}")
    return seconds, highest["RssAnon"], highest["VmHWM"]


def memory_mb(pid: int, names: Iterable[str]) -> dict[str, float]:
    """Figures of /proc/PID/status; none of a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    found = dict(line.split(":", 1) for line in lines)
    return {name: int(found[name].split()[0]) * 1024 / 1e6 for name in names if name in found}


def merged(folder: Path) -> Iterator[tuple[str, Any, Any, Any, dict[str, Any]]]:
    """(name, base, mergekit's, rveval's, deltas by donor) of every tensor, float32 numpy arrays in its shape."""
    from rveval.checkpoints import open_checkpoint

    opened = {name: open_checkpoint(folder / name) for name in ("base", "theirs", "ours", "plus", "minus")}
    for name in opened["base"].names:
        base, theirs, ours, plus, minus = (one.get(name).float().numpy() for one in opened.values())
        yield name, base, theirs, ours, {"plus": plus - base, "minus": minus - base}


def exact(method: str, folder: Path) -> None:
    """Every weight, and for each that differs whether an entry there ties with the smallest or largest one kept."""
    import numpy as np

    total = differ = odd = changed = changed_by_us = 0
    largest = 0.0
    for _, base, theirs, ours, deltas in merged(folder):
        other = theirs != ours
        changed += int(np.count_nonzero(theirs != base))
        changed_by_us += int(np.count_nonzero(ours != base))
        total, differ = total + base.size, differ + int(np.count_nonzero(other))
        if not other.any():
            continue
        largest = max(largest, float(np.abs(theirs - ours).max()))
        ties = np.zeros_like(other)
        for donor in WEIGHTS.get(method, {"plus": 1.0}):
            sizes = np.abs(deltas[donor])
            for border in borders(method, sizes.ravel()):
                ties |= sizes == border
        odd += int(np.count_nonzero(other & ~ties))
    say(f"  {total} weights, changed by mergekit {changed}, by rveval {changed_by_us}")
    say(f"  differ: {differ} ({differ / total:.2e}), largest difference {largest:.3g}, not ties: {odd}")


def borders(method: str, sizes: Any) -> list[float]:
    """The magnitudes where the entries that are kept begin and end."""
    import numpy as np

    count = int(DENSITY[method] * sizes.size)
    above = [0, int(GAMMA * sizes.size)][method == "breadcrumbs"]
    ranks = sorted({sizes.size - max(1, kept) for kept in (above, above + count) if kept})
    return [float(size) for size in np.partition(sizes, ranks)[ranks]]


def on_average(method: str, folder: Path) -> None:
    """What random drops have in common: shares kept, norms, and both by the rank within a row."""
    import numpy as np

    sums = {who: np.zeros(9) for who in ("mergekit", "rveval")}
    plain, rows = np.zeros(6), 0
    spread = dict.fromkeys(sums, 0.0)
    for _, base, theirs, ours, deltas in merged(folder):
        delta = deltas["plus"]
        if delta.ndim != 2:
            continue
        filled, tenth, part = delta != 0, max(1, delta.shape[1] // 10), slice(0, ROWS)
        order = np.argsort(np.abs(delta[part]), axis=1)
        ends = (order[:, -tenth:], order[:, :tenth])
        by_end = [np.take_along_axis(np.abs(delta[part]), end, 1) for end in ends]
        plain += [filled.sum(), *norms(delta), *(end.sum() for end in by_end), by_end[0].size]
        rows += len(order)
        for who, result in (("mergekit", theirs), ("rveval", ours)):
            change = result - base
            kept = (change != 0) & filled
            at = [np.take_along_axis(np.abs(change[part]), end, 1) for end in ends]
            sums[who][:7] += [kept.sum(), *norms(change), *(a.sum() for a in at), *((a != 0).sum() for a in at)]
            spread[who] += float(np.square(kept[part].mean(axis=1) / filled[part].mean(axis=1) - DENSITY[method]).sum())
    for who, found in sums.items():
        say(
            f"  {who:9} kept {found[0] / plain[0]:.5f} (a row's spread {(spread[who] / rows) ** 0.5:.5f}),"
            f" L1 {found[1] / plain[1]:.5f}, L2 {(found[2] / plain[2]) ** 0.5:.5f};"
            f" largest tenth: kept {found[5] / plain[5]:.4f}, L1 {found[3] / plain[3]:.4f};"
            f" smallest: kept {found[6] / plain[5]:.4f}, L1 {found[4] / plain[4]:.4f}"
        )


def norms(numbers: Any) -> tuple[float, float]:
    """The sums of the magnitudes and of the squares."""
    import numpy as np

    return float(np.abs(numbers).sum(dtype=np.float64)), float(np.square(numbers).sum(dtype=np.float64))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
