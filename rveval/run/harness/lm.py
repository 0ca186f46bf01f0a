"""An lm-eval `LM` over our engine that forgets nothing: each answer keeps how it ended and what it cost.

Silence is what it refuses: a prompt that does not fit with its answer's budget, a chat template that drops a message,
decoding parameters that it does not know. lm-eval's own backend cuts, drops or ignores those.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from rveval.benchmarks.upstream import DECODING
from rveval.config import Config
from rveval.engine import Answer, Engine, Progress, Request, TokenScore
from rveval.errors import DoesNotFit, Failed, Problem
from rveval.run.harness import chat

_T = TypeVar("_T")
_U = TypeVar("_U")
_SHOWN = 5
_DEFAULT_MAX_TOKENS = 256  # lm-eval's own
_encoded: WeakKeyDictionary[Any, dict[tuple[bool, str], tuple[int, ...]]] = WeakKeyDictionary()
"""Token ids by tokenizer and text, for as long as the engine lives: every variant of a sweep is asked the same."""

ItemKey = tuple[str, int]
"""A task's name and the number of a document in it."""


@dataclass(frozen=True)
class Reply:
    """One answer with its prompt, as the engine saw both."""

    prompt: str
    n_prompt_tokens: int
    answer: Answer


@dataclass(frozen=True)
class ScoredText:
    """One given text with its prompt, the prompt's tokens, and what the engine thinks of the text."""

    prompt: str
    n_prompt_tokens: int
    text: str
    logprob: float
    greedy: bool


@dataclass
class Transcript:
    """What was kept beside the strings and numbers that lm-eval gets.

    Args:
        replies: the answers to each item, in order of their samples.
        scored: the texts that were scored instead, in the order in which the task names them.
        limits, stops: what requests were really decoded with: token limits, and sets of stop strings.
        generate_s: seconds in the engine.
    """

    replies: dict[ItemKey, list[Reply]] = field(default_factory=lambda: defaultdict(list))
    scored: dict[ItemKey, list[ScoredText]] = field(default_factory=lambda: defaultdict(list))
    limits: set[int] = field(default_factory=set)
    stops: set[tuple[str, ...]] = field(default_factory=set)
    generate_s: float = 0.0


