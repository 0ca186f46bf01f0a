"""Content hashes of checkpoints that never read the same gigabytes twice, and a small memory for costly findings.

The memory is one small JSON file a finding under `errors.cache_dir()`: written aside and renamed, so concurrent
processes cannot spoil each other's entries, and losing or spoiling it costs time, never an answer.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from rveval.checkpoints import headers
from rveval.checkpoints.files import read_json, regular
from rveval.errors import Problem, Refused, cache_dir

log = logging.getLogger(__name__)

# Besides the weights, all that can change what a served model answers.
MODEL_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.json",
    "chat_template.jinja",
)
# What an adapter's tensors are multiplied and turned by; its other settings say how it was trained.
ADAPTER_SETTINGS = ("r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "fan_in_fan_out")
_READ_BYTES = 1 << 22
_SETTLED_NS = 100_000_000  # a file younger than this may change again within one tick of the file system's clock
_BLOB = re.compile(r"[0-9a-f]{64}")


def content_hash(folder: Path, kind: Literal["weights", "model"] = "weights") -> str:
    """Hash what a checkpoint says, not where it lies: equal for equal files, whatever the folder and file names.

    Args:
        folder: a checkpoint.
        kind: "weights" is the sha256 over the sorted sha256s of the safetensors files in use, so it does not see
            paths or file names, but does see how tensors are spread over files. "model" adds the bytes of
            `MODEL_FILES` that are there and of chat templates in `additional_chat_templates/`.

    Of an adapter the settings that its tensors are multiplied by belong to it; of a saved delta the words that its
    metadata has for people (formula, paths) do not.

    Files are hashed once and remembered by (real path, size, mtime, ctime, inode); blobs of the hub's cache are named
    by their sha256 and are not read at all.

    Raises:
        Refused: the weights are missing or incomplete, or a file cannot be read.
    """
    layout = headers.weight_files(folder)
    if layout.problems:
        raise Refused(layout.problems)
    form = headers.kind_of(folder)
    if form == "delta":
        return _of_delta(folder)
    with ThreadPoolExecutor(min(len(layout.files), os.cpu_count() or 1)) as pool:
        parts = sorted(pool.map(file_hash, layout.files))
    if kind == "model":
        templates = sorted((folder / "additional_chat_templates").glob("*.jinja"))
        extra = [path for path in (folder / name for name in MODEL_FILES) if path.is_file()] + templates
        parts += [f"{path.relative_to(folder).as_posix()} {file_hash(path)}" for path in extra]
    if form == "adapter":
        parts.append(_adapter_settings(folder))
    return hashlib.sha256("\n".join([f"rveval {kind} 1", *parts]).encode()).hexdigest()


def _of_delta(file: Path) -> str:
    """Of the tensors (names, types, shapes, entries), and of the config and tokenizer that they are meant for."""
    layout = headers.read(file)
    if layout.problems:
        raise Refused(layout.problems)
    meaning = headers.origin(file)
    tensors = {**layout.entries, **layout.buffers}
    start = min((entry.start for entry in tensors.values()), default=file.stat().st_size)
    # Places are counted from the data: the header's length changes with the words in it.
    entries = {name: [entry.dtype, entry.shape, entry.start - start] for name, entry in tensors.items()}
    known = {"tensors": entries, "config": meaning["config"], "tokenizer": meaning.get("tokenizer")}
    parts = ["rveval delta 1", json.dumps(known, sort_keys=True), file_hash(file, start)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _adapter_settings(folder: Path) -> str:
    """What of adapter_config.json the tensors are multiplied by; the order of patterns counts, the first match wins."""
    path = folder / headers.ADAPTER_CONFIG
    try:
        config = read_json(path)
    except (OSError, ValueError) as error:
        fix = "download the adapter again"
        raise Refused(Problem(f"adapter_config.json cannot be read: {error}", str(path), fix=fix)) from error
    return json.dumps([config.get(name) or None for name in ADAPTER_SETTINGS])


def file_hash(path: Path, start: int = 0) -> str:
    """Sha256 of one file, or of its bytes from `start` on; remembered as long as the file is not touched."""
    real = path.resolve()
    try:
        regular(real)
    except ValueError as error:
        raise Refused(Problem(str(error), str(path))) from error
    if not start and real.parent.name == "blobs" and _BLOB.fullmatch(real.name):
        return real.name
    before = _identity(real)
    key = f"{before}|from {start}" if start else before
    known = recall("sha256", key)
    if isinstance(known, str) and _BLOB.fullmatch(known):
        return known
    digest = hashlib.sha256()
    with real.open("rb", buffering=0) as stream:
        stream.seek(start)
        while chunk := stream.read(_READ_BYTES):
            digest.update(chunk)
    settled = time.time_ns() - real.stat().st_mtime_ns > _SETTLED_NS
    if settled and _identity(real) == before:
        remember("sha256", key, digest.hexdigest())
    return digest.hexdigest()


def _identity(path: Path) -> str:
    stat = path.stat()
    return f"{path}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ctime_ns}|{stat.st_ino}"


def recall(kind: str, key: str) -> Any:
    """What was remembered for `key`, or None; a spoilt entry counts as none."""
    path = _place(kind, key)
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        return entry["value"] if entry["key"] == key else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be read and is ignored: %s", path, error)
        return None


def remember(kind: str, key: str, value: Any) -> None:
    """Keep a JSON value for `key`; where the cache cannot be written, warn and go on."""
    path = _place(kind, key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as aside:
            try:
                json.dump({"key": key, "value": value}, aside)
                aside.close()
                os.replace(aside.name, path)
            except BaseException:
                Path(aside.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        log.warning("%s cannot be written, so this is computed again next time: %s", path, error)


def _place(kind: str, key: str) -> Path:
    return cache_dir() / kind / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
