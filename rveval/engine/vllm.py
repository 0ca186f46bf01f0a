"""The vLLM engine: one live engine that holds the base, and swaps variants in and out.

On the CPU it runs in this process (start 6 s instead of 25 s), on a GPU in vLLM's own, whose end gives the memory back.
"""

from __future__ import annotations

import gc
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.engine import quiet, settings
from rveval.engine.base import Answer, Progress, Request, TokenScore
from rveval.engine.plugin import LOAD_FORMAT, memory
from rveval.errors import Failed, Problem
from rveval.recipe import Recipe

if TYPE_CHECKING:
    from rveval.config import EngineConfig

EXTENSION = "rveval.engine.plugin.worker.SwapExtension"


class VllmEngine:
    """Serves one base and its variants with vLLM.

    Args:
        recipe: what to serve first; built straight into vLLM, nothing is written to disk.
        config: engine settings.
        log: file that takes vLLM's words.
        load_format: how the first weights get in. `rveval` builds the recipe; any other is vLLM's own reading of the
            base folder (the self-test's independent reference).
        method: how a swap writes the weights, `in_place` or `reload` (rveval.engine.plugin.worker).

    Raises:
        Failed: vLLM did not start.
    """

    def __init__(
        self,
        recipe: Recipe,
        config: EngineConfig,
        log: Path,
        *,
        load_format: str = LOAD_FORMAT,
        method: str = "in_place",
    ) -> None:
        self.recipe = recipe
        self._method = method
        self._config = config
        self._log = log
        self._llm: Any = None
        cpu = not settings.has_gpu()
        settings.environment(config, cpu, log)
        with quiet.into(log):
            self._llm = self._start(load_format, cpu)
        self.tokenizer: Any = self._llm.get_tokenizer()
        self.max_model_len = int(self._llm.model_config.max_model_len)
        self._device = "cpu" if cpu else "cuda"

    def _start(self, load_format: str, cpu: bool) -> Any:
        from vllm import LLM

        # vLLM collects garbage five times while it starts, each time through a million objects of imported modules
        # (0.5 s). Set aside they cost nothing; vLLM's own clean-up in `close` takes them back.
        gc.freeze()
        extra = {"recipe": self.recipe.to_json()} if load_format == LOAD_FORMAT else {}
        try:
            return LLM(
                model=self.recipe.base,
                load_format=load_format,
                model_loader_extra_config=extra,
                worker_extension_cls=EXTENSION,
                dtype=self.recipe.dtype,  # type: ignore[arg-type]
                generation_config="vllm",
                **settings.arguments(self._config, cpu, self.recipe.base),
            )
        except KeyboardInterrupt:
            raise
        except Exception as error:
            raise Failed(_not_started(error, self._log)) from error

    def describe(self) -> dict[str, Any]:
        import torch
        import vllm

        return {
            "kind": "vllm",
            "version": vllm.__version__,
            "device": self._device,
            "device_name": torch.cuda.get_device_name() if self._device == "cuda" else settings.cpu_name(),
            "dtype": self.recipe.dtype,
            "tensor_parallel_size": self._config.tensor_parallel_size,
            "max_num_seqs": self._config.max_num_seqs,
            "max_model_len": self.max_model_len,
        }

    def swap(self, recipe: Recipe) -> float:
        started = time.perf_counter()
        try:
            with quiet.into(self._log):
                self._llm.collective_rpc("rv_swap", args=(recipe.to_json(), self._method))
                # The KV cache of the old weights survives a swap: it goes when the new ones are all there.
                reset = self._llm.reset_prefix_cache()
        except BaseException as error:
            self.close()
            if not isinstance(error, Exception):
                raise
            raise Failed(_broken_swap(error, self._log)) from error
        if not reset:
            self.close()
            raise Failed(Problem("vLLM did not drop its prefix cache after the swap", fix="report this; run again"))
        self.recipe = recipe
        return time.perf_counter() - started

    def generate(self, requests: Sequence[Request], progress: Progress | None = None) -> list[Answer]:
        bar = _bar(progress) if progress else False
        prompts = [{"prompt_token_ids": list(request.prompt)} for request in requests]
        sampling: dict[Any, Any] = {}  # most requests of a cell are decoded alike
        params = []
        for request in requests:
            chosen = (request.temperature, request.top_p, request.top_k, request.min_p)
            alike = (request.max_tokens, request.stop, chosen, _seed(request))
            params.append(sampling.get(alike) or sampling.setdefault(alike, self._sampling(request)))
        outputs = self._llm.generate(prompts, params, use_tqdm=bar)
        return [_answer(output.outputs[0]) for output in outputs]

    def _sampling(self, request: Request) -> Any:
        from vllm import SamplingParams

        return SamplingParams(
            n=1,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            min_p=request.min_p,
            presence_penalty=0.0,
            frequency_penalty=0.0,
            repetition_penalty=1.0,
            seed=_seed(request),
            stop=list(request.stop),
            stop_token_ids=list(self.end_tokens),
            max_tokens=request.max_tokens,
            min_tokens=0,
            skip_special_tokens=True,
            logprobs=0,
        )

    def score(self, prompts: Sequence[Sequence[int]]) -> list[list[TokenScore]]:
        from vllm import SamplingParams

        params = SamplingParams(temperature=0.0, max_tokens=1, prompt_logprobs=1)
        inputs = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        outputs = self._llm.generate(inputs, params, use_tqdm=False)
        return [_token_scores(output) for output in outputs]

    def close(self) -> None:
        llm, self._llm = self._llm, None
        if llm is None:
            return
        with quiet.into(self._log):
            llm.llm_engine.engine_core.shutdown()
            del llm
            from vllm.distributed import cleanup_dist_env_and_memory

            # Collects garbage too: the engine is full of circles.
            cleanup_dist_env_and_memory()
            memory.give_back()

    @property
    def end_tokens(self) -> tuple[int, ...]:
        from rveval.engine.tokens import end_tokens

        return end_tokens(Path(self.recipe.base), self.tokenizer)


