"""The documents of a task of lm-eval's under families: what is rendered instead of the task's own question.

A family sees the question, and the options where they can be read off the prompt; the cue for the answer at the end
("Answer:") stays the end. Demonstrations, description and everything else stay lm-eval's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from rveval import perturb
from rveval.benchmarks.upstream import options
from rveval.benchmarks.upstream.find import Ref
from rveval.benchmarks.upstream.load import Doc, Loaded, load
from rveval.benchmarks.upstream.options import Shown
from rveval.errors import RvevalError
from rveval.perturb import Item

PROBED = 50
"""Items that are looked at before a family is accepted."""
HOLDS_CODE = "the prompt holds code"
NOT_APPLICABLE = "the family does not cope with this text"

_CUE = re.compile(
    r"\n\s*(?:A|(?:The |Final |Your |Correct )?(?:answer|solution|response|output|reply)):[^\n]*\Z", re.IGNORECASE
)
_OPTION_LINES = re.compile(r"(?m)^[ \t]*(\(?)A([).:])[ \t]*\S.*\n(?:.*\n)*?[ \t]*\1B\2[ \t]*\S")
_CODE = re.compile(
    r"```|>>>|^\s*(?:def|class|import|from|assert|return|#include|public|function)\b.*[:;()]", re.MULTILINE
)


@dataclass(frozen=True)
class _Parts:
    """A prompt: blanks, the question, then either options and the rest, or what no family may touch."""

    blanks: str
    question: str
    between: str
    shown: Shown | None
    rest: str
    why: str = ""


def documents(
    ref: Ref, families: str, *, seed: int = 0, draw: int = 0, strength: float | None = None, limit: int | None = None
) -> list[Doc]:
    """The documents of a task as they are asked, or the first ones with `limit`.

    Each has `rv_item_id`, `rv_changed`, `rv_left_alone`; under families also `rv_prompt`, the question to render,
    and where its options can move `rv_target` and `rv_choices`.

    Raises:
        Refused: the task can't be built.
    """
    loaded = load(ref)
    docs = loaded.docs[:limit]
    if not perturb.names(families):
        return [doc | {"rv_changed": False, "rv_left_alone": ""} for doc in docs]
    parts = [_parts(loaded, doc) for doc in docs]
    clean = [_item(loaded, doc, one) for doc, one in zip(docs, parts, strict=True)]
    free = [place for place, one in enumerate(parts) if not _kept(one, families)]
    done = [_perturbed(clean[i], families, seed, draw, strength) for i in free]
    asked = dict(zip(free, done, strict=True))
    return [
        _document(loaded, doc, parts[place], clean[place], asked.get(place) or clean[place].leave(HOLDS_CODE), families)
        for place, doc in enumerate(docs)
    ]


def _perturbed(item: Item, families: str, seed: int, draw: int, strength: float | None) -> Item:
    """The item under families; as it was where one of them does not cope with a text that nobody has foreseen."""
    try:
        return perturb.perturb([item], families, seed=seed, draw=draw, strength=strength)[0]
    except RvevalError:
        return item.leave(f"{NOT_APPLICABLE}: the right answer would not survive")
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return item.leave(f"{NOT_APPLICABLE}: {type(error).__name__}")


def _kept(parts: _Parts, families: str) -> bool:
    """Whether nothing is done to an item: families that change words know nothing of code in an unknown prompt."""
    edits = any(perturb.FAMILIES[name].edits_words for name in perturb.names(families))
    return edits and _CODE.search(parts.question) is not None


def _parts(loaded: Loaded, doc: Doc) -> _Parts:
    found = options.shown(loaded, doc) if loaded.kind in ("multiple_choice", "generate_until") else options.NO_FIELD
    if isinstance(found, Shown):
        return _split(found.head, found, found.rest)
    prompt = loaded.prompt(doc)
    cut = _OPTION_LINES.search(prompt) or _CUE.search(prompt)
    end = cut.start() if cut else len(prompt)
    parts = _split(prompt[:end], None, prompt[end:])
    return _Parts(parts.blanks, parts.question, parts.between, None, parts.rest, found)


def _split(head: str, shown: Shown | None, rest: str) -> _Parts:
    question = head.strip()
    start = head.find(question)
    return _Parts(head[:start], question, head[start + len(question) :], shown, rest)


def _item(loaded: Loaded, doc: Doc, parts: _Parts) -> Item:
    item = Item(doc["rv_item_id"], perturb.UNKNOWN, parts.question, loaded.target(doc))
    if parts.shown is None:
        return item
    return replace(item, options=parts.shown.texts, labels=parts.shown.labels, gold=parts.shown.gold)


def _document(loaded: Loaded, doc: Doc, parts: _Parts, clean: Item, asked: Item, families: str) -> Doc:
    prompt, before = _rendered(parts, asked), loaded.prompt(doc)
    left = list(asked.left_alone)
    settled = {perturb.FAMILIES[name].decides for name in perturb.names(families)}
    if parts.shown is None and settled & {"order", "labels"}:
        left = [parts.why]
    made: dict[str, Any] = {"rv_prompt": prompt, "rv_changed": prompt != before, "rv_left_alone": "; ".join(left)}
    if parts.shown is not None and asked.gold is not None:
        made["rv_target"] = options.target(loaded, doc, parts.shown, asked.gold, asked.labels)
        made["rv_choices"] = options.choices(loaded, doc, parts.shown, asked.labels)
    return doc | made


def _rendered(parts: _Parts, asked: Item) -> str:
    """The prompt again; lines of families stand after everything but the cue for the answer."""
    body = asked.question
    text = parts.blanks + "".join(f"{paragraph}\n\n" for paragraph in asked.before) + body + parts.between
    text += parts.shown.block(asked.labels, asked.options) if parts.shown else ""
    rest = parts.rest
    if not asked.after:
        return text + rest
    cue = _CUE.search(rest)
    end = cue.start() if cue else len(rest.rstrip())
    return text + rest[:end] + "".join(f"\n{line}" for line in asked.after) + rest[end:]
