"""The versioned schema of the store: what a sample, a cell and a file of a study hold."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

SCHEMA_VERSION = 1


class Sample(TypedDict):
    """One line of samples.jsonl: one answer to one item. `extracted` and `correct` are the flexible reading.

    `changed` says whether the prompt differs from the clean one, `left_alone` why a family left the item or a part of
    it as it was ("" for nothing), `why` how model-written code ended ("" elsewhere).
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
    extracted: str | None
    correct: bool
    extracted_strict: str | None
    correct_strict: bool
    target: str
    extraction_failed: bool
    finish_reason: str
    n_prompt_tokens: int
    n_output_tokens: int
    mean_logprob: float | None
    signs: list[str]
    metrics: dict[str, float]
    changed: bool
    left_alone: str
    why: str


class Variant(TypedDict):
    """The variant of a cell: how it is shown, and what it is."""

    label: str
    alpha: float
    fingerprint: str
    terms: list[dict[str, Any]]
    scope: list[str]
    model: str
    vector: str
    base: str
    kinds: list[str]
    layers: list[int] | None
    ramp: list[float]
    steps: list[dict[str, Any]]
    other: dict[str, Any] | None
    forced: bool
    misfit: str


class Timings(TypedDict):
    """Seconds: the swap into the engine, generation, scoring, and the cell from prompts to disk."""

    swap_s: float
    generate_s: float
    score_s: float
    wall_s: float


class CellRecord(TypedDict):
    """cell.json. `n` counts items; `settings` is what was hashed into `cell_id`; `samples_sha256` seals samples.jsonl.

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
