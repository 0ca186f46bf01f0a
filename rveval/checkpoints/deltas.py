"""Saving a task vector as one safetensors file, so that it can be added again without the checkpoints it came from.

The file holds one tensor for each tensor that the vector changes; its metadata says that this is a difference, that the
other tensors are zero, what it is a difference of, and for the gate the config and a summary of the tokenizer it
belongs to. `open_checkpoint` reads it.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rveval.checkpoints import headers
from rveval.checkpoints.checkpoint import ABSENT, Checkpoint
from rveval.errors import Failed, Problem, Refused

if TYPE_CHECKING:
    import torch

Storage = Literal["exact", "bfloat16", "float32"]
"""How entries are stored. "exact": a tensor as bfloat16 where that loses nothing, else as float32."""


@dataclass
class Saved:
    """What was written, and how exact it is.

    Attributes:
        file: where it lies.
        exact, full, rounded, zero: names of tensors stored as bfloat16 without loss, as float32 (which is without
            loss), as bfloat16 with a loss, and left out because the vector does not change them.
        largest_error: the largest |stored - computed| / |computed| of an entry.
        relative_error: ||stored - computed|| / ||computed|| over all tensors together.
    """

    file: Path
    exact: list[str] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
    rounded: list[str] = field(default_factory=list)
    zero: list[str] = field(default_factory=list)
    largest_error: float = 0.0
    relative_error: float = 0.0

    @property
    def words(self) -> str:
        """One sentence for people."""
        counts = {
            "as bfloat16 without loss": self.exact,
            "as float32 without loss": self.full,
            "rounded to bfloat16": self.rounded,
            "left out because they are zero": self.zero,
        }
        parts = [f"{len(names)} {how}" for how, names in counts.items() if names]
        loss = f"; relative error {self.relative_error:.1e}, at most {self.largest_error:.1e} of an entry"
        return f"tensors: {', '.join(parts)}{loss if self.rounded else ''}"


def origin(donor: Checkpoint, formula: str, *, base: Checkpoint | None = None, **words: Any) -> dict[str, Any]:
    """What `save` keeps of where a vector comes from.

    Args:
        donor: the first plus of the vector: its config and tokenizer are what the delta belongs to.
        formula: in words, such as `tiny:grpo - tiny:base`.
        base: the model it was computed for, which the delta belongs to where the plus is a difference without a
            config of its own (an adapter).
        words: whatever else is to be known of it, plain JSON: hashes, paths, scope, transforms.
    """
    donor = donor if donor.config or base is None else base
    tokens = donor.vocabulary
    return {
        **words,
        "formula": formula,
        "config": donor.config,
        "tokenizer": None if tokens is None else tokens.summary(),
    }


def save(
    names: Iterable[str],
    delta: Callable[[str], torch.Tensor],
    file: Path,
    origin: Mapping[str, Any],
    storage: Storage = "exact",
) -> Saved:
    """Write a vector to one file. What is stored is held in memory until it is written.

    Args:
        names: the tensors, by the base's names.
        delta: gives one of them, float32, when it is asked for.
        file: ends in `.safetensors`; a saved delta that lies there is replaced once the new one is whole.
        origin: see the function `origin`; plain JSON.
        storage: how entries are stored.

    Raises:
        Refused: the file's name, or another file that lies there.
        Failed: an entry is NaN or infinite, the vector is zero, or the disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    _may_write(file)
    saved, stored = Saved(file), dict[str, "torch.Tensor"]()
    norm = lost = 0.0
    for name in names:
        tensor = delta(name).to("cpu")
        if not tensor.isfinite().all():
            fix = "its checkpoints are broken, or a transform overflowed"
            raise Failed(Problem(f"the delta of {name} has NaN or infinite entries", str(file), fix=fix))
        if not tensor.any():
            saved.zero.append(name)
            continue
        stored[name] = _stored(name, tensor, storage, saved)
        # In float64: float32 would lose small tensors beside large ones.
        norm += float(tensor.double().square().sum())
        lost += float((stored[name].double() - tensor.double()).square().sum())
    if not stored:
        fix = "compare other checkpoints, or widen vector.scope"
        raise Failed(Problem("the vector is zero everywhere, so there is nothing to save", str(file), fix=fix))
    saved.relative_error = math.sqrt(lost / norm)
    words = json.dumps({"version": headers.DELTA_VERSION, **origin})
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.stem}-", suffix=".part") as aside:
            save_file(stored, Path(aside) / file.name, {"format": "pt", headers.DELTA: words, ABSENT: "zero"})
            os.replace(Path(aside) / file.name, file)
    except (OSError, SafetensorError) as error:
        fix = "free disk space, or save elsewhere"
        raise Failed(Problem(f"cannot be written: {error}", str(file), fix=fix)) from error
    return saved


def _may_write(file: Path) -> None:
    if file.suffix != ".safetensors":
        raise Refused(Problem("a delta is saved as safetensors", str(file), "FILE.safetensors", file.name))
    if not file.parent.is_dir():
        raise Refused(Problem("no such folder", str(file.parent), fix="make it first"))
    if file.exists():
        try:
            headers.origin(file)
        except Refused as error:
            fix = "give another name, or move that file away"
            raise Refused(Problem("something else lies there and is not overwritten", str(file), fix=fix)) from error


def _stored(name: str, tensor: torch.Tensor, storage: Storage, saved: Saved) -> torch.Tensor:
    """The tensor as it is written; how, and what it loses, goes to the record."""
    import torch

    rounded = tensor.bfloat16()
    error = (rounded.float() - tensor).abs_()
    exact = not error.any()
    if storage == "float32" or (storage == "exact" and not exact):
        saved.full.append(name)
        return tensor.contiguous()
    (saved.exact if exact else saved.rounded).append(name)
    # Entries that are zero lose nothing; the division must not make NaN of them.
    relative = error / tensor.abs().clamp_min(torch.finfo(torch.float32).tiny)
    saved.largest_error = max(saved.largest_error, float(relative.max()))
    return rounded.contiguous()
