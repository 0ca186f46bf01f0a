"""The versioned schema of the store: what a sample, a cell and a file of a study hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, cast

SCHEMA_VERSION = 2
"""2 holds the recipe verbatim, what scored the answers, and of an answer its thinking and what stopped it."""


class Sample(TypedDict):
    """One line of samples.jsonl: one answer to one item. `extracted` and `correct` are the flexible reading.

    `response` is what the model said, whole; `thinking` is the part of it that is no answer. `stop_reason` is the stop
    string or the end token that ended it, None where it was cut off or only scored. `changed` says whether the prompt
    differs from the clean one, `left_alone` why a family left the item or a part of it as it was ("" for nothing),
    `why` how model-written code ended ("" elsewhere). `loglikelihoods` are those of the texts that the task compares,
    with whether each was the greedy one; one that is not finite is a text.
    """

    item_id: str
    doc_id: int
    benchmark: str
    family: str
    draw: int
    seed: int
    sample_index: int
    prompt: str
    response: str
    thinking: str
    extracted: str | None
    correct: bool
    extracted_strict: str | None
    correct_strict: bool
    target: str
    extraction_failed: bool
    finish_reason: str
    stop_reason: str | None
    n_prompt_tokens: int
    n_output_tokens: int
    n_thinking_tokens: int
    mean_logprob: float | None
    signs: list[str]
    metrics: dict[str, float]
    changed: bool
    left_alone: str
    why: str
    loglikelihoods: NotRequired[list[tuple[float | str, bool]]]


class Variant(TypedDict):
    """The variant of a cell. On disk it is `label`, `alpha`, `fingerprint`, and `terms` by content hash and weight.

    The rest is in the record's recipe, and added from there when a cell is read (`full_variant`); in schema 1 it stood
    here. `misfit` is schema 1's alone.
    """

    label: str
    alpha: float
    fingerprint: str
    terms: list[dict[str, Any]]
    scope: NotRequired[list[str]]
    model: NotRequired[str]
    vector: NotRequired[str]
    base: NotRequired[str]
    kinds: NotRequired[list[str]]
    layers: NotRequired[list[int] | None]
    ramp: NotRequired[list[float]]
    steps: NotRequired[list[dict[str, Any]]]
    other: NotRequired[dict[str, Any] | None]
    forced: NotRequired[bool]
    misfit: NotRequired[str]


class Timings(TypedDict):
    """Seconds: the swap into the engine, generation, scoring, and the cell from prompts to disk."""

    swap_s: float
    generate_s: float
    score_s: float
    wall_s: float


class Rescoring(TypedDict):
    """That stored answers were scored again: when, and what had scored them before."""

    at: str
    scored_by: dict[str, Any]


class CellRecord(TypedDict):
    """cell.json. `n` counts items; `settings` is what was hashed into `cell_id`; `samples_sha256` seals samples.jsonl.

    `recipe` is `Recipe.to_record()` verbatim. `scored_by` says which reader and scorer made scores of the answers, with
    their versions; it is no part of `cell_id`: where it is not today's, the answers are scored again, and `rescored`
    says so. Both are missing in schema 1. From `title` on: what the benchmark says of the task, where it says it.
    `changed` counts the items whose prompt differs from the clean one, `left_alone` the others by their reason.
    `health` counts the signs of a broken variant; `warnings` says in words what a reader of the numbers must know.
    `study` files and reports rely on these names; a change of meaning raises `SCHEMA_VERSION`.
    """

    schema_version: int
    cell_id: str
    task: str
    benchmark: str
    family: str
    draw: int
    seed: int
    limit: int | None
    n: int
    metrics: dict[str, float]
    health: dict[str, int]
    variant: Variant
    decoding: dict[str, Any]
    prompting: dict[str, Any]
    engine: dict[str, Any]
    versions: dict[str, str]
    timings: Timings
    settings: dict[str, Any]
    warnings: list[str]
    created: str
    changed: int
    left_alone: dict[str, int]
    samples_sha256: NotRequired[str]
    recipe: NotRequired[dict[str, Any]]
    scored_by: NotRequired[dict[str, Any]]
    rescored: NotRequired[list[Rescoring]]
    title: NotRequired[str]
    source: NotRequired[str]
    group: NotRequired[str]
    chance: NotRequired[float]
    reads_code: NotRequired[bool]
    same_questions_as: NotRequired[str]
    outside_training: NotRequired[list[str]]


class StudyEntry(TypedDict):
    """A file of a study: one variant, its cells (ids), and the resolved config of its last run."""

    schema_version: int
    study: str
    label: str
    alpha: float
    fingerprint: str
    cells: list[str]
    config: dict[str, Any]


class Refusal(TypedDict):
    """A file of a study's `refused` folder: a variant whose donors do not match its base, so nothing was asked.

    `problems` have the keys what, where, expected, found, fix, as in `errors.Problem`.
    """

    schema_version: int
    study: str
    label: str
    problems: list[dict[str, str]]
    config: dict[str, Any]


def full_variant(variant: Variant, recipe: Mapping[str, Any]) -> Variant:
    """The variant with all that its recipe says of it.

    Args:
        variant: as on disk.
        recipe: as `Recipe.to_record()` gives it.
    """
    is_base = not variant["terms"]
    known: dict[str, Any] = {
        "terms": [] if is_base else [_term(term) for term in recipe["terms"]],
        "scope": recipe["scope"],
        "model": recipe["model"],
        "vector": recipe["vector"],
        "base": recipe["base_hash"],
        "kinds": recipe["kinds"],
        "layers": recipe["layers"],
        "ramp": recipe["ramp"],
        "steps": [] if is_base else [_without_version(step) for step in recipe["steps"]],
        "other": _term(recipe["other"]) if recipe["other"] else None,
        "forced": recipe["forced"],
        "misfit": "",
    }
    return cast(Variant, {**variant, **known})


def _term(term: Mapping[str, Any]) -> dict[str, Any]:
    """A term by content hashes, weight and folders; models that adapters were trained on, where there are any."""
    known = {"plus": term["plus_hash"], "minus": term["minus_hash"], "weight": term["weight"]}
    paths = {"plus_path": term["plus"], "minus_path": term["minus"]}
    on = {
        "plus_on": "plus_on_hash",
        "minus_on": "minus_on_hash",
        "plus_on_path": "plus_on",
        "minus_on_path": "minus_on",
    }
    return known | paths | {name: term[key] for name, key in on.items() if term[key]}


def _without_version(step: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in step.items() if name != "version"}
