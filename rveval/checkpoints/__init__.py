"""Checkpoints: open, fetch, hash, read adapters and saved differences, and refuse what does not fit (the gate).

    sources        from a config's words to a folder on disk
    checkpoint     named tensors in a folder, opened lazily
    fingerprints   content hashes, and what is remembered between runs
    adapters       both sides of a term: checkpoints, saved deltas, LoRA adapters
    deltas         a task vector saved as one file
    compatibility  the gate: what does not fit, all at once; `lineage` tells donors of another initialisation

Importing this package does not import torch.
"""

from __future__ import annotations

from rveval.checkpoints.adapter import Adapter
from rveval.checkpoints.adapters import Donor, Term, join, open_donor, plan_term
from rveval.checkpoints.checkpoint import ABSENT, Checkpoint, assert_finite, open_checkpoint
from rveval.checkpoints.compatibility import Report, grouped
from rveval.checkpoints.compatibility import check as gate
from rveval.checkpoints.deltas import Saved, Storage
from rveval.checkpoints.deltas import origin as delta_origin
from rveval.checkpoints.deltas import save as save_delta
from rveval.checkpoints.fingerprints import content_hash, file_hash, recall, remember
from rveval.checkpoints.headers import origin as read_delta_origin
from rveval.checkpoints.lineage import UNRELATED, cosine
from rveval.checkpoints.sources import TINY, Source, resolve
from rveval.errors import nearest

__all__ = [
    "ABSENT",
    "TINY",
    "UNRELATED",
    "Adapter",
    "Checkpoint",
    "Donor",
    "Report",
    "Saved",
    "Source",
    "Storage",
    "Term",
    "assert_finite",
    "content_hash",
    "cosine",
    "delta_origin",
    "file_hash",
    "gate",
    "grouped",
    "join",
    "nearest",
    "open_checkpoint",
    "open_donor",
    "plan_term",
    "read_delta_origin",
    "recall",
    "remember",
    "resolve",
    "save_delta",
]
