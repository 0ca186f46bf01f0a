"""Reading words and signs: yes or no, the brackets that are missing, a list of words in order."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rveval.answers.reading import HASHES, TAIL, Reading, boxes, marks, rest_of_line

_MENTIONS = 500


def read_word(response: str, allowed: Sequence[str]) -> Reading:
    """The word that a response decides for, spelt as in `allowed`.

    Strict: the last line that ends in `#### Yes`. Flexible, the first that is found of: the strict one; the last one
    that is marked as the answer; the first word, where punctuation or the end of its line follows; the last that is
    set in bold; the last mention. All without regard to case. "Not valid" is the other word where there are two, an
    "invalid" is no "valid", and neither "valid or invalid" nor the "no" of "there is no way" decides anything.

    >>> read_word("Let me see. So the answer is no.", ["Yes", "No"])
    Reading(strict=None, flexible='No')
    >>> read_word("The argument is not valid.", ["valid", "invalid"]).flexible
    'invalid'
    """
    words = _words(tuple(allowed))
    found = deque(words.strict.finditer(response), maxlen=1)
    strict = words.spelt(found[0]) if found else None
    return Reading(strict, strict if strict is not None else _decided(response, words))


class _Words(NamedTuple):
    """Patterns for the words allowed; a group `no` takes part where the word is negated."""

    allowed: tuple[str, ...]
    strict: re.Pattern[str]
    first: re.Pattern[str]
    here: re.Pattern[str]
    bold: re.Pattern[str]
    mention: re.Pattern[str]
    either: re.Pattern[str]

    def spelt(self, match: re.Match[str]) -> str | None:
        said = next(word for word in self.allowed if word.casefold() == match["word"].casefold())
        if not match.groupdict().get("no"):
            return said
        others = [word for word in self.allowed if word != said]
        return others[0] if len(others) == 1 else None


@lru_cache(maxsize=32)
def _words(allowed: tuple[str, ...]) -> _Words:
    any_of = "|".join(map(re.escape, sorted(allowed, key=len, reverse=True))) or "(?!)"
    word = rf"(?P<word>{any_of})\b(?!['\u2019-]\w)"
    # "no" in front of another word is no answer; "True" in front of one may well be ("True because ...").
    short = {"yes", "no"} & {word.casefold() for word in allowed}
    ends = r"(?=[ \t]{0,4}(?:[.,;:!?)\]}*\"'`\u201d\u2014\n\r-]|\Z|(?:because|since|as|and|but)\b))" if short else ""
    no = r"(?P<no>(?:\bnot|\bcannot|n['\u2019]t|\bnever)\s{1,4}(?:(?:\w{1,20}ly|be|an?|the|considered)\s{1,4}){0,3})?"
    negated = rf"{'' if short else no}(?<![\w-]){word}"
    flags = re.IGNORECASE
    return _Words(
        allowed=allowed,
        strict=re.compile(rf"{HASHES}[ \t]*+(?P<word>{any_of})\.?[ \t\r]*+$", flags | re.MULTILINE),
        first=re.compile(rf"[\W_]{{0,20}}{word}(?=[^\w\s(]|[ \t]{{0,4}}(?:[\n\r\u2014-]|\Z))", flags),
        here=re.compile(negated, flags),
        bold=re.compile(rf"\*\*{negated}[.!:]?\*\*", flags),
        mention=re.compile(rf"{negated}{ends}", flags),
        either=re.compile(rf"(?<![\w-])(?:{any_of})\s{{1,4}}(?:or|and|/)\s{{1,4}}(?:{any_of})\b", flags),
    )


def _decided(response: str, words: _Words) -> str | None:
    """Marked, else the first word, else in bold, else the last mention."""
    first = words.first.match(response)
    for found in (_marked(response, words), [first] if first else [], words.bold.finditer(response[-TAIL:])):
        for match in reversed(deque(found, maxlen=_MENTIONS)):
            return words.spelt(match)
    mentions = deque(words.mention.finditer(words.either.sub(" ", response[-TAIL:])), maxlen=1)
    return words.spelt(mentions[0]) if mentions else None


def _marked(response: str, words: _Words) -> Iterator[re.Match[str]]:
    """The last word after a mark, or in a box."""
    found = []
    for mark in marks(response):
        match = words.here.match(response, mark.answer)
        if match and not words.either.match(response, match.start()):
            found.append((mark.start, match))
            break
    for place, inside in boxes(response):
        if match := words.here.search(inside):
            found.append((place, match))
            break
    return (match for _, match in sorted(found, key=lambda pair: pair[0]))


_SIGN = r"[()\[\]{}<>]"
_BETWEEN = r"(?:[ \t,\"'`\u201c\u201d*|]|and\b){0,8}"
_RUN = re.compile(rf"(?<![\w=.!?;%-]){_SIGN}(?:{_BETWEEN}{_SIGN})*+")
_TAG = re.compile(r"</?[A-Za-z|][^<>\n]{0,20}>")
_STRICT_RUN = re.compile(rf"{HASHES}[ \t]*+({_SIGN}(?:[ \t]*+{_SIGN})*+)\.?[ \t\r]*+$", re.MULTILINE)
_ONE_A_LINE = re.compile(
    rf"^([ \t]{{0,4}}{_SIGN})[ \t\r]{{0,4}}\n(?=[ \t]{{0,4}}{_SIGN}[ \t\r]{{0,4}}(?:\n|\Z))", re.MULTILINE
)
_BRACKET_BOX = re.compile(r"\\boxed\s{0,4}\{([^\n]{0,1000})")
_SKIPPED = re.compile(r"[\s*_:=$~`\"'\u201c]{0,24}")
_MATHS = re.compile(r"(?:\\[\])]|\$+|[.\s])+\Z")


def read_brackets(response: str, given: str = "") -> Reading:
    r"""The brackets that close a sequence, joined by single spaces.

    Strict: the last line that ends in `#### ] ) }`. Flexible, the first that is found of: the strict one; the last run
    of brackets that is marked as the answer; the last run anywhere that is no pair around words and not the question's.

    Args:
        given: the sequence as the question has it; an answer that repeats it is read without it.

    >>> read_brackets("So the answer is [ ( { } ) ].", given="[ ( {")
    Reading(strict=None, flexible='} ) ]')
    """
    start = _signs(given)
    for strict in reversed(deque(_STRICT_RUN.findall(response), maxlen=_MENTIONS)):
        if found := _signs(strict).removeprefix(start):
            return Reading(" ".join(found), " ".join(found))
    text = _ONE_A_LINE.sub(r"\1 ", _TAG.sub(" ", response))
    last = [_run(match) for match in reversed(deque(_RUN.finditer(text[-TAIL:]), maxlen=_MENTIONS))]
    for run in (*_marked_runs(text), *last):
        if found := _signs(run).removeprefix(start):
            return Reading(None, " ".join(found))
    return Reading(None, None)


def _signs(text: str) -> str:
    return "".join(re.findall(_SIGN, text))


def _run(match: re.Match[str]) -> str:
    """A run of brackets without the one that opens what follows, as in "[ [ (so far)"."""
    after = match.string[match.end() : match.end() + 1]
    return match.group()[:-1] if after.isalnum() else match.group()


def _marked_runs(text: str) -> Iterator[str]:
    """Runs of brackets after a mark or in a box, the last first."""
    found = []
    for match in reversed(deque(_BRACKET_BOX.finditer(text), maxlen=_MENTIONS)):
        inside = _MATHS.sub("", match[1]).removesuffix("}").replace("\\", "")
        if run := _RUN.search(inside):
            found.append((match.start(), _run(run)))
            break
    for mark in marks(text):
        start = _SKIPPED.match(text, mark.end)
        run = _RUN.match(rest_of_line(text, start.end() if start else mark.end, most=2000).replace("\\", ""))
        if run:
            found.append((mark.start, _run(run)))
            break
    return (run for _, run in sorted(found, reverse=True))


_TOKEN = re.compile(r"[^\s,;]+")
_EDGES = "\"'`*_.<>()[]{}:=-\u201c\u201d\u2022\u2192$!?"
_ORDINAL = re.compile(r"\d{1,4}")
_STRICT_LIST = re.compile(rf"{HASHES}[ \t]*+(\S[^\n]*)$", re.MULTILINE)
_LISTS = re.compile(
    r"\b(?:sorted|order(?:ed)?|alphabetical(?:ly)?|list)\b[^\n:]{0,60}(?:\bis\b|\bare\b|:)", re.IGNORECASE
)


def read_sorted(response: str, words: Sequence[str]) -> Reading:
    """Words in the order that a response puts them in, in lower case, joined by single spaces.

    Strict: the last line that ends in `#### apple bear`, its words separated by spaces, at least half of them from the
    list. Flexible: the strict one; else of the last line that is marked ("the answer is", "sorted:") and the last place
    that holds all words of the list in some order, the one that comes later; else the longest run of words of the list
    that comes last, at least half of them. Commas, bullets, numbers, quotes, "<" and line breaks may stand between.

    Args:
        words: the list as the question has it.

    >>> read_sorted("1. apple\\n2. Bear", ["bear", "apple"])
    Reading(strict=None, flexible='apple bear')
    """
    known = Counter(word.lower() for word in words)
    for match in reversed(deque(_STRICT_LIST.finditer(response), maxlen=_MENTIONS)):
        said = match[1].lower().removesuffix(".").split()
        if (
            "," not in match[1]
            and len(said) >= min(2, len(words))
            and 2 * sum(word in known for word in said) >= len(said)
        ):
            return Reading(" ".join(said), " ".join(said))
    marked, (complete, longest) = _marked_list(response, known), _runs(response, known)
    found = [one for one in (marked, complete) if one] or [longest]
    return Reading(None, max(found)[1] or None)


def _marked_list(response: str, known: Counter[str]) -> tuple[int, str] | None:
    """The list on the line after the last mark, or on the lines after it where that one ends there."""
    starts = [(mark.start, mark.end) for mark in marks(response)]
    starts += [(match.start(), match.end()) for match in deque(_LISTS.finditer(response), maxlen=_MENTIONS)]
    for place, start in sorted(starts, reverse=True):
        text = response[start : start + 40 * len(known) + 400].lstrip("*_: \t")
        line = text.partition("\n")[0]
        tokens = _read(line if line.strip() else text, known)
        said = [word for word, _ in tokens]
        if line.strip() and said and 2 * sum(word in known for word in said) >= len(said):
            return (place, " ".join(said))
    return None


def _read(text: str, known: Counter[str]) -> list[tuple[str, int]]:
    """The words of a text and where they end, without marks around them, numbers of a list, and "and"."""
    found = []
    for match in _TOKEN.finditer(text.lower()):
        raw = match.group()
        bare = raw.strip(_EDGES)
        word = raw if raw in known else bare
        if word and (word in known or not (_ORDINAL.fullmatch(word) or word == "and")):
            found.append((word, match.end()))
    return found


def _runs(response: str, known: Counter[str]) -> tuple[tuple[int, str] | None, tuple[int, str]]:
    """Of the runs of words of the list: the last that ends in all of them, and the last of the longest, if half."""
    size, before = known.total(), max(0, len(response) - TAIL)
    runs: list[list[tuple[str, int]]] = [[]]
    for word, end in _read(response[-TAIL:], known):
        if word in known:
            runs[-1].append((word, end))
        elif runs[-1]:
            runs.append([])
    longest = max(reversed(runs), key=len)
    best = (0, " ".join(word for word, _ in longest) if 2 * len(longest) >= size else "")
    for run in reversed(runs):
        tail = run[-size:] if size else []
        if tail and Counter(word for word, _ in tail) == known:
            return (before + tail[-1][1], " ".join(word for word, _ in tail)), best
    return None, best
