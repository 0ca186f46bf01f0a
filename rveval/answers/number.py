"""Reading a number; its value never passes through a float."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

from rveval.answers.containers import Container, cut_off, held, undecided
from rveval.answers.expression import evaluate, shown, spelt
from rveval.answers.parts import Parts
from rveval.answers.reading import HASHES, TAIL, Reading, read

_MONEY = r"(?:US|C|A)?\\?[$€£¥₹]"
# A minus is a sign only where nothing stands in front of it that it could be subtracted from ("10-5" holds 10 and 5).
_SIGN = rf"(?:(?<![\w)\]}}])[-\u2212\u2013](?=(?:{_MONEY}\s?)?[0-9.]))?"
_SPACE = "[\u00a0\u2009\u202f]"
_DIGITS = rf"(?>[0-9]{{1,3}}(?:,[0-9]{{3}})++(?![0-9])|[0-9]{{1,3}}(?:{_SPACE}[0-9]{{3}})++(?![0-9])|[0-9]++)"
_PLAIN = rf"(?:{_DIGITS}(?:\.[0-9]++)?+|(?<![\w.])\.[0-9]++)"
_POWER = r"\s?(?:\\times|\\cdot|[*x\u00d7\u00b7])\s?10(?:\^\{?|\*\*)(?P<power>[-\u2212]?[0-9]{1,2})\}?"
_SCALES = {"hundred": 2, "thousand": 3, "k": 3, "million": 6, "m": 6, "mn": 6, "billion": 9, "bn": 9, "trillion": 12}
_NUMBER = re.compile(
    rf"(?P<sign>{_SIGN})(?:{_MONEY}\s?(?P<minus>[-\u2212](?=[0-9.]))?)?"
    rf"(?P<digits>{_PLAIN})"
    rf"(?:(?:\s(?P<upper>[0-9]{{1,6}}))?\s?/\s?(?P<lower>[0-9]{{1,9}})(?![\w/.]|\s?/)"
    rf"|[eE](?P<exponent>[-+]?[0-9]{{1,2}})(?!\w)|{_POWER}"
    r"|[\s-]?(?P<scale>hundred|thousand|million|billion|trillion|mn|bn)\b|(?P<letter>[kKM])(?!\w))?"
)
# "x^2", "a_1", "1.2.3", "05/01/2021", "2:30", "1,5": a part of something longer is no number.
_BEFORE = re.compile(r"(?:[\^_]\{?|[0-9][.,:/]|\\overline\{)\Z")
_AFTER = re.compile(r"[,.:/][0-9]|\.?\\(?:overline|dot|bar)")
_STRICT = re.compile(
    rf"{HASHES}[ \t]*+(?P<emphasis>[*_]{{1,3}})?+(?P<said>-?+(?:{_MONEY}[ \t]?)?+-?+"
    rf"(?:{_DIGITS}(?:\.[0-9]++)?+|\.[0-9]++))"
    r"(?:[ \t]?\\?%)?+\.?(?(emphasis)(?P=emphasis)\.?)[ \t\r]*+$",
    re.MULTILINE,
)
_NOISE = re.compile(r"[\s,\\$€£¥₹*A-Z\u00a0\u2009\u202f]+")
_TIDY = (
    (re.compile(r"(?<=[0-9])(?:\{,\}|\\[,!; ]|,\\!|\\,\\!|\{\\,\})(?=[0-9]{3})"), ","),
    (re.compile(r"\\(?:text|textbf|mathbf|mathrm|textit|bf|mbox|underline|bm|boldsymbol)\s?\{([^{}]{0,200})\}"), r"\1"),
    (re.compile(r"\\[dtc]?frac\s?\{\s?([0-9]{1,9})\s?\}\s?\{\s?([0-9]{1,9})\s?\}"), r" \1/\2"),
    (re.compile(r"\\[dtc]?frac\s?([0-9])\s?([0-9])"), r" \1/\2"),
    (
        re.compile(r"\\(?:left|right|displaystyle|[!,;:])(?![a-zA-Z])|[{}](?=\s?[0-9]{1,30}\s?[{}])|(?<=[0-9])\\(?= )"),
        "",
    ),
    (re.compile(r"\\([%$&#])"), r"\1"),
)
_EQUALS = re.compile(r"(?:[=\u2248\u2192]|\\approx|\\Rightarrow|\bequals?\b(?:\sto\b)?)")
_GIVEN = re.compile(r"[=\u2248](?!=)[^\S\n]{0,3}([^=\u2248\n]{1,40})")
_EXPRESSION = re.compile(
    r"\\(?:sqrt|pi|binom|overline|log|ln|cdot|times|div|pm|infty|[dt]?frac|cup|in)|sqrt|\^|!|[0-9][*+]|[0-9]\s[*+/\u00d7]\s?[\\0-9]"
    r"|(?<![a-zA-Z])[xyzijnpqrtuvw](?![a-zA-Z'])|[0-9](?:[a-fij-jnp-rt-z]|pi)(?![a-zA-Z])"
)
_ORDINAL = re.compile(
    r"^[ \t]*+(?:[#*_-]{1,4}[ \t]*+)?(?:Step\s)?[0-9]{1,2}[.):]{1,2}(?=[*_]{0,2}\s[^\n])", re.MULTILINE | re.I
)
_SENTENCE = re.compile(r"(?<=[.!?])[\s*_\"')]++(?=[^\s0-9])|\n")
_SO = re.compile(r"(?:=|\b(?:so|thus|hence|therefore|equals?|total(?:s|ing)?(?: of)?|is|are|was|be|makes?)\b)")
_LISTED = re.compile(r"[\s\d.,;()\[\]{}\\|&+\u00b1$-]*(?:(?:and|or|pm)[\s\d.,;()\[\]{}\\$-]*)*")
_DECIMAL_COMMA = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:\.\d{3})+),(\d{1,2})(?![\d.,])|(?<![\d.,])(\d{1,3}(?:\.\d{3}){2,})(?![\d.,])"
)
_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}(?: \d{3})+(?![\d.,]?\d)")


_LINE = 2000
"""Characters of a sentence, or of what a container holds, that are looked at."""


class Number(NamedTuple):
    """A number in a text: its value, canonical, and where it stands."""

    value: str
    start: int
    end: int


def read_number(response: str | Parts, question: str = "") -> Reading:
    r"""The number that a response gives as its answer.

    Strict: the last `####` followed by a number and the end of its line (commas, a decimal part, currency, a percent
    sign, emphasis and a closing period are fine). Flexible: the strict one; else what the last container holds; else a
    last line that is only a number; else of the last sentence with numbers the one that an "=" gave or that the
    question does not hold; else the last number anywhere. A fraction counts by its value.

    Args:
        question: what was asked, where it is known, to tell its numbers from the answer.

    >>> read_number("She has 9 * 2 = 18 left.\n#### 18")
    Reading(strict='18', flexible='18')
    >>> read_number("The answer is $1,018.00. It took 3 steps.")
    Reading(strict=None, flexible='1018')
    >>> read_number("<think>It was 3.</think><answer>\\frac{3}{4}</answer>").flexible
    '0.75'
    >>> read_number("I do not know.").failed
    True
    """
    asked = {number.value for number in numbers(_tidied(question))} if question else set()

    def flexible(text: str) -> str | None:
        return held(text, lambda container: _inside(container, text), lambda plain: _plain(plain, asked))

    return read(response, _last_strict, flexible, question)


def gold_number(answer: str) -> str:
    """The number after the `####` of a benchmark's own worked answer, canonical.

    Raises:
        ValueError: the answer holds no `####` with a number; a benchmark's files are checked for that when loaded.
    """
    gold = _last_strict(answer)
    if gold is None:
        raise ValueError(f"no '#### <number>' in the worked answer {answer[-80:]!r}")
    return gold


def canonical(number: str) -> str:
    """One spelling for one value: no commas, currency, leading or trailing zeros, no exponent, "-" only below zero.

    >>> canonical("$1,250.50"), canonical("-0.0"), canonical("007"), canonical("\u22125")
    ('1250.5', '0', '7', '-5')
    """
    plain = _NOISE.sub("", number).replace("\u2212", "-").replace("\u2013", "-")
    return spelt(Decimal(plain))


def same_number(one: str | None, other: str | None) -> bool:
    """Whether two readings name the same value; a missing reading equals nothing."""
    return one is not None and other is not None and Decimal(one) == Decimal(other)


def _last_strict(text: str) -> str | None:
    found = deque(_STRICT.finditer(text), maxlen=1)
    return canonical(found[0]["said"]) if found else None


def _tidied(text: str) -> str:
    """A text without the LaTeX that stands around and within numbers, fractions as a/b."""
    for pattern, instead in _TIDY:
        text = pattern.sub(instead, text)
    return text


def numbers(text: str) -> Iterator[Number]:
    """The numbers of a text, in order, by their value; parts of something longer are none."""
    for match in _NUMBER.finditer(text):
        place = match.start("digits")
        if _BEFORE.search(text, max(0, place - 10), place) or _AFTER.match(text, match.end()):
            continue
        value = _value(match)
        if value is not None:
            yield Number(value, match.start(), match.end())


def _value(match: re.Match[str]) -> str | None:
    digits = "".join(match["digits"].replace(",", "").split())
    minus = "-" if match["sign"] or match["minus"] else ""
    if match["lower"]:
        whole, upper = (digits, match["upper"]) if match["upper"] else ("0", digits)
        if len(upper) > 15 or "." in whole + upper or int(match["lower"]) == 0:
            return None
        value = int(whole[-15:]) + Fraction(int(upper), int(match["lower"]))
        return shown(-value if minus else value)
    power = int((match["exponent"] or match["power"] or "0").replace("\u2212", "-"))
    power += _SCALES[(match["scale"] or match["letter"]).lower()] if match["scale"] or match["letter"] else 0
    plain = Decimal(minus + digits)
    sign, figures, exponent = plain.as_tuple()
    return spelt(Decimal((sign, figures, int(exponent) + power))) if power else spelt(plain)


def _inside(container: Container, whole: str) -> str | None:
    """The number that a container holds."""
    if (container.kind == "title" and container.noun != "answer") or container.noun in ("option", "choice"):
        return None
    if container.kind == "hashes" and re.match(r"[0-9]{1,3}[.):]+\s+[A-Z]", container.inside):
        return None
    inside = container.inside[-TAIL:]
    if container.kind in ("tag", "field"):
        return held(inside, lambda inner: _inside(inner, whole), lambda plain: _contained(plain, whole))
    if container.kind in ("said", "title"):
        inside = _SENTENCE.split(inside, maxsplit=1)[0]
    found = [*islice(numbers(_tidied(inside[:_LINE])), 2)]
    if container.kind == "title" and len(found) > 1 and not _EQUALS.search(inside) and not _SO.search(inside):
        return None
    return _contained(inside, whole)


def _contained(inside: str, whole: str) -> str | None:
    """The number of a text that holds an answer and little more."""
    text = _tidied(inside[:_LINE]).strip(" \t\r\n*_`\"'$~")
    text = _DECIMAL_COMMA.sub(
        lambda match: (match[1] or match[3]).replace(".", "") + ("." + match[2] if match[2] else ""), text
    )
    text = _GROUPED.sub(lambda match: match[0].replace(" ", ""), text)
    last = _EQUALS.split(text)[-1].strip() or text
    found = [*numbers(last)]
    if len(found) == 1 and not _EXPRESSION.search(last):
        return None if undecided(last) else found[0].value
    short = len(last) < 80
    if short and _EXPRESSION.search(last):
        return evaluate(_EQUALS.split(inside)[-1].strip(" .*_`\"'$"))
    if short and _LISTED.fullmatch(last):
        return None
    if undecided(text):
        return None
    return _concluded(text, whole, first=True)


def _plain(text: str, asked: set[str]) -> str | None:
    """The number of a text that has no container."""
    tail = _tidied(text[-TAIL:])
    last = tail[-_LINE:].rstrip().rpartition("\n")[2]
    bare = [*islice(numbers(last), 2)]
    if len(bare) == 1 and not re.search(r"\w", last[: bare[0].start] + last[bare[0].end :]):
        return bare[0].value
    if cut_off(tail):
        return None
    counted = _ORDINAL.sub("", tail) if _ORDINAL.search(tail) else tail
    for candidate in (counted, tail):
        for sentence in reversed(_SENTENCE.split(candidate)):
            if any(character.isdigit() for character in sentence) and any(True for _ in numbers(sentence[-_LINE:])):
                return _concluded(sentence[-_LINE:], candidate, asked=asked)
    return None


def _concluded(sentence: str, whole: str, first: bool = False, asked: Collection[str] = ()) -> str | None:
    """Of the numbers of a sentence the one that it comes to, else the first or the last.

    That is the one behind its last "=" or "so"; in bold; given by the last "=" of the whole text that gave one of them;
    not in the question.
    """
    found = [*numbers(sentence[:_LINE])]
    if len(found) < 2:
        return found[0].value if found else None
    for mark in (*reversed([*_EQUALS.finditer(sentence)]), *reversed([*_SO.finditer(sentence)])):
        behind = [number for number in found if number.start >= mark.end()]
        if behind:
            return behind[0].value
    bold = [number for number in found if sentence[: number.start].endswith("**")]
    given = {number.value: place for place, number in enumerate(_given(whole))}
    results = [number for number in found if number.value in given]
    if bold:
        return bold[-1].value
    if results:
        return max(results, key=lambda number: given[number.value]).value
    new = [number for number in found if asked and number.value not in asked] or found
    return new[0 if first else -1].value


def _given(text: str) -> Iterator[Number]:
    """The numbers that an "=" gave, in order."""
    for match in _GIVEN.finditer(_tidied(text[-TAIL:])):
        yield from islice(numbers(match[1]), 1)
