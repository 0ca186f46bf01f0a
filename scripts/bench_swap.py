"""How long does a change of alpha take, against mergekit and a fresh vLLM start, side by side in one run?

    python scripts/bench_swap.py [--mergekit PATH/TO/mergekit-yaml] [--folder FOLDER] [--rounds 5] [--json FILE]

Makes random checkpoints of Qwen2.5-0.5B's shape (151,936 x 896 tied, 24 layers, 0.99 GB of bf16 each: 3 GB of disk, and
a fourth for the merge) in FOLDER, or takes those of an earlier run, and measures on this machine:

  merge    mergekit-yaml, linear, base + 0.5 * plus - 0.5 * minus, to disk (left out where there is no mergekit)
  start    a fresh vLLM start on the merged folder, in this process's mode and in vLLM's default mode
  swap     alpha changed in a live engine, with the anonymous memory (RssAnon) it adds, at its peak and when it is done
  limit    the same bytes read and written once by a plain copy: what no swap can beat on this machine

mergekit wants other versions than vLLM: install it in a virtual environment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LARGEST_MB = 151_936 * 896 * 2 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mergekit", default=shutil.which("mergekit-yaml"), help="the command mergekit-yaml")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "rveval-bench-swap")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=["swap", "start"], help=argparse.SUPPRESS)
    parser.add_argument("--default-mode", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        found = swap(arguments.folder, arguments.rounds) if arguments.only == "swap" else start(arguments)
        sys.stdout.write(f"RESULT {json.dumps(found)}\n")
        return
    make(arguments.folder)
    found = {"load": os.getloadavg()[0], "cores": len(os.sched_getaffinity(0)), "limit_s": copy_limit()}
    if arguments.mergekit:
        found["merge_s"] = merge(arguments.mergekit, arguments.folder)
    merged = arguments.folder / ("merged" if arguments.mergekit else "base")
    found["started_on"] = str(merged.name)
    found |= child(arguments, "start")
    found |= {f"default_{key}": value for key, value in child(arguments, "start", "--default-mode").items()}
    found |= child(arguments, "swap")
    report(found)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


def make(folder: Path) -> None:
    """base, plus and minus: random weights of the shape, the donors with small differences from the base."""
    import torch
    from safetensors.torch import save_file
    from transformers import Qwen2Config, Qwen2ForCausalLM

    if (folder / "done").exists():
        return
    config = Qwen2Config(
        vocab_size=151936,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        max_position_embeddings=32768,
        rope_theta=1e6,
        tie_word_embeddings=True,
        dtype="bfloat16",
        architectures=["Qwen2ForCausalLM"],
    )
    with torch.device("meta"):
        shapes = {n: p.shape for n, p in Qwen2ForCausalLM(config).named_parameters() if n != "lm_head.weight"}
    for seed, name in enumerate(("base", "plus", "minus")):
        base, noise = torch.Generator().manual_seed(0), torch.Generator().manual_seed(seed)
        place = folder / name
        config.save_pretrained(place)
        weights = {n: random_weights(shape, base, noise, 0.002 if seed else 0.0) for n, shape in shapes.items()}
        save_file(weights, place / "model.safetensors", metadata={"format": "pt"})
        write_tokenizer(place)
    (folder / "done").touch()


def random_weights(shape: Any, base: Any, noise: Any, strength: float) -> Any:
    import torch

    weights = torch.randn(shape, generator=base) * 0.02 if len(shape) > 1 else torch.ones(shape)
    return (weights + strength * torch.randn(shape, generator=noise) if strength else weights).bfloat16()


def write_tokenizer(folder: Path) -> None:
    """Bytes only: what is measured does not depend on the words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = Tokenizer(models.BPE(vocab={byte: number for number, byte in enumerate(alphabet)}, merges=[]))
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = decoders.ByteLevel()
    tokens.add_special_tokens(["<|im_end|>"])
    PreTrainedTokenizerFast(tokenizer_object=tokens, eos_token="<|im_end|>").save_pretrained(folder)


