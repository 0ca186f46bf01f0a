"""Families that bring in or exchange people and things: `distractor` and `rename` in prose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from oracle_case import Case
from oracle_numbers import ONES, QUANTITIES, SCALES, TENS, is_subsequence, values, written
from oracle_raw import vocabulary, worked_number

_STOP = """a an the this that these those there here it its he him his she her hers they them their theirs we us our
you your i my me who whom whose which what when where why how and or but nor so yet if then than as at by
for from in into of off on onto out over per through to under up upon with within without about above
across after again against along already also although always am among another any are around away be
because been before being below between both can could did do does done down during each either else even
ever every few had has have having just last later least less like many may might more most much must
near need never next no none not now often once one only other others own part same shall should since
some still such sure take taken takes than too until very was were while will would yesterday today
tomorrow morning evening afternoon night week weeks month months year years day days hour hours minute
minutes ago old new long time times"""
STOP = frozenset((*_STOP.split(), *ONES, *TENS, *SCALES, *QUANTITIES))
# Words that carry a number of their own: another thing in their place would change the problem.
_CONSTANTS = """dozen dozens pair pairs couple couples twin twins triplet triplets trio quartet week weeks weekend
weekday month months year years decade decades century day days daily weekly monthly hour hours minute
minutes second seconds quarter quarters dime dimes nickel nickels penny pennies cent cents dollar
dollars euro pound pounds ounce ounces ton tons gallon gallons quart quarts pint pints cup cups liter
liters foot feet inch inches yard yards mile miles meter meters kilometer kilometers centimeter
centimeters spider spiders octopus insect insects tricycle tricycles bicycle bicycles unicycle triangle
triangles square squares cube cubes rectangle rectangles pentagon hexagon hexagons octagon quadrilateral
quadrilaterals leg legs wheel wheels finger fingers toe toes half halves third thirds fourth percent
deck decks alphabet fortnight january february march april may june july august september october
november december monday tuesday wednesday thursday friday saturday sunday"""
CONSTANTS = frozenset(_CONSTANTS.split())
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("ss", "ss"), ("s", ""))
_TAKES_IN = re.compile(
    r"\b(?:they|them|their|all|total|altogether|everyone|everybody|combined|together)\b", re.IGNORECASE
)
_PRONOUN = re.compile(r"^\W*(?:he|she|it|they|his|her|their|this|that|these|those)\b", re.IGNORECASE)
_GIRL_NAMES = """Adriana Astrid Bianca Camille Daphne Edith Elsa Fiona Greta Harriet Ingrid Irina Leonie Lydia Mabel
Marlene Nadia Odette Phoebe Rosalind Sabrina Tamara Ursula Valerie Winifred Yvonne Zelda Mary Anna
Emma Lucy Julia Laura Ruth Ines Nora Marta Wilma Freya Thea Selma Olga Hilde Petra Lily Mia Zoe Ann
Kate Eva"""
_GIRLS = frozenset(_GIRL_NAMES.split())
_BOY_NAMES = """Alfred Bruno Conrad Dmitri Edmund Felix Gilbert Hugo Igor Jasper Leopold Nathan Otto Percy Quentin
Rupert Stefan Theodor Ulrich Viktor Walter Xavier Yusuf Zoltan John James Tom Peter Paul David Omar
Karl Bjorn Rashid Sven Tomas Viggo Hakim Pavel Emil Gustav Lars Sam Max Leo Ben Jack"""
_BOYS = frozenset(_BOY_NAMES.split())


def fold(word: str) -> str:
    """A word without what grammar puts at its end, for comparing: "boxes" and "box", "parties" and "party".

    >>> fold("Boxes"), fold("parties"), fold("Tom's"), fold("glass")
    ('box', 'party', 'tom', 'glass')
    """
    small = re.sub(r"['\u2019]s?$", "", word.lower())
    for ending, other in _ENDINGS:
        if small.endswith(ending) and len(small) > len(ending) + 1:
            return small.removesuffix(ending) + other
    return small


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]+(?:['\u2019][a-z]+)?", text)


def inserted(old: str, new: str) -> list[tuple[int, str]] | None:
    """The sentences of a new text that the old one does not have, each with where in the old text it was put.

    Returns:
        None where the old text is not all there, in order, sentence by sentence.

    >>> inserted("A is 1. B is 2.", "A is 1. X is 9. B is 2. Y is 8.")
    [(8, 'X is 9.'), (15, 'Y is 8.')]
    >>> inserted("A is 1. B is 2.", "A is 1. B is 3.")
    """
    found, at = [], 0
    for sentence in re.split(r"(?<=[.?!\"'\u201d)])\s+|\n", new):
        at += len(old[at:]) - len(old[at:].lstrip())
        if sentence.strip() and old.startswith(sentence.strip(), at):
            at += len(sentence.strip())
        elif sentence.strip():
            found.append((at, sentence.strip()))
    return None if old[at:].strip() else found


def nothing_lost(case: Case) -> Iterator[str]:
    """`distractor` only adds: every word of the problem is there, in order, and so are its numbers."""
    for name in ("support", "question"):
        if name in case.clean and inserted(case.clean[name], case.asked[name]) is None:
            yield f"{name}: more than an insertion"
    if not is_subsequence(written(case.old), written(case.prompt)):
        yield "numbers are missing"


def aside(case: Case) -> Iterator[str]:
    """Names and counted things of what was put in are none of the problem's, and no word after it takes them in."""
    pieces = inserted(case.old, case.new) or []
    known = {fold(word) for word in words(case.clean_prompt)}
    for at, text in [*pieces, (-1, str(case.asked["rv_before"])), (len(case.old), str(case.asked["rv_after"]))]:
        if both := sorted(set(_brought(text)) & known):
            yield f"what was put in shares {both} with the problem: {text.strip()!r}"
        after = case.old[at:] if 0 <= at < len(case.old) else ""
        if text.strip() and after and _could_mean(text, after):
            yield f"a pronoun follows what was put in: {text.strip()!r} {after.strip()[:40]!r}"
        if case.source == "gsm8k" and text.strip() and (found := _TAKES_IN.search(after)):
            yield f"{found.group()!r} could take in {text.strip()!r}"
    if case.asked["rv_changed"] and not any(text.strip() for _, text in pieces) and not case.added.strip():
        yield "nothing was put in"


