"""Checkpoints: named tensors in a folder, read lazily through memory maps; what is broken is refused, naming the file.

`resolve` (from a config's words to a folder) and `content_hash` live in `sources` and `fingerprints` and are offered
here too, so that the rest of rveval needs this one name. Importing this module does not import torch.
"""

from __future__ import annotations

import json
import logging
import math
import mmap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.checkpoints import headers, vocabulary
from rveval.checkpoints.fingerprints import content_hash, recall, remember
from rveval.checkpoints.sources import resolve
from rveval.checkpoints.vocabulary import Vocabulary
from rveval.errors import Problem, Refused, nearest

if TYPE_CHECKING:
    import torch

__all__ = ["ABSENT", "Checkpoint", "assert_finite", "content_hash", "nearest", "open_checkpoint", "resolve"]

log = logging.getLogger(__name__)

# A saved delta with {ABSENT: "zero"} in a safetensors file's metadata may leave out tensors that it does not change.
ABSENT = "rveval_absent"
_TORCH_TYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_COUNTED_AT_ONCE = 1 << 20
_QUIET_SECONDS = 5.0


class Checkpoint:
    """The tensors of one folder, or of one file with a saved delta, by name. Made by `open_checkpoint`.

    Attributes:
        folder: where it lies; of a saved delta the file.
        config: config.json; of a saved delta the one of the checkpoint that the base was subtracted from.
        names: all tensor names, sorted.
        files: the safetensors files in use.
        metadata: the safetensors files' own metadata, of all files together.
        nbytes: bytes of all tensors.
    """

    def __init__(self, folder: Path, config: dict[str, Any], layout: headers.Layout) -> None:
        self.folder = folder
        self.config = config
        self.files = tuple(layout.files)
        self.metadata = dict(layout.metadata)
        self.names = tuple(sorted(layout.entries))
        self.nbytes = sum(entry.stop - entry.start for entry in layout.entries.values())
        self._entries = layout.entries
        self._maps: dict[Path, mmap.mmap] = {}
        self._lock = threading.Lock()

    @property
    def absent_is_zero(self) -> bool:
        """Whether tensors that are not here count as zero (only a saved delta says so, in its metadata)."""
        return self.metadata.get(ABSENT) == "zero"

    @property
    def identity(self) -> str:
        """What its tensors are known by, wherever it lies: its content hash."""
        return content_hash(self.folder)

    @property
    def vocabulary(self) -> Vocabulary | None:
        """Its tokenizer's content, read from its files; None where there is none.

        Raises:
            Refused: the file is broken.
        """
        return vocabulary.read(self.folder)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor, from the header."""
        return self._entry(name).shape

    def dtype(self, name: str) -> str:
        """Type of a tensor as safetensors writes it: F32, F16 or BF16."""
        return self._entry(name).dtype

    def get(self, name: str) -> torch.Tensor:
        """A tensor as a view of the memory-mapped file, in its own dtype; nothing is copied, safe from any thread.

        The map is private: writing into the tensor costs memory but never changes the file.

        Raises:
            KeyError: no such tensor; the message offers the nearest names.
        """
        import torch

        entry = self._entry(name)
        dtype = getattr(torch, _TORCH_TYPES[entry.dtype])
        count = math.prod(entry.shape)
        if count == 0:
            return torch.empty(entry.shape, dtype=dtype)
        return torch.frombuffer(self._map(entry.file), dtype=dtype, count=count, offset=entry.start).view(entry.shape)

    def raw(self, name: str) -> memoryview:
        """The bytes of a tensor as they are stored, for who does not want torch."""
        entry = self._entry(name)
        return memoryview(self._map(entry.file))[entry.start : entry.stop]

    def _entry(self, name: str) -> headers.Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise KeyError(f"{name} is not in {self.folder}; nearest: {nearest(name, self.names)}") from None

    def _map(self, file: Path) -> mmap.mmap:
        with self._lock:
            if file not in self._maps:
                with file.open("rb") as stream:
                    self._maps[file] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
            return self._maps[file]


def open_checkpoint(folder: Path) -> Checkpoint:
    """Open a checkpoint or a saved delta by its headers; no tensor is read.

    Raises:
        Refused: all problems of the folder at once: no weights, only pickles, a truncated file, a missing shard, an
            index and files that disagree, a tensor twice, a broken header, a quantised type, a config.json that is
            missing or broken; a LoRA adapter, which `adapters` opens; a file that is no saved delta.
    """
    folder = Path(folder)
    if not folder.exists():
        raise Refused(Problem("no such folder", str(folder), fix="check the path"))
    kind = headers.kind_of(folder)
    if kind == "adapter":
        fix = "add it to its model: vector.terms=[{plus: {path: ADAPTER}}]; or merge it into its model first"
        raise Refused(Problem("this folder holds a LoRA adapter, not a model", str(folder), fix=fix))
    layout = headers.read(folder)
    problems = list(layout.problems)
    if kind == "delta":
        config = {} if problems else headers.origin(folder)["config"]
    else:
        config = _config(folder / "config.json", problems)
    if problems:
        raise Refused(problems)
    if layout.unused:
        log.warning("%s: not part of the weights: %s", folder, headers.some([file.name for file in layout.unused]))
    return Checkpoint(folder, config, layout)


def _config(path: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError(f"a mapping is needed, this is a {type(config).__name__}")
        return config
    except FileNotFoundError:
        fix = "copy the config.json that belongs to these weights there"
        if (path.parent / headers.ADAPTER_CONFIG).exists():
            fix = "a LoRA adapter's settings lie beside whole weights: keep one of the two in this folder"
        problems.append(Problem("config.json is missing", str(path), fix=fix))
    except (OSError, ValueError) as error:
        problems.append(Problem(f"config.json cannot be read: {error}", str(path), fix="download the file again"))
    return {}


def assert_finite(checkpoint: Checkpoint) -> None:
    """Scan all tensors for NaN and infinity, once for each content; remembered by content hash, good or bad.

    Raises:
        Refused: one problem for each tensor with such elements, and how many of each.
    """
    key = checkpoint.identity
    counts = recall("finite", key)
    if not isinstance(counts, dict):
        counts = _scan(checkpoint)
        remember("finite", key, counts)
    if counts:
        fix = "these weights are broken: train or download them again"
        raise Refused(
            [
                Problem(f"{name} has {nan} NaN and {inf} infinite elements", str(checkpoint.folder), fix=fix)
                for name, (nan, inf) in sorted(counts.items())
            ]
        )


def _scan(checkpoint: Checkpoint) -> dict[str, list[int]]:
    """Numbers of NaN and infinite elements of each tensor that has any."""
    found, done, start = {}, 0, time.monotonic()
    said = start
    for name in checkpoint.names:
        tensor = checkpoint.get(name)
        counts = _not_finite(tensor)
        if any(counts):
            found[name] = counts
        done += tensor.nbytes
        if time.monotonic() - said > _QUIET_SECONDS:
            said = time.monotonic()
            log.info("%s: %.0f%% scanned for NaN and infinity", checkpoint.folder, 100 * done / checkpoint.nbytes)
    log.debug("%s: %.2e bytes scanned in %.2f s", checkpoint.folder, done, time.monotonic() - start)
    return found


def _not_finite(tensor: torch.Tensor) -> list[int]:
    """Numbers of NaN and of infinite elements.

    A sum with any such element is not finite, and a sum needs one pass and no memory (`isfinite` is 20 times slower);
    finite numbers may overflow too, so the exact count decides.
    """
    flat = tensor.reshape(-1)
    if math.isfinite(flat.sum().item()):
        return [0, 0]
    chunks = [flat[at : at + _COUNTED_AT_ONCE] for at in range(0, flat.numel(), _COUNTED_AT_ONCE)]
    return [sum(int(c.isnan().sum()) for c in chunks), sum(int(c.isinf().sum()) for c in chunks)]
