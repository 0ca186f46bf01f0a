"""Reading which of several options a response chooses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rveval.answers.reading import HASHES, Reading


def read_option(response: str, labels: Sequence[str], options: Sequence[str]) -> Reading:
    """The option that a response chooses, as its label.

    >>> read_option("Because of this...\\n#### C", ["A", "B", "C"], ["one", "two", "three"])
    Reading(strict='C', flexible='C')
    """
    either = "|".join(map(re.escape, labels))
    strict = re.findall(rf"{HASHES}[ \t]*+\(?({either})\)?\.?[ \t\r]*$", response, re.MULTILINE)
    if strict:
        return Reading(strict[-1], strict[-1])
    marked = re.findall(rf"(?:is|answer|option|:|\*\*|boxed{{)\W{{0,6}}({either})\b", response)
    shown = marked or re.findall(rf"\(({either})\)|^({either})[.)]?$", response, re.MULTILINE)
    if shown:
        return Reading(None, shown[-1] if isinstance(shown[-1], str) else "".join(shown[-1]))
    named = [label for label, text in zip(labels, options, strict=True) if text.lower() in response.lower()]
    return Reading(None, named[0] if len(named) == 1 else None)
