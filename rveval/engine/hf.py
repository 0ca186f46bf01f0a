"""The transformers engine: the same variant from a merged checkpoint on disk, as an independent reference.

It shares nothing with the vLLM path but the arithmetic: the variant is written out, loaded by `from_pretrained`, and
decoded by `generate` with every parameter set, since a model's own `generation_config.json` would otherwise decide.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.engine.base import Answer, Progress, Request, TokenScore
from rveval.engine.tokens import context_length, end_tokens
from rveval.errors import Failed, Problem
from rveval.recipe import Recipe, write_merged

if TYPE_CHECKING:
    from rveval.config import EngineConfig

_CUT_CHARACTER = "\N{REPLACEMENT CHARACTER}"


class HfEngine:
    """Serves one variant with plain transformers, on the GPU where there is one.

    Args:
        recipe: the variant; written to a temporary folder and loaded from there.
        config: engine settings; `batch_size` requests are decoded together.
    """

    def __init__(self, recipe: Recipe, config: EngineConfig) -> None:
        import torch
        from transformers import AutoTokenizer

        self._config = config
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.recipe = recipe
        self._model: Any = self._load(recipe)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(recipe.base)
        self.max_model_len = config.max_model_len or context_length(Path(recipe.base))
        self._ends = end_tokens(Path(recipe.base), self.tokenizer)

    def _load(self, recipe: Recipe) -> Any:
        import torch
        import transformers

        blank: Any = transformers.GenerationConfig
        with tempfile.TemporaryDirectory(prefix="rveval-merged-") as place:
            folder = write_merged(recipe, Path(place) / "model")
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, recipe.dtype))
            # What `_decoding` leaves unset, `generate` would fill in from the model's own generation_config.json.
            model.generation_config = blank()
            return model.to(self._device).eval()

    def describe(self) -> dict[str, Any]:
        import torch
        import transformers

        name = torch.cuda.get_device_name() if self._device == "cuda" else "cpu"
        return {
            "kind": "hf",
            "version": transformers.__version__,
            "device": self._device,
            "device_name": name,
            "dtype": self.recipe.dtype,
            "tensor_parallel_size": 1,
            "max_num_seqs": self._config.batch_size,
            "max_model_len": self.max_model_len,
        }

    def swap(self, recipe: Recipe) -> float:
        """Not offered: each variant is loaded afresh, which is what makes this engine a reference."""
        raise Failed(Problem("engine=hf loads every variant afresh and swaps nothing", where="engine"))

    def generate(self, requests: Sequence[Request], progress: Progress | None = None) -> list[Answer]:
        answers: dict[int, Answer] = {}
        for batch in self._batches(requests):
            found = self._generate([requests[index] for index in batch])
            answers |= dict(zip(batch, found, strict=True))
            if progress:
                progress(len(batch))
        return [answers[index] for index in range(len(requests))]

    def _batches(self, requests: Sequence[Request]) -> Iterator[list[int]]:
        """Indices decoded together: alike in everything but the prompt, of similar length to spare padding."""

        def alike(index: int) -> tuple[Any, ...]:
            r = requests[index]
            # A sampled request has a seed of its own, so it can share a batch with nobody.
            chosen = (r.temperature, r.top_p, r.top_k, r.min_p)
            return (r.max_tokens, r.stop, chosen, index if r.temperature > 0 else 0)

        order = sorted(range(len(requests)), key=lambda index: (alike(index), len(requests[index].prompt)))
        batch: list[int] = []
        for index in order:
            if batch and (len(batch) == self._config.batch_size or alike(batch[0]) != alike(index)):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _generate(self, batch: Sequence[Request]) -> list[Answer]:
        import torch

        ids, mask = self._padded([request.prompt for request in batch])
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(batch[0].seed)
            out = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=self._decoding(batch[0]),
                stopping_criteria=self._stopping(batch[0].stop, ids.shape[1]),
                return_dict_in_generate=True,
                output_logits=True,
            )
        logprobs = torch.stack(out.logits, dim=1).float().log_softmax(-1)
        tokens = out.sequences[:, ids.shape[1] :]
        chosen = logprobs.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
        return [self._answer(r, t.tolist(), c) for r, t, c in zip(batch, tokens, chosen, strict=True)]

    def _decoding(self, request: Request) -> Any:
        import transformers

        make: Any = transformers.GenerationConfig
        sampled = request.temperature > 0
        return make(
            max_new_tokens=request.max_tokens,
            do_sample=sampled,
            temperature=request.temperature if sampled else 1.0,
            top_p=request.top_p if sampled else 1.0,
            top_k=request.top_k if sampled else 0,
            min_p=request.min_p or None if sampled else None,
            num_beams=1,
            repetition_penalty=1.0,
            no_repeat_ngram_size=0,
            eos_token_id=list(self._ends),
            pad_token_id=self._ends[0],
        )

    def _stopping(self, stops: Sequence[str], width: int) -> Any:
        """Ends a row at a stop string in its own answer; transformers' own also ends at one that the prompt begins."""
        import torch
        import transformers

        def said(ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            texts = [self._text(row.tolist()) for row in ids[:, width:]]
            return torch.tensor([any(stop in text for stop in stops) for text in texts], device=ids.device)

        make: Any = transformers.StoppingCriteriaList
        return make([said] if stops else [])

    def _padded(self, prompts: Sequence[Sequence[int]]) -> tuple[Any, Any]:
        """Left-padded ids and mask, int64, (requests, longest prompt)."""
        import torch

        width = max(len(prompt) for prompt in prompts)
        ids = torch.full((len(prompts), width), self._ends[0], dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt, dtype=torch.int64)
            mask[row, width - len(prompt) :] = 1
        return ids.to(self._device), mask.to(self._device)

    def _answer(self, request: Request, tokens: list[int], logprobs: Any) -> Answer:
        """Cut at the end token or the first stop string, whichever a reader of the text meets first."""
        ended = next((at for at, token in enumerate(tokens) if token in self._ends), None)
        own = tokens if ended is None else tokens[: ended + 1]
        text = self._text(own)
        stop = min((stop for stop in request.stop if stop in text), key=text.find, default="")
        if stop:
            own = self._until(own, request.stop)
            text = text[: text.find(stop)]
        reason = "stop" if stop or ended is not None else "length"
        return Answer(text, tuple(own), reason, float(logprobs[: len(own)].sum()), stop)

    def _text(self, tokens: Sequence[int]) -> str:
        """What a reader has seen, as vLLM counts it: no end token (also one that is no special token), and nothing of
        a last character whose bytes are not all there."""
        if tokens and tokens[-1] in self._ends:
            tokens = tokens[:-1]
        for size in range(len(tokens), 0, -1):
            text: str = self.tokenizer.decode(list(tokens[:size]), skip_special_tokens=True)
            if not text.endswith(_CUT_CHARACTER):
                return text
        return ""

    def _until(self, tokens: list[int], stops: Sequence[str]) -> list[int]:
        """The fewest tokens whose text holds a stop string."""
        for size in range(1, len(tokens) + 1):
            text = self._text(tokens[:size])
            if any(stop in text for stop in stops):
                return tokens[:size]
        return tokens

    def score(self, prompts: Sequence[Sequence[int]]) -> list[list[TokenScore]]:
        import torch

        scored = []
        for prompt in prompts:
            ids = torch.tensor([list(prompt)], device=self._device)
            with torch.no_grad():
                logprobs = self._model(input_ids=ids).logits[0, :-1].float().log_softmax(-1)
            best = logprobs.argmax(-1)
            chosen = logprobs.gather(-1, ids[0, 1:].unsqueeze(-1)).squeeze(-1)
            pairs = zip(chosen.tolist(), (best == ids[0, 1:]).tolist(), strict=True)
            scored.append([TokenScore(logprob, greedy) for logprob, greedy in pairs])
        return scored

    def close(self) -> None:
        self._model = None
        gc.collect()
