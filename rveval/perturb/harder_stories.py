"""The sentences of the tiny word problems: read into what they say, and written again with other numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from rveval.perturb.data import load, words

_DATA = load("harder")
_GOODS = words(_DATA["goods"])
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

    start: list[str]
    gain: list[str]
    loss: list[str]
    ask: list[str]


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
    fillers: Mapping[str, str]


SCENES = [Scene(**scene) for scene in _DATA["scenes"]]


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
    known = {"b", "good", *story.fillers}
    return [Sentence(text, story.fillers, sign) for text in templates if known.issuperset(fields.findall(text))]


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
    fillers: dict[str, str] = {}
    for sentence in known:
        for key, word in sentence.fields.items():
            if key in _SAME_THROUGHOUT and fillers.setdefault(key, word) != word:
                return None  # two people, or two things, in one place: another story than these templates tell
    fillers.setdefault("truck", "truck")
    if "name" in fillers:
        fillers.setdefault("He", fillers["name"])
    return Story(scene, start, tuple(known[2:]), ask, fillers)


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
