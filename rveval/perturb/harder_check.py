"""The right answer of a tiny problem, read from its sentences: whether `harder` computed its new one right.

It goes by the verbs and by nothing else, and shares no code with the family that it checks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from rveval.perturb.family import same_answer
from rveval.perturb.item import Item

_LOSES = re.compile(
    r"\b(?:gives|loses|sells|takes|spends|get off|thrown away)\b|\bcustomer buys\b|\bpays \d+ dollars for\b"
)
_GAINS = re.compile(r"\b(?:buys|gets|finds|brings|get on|adds|earns|come in|pays)\b")


def evaluate(question: str) -> int | None:
    """The answer to a tiny question, read sentence by sentence; None where a sentence can't be read.

    A story begins with a number (or with groups and their size, which are multiplied); each next sentence adds or
    takes away its one number, which its verb decides.

    >>> evaluate("There are 5 boxes with 2 cakes each. Then 3 cakes are thrown away. How many cakes are there in all?")
    7
    >>> evaluate("Look at the numbers 70, 56, 48, 32. What is the second largest?")
    56
    """
    *told, asked = re.split(r"(?<=[.?]) ", question)
    told_numbers = [[int(number) for number in re.findall(r"\d+", sentence)] for sentence in told]
    if not told or not all(told_numbers) or re.search(r"\d", asked):
        return None
    if not re.match("How (?:many|much)", asked):
        return _read_off(told_numbers[0], asked) if len(told) == 1 else None
    value = math.prod(told_numbers[0])
    for sentence, numbers in zip(told[1:], told_numbers[1:], strict=True):
        if len(numbers) != 1 or not (_LOSES.search(sentence) or _GAINS.search(sentence)):
            return None
        value += -numbers[0] if _LOSES.search(sentence) else numbers[0]
    return value


def lost(before: Item, after: Item) -> str:
    """The new right answer must be what its question says, read sentence by sentence; the rest must be kept."""
    if after.question == before.question:
        return same_answer(before, after)
    right = evaluate(after.question)
    if right is None:
        return "the new question can't be read"
    if after.answer.rpartition("#### ")[2] != str(right):
        return f"the answer is {right}, and the item says {after.answer!r}"
    if wrong := _miscounted(after.answer):
        return f"{wrong} is no right step"
    if after.gold is not None and (
        after.options[after.gold] != str(right) or len(set(after.options)) != len(before.options)
    ):
        return f"the options {after.options} do not have the answer {right} in place {after.gold}, and once"
    kept = replace(
        after,
        question=before.question,
        answer=before.answer,
        options=before.options,
        left_alone=before.left_alone,
    )
    return "" if kept == before else "more changed than numbers and steps"


def _miscounted(answer: str) -> str:
    """The first step of a worked answer that is wrong or out of range; "" where there is none."""
    for step, left, sign, right, result in re.findall(r"((\d+)([-+*])(\d+)=(-?\d+))", answer):
        a, b = int(left), int(right)
        told = {"+": a + b, "-": a - b, "*": a * b}[sign]
        if told != int(result) or told < 0:
            return str(step)
    return ""


def _read_off(numbers: Sequence[int], asked: str) -> int | None:
    """What is asked of a list of numbers, taking the outer ones away one by one; None for another question."""
    left = set(numbers)
    if "middle" in asked:
        while len(left) > 2:
            left -= {min(left), max(left)}
        return left.pop() if len(left) == 1 else None
    if "How far apart" in asked:
        return max(left) - min(left)
    end = max if "largest" in asked else min if "smallest" in asked else None
    before = 1 if "second" in asked else 2 if "third" in asked else 0
    if end is None or len(left) <= before:
        return None
    for _ in range(before):
        left.remove(end(left))
    return end(left)
