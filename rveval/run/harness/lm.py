"""An lm-eval `LM` over our engine that forgets nothing: each answer keeps how it ended and what it cost.

Silence is what it refuses: a prompt that does not fit with its answer's budget, a chat template that drops a message,
decoding parameters that it does not know. lm-eval's own backend cuts, drops or ignores those.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from rveval.benchmarks.upstream import DECODING
from rveval.engine import Answer, Engine, Progress, Request
from rveval.errors import DoesNotFit, Failed, Problem
from rveval.run.harness import chat

_SHOWN = 5
_encoded: WeakKeyDictionary[Any, dict[tuple[bool, str], tuple[int, ...]]] = WeakKeyDictionary()
"""Token ids by tokenizer and text, for as long as the engine lives: every variant of a sweep is asked the same."""


@dataclass(frozen=True)
class Decoding:
    """What the config says of decoding; None leaves it to the task."""

    max_gen_toks: int | None
    temperature: float
    top_p: float
    seed: int
    top_k: int = 0
    min_p: float = 0.0


@dataclass(frozen=True)
class Taken:
    """One answer with its prompt, as the engine saw both."""

    prompt: str
    n_prompt_tokens: int
    answer: Answer


@dataclass(frozen=True)
class Weighed:
    """One given text with its prompt, the prompt's tokens, and what the engine thinks of the text."""

    prompt: str
    n_prompt_tokens: int
    text: str
    logprob: float
    greedy: bool


@dataclass
class Notes:
    """What was kept beside the strings that lm-eval gets: answers by (task, doc_id), in order of their samples.

    `weighed` are the texts that were scored instead, in the order in which the task names them.
    `limits` and `stops` are what requests were really decoded with: token limits, and sets of stop strings.
    """

    taken: dict[tuple[str, int], list[Taken]] = field(default_factory=lambda: defaultdict(list))
    weighed: dict[tuple[str, int], list[Weighed]] = field(default_factory=lambda: defaultdict(list))
    limits: set[int] = field(default_factory=set)
    stops: set[tuple[str, ...]] = field(default_factory=set)
    generate_s: float = 0.0


