"""Which things of a problem may be called by another noun of the same kind, and how that is done.

A noun is left alone in a problem where it is also part of another word or phrase (apple pie, Apple), where it may be a
verb (he books a flight), and where it is written in two ways.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import cache
from random import Random

from rveval.perturb.people import words
from rveval.perturb.rename_nouns import NOUNS, SAME, Noun

# What may follow a singular noun that stands alone: "an apple costs", never "an apple pie".
_FOLLOWS = frozenset(
    words("""
    a about after all already also altogether among an and any are as at ate away back bakes because been before
    being below both bought burns but by calls can carries carrying charge charges consume consumes containing
    contains cost costs could currently daily did do does drank drink drinks drive drives driving drove during
    each earns eat eats even every except extracts falls fewer fills find finds five for found four from gave gets
    gifted give gives go goes got grow grows had half has have he hire hires holds how if in inside instead into
    is it its keep keeping keeps last left less lift lives long lose loses lost made make makes many melts more
    much must need needs next no not now of off offers on once only opens or orders out outside over passing pay
    pays per perform performs play plays plus produce produces raise raises read reads receive receives repair
    repairs requires run runs saves saw see sees sell sells serve serves she should since sleep sleeps so sold
    spend spends start started starts stop stops take takes ten than that the their then there therefore they this
    three through times to today together took total travel traveling travels twice two until up use uses visit
    visits wants was weighing weighs went were what when where which while who whose wide will win wins with
    within without won work works would write writes wrote x you
    """)
)
# After one of these the word is a verb: "he books a flight", "they box apples".
_VERB_AFTER = frozenset(words("he she it they we you i who to can could will would must may might didn't don't cannot"))
# What may open a sentence whose second word is the noun.
_OPENING = frozenset(
    words("""
    a after all an at blue both by each every fifty five for forty four her his how if in many most my nine of on
    one our red seven six some ten that the their these thirty this three total twelve twenty two when with
    """)
)
# With one of these before it the noun is a part of a name for something else: "comic books", "goody bags".
_COMPOUND = frozenset(
    words("""
    assistant baseball best blood brown candy cherry coin coloring comic convenience county crossword cruise
    driving elementary eye family gift golf goodie goody high history hot ice jewelry joint law life lunch math
    middle mile motion music note paper parent phone photo picture pizza police post prep punching reference road
    roller sail school science scrap search sleeping space steam substitute summer swim tail tea tennis test text
    toll track trading training travel video wedding year young
    """)
)
_DETERMINERS = frozenset(words("a an one each per every single the another this that same first second last"))
# Also an adjective or a verb: their singular counts as the noun only after a determiner.
_DOUBTFUL = frozenset(
    words("orange rose peach plum book coach film pot present child plant package room test taper award school baby")
)
# Also a verb: their plural counts as the noun only after a number or a word that goes with nouns.
_VERB_TOO = frozenset(
    words("""
    awards bags books bottles boxes coaches doctors films flags matches nurses packages packs parties phones
    photographs pictures plants pots presents questions ropes schools ships shops signatures stores tapers tests
    trains trucks
    """)
)
_BEFORE_NOUNS = _DETERMINERS | frozenset(
    words("""
    2nd 3rd additional all any between big blue both different eight eighteen eleven empty extra few fifteen fifty
    five flower forty four fourteen full green grocery her his how hundred large less local many more most my new
    nine nineteen no of old only other our plastic red regular remaining seven seventeen several six sixteen sixty
    small some ten their these thirteen thirty those thousand three total twelve twenty two what which with yellow
    your
    """)
)
_WHEELS = frozenset(words("truck van train tram boat ship"))
_ARTICLE_AND_WORD = re.compile(r"\b(?:(an?)(\s+))?([a-z]+)\b", re.IGNORECASE)
_BEFORE = re.compile(r"([\w'\u2019]+|[-$#/&.])?(\s*)$")
_AFTER = re.compile(r"(\s*)([\w'\u2019]+|[-\u2013&]|$|[^\w\s])")


def rename_things(texts: tuple[str, str], rng: Random, taken: str) -> tuple[dict[str, str], tuple[str, str]]:
    """The texts with things called by other nouns, the same noun everywhere.

    Args:
        texts: the question and its worked answer.
        rng: what draws.
        taken: more text that no new noun may occur in.

    Returns:
        Old noun to new noun, singular and plural; and the texts, unchanged where no noun could be replaced.

    >>> rename_things(("An apple costs $2. How much are 3 apples?", "3 apples"), Random(1), "")[1]
    ('A peach costs $2. How much are 3 peaches?', '3 peaches')
    """
    whole = "\n".join(texts)
    small = f"{whole}\n{taken}".lower()
    given: dict[str, str] = {}
    for noun, group in NOUNS.items():
        if noun[0][:-1] not in small or not _replaceable(noun, whole):
            continue
        others = [new for new in group if new != noun]
        free = [new for new in others if not _clashes(new, small)]
        if free and (noun not in SAME or len(free) == len(others)):
            new = rng.choice(free)
            given |= dict(zip(noun, new, strict=True))
            small += f"\n{new[0]}"
    return given, (replace_nouns(texts[0], given), replace_nouns(texts[1], given))


def replace_nouns(text: str, given: dict[str, str]) -> str:
    """Every noun by its new one, with a capital where it had one, and with "a" or "an" as the new one needs it."""
    if not given:
        return text

    def replaced(match: re.Match[str]) -> str:
        article, space, old = match.groups()
        if old.lower() not in given:
            return match[0]
        new = given[old.lower()]
        new = new.capitalize() if old[0].isupper() else new
        if not article:
            return new
        right = article[0] + ("n" if new[0].lower() in "aeio" else "")
        return right + space + new

    return _ARTICLE_AND_WORD.sub(replaced, text)


@cache
def _pattern(noun: Noun) -> re.Pattern[str]:
    return re.compile(rf"\b({noun[1]}|{noun[0]})\b", re.IGNORECASE)


@cache
def _start(word: str) -> re.Pattern[str]:
    return re.compile(rf"\b{word}[a-z]*")


def _clashes(new: Noun, small: str) -> bool:
    return new[0][:-1] in small if len(new[0]) > 4 else any(_start(form).search(small) for form in new)


def _replaceable(noun: Noun, text: str) -> bool:
    """Whether every place that shows the noun shows it as a thing of its own."""
    singular, plural = noun
    found = list(_pattern(noun).finditer(text))
    small = text.lower()
    inside = small.count(singular) + (0 if plural.startswith(singular) else small.count(plural))
    if not found or inside != len(found) or _misspelt(noun, small):
        return False
    if singular in _WHEELS and re.search(r"\b(wheel|tire|seat|axle)", text, re.IGNORECASE):
        return False
    return all(_stands_alone(match, singular, text) for match in found)


def _misspelt(noun: Noun, small: str) -> bool:
    """Whether a text has a word that may be the noun, written otherwise ("lollypop")."""
    near = [word for word in dict.fromkeys(_start(noun[0][:3]).findall(small)) if word not in noun]
    return any(SequenceMatcher(None, word, form).ratio() > 0.8 for word in near for form in noun)


def _stands_alone(match: re.Match[str], singular: str, text: str) -> bool:
    start, end = match.span()
    before, after = _BEFORE.search(text[max(0, start - 30) : start]), _AFTER.match(text[end : end + 30])
    last, following = (before[1] or "") if before else "", (after[2] if after else "")
    touching = bool(before and last and not before[2])
    opens = start == 0 or not last or last in {".", "-"} or text[:start].rstrip(" ")[-1:] in '.?!:\n"'
    if (touching and last in {"-", "#", "&", "."}) or (following in {"-", "\u2013", "&"} and after and not after[1]):
        return False
    if (match[0][0].isupper() and (not opens or following[:1].isupper())) or match[0][1:].lower() != match[0][1:]:
        return False
    if (
        last.lower() in _VERB_AFTER
        or last.lower() in _COMPOUND
        or (last[:1].isupper() and not last.endswith(("'s", "\u2019s")) and not _plain(text, start, last))
    ):
        return False
    if match[0].lower() != singular:
        if following[:1] in {"'", "\u2019"}:
            return False  # "children's", "students'": another plural has another possessive
        return match[0].lower() not in _VERB_TOO or opens or last.lower() in _BEFORE_NOUNS or last[-1:].isdigit()
    if singular in _DOUBTFUL and last.lower() not in _DETERMINERS and not last.isdigit():
        return False
    plain = not following[:1].isalpha() or following[0].isupper() or following.endswith(("ed", "ly"))
    return plain or following.lower() in _FOLLOWS


def _plain(text: str, start: int, word: str) -> bool:
    """Whether a capital before a noun is that of a sentence's first word and not of a name ("Sun Valley apples")."""
    head = text[:start].rstrip(" ")
    head = head[: len(head) - len(word)].rstrip(" ")
    return (not head or head[-1] in '.?!:"\n') and word.lower() in _OPENING
