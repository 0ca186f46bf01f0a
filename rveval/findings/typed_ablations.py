"""The parts of summary.json that speak of ablations: null controls, parts of a vector, several vectors; see `typed`."""

from __future__ import annotations

from typing import Literal, TypedDict

from rveval.findings.typed_cells import Call, Edge, Interval

Question = Literal["help", "harm"]


class NullEffect(TypedDict):
    """One null control: its difference to the baseline on the same items."""

    variant: str
    difference: Interval


class NullRow(TypedDict):
    """A real vector (`variant`) among null controls of one kind, on one task: would any vector do?

    The nulls are the lines that differ from it in nothing but a step of this kind (`kind`: "random", "permute", ...),
    asked the same items. `question` follows from the recipe and not from the answers: "help" where the vector is
    added, "harm" where it is subtracted. `beaten` is the share of nulls with less of that effect than the real one's,
    `p` its exact one-sided rank, uncorrected, ties counted against it; `smallest_p` what beating all of them gives,
    `needed` how many nulls it takes for p to reach 1 - level. `lowest`, `mean` and `highest` are of the nulls'
    differences, `nulls` lists them all, from the lowest up. `reached` are those that have at least the real effect.
    `said` is all of it in words.
    """

    variant: str
    baseline: str
    task: str
    benchmark: str
    family: str
    kind: str
    question: Question
    real: Interval
    call: Call
    n: int
    lowest: float
    mean: float
    highest: float
    nulls: list[NullEffect]
    reached: int
    beaten: float
    p: float
    smallest_p: float
    needed: int
    said: str


class Alone(TypedDict):
    """One vector of several, alone: its line, and its difference to the baseline."""

    variant: str
    difference: Interval


class Interference(TypedDict):
    """Several vectors together (`variant`) against the sum of what each gives alone, on one task, paired by item.

    `interference` is `together` - `total`, all of them differences to the baseline, `total` being the sum of `alone`.
    `p_holm` is corrected over `hypotheses`. `call`: "better" is more than the sum, "worse" less. `beyond`: where the
    sum itself can't be, as the base has not so much left to gain ("ceiling") or to lose ("floor"); `call` is "edge"
    where the vectors together also stand there.
    """

    variant: str
    baseline: str
    task: str
    benchmark: str
    family: str
    alone: list[Alone]
    together: Interval
    total: Interval
    interference: Interval
    p: float
    p_holm: float
    detectable: float
    hypotheses: str
    beyond: Edge
    call: Call
    said: str


class SweepPoint(TypedDict):
    """One line of a sweep: what it differs in, in words, and its difference to the baseline with its call."""

    value: str
    variant: str
    difference: Interval
    call: Call


class Sweep(TypedDict):
    """Lines that differ in one thing only, on one task: `by` is "density", "rank", "cap", "gamma" or "epsilon" of the
    step `step`, "layers" or "kinds" (`step` is "" there). `vector` says what they share; points are in order."""

    by: str
    step: str
    model: str
    vector: str
    alpha: float
    task: str
    benchmark: str
    family: str
    points: list[SweepPoint]


class Mismatch(TypedDict):
    """One thing in which a vector's donors do not fit the base."""

    what: str
    where: str
    expected: str
    found: str
    fix: str


class RefusedRow(TypedDict):
    """A variant of the study that was refused before an engine started, and everything that does not fit."""

    label: str
    study: str
    problems: list[Mismatch]
