"""Checkpoints: open, fetch, hash, read adapters and saved differences, and refuse what does not fit (the gate)."""

from __future__ import annotations

from rveval.checkpoints.checkpoint import (
    ABSENT,
    Checkpoint,
    assert_finite,
    content_hash,
    nearest,
    open_checkpoint,
    resolve,
)

__all__ = ["ABSENT", "Checkpoint", "assert_finite", "content_hash", "nearest", "open_checkpoint", "resolve"]
