"""What an engine is: a served model whose weights can be changed, that answers token prompts.

Everything is explicit in `Decoding`: a model's own `generation_config.json` (Qwen2.5's carries a repetition penalty)
never decides in silence how a variant is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rveval.recipe import Recipe

Progress = Callable[[int], None]
"""Called with the number of requests that have just been finished."""


@dataclass(frozen=True)
class Request:
    """One prompt and how it is decoded.

    Args:
        prompt: token ids.
        max_tokens: the most tokens that are generated.
        stop: strings that end the answer; not part of it.
        temperature: 0 is greedy.
        top_p: nucleus, in (0, 1].
        top_k: the most likely tokens to sample from; 0 is all.
        min_p: the least probability of a token, as a share of the likeliest one's.
        seed: of this request's sampling; unused when greedy.
    """

    prompt: tuple[int, ...]
    max_tokens: int
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """What an engine made of a request.

    Args:
        text: the answer without its stop string.
        tokens: generated token ids, with the end token if there was one.
        finish_reason: `stop` or `length`.
        logprob: sum of the generated tokens' log-probabilities (natural), not finite where the variant is broken.
        stop_string: the stop string that ended it; "" where a token or the limit did.
    """

    text: str
    tokens: tuple[int, ...]
    finish_reason: str
    logprob: float
    stop_string: str = ""


@dataclass(frozen=True)
class TokenScore:
    """Log-probability of one given token, and whether it was the most likely one."""

    logprob: float
    greedy: bool


class Engine(Protocol):
    """A served model. `recipe` is what it serves now, and only `swap` changes that."""

    recipe: Recipe
    tokenizer: Any
    max_model_len: int

    def describe(self) -> dict[str, Any]:
        """Kind, version, device, dtype, tensor parallel size, batch limit: what can change an answer."""
        ...

    def swap(self, recipe: Recipe) -> float:
        """Serve another variant of the same base.

        Returns:
            Seconds until the engine could answer again.

        Raises:
            Failed: the swap went wrong; the engine is closed, for nobody knows what it holds.
        """
        ...

    def generate(self, requests: Sequence[Request], progress: Progress | None = None) -> list[Answer]:
        """Answers in the order of the requests."""
        ...

    def score(self, prompts: Sequence[Sequence[int]]) -> list[list[TokenScore]]:
        """For each prompt, the score of every token but the first, given those before it."""
        ...

    def close(self) -> None:
        """Give back memory and processes; may be called twice."""
        ...
