"""summary.json: all that a page, a table or a mirror shows, ready to be shown; who shows it computes nothing.

Shares and differences are of 1 (0.052 is 5.2 points). Every list of variants, tasks and cells is in the order in which
people should read it. `null` stands where there is nothing to say, and `problems` or a `why` beside it says why not.
Free text (labels, warnings, ids) is not escaped: whoever shows it must.

Two words need care. A *variant* here is a line of the tables: weights, as they were asked; weights asked in two ways
(`limit=100` and `limit=500`) are two variants, and `asked` tells them apart. A *task* may be a group of tasks
(`rv_bbh`: all items of its subtasks, each counting the same); tables of one line a benchmark take the tasks with
`shown`, which are the groups and whatever is in no group.

`typed_cells`, `typed_findings` and `typed_ablations` hold the parts; `items` documents the item files. A change of
meaning raises `SCHEMA_VERSION`; a new key does not.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from rveval.findings.typed_ablations import (
    Alone,
    Interference,
    Mismatch,
    NullEffect,
    NullRow,
    Question,
    RefusedRow,
    Sweep,
    SweepPoint,
)
from rveval.findings.typed_cells import (
    Call,
    CellRow,
    Class,
    Comparison,
    Edge,
    Gains,
    Interval,
    Noise,
    Pooled,
    Share,
    TaskRow,
    Tokens,
    VariantRow,
)
from rveval.findings.typed_findings import (
    Best,
    Claim,
    Curve,
    Effect,
    Effects,
    Factorial,
    FamilyDrop,
    Point,
    Robustness,
    Survival,
    Trend,
    Verdict,
)

__all__ = [
    "SCHEMA_VERSION",
    "Alone",
    "Best",
    "Call",
    "CellRow",
    "Claim",
    "Class",
    "Comparison",
    "Conclusion",
    "Curve",
    "Edge",
    "Effect",
    "Effects",
    "Factorial",
    "FamilyDrop",
    "Gains",
    "Hypotheses",
    "Interference",
    "Interval",
    "ItemSet",
    "Made",
    "Mismatch",
    "Noise",
    "NullEffect",
    "NullRow",
    "PartFile",
    "Point",
    "Pooled",
    "Provenance",
    "Question",
    "RefusedRow",
    "Robustness",
    "Rules",
    "Share",
    "Statement",
    "Summary",
    "Survival",
    "Sweep",
    "SweepPoint",
    "TaskRow",
    "Tokens",
    "Tone",
    "Trend",
    "Trouble",
    "VariantItems",
    "VariantRow",
    "Verdict",
]

SCHEMA_VERSION = 1

Tone = Literal["good", "bad", "mixed", "unknown"]


class PartFile(TypedDict):
    """One item file: its name in the folder of items, the first item in it and how many (places in the set)."""

    file: str
    first: int
    n: int
    bytes: int


class VariantItems(TypedDict):
    """The files of one variant in a set."""

    variant: str
    marks: list[PartFile]
    texts: list[PartFile]


class ItemSet(TypedDict):
    """Items of one task in one draw, asked in one way. `clean` is the id of the set with the same items unperturbed
    (null for a clean set, or where there is none). Items keep their place in all files of a set."""

    id: str
    task: str
    draw: int
    benchmark: str
    family: str
    n: int
    clean: str | None
    items: list[PartFile]
    prompts: list[PartFile]
    variants: list[VariantItems]


class Hypotheses(TypedDict):
    """One family of hypotheses: the p values that were corrected together (Holm), and what they ask."""

    name: str
    question: str
    n: int


class Rules(TypedDict):
    """What was fixed before anything was looked at. `weights`: how benchmarks are pooled, "benchmarks" (each counts
    the same) or "items". `margin`: the share of a gain that has to be kept. `chance`: what guessing gets right, by
    benchmark; `edge`: how near to it, or to 1, is the floor or the ceiling."""

    level: float
    power: float
    margin: float
    weights: Literal["benchmarks", "items"]
    seed: int
    chance: dict[str, float]
    edge: float
    hypotheses: list[Hypotheses]


class Made(TypedDict):
    """Who made this file, from what. `command` makes it again; `source` is the store's folder (or lm-eval's)."""

    rveval: str
    created: str
    studies: list[str]
    command: str
    source: str


class Statement(TypedDict):
    """A sentence for people."""

    text: str
    tone: Tone


class Conclusion(TypedDict):
    """The verdict: one sentence, then points from the most to the least important."""

    sentence: str
    tone: Tone
    points: list[Statement]


class Trouble(TypedDict):
    """What was missing, refused or left out: `kind` is "missing", "refused", "skipped" or "warning"."""

    kind: str
    what: str
    where: str
    fix: str


class Provenance(TypedDict):
    """How it was made. `configs` maps variant ids to resolved configs, `settings` cell ids to what was hashed into
    them; `commands` make the cells again; `versions` are those of all cells (several values: a list)."""

    configs: dict[str, dict[str, Any]]
    settings: dict[str, dict[str, Any]]
    versions: dict[str, list[str]]
    engines: list[dict[str, Any]]
    seeds: list[int]
    created: list[str]
    timings: dict[str, float]
    commands: list[str]


class Summary(TypedDict):
    """The whole of summary.json."""

    schema_version: int
    made: Made
    rules: Rules
    verdict: Conclusion
    variants: list[VariantRow]
    tasks: list[TaskRow]
    cells: list[CellRow]
    comparisons: list[Comparison]
    pooled: list[Pooled]
    robustness: list[Robustness]
    survival: list[Survival]
    gains: list[Gains]
    curves: list[Curve]
    factorial: list[Factorial]
    nulls: list[NullRow]
    interference: list[Interference]
    sweeps: list[Sweep]
    refused: list[RefusedRow]
    noise: list[Noise]
    claims: list[Claim]
    problems: list[Trouble]
    provenance: Provenance
    items: list[ItemSet]
