"""How values are written: one notation for the terminal, the page, Markdown, LaTeX and W&B, such as `+5.2 [2.1, 8.3]`.

Labels, warnings and model output are free text. `visible` is the first step for all of them: control characters and
marks of direction are shown as what they are. Escaping for its own target is each format's second step.
"""

from __future__ import annotations

import re

from rveval.findings import Interval, Outcome, Points, PValue, Score, Share, Value
from rveval.findings import wording as numbers

CALLS, REMARK = numbers.CALLS, numbers.REMARK
count, in_words, level, points, span = numbers.count, numbers.in_words, numbers.level, numbers.points, numbers.span

# Shape as well as colour: a page printed in grey, or read by somebody who sees no colours, says the same.
SIGNS: dict[str, str] = {"better": "▲", "worse": "▼", "unclear": "○", "edge": "⊘"}

# Control characters, marks of direction, ends of lines other than the usual one, halves of surrogate pairs.
_INVISIBLE = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ud800-\\udfff]"
)


def parts(value: Value) -> list[tuple[str, bool]]:
    """A value as pieces of text, each with whether it counts, which formats set bold.

    >>> parts(Points({"value": 0.052, "low": 0.021, "high": 0.083, "n": 500}, counts=True))
    [('+5.2 [2.1, 8.3]', True)]
    """
    if isinstance(value, Score):
        return _score(value)
    return [(visible(in_words(value)), isinstance(value, Points | PValue) and value.counts)]


def plain(value: Value) -> str:
    """A value as text.

    >>> plain(Share(0.632)), plain(1319), plain(None)
    ('63.2%', '1,319', '')
    """
    return "".join(text for text, _ in parts(value))


def is_number(value: Value) -> bool:
    """Whether a value stands on the right of its column."""
    return not isinstance(value, str | Outcome | None)


def visible(text: str) -> str:
    """A text in which nothing is invisible, so that no name can hide, or turn round, what stands beside it.

    >>> visible("a\\x1b[31m\\u202eb")
    'a⟨001B⟩[31m⟨202E⟩b'
    """
    return _INVISIBLE.sub(lambda found: f"⟨{ord(found[0]):04X}⟩", text)


def percent(interval: Interval) -> str:
    """A share in percent, without its interval."""
    return in_words(Share(interval["value"]))


def _score(score: Score) -> list[tuple[str, bool]]:
    """`63.2% (+5.2 [2.1, 8.3])`: the accuracy, and the difference to the baseline."""
    accuracy = percent(score.accuracy) if score.accuracy else ""
    if score.difference is None:
        return [(accuracy, False)]
    difference = (in_words(Points(score.difference)), score.call in ("better", "worse"))
    if not accuracy:
        return [difference]
    return [(f"{accuracy} (", False), difference, (f", {score.edge})" if score.edge else ")", False)]
