"""Where in a story a sentence about somebody else may stand without being taken in by what follows.

Three things could take it in: a word that gathers ("all", "total", "they", "each"), a pronoun that may mean its person,
and a beginning that leans on the sentence before ("But", "Then", "The rest").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rveval.perturb.data import load, words
from rveval.perturb.people import CALENDAR, gender


@dataclass(frozen=True, slots=True)
class Place:
    """A gap between sentences.

    Args:
        at: where in the text, in characters.
        kind: "before" the whole text, "inside" it, or "after" it.
        pronouns: genders of the pronouns that follow before anybody is named ("girl", "boy", "both"), joined by blanks.
    """

    at: int
    kind: str
    pronouns: tuple[str, ...] = ()


_GATHERS = re.compile(
    r"\b(all|total|totals|totaling|totalling|altogether|together|combined|collectively|both|each|every|everyone"
    r"|everybody|everything|anyone|anybody|they|them|their|theirs|themselves|we|us|our|ours|sum|average|overall|people"
    r"|persons?|others?|another|rest|remaining|remainder|the two|the three|the four|in all)\b",
    re.IGNORECASE,
)
_LEANS = frozenset(words(load("distractor")["leans"]))
_LEANING = re.compile(
    r"(The|At|In|On|By|From|After|During|Of|For) (the )?(rest|others?|same|next|following|first|second|third|fourth|"
    r"former|latter|last|previous|that|this|these|those|remaining|two|three|four)\b",
    re.IGNORECASE,
)
_PRONOUNS = {
    "girl": re.compile(r"\b(she|her|hers|herself)\b", re.IGNORECASE),
    "boy": re.compile(r"\b(he|his|him|himself)\b", re.IGNORECASE),
    "both": re.compile(r"\b(it|its|this|that|these|those|who|someone|such|there)\b", re.IGNORECASE),
}
# "That" joins clauses and "there is" points at nothing: only what may mean somebody or something counts.
_EMPTY = re.compile(
    r"\b(there (is|are|was|were)|that (?=\w)|it (takes?|took|costs?|will take|would take))", re.IGNORECASE
)
_BREAK = re.compile(r"([.?!]+[\"')\u201d\u2019]*)(\s+)(?=[\"'(\u201c]?[A-Z0-9$])")
_SHORT = frozenset(words(load("distractor")["short"]))
_CAPITAL = re.compile(r"[A-Z][a-z\u00e9]+")


def breaks(text: str) -> list[int]:
    """Where the sentences after the first begin; not after "Mr." or inside of quotation marks.

    >>> text = "Mr. Ray has 3. He buys 2. How many?"
    >>> [text[at:] for at in breaks(text)]
    ['He buys 2. How many?', 'How many?']
    """
    found = []
    for match in _BREAK.finditer(text):
        head = text[: match.start()]
        last = head.split()[-1] if head.split() else ""
        quoted = text[: match.end()].count('"') % 2 or head.count("\u201c") > text[: match.end()].count("\u201d")
        if last.strip("(\"'") not in _SHORT and not (len(last) == 1 and last.isupper()) and not quoted:
            found.append(match.end())
    return found


def places(text: str) -> list[Place]:
    """The gaps that nothing after them could take in; the one after the whole text is always among them."""
    found = []
    for at in (0, *breaks(text)):
        rest = text[at:]
        if not _GATHERS.search(rest) and not _leans(rest):
            found.append(Place(at, "inside" if at else "before", _pronouns(rest)))
    return [*found, Place(len(text), "after")]


def suits(place: Place, kind: str) -> bool:
    """Whether no pronoun after a place can mean a person of this kind ("girl", "boy"), or the thing of the sentence.

    >>> suits(Place(20, "inside", ("girl",)), "boy"), suits(Place(20, "inside", ("girl",)), "girl")
    (True, False)
    """
    return kind not in place.pronouns and "both" not in place.pronouns


def put(text: str, added: Iterable[tuple[int, str]]) -> str:
    """The text with sentences at places, in the order given where several stand at one.

    >>> put("Tom has 3. He buys 2.", [(21, "B."), (0, "A.")])
    'A. Tom has 3. He buys 2. B.'
    """
    parts, last = [], 0
    for at, sentence in sorted(added, key=lambda one: one[0]):
        parts.append(text[last:at])
        parts.append(f" {sentence}" if at == len(text) else f"{sentence} ")
        last = at
    return "".join([*parts, text[last:]])


def _leans(rest: str) -> bool:
    first = re.match(r"[\"'(\u201c]?([A-Za-z]+)", rest)
    return bool(first and first[1] in _LEANS) or _LEANING.match(rest) is not None


def _pronouns(rest: str) -> tuple[str, ...]:
    """Genders of the pronouns that come before anybody is named."""
    head = _EMPTY.sub(" ", rest[: _first_name(rest)])
    return tuple(kind for kind, pattern in _PRONOUNS.items() if pattern.search(head))


def _first_name(rest: str) -> int:
    """Where somebody is named first: a capital inside a sentence, or a name at its beginning."""
    starts = {0, *breaks(rest)}
    for match in _CAPITAL.finditer(rest):
        word = match[0]
        if gender(word) or (match.start() not in starts and word not in CALENDAR and rest[match.start() - 1] == " "):
            return match.start()
    return len(rest)
