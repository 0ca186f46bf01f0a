"""The worker extension: methods added to vLLM's worker, called through `collective_rpc` in whatever process it is."""

from __future__ import annotations

import time
from typing import Any

from rveval.engine.plugin import inplace, memory
from rveval.errors import Failed, Problem
from rveval.recipe import Recipe, tensors


class SwapExtension:
    """Given to vLLM as `worker_extension_cls`."""

    model_runner: Any
    vllm_config: Any

    def rv_swap(self, recipe_json: str, method: str) -> float:
        """Replace the weights of the running model by a recipe's.

        Args:
            recipe_json: `Recipe.to_json()`.
            method: `in_place` writes into the live parameters, `reload` goes through vLLM's own reload.

        Returns:
            Seconds it took in this worker.
        """
        from vllm.config import set_current_vllm_config

        started = time.perf_counter()
        recipe = Recipe.from_json(recipe_json)
        with set_current_vllm_config(self.vllm_config), memory.reused():
            model = self.model_runner.get_model()
            if method == "in_place":
                inplace.write(model, recipe)
            else:
                self.model_runner.reload_weights(weights_iterator=tensors(recipe), is_checkpoint_format=True)
                refresh_tied_heads(model)
        return time.perf_counter() - started


def refresh_tied_heads(model: Any) -> None:
    """Make heads that share the embeddings' weights pack them again.

    vLLM's reload does not see that a tied `lm_head` has new weights: on the CPU it keeps the packed copy of the old
    ones, without an error, and the model speaks with the old voice (docs/traps.md).

    Raises:
        Failed: a head has no weights to pack.
    """
    from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead

    for name, module in model.named_modules():
        if isinstance(module, ParallelLMHead):
            head: Any = module
            if head.weight.numel() == 0:
                raise Failed(Problem("the head's weights are gone after the swap", where=name))
            head.quant_method.process_weights_after_loading(head)
