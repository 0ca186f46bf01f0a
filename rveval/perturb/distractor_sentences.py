"""What a distractor may say: one sentence with a person, a thing and a number, that nothing can be computed from.

The numbers are labels, ages and the like (a locker, a row, a floor), so that not even "how many in total" can take them
in. Sentences are grouped by the topic of the problem they go with; `words_of` and `overlap` keep those apart that share
a word with the problem.
"""

from __future__ import annotations

import re
from functools import cache

from rveval.perturb.people import words

GIRLS = words("Ruth Ines Nora Freya Greta Hilde Marta Olga Petra Selma Thea Wilma")
BOYS = words("Omar Karl Emil Bjorn Gustav Hakim Lars Pavel Rashid Sven Tomas Viggo")

# Words of a problem that call for a topic, and its sentences.
TOPICS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (
        frozenset(words("buy cost price store shop sell sold pay paid dollar money spend bought discount")),
        (
            "{name} keeps an old receipt with the number {n}.",
            "{name} stood in aisle {n} of a supermarket.",
            "{name} has a loyalty card that ends in {n}.",
            "{name} runs a kiosk at number {n}.",
            "{name} has a wallet with the number {n}.",
        ),
    ),
    (
        frozenset(words("eat food cook bake cookie cake pizza fruit apple egg bread sugar cup dinner lunch drink")),
        (
            "{name} owns a cookbook with {n} chapters.",
            "{name} sat at table {n} of a restaurant.",
            "{name} saw recipe number {n} in a magazine.",
            "{name} has an apron with the number {n}.",
            "{name} has a kettle with the number {n}.",
        ),
    ),
    (
        frozenset(words("school class student teacher test homework book page read question grade lesson")),
        (
            "{name} has locker number {n}.",
            "{name} sat in row {n} of an auditorium.",
            "{name} knows a poem with {n} verses.",
            "{name} took an exam in room {n}.",
            "{name} has a dictionary that is {n} years old.",
        ),
    ),
    (
        frozenset(words("dog cat horse cow chicken bird fish animal pet farm sheep goat rabbit zoo")),
        (
            "{name} has a calendar with {n} drawings of penguins.",
            "{name} saw a giraffe in enclosure {n}.",
            "{name} saw a play about otters in hall {n}.",
            "{name} read leaflet number {n} about otters.",
        ),
    ),
    (
        frozenset(words("flower plant tree garden seed rose grow leaf grass lawn")),
        (
            "{name} read a leaflet with {n} tips about compost.",
            "{name} has a watering can with the number {n}.",
            "{name} saw an old orchid in hall {n}.",
            "{name} has a rusty spade with the number {n}.",
        ),
    ),
    (
        frozenset(words("mile drive car trip bus train travel speed bike walk run hour")),
        (
            "{name} has a ferry ticket with the number {n}.",
            "{name} waited on platform {n}.",
            "{name} once stayed in hotel room {n}.",
            "{name} parked on level {n} of a garage.",
            "{name} takes tram line {n}.",
        ),
    ),
    (
        frozenset(words("work job earn salary company employee office worker wage boss business")),
        (
            "{name} has a desk on floor {n}.",
            "{name} wears a badge with the number {n}.",
            "{name} lives in a building with {n} mailboxes.",
            "{name} uses elevator number {n}.",
        ),
    ),
    (
        frozenset(words("game team point play score ball race goal player win card toy")),
        (
            "{name} wears the number {n} on a jersey.",
            "{name} sat in row {n} of a stadium.",
            "{name} learned to swim at the age of {n}.",
            "{name} has a trophy from tournament number {n}.",
        ),
    ),
)
GENERAL = (
    "{name} is {n} years old.",
    "{name} lives at number {n} on a quiet street.",
    "{name} watched {n} films.",
    "{name} has a key with the number {n}.",
    "{name} knows {n} songs by heart.",
    "{name} plays a piano that is {n} years old.",
    "{name} solved {n} riddles.",
    "{name} visited {n} museums.",
    "{name} has an umbrella with {n} white dots.",
    "{name} slept in a tent with the number {n}.",
    "{name} climbed a lighthouse with {n} steps.",
    "{name} heard {n} claps of thunder.",
    "{name} lives on floor {n} of a tower.",
    "{name} wears a scarf with the number {n}.",
)
# The tiny family's own words: a model that small knows no others.
TINY_GIRLS = ("Ruth", "Ines", "Nora")
TINY_BOYS = ("Omar", "Karl")
TINY = ("{name} is {n} years old.", "{name} lives at number {n}.", "{name} watched {n} films this year.")
# For a problem that says "them": nobody can sell some of these.
TINY_PLAIN = TINY[:2]
# For an order of numbers, where a plain number might be read as one more of them.
TINY_ORDER = TINY[::2]