def _bar(on_update: Progress) -> Any:
    """A tqdm class that draws nothing and hands the number of finished requests to a callback."""
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            # vLLM makes another bar of the same class while it adds requests; only this one counts answers.
            self._counts = kwargs.get("desc") == "Processed prompts"
            super().__init__(*args, **kwargs | {"file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            if self._counts:
                on_update(int(n or 0))
            return super().update(n)

    return Bar


def _seed(request: Request) -> int | None:
    return request.seed if request.temperature > 0 else None


def _answer(output: Any) -> Answer:
    logprob = float("nan") if output.cumulative_logprob is None else float(output.cumulative_logprob)
    stop = output.stop_reason if isinstance(output.stop_reason, str) else ""  # of a token it is the id
    return Answer(output.text, tuple(output.token_ids), output.finish_reason or "abort", logprob, stop)


def _token_scores(output: Any) -> list[TokenScore]:
    scores = []
    for token, options in zip(output.prompt_token_ids[1:], output.prompt_logprobs[1:], strict=True):
        chosen = options[token]
        scores.append(TokenScore(float(chosen.logprob), chosen.rank == 1))
    return scores


def _not_started(error: Exception, log: Path) -> Problem:
    said = " ".join(line.strip() for line in str(error).splitlines()[:3])
    return Problem(
        f"vLLM did not start: {type(error).__name__}: {said}",
        where="engine",
        fix=f"see {log}; the usual keys are engine.max_model_len, kv_cache_gib and gpu_memory_utilization",
    )


def _broken_swap(error: Exception, log: Path) -> Problem:
    return Problem(
        f"the swap failed half-way: {type(error).__name__}: {error}",
        where="engine",
        fix=f"the engine was closed, since nobody knows what it holds; see {log}",
    )
