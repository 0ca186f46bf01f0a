"""Saving a task vector as one safetensors file, so that it can be added again without the checkpoints it came from.

The file holds one tensor for each tensor that the vector changes; its metadata says that the others are zero, what the
vector is a difference of, and for the compatibility gate the config and a summary of the tokenizer it belongs to.
`checkpoints.open_checkpoint` reads it.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from rveval.checkpoints import ABSENT, Checkpoint, headers, vocabulary
from rveval.errors import Failed, Problem, Refused

if TYPE_CHECKING:
    import torch

_PIECE = 1 << 20

Storage = Literal["exact", "bfloat16", "float32"]
"""How entries are stored. "exact": a tensor as bfloat16 where that loses nothing, else as float32."""


@dataclass
class Saved:
    """What was written, and how exact it is.

    Attributes:
        file: where it lies.
        nbytes: its size.
        exact: tensors stored as bfloat16 without any loss.
        rounded: tensors stored as bfloat16 with a loss.
        full: tensors stored as float32, which is what deltas are computed in, so without loss.
        zero: tensors left out, since the vector does not change them.
        largest_error: the largest |stored - computed| / |computed| of an entry.
        relative_error: ||stored - computed|| / ||computed|| over all tensors together.
    """

    file: Path
    nbytes: int = 0
    exact: list[str] = field(default_factory=list)
    rounded: list[str] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
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


@dataclass(frozen=True)
class _Look:
    """What one reading of a delta told: sums of squares, of its entries and of what bfloat16 loses of them."""

    norm: float
    lost: float
    largest: float


def origin(
    donor: Checkpoint,
    formula: str,
    *,
    base: Checkpoint | None = None,
    hashes: Mapping[str, str],
    paths: Mapping[str, str],
    scope: Iterable[str] = (),
    transforms: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What `save` keeps of where a vector comes from.

    Args:
        donor: the first plus of the vector: its config and tokenizer are what the delta belongs to.
        formula: in words, such as `tiny:grpo - tiny:base`.
        base: the model it was computed for, which the delta belongs to where the plus is a difference without a
            config of its own (an adapter).
        hashes: content hashes of what was added and subtracted, by name.
        paths: the same names, as the user gave them.
        scope: regexes; what they did not match counts as zero.
        transforms: the steps as plain mappings.
    """
    donor = donor if donor.config or base is None else base
    tokens = vocabulary.read(donor.folder)
    return {
        "formula": formula,
        "hashes": dict(hashes),
        "paths": dict(paths),
        "scope": list(scope),
        "transforms": [dict(step) for step in transforms],
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
    """Write a vector to one file, tensor by tensor: every delta is asked for twice.

    Args:
        names: the tensors, by the base's names.
        delta: gives one of them when it is asked for; asked twice, since the header, which comes first, needs to know
            which are zero and which bfloat16 can hold. Both times the same entries.
        file: ends in `.safetensors`; a saved delta that lies there is replaced once the new one is whole.
        origin: see the function `origin`; plain JSON.
        storage: how entries are stored.

    Raises:
        Refused: the file's name, or another file that lies there.
        Failed: an entry is NaN or infinite, the vector is zero, or the disk is full.
    """
    _may_write(file)
    saved = Saved(file)
    looks: dict[str, _Look] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name in names:
        one = delta(name)
        looks[name], shapes[name] = _look(name, one, file), tuple(one.shape)
    types = {name: _stored_as(name, look, storage, saved) for name, look in looks.items() if look.norm}
    saved.zero = [name for name, look in looks.items() if not look.norm]
    if not types:
        fix = "compare other checkpoints, or widen vector.scope"
        raise Failed(Problem("the vector is zero everywhere, so there is nothing to save", str(file), fix=fix))
    saved.largest_error = max((looks[name].largest for name in saved.rounded), default=0.0)
    whole = sum(look.norm for look in looks.values())
    saved.relative_error = math.sqrt(sum(looks[name].lost for name in saved.rounded) / whole)
    # Four-byte entries first: then every tensor begins at a multiple of its entries' size.
    order = sorted(types, key=lambda name: (types[name] != "F32", name))
    header = _header({name: (types[name], shapes[name]) for name in order}, origin)
    try:
        _write_aside(file, lambda stream: _write(stream, header, order, types, delta))
    except OSError as error:
        raise Failed(
            Problem(f"cannot be written: {error}", str(file), fix="free disk space, or save elsewhere")
        ) from error
    saved.nbytes = file.stat().st_size
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


def _look(name: str, delta: torch.Tensor, file: Path) -> _Look:
    """Read a delta once. The sums are of float64: float32 would lose small tensors beside large ones."""
    import torch

    norm = lost = largest = 0.0
    for piece in torch.split(delta.reshape(-1), _PIECE):
        if not piece.isfinite().all():
            fix = "its checkpoints are broken, or a transform overflowed"
            raise Failed(Problem(f"the delta of {name} has NaN or infinite entries", str(file), fix=fix))
        norm += float(piece.double().square().sum())
        error = piece.bfloat16().float().sub_(piece).abs_()
        if error.any():
            lost += float(error.double().square().sum())
            # Entries that are zero lose nothing; the division must not make NaN of them.
            largest = max(largest, float((error / piece.abs().clamp_min(torch.finfo(torch.float32).tiny)).max()))
    return _Look(norm, lost, largest)


def _stored_as(name: str, look: _Look, storage: Storage, saved: Saved) -> str:
    if storage == "float32" or (storage == "exact" and look.lost):
        saved.full.append(name)
        return "F32"
    (saved.rounded if look.lost else saved.exact).append(name)
    return "BF16"


def _header(tensors: Mapping[str, tuple[str, tuple[int, ...]]], origin: Mapping[str, Any]) -> bytes:
    """The length and the JSON of a safetensors file, filled up with spaces to a multiple of eight bytes."""
    said = json.dumps({"version": headers.DELTA_VERSION, **origin})
    known: dict[str, Any] = {"__metadata__": {"format": "pt", headers.DELTA: said, ABSENT: "zero"}}
    at = 0
    for name, (kind, shape) in tensors.items():
        end = at + math.prod(shape) * headers.ITEM_BYTES[kind]
        known[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(known, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _write(
    stream: IO[bytes],
    header: bytes,
    order: Iterable[str],
    types: Mapping[str, str],
    delta: Callable[[str], torch.Tensor],
) -> None:
    import torch

    stream.write(header)
    for name in order:
        for piece in torch.split(delta(name).reshape(-1), _PIECE):
            stream.write(_bytes(piece, types[name]))


def _bytes(piece: torch.Tensor, kind: str) -> bytes:
    import torch

    stored = piece.to("cpu", torch.bfloat16 if kind == "BF16" else torch.float32)
    return bytes(stored.view(torch.uint8).numpy())


def _write_aside(file: Path, write: Callable[[IO[bytes]], None]) -> None:
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.stem}-", suffix=".part", delete=False) as aside:
        try:
            write(aside)
            aside.close()
            # A temporary file is its owner's alone; this one is to be read by whoever reads its neighbours.
            os.chmod(aside.name, 0o666 & ~_umask())
            os.replace(aside.name, file)
        except BaseException:
            Path(aside.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
