"""Another problem before or after the one asked, with words that say which of the two is to be answered.

No wording counts problems ("the second one"): demonstrations may stand before them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random

from rveval.perturb.family import Family
from rveval.perturb.gold import plain, right_answer, value
from rveval.perturb.item import How, Item
from rveval.perturb.problems_bank import FUNCTIONS, QUESTIONS, TINY, WORD_PROBLEMS, Function, Solved

# What stands around a solved problem, and how it is written.
SOLVED_BEFORE = (
    ("The following problem is an example that is already solved.", "Answer only the problem that comes after it."),
    ("Here is a problem that has been answered already.", "The next problem is the one to answer."),
    ("Somebody else has solved this one:", "Now answer the next problem, and only that one."),
    ("This is not your problem, it is only here to read, with its answer.", "Your problem comes now."),
)
SOLVED_FORMS = (
    "Question: {question}\nAnswer: {worked}",
    "Problem: {question}\nSolution: {worked}",
    "Q: {question}\nA: {worked}",
)
UNSOLVED_BEFORE = (
    ("The following problem is not to be answered.", "Answer only the problem that comes after it."),
    ("Here is a problem for somebody else. Leave it alone.", "The next problem is the one to answer."),
    ("Read this, but do not answer it:", "Now answer the next problem, and only that one."),
    ("This problem will be asked another day.", "The only problem to answer today comes now."),
)
UNSOLVED_AFTER = (
    "Another problem, which is not to be answered: {question} Answer only the problem before it.",
    "Do not answer this one, it is for somebody else: {question} The problem above it is the one to answer.",
    "There will be a different problem later: {question} For now, answer only the problem above.",
    "Next week's problem, only to read: {question} The one to answer is the problem before it.",
)
UNSOLVED_BEFORE_TINY = (
    "Do not answer this: {question} Answer only the next question.",
    "This is not the question: {question} The question comes now.",
    "{question} This was another question. Answer only the next one.",
)
FINISHED_CODE = (
    (
        "This function is already finished and needs nothing.",
        "Only the function that comes after it is to be completed.",
    ),
    ("A finished function, only here as an example:", "It stays as it is. Complete only the next function."),
    ("Somebody else has written this function:", "Yours is the next one, and only that one."),
)
UNFINISHED_CODE = (
    ("This function belongs to somebody else. Leave it unfinished.", "Complete only the function that comes after it."),
    ("Do not complete this function:", "The next function is the one to complete."),
)
DONE = "# Already done, nothing to change here."

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
    opening, closing = rng.choice(SOLVED_BEFORE)
    return _around(item, (opening, _filled(rng.choice(SOLVED_FORMS), other), closing))


def _unsolved_before(item: Item, other: Solved, rng: Random) -> Item:
    opening, closing = rng.choice(UNSOLVED_BEFORE)
    return _around(item, (opening, other.question, closing))


def _unsolved_after(item: Item, other: Solved, rng: Random) -> Item:
    return replace(item, after=(*item.after, _filled(rng.choice(UNSOLVED_AFTER), other)))


def _solved_before_tiny(item: Item, other: Solved, rng: Random) -> Item:
    """As in the few-shot texts that the models are trained on: the question without an answer is the one asked."""
    return _around(item, (_filled(SOLVED_FORMS[0], other),))


def _unsolved_before_tiny(item: Item, other: Solved, rng: Random) -> Item:
    return _around(item, (_filled(rng.choice(UNSOLVED_BEFORE_TINY), other),))


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
        opening, closing = rng.choice(UNFINISHED_CODE)
        return _around(item, (opening, other.stub, closing))
    opening, closing = rng.choice(FINISHED_CODE)
    return _around(item, (opening, _finished(other, rng), closing))


def _finished(other: Function, rng: Random) -> str:
    code = f"{other.stub}\n{other.body}"
    return f"{DONE}\n{code}" if rng.random() < 0.5 else code


FAMILIES: tuple[Family, ...] = (
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
