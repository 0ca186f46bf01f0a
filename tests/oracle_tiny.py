"""The tiny family's problems, solved from their text alone: the second opinion on `harder`."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import prod

_NAME = r"[A-Z][a-z]+"
# After the first sentence %s stands for whoever the problem is about; anybody else's money is not asked for.
# What begins a problem, and what each later sentence does. Every sentence has to be one of these, whole.
_BEGINS = (
    rf"(?:He|She|{_NAME}) (?:has|found|saved) (\d+) (?:of them|\w+)\.",
    r"There are (\d+) \w+ in a shop\.",
    r"A shop has (\d+) \w+\.",
    r"A bus (?:has|starts with) (\d+) people(?: on it)?\.",
    rf"{_NAME} has (\d+) boxes of (\d+) \w+\.",
    r"There are (\d+) boxes with (\d+) \w+ each\.",
)
_MORE = (
    r"(?:He|She|%s) (?:finds|buys) (\d+) more\.",
    rf"(?:He|She|%s) gets (\d+) from (?!%s){_NAME}\.",
    r"(?:He|She|%s) earns (\d+) dollars\.",
    rf"(?!%s){_NAME} pays %s (\d+) dollars\.",
    r"(?:The shop gets|A truck brings) (\d+) more\.",
    r"(?:Then (\d+) people|At the next stop (\d+)) get on\.",
    r"Then (\d+) more \w+ come in\.",
    rf"{_NAME} adds (\d+) \w+\.",
)
_LESS = (
    rf"(?:He|She|%s) gives (\d+) to (?!%s){_NAME}\.",
    r"(?:He|She|%s) (?:sells|loses) (\d+) of them\.",
    r"(?:He|She|%s) (?:spends (\d+) dollars on|pays (\d+) dollars for) an? \w+\.",
    r"(?:The shop sells|A customer buys) (\d+)\.",
    rf"{_NAME} takes (\d+) from the shop\.",
    r"(?:Then (\d+) people|At the next stop (\d+)) get off\.",
    r"Then (\d+) \w+ are thrown away\.",
    rf"{_NAME} takes out (\d+) \w+\.",
)
_PLACES = {"": 0, "second ": 1, "third ": 2, "fourth ": 3, "fifth ": 4}


class NotUnderstood(ValueError):
    """A sentence that the solver does not know: then there is no second opinion, and the item is no success."""


def solve(question: str) -> int:
    """The right answer of a tiny problem.

    >>> solve("Sam has 3 boxes of 5 apples. Then 9 apples are thrown away. How many apples are in the boxes?")
    6
    >>> solve("Look at the numbers 70, 56, 48, 32, 91. What is the second largest?")
    70
    >>> solve("A bus has 15 people on it. At the next stop 5 get off. How many people does the bus carry?")
    10

    Raises:
        NotUnderstood: a sentence that is none of those known, or a count that falls below zero.
    """
    first, *middle, last = re.split(r"(?<=[.?]) +", question.strip())
    if re.match(r"(?:Look at the numbers|Here are some numbers:|These are the scores:) ", first) and not middle:
        return _in_order(sorted(map(int, re.findall(r"\d+", first))), last)
    if not re.fullmatch(r"How (?:many \w+|much money) .*(?:\?)", last):
        raise NotUnderstood(last)
    owner = first.split()[0]
    total = prod(_numbers(first, _BEGINS))
    more, less = (tuple(form.replace("%s", owner) for form in forms) for forms in (_MORE, _LESS))
    for sentence in middle:
        gained = any(re.fullmatch(form, sentence) for form in more)
        total += sum(_numbers(sentence, more)) if gained else -sum(_numbers(sentence, less))
        if total < 0:
            raise NotUnderstood(f"{total} are left after {sentence!r}")
    return total


def _numbers(sentence: str, forms: tuple[str, ...]) -> list[int]:
    for form in forms:
        if found := re.fullmatch(form, sentence):
            return [int(group) for group in found.groups() if group]
    raise NotUnderstood(sentence)


def _in_order(numbers: list[int], asked: str) -> int:
    if found := re.fullmatch(r"What is the (second |third |fourth |fifth |)(largest|smallest)\?", asked):
        place = _PLACES[found[1]]
        return numbers[place] if found[2] == "smallest" else numbers[-1 - place]
    answers: dict[str, Callable[[], int]] = {
        "Which number is in the middle?": lambda: numbers[len(numbers) // 2],
        "How far apart are the smallest and the largest?": lambda: numbers[-1] - numbers[0],
    }
    if asked not in answers or (len(numbers) % 2 == 0 and "middle" in asked):
        raise NotUnderstood(asked)
    return answers[asked]()
