"""The parts of summary.json that speak of one variant on one task: rows, cells, comparisons; see `typed`."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Edge = Literal["floor", "ceiling", ""]
Call = Literal["better", "worse", "unclear", "edge"]
Class = Literal["truncation", "extraction", "style", "length", "content"]


class Interval(TypedDict):
    """A number, its two-sided interval at `rules.level`, and the number of items (clusters) behind it."""

    value: float
    low: float
    high: float
    n: int


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
    detectable: float
    hypotheses: str
    call: Call


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


class Noise(TypedDict):
    """A variant run again with its requests in another order: how many items changed their verdict."""

    variant: str
    task: str
    draw: int
    repeat: int
    n: int
    scores_differ: Interval
    responses_differ: Interval
    difference: Interval
    fixed: int
    broken: int
