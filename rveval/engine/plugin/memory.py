"""Memory of a swap: what one tensor gives back, the next one takes, without a round trip to the kernel.

A swap allocates and frees every weight once. By default glibc hands blocks of that size back to the kernel at once, and
the next ones arrive as fresh pages that are zeroed and faulted in, 4 KiB at a time: on a virtual machine that costs
more than the arithmetic and the packing together (docs/traps.md has the figures).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_MMAP_MAX_DEFAULT = 65536
_NEVER = 2**31 - 1


@contextmanager
def reused() -> Iterator[None]:
    """While this is open, freed blocks of any size stay in the process and are handed out again (glibc only)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        yield
        return
    mallopt(_M_TRIM_THRESHOLD, _NEVER)
    mallopt(_M_MMAP_MAX, 0)
    try:
        yield
    finally:
        mallopt(_M_MMAP_MAX, _MMAP_MAX_DEFAULT)


def give_back() -> None:
    """Give freed memory back to the kernel, once nothing will need it again."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
