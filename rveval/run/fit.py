"""Whether every prompt fits with its answer, known before anything starts: from the tokenizer's file, without torch.

A model without `tokenizer.json`, or with a template that can't be rendered here, is left to the check at run time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rveval.config import Config
from rveval.engine.tokens import context_length
from rveval.errors import Problem, cache_dir
from rveval.run import prompts
from rveval.run.cells import Cell, Plan

_AT_LEAST = ("task", "draw", "strength", "seed", "data", "prompt")


def problems(plan: Plan) -> list[Problem]:
    """One problem for each task that is left and has a prompt that does not fit with its answer's token limit."""
    counter = counter_of(Path(plan.recipe.base))
    if counter is None:
        return []
    room = plan.config.engine.max_model_len or context_length(Path(plan.recipe.base))
    distinct = {(cell.task, cell.asked.draw): cell for cell in plan.left if not cell.asked.repeat}
    return [found for cell in distinct.values() if (found := _too_long(cell, plan.config, counter, room))]


def words(plan: Plan) -> str:
    """What is known of a plan's prompts, for people."""
    counter = counter_of(Path(plan.recipe.base))
    if counter is None:
        return f"whether every prompt fits is known at run time only: {plan.recipe.base} has no tokenizer.json"
    room = plan.config.engine.max_model_len or context_length(Path(plan.recipe.base))
    return f"every prompt fits with its answer: {room:,} tokens (engine.max_model_len{counter.own_words})"


@dataclass(frozen=True)
class Counter:
    """Counts tokens as the model's tokenizer does, and writes conversations as its chat template does."""

    folder: Path
    tokenizer: Any
    longest_context: int | None

    @property
    def own_words(self) -> str:
        """The model's own maximum, for people."""
        return f"; the model itself takes {self.longest_context:,}" if self.longest_context else ""

    def count(self, text: str, *, special: bool = False) -> int:
        """Tokens of a text; `special`: with those the tokenizer itself adds."""
        return len(self.tokenizer.encode(text, add_special_tokens=special).ids)

    def put(self, prompt: str, config: Config) -> str | None:
        """A prompt as the config puts it; None where the chat template can't be rendered here."""
        if not config.use_chat:
            return prompt
        template = _chat_template(self.folder)
        system = [{"role": "system", "content": config.model.system}] if config.model.system else []
        messages = [*system, {"role": "user", "content": prompt}]
        try:
            return None if template is None else template(messages, config.template)
        except Exception:  # noqa: BLE001 - a template is a program of the model's; the run reports what is wrong with it
            return None


@cache
def counter_of(folder: Path) -> Counter | None:
    """The counter of a model's folder; None where it has no `tokenizer.json` that can be read."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except Exception:  # noqa: BLE001 - `tokenizers` raises plain Exception
        return None
    longest = config.get("text_config", config).get("max_position_embeddings")
    return Counter(folder, tokenizer, longest)


def _too_long(cell: Cell, config: Config, counter: Counter, room: int) -> Problem | None:
    limit = prompts.token_limit(cell.asked, config.max_gen_toks)
    number = prompts.shots(cell.asked, config.num_fewshot)
    shown = prompts.demonstrations(cell.asked, None) if number else []
    empty = counter.put("", config)
    around = len((empty or "").encode())
    # A token is a byte at least: most tasks are known to fit without a look at their tokens.
    if _longest(cell, config) + around + number * max(map(_bytes, shown), default=0) + limit <= room:
        return None
    before = number * min(map(counter.count, shown), default=0)  # which ones are drawn is known only at run time
    sizes = [before + _size(text, config, counter) for text in _rendered(cell, config)]
    if max(sizes) + limit <= room:
        return None
    over, most = sum(size + limit > room for size in sizes), max(sizes)
    enough = counter.longest_context is None or most + limit <= counter.longest_context
    fix = f"engine.max_model_len={most + limit}" if enough else "lower max_gen_toks or num_fewshot"
    return Problem(
        f"{over} of {len(sizes)} prompts do not fit with their answers",
        where=cell.task,
        expected=f"at most {room:,} tokens (engine.max_model_len{counter.own_words})",
        found=f"up to {most:,} of prompt and {limit:,} of answer",
        fix=fix,
    )


def _size(text: str, config: Config, counter: Counter) -> int:
    put = counter.put(text, config)
    return counter.count(text) if put is None else counter.count(put, special=not config.use_chat)


def _rendered(cell: Cell, config: Config) -> list[str]:
    return prompts.render(cell.asked, config.seed, cell.n_items)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _longest(cell: Cell, config: Config) -> int:
    """Bytes of a task's longest prompt, remembered: to perturb every item takes minutes for the largest suites."""
    known = {name: cell.settings[name] for name in _AT_LEAST} | {"items": cell.n_items}
    name = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:32]
    file = cache_dir() / "prompts" / name
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        longest = max(map(_bytes, _rendered(cell, config)))
    with suppress(OSError):  # where it can't be remembered, it is found out again
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(longest))
    return longest


@cache
def _chat_template(folder: Path) -> Callable[[Sequence[Mapping[str, str]], Mapping[str, Any]], str] | None:
    """The model's chat template, in the sandbox and with the names that transformers gives it."""
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    settings = _settings(folder)
    file = folder / "chat_template.jinja"
    source = file.read_text(encoding="utf-8") if file.is_file() else settings.get("chat_template")
    if isinstance(source, list):
        source = {entry.get("name"): entry.get("template") for entry in source}.get("default")
    if not isinstance(source, str):
        return None

    def refuse(message: str) -> None:
        raise ValueError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = lambda value, **how: json.dumps(value, ensure_ascii=False, **how)
    environment.globals["raise_exception"] = refuse
    template = environment.from_string(source)
    tokens = {name: _token(settings.get(name)) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}

    def render(messages: Sequence[Mapping[str, str]], arguments: Mapping[str, Any]) -> str:
        return template.render(**tokens | {"messages": messages, "add_generation_prompt": True} | dict(arguments))

    return render


def _settings(folder: Path) -> dict[str, Any]:
    file = folder / "tokenizer_config.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _token(value: Any) -> str:
    return str(value.get("content", "")) if isinstance(value, dict) else value or ""
