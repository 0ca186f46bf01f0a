"""What vLLM is told before and when it starts: engine arguments, environment variables, and the machine's facts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.engine import quiet
from rveval.engine.plugin import tiles

if TYPE_CHECKING:
    from rveval.config import EngineConfig


def arguments(config: EngineConfig, cpu: bool, base: str) -> dict[str, Any]:
    """vLLM's engine arguments for our settings; what the user passes through in `engine.extra` wins."""
    from rveval.engine.tokens import context_length

    own: dict[str, Any] = {
        "max_model_len": config.max_model_len or context_length(Path(base)),
        "tensor_parallel_size": config.tensor_parallel_size,
        "seed": config.seed,
        "max_num_seqs": config.max_num_seqs,
        "enforce_eager": config.enforce_eager,
    }
    if cpu:
        own["kv_cache_memory_bytes"] = int(config.kv_cache_gib * (1 << 30))
        # A prompt that is taken in pieces, with a seed of its own, ends in `CPU Generator does not use offset`.
        own["enable_chunked_prefill"] = False
    else:
        own["gpu_memory_utilization"] = config.gpu_memory_utilization
    return {**own, **config.extra}


def facts(config: EngineConfig) -> dict[str, Any]:
    """What decides, beside the model, whether a swap works: engine version, device and settings (for the self-test)."""
    import vllm

    return {
        "version": vllm.__version__,
        "device": "cuda" if has_gpu() else cpu_name(),
        "tensor_parallel_size": config.tensor_parallel_size,
        "enforce_eager": config.enforce_eager,
        "extra": config.extra,
    }


def environment(config: EngineConfig, cpu: bool, log: Path) -> None:
    """Settings that vLLM takes from the environment only; what the user has set there himself stays."""
    quiet.configure(log)
    wanted = {"VLLM_NO_USAGE_STATS": "1"}
    in_process = cpu and config.tensor_parallel_size == 1 if config.multiprocess is None else not config.multiprocess
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0" if in_process else "1"
    if cpu:
        tiles.allow()
        # vLLM cuts torch to one thread unless this is set.
        threads = config.threads or len(os.sched_getaffinity(0))
        wanted |= {"OMP_NUM_THREADS": str(threads)}
        if config.tensor_parallel_size > 1:
            wanted["VLLM_CPU_OMP_THREADS_BIND"] = _one_core_each(config.tensor_parallel_size)
    for name, value in wanted.items():
        os.environ.setdefault(name, value)


def _one_core_each(workers: int) -> str:
    """`0|1|...`: without it vLLM wants a NUMA node a worker. The cores this process may use, dealt out evenly."""
    cores = sorted(os.sched_getaffinity(0))
    hands = [cores[rank::workers] or [cores[rank % len(cores)]] for rank in range(workers)]
    return "|".join(",".join(str(core) for core in hand) for hand in hands)


def has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "cpu"
