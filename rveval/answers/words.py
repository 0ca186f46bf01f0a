"""Reading words and signs: yes or no, the missing brackets, a sorted list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rveval.answers.reading import HASHES, Reading


def read_word(response: str, allowed: Sequence[str]) -> Reading:
    """The word that a response decides for, spelt as in `allowed`.

    >>> read_word("So the answer is no.", ["Yes", "No"])
    Reading(strict=None, flexible='No')
    """
    spelling = {word.casefold(): word for word in allowed}
    either = "|".join(map(re.escape, allowed))
    strict = re.findall(rf"{HASHES}[ \t]*+({either})\.?[ \t\r]*$", response, re.MULTILINE | re.IGNORECASE)
    found = strict or re.findall(rf"\b({either})\b", response, re.IGNORECASE)
    last = spelling.get(found[-1].casefold()) if found else None
    return Reading(last if strict else None, last)


def read_brackets(response: str, given: str = "") -> Reading:
    """The brackets that close a sequence, joined by single spaces; `given` is the sequence as the question has it.

    >>> read_brackets("#### ] ) }")
    Reading(strict='] ) }', flexible='] ) }')
    """
    strict = re.findall(rf"{HASHES}([ \t\r\[\](){{}}<>]*)$", response, re.MULTILINE)
    found = strict or re.findall(r"[\[\](){}<>][ \[\](){}<>]*", response)
    signs = "".join(found[-1].split()) if found else ""
    signs = signs.removeprefix("".join(given.split()))
    last = " ".join(signs) or None
    return Reading(last if strict else None, last)


def read_sorted(response: str, words: Sequence[str]) -> Reading:
    """The words of a list in the order that a response gives them, in lower case, joined by single spaces.

    >>> read_sorted("apple, Bear", ["bear", "apple"])
    Reading(strict=None, flexible='apple bear')
    """
    strict = re.findall(rf"{HASHES}([^\n]*)$", response, re.MULTILINE)
    text = strict[-1] if strict else response
    known = {word.lower() for word in words}
    found = [word for word in re.findall(r"[^\s,;*]+", text.lower()) if word.strip(".") in known][-len(words) :]
    last = " ".join(word.strip(".") for word in found) or None
    return Reading(last if strict else None, last)
