"""LoRA adapters in PEFT's format, written by hand for tests: no PEFT needed.

`write` takes the factors by the base's module names; `tiny_factors` makes some for the packaged tiny model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

PREFIX = "base_model.model."
Factors = Mapping[str, tuple[torch.Tensor, torch.Tensor]]


def write(
    folder: Path,
    factors: Factors,
    *,
    given: str = "",
    embeddings: Factors | None = None,
    more: Mapping[str, torch.Tensor] | None = None,
    **config: Any,
) -> Path:
    """Write adapter_config.json and adapter_model.safetensors.

    Args:
        folder: made.
        factors: A (rank, in) and B (out, rank) by module.
        given: the adapter's name inside the tensors' names, as PEFT writes it when it is asked for a raw state dict.
        embeddings: the same for embeddings: A (rank, rows), B (width, rank).
        more: other tensors, by their names behind the prefix.
        config: fields of adapter_config.json to change; `...` leaves one out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f".{given}" if given else ""
    named = {}
    for module, (a, b) in factors.items():
        named |= {f"{PREFIX}{module}.lora_A{name}.weight": a, f"{PREFIX}{module}.lora_B{name}.weight": b}
    for module, (a, b) in (embeddings or {}).items():
        named |= {f"{PREFIX}{module}.lora_embedding_A{name}": a, f"{PREFIX}{module}.lora_embedding_B{name}": b}
    named |= {f"{PREFIX}{key}": tensor for key, tensor in (more or {}).items()}
    save_file({key: tensor.contiguous() for key, tensor in named.items()}, folder / "adapter_model.safetensors")
    ranks = [a.shape[0] for a, _ in [*factors.values(), *(embeddings or {}).values()]]
    known = {
        "alpha_pattern": {},
        "base_model_name_or_path": "tiny:instruct",
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "layers_to_transform": None,
        "lora_alpha": 16,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": ranks[0] if ranks else 8,
        "rank_pattern": {},
        "revision": None,
        "target_modules": sorted({module.rpartition(".")[2] for module in factors}),
        "task_type": "CAUSAL_LM",
        "use_dora": False,
        "use_rslora": False,
    }
    fields = {key: value for key, value in {**known, **config}.items() if value is not ...}
    (folder / "adapter_config.json").write_text(json.dumps(fields, indent=2, sort_keys=True))
    return folder


def factors(shapes: Mapping[str, tuple[int, int]], rank: int = 4, seed: int = 0, scale: float = 0.1) -> Factors:
    """Random A and B by module, for matrices of these shapes (out, in)."""
    generator = torch.Generator().manual_seed(seed)
    return {
        module: (
            scale * torch.randn(rank, columns, generator=generator),
            scale * torch.randn(rows, rank, generator=generator),
        )
        for module, (rows, columns) in sorted(shapes.items())
    }


def shapes(base: Mapping[str, torch.Tensor], ends: Iterable[str] = ("q_proj", "down_proj")) -> dict[str, Any]:
    """The shapes of a checkpoint's linear layers whose names end so, by module."""
    return {
        name.removesuffix(".weight"): tuple(tensor.shape)
        for name, tensor in base.items()
        if tensor.ndim == 2 and name.removesuffix(".weight").endswith(tuple(ends))
    }