class EngineLM(LM):  # type: ignore[misc]
    """lm-eval's view of an engine.

    Args:
        engine: answers token prompts.
        config: its decoding wins over the task's; with `use_chat`, prompts were rendered by the chat template, and so
            hold their special tokens already.
        progress: told of every finished request.
        order: a seed of the order in which requests are put; None for that of the items.
    """

    def __init__(
        self, engine: Engine, config: Config, *, progress: Progress | None = None, order: str | None = None
    ) -> None:
        super().__init__()
        self._engine = engine
        self._config = config
        self._progress = progress
        self._order = order
        self.transcript = Transcript()

    @property
    def tokenizer_name(self) -> str:
        """What prompts are rendered with, as a name: lm-eval and `tasks` keep rendered prompts by it."""
        tokenizer, arguments = self._engine.tokenizer, dict(self._config.template)
        rendered_by = [str(getattr(tokenizer, "chat_template", None)), *([arguments] if arguments else [])]
        template = hashlib.sha256(str(rendered_by).encode()).hexdigest()[:16]
        return f"{tokenizer.name_or_path}-{template}".replace("/", "__")

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        tokenizer, arguments = self._engine.tokenizer, self._config.template
        return chat.render(tokenizer, chat_history, arguments, add_generation_prompt=add_generation_prompt)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        asked = [self._request(instance, sample) for instance, sample in _numbered(requests)]
        sizes = [(len(request.prompt), request.max_tokens) for request in asked]
        self._check_sizes(requests, sizes, "the prompt and its answer do not fit")
        answers = self._in_order(asked, lambda shuffled: self._engine.generate(shuffled, self._progress))
        for instance, request, answer in zip(requests, asked, answers, strict=True):
            reply = Reply(instance.args[0], len(request.prompt), answer)
            self.transcript.replies[_key(instance)].append(reply)
            self.transcript.limits.add(request.max_tokens)
            self.transcript.stops.add(request.stop)
        return [answer.text for answer in answers]

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        pairs = [self._pair(*instance.args) for instance in requests]
        found = []
        for instance, (context, rest), scores in zip(requests, pairs, self._score(requests, pairs), strict=True):
            own = scores[len(scores) - len(rest) :]
            found.append((sum(score.logprob for score in own), all(score.greedy for score in own)))
            text = ScoredText(instance.args[0], len(context), instance.args[1], *found[-1])
            self.transcript.scored[_key(instance)].append(text)
        if self._progress:
            self._progress(len({_key(instance) for instance in requests}))
        return found

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        scored = self._score(requests, [self._pair("", instance.args[0]) for instance in requests])
        return [sum(score.logprob for score in scores) for scores in scored]

    def _in_order(self, asked: Sequence[_T], ask: Callable[[list[_T]], list[_U]]) -> list[_U]:
        """What the engine gives for each request, put to it in the order of this run."""
        number = len(asked)
        places = range(number) if self._order is None else Random(self._order).sample(range(number), number)
        started = time.perf_counter()
        found = dict(zip(places, ask([asked[place] for place in places]), strict=True))
        self.transcript.generate_s += time.perf_counter() - started
        return [found[place] for place in range(number)]

    def _request(self, instance: Instance, sample: int) -> Request:
        prompt, wanted = instance.args
        config = self._config
        unknown = sorted(set(wanted) - DECODING)
        if unknown:
            what = f"decoding parameters that this engine does not know: {', '.join(unknown)}"
            where = f"generation_kwargs of {instance.task_name}"
            raise Failed(Problem(what, where=where, expected=", ".join(sorted(DECODING))))
        until = wanted.get("until") or []
        return Request(
            prompt=self._encode(prompt),
            max_tokens=config.max_gen_toks or int(wanted.get("max_gen_toks", _DEFAULT_MAX_TOKENS)),
            stop=tuple([until] if isinstance(until, str) else until),
            temperature=config.temperature,
            top_p=config.top_p,
            top_k=config.top_k,
            min_p=config.min_p,
            seed=_seed(config.seed, *_key(instance), sample),
        )

    def _encode(self, text: str) -> tuple[int, ...]:
        # A rendered chat template holds its special tokens as text; a plain prompt gets the tokenizer's own (BOS).
        tokenizer, use_chat = self._engine.tokenizer, self._config.use_chat
        known = _encoded.setdefault(tokenizer, {})
        if (use_chat, text) not in known:
            known[use_chat, text] = tuple(tokenizer.encode(text, add_special_tokens=not use_chat))
        return known[use_chat, text]

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

    def _score(
        self, instances: Sequence[Instance], pairs: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]
    ) -> list[list[TokenScore]]:
        """The scores of each pair's tokens; an engine generates one token more, which must fit too."""
        texts = [context + rest for context, rest in pairs]
        self._check_sizes(instances, [(len(text), 1) for text in texts], "the text to score does not fit")
        return self._in_order(texts, self._engine.score)

    def _check_sizes(self, instances: Sequence[Instance], sizes: Sequence[tuple[int, int]], what: str) -> None:
        """Raises DoesNotFit where tokens of a prompt and of its answer are together more than the model takes."""
        room = self._engine.max_model_len
        long = [
            Problem(
                what,
                where=f"{instance.task_name}, item {instance.doc.get('item_id', instance.doc_id)}",
                expected=f"at most {room} tokens (engine.max_model_len)",
                found=f"{prompt} of prompt and {answer} of answer",
                fix="raise engine.max_model_len, or lower max_gen_toks or num_fewshot",
            )
            for instance, (prompt, answer) in zip(instances, sizes, strict=True)
            if prompt + answer > room
        ]
        if long:
            more = [Problem(f"and {len(long) - _SHOWN} more items that do not fit")] if len(long) > _SHOWN else []
            raise DoesNotFit(long[:_SHOWN] + more)


def _key(instance: Instance) -> ItemKey:
    return str(instance.task_name), int(instance.doc_id or 0)


def _numbered(instances: Sequence[Instance]) -> list[tuple[Instance, int]]:
    """Each request with the number of its sample: lm-eval repeats a request once for every sample asked for."""
    seen: dict[ItemKey, int] = defaultdict(int)
    numbered = []
    for instance in instances:
        numbered.append((instance, seen[_key(instance)]))
        seen[_key(instance)] += 1
    return numbered


def _seed(seed: int, task: str, doc_id: int, sample: int) -> int:
    """A seed of its own for every sample, the same in whatever order, subset or process it is asked."""
    text = f"{seed}:{task}:{doc_id}:{sample}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
