"""summary.json: all that a page, a table or a mirror shows, ready to be shown; who shows it computes nothing.

Shares and differences are of 1 (0.052 is 5.2 points). Every list of variants, tasks and cells is in the order in which
people should read it. `null` stands where there is nothing to say, and `problems` or a `why` beside it says why not.
Free text (labels, warnings, ids) is not escaped: whoever shows it must.

Two words need care. A *variant* here is a line of the tables: weights, as they were asked; weights asked in two ways
(`limit=100` and `limit=500`) are two variants, and `asked` tells them apart. A *task* may be a group of tasks
(`rv_bbh`: all items of its subtasks, each counting the same); tables of one line a benchmark take the tasks with
`shown`, which are the groups and whatever is in no group.

`items.py` documents the item files. A change of meaning raises `SCHEMA_VERSION`; a new key does not.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

SCHEMA_VERSION = 1

Edge = Literal["floor", "ceiling", ""]
Call = Literal["better", "worse", "unclear", "edge", "none"]
Verdict = Literal["survived", "lost", "inconclusive", "no gain", "edge", "none"]
Tone = Literal["good", "bad", "mixed", "unknown"]
Class = Literal["truncation", "extraction", "style", "length", "content"]


class Interval(TypedDict):
    """A number, its two-sided interval at `rules.level`, and the number of items (clusters) behind it."""

    value: float
    low: float
    high: float
    n: int


class Hypotheses(TypedDict):
    """One family of hypotheses: the p values that were corrected together (Holm), and what they ask."""

    name: str
    question: str
    n: int


class Rules(TypedDict):
    """What was fixed before anything was looked at. `weights`: how benchmarks are pooled, "benchmarks" (each counts
    the same) or "items". `file`: where the rules were read from."""

    level: float
    alpha: float
    power: float
    margin: float
    weights: Literal["benchmarks", "items"]
    seed: int
    resamples: int
    file: str
    hypotheses: list[Hypotheses]


class Made(TypedDict):
    """Who made this file, from what. `command` makes it again; `source` is the store's folder (or lm-eval's)."""

    rveval: str
    created: str
    studies: list[str]
    command: str
    source: str


class VariantRow(TypedDict):
    """A line of the tables. `id` is fit for a file name and for an HTML id; `label` is unique too.

    `baseline` is the id of the base asked in the same way, null where the study has none; `asked` is "" where nothing
    differs; `formula` is for people ("tiny + 0.5 (tiny:grpo - tiny:sft)"); `remarks` is what a reader must know.
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
    formula: str
    base: str
    asked: str
    study: str
    remarks: list[str]


class TaskRow(TypedDict):
    """A task, or a group of tasks (`members` are their names). `source` is the clean task it is a family of (itself
    where it is clean), `group` the group it belongs to, `n` its items in the largest cell."""

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


class Tokens(TypedDict):
    """Tokens of an answer."""

    mean: float
    median: float


class CellRow(TypedDict):
    """One variant on one task in one draw; of a group, with all its members together (`cell_id` is "" there).

    `accuracy` is the flexible reading. `metrics` are the cell's own (`pass@k`, ...). `health` counts signs of a broken
    variant, `changed` the items whose prompt differs from the clean one, `left_alone` items by reason.
    """

    variant: str
    task: str
    draw: int
    cell_id: str
    n: int
    accuracy: Interval
    strict: Interval
    extraction_failed: Interval
    truncated: Interval
    tokens: Tokens
    metrics: dict[str, float]
    health: dict[str, int]
    changed: int
    left_alone: dict[str, int]
    warnings: list[str]
    asked: str
    edge: Edge
    timings: dict[str, float]


