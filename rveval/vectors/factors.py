"""Remembers the factors of matrices on disk, for transforms that take long to find them: one file each under
`errors.cache_dir()`, written aside and renamed, the ones not used for longest removed where they become too many.

A sweep in another process then finds what the last one computed. Small values stay in memory, of this process.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from rveval.errors import cache_dir
from rveval.vectors import Memo

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

DISK_BYTES = 4 << 30
MEMORY_BYTES = 64 << 20
_NAME = "factors"
_VERSION = 1
"""Of what factors are made of: a change of how they are computed makes the old files unknown."""


class FactorStore(Memo):
    """A memo whose factors are files.

    Args:
        folder: where they lie; `factors` under the cache's folder if not given.
        limit: bytes they may take in all; what is larger than that alone is not kept.
        memory: bytes of small values, the ones not used for longest are forgotten.
    """

    def __init__(self, folder: Path | None = None, limit: int = DISK_BYTES, memory: int = MEMORY_BYTES) -> None:
        super().__init__()
        self._folder = folder or cache_dir() / _NAME
        self._limit, self._memory = limit, memory
        self._small: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._held = 0

    def recall(self, key: str) -> torch.Tensor | None:
        """What was kept for a key, or None; a file that cannot be read counts as none."""
        if not key:
            return None
        if key in self._small:
            self._small.move_to_end(key)
            return self._small[key]
        return self._read(key)

    def keep(self, key: str, value: torch.Tensor) -> None:
        """Keep a small value in memory."""
        if not key:
            return
        before = self._small.pop(key, None)
        self._held += value.nbytes - (before.nbytes if before is not None else 0)
        self._small[key] = value
        while self._held > self._memory and len(self._small) > 1:
            self._held -= self._small.popitem(last=False)[1].nbytes

    def keep_factors(self, key: str, value: torch.Tensor) -> None:
        """Write a file; where that fails, warn and go on: it is found again the long way."""
        if not key or value.nbytes > self._limit:
            return
        try:
            self._write(key, value)
            self._tidy()
        except OSError as error:
            log.warning("%s cannot be written, factors are not remembered: %s", self._folder, error)

    def _place(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(_full(key).encode()).hexdigest()}.safetensors"

    def _read(self, key: str) -> torch.Tensor | None:
        from safetensors import SafetensorError, safe_open

        path = self._place(key)
        try:
            with safe_open(str(path), framework="pt") as file:
                if (file.metadata() or {}).get("key") != _full(key):
                    return None
                found: torch.Tensor = file.get_tensor(_NAME)
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError) as error:
            log.warning("%s cannot be read and is ignored: %s", path, error)
            return None
        return found

    def _write(self, key: str, value: torch.Tensor) -> None:
        from safetensors.torch import save_file

        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".tmp", delete=False) as aside:
            pass
        try:
            save_file({_NAME: value.cpu().contiguous()}, aside.name, metadata={"key": _full(key)})
            os.replace(aside.name, self._place(key))
        except BaseException:
            Path(aside.name).unlink(missing_ok=True)
            raise

    def _tidy(self) -> None:
        """Remove the files not used for longest, until the others fit; another process may be doing the same."""
        found = []
        for path in self._folder.glob("*.safetensors"):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            found.append((stat.st_mtime_ns, stat.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found)[:-1]:
            if total <= self._limit:
                return
            path.unlink(missing_ok=True)
            total -= size


def _full(key: str) -> str:
    return f"factors {_VERSION}|{key}"
