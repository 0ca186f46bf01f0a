"""Pages of memory-mapped files: asked for before they are read, let go afterwards.

A page of a mapped file counts as this process's memory as long as it is mapped, although nobody else could not have it.
Where pages are not let go, reading 45 GB of weights looks like, and under a memory limit is, 45 GB of memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from rveval.checkpoints import headers

_MAPS = Path("/proc/self/maps")
_DONTNEED = 4  # MADV_DONTNEED on Linux, the only system with /proc/self/maps


class Ahead:
    """Tells the system which tensors are read next, so that the disk works while the processor does.

    Args:
        folders: of checkpoints, or files of saved deltas.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._entries: list[Mapping[str, headers.Entry]] = []
        self._open: dict[Path, int] = {}
        for folder in dict.fromkeys(folders):
            entries = headers.read(folder).entries
            self._entries.append(entries)
            for file in {entry.file for entry in entries.values()}:
                with contextlib.suppress(OSError):
                    self._open[file] = os.open(file, os.O_RDONLY)

    @property
    def files(self) -> set[Path]:
        """All files of weights."""
        return {entry.file for entries in self._entries for entry in entries.values()}

    def nbytes(self, name: str) -> int:
        """What is read for a tensor, in all files together."""
        return sum(one[name].stop - one[name].start for one in self._entries if name in one)

    def place(self, name: str) -> tuple[str, int]:
        """Where a tensor lies in the first of these checkpoints that has it: file and first byte."""
        entry = next(one[name] for one in self._entries if name in one)
        return entry.file.name, entry.start

    def tell(self, name: str) -> None:
        """This tensor is read soon."""
        for entries in self._entries:
            entry = entries.get(name)
            if entry is not None and entry.file in self._open and hasattr(os, "posix_fadvise"):
                with contextlib.suppress(OSError):
                    length = entry.stop - entry.start
                    os.posix_fadvise(self._open[entry.file], entry.start, length, os.POSIX_FADV_WILLNEED)

    def close(self) -> None:
        """Close the files."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()


def let_go(files: Iterable[Path]) -> None:
    """Unmap the pages of these files, wherever this process has mapped them; they are read again when they are touched.

    The maps are private: what had been written into them would be lost. Nobody writes into a checkpoint's. Where the
    system can't be told, nothing happens.
    """
    wanted = {os.path.realpath(file) for file in files}
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        for line in _MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            place, *_, path = [*line.split(maxsplit=5), ""][:6]
            if path in wanted:
                start, _, stop = place.partition("-")
                begin = int(start, 16)
                libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(int(stop, 16) - begin), _DONTNEED)
