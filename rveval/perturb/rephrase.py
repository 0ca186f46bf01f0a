"""Other words for the instruction."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

from rveval.perturb.data import load
from rveval.perturb.family import Family
from rveval.perturb.item import How, Item, Traits

FORM: list[str] = load("rephrase")["form"]
CODE: list[str] = load("rephrase")["code"]
TINY: list[str] = load("rephrase")["tiny"]

_FORM = re.compile(r"End with a line that holds #### and then (?P<what>.+)\.", re.DOTALL)
_CODE = "Complete the following Python function."
_UNKNOWN = "the instruction is not one that it has other words for"


def rephrase(item: Item, rng: Random, how: How) -> Item:
    """Other words for what form the answer should have; the form stays. Tiny problems have none and get a few words.

    >>> item = Item("story/0", Traits("story"), "", "4", instruction="End with a line that holds #### and then X.")
    >>> rephrase(item, Random(3), How()).instruction
    'Could you close with a line made of #### and then X?'
    """
    if form := _FORM.fullmatch(item.instruction):
        return replace(item, instruction=rng.choice(FORM).replace("{what}", form["what"]))
    if item.instruction == _CODE:
        return replace(item, instruction=rng.choice(CODE))
    if item.traits.for_tiny_models and not item.instruction:
        return replace(item, instruction=rng.choice(TINY))
    return item.leave(_UNKNOWN)


def _why_not(traits: Traits) -> str:
    return "which words of the prompt are the instruction is not known" if traits.kind == "unknown" else ""


FAMILIES = (Family("rephrase", "other words for the instruction", rephrase, _why_not, rank=30),)
