"""BIG-Bench-Hard's 27 subtasks: how many items, what kind of answer, and their options taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    """

    count: int
    kind: str
    what: str
    allowed: tuple[str, ...] = ()


def _lettered(count: int = 250) -> Subtask:
    return Subtask(count, "option", "the letter of the right option")


def _worded(*allowed: str, count: int = 250) -> Subtask:
    return Subtask(count, "word", " or ".join(allowed), allowed)


_NUMBER = Subtask(250, "number", "the final number")

SUBTASKS = {
    "boolean_expressions": _worded("True", "False"),
    "causal_judgement": _worded("Yes", "No", count=187),
    "date_understanding": _lettered(),
    "disambiguation_qa": _lettered(),
    "dyck_languages": Subtask(250, "brackets", "the missing brackets"),
    "formal_fallacies": _worded("valid", "invalid"),
    "geometric_shapes": _lettered(),
    "hyperbaton": _lettered(),
    "logical_deduction_five_objects": _lettered(),
    "logical_deduction_seven_objects": _lettered(),
    "logical_deduction_three_objects": _lettered(),
    "movie_recommendation": _lettered(),
    "multistep_arithmetic_two": _NUMBER,
    "navigate": _worded("Yes", "No"),
    "object_counting": _NUMBER,
    "penguins_in_a_table": _lettered(146),
    "reasoning_about_colored_objects": _lettered(),
    "ruin_names": _lettered(),
    "salient_translation_error_detection": _lettered(),
    "snarks": _lettered(178),
    "sports_understanding": _worded("yes", "no"),
    "temporal_sequences": _lettered(),
    "tracking_shuffled_objects_five_objects": _lettered(),
    "tracking_shuffled_objects_seven_objects": _lettered(),
    "tracking_shuffled_objects_three_objects": _lettered(),
    "web_of_lies": _worded("Yes", "No"),
    "word_sorting": Subtask(250, "sorted", "the sorted words, separated by spaces"),
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
