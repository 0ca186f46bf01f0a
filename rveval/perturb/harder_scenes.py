"""The sentences of the tiny word problems: read into what they say, and written again with other numbers.

The wordings are those of the generator that the tiny family's benchmarks come from (rveval/tiny/arithmetic.py); they
stand here a second time because a perturbation may not depend on a model family.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

_GOODS = ("book", "game", "hat", "cake", "ball", "lamp")
_FIELDS = {
    "a": r"\d+",
    "b": r"\d+",
    "g": r"\d+",
    "s": r"\d+",
    "item": "[a-z]+",
    "good": "[a-z]+",
    "bus": "[a-z]+",
    "truck": "[a-z]+",
}
_SAME_THROUGHOUT = ("name", "friend", "item", "He", "bus", "truck")
_NAME = "[A-Z][A-Za-z'-]*"


@dataclass(frozen=True, slots=True)
class Scene:
    """The words of one topic: how it starts, gains and loses, and what it asks."""

    start: tuple[str, ...]
    gain: tuple[str, ...]
    loss: tuple[str, ...]
    ask: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a story: its template, the words and numbers in it, and which way it moves the count."""

    template: str
    fields: Mapping[str, str]
    sign: str = ""

    @property
    def numbers(self) -> list[int]:
        """Its numbers by field: a start, the amount of an operation, or groups and their size."""
        return [int(self.fields[key]) for key in "abgs" if key in self.fields]

    def write(self, *numbers: int) -> str:
        """The sentence with these numbers in the places of its own."""
        places = [key for key in "abgs" if f"{{{key}}}" in self.template]
        return self.template.format(**{**self.fields, **dict(zip(places, map(str, numbers), strict=True))})


@dataclass(frozen=True, slots=True)
class Story:
    """A word problem taken apart."""

    scene: Scene
    start: Sentence
    operations: tuple[Sentence, ...]
    ask: str
    words: Mapping[str, str]


# Money comes before things: "dollars" would pass for a thing.
SCENES = (
    Scene(
        ("{name} has {a} dollars.", "{name} saved {a} dollars."),
        ("{He} earns {b} dollars.", "{friend} pays {name} {b} dollars."),
        ("{He} spends {b} dollars on a {good}.", "{He} pays {b} dollars for a {good}."),
        ("How much money does {name} have now?", "How many dollars does {name} have left?"),
    ),
    Scene(
        ("{name} has {a} {item}.", "{name} found {a} {item}."),
        ("{He} buys {b} more.", "{He} gets {b} from {friend}.", "{He} finds {b} more."),
        ("{He} gives {b} to {friend}.", "{He} loses {b} of them.", "{He} sells {b} of them."),
        ("How many {item} does {name} have now?", "How many {item} are left?"),
    ),
    Scene(
        ("A shop has {a} {item}.", "There are {a} {item} in a shop."),
        ("The shop gets {b} more.", "A {truck} brings {b} more."),
        ("The shop sells {b}.", "{name} takes {b} from the shop.", "A customer buys {b}."),
        ("How many {item} does the shop have now?", "How many {item} are in the shop?"),
    ),
    Scene(
        ("A {bus} has {a} people on it.", "A {bus} starts with {a} people."),
        ("At the next stop {b} get on.", "Then {b} people get on."),
        ("At the next stop {b} get off.", "Then {b} people get off."),
        ("How many people are on the {bus} now?", "How many people does the {bus} carry?"),
    ),
    Scene(
        ("There are {g} boxes with {s} {item} each.", "{name} has {g} boxes of {s} {item}."),
        ("{name} adds {b} {item}.", "Then {b} more {item} come in."),
        ("{name} takes out {b} {item}.", "Then {b} {item} are thrown away."),
        ("How many {item} are there in all?", "How many {item} are in the boxes?"),
    ),
)


def read_story(question: str) -> Story | None:
    """The question taken apart; None where a sentence of it is none of the known ones."""
    sentences = re.split(r"(?<=[.?]) ", question)
    if len(sentences) < 2:
        return None
    return next(filter(None, (_read_as(scene, sentences) for scene in SCENES)), None)


def more_sentences(story: Story, sign: str) -> list[Sentence]:
    """The ways to go on with the story's own words, up ("+") or down ("-").

    A sentence that needs a name which the story does not have is none of them. Where no sentence of the story has the
    pronoun, the name stands for it.
    """
    templates = story.scene.gain if sign == "+" else story.scene.loss
    fields = re.compile(r"\{(\w+)\}")
    known = {"b", "good", *story.words}
    return [Sentence(text, story.words, sign) for text in templates if known.issuperset(fields.findall(text))]


def with_goods(sentence: Sentence, rng: Random) -> Sentence:
    """The sentence, with something drawn that the money is spent on."""
    return Sentence(sentence.template, {**sentence.fields, "good": rng.choice(_GOODS)}, sentence.sign)


def _read_as(scene: Scene, sentences: Sequence[str]) -> Story | None:
    """The sentences as a story of this scene."""
    first, *middle, ask = sentences
    start = _read(first, scene.start, "")
    asked = _read(ask, scene.ask, "")
    operations = [_read(text, scene.gain, "+") or _read(text, scene.loss, "-") for text in middle]
    if start is None or asked is None or not all(operations):
        return None
    known = [sentence for sentence in (start, asked, *operations) if sentence is not None]
    words: dict[str, str] = {}
    for sentence in known:
        for key, word in sentence.fields.items():
            if key in _SAME_THROUGHOUT and words.setdefault(key, word) != word:
                return None  # two people, or two things, in one place: another story than these templates tell
    words.setdefault("truck", "truck")
    if "name" in words:
        words.setdefault("He", words["name"])
    return Story(scene, start, tuple(known[2:]), ask, words)


def _read(text: str, templates: Sequence[str], sign: str) -> Sentence | None:
    for template in templates:
        if found := _pattern(template).fullmatch(text):
            return Sentence(template, found.groupdict(), sign)
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """A template as a pattern with a named group for each of its fields."""
    parts = re.split(r"\{(\w+)\}", template)
    text = "".join(
        f"(?P<{part}>{_FIELDS.get(part, _NAME)})" if place % 2 else re.escape(part) for place, part in enumerate(parts)
    )
    return re.compile(text)
