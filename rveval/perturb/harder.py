"""Larger numbers and more steps, with the new right answer computed (tiny family only).

The story, its people and things, its order of gains and losses and its question stay; the numbers come from a wider
range and one to three sentences are added before the question. `Item.answer` is worked out anew; `harder_check` reads
it again in another way.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from rveval.perturb.family import Family
from rveval.perturb.harder_check import lost
from rveval.perturb.harder_stories import Sentence, Story, more_sentences, read_story, with_goods
from rveval.perturb.item import How, Item, Traits

DEFAULT_STRENGTH = 0.5
OTHER_WORDS = "the problem is not in the words of its benchmark"
TOO_LONG = "the problem is longer than those of its benchmark"
TOLD = "other parts of the prompt name every new answer tried"

_TRIES = 20
_LONGEST = 6  # operations of a problem; with more, numbers of the widest range could leave no room for the last ones

_LISTED = re.compile(r"(.*?)(\d+(?:, \d+)+)\. (.*\?)")
_ASKED = {
    "What is the smallest?": 0,
    "What is the second smallest?": 1,
    "What is the third smallest?": 2,
    "What is the largest?": -1,
    "What is the second largest?": -2,
    "What is the third largest?": -3,
}
_MIDDLE = "Which number is in the middle?"
_SPREAD = "How far apart are the smallest and the largest?"


@dataclass(frozen=True, slots=True)
class Range:
    """How far numbers go and how many steps are added at a strength.

    At strength 1 amounts lie in 10..80, results in 2..300, and three steps are added; the benchmarks have amounts of
    2..30 and results of 2..99, which is where the strength begins. Numbers to put in order go up to `top`.
    """

    smallest: int
    largest: int
    top: int
    steps: int


def range_of(strength: float | None) -> Range:
    """The range for a strength in (0, 1]; None is the default strength.

    >>> range_of(1), range_of(None)
    (Range(smallest=10, largest=80, top=300, steps=3), Range(smallest=6, largest=55, top=200, steps=2))
    """
    share = DEFAULT_STRENGTH if strength is None else strength
    return Range(2 + round(8 * share), 30 + round(50 * share), math.ceil(99 + 201 * share), math.ceil(3 * share))


def harder(item: Item, rng: Random, how: How) -> Item:
    """The same problem with larger numbers, more steps, and its own right answer.

    The new answer is none of the numbers around the problem, so that a hint given before stays a wrong one.

    >>> question = "A bus has 15 people on it. Then 5 people get off. How many people are on the bus now?"
    >>> easy = Item("tiny/0", Traits("story", for_tiny_models=True), question, "15-5=10. #### 10")
    >>> hard = harder(easy, Random(1), How())
    >>> hard.question.split(". ")[:2]
    ['A bus has 76 people on it', 'Then 47 people get off']
    >>> hard.answer
    '76-47=29. 29+30=59. 59+19=78. #### 78'
    """
    told = set(re.findall(r"\d+", " ".join((*item.before, *item.after))))
    make = _harder_order if item.traits.kind == "order" else _harder_story
    for _ in range(_TRIES):
        changed = make(item, rng, range_of(how.strength))
        if changed.question == item.question or changed.answer.rpartition("#### ")[2] not in told:
            return changed
    return item.leave(TOLD)


def _harder_story(item: Item, rng: Random, limits: Range) -> Item:
    """More gains and losses of larger numbers, and for options the results that they lead to."""
    story = read_story(item.question)
    if story is None:
        return item.leave(OTHER_WORDS)
    if len(story.operations) > _LONGEST:
        return item.leave(TOO_LONG)
    added = [_one_more(story, rng) for _ in range(limits.steps)]
    question, work = _retold(story, [*story.operations, *added], rng, limits)
    gold = int(work[-1].partition("=")[2])
    changed = replace(item, question=question, answer=_written(work, gold))
    if item.gold is None:
        return changed
    return replace(changed, options=_options(work, len(item.options), item.gold, rng))


def _harder_order(item: Item, rng: Random, limits: Range) -> Item:
    """A longer list of larger numbers; a list with a middle stays one with a middle."""
    found = _LISTED.fullmatch(item.question)
    if found is None or found[3] not in (*_ASKED, _MIDDLE, _SPREAD):
        return item.leave(OTHER_WORDS)
    opening, listed, ask = found.groups()
    more = limits.steps * (2 if ask == _MIDDLE else 1)
    numbers = rng.sample(range(2, limits.top + 1), listed.count(",") + 1 + more)
    ranked = sorted(numbers)
    work = [f"In order: {_commas(ranked)}"]
    gold = ranked[len(ranked) // 2 if ask == _MIDDLE else _ASKED.get(ask, 0)]
    if ask == _SPREAD:
        gold = ranked[-1] - ranked[0]
        work.append(f"{ranked[-1]}-{ranked[0]}={gold}")
    return replace(item, question=f"{opening}{_commas(numbers)}. {ask}", answer=_written(work, gold))


def _one_more(story: Story, rng: Random) -> Sentence:
    """A gain or a loss, as likely as each other where the story has the words for both."""
    ways = [sentences for sentences in (more_sentences(story, "+"), more_sentences(story, "-")) if sentences]
    return with_goods(rng.choice(rng.choice(ways)), rng)


def _retold(story: Story, operations: Sequence[Sentence], rng: Random, limits: Range) -> tuple[str, list[str]]:
    """The question with new numbers, and its work step by step."""
    rooms = _rooms([sentence.sign for sentence in operations], limits)
    numbers, work = _start(story.start, rooms[0], rng, limits)
    told, value = [story.start.write(*numbers)], math.prod(numbers)
    for place, sentence in enumerate(operations):
        low, high = rooms[place + 1]
        sign = 1 if sentence.sign == "+" else -1
        least, most = sorted((sign * (low - value), sign * (high - value)))
        old = sentence.numbers[0] if place < len(story.operations) else 0
        amount = _drawn(max(limits.smallest, least), min(limits.largest, most), old, rng)
        work.append(f"{value}{sentence.sign}{amount}={value + sign * amount}")
        value += sign * amount
        told.append(sentence.write(amount))
    return " ".join([*told, story.ask]), work


def _start(start: Sentence, room: tuple[int, int], rng: Random, limits: Range) -> tuple[list[int], list[str]]:
    """The numbers of the first sentence, and the product that groups of things begin with."""
    low, high = room
    if len(start.numbers) == 1:
        return [_drawn(max(low, limits.smallest), min(high, 2 * limits.largest), start.numbers[0], rng)], []
    pairs = [(g, s) for g in range(3, 10) for s in range(5, 31) if low <= g * s <= high]
    groups, size = rng.choice([pair for pair in pairs if math.prod(pair) > math.prod(start.numbers)] or pairs)
    return [groups, size], [f"{groups}*{size}={groups * size}"]


def _rooms(signs: Sequence[str], limits: Range) -> list[tuple[int, int]]:
    """For the start and after each operation, the values from which the rest can be told without leaving the range."""
    rooms = [(2, limits.top)]
    for sign in reversed(signs):
        low, high = rooms[0]
        if sign == "+":
            rooms.insert(0, (max(2, low - limits.largest), high - limits.smallest))
        else:
            rooms.insert(0, (low + limits.smallest, min(limits.top, high + limits.largest)))
    return rooms


def _drawn(low: int, high: int, old: int, rng: Random) -> int:
    """A number of the range, larger than the old one where the range has such."""
    return rng.randint(max(low, old + 1) if old < high else low, high)


def _options(work: Sequence[str], count: int, place: int, rng: Random) -> tuple[str, ...]:
    """The right answer at its place among wrong ones: up to two results on the way, then near misses."""
    right, *before = [int(step.partition("=")[2]) for step in reversed(work)]
    wrong = [*dict.fromkeys(number for number in before if number != right)][:2]
    while len(wrong) < count - 1:
        near = right + rng.choice((-1, 1)) * rng.randint(1, 10 + count)
        if near >= 0 and near not in wrong:
            wrong.append(near)
    rng.shuffle(wrong)
    return tuple(map(str, [*wrong[:place], right, *wrong[place : count - 1]]))


def _commas(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _written(work: Sequence[str], gold: int) -> str:
    return " ".join([*(f"{step}." for step in work), f"#### {gold}"])


def _why_not(traits: Traits) -> str:
    if traits.for_tiny_models and traits.kind in ("story", "order"):
        return ""
    return "a new right answer can be computed for the tiny benchmarks only"


FAMILIES = (
    Family(
        "harder",
        "larger numbers and more steps",
        harder,
        _why_not,
        lost,
        rank=130,
        has_strength=True,
        decides="problem",
    ),
)
