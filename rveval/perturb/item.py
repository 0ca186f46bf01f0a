"""What a family changes: one item of a benchmark, taken apart into the pieces of its prompt, with its traits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Traits:
    """What a family may know of a benchmark's prompts. The defaults are those of a prompt that is not known at all.

    Args:
        kind: what the question is. "story": a word problem about people and things, whose counts may be written in
            digits or in words. "order": numbers to put in order. "science": a question about facts. "puzzle": a
            problem over the things that its text names. "code": a function to complete, which nothing may follow.
        fixed: what of the question stays as it is. "layout": its lines, which are a table. "text": all of it (a list
            of words, brackets, an expression, two wordings to compare). "prompt": everything around it, too.
        answer: for answers that are neither an option nor a number nor a word: "brackets" that close a sequence, or
            the words of a list, "sorted".
        lettered: whether it has options, each under a label, that may move and be called otherwise.
        for_tiny_models: whether it is asked of models that know the words of the tiny family's training and no others;
            the prompt stands on one line.
        worked_examples: whether demonstrations show how their answers are found.
    """

    kind: Literal["story", "order", "science", "puzzle", "code", "unknown"] = "unknown"
    fixed: Literal["", "layout", "text", "prompt"] = ""
    answer: Literal["", "brackets", "sorted"] = ""
    lettered: bool = False
    for_tiny_models: bool = False
    worked_examples: bool = True


UNKNOWN = Traits(lettered=True)
"""A prompt that is not rveval's: a question, and options where they can be read off it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item as it will be asked. Every text is without the blanks and line breaks that the layout puts around it.

    Args:
        item_id: stays the same under every family; pairing is equality of ids.
        traits: what may be known of its prompt.
        question: the problem itself, without options that can be moved; for code the stub.
        answer: the right answer as upstream has it: a worked answer that ends in "#### 42", the right option's text, a
            target, a solution.
        options: texts of the options in the order shown; empty where there are none that can be moved.
        labels: what each option is called, in the order shown ("A", "B", ...).
        gold: position of the right option; None where there are no options.
        option_form: how an option is written, with the fields `label` and `text`.
        support: a passage shown before the question; "" for none.
        entry_point: for code, the name of the function.
        test: for code, its tests, which define `check(candidate)`.
        description: what the task is, in a sentence; "" for none.
        instruction: what form the answer should have; "" for none.
        before: paragraphs before everything else.
        after: lines between the instruction and where the answer begins. Always empty for code, where the model
            continues the stub and nothing may follow it.
        left_alone: why families left this item or a part of it as it was.
    """

    item_id: str
    traits: Traits
    question: str
    answer: str
    options: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    gold: int | None = None
    option_form: str = "{label}. {text}"
    support: str = ""
    entry_point: str = ""
    test: str = ""
    description: str = ""
    instruction: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()

    @property
    def is_code(self) -> bool:
        return self.traits.kind == "code"

    def leave(self, why: str) -> Item:
        """The item as it is, with the reason in its record."""
        return replace(self, left_alone=(*self.left_alone, why))


@dataclass(frozen=True, slots=True)
class How:
    """What a family may be told beside the item and the generator.

    Args:
        draw: which realisation this is; families that enumerate (every rotation, every slot) go by it.
        strength: in (0, 1], None for the family's own default.
    """

    draw: int = 0
    strength: float | None = None