class Comparison(TypedDict):
    """A variant against its baseline on one task, all draws together, paired by item id.

    `p` is McNemar's exact test (with several draws or samples: the sign test over items), `p_mid` its mid-p form,
    `p_holm` is corrected over the hypotheses named by `hypotheses`. `detectable`: the smallest true difference that
    these items would show with the rules' power. `noise`: how far the baseline differs from itself when it is run
    again with its requests in another order (the largest such difference on this task), null where it was not.
    `call`: what may be said, "edge" at the floor or the ceiling; "unclear" where the interval or p_holm leaves it open.
    """

    variant: str
    baseline: str
    task: str
    benchmark: str
    family: str
    draws: list[int]
    difference: Interval
    fixed: int
    broken: int
    p: float
    p_mid: float
    p_holm: float
    hypotheses: str
    detectable: float
    at_edge: Edge
    noise: float | None
    call: Call


class Pooled(TypedDict):
    """A variant against its baseline over the tasks (`shown` ones) of one family; `weights` as in `Rules`.

    Both weightings are listed; the one that the rules name comes first and has `p_holm`.
    """

    variant: str
    baseline: str
    family: str
    tasks: list[str]
    weights: str
    difference: Interval
    p: float
    p_holm: float | None
    call: Call


class FamilyDrop(TypedDict):
    """What a family does to one variant on one benchmark: clean and perturbed accuracy over the same items, and flips.

    `drop` is (clean - perturbed) / clean, the performance drop rate; null where the clean accuracy is 0.
    """

    family: str
    task: str
    accuracy: Interval
    change: Interval
    drop: Interval | None
    lost: int
    won: int
    at_edge: Edge


class Robustness(TypedDict):
    """One variant on one benchmark (`source` is its clean task) under all its families.

    `worst` is the family with the lowest accuracy; `right_under_all` the share of items right clean and under every
    family and draw; `consistency` the share of items with one verdict throughout (all right, or all wrong), of no use
    without the accuracy that stands beside it.
    """

    variant: str
    source: str
    clean: Interval
    families: list[FamilyDrop]
    worst: str
    worst_accuracy: Interval | None
    right_under_all: Interval
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


class Share(TypedDict):
    """How many fixed and broken items are of one class, and what they add to the difference."""

    name: Class
    fixed: int
    broken: int
    difference: float


class Gains(TypedDict):
    """Where a difference comes from: every fixed and broken item is in exactly one class; they add up to the whole."""

    variant: str
    baseline: str
    task: str
    draw: int
    n: int
    difference: float
    classes: list[Share]


class Point(TypedDict):
    """One alpha of a curve; `variant` is the base's id at alpha 0."""

    alpha: float
    variant: str
    accuracy: Interval
    difference: Interval | None
    extraction_failed: float
    tokens: float


class Trend(TypedDict):
    """Does accuracy move with alpha? `slope` in accuracy for each unit of alpha."""

    slope: float
    low: float
    high: float
    p: float


class Best(TypedDict):
    """The best alpha, chosen on one half of the items and reported on the other, so that the choice costs nothing."""

    alpha: float
    variant: str
    chosen_on: int
    accuracy: Interval
    difference: Interval


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


class Factorial(TypedDict):
    """Prompt by vector on one benchmark: `cells` maps "base", "base + think", "v", "v + think", "-v", "-v + think" to
    accuracies (those there are); `interaction` is what the vector adds to the cue's effect:
    (v+think - v) - (think - base).
    """

    model: str
    vector: str
    alpha: float
    source: str
    cue: str
    cells: dict[str, Interval]
    effect_vector: Interval
    effect_cue: Interval
    interaction: Interval
    p: float


class Noise(TypedDict):
    """A variant run again with its requests in another order: how many items changed their verdict."""

    variant: str
    task: str
    draw: int
    repeat: int
    n: int
    difference: Interval
    fixed: int
    broken: int


class Claim(TypedDict):
    """A published number, judged. `claimed` and `found` are differences of shares; `found` is null where the study has
    no such cells. `verdict`: "reproduced", "not reproduced", "underpowered", "not tested"."""

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
    noise: list[Noise]
    claims: list[Claim]
    problems: list[Trouble]
    provenance: Provenance
    items: list[ItemSet]
