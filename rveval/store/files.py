"""How a value gets onto a disk: as JSON that every reader takes for one line, durably, and by one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# U+0085, U+2028 and U+2029 end a line for str.splitlines, a lone surrogate is no UTF-8: both leave as \uXXXX.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LONGEST_NAME = 200


def line(value: Any) -> bytes:
    """A value as one line of JSON, whatever its texts hold.

    >>> line({"response": "a\\nb\\u2028c\\ud800"})
    b'{"response": "a\\\\nb\\\\u2028c\\\\ud800"}\\n'
    """
    return _encoded(json.dumps(value, ensure_ascii=False, allow_nan=False))


def document(value: Any) -> bytes:
    """A value as JSON for people, indented."""
    return _encoded(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def _encoded(text: str) -> bytes:
    # Outside strings JSON is ASCII, so what is replaced stands inside one.
    return (_ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n").encode()


def file_name(label: str) -> str:
    """A label as a file name: only what every file system takes, and never too long for one.

    >>> file_name("tiny + 0.5 tiny_grpo")
    'tiny + 0.5 tiny_grpo'
    >>> file_name("org/model + 1 v")
    'org_model + 1 v'
    """
    name = re.sub(r"[^\w .+-]", "_", label).strip(" .") or "_"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    cut = name.encode()[: _LONGEST_NAME - 9].decode(errors="ignore")
    return f"{cut} {sha256(label.encode('utf-8', 'surrogatepass'))[:8]}"


def write(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, data: bytes) -> None:
    """Put a file in the place of another in one step: a reader, or a kill, finds the old one or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    os.close(handle)
    made = Path(name)
    try:
        write(made, data)
        made.chmod(0o644)
        made.replace(path)
        sync_folder(path.parent)
    finally:
        made.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(folder: Path, first: str) -> None:
    """Remove a folder, the file that makes it count before everything else; what can't be removed stays."""
    with contextlib.suppress(OSError):
        (folder / first).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time in here, by a lock that a kill gives back.

    Some network file systems have no such locks: there everything is still whole, but of two processes that list a
    variant in the same study at the same moment, the second may take the first one's cells off the list.
    """
    with (folder / ".lock").open("ab") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
