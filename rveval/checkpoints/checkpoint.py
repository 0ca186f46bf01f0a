"""Checkpoints: named tensors in a folder, read lazily through memory maps; what is broken is refused, naming the file.

Importing this module does not import torch.
"""

from __future__ import annotations

import math
import mmap
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.checkpoints import architecture, headers, vocabulary
from rveval.checkpoints.files import Entry, read_json, some
from rveval.checkpoints.fingerprints import content_hash, recall, remember
from rveval.checkpoints.vocabulary import Vocabulary
from rveval.errors import Problem, Refused, nearest

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

ABSENT = "rveval_absent"
"""A saved delta with {ABSENT: "zero"} in its metadata may leave out tensors that it does not change."""
EMBEDDING = re.compile(r"(^|\.)(embed_tokens|tok_embeddings|word_embeddings|embed_in|wte)\.weight$")
HEAD = re.compile(r"(^|\.)(lm_head|embed_out)\.weight$")
_TORCH_TYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_COUNTED_AT_ONCE = 1 << 20
_NAMES_COMPARED = 2000


class Checkpoint:
    """The tensors of one folder, or of one file with a saved delta, by name. Made by `open_checkpoint`.

    Attributes:
        folder: where it lies; of a saved delta the file.
        config: config.json; of a saved delta the one of the checkpoint that the base was subtracted from.
        names: the names of all weights, sorted.
        not_weights: tensors of its files that are none: masks and the like, and a copy of the embedding that a tied
            model was saved with as its head.
        tied_head: that copy and the embedding, by name; vLLM expects both of a model whose files hold both.
        files: the safetensors files in use.
        metadata: the safetensors files' own metadata, of all files together.
        nbytes: bytes of all weights.
    """

    def __init__(self, folder: Path, config: dict[str, Any], layout: headers.Layout) -> None:
        self.folder = folder
        self.config = config
        self.files = tuple(layout.files)
        self.metadata = dict(layout.metadata)
        self.names = tuple(sorted(layout.entries))
        self.not_weights = tuple(sorted(layout.buffers))
        self.tied_head = ("", "")
        self.nbytes = sum(entry.stop - entry.start for entry in layout.entries.values())
        self._entries = layout.entries
        self._maps: dict[Path, mmap.mmap] = {}
        self._lock = threading.Lock()
        self._stamp = {file: _stamp(file) for file in self._watched()}

    @property
    def is_difference(self) -> bool:
        """Whether its metadata says that this is a saved difference and not a model."""
        return headers.DELTA in self.metadata or ABSENT in self.metadata

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

    @property
    def head_copy(self) -> str:
        """The output head, if it is the embedding over again; else nothing. Reads both once, at memory speed."""
        import numpy as np

        head, embedding = head_and_embedding(self.names)
        if not head or (self.shape(head), self.dtype(head)) != (self.shape(embedding), self.dtype(embedding)):
            return ""
        ours, theirs = (np.frombuffer(self.raw(name), np.uint8) for name in (head, embedding))
        return head if np.array_equal(ours, theirs) else ""

    def stamp(self) -> dict[Path, tuple[int, ...]]:
        """Size, mtime and ctime (nanoseconds) and inode of every file in use, from when this was opened."""
        return dict(self._stamp)

    def changed(self) -> tuple[Path, ...]:
        """The files that were written anew, replaced or removed since this was opened."""
        return tuple(file for file, before in self._stamp.items() if _stamp(file) != before)

    def _watched(self) -> Iterable[Path]:
        return self.files

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
        if entry.start == entry.stop:
            return memoryview(b"")
        return memoryview(self._map(entry.file))[entry.start : entry.stop]

    def array(self, name: str, start: int = 0, count: int | None = None) -> NDArray[np.float32]:
        """The entries `start : start + count` of a tensor, row by row, as float32; without torch."""
        import numpy as np

        types: dict[str, Any] = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}
        stored = np.frombuffer(self.raw(name), types[self.dtype(name)])
        stored = stored[start : None if count is None else start + count]
        if self.dtype(name) == "BF16":
            return (stored.astype(np.uint32) << 16).view(np.float32)
        return stored.astype(np.float32)

    def leave_out_head(self) -> None:
        """Count the output head, which is the embedding over again, among the tensors that are no weights."""
        self.tied_head = head_and_embedding(self.names)
        name = self.tied_head[0]
        entry = self._entries.pop(name)
        self.names = tuple(sorted(self._entries))
        self.not_weights = tuple(sorted((*self.not_weights, name)))
        self.nbytes -= entry.stop - entry.start

    def _entry(self, name: str) -> Entry:
        try:
            return self._entries[name]
        except KeyError:
            near = nearest(name, self.names[:_NAMES_COMPARED])
            raise KeyError(f"{name} is not in {self.folder}; nearest: {near}") from None

    def _map(self, file: Path) -> mmap.mmap:
        with self._lock:
            if file not in self._maps:
                with file.open("rb") as stream:
                    self._maps[file] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
            return self._maps[file]


