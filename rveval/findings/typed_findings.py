"""The parts of summary.json that speak of several tasks or variants: families, curves, claims; see `typed`."""

from __future__ import annotations

from typing import Literal, TypedDict

from rveval.findings.typed_cells import Edge, Interval

Verdict = Literal["survived", "lost", "inconclusive", "no gain to survive", "no verdict"]


class FamilyDrop(TypedDict):
    """What a family does to one variant on one benchmark: clean and perturbed accuracy over the same items, and flips.

    `change` is perturbed - clean, `p` its exact test; `drop` is (clean - perturbed) / clean, the performance drop rate;
    null where the clean accuracy can't be told from 0. `lost` items were right clean, `won` items only perturbed.
    """

    family: str
    task: str
    accuracy: Interval
    change: Interval
    p: float
    drop: Interval | None
    lost: int
    won: int
    at_edge: Edge


class Robustness(TypedDict):
    """One variant on one benchmark (`source` is its clean task) under all its families.

    `worst` is the family with the lowest accuracy; `right_under_all` the share of items right clean and under every
    family and draw, `wrong_under_all` of those wrong in all; `consistency` is their sum: never shown without them.
    `drop` is the drop rate of the mean over all families.
    """

    variant: str
    source: str
    clean: Interval
    families: list[FamilyDrop]
    worst: str
    worst_accuracy: Interval
    drop: Interval | None
    right_under_all: Interval
    wrong_under_all: Interval
    consistency: Interval


class Survival(TypedDict):
    """Did the gain survive a family? `gain_family - gain_clean` is `did`, paired by item, clustered by source item.

    `kept` is the share of the clean gain that is left, with its interval; null where there was no gain to keep.
    `verdict` follows the rule of `Rules`; `why` is the rule's answer in words.
    """

    variant: str
    baseline: str
    source: str
    benchmark: str
    family: str
    task: str
    n: int
    gain_clean: Interval
    gain_family: Interval
    did: Interval
    p: float
    p_holm: float | None
    kept: Interval | None
    verdict: Verdict
    why: str


class Point(TypedDict):
    """One alpha of a curve; `variant` is the base's id at alpha 0."""

    alpha: float
    variant: str
    accuracy: Interval
    difference: Interval | None
    extraction_failed: float
    tokens: float


class Trend(TypedDict):
    """Does accuracy move with alpha? `slope` is the change of accuracy for each unit of alpha; a straight line only: a
    curve that rises and falls again may have none."""

    slope: Interval
    p: float


class Best(TypedDict):
    """The best alpha, chosen on one half of the items and reported on the other: `held_out` is its difference to alpha
    0 there, an honest number; `chosen_on` its accuracy on the half that chose it, too high to be reported."""

    alpha: float
    variant: str
    chosen_on: Interval
    held_out: Interval
    p: float


class Curve(TypedDict):
    """Dose and response on one task. `trend` and `best` are null where there are too few alphas."""

    model: str
    vector: str
    task: str
    benchmark: str
    family: str
    points: list[Point]
    trend: Trend | None
    best: Best | None


class Effect(TypedDict):
    """A difference and its p."""

    difference: Interval
    p: float


class Effects(TypedDict):
    """A two-by-two table: `vector` (v - base), `cue` (base+cue - base), `both` (v+cue - base), `vector_with_cue`
    (v+cue - base+cue), `interaction` (v+cue - v) - (base+cue - base): above 0 they help each other."""

    vector: Effect
    cue: Effect
    both: Effect
    vector_with_cue: Effect
    interaction: Effect


class Factorial(TypedDict):
    """Prompt by vector on one benchmark, `cue` being the family ("think"). `cells` maps "base", "base+cue", "v",
    "v+cue", "-v", "-v+cue" (those there are) to accuracies; `minus` is null where -v was not run."""

    model: str
    vector: str
    alpha: float
    source: str
    cue: str
    n: int
    cells: dict[str, Interval]
    plus: Effects
    minus: Effects | None


class Claim(TypedDict):
    """A published number, judged. `claimed` and `found` are differences of shares; `found` is null where the study has
    no such cells. `verdict`: "reproduced", "not reproduced", "underpowered", "no verdict" (at the floor or the
    ceiling), "not tested"."""

    id: str
    source: str
    text: str
    task: str
    variant: str | None
    claimed: float
    found: Interval | None
    detectable: float | None
    verdict: str
    why: str
