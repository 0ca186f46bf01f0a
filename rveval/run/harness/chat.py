"""Chat templates, rendered with a check that nothing was dropped.

Templates that know no system message leave it out or raise, and lm-eval's backend then goes on without it: the score
is of another prompt than the config says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rveval.errors import Failed, Problem, Refused

_SYSTEM, _USER = "rveval probe: system message", "rveval probe: user message"


def render(
    tokenizer: Any,
    messages: Sequence[dict[str, str]],
    template: Mapping[str, Any] | None = None,
    *,
    add_generation_prompt: bool = True,
) -> str:
    """The messages as one prompt; `template` holds arguments of the chat template.

    Raises:
        Failed: the template raises, or a message's text is not in the prompt.
    """
    try:
        text = tokenizer.apply_chat_template(
            list(messages),
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=not add_generation_prompt,
            **(template or {}),
        )
    except Exception as error:
        raise Failed(Problem(f"the chat template failed: {error}", where="chat template", fix="chat=false")) from error
    for message in messages:
        if message["content"].strip() not in text:
            raise Failed(
                Problem(
                    f"the chat template drops or changes the {message['role']} message",
                    where="chat template",
                    expected="the whole message in the prompt",
                    fix="chat=false, or model.system=null where it is the system message",
                )
            )
    return str(text)


def preflight(
    folder: Path, system: str | None, template: Mapping[str, Any] | None = None, *, use_chat: bool = True
) -> None:
    """Read the tokenizer and render a probe before any engine starts.

    Raises:
        Refused: the checkpoint has no readable tokenizer, no chat template, or one that drops a message.
    """
    tokenizer = read_tokenizer(folder)
    if not use_chat:
        return
    if not getattr(tokenizer, "chat_template", None):
        raise Refused(
            Problem("the model has no chat template", where=str(folder), fix="chat=false asks with plain prompts")
        )
    messages = [{"role": "system", "content": _SYSTEM}] if system else []
    try:
        render(tokenizer, [*messages, {"role": "user", "content": _USER}], template)
    except Failed as error:
        raise Refused(error.problems) from error


@cache
def read_tokenizer(folder: Path) -> Any:
    """The tokenizer of a checkpoint.

    Raises:
        Refused: there is none that can be read.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        empty = not tokenizer.encode(_USER, add_special_tokens=False)
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise Refused(Problem(f"the tokenizer can't be read: {said}", where=str(folder))) from error
    if empty:  # where the files are missing, transformers makes one that knows no tokens
        fix = "copy tokenizer.json and tokenizer_config.json from where the model comes from"
        raise Refused(Problem("the model has no tokenizer", where=str(folder), fix=fix))
    return tokenizer
