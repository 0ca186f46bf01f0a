"""What a family is: what it is called, what it does, where it applies, and what must survive it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from rveval.perturb.item import How, Item, Traits

Change = Callable[[Item, Random, How], Item]


def applies_to_all(traits: Traits) -> str:
    """For `why_not`: no reason against any benchmark."""
    return ""


def same_answer(before: Item, after: Item) -> str:
    """For `lost`: nothing that decides what is right may have changed at all."""
    for name in ("answer", "options", "labels", "gold", "entry_point", "test"):
        if getattr(before, name) != getattr(after, name):
            return f"{name} changed"
    return ""


@dataclass(frozen=True)
class Family:
    """One way to change a prompt.

    Args:
        name: as in task names: lower-case letters only.
        summary: what it does, in half a sentence.
        change: from an item to the changed item; draws from the given generator only.
        why_not: for an item's traits, why the family does not apply; "" where it does.
        lost: for an item before and after, what of the right answer was lost; "" where it survived.
        version: raised by its author when what it makes of an item changes.
        rank: where it stands in tables; families of one rank are in alphabetical order.
        has_strength: whether `How.strength` means something to it.
        decides: what it settles for the whole item, which only one family of a composition can: a new "problem" with
            a new answer, the "order" or the "labels" of the options, the "cue" to reason or not to.
        after: what has to be settled before it in a composition: a hint that names a label is wrong once the labels
            change.
        steps: what it has to do with reasoning step by step: it "asks" for it, "shows" it, or "forbids" it.
        variant_of: the family that it is a part of ("think" for one that only knows prefixes); the suites' word `all`
            stands for the families that are no variants.
        on_any_prompt: whether it needs to know nothing of a prompt but that it is a question, with options where it
            is about options: whether it may be used on lm-eval's own tasks.
        edits_words: whether it changes the question's own text, and so keeps off unknown prompts that hold code.
        in_tiny_training: whether the tiny models saw it in training, or it stays within what they saw.
    """

    name: str
    summary: str
    change: Change
    why_not: Callable[[Traits], str] = applies_to_all
    lost: Callable[[Item, Item], str] = same_answer
    version: int = 1
    rank: int = 1000
    has_strength: bool = False
    decides: Literal["", "problem", "order", "labels", "cue"] = ""
    after: tuple[str, ...] = ()
    steps: Literal["", "asks", "shows", "forbids"] = ""
    variant_of: str = ""
    on_any_prompt: bool = False
    edits_words: bool = False
    in_tiny_training: bool = False
