"""Options that stand in a prompt: where, under which labels, and which of them is right.

Only what can be read without doubt is taken: the texts come from a field of the document, they stand in the prompt
once, in order and under labels that count up, and the target says by label, by place or by text which is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rveval.benchmarks.upstream.load import Doc, Loaded

ONE_BY_ONE = "it scores its options one by one: their order is not in the prompt"
NO_FIELD = "no field of its items lists the options"
NOT_SHOWN = "its options do not stand in the prompt, each under a label of its own"
NO_GOLD = "its target does not say which of the options in the prompt is right"

_LABELS = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "123456789")
_FORMS = (("(", ")"), ("", "."), ("", ")"), ("", ":"))
_LABEL_IN_TARGET = re.compile(r"(?P<before>\s*\(?)(?P<label>\w)(?P<after>[).:]?\s*)")


@dataclass(frozen=True)
class Shown:
    """A prompt taken apart at its options: `head`, then for each option its mark and text, gaps between, then `rest`.

    Args:
        head: everything before the first label.
        marks: what stands before each text, with the label.
        labels: the labels alone.
        texts: the options.
        gaps: what stands between one option and the next label.
        rest: everything after the last text.
        gold: the place of the right one.
        says: how the target says so: "label", "place" or "text".
    """

    head: str
    marks: tuple[str, ...]
    labels: tuple[str, ...]
    texts: tuple[str, ...]
    gaps: tuple[str, ...]
    rest: str
    gold: int = -1
    says: str = ""

    def block(self, labels: Sequence[str], texts: Sequence[str]) -> str:
        """The options as they stand in the prompt, with other labels and texts."""
        marks = [mark.replace(old, new) for mark, old, new in zip(self.marks, self.labels, labels, strict=True)]
        pieces = zip(marks, texts, (*self.gaps, ""), strict=True)
        return "".join(mark + text + gap for mark, text, gap in pieces)


def shown(loaded: Loaded, doc: Doc) -> Shown | str:
    """Where the options of a document stand in its prompt, or why that can't be said."""
    prompt = loaded.prompt(doc)
    lists = list(_lists(loaded, doc))
    for texts in lists:
        if found := _places(prompt, texts):
            return _with_gold(loaded, doc, found)
    if loaded.kind == "multiple_choice":
        return ONE_BY_ONE
    return NOT_SHOWN if lists else NO_FIELD


def _lists(loaded: Loaded, doc: Doc) -> Iterator[list[str]]:
    """Every list of at least two different texts that the document holds, or that the task scores."""
    values = [part for value in doc.values() for part in (value.values() if isinstance(value, dict) else [value])]
    for value in [*values, loaded.choices(doc)]:
        if isinstance(value, list) and len(value) > 1 and all(isinstance(one, str) and one.strip() for one in value):
            texts = [one.strip() for one in value]
            if not all(re.fullmatch(r"[A-Za-z0-9]", one) and one in "ABCDEFGHIJabcdefghij" for one in texts):
                yield texts


def _places(prompt: str, texts: Sequence[str]) -> Shown | None:
    """The one place where the texts stand in order, each behind its label; None for none or several."""
    found = []
    for alphabet in _LABELS:
        labels = tuple(alphabet[: len(texts)])
        for before, after in _FORMS if len(labels) == len(texts) else ():
            marks = [before + label + after for label in labels]
            starts = (match.start() for match in re.finditer(r"(?<!\S)" + re.escape(marks[0]), prompt))
            found += [one for start in starts if (one := _from(prompt, start, marks, labels, texts))]
    return found[0] if len(found) == 1 else None


def _from(prompt: str, start: int, marks: Sequence[str], labels: tuple[str, ...], texts: Sequence[str]) -> Shown | None:
    """The options as they stand from `start` on; None where anything else stands between them."""
    place, shown_marks, gaps = start, [], []
    for number, (mark, text) in enumerate(zip(marks, texts, strict=True)):
        if number:
            gaps.append(_run(prompt, place, " \t\r\n,;"))
            place += len(gaps[-1])
        if (number and not gaps[-1]) or not prompt.startswith(mark, place):
            return None
        shown_marks.append(mark + _run(prompt, place + len(mark), " \t"))
        place += len(shown_marks[-1])
        if not prompt.startswith(text, place):
            return None
        place += len(text)
    if prompt[place : place + 1].isalnum():
        return None
    return Shown(prompt[:start], tuple(shown_marks), labels, tuple(texts), tuple(gaps), prompt[place:])


def _run(prompt: str, place: int, allowed: str) -> str:
    """As many of the allowed characters as stand there."""
    end = place
    while end < len(prompt) and prompt[end] in allowed:
        end += 1
    return prompt[place:end]


def _with_gold(loaded: Loaded, doc: Doc, found: Shown) -> Shown | str:
    target, choices = loaded.raw_target(doc), loaded.choices(doc)
    if isinstance(target, bool) or not isinstance(target, int | str):
        return NO_GOLD
    if isinstance(target, int):
        if not 0 <= target < len(choices):
            return NO_GOLD
        says, text = "place", choices[target]
    else:
        says, text = "label", target
    if (stripped := text.strip()) in found.texts and found.texts.count(stripped) == 1:
        # what is scored is the text itself, wherever it stands
        return replace(found, gold=found.texts.index(stripped), says="text")
    match = _LABEL_IN_TARGET.fullmatch(text)
    if match is None or match["label"] not in found.labels:
        return NO_GOLD
    if choices and [one.strip(" ().:") for one in choices[: len(found.labels)]] != list(found.labels):
        return NO_GOLD
    return replace(found, gold=found.labels.index(match["label"]), says=says)


def target(loaded: Loaded, doc: Doc, before: Shown, gold: int, labels: Sequence[str]) -> Any:
    """The document's target once the right option stands at `gold`, under these labels; in the form it had."""
    old = loaded.raw_target(doc)
    if before.says == "text":
        return old
    if before.says == "place":
        return gold
    return _LABEL_IN_TARGET.sub(lambda match: match["before"] + labels[gold] + match["after"], old, count=1)


def choices(loaded: Loaded, doc: Doc, before: Shown, labels: Sequence[str]) -> list[str] | None:
    """What a multiple-choice task scores once its options have other labels; None where that stays the same."""
    if before.says == "text" or tuple(labels) == before.labels or not loaded.choices(doc):
        return None
    return [one.replace(old, new) for one, old, new in zip(loaded.choices(doc), before.labels, labels, strict=False)]
