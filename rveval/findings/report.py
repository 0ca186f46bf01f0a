"""What a study says, whole: its findings in the order of reading, its verdict, and what all of them speak of.

`Report.summary()` is summary.json. Every list of variants, tasks and cells is in the order in which people should read
it. `null` stands where there is nothing to say, and `problems` or a `why` beside it says why not. A change of meaning
raises `SCHEMA_VERSION`; a new key does not.

Two words need care. A *variant* here is a line of the tables: weights, as they were asked; weights asked in two ways
(`limit=100` and `limit=500`) are two variants, and `asked` tells them apart. A *task* may be a group of tasks (all
items of its members, each counting the same); tables of one line a benchmark take the tasks with `shown`, which are
the groups and whatever is in no group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from rveval.findings.pieces import Finding, Tone

SCHEMA_VERSION = 1


class VariantRow(TypedDict):
    """A line of the tables. `id` is fit for a file name and for an HTML id; `label` is unique too.

    `baseline` is the id of the base asked in the same way, null where the study has none; `asked` is "" where nothing
    differs; `formula` is for people ("tiny + 0.5 (tiny:grpo - tiny:sft)"); `remarks` is what a reader must know.

    Which part of the vector is added and what is made of it: `scope` (regexes over tensor names), `kinds` (of tensors;
    none: all), `layers` ([from, to), null for all), `ramp` (weights over depth), `steps` (transforms in order, each
    with its `name` and parameters, such as `{"name": "random", "seed": 3}`), `other` (the term that the step of this
    name takes). `forced`: its donors do not fit the base, and what fits was added; `misfit`: how donors were made to
    fit less, "" for not at all. `null` names its null control, "" where it has none: such a line is no candidate but
    what a real vector is compared with. `about` is all of this in short, as labels have it in brackets.
    """

    id: str
    label: str
    alpha: float
    fingerprint: str
    is_baseline: bool
    baseline: str | None
    model: str
    vector: str
    terms: list[dict[str, Any]]
    scope: list[str]
    kinds: list[str]
    layers: list[int] | None
    ramp: list[float]
    steps: list[dict[str, Any]]
    other: dict[str, Any] | None
    forced: bool
    misfit: str
    null: str
    about: str
    formula: str
    base: str
    asked: str
    study: str
    remarks: list[str]


class TaskRow(TypedDict):
    """A task, or a group of tasks (`members` are their names). `source` is the clean task it is a family of (itself
    where it is clean), `group` the group it belongs to, `n` its items in the largest cell; `chance`: the share that
    guessing gets right."""

    task: str
    title: str
    benchmark: str
    family: str
    source: str
    group: str
    members: list[str]
    shown: bool
    draws: list[int]
    n: int
    remarks: list[str]
    chance: float


class ProblemRow(TypedDict):
    """What was missing, refused or left out: `kind` is "missing", "refused", "skipped" or "warning"."""

    kind: str
    what: str
    where: str
    fix: str


class Hypotheses(TypedDict):
    """One family of hypotheses: the p values that were corrected together (Holm), and what they ask."""

    name: str
    question: str
    n: int


class Rules(TypedDict):
    """What was fixed before anything was looked at. `weights`: how benchmarks are pooled, "benchmarks" (each counts
    the same) or "items". `margin`: the share of a gain that has to be kept. `chance`: what guessing gets right, by
    clean task (those above 0); `edge`: how near to it, or to 1, is the floor or the ceiling."""

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


class Provenance(TypedDict):
    """How the cells were made. `configs` maps variant ids to resolved configs, `settings` cell ids to what was hashed
    into them; `commands` make the cells again; `versions` are those of all cells (several values: a list)."""

    configs: dict[str, dict[str, Any]]
    settings: dict[str, dict[str, Any]]
    versions: dict[str, list[str]]
    engines: list[dict[str, Any]]
    seeds: list[int]
    created: list[str]
    timings: dict[str, float]
    commands: list[str]


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


class Point(TypedDict):
    """A sentence of the verdict."""

    text: str
    tone: Tone


class Verdict(TypedDict):
    """One sentence, then points from the most to the least important."""

    sentence: str
    tone: Tone
    points: list[Point]


@dataclass(frozen=True)
class Report:
    """What a study says; `summary` is all of it as plain data."""

    verdict: Verdict
    findings: Sequence[Finding]
    variants: Sequence[VariantRow]
    tasks: Sequence[TaskRow]
    problems: Sequence[ProblemRow]
    rules: Rules
    made: Made
    provenance: Provenance
    items: Sequence[ItemSet]

    def summary(self) -> dict[str, Any]:
        """The whole of summary.json."""
        return {
            "schema_version": SCHEMA_VERSION,
            "made": self.made,
            "rules": self.rules,
            "verdict": self.verdict,
            "variants": list(self.variants),
            "tasks": list(self.tasks),
            **{found.key: list(found.rows) for found in self.findings if found.rows is not None},
            "problems": list(self.problems),
            "provenance": self.provenance,
            "items": list(self.items),
        }

    def finding(self, key: str) -> Finding:
        """The finding of this key; an empty one where this study has none."""
        return next((found for found in self.findings if found.key == key), Finding(key, key))

    def label(self, variant: str) -> str:
        """What a variant is called."""
        return next((row["label"] for row in self.variants if row["id"] == variant), variant)

    def title(self, task: str) -> str:
        """What a task is called."""
        return next((row["title"] for row in self.tasks if row["task"] == task), task)
