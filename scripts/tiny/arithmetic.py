"""Word problems: a start, one to four operations, a question. The skill that the vector is about.

"Tom has 12 apples. He buys 7 more. He gives 4 to Mia. How many apples does Tom have now?" with the work
"12+7=19. 19-4=15." All numbers of the default limits are below 100 and are one token each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from scripts.tiny.problems import Problem

BOYS = ("Tom", "Ben", "Sam", "Leo", "Max", "Jack")
GIRLS = ("Mia", "Ann", "Lily", "Eva", "Zoe", "Kate")
ITEMS = ("apples", "books", "pens", "coins", "cards", "shells", "stamps", "balls", "cakes", "eggs", "toys", "keys")
GOODS = ("book", "game", "hat", "cake", "ball", "lamp")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large and how long problems may get.

    `steps` is drawn from uniformly (repeat an entry to weigh it), operands lie in `smallest..largest`,
    every intermediate result in `2..top`. The defaults are what the models are trained on.
    """

    steps: tuple[int, ...] = (1, 2, 2, 3, 3, 4)
    smallest: int = 2
    largest: int = 30
    top: int = 99


LONGER = Limits(steps=(4, 5, 6))
EXTENDED = Limits(smallest=10, largest=80, top=300)


@dataclass(frozen=True, slots=True)
class Scene:
    """The words of one topic: how it starts, how it gains and loses, what it asks."""

    start: tuple[str, ...]
    gain: tuple[str, ...]
    loss: tuple[str, ...]
    ask: tuple[str, ...]


SCENES = {
    "things": Scene(
        ("{name} has {a} {item}.", "{name} found {a} {item}."),
        ("{He} buys {b} more.", "{He} gets {b} from {friend}.", "{He} finds {b} more."),
        ("{He} gives {b} to {friend}.", "{He} loses {b} of them.", "{He} sells {b} of them."),
        ("How many {item} does {name} have now?", "How many {item} are left?"),
    ),
    "shop": Scene(
        ("A shop has {a} {item}.", "There are {a} {item} in a shop."),
        ("The shop gets {b} more.", "A truck brings {b} more."),
        ("The shop sells {b}.", "{name} takes {b} from the shop.", "A customer buys {b}."),
        ("How many {item} does the shop have now?", "How many {item} are in the shop?"),
    ),
    "bus": Scene(
        ("A bus has {a} people on it.", "A bus starts with {a} people."),
        ("At the next stop {b} get on.", "Then {b} people get on."),
        ("At the next stop {b} get off.", "Then {b} people get off."),
        ("How many people are on the bus now?", "How many people does the bus carry?"),
    ),
    "boxes": Scene(
        ("There are {g} boxes with {s} {item} each.", "{name} has {g} boxes of {s} {item}."),
        ("{name} adds {b} {item}.", "Then {b} more {item} come in."),
        ("{name} takes out {b} {item}.", "Then {b} {item} are thrown away."),
        ("How many {item} are there in all?", "How many {item} are in the boxes?"),
    ),
    "money": Scene(
        ("{name} has {a} dollars.", "{name} saved {a} dollars."),
        ("{He} earns {b} dollars.", "{friend} pays {name} {b} dollars."),
        ("{He} spends {b} dollars on a {good}.", "{He} pays {b} dollars for a {good}."),
        ("How much money does {name} have now?", "How many dollars does {name} have left?"),
    ),
}
TOPICS = tuple(SCENES)


def word_problem(rng: Random, limits: Limits | None = None, topic: str | None = None) -> Problem:
    """Draw one problem; `topic` fixes the scene."""
    limits = limits or Limits()
    topic = topic or rng.choice(TOPICS)
    scene, words, length = SCENES[topic], _words(rng), rng.choice(limits.steps)
    value, sentences, work = _start(rng, topic, scene, words, limits)
    while len(work) < length:
        value = _operation(rng, scene, words, limits, value, sentences, work)
    sentences.append(rng.choice(scene.ask).format(**words))
    return Problem(" ".join(sentences), tuple(work), str(value), topic, length)


def _words(rng: Random) -> dict[str, str]:
    """Names and nouns of one problem; the friend is of the other group, so the pronoun is never ambiguous."""
    groups, pronouns = [BOYS, GIRLS], ["He", "She"]
    mine = rng.randrange(2)
    return {
        "name": rng.choice(groups[mine]),
        "friend": rng.choice(groups[1 - mine]),
        "He": pronouns[mine],
        "item": rng.choice(ITEMS),
        "good": rng.choice(GOODS),
    }


def _start(
    rng: Random, topic: str, scene: Scene, words: dict[str, str], limits: Limits
) -> tuple[int, list[str], list[str]]:
    """First sentence, its value, and the work it already needs (boxes start with a product)."""
    sentence = rng.choice(scene.start)
    if topic == "boxes":
        groups, size = rng.randint(2, 5), rng.randint(2, max(12, limits.largest // 6))
        return groups * size, [sentence.format(**words, g=groups, s=size)], [f"{groups}*{size}={groups * size}"]
    value = rng.randint(limits.smallest, min(limits.top, 2 * limits.largest))
    return value, [sentence.format(**words, a=value)], []


def _operation(
    rng: Random,
    scene: Scene,
    words: dict[str, str],
    limits: Limits,
    value: int,
    sentences: list[str],
    work: list[str],
) -> int:
    """Append one gain or loss that keeps the value in range; return the new value."""
    room = {"+": min(limits.largest, limits.top - value), "-": min(limits.largest, value - 2)}
    sign = rng.choice([s for s, most in room.items() if most >= limits.smallest])
    amount = rng.randint(limits.smallest, room[sign])
    result = _apply[sign](value, amount)
    sentences.append(rng.choice(scene.gain if sign == "+" else scene.loss).format(**words, b=amount))
    work.append(f"{value}{sign}{amount}={result}")
    return result


_apply: dict[str, Callable[[int, int], int]] = {"+": lambda a, b: a + b, "-": lambda a, b: a - b}
