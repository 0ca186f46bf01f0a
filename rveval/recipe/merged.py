"""A variant written to disk as an ordinary checkpoint: an independent reference, and what plain tools can load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rveval.recipe.recipe import Recipe
from rveval.recipe.streamed import tensors

if TYPE_CHECKING:
    import torch

SHARD_BYTES = 2 << 30
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx")


def write_merged(recipe: Recipe, folder: Path) -> Path:
    """Write the variant as an ordinary checkpoint: an independent reference, and what plain tools can load.

    Args:
        recipe: what to build.
        folder: made; gets the base's config, tokenizer and templates, and the variant's tensors in shards.

    Returns:
        The folder.
    """
    import shutil

    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for file in Path(recipe.base).iterdir():
        if file.is_file() and file.suffix not in _WEIGHTS and not file.name.endswith(".index.json"):
            shutil.copy(file, folder / file.name)
    index: dict[str, str] = {}
    for number, shard in enumerate(_shards(recipe)):
        name = f"model-{number:05d}.safetensors"
        save_file(shard, str(folder / name), metadata={"format": "pt"})
        index |= dict.fromkeys(shard, name)
    text = json.dumps({"metadata": {}, "weight_map": index}, indent=1)
    (folder / "model.safetensors.index.json").write_text(text)
    return folder


def _shards(recipe: Recipe) -> Iterator[dict[str, torch.Tensor]]:
    shard: dict[str, torch.Tensor] = {}
    size = 0
    for name, tensor in tensors(recipe):
        if shard and size + tensor.nbytes > SHARD_BYTES:
            yield shard
            shard, size = {}, 0
        shard[name] = tensor.contiguous()
        size += tensor.nbytes
    yield shard