SCIENCE = (
    "{name} read {n} pages about {thing}.",
    "{name} saw {n} pictures of {thing}.",
    "{name} heard a talk about {thing} in room {n}.",
    "{name} found a book about {thing} on shelf {n}.",
    "{name} wrote report number {n} about {thing}.",
)
THINGS = words(
    "volcanoes comets glaciers penguins lighthouses submarines telescopes violins pyramids sundials windmills "
    "orchids beavers geysers corals meteorites balloons compasses bridges trains"
)

_FUNCTION = frozenset(
    words(
        """
        a about an and as at by for from has had have he her his him in into is it its no not of on or she that the
        their them they this to was were who with
        """
    )
)


@cache
def stem(word: str) -> str:
    """A word without the endings of a plural or a verb: rough, but the same for all forms of most words.

    >>> stem("cookies") == stem("cookie"), stem("solved") == stem("solves"), stem("parking") == stem("park")
    (True, True, True)
    """
    if len(word) > 4 and word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    if len(word) > 5 and word.endswith("ing"):
        word = word[:-3]
    elif len(word) > 4 and word.endswith(("ed", "es")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word[:-2] + "y" if word.endswith("ie") else word.rstrip("e") if len(word) > 3 else word


# Words that go together: where a problem has one, no sentence may have another.
_LINKED = tuple(
    frozenset(stem(word) for word in words(line))
    for line in (
        "age old young older younger year oldest youngest birthday born",
        "book page chapter dictionary magazine read novel cookbook poem verse leaflet library story report",
        "number digit sum numeral",
        "film movie cinema watch",
        "floor level story elevator building stair step",
        "ticket card badge",
        "song music piano violin concert",
        "row seat line",
        "picture photo drawing image",
        "restaurant table dinner",
        "room hall hotel",
    )
)
_WORD = re.compile(r"[a-z]+")


def words_of(text: str) -> frozenset[str]:
    """The stems of the words of a text that carry meaning, in lower case, with the words linked to them."""
    found = {stem(word) for word in _WORD.findall(text.lower()) if word not in _FUNCTION}
    for group in _LINKED:
        if not group.isdisjoint(found):
            found |= group
    return frozenset(found)


@cache
def plain_words(sentence: str) -> frozenset[str]:
    """The same of a sentence with its fields, without the fields and without linked words."""
    text = re.sub(r"\{\w+\}", " ", sentence).lower()
    return frozenset({stem(word) for word in _WORD.findall(text) if word not in _FUNCTION})


def fitting(text: str) -> tuple[str, ...]:
    """Sentences that share no word with a text: those of its topics, or, where there are few, general ones too.

    >>> fitting("Ann bakes 3 cookies. How many eggs does she need?")[0]
    '{name} owns a cookbook with {n} chapters.'
    """
    taken = words_of(text)
    topical = [line for calls, lines in TOPICS if not taken.isdisjoint(map(stem, calls)) for line in lines]
    free = [line for line in dict.fromkeys(topical) if plain_words(line).isdisjoint(taken)]
    if len(free) < 3:
        free += [line for line in GENERAL if plain_words(line).isdisjoint(taken)]
    return tuple(free)
