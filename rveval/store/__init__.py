"""Cells and studies on disk: one line an item, a versioned schema, written so that a kill costs nothing complete.

    <store>/cells/<cell_id>/{samples.jsonl,cell.json}    cell.json is written last; its presence means complete
    <store>/studies/<study>/<label>.json                 which cells belong to a variant, and the resolved config
    <store>/studies/<study>/refused/<label>.json         a variant that was refused because its donors do not match

`typed` is the schema, `store` the folders, `files` how a file gets onto a disk. Schema 1 is still read. Everything else
rveval shows can be rebuilt from here.
"""

from __future__ import annotations

from rveval.store.store import Store
from rveval.store.typed import (
    SCHEMA_VERSION,
    CellRecord,
    Refusal,
    Rescoring,
    Sample,
    StudyEntry,
    Timings,
    Variant,
    full_variant,
)

__all__ = [
    "SCHEMA_VERSION",
    "CellRecord",
    "Refusal",
    "Rescoring",
    "Sample",
    "Store",
    "StudyEntry",
    "Timings",
    "Variant",
    "full_variant",
]
