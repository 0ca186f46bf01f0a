"""BIG-Bench-Hard's 27 subtasks: how many items, what kind of answer, and their options taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rveval.perturb import Traits

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_OPTIONS = "\nOptions:\n"


@dataclass(frozen=True)
class Subtask:
    """One subtask.

    Args:
        count: its items.
        kind: of its answers: "option" (lettered options in the input), "word", "number", "brackets" (the ones missing)
            or "sorted" (the words in order).
        what: what the instruction asks for.
        allowed: the words that an answer of kind "word" can be, spelled as the targets are.
        fixed: what of the input is the problem itself and may not be edited: its "text", or the "layout" of its table.
    """

    count: int
    kind: str
    what: str
    allowed: tuple[str, ...] = ()
    fixed: Literal["", "layout", "text"] = ""

    @property
    def traits(self) -> Traits:
        """What families may know of its prompts."""
        answer: dict[str, Literal["brackets", "sorted"]] = {"brackets": "brackets", "sorted": "sorted"}
        return Traits("puzzle", self.fixed, answer.get(self.kind, ""), lettered=self.kind == "option")


def _lettered(count: int = 250, fixed: Literal["", "layout", "text"] = "") -> Subtask:
    return Subtask(count, "option", "the letter of the right option", fixed=fixed)


def _worded(*allowed: str, count: int = 250, fixed: Literal["", "text"] = "") -> Subtask:
    return Subtask(count, "word", " or ".join(allowed), allowed, fixed)


SUBTASKS = {
    "boolean_expressions": _worded("True", "False", fixed="text"),
    "causal_judgement": _worded("Yes", "No", count=187),
    "date_understanding": _lettered(),
    "disambiguation_qa": _lettered(),
    "dyck_languages": Subtask(250, "brackets", "the missing brackets", fixed="text"),
    "formal_fallacies": _worded("valid", "invalid"),
    "geometric_shapes": _lettered(fixed="text"),
    "hyperbaton": _lettered(fixed="text"),
    "logical_deduction_five_objects": _lettered(),
    "logical_deduction_seven_objects": _lettered(),
    "logical_deduction_three_objects": _lettered(),
    "movie_recommendation": _lettered(),
    "multistep_arithmetic_two": Subtask(250, "number", "the final number", fixed="text"),
    "navigate": _worded("Yes", "No"),
    "object_counting": Subtask(250, "number", "the final number"),
    "penguins_in_a_table": _lettered(146, "layout"),
    "reasoning_about_colored_objects": _lettered(),
    "ruin_names": _lettered(fixed="text"),
    "salient_translation_error_detection": _lettered(fixed="text"),
    "snarks": _lettered(178, "text"),
    "sports_understanding": _worded("yes", "no"),
    "temporal_sequences": _lettered(),
    "tracking_shuffled_objects_five_objects": _lettered(),
    "tracking_shuffled_objects_seven_objects": _lettered(),
    "tracking_shuffled_objects_three_objects": _lettered(),
    "web_of_lies": _worded("Yes", "No"),
    "word_sorting": Subtask(250, "sorted", "the sorted words, separated by spaces", fixed="text"),
}


def split_options(text: str) -> tuple[str, tuple[str, ...]]:
    """An input without its options, and the options' texts; no options where they are not "(A) ..." line by line.

    What is split can be put together again to the same text: the question, "Options:" on a line of its own, and a line
    an option.

    >>> split_options("Which is it?\\nOptions:\\n(A) red\\n(B) blue")
    ('Which is it?', ('red', 'blue'))
    >>> split_options("Is it red?\\nOptions:\\n- Yes\\n- No")
    ('Is it red?\\nOptions:\\n- Yes\\n- No', ())
    """
    question, _, block = text.partition(_OPTIONS)
    lines = block.split("\n")
    lettered = len(lines) <= len(_LETTERS) and all(
        line.startswith(f"({letter}) ") and line[4:].strip() for letter, line in zip(_LETTERS, lines, strict=False)
    )
    return (question, tuple(line[4:] for line in lines)) if lettered else (text, ())


def is_letter(target: str) -> bool:
    """Whether a target is an option's letter, as "(B)": three of the lettered subtasks' targets are not."""
    return re.fullmatch(r"\([A-Z]\)", target) is not None


def gold_position(target: str, options: tuple[str, ...]) -> int | None:
    """Which of the options a target names, by its letter or by its text; None where it is none of them.

    >>> gold_position("(B)", ("red", "blue"))
    1
    >>> gold_position("Monsters, Inc", ("Monsters", "Inc", "Town & Country"))
    """
    if is_letter(target):
        position = _LETTERS.index(target[1])
        return position if position < len(options) else None
    return options.index(target) if options.count(target) == 1 else None
