"""What runs inside vLLM's processes: a loader that builds a variant, and a worker extension that swaps it.

Registered under the entry point group `vllm.general_plugins`, because vLLM's workers are other processes: whatever was
registered in ours is not there. Both ends get the same recipe as JSON and read the same memory-mapped checkpoints, so
a fresh start and a hot swap differ only in where vLLM puts the numbers.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rveval.errors import Failed, Problem
from rveval.variants import Recipe, tensors

if TYPE_CHECKING:
    import torch

LOAD_FORMAT = "rveval"


def register() -> None:
    """Entry point of `vllm.general_plugins`; vLLM calls it once in each of its processes."""
    from vllm.model_executor.model_loader import register_model_loader
    from vllm.model_executor.model_loader.default_loader import DefaultModelLoader

    class VariantLoader(DefaultModelLoader):
        """Loads `base + alpha * v` straight into vLLM; nothing is written to disk."""

        def __init__(self, load_config: Any) -> None:
            extra = dict(load_config.model_loader_extra_config)
            self._recipe = Recipe.from_json(extra.pop("recipe"))
            # The base class refuses keys and formats that it does not know: it gets a copy without ours.
            super().__init__(replace(load_config, load_format="safetensors", model_loader_extra_config=extra))

        def get_all_weights(self, model_config: Any, model: Any) -> Generator[tuple[str, torch.Tensor], None, None]:
            self.counter_before_loading_weights = time.perf_counter()
            yield from tensors(self._recipe)

    register_model_loader(LOAD_FORMAT)(VariantLoader)


class SwapExtension:
    """Methods added to vLLM's worker (`worker_extension_cls`), called through `collective_rpc`."""

    model_runner: Any
    vllm_config: Any

    def rv_swap(self, recipe_json: str) -> float:
        """Replace the weights of the running model by the recipe's.

        Args:
            recipe_json: `Recipe.to_json()`.

        Returns:
            Seconds it took in this worker.
        """
        from vllm.config import set_current_vllm_config

        started = time.perf_counter()
        recipe = Recipe.from_json(recipe_json)
        with set_current_vllm_config(self.vllm_config):
            self.model_runner.reload_weights(weights_iterator=tensors(recipe), is_checkpoint_format=True)
            refresh_tied_heads(self.model_runner.get_model())
        return time.perf_counter() - started


def refresh_tied_heads(model: Any) -> None:
    """Make heads that share the embeddings' weights repack them.

    vLLM's reload does not see that a tied `lm_head` has new weights: it keeps the packed copy of the old ones, without
    an error, and the model speaks with the old voice (docs/traps.md).

    Raises:
        Failed: a head has no weights to repack from.
    """
    from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead

    for name, module in model.named_modules():
        if isinstance(module, ParallelLMHead):
            if module.weight.numel() == 0:
                raise Failed(Problem("the head's weights are gone after the swap", where=name))
            module.quant_method.process_weights_after_loading(module)
