"""BIG-Bench-Hard's 27 subtasks: how many items, what kind of answer, and their options taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rveval.benchmarks.benchmark import LETTER, LETTERS
from rveval.perturb import Traits

Fixed = Literal["", "layout", "text"]
OPTIONS = "\nOptions:\n"


@dataclass(frozen=True)
class Subtask:
    """One subtask.

    Args:
        count: its items.
        kind: of its answers, and of their reader: "option" (lettered options in the input), "word", "number",
            "brackets" (the ones missing) or "sorted" (the words in order).
        what: what the instruction asks for.
        allowed: the words that an answer of kind "word" can be, spelled as the targets are.
        fixed: what of the input is the problem itself and may not be edited: its "text", or the "layout" of its table.
    """

    count: int
    kind: str
    what: str
    allowed: tuple[str, ...] = ()
    fixed: Fixed = ""

    @property
    def traits(self) -> Traits:
        """What families may know of its prompts."""
        answer: dict[str, Literal["brackets", "sorted"]] = {"brackets": "brackets", "sorted": "sorted"}
        return Traits("puzzle", self.fixed, answer.get(self.kind, ""), lettered=self.kind == "option")


def _lettered(count: int = 250, fixed: Fixed = "") -> Subtask:
    return Subtask(count, "option", LETTER, fixed=fixed)


def _worded(*allowed: str, count: int = 250, fixed: Fixed = "") -> Subtask:
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


SHA256 = {
    "boolean_expressions": "f9ba95d2ece9f1c477992bad24d26af86c7bf6310e4201bd193a0390ad9eeda7",
    "causal_judgement": "4e52c4206f55e0f39a7b8abada099f328281431fa0fafa734e1308a0f1e4f346",
    "date_understanding": "9a5c7b3467309e95688b710a6df28e0fa12a4e6aa7393d50113c1eb067afbe12",
    "disambiguation_qa": "25033771bc5eaea5ddfdbaf80b5e1b90590e991327fad49455a4aac8a3719c78",
    "dyck_languages": "0582d24687240aa4f39ca8d1158bdfa741f5e43f125ab8089feb8525f381b2a8",
    "formal_fallacies": "4591ed178a3ec9891c68e2ac96c3f2d219a468f4940cf08f4d0a49fcb48ffcc1",
    "geometric_shapes": "9b79f54c31f7e4f30d89e956a7d4aed9d53ea3544ed4ace4b3c53c93a4aaf4c0",
    "hyperbaton": "976b4bc37c689338e428aecbceffeccacc00e4ce457fd6b4a03f2ab4a2d982aa",
    "logical_deduction_five_objects": "20ecfc7eda1b35ce79b6c5814d880b5d45b5d063d010f55669bfbabfdaa0ee15",
    "logical_deduction_seven_objects": "571438c03cb90b8caec012378949bbc38f86b5371c77492fe13904561462a32f",
    "logical_deduction_three_objects": "83bc6a82f70e6d6116b3a275289d078ae6c557959c287360c2f0a825bebb3648",
    "movie_recommendation": "26b538a0a83e271950dea29d8f1db0cddd181ecf70ec76716da92dbef6436b29",
    "multistep_arithmetic_two": "0983d4546ba507ff9a38b7b9294958a80f28579d7cc0eeb07a01d72cab28f31d",
    "navigate": "c41c149a096ad2440ccdc879916787f0d83396c9951c3c25e2b9564615789dc6",
    "object_counting": "525582f40c5194365ab4e02b7c10758d4fe8ccf7603a902a6fbb6aa69577560a",
    "penguins_in_a_table": "f6c8ee4438905e74232deb57a2949ee8a365e230d201c004a48d2451d23f5c31",
    "reasoning_about_colored_objects": "f0fa4d0cc4eea8d1c22fe828208861bfbd9f8d1b08ef61ceee7d8d489e1b0e80",
    "ruin_names": "fa0d268b2f1dc50c307d22d6f6ba689a8bf73182e373b7454d19c4e966cb9dff",
    "salient_translation_error_detection": "648160d2f3af41687a95891a05c4dfa6e359f3fcd9f13ef52a2b6d1dbd8c3131",
    "snarks": "89b153d518bc26d7c452d18495c893e25f80b52c849d098d0b6977b415f20b5a",
    "sports_understanding": "55bacbab10557ee7caab7f5d9624cfe2c75b182cedbc05f7fd7a77204a9f1437",
    "temporal_sequences": "feb648dfdf8b3a9c8d500a435e7074baff51c10bb714087fa6df958d2032d855",
    "tracking_shuffled_objects_five_objects": "4b45676725c67cba8f661ade534feca23dccd5b60bd52c4dadf5c7c9f3559f3b",
    "tracking_shuffled_objects_seven_objects": "fa84aeb984f2668fe447fda2949d118f7500d54e7f8fb9ae3406ff78802cb2e7",
    "tracking_shuffled_objects_three_objects": "c113f9930bb7d2a725c683b50be9469798aed7f9549fc64eac63cc8e8bd14ae0",
    "web_of_lies": "3a079dfe31d15972019ea9a1c33dc4bf2291eb49fe1958379505f3963c0f3a31",
    "word_sorting": "f0d3af304ed4c610c39ac54bd1393e439f4642b8a2f18ec562fc4bfdc7773db8",
}
"""Of the published records, by subtask."""


def split_options(text: str) -> tuple[str, tuple[str, ...]]:
    """An input without its options, and the options' texts; no options where they are not "(A) ..." line by line.

    What is split can be put together again to the same text: the question, "Options:" on a line of its own, and a line
    an option.

    >>> split_options("Which is it?\\nOptions:\\n(A) red\\n(B) blue")
    ('Which is it?', ('red', 'blue'))
    >>> split_options("Is it red?\\nOptions:\\n- Yes\\n- No")
    ('Is it red?\\nOptions:\\n- Yes\\n- No', ())
    """
    question, _, block = text.partition(OPTIONS)
    lines = block.split("\n")
    lettered = len(lines) <= len(LETTERS) and all(
        line.startswith(f"({letter}) ") and line[4:].strip() for letter, line in zip(LETTERS, lines, strict=False)
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
        position = LETTERS.index(target[1])
        return position if position < len(options) else None
    return options.index(target) if options.count(target) == 1 else None