def open_checkpoint(folder: Path) -> Checkpoint:
    """Open a checkpoint or a saved delta by its headers; no tensor is read but the head of a tied model, if it has one.

    Raises:
        Refused: all problems of the folder at once: no weights, only pickles, a truncated file, a missing shard, an
            index and files that disagree, a tensor twice, a broken header, a quantised type, a config.json that is
            missing or broken; a LoRA adapter, which `open_donor` opens; a file that is no saved delta.
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
    checkpoint = Checkpoint(folder, config, layout)
    if architecture.is_tied(config) and checkpoint.head_copy:
        checkpoint.leave_out_head()
    return checkpoint


def head_and_embedding(names: Iterable[str]) -> tuple[str, str]:
    """The names of the one output head and the one embedding; nothing where there are not exactly these."""
    names = list(names)
    heads = [name for name in names if HEAD.search(name)]
    embeddings = [name for name in names if EMBEDDING.search(name)]
    return (heads[0], embeddings[0]) if len(heads) == len(embeddings) == 1 else ("", "")


def _config(path: Path, problems: list[Problem]) -> dict[str, Any]:
    """config.json; what is wrong with it goes to the problems."""
    try:
        config = read_json(path)
        architecture.normal(config)  # fields of a type that they can't have end here
        return config
    except FileNotFoundError:
        fix = "copy the config.json that belongs to these weights there"
        if (path.parent / headers.ADAPTER_CONFIG).exists():
            fix = "a LoRA adapter's settings lie beside whole weights: keep one of the two in this folder"
        problems.append(Problem("config.json is missing", str(path), fix=fix))
    except (OSError, *architecture.MEANINGLESS) as error:
        problems.append(Problem(f"config.json cannot be read: {error}", str(path), fix="download the file again"))
    return {}


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        status = file.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def assert_finite(checkpoint: Checkpoint) -> None:
    """Scan all tensors for NaN and infinity, once for each content; remembered by content hash, good or bad.

    Raises:
        Refused: one problem for each tensor with such elements, and how many of each.
    """
    key = checkpoint.identity
    counts = recall("finite", key)
    if not isinstance(counts, dict):
        counts = {name: found for name in checkpoint.names if any(found := _not_finite(checkpoint.get(name)))}
        remember("finite", key, counts)
    if counts:
        fix = "these weights are broken: train or download them again"
        raise Refused(
            [
                Problem(
                    f"{some([name])} has {nan} NaN and {infinite} infinite elements", str(checkpoint.folder), fix=fix
                )
                for name, (nan, infinite) in sorted(counts.items())
            ]
        )


def _not_finite(tensor: torch.Tensor) -> list[int]:
    """Numbers of NaN and of infinite elements.

    A sum with any such element is not finite, and a sum needs one pass and no memory (`isfinite` is 20 times slower);
    finite numbers may overflow too, so the exact count decides.
    """
    flat = tensor.reshape(-1)
    if math.isfinite(flat.sum().item()):
        return [0, 0]
    chunks = [flat[start : start + _COUNTED_AT_ONCE] for start in range(0, flat.numel(), _COUNTED_AT_ONCE)]
    return [sum(int(chunk.isnan().sum()) for chunk in chunks), sum(int(chunk.isinf().sum()) for chunk in chunks)]
