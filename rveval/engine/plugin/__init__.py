"""What runs inside vLLM's processes: a loader that builds a variant, and a worker extension that swaps it.

Registered under the entry point group `vllm.general_plugins`, because vLLM's workers are other processes: whatever was
registered in ours is not there. Both ends get the same recipe as JSON and read the same memory-mapped checkpoints, so
a fresh start and a hot swap differ only in how the numbers get into vLLM (`inplace`, or vLLM's own reload).
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.checkpoints import open_checkpoint
from rveval.engine.plugin import inplace, tiles
from rveval.recipe import Recipe, tensors

if TYPE_CHECKING:
    import torch

LOAD_FORMAT = "rveval"


def register() -> None:
    """Entry point of `vllm.general_plugins`; vLLM calls it once in each of its processes."""
    tiles.allow()
    from vllm.model_executor.model_loader import register_model_loader
    from vllm.model_executor.model_loader.default_loader import DefaultModelLoader

    class VariantLoader(DefaultModelLoader):
        """Loads `base + alpha * v` straight into vLLM; nothing is written to disk."""

        def __init__(self, load_config: Any) -> None:
            extra = dict(load_config.model_loader_extra_config)
            self._recipe = Recipe.from_json(extra.pop("recipe"))
            self._routes = inplace.Routes()
            # The base class refuses keys and formats that it does not know: it gets a copy without ours.
            super().__init__(replace(load_config, load_format="safetensors", model_loader_extra_config=extra))

        def get_all_weights(self, model_config: Any, model: Any) -> Generator[tuple[str, torch.Tensor], None, None]:
            self.counter_before_loading_weights = time.perf_counter()
            head, embedding = open_checkpoint(Path(self._recipe.base)).tied_head
            for name, tensor in tensors(self._recipe):
                self._routes.now(name, tensor)
                yield name, tensor
                if name == embedding:  # vLLM saw the head's copy in the files: it waits for it, and ties the two then
                    yield head, tensor

        def load_weights(self, model: Any, model_config: Any) -> None:
            with self._routes.recording(model):
                super().load_weights(model, model_config)

    register_model_loader(LOAD_FORMAT)(VariantLoader)