def merge(command: str, folder: Path) -> float:
    """Seconds of `mergekit-yaml` from three folders to a fourth."""
    shutil.rmtree(folder / "merged", ignore_errors=True)
    models = "".join(
        f"  - model: {folder / name}\n    parameters: {{weight: {weight}}}\n"
        for name, weight in (("base", 1.0), ("plus", 0.5), ("minus", -0.5))
    )
    recipe = f"merge_method: linear\nmodels:\n{models}parameters: {{normalize: false}}\ndtype: bfloat16\n"
    (folder / "merge.yaml").write_text(recipe)
    started = time.perf_counter()
    done = subprocess.run(
        [command, str(folder / "merge.yaml"), str(folder / "merged")], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"mergekit failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - started


def child(arguments: argparse.Namespace, what: str, *more: str) -> dict[str, Any]:
    """Run a part in a process of its own, so that each starts with nothing in memory."""
    command = [sys.executable, __file__, "--only", what, "--folder", str(arguments.folder), *more]
    command += ["--rounds", str(arguments.rounds)]
    if arguments.mergekit:
        command += ["--mergekit", arguments.mergekit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return dict(json.loads(line.removeprefix("RESULT ")))
    raise SystemExit(f"{what} failed:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")


def start(arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds until plain vLLM has loaded the merged folder and given a first token; its imports here apart."""
    from rveval.engine import settings

    begun = time.perf_counter()
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "1" if arguments.default_mode else "0"
    from vllm import LLM, SamplingParams

    imported = time.perf_counter() - begun
    folder = arguments.folder / ("merged" if arguments.mergekit else "base")
    config = engine_config()
    own: dict[str, Any] = {"max_model_len": config.max_model_len, "kv_cache_memory_bytes": 1 << 28}
    if not arguments.default_mode:
        settings.environment(config, True, folder.parent / "engine.log")
        own = settings.arguments(config, True, str(folder))
    begun = time.perf_counter()
    llm = LLM(model=str(folder), **own)
    llm.generate([{"prompt_token_ids": [1, 2, 3]}], SamplingParams(max_tokens=1), use_tqdm=False)
    return {"start_s": time.perf_counter() - begun, "import_s": imported}


def engine_config() -> Any:
    from rveval.config import EngineConfig

    return EngineConfig(max_model_len=512, kv_cache_gib=0.25)


def open_engine(folder: Path, load_format: str) -> Any:

    from rveval.engine.vllm import VllmEngine
    from rveval.recipe import Recipe

    return VllmEngine(
        Recipe(str(folder), folder.name), engine_config(), folder.parent / "engine.log", load_format=load_format
    )


def first_token(engine: Any) -> None:
    from rveval.engine import Request

    engine.generate([Request((1, 2, 3), 1)])


def swap(folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds and memory of swaps to a new alpha in a live engine; the first one, which maps the files, apart."""
    from rveval.recipe import Recipe, RecipeTerm

    engine = open_engine(folder / "base", "rveval")
    first_token(engine)
    term = RecipeTerm(str(folder / "plus"), str(folder / "minus"), 1.0, "plus", "minus")
    recipes = [Recipe(str(folder / "base"), "base", (term,), 0.5 + 0.1 * number) for number in range(rounds + 3)]
    before = rss_anon()
    first, peak = watched(lambda: engine.swap(recipes[0]))
    seconds = [engine.swap(recipe) for recipe in recipes[1:-2]]  # not watched: looking at the memory takes time itself
    peaks = [peak, *(watched(lambda recipe=recipe: engine.swap(recipe))[1] for recipe in recipes[-2:])]
    after = rss_anon() - before
    back = engine.swap(Recipe(str(folder / "base"), "base"))
    return {
        "first_swap_s": first,
        "swap_s": statistics.median(seconds),
        "swaps_s": seconds,
        "back_to_base_s": back,
        "added_peak_mb": max(peaks) - before,
        "added_after_mb": after,
    }


def watched(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of some work, and the highest RssAnon (MB) while it ran, looked at every 5 ms."""
    highest, done = [rss_anon()], threading.Event()

    def look() -> None:
        while not done.wait(0.005):
            highest[0] = max(highest[0], rss_anon())

    watcher = threading.Thread(target=look)
    watcher.start()
    begun = time.perf_counter()
    work()
    taken = time.perf_counter() - begun
    done.set()
    watcher.join()
    return taken, highest[0]


def rss_anon() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def copy_limit() -> float:
    """Seconds to move a swap's bytes once: three checkpoints read, one written, one packed (read and written)."""
    import torch

    size = 1 << 28
    source, target = torch.ones(size, dtype=torch.uint8), torch.ones(size, dtype=torch.uint8)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        target.copy_(source)
        times.append(time.perf_counter() - begun)
    moved = 2 * size / min(times)
    return 6 * 0.988e9 / moved


def report(found: dict[str, Any]) -> None:
    merge_s = found.get("merge_s", 0.0)
    own, default = merge_s + found["start_s"], merge_s + found["default_start_s"]

    def with_import(seconds: float) -> float:
        """What a process of its own for every alpha pays."""
        return float((seconds + found["import_s"]) / found["swap_s"])

    lines = [
        f"{found['cores']} cores, load at the start {found['load']:.2f}, started on: {found['started_on']}",
        f"mergekit, linear, to disk           {merge_s:8.2f} s" if merge_s else "mergekit: not installed, not counted",
        f"importing vLLM                      {found['import_s']:8.2f} s",
        f"start, same process mode            {found['start_s']:8.2f} s",
        f"start, vLLM's default mode          {found['default_start_s']:8.2f} s",
        f"swap in the live engine (median)    {found['swap_s']:8.3f} s   {[round(s, 3) for s in found['swaps_s']]}",
        f"  the first one, and back to base   {found['first_swap_s']:8.3f} s, {found['back_to_base_s']:.3f} s",
        f"  memory copies of the same bytes   {found['limit_s']:8.3f} s",
        f"times faster, same process mode     {own / found['swap_s']:8.1f}, with import {with_import(own):.1f}",
        f"times faster, default mode          {default / found['swap_s']:8.1f}, with import {with_import(default):.1f}",
        f"RssAnon added: peak {found['added_peak_mb']:.0f} MB, after {found['added_after_mb']:.0f} MB"
        f" (largest tensor {LARGEST_MB:.0f} MB, three of it {3 * LARGEST_MB:.0f} MB)",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
