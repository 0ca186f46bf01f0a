"""Another problem before or after the one asked, with words that say which of the two is to be answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from rveval.perturb.data import load
from rveval.perturb.family import Family
from rveval.perturb.gold import plain, right_answer, value
from rveval.perturb.item import How, Item


@dataclass(frozen=True, slots=True)
class Solved:
    """A problem with its answer as it is written out, with its steps where it has any."""

    question: str
    worked: str

    @property
    def answer(self) -> str:
        return self.worked.split("####")[-1].strip()


@dataclass(frozen=True, slots=True)
class Function:
    """A small function: its head with the docstring, and its body."""

    name: str
    stub: str
    body: str


_DATA = load("context")
WORD_PROBLEMS = [Solved(**problem) for problem in _DATA["word_problems"]]
QUESTIONS = [Solved(**problem) for problem in _DATA["questions"]]
TINY = [Solved(**problem) for problem in _DATA["tiny"]]
FUNCTIONS = [Function(**function) for function in _DATA["functions"]]

_WORD = re.compile(r"\w+")


def context(item: Item, rng: Random, how: How) -> Item:
    r"""Another problem, solved or not, before the one asked or after it; exactly one is marked as the one to answer.

    >>> from rveval.perturb import Traits
    >>> tiny = Traits("story", for_tiny_models=True)
    >>> item = Item("tiny/0", tiny, "Tom has 4 keys. He buys 2 more. How many keys are left?", "#### 6")
    >>> context(item, Random(3), How()).before
    ('Question: There are 3 boxes with 7 keys each. How many keys are there in all?\nAnswer: 3*7=21. #### 21',)
    """
    if item.is_code:
        return _beside_code(item, rng)
    bank = TINY if item.traits.for_tiny_models else WORD_PROBLEMS if item.traits.kind == "story" else QUESTIONS
    other = rng.choice([problem for problem in bank if not confusable(problem, item)])
    place = rng.choice(_PLACES_TINY if item.traits.for_tiny_models else _PLACES)
    return place(item, other, rng)


def confusable(other: Solved, item: Item) -> bool:
    """Whether an answer to the other problem could be scored as right for the one asked.

    Numbers are compared by value. Texts are too close where one holds the other as words.
    """
    right = right_answer(item)
    numbers = value(other.answer), value(right)
    if numbers[0] is not None or numbers[1] is not None:
        return numbers[0] == numbers[1]
    ours, theirs = (f" {' '.join(_WORD.findall(plain(text)))} " for text in (right, other.answer))
    return ours in theirs or theirs in ours


def _around(item: Item, paragraphs: tuple[str, ...]) -> Item:
    """Before everything that other families put there: what they say is about the problem asked."""
    return replace(item, before=(*paragraphs, *item.before))


def _solved_before(item: Item, other: Solved, rng: Random) -> Item:
    opening, closing = rng.choice(_DATA["solved_before"])
    return _around(item, (opening, _filled(rng.choice(_DATA["solved_forms"]), other), closing))


def _unsolved_before(item: Item, other: Solved, rng: Random) -> Item:
    opening, closing = rng.choice(_DATA["unsolved_before"])
    return _around(item, (opening, other.question, closing))


def _unsolved_after(item: Item, other: Solved, rng: Random) -> Item:
    return replace(item, after=(*item.after, _filled(rng.choice(_DATA["unsolved_after"]), other)))


def _solved_before_tiny(item: Item, other: Solved, rng: Random) -> Item:
    """As in the few-shot texts that the models are trained on: the question without an answer is the one asked."""
    return _around(item, (_filled(_DATA["solved_forms"][0], other),))


def _unsolved_before_tiny(item: Item, other: Solved, rng: Random) -> Item:
    return _around(item, (_filled(rng.choice(_DATA["unsolved_before_tiny"]), other),))


_Place = Callable[[Item, Solved, Random], Item]
_PLACES: tuple[_Place, ...] = (_solved_before, _unsolved_before, _unsolved_after)
_PLACES_TINY: tuple[_Place, ...] = (_solved_before_tiny, _unsolved_before_tiny)


def _filled(form: str, other: Solved) -> str:
    return form.replace("{question}", other.question).replace("{worked}", other.worked)


def _beside_code(item: Item, rng: Random) -> Item:
    """A function of a name that the item does not know, finished or not, always before the stub."""
    known = set(_WORD.findall(f"{item.question} {item.entry_point} {item.test}"))
    other = rng.choice([function for function in FUNCTIONS if function.name not in known])
    if rng.random() < 0.5:
        opening, closing = rng.choice(_DATA["unfinished_code"])
        return _around(item, (opening, other.stub, closing))
    opening, closing = rng.choice(_DATA["finished_code"])
    return _around(item, (opening, _finished(other, rng), closing))


def _finished(other: Function, rng: Random) -> str:
    code = f"{other.stub}\n{other.body}"
    return f"{_DATA['done']}\n{code}" if rng.random() < 0.5 else code


FAMILIES = (
    # A new right answer could be the other problem's.
    Family(
        "context",
        "another problem beside the one asked",
        context,
        rank=120,
        after=("problem",),
        steps="shows",
        on_any_prompt=True,
    ),
)
