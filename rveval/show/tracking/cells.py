"""A cell for the mirror: its numbers under the names of its variant's run, and the rows of its table of samples.

What a model wrote is data: it is cut where it is endless, cleaned of what is no Unicode, and otherwise left as it is;
W&B shows a table's text as text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from rveval.show.tracking.groups import repeat

TABLE_ROWS = 1_000
"""Rows of one cell's table; `<task>/samples` and `<task>/samples_shown` say what is left to samples.jsonl."""

RUN_ROWS = 10_000
"""Rows of all tables of one run together: W&B's tables are for looking at, and slow beyond this."""

CELL_CHARACTERS = 10_000
"""Characters of one text in a table; a longer one is cut and ends by saying so."""

TABLE_COLUMNS = (
    "item_id",
    "sample_index",
    "prompt",
    "response",
    "target",
    "extracted",
    "correct",
    "extracted_strict",
    "correct_strict",
    "extraction_failed",
    "finish_reason",
    "n_prompt_tokens",
    "n_output_tokens",
)
_KEY_LENGTH = 90  # of the 128 characters of an artifact's name; the rest is the run's id, "_table" and a random ending
_NUMERIC_PARTS = ("metrics", "health", "timings")


def prefix(cell: Mapping[str, Any]) -> str:
    """The name of a cell among the metrics of its run: the task, and the draw and the repetition after the first.

    >>> prefix({"task": "rv_sciq", "draw": 2, "settings": {"repeat": 1}})
    'rv_sciq/draw2/repeat1'
    """
    further = {"draw": cell.get("draw") or 0, "repeat": repeat(cell)}
    return "/".join([str(cell["task"]), *(f"{name}{number}" for name, number in further.items() if number)])


def numbers(cell: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a cell: metrics under their own names, health and timings under theirs, and n."""
    found: dict[str, float] = {"n": cell["n"]}
    for part in _NUMERIC_PARTS:
        for name, value in _leaves(cell.get(part) or {}):
            found[name if part == "metrics" else f"{part}/{name}"] = value
    return found


def rows(samples: Iterable[Mapping[str, Any]], most: int) -> tuple[list[list[Any]], int]:
    """The first samples, at most `most`, as rows of `TABLE_COLUMNS`; and how many samples there are."""
    remaining = iter(samples)
    shown = [[shown_as(sample.get(column)) for column in TABLE_COLUMNS] for sample in islice(remaining, most)]
    return shown, len(shown) + sum(1 for _ in remaining)


def shown_as(value: Any) -> Any:
    """A value of a table: texts cut to `CELL_CHARACTERS` and without halves of characters, all else as it is.

    >>> shown_as("a\\ud800"), shown_as(3)
    ('a\\ufffd', 3)
    """
    if not isinstance(value, str):
        return value
    if (more := len(value) - CELL_CHARACTERS) > 0:
        value = f"{value[:CELL_CHARACTERS]}\n[... {more:,} characters more]"
    # A lone surrogate is no UTF-8, which the client writes; U+FFFD is what stands for such a thing.
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def table_key(name: str) -> str:
    """The key of a table: its name, shortened where W&B could not name the artifact that it keeps the table in.

    >>> table_key("rv_sciq/table"), len(table_key("x" * 500))
    ('rv_sciq/table', 89)
    """
    if len(name) <= _KEY_LENGTH:
        return name
    return f"{name[: _KEY_LENGTH - 10]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers in a tree of mappings, named by their path."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}/{name}", leaf) for name, leaf in _leaves(value))
        elif isinstance(value, int | float):
            yield str(key), value
