"""What a response scores, and the ways to compare a reading with the right answer that benchmarks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rveval import answers
from rveval.answers import Reading

Doc = Mapping[str, Any]

READERS = {"number": 1, "option": 1, "word": 1, "brackets": 1, "sorted": 1, "code": 1}
"""The readers of `rveval.answers` and their versions. Whoever changes what a reader finds in some response raises its
version: stored answers are then scored again. A test holds the readings of fixed responses against these versions."""


@dataclass(frozen=True, slots=True)
class Score:
    """One response, scored.

    `extracted` and `correct` are the flexible reading, `extracted_strict` and `correct_strict` the strict one;
    `metrics` are further per-response numbers in [0, 1] that only some benchmarks have; `why` says why code failed.
    """

    extracted: str | None
    correct: bool
    extracted_strict: str | None
    correct_strict: bool
    extraction_failed: bool
    metrics: dict[str, float] = field(default_factory=dict)
    why: str = ""


def same_text(one: str | None, other: str | None) -> bool:
    """Whether two texts are one but for case; a reading that found nothing is like none."""
    return one is not None and other is not None and one.casefold() == other.casefold()


def compared(reading: Reading, gold: str, same: Callable[[str | None, str | None], bool] = same_text) -> Score:
    """The score of a reading whose right answer is `gold`."""
    return Score(
        extracted=reading.flexible,
        correct=same(reading.flexible, gold),
        extracted_strict=reading.strict,
        correct_strict=same(reading.strict, gold),
        extraction_failed=reading.failed,
    )


def number_score(gold: str, response: str) -> Score:
    """The score of a response that should give a number; `gold` in canonical spelling."""
    return compared(answers.read_number(response), gold, answers.same_number)


def option_score(doc: Doc, response: str) -> Score:
    """The score of a response that should name the right one of the document's options by its label."""
    reading = answers.read_option(response, doc["labels"], doc["options"])
    return compared(reading, doc["labels"][doc["gold"]])