def _could_mean(text: str, after: str) -> bool:
    """Whether a pronoun at the beginning of what follows could mean somebody or something in the inserted text."""
    if not (found := _PRONOUN.match(after)):
        return False
    people, pronoun = set(words(text)), found.group().strip(" \"'(").lower()
    if pronoun in ("he", "his"):
        return not people & _GIRLS
    return not people & _BOYS if pronoun in ("she", "her") else True


def _brought(text: str) -> Iterator[str]:
    """Names in an inserted text, and what its numbers count."""
    found = words(text)
    for place, word in enumerate(found):
        begins = place == 0 or re.search(rf"[.?!]\s+{re.escape(word)}", text) is not None
        if word[0].isupper() and word.lower() not in STOP and not (begins and word.lower() in vocabulary()):
            yield fold(word)
    for number in re.finditer(r"(?:\d|\b(?:" + "|".join((*ONES, *TENS)) + r"))[\w.,-]*\s+((?:[a-z]+\s+)?[a-z]+)", text):
        for word in number[1].split():
            if word not in STOP and word not in CONSTANTS:
                yield fold(word)


def one_to_one(case: Case) -> Iterator[str]:
    """`rename`: one word for one word, the same everywhere, no two alike, none there before; numbers as they were."""
    old, new = (re.findall(r"[A-Za-z]+|\d+|[^\w\s]", _plain(text)) for text in (case.old, case.new))
    if len(old) != len(new):
        yield f"{len(old)} words and marks became {len(new)}"
        return
    names: dict[str, str] = {}
    for was, now in zip(old, new, strict=True):
        if names.setdefault(was, now) != now and {was.lower(), now.lower()} - {"a", "an"}:
            yield f"{was!r} became {names[was]!r} and {now!r}"
    changed = {was: now for was, now in names.items() if was != now and {was.lower(), now.lower()} != {"a", "an"}}
    if len({now.lower() for now in changed.values()}) != len({was.lower() for was in changed}):
        yield f"two became one, or one two: {changed}"
    if both := {fold(now) for now in changed.values()} & {fold(word) for word in words(case.old)}:
        yield f"new names were there before: {both}"
    if carried := {was.lower() for was in changed} & CONSTANTS:
        yield f"words that carry numbers were renamed: {carried}"
    if values(case.old) != values(case.new) and written(case.old) != written(case.new):
        yield "numbers changed"
    if written(case.raw["answer"]) != written(case.asked["answer"]):
        yield "numbers of the worked answer changed"
    if worked_number(case.raw["answer"]) != worked_number(case.asked["answer"]):
        yield "the right answer changed"
    yield from _genders(case, changed)


def _plain(text: str) -> str:
    return re.sub(r"(?<=[a-z])['\u2019]s?(?![a-z])", "", text)


def _genders(case: Case, changed: dict[str, str]) -> Iterator[str]:
    """Where all pronouns are of one gender, somebody who is renamed alone has it, too."""
    small = {word.lower() for word in words(case.old)}
    she, he = bool(small & {"she", "her", "hers", "herself"}), bool(small & {"he", "him", "his", "himself"})
    people = [(was, now) for was, now in changed.items() if now[0].isupper()]
    capitals = {word for word in words(case.old)[1:] if word[0].isupper() and word.lower() not in STOP}
    alone = len(people) == 1 and not capitals - {people[0][0]}
    if alone and she != he and people[0][1] in (_BOYS if she else _GIRLS):
        yield f"{people[0][0]} became {people[0][1]}"
