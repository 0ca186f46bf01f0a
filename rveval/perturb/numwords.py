"""Digits to words and back, where the meaning stays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from rveval.perturb import text
from rveval.perturb.data import load, words
from rveval.perturb.family import Family, same_answer
from rveval.perturb.item import How, Item, Traits

NO_NUMBER = "no number that can be written otherwise"
_DATA = load("numwords")
_LARGEST = 999_999
_YEARS = range(1500, 2101)

_UNDER_100 = {
    **{word: value for value, word in enumerate(text.ONES)},
    **{word: value for value, word in zip(range(20, 100, 10), text.TENS, strict=True)},
    **{f"{ten}-{text.ONES[one]}": 10 * tens + one for tens, ten in enumerate(text.TENS, 2) for one in range(1, 10)},
}


def _any(listing: str) -> str:
    """A pattern for any of these words, longest first."""
    return f"(?:{'|'.join(sorted(words(listing), key=len, reverse=True))})"


_SMALL = rf"(?:{_any(' '.join(text.TENS))}(?:-{_any(' '.join(text.ONES[1:10]))})?|{_any(' '.join(text.ONES))})\b"
_HUNDREDS = rf"(?:{_SMALL} hundred(?: and {_SMALL}| {_SMALL})?|{_SMALL})"
_THOUSANDS = rf"{_HUNDREDS} thousand(?:,? {_HUNDREDS}| and {_SMALL})?"
_IN_WORDS = re.compile(rf"(?<![\w'\u2019$./-])(?:{_THOUSANDS}|{_HUNDREDS})(?![\w'\u2019/-])", re.IGNORECASE)
_IN_DIGITS = re.compile(
    r"(?<![\w$\u20ac\u00a3.,:/%#+*=@'\u2019&\u2013-])(?<!\w\()(?:\d{1,3}(?:,\d{3})+|\d+)(?![\w%\u00b0'\u2019\u2032\u2033\"\u201d$\u20ac\u00a3)/\u2013-]|[.,:]\d)"
)
_IN_ANY_WAY = re.compile(rf"{_IN_WORDS.pattern}|[$\u20ac\u00a3]?\d+(?:[.,:/]\d+)*%?", re.IGNORECASE)

_NUMBER = rf"(?:\d|(?:{_SMALL}|hundred|thousand|million|billion|trillion)\b)"
_MONTH = _any(_DATA["months"])
_PART = _any(_DATA["parts"]) + r"\b"
_ABBREVIATED = _any(_DATA["abbreviated_units"])
_OPERATOR = "[-+*/=x\u00d7\u00f7<>^]"
# Before one of these a number is left alone: a multiple, a share, small change, a time of day, a measure in
# abbreviation, a date, another number or an expression that it is part of.
_NOT_BEFORE = re.compile(
    rf"\s*(?:(?:more |additional |or \w+ |to \w+ |and \w+ )?times?\b|-?fold\b|per ?cent|cents?\b|pence\b|\u00a2|{_PART}"
    rf"|and (?:an?|one|two|three|\d+)[ -]{_PART}|(?:and )?\d+/\d|a\.?m\b|p\.?m\b|o[' \u2019]?clock|second\b|{_OPERATOR}"
    rf"|in the (?:morning|afternoon|evening)|degrees? [CF]\b|{_ABBREVIATED}\b|by {_NUMBER}|{_NUMBER}|,? and {_NUMBER}"
    rf"|{_MONTH}\b|hundreds\b|thousands\b|(?:st|nd|rd|th)\b)",
    re.IGNORECASE,
)
_LABELLED = _any(_DATA["labelled"])
# After one of these it is a label, a date, an operand, or part of a longer number.
_NOT_AFTER = re.compile(
    rf"(?:\b(?:{_LABELLED}|{_MONTH}|hundred|thousand|million|billion|point|negative|and a|half)\.?"
    rf"|\bone and|\b{_SMALL}(?: by)?|\d(?: by)?|{_OPERATOR}|[$\u20ac\u00a3])\s+$",
    re.IGNORECASE,
)
_CLOCK_AFTER = re.compile(r"\b(?:at|until|till|since|before|after|by|around)\s+$", re.IGNORECASE)
_CLOCK_BEFORE = re.compile(r"\s*(?:[.,;?!]|$|(?:and|to|until|till|in the|on|every)\b)", re.IGNORECASE)

# "one" is a pronoun more often than not: it is a count only before a measure or a thing, and not after these.
_COUNTED = re.compile(rf" {_any(_DATA['counted'])}\b(?! (?:of the|or|and|at a time))")
_NOT_COUNTED = re.compile(
    r"(?:\b(?:no|this|that|each|every|any|some|the|which|another|not|only|at|just|for|in|of|or)\s+|[.?!\"]\s*|^)$",
    re.IGNORECASE,
)
_OPENS = re.compile(r"(?:^|[.?!\"\n])\s*$")


@dataclass(frozen=True, slots=True)
class _Mention:
    """A number that can be written the other way: where it stands, and what would stand there."""

    start: int
    end: int
    other: str


def numwords(item: Item, rng: Random, how: How) -> Item:
    """Write numbers of the question the other way, each by the throw of a coin, at least one.

    >>> item = Item("story/0", Traits("story"), "Twenty-one of the 105 ducks lay 3 eggs, at $2 each.", "#### 4")
    >>> numwords(item, Random(3), How()).question
    '21 of the 105 ducks lay three eggs, at $2 each.'
    """
    mentions = list(_mentions(item.question))
    if not mentions:
        return item.leave(NO_NUMBER)
    chosen = [mention for mention in mentions if rng.random() < 0.5] or [rng.choice(mentions)]
    changed = _rewritten(item.question, chosen)
    return item.leave(NO_NUMBER) if changed == item.question else replace(item, question=changed)


def _rewritten(question: str, chosen: Sequence[_Mention]) -> str:
    """The question with these numbers rewritten, but for any that a reader would then run into its neighbour."""
    whole = _spliced(question, chosen)
    if values(whole) == values(question):
        return whole
    kept: list[_Mention] = []
    for mention in chosen:
        if values(_spliced(question, [*kept, mention])) == values(question):
            kept.append(mention)
    return _spliced(question, kept)


def _spliced(question: str, mentions: Sequence[_Mention]) -> str:
    for mention in reversed(mentions):
        question = question[: mention.start] + mention.other + question[mention.end :]
    return question


def _mentions(question: str) -> Iterator[_Mention]:
    """The numbers that can be written the other way, in order."""
    found = sorted([*_IN_DIGITS.finditer(question), *_IN_WORDS.finditer(question)], key=lambda match: match.start())
    for match in found:
        before, after = question[: match.start()], question[match.end() :]
        if _is_part_of_more(before, after):
            continue
        if other := _other_way(match.group(), before, after):
            yield _Mention(match.start(), match.end(), other)


def _is_part_of_more(before: str, after: str) -> bool:
    """Whether what stands around a number makes it something else than a count."""
    if _NOT_BEFORE.match(after) or _NOT_AFTER.search(before):
        return True
    return bool(_CLOCK_AFTER.search(before) and _CLOCK_BEFORE.match(after))


def _other_way(number: str, before: str, after: str) -> str:
    """The number in words if it is in digits and the other way round; "" where it had better stay as it is."""
    opens = _OPENS.search(before) is not None
    if number[0].isdigit():
        value = int(number.replace(",", ""))
        is_year = value in _YEARS and "," not in number
        if value > _LARGEST or is_year or (len(number) > 1 and number.startswith("0")):
            return ""
        return in_words(value).capitalize() if opens else in_words(value)
    if number[0].isupper() and not opens:  # part of a name: "the Big Ten"
        return ""
    if number.lower() == "one" and (not _COUNTED.match(after) or _NOT_COUNTED.search(before)):
        return ""
    return f"{value_of(number):,}"


def in_words(value: int) -> str:
    """A whole number from 0 to 999,999 in words.

    >>> [in_words(value) for value in (0, 21, 105, 1_040)]
    ['zero', 'twenty-one', 'one hundred and five', 'one thousand and forty']
    >>> in_words(250_300)
    'two hundred and fifty thousand three hundred'
    """
    if value < 20:
        return text.ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return text.TENS[tens - 2] + (f"-{text.ONES[ones]}" if ones else "")
    size, name = (1000, "thousand") if value >= 1000 else (100, "hundred")
    count, rest = divmod(value, size)
    joint = " and " if rest < 100 else " "
    return f"{in_words(count)} {name}" + (f"{joint}{in_words(rest)}" if rest else "")


def value_of(number: str) -> int:
    """What a number in words is worth.

    >>> value_of("two thousand and five"), value_of("Thirty-one")
    (2005, 31)
    """
    total = current = 0
    for word in words(number.lower().replace(",", "")):
        if word == "hundred":
            current *= 100
        elif word == "thousand":
            total, current = total + current * 1000, 0
        elif word != "and":
            current += _UNDER_100[word]
    return total + current


def values(question: str) -> list[str]:
    """Every number that is mentioned, in order, in digits or in words; fractions, prices and the like as they stand.

    >>> values("Twenty-one of 1,050 people pay $2.50 for one third.")
    ['21', '1050', '$2.50', '1']
    """
    found = (match.group() for match in _IN_ANY_WAY.finditer(question))
    return [str(value_of(number)) if number[0].isalpha() else number.replace(",", "") for number in found]


def why_not(traits: Traits) -> str:
    """Only word problems have numbers that may be written either way."""
    if traits.kind == "unknown":
        return "whether a number may be written otherwise depends on how answers are read"
    return "" if traits.kind == "story" else "only word problems have numbers to rewrite"


def lost(before: Item, after: Item) -> str:
    """The question mentions the same values in the same order, however they are written."""
    if wrong := same_answer(before, after):
        return wrong
    old, new = values(before.question), values(after.question)
    return "" if old == new else f"the question mentions {', '.join(new)} instead of {', '.join(old)}"


FAMILIES = (Family("numwords", "digits to words and back", numwords, why_not, lost, rank=90, after=("problem",)),)
