"""The right answer of an item in one string, and whether two answers are the same: for families that must miss it."""

from __future__ import annotations

import re
from decimal import Decimal

from rveval.perturb.item import Item

_NUMBER = re.compile(r"-?\$?-?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)%?\.?")


def right_answer(item: Item) -> str:
    """What a right response ends in: the right option's text, else what follows the last ####, else the target.

    >>> from rveval.perturb import Traits
    >>> right_answer(Item("story/0", Traits("story"), "How many?", "2+2=4 #### 4"))
    '4'
    """
    if item.gold is not None:
        return item.options[item.gold].strip()
    return item.answer.split("####")[-1].strip()


def value(text: str) -> Decimal | None:
    """The number that a text is, None where it is none.

    >>> value("1,042") == value("1042.0"), value("$7"), value("Yes")
    (True, Decimal('7'), None)
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    return Decimal(re.sub(r"[$,%]", "", text).rstrip("."))


def plain(text: str) -> str:
    """A text without what readers of answers overlook: case, and blanks around or between words."""
    return " ".join(text.casefold().split())


def same(first: str, second: str) -> bool:
    """Whether two answers are one: by value for numbers, else by text.

    >>> same("42", "42.0"), same("Carbon  dioxide", "carbon dioxide"), same("4", "5")
    (True, True, False)
    """
    values = value(first), value(second)
    if None not in values:
        return values[0] == values[1]
    return plain(first) == plain(second)