class EngineLM(LM):  # type: ignore[misc]
    """lm-eval's view of an engine.

    Args:
        engine: answers token prompts.
        decoding: the config's decoding.
        use_chat: whether prompts were rendered by the chat template, and so hold their special tokens already.
        template: arguments of the chat template.
        progress: told of every finished request.
        order: a seed of the order in which requests are put; None for that of the items.
    """

    def __init__(
        self,
        engine: Engine,
        decoding: Decoding,
        *,
        use_chat: bool,
        template: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        order: str | None = None,
    ) -> None:
        super().__init__()
        self._order = order
        self._engine = engine
        self._decoding = decoding
        self._chat = use_chat
        self._template = dict(template or {})
        self._progress = progress
        self.notes = Notes()

    @property
    def tokenizer_name(self) -> str:
        """What prompts are rendered with, as a name: lm-eval and `tasks` keep rendered prompts by it."""
        tokenizer = self._engine.tokenizer
        rendered_by = [str(getattr(tokenizer, "chat_template", None)), *([self._template] if self._template else [])]
        template = hashlib.sha256(str(rendered_by).encode()).hexdigest()[:16]
        return f"{tokenizer.name_or_path}-{template}".replace("/", "__")

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        return chat.render(
            self._engine.tokenizer, chat_history, self._template, add_generation_prompt=add_generation_prompt
        )

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        asked = [self._request(instance, sample) for instance, sample in _numbered(requests)]
        self._fits(requests, asked)
        started = time.perf_counter()
        places = self._places(len(asked))
        answered = self._engine.generate([asked[place] for place in places], self._progress)
        answers = [answer for _, answer in sorted(zip(places, answered, strict=True), key=lambda pair: pair[0])]
        self.notes.generate_s += time.perf_counter() - started
        for instance, request, answer in zip(requests, asked, answers, strict=True):
            taken = Taken(instance.args[0], len(request.prompt), answer)
            self.notes.taken[_key(instance)].append(taken)
            self.notes.limits.add(request.max_tokens)
            self.notes.stops.add(request.stop)
        return [answer.text for answer in answers]

    def _places(self, n: int) -> list[int]:
        """The order in which n requests are put."""
        return list(range(n)) if self._order is None else Random(self._order).sample(range(n), n)

    def _request(self, instance: Instance, sample: int) -> Request:
        prompt, wanted = instance.args
        unknown = sorted(set(wanted) - DECODING)
        if unknown:
            raise Failed(
                Problem(
                    f"decoding parameters that this engine does not know: {', '.join(unknown)}",
                    where=f"generation_kwargs of {instance.task_name}",
                    expected=", ".join(sorted(DECODING)),
                )
            )
        until = wanted.get("until") or []
        return Request(
            prompt=self._encode(prompt),
            max_tokens=self._decoding.max_gen_toks or int(wanted.get("max_gen_toks", 256)),
            stop=tuple([until] if isinstance(until, str) else until),
            temperature=self._decoding.temperature,
            top_p=self._decoding.top_p,
            top_k=self._decoding.top_k,
            min_p=self._decoding.min_p,
            seed=_seed(self._decoding.seed, *_key(instance), sample),
        )

    def _encode(self, text: str) -> tuple[int, ...]:
        # A rendered chat template holds its special tokens as text; a plain prompt gets the tokenizer's own (BOS).
        tokenizer = self._engine.tokenizer
        known = _encoded.setdefault(tokenizer, {})
        if (self._chat, text) not in known:
            known[(self._chat, text)] = tuple(tokenizer.encode(text, add_special_tokens=not self._chat))
        return known[(self._chat, text)]

    def _fits(self, instances: Sequence[Instance], asked: Sequence[Request]) -> None:
        room = self._engine.max_model_len
        long = [
            Problem(
                "the prompt and its answer do not fit",
                where=f"{instance.task_name}, item {instance.doc.get('item_id', instance.doc_id)}",
                expected=f"at most {room} tokens (engine.max_model_len)",
                found=f"{len(request.prompt)} of prompt and {request.max_tokens} of answer",
                fix="raise engine.max_model_len, or lower max_gen_toks or num_fewshot",
            )
            for instance, request in zip(instances, asked, strict=True)
            if len(request.prompt) + request.max_tokens > room
        ]
        if long:
            more = [Problem(f"and {len(long) - _SHOWN} more items that do not fit")] if len(long) > _SHOWN else []
            raise DoesNotFit(long[:_SHOWN] + more)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        pairs = [self._pair(*instance.args) for instance in requests]
        self._short_enough(requests, [len(context) + len(rest) for context, rest in pairs])
        started = time.perf_counter()
        places = self._places(len(pairs))
        found_at = dict(zip(places, self._engine.score([pairs[at][0] + pairs[at][1] for at in places]), strict=True))
        scored = [found_at[place] for place in range(len(pairs))]
        self.notes.generate_s += time.perf_counter() - started
        found = []
        for instance, (context, rest), scores in zip(requests, pairs, scored, strict=True):
            own = scores[len(scores) - len(rest) :]
            found.append((sum(score.logprob for score in own), all(score.greedy for score in own)))
            weighed = Weighed(instance.args[0], len(context), instance.args[1], *found[-1])
            self.notes.weighed[_key(instance)].append(weighed)
        if self._progress:
            self._progress(len({_key(instance) for instance in requests}))
        return found

    def _pair(self, context: str, continuation: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Token ids of both; blanks at the end of the context belong to the continuation, as lm-eval has it."""
        blanks = len(context) - len(context.rstrip())
        if blanks:
            context, continuation = context[:-blanks], context[-blanks:] + continuation
        if not context:
            return (self._start(),), self._bare(continuation)
        before, whole = self._encode(context), self._encode(context + continuation)
        # Where the last token of the context takes the whole continuation in, there is nothing left to score after it.
        return before, whole[len(before) :] or self._bare(continuation)

    def _bare(self, text: str) -> tuple[int, ...]:
        return tuple(self._engine.tokenizer.encode(text, add_special_tokens=False))

    def _start(self) -> int:
        """What stands before a text that nothing stands before."""
        tokenizer = self._engine.tokenizer
        for token in (tokenizer.bos_token_id, tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        raise Failed(Problem("the tokenizer has neither a BOS nor an EOS token, so a text alone can't be scored"))

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        prompts = [self._pair("", instance.args[0]) for instance in requests]
        self._short_enough(requests, [1 + len(rest) for _, rest in prompts])
        scored = self._engine.score([start + rest for start, rest in prompts])
        return [sum(score.logprob for score in scores) for scores in scored]

    def _short_enough(self, instances: Sequence[Instance], lengths: Sequence[int]) -> None:
        room = self._engine.max_model_len - 1
        long = [
            Problem(
                "the text to score does not fit",
                where=f"{instance.task_name}, item {instance.doc.get('item_id', instance.doc_id)}",
                expected=f"at most {room} tokens",
                found=str(length),
                fix="raise engine.max_model_len or lower num_fewshot",
            )
            for instance, length in zip(instances, lengths, strict=True)
            if length > room
        ]
        if long:
            raise DoesNotFit(long[:_SHOWN])


def _key(instance: Instance) -> tuple[str, int]:
    return str(instance.task_name), int(instance.doc_id or 0)


def _numbered(instances: Sequence[Instance]) -> list[tuple[Instance, int]]:
    """Each request with the number of its sample: lm-eval repeats a request once for every sample asked for."""
    seen: dict[tuple[str, int], int] = defaultdict(int)
    numbered = []
    for instance in instances:
        numbered.append((instance, seen[_key(instance)]))
        seen[_key(instance)] += 1
    return numbered


def _seed(seed: int, task: str, doc_id: int, sample: int) -> int:
    """A seed of its own for every sample, the same in whatever order, subset or process it is asked."""
    text = f"{seed}:{task}:{doc_id}:{sample}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
