"""Reading a stranger's files: nothing is opened that is no regular file (a pipe would hang), and nothing is parsed that
is larger than such a file ever is. Safetensors headers are parsed by the safetensors library.
"""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The types that arithmetic in fp32 with one rounding is defined for, and their bytes.
ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
BUFFER_BYTES = {"BOOL": 1, "U8": 1, "I32": 4, "I64": 8}
CONFIG_LIMIT = 10 << 20
TOKENIZER_LIMIT = 64 << 20
_HEADER_LIMIT = 16 << 20  # 100,000 tensors in one file
_DEPTH_LIMIT = 64


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies: its file, safetensors dtype, shape, and its bytes `[start, stop)` in the file."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def some(names: Iterable[str], limit: int = 5) -> str:
    """The first few of many names, fit to be shown, and how many more there are.

    >>> some(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    names = list(names)
    shown = [name if name.isprintable() else ascii(name)[1:-1] for name in names[:limit]]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(name if len(name) < 300 else f"{name[:300]}..." for name in shown) + more


def regular(path: Path, limit: int | None = None) -> int:
    """The size of a file that may be opened, in bytes.

    Raises:
        OSError: it is not there.
        ValueError: it is a pipe, a device or a folder, or larger than `limit`.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("this is no regular file")
    if limit is not None and status.st_size > limit:
        raise ValueError(f"{status.st_size:,} bytes; such a file has at most {limit:,}")
    return status.st_size


def read_json(path: Path, limit: int = CONFIG_LIMIT) -> dict[str, Any]:
    """The JSON mapping in a file.

    Raises:
        OSError, ValueError: it is not there, no regular file, too large, or see `parse_json`.
    """
    regular(path, limit)
    return parse_json(path.read_text(encoding="utf-8"))


def parse_json(text: str) -> dict[str, Any]:
    """A JSON mapping.

    Raises:
        ValueError: it is no JSON, no mapping or nested too deeply.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"a mapping is needed, this is a {type(value).__name__}")
    level: list[Any] = [value]
    for _ in range(_DEPTH_LIMIT):
        inside = (child for item in level for child in (item.values() if isinstance(item, dict) else item))
        level = [child for child in inside if isinstance(child, dict | list)]
        if not level:
            return value
    raise ValueError("nested too deeply")


def read_header(file: Path) -> tuple[dict[str, Entry], dict[str, str]]:
    """The tensors of a safetensors file in the order of their places, and the file's metadata.

    Raises:
        OSError, ValueError: it can't be read, is no safetensors file, is truncated or broken.
    """
    from safetensors import SafetensorError, safe_open

    size = _safetensors_size(file)
    try:
        with safe_open(file, framework="np") as opened:
            names = opened.offset_keys()
            known = [(part.get_dtype(), tuple(part.get_shape())) for part in map(opened.get_slice, names)]
            metadata = dict(opened.metadata() or {})
    except SafetensorError as error:
        raise ValueError(f"truncated or broken: {error}") from error
    # The library refuses gaps and overlaps, so places follow from sizes. Types of other sizes are refused by `headers`.
    lengths = [math.prod(shape) * {**ITEM_BYTES, **BUFFER_BYTES}.get(dtype, 0) for dtype, shape in known]
    start, entries = size - sum(lengths), {}
    for name, (dtype, shape), length in zip(names, known, lengths, strict=True):
        entries[name] = Entry(file, dtype, shape, start, start + length)
        start += length
    return entries, metadata


def _safetensors_size(file: Path) -> int:
    """The size of a file that the library may look at."""
    size = regular(file)
    with file.open("rb") as stream:
        first = stream.read(8)
    if first == b"version ":
        raise ValueError("this is a Git LFS pointer, not the weights; `git lfs pull` fetches them")
    length = int.from_bytes(first, "little")
    if len(first) == 8 and length > _HEADER_LIMIT:
        raise ValueError("this is no safetensors file (its first 8 bytes give no possible header length)")
    needed = 8 + length if len(first) == 8 else 8
    if size < needed:
        raise ValueError(f"truncated: {size} bytes, the header alone needs {needed}")
    return size
