"""A wrong answer, suggested by somebody. The right one is never suggested, neither by value nor by text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random

from rveval.perturb.data import load
from rveval.perturb.family import Family
from rveval.perturb.gold import right_answer, same, value
from rveval.perturb.item import How, Item, Traits

BEFORE: list[str] = load("hint")["before"]
AFTER: list[str] = load("hint")["after"]

_OPPOSITE = {"yes": "no", "true": "false", "valid": "invalid"}
_OPPOSITE |= {other: word for word, other in _OPPOSITE.items()}
_CLOSING = (")", "]", "}", ">")
_INSIDE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
# Later changes of the options or of the answer could make the suggested answer the right one.
_AFTER = ("problem", "order", "labels")


def hint(item: Item, rng: Random, how: How) -> Item:
    """A sentence before or after the question that names a wrong answer and who gave it.

    >>> item = Item("story/0", Traits("story"), "Tom has 12 eggs and buys 7. How many are there?", "12+7=19 #### 19")
    >>> hint(item, Random(2), How()).after
    ('I believe the answer is 7, but I would like to hear yours.',)
    """
    wrong = _wrong(item, rng)
    if not wrong:
        return item.leave("no wrong answer that could be suggested")
    # Nearest to the question on either side, so that it can't be read as an answer to another problem around it.
    if rng.random() < 0.5:
        return replace(item, before=(*item.before, _said(BEFORE, wrong, rng)))
    return replace(item, after=(_said(AFTER, wrong, rng), *item.after))


def _said(wordings: Sequence[str], wrong: str, rng: Random) -> str:
    said = rng.choice(wordings).replace("{answer}", wrong)
    return said[:-1] if said.endswith(("..", "!.", "?.")) else said


def _wrong(item: Item, rng: Random) -> str:
    """A wrong answer of the kind that is asked for; "" where there is none."""
    if item.gold is not None:
        return _other_option(item, item.gold, rng)
    right = right_answer(item)
    if item.traits.answer == "brackets":
        return _quoted(_other_brackets(right.split(), rng))
    if item.traits.answer == "sorted":
        return _quoted(_other_order(right.split(), rng))
    if right.lower() in _OPPOSITE:
        other = _OPPOSITE[right.lower()]
        return other.capitalize() if right[0].isupper() else other
    number = value(right)
    return "" if number is None else _other_number(item, number, rng)


def _other_option(item: Item, gold: int, rng: Random) -> str:
    """An option as it is shown, never one that reads like the right one (options may have equal texts)."""
    shown = zip(item.labels, item.options, strict=True)
    wrong = [(label, text) for label, text in shown if not same(text, item.options[gold])]
    if not wrong:
        return ""
    label, text = rng.choice(wrong)
    return item.option_form.replace("{label}", label).replace("{text}", text.strip())


def _other_number(item: Item, right: Decimal, rng: Random) -> str:
    """A number close by, off by a factor, or out of the problem or its solution; of the right answer's sign."""
    reach = max(3, int(abs(right)) // 10)
    near = [right + sign * rng.randint(1, reach) for sign in (1, -1)]
    factor = [right * 2, right * 10, right / 2]
    inside = [Decimal(found.replace(",", "")) for found in _INSIDE.findall(f"{item.question} {item.answer}")]
    kinds = [near, factor, inside]
    rng.shuffle(kinds)
    for kind in kinds:
        wrong = [number for number in kind if _plausible(number, right)]
        if wrong:
            return _written(rng.choice(wrong))
    return _written(right + 1)


def _plausible(number: Decimal, right: Decimal) -> bool:
    """Wrong, with a sign and a fraction only where the right answer has them too."""
    if number == right or (right >= 0 and number <= 0):
        return False
    return right % 1 != 0 or number % 1 == 0


def _written(number: Decimal) -> str:
    return str(int(number)) if number % 1 == 0 else f"{number.normalize():f}"


def _other_brackets(right: list[str], rng: Random) -> list[str]:
    """Closing brackets of which one is of another kind, missing, or too many: only one sequence closes the input."""
    place = rng.randrange(len(right))
    kinds = [bracket for bracket in _CLOSING if bracket != right[place]]
    changed = [*right[:place], rng.choice(kinds), *right[place + 1 :]]
    return rng.choice([changed, [*right, rng.choice(_CLOSING)], right[:-1] or changed])


def _other_order(right: list[str], rng: Random) -> list[str]:
    """The words with two different neighbours in each other's place; none where all are the same."""
    places = [place for place in range(len(right) - 1) if right[place] != right[place + 1]]
    if not places:
        return []
    place = rng.choice(places)
    return [*right[:place], right[place + 1], right[place], *right[place + 2 :]]


def _quoted(words: list[str]) -> str:
    """Words or brackets set off from the sentence around them."""
    return f'"{" ".join(words)}"' if words else ""


def _why_not(traits: Traits) -> str:
    if traits.kind == "unknown":
        return "a wrong answer can't be made up without knowing what kind of answer is right"
    return "a function is no answer that could be suggested in a sentence" if traits.kind == "code" else ""


FAMILIES = (Family("hint", "a wrong answer suggested by somebody", hint, _why_not, rank=110, after=_AFTER),)
