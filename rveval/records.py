"""Cells and studies on disk: one line an item, a versioned schema, written so that a kill costs nothing complete.

    <store>/cells/<cell_id>/{samples.jsonl,cell.json}    cell.json is written last; its presence means complete
    <store>/studies/<study>/<label>.json                 which cells belong to a variant, and the resolved config

A cell is made in a folder of its own beside its place and moved there in one rename, so there is no moment at which
half of it can be taken for all of it. Everything else rveval shows can be rebuilt from here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from rveval.errors import Problem, Refused

SCHEMA_VERSION = 1


class Sample(TypedDict):
    """One line of samples.jsonl: one answer to one item. `extracted` and `correct` are the flexible reading."""

    item_id: str
    doc_id: int
    benchmark: str
    family: str
    draw: int
    seed: int
    sample_index: int
    prompt: str
    response: str
    extracted: str | None
    correct: bool
    extracted_strict: str | None
    correct_strict: bool
    target: str
    extraction_failed: bool
    finish_reason: str
    n_prompt_tokens: int
    n_output_tokens: int
    mean_logprob: float | None
    signs: list[str]
    metrics: dict[str, float]


class Variant(TypedDict):
    """The variant of a cell: how it is shown, and what it is."""

    label: str
    alpha: float
    fingerprint: str
    terms: list[dict[str, Any]]
    scope: list[str]
    model: str
    vector: str
    base: str


class Timings(TypedDict):
    """Seconds: the swap into the engine, generation, scoring, and the cell from prompts to disk."""

    swap_s: float
    generate_s: float
    score_s: float
    wall_s: float


class CellRecord(TypedDict):
    """cell.json. `n` counts items; `settings` is what was hashed into `cell_id`; `samples_sha256` seals samples.jsonl.

    `health` counts the signs of a broken variant; `warnings` says in words what a reader of the numbers must know.
    `study` files and reports rely on these names; a change of meaning raises `SCHEMA_VERSION`.
    """

    schema_version: int
    cell_id: str
    task: str
    benchmark: str
    family: str
    draw: int
    seed: int
    limit: int | None
    n: int
    metrics: dict[str, float]
    health: dict[str, int]
    variant: Variant
    decoding: dict[str, Any]
    prompting: dict[str, Any]
    engine: dict[str, Any]
    versions: dict[str, str]
    timings: Timings
    settings: dict[str, Any]
    warnings: list[str]
    created: str
    samples_sha256: NotRequired[str]


class StudyEntry(TypedDict):
    """A file of a study: one variant, its cells (ids), and the resolved config of its last run."""

    schema_version: int
    study: str
    label: str
    alpha: float
    fingerprint: str
    cells: list[str]
    config: dict[str, Any]


class Store:
    """A folder of cells and studies.

    Args:
        root: made when something is written.

    Raises:
        Refused: a record in it is of a newer schema, or can't be read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def check_writable(self) -> None:
        """Raises Refused where nothing can be written; called before an engine starts."""
        try:
            (self.root / "cells").mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.root / "cells", prefix=".probe-") as probe:
                probe.write(b"x" * 4096)
                probe.flush()
        except OSError as error:
            raise Refused(
                Problem(
                    f"the store can't be written to: {error.strerror or error}",
                    where=str(self.root),
                    fix="free space or rights there, or write elsewhere with store=FOLDER",
                )
            ) from error
        self._mend()

    def has(self, cell_id: str) -> bool:
        """Whether the cell is complete."""
        return (self._cell(cell_id) / "cell.json").is_file()

    def read_cell(self, cell_id: str) -> CellRecord:
        """The record of a complete cell."""
        return cast(CellRecord, _read(self._cell(cell_id) / "cell.json"))

    def read_samples(self, cell_id: str) -> list[Sample]:
        """The samples of a complete cell, in the order of its items.

        Raises:
            Refused: the lines are not those that cell.json was written for.
        """
        path = self._cell(cell_id) / "samples.jsonl"
        data = path.read_bytes() if path.is_file() else b""
        if _sha256(data) != self.read_cell(cell_id).get("samples_sha256"):
            raise Refused(
                Problem(
                    "the samples were changed or cut after the cell was written",
                    where=str(path),
                    fix="delete the cell's folder and run again",
                )
            )
        return [cast(Sample, json.loads(line)) for line in data.splitlines()]

    def write_cell(self, record: CellRecord, samples: Iterable[Sample]) -> None:
        """Write a cell: samples first, then cell.json, then one rename; what was there before is replaced whole.

        Raises:
            OSError: the disk is full or not writable; what was there before is still there.
        """
        place = self._cell(record["cell_id"])
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".new-{record['cell_id']}-"))
        try:
            lines = b"".join(_line(sample) for sample in samples)
            _write_durably(made / "samples.jsonl", lines)
            sealed = record | {"samples_sha256": _sha256(lines)}
            _write_durably(made / "cell.json", json.dumps(sealed, indent=2, ensure_ascii=False).encode() + b"\n")
            made.chmod(0o755)
            self._place(made, place)
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def write_study(self, entry: StudyEntry) -> Path:
        """Write a variant's file of a study; cells it listed before stay listed.

        Returns:
            The file, named after the label; where another variant has that label already, its fingerprint is added.
        """
        folder = self.root / "studies" / entry["study"]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{file_name(entry['label'])}.json"
        before = _read(path) if path.is_file() else None
        if before and before["fingerprint"] != entry["fingerprint"]:
            path = folder / f"{file_name(entry['label'])} {entry['fingerprint'][:8]}.json"
            before = _read(path) if path.is_file() else None
        kept = [cell for cell in (before["cells"] if before else []) if cell not in entry["cells"] and self.has(cell)]
        self._replace(path, entry | {"cells": kept + entry["cells"]})
        return path

    def read_study(self, study: str) -> list[StudyEntry]:
        """All variants of a study, by file name.

        Raises:
            Refused: there is no such study; the nearest names are offered.
        """
        folder = self.root / "studies" / study
        if not folder.is_dir():
            known = sorted(path.name for path in (self.root / "studies").glob("*") if path.is_dir())
            raise Refused(
                Problem("no such study", where=str(folder), expected=", ".join(known) or "no study yet", found=study)
            )
        return [cast(StudyEntry, _read(path)) for path in sorted(folder.glob("*.json"))]

    def _cell(self, cell_id: str) -> Path:
        return self.root / "cells" / cell_id

    def _place(self, made: Path, place: Path) -> None:
        old = place.with_name(f".old-{place.name}")
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)
            place.rename(old)
        made.rename(place)
        _sync_folder(place.parent)
        shutil.rmtree(old, ignore_errors=True)

    def _mend(self) -> None:
        """Put back what a kill between the two renames of a replacement left aside."""
        for old in (self.root / "cells").glob(".old-*"):
            place = old.with_name(old.name.removeprefix(".old-"))
            if place.exists():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.rename(place)

    def _replace(self, path: Path, value: Any) -> None:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        os.close(handle)
        _write_durably(Path(name), json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")
        Path(name).chmod(0o644)
        Path(name).replace(path)


def file_name(label: str) -> str:
    """A label as a file name: only what every file system takes.

    >>> file_name("tiny + 0.5 tiny_grpo")
    'tiny + 0.5 tiny_grpo'
    >>> file_name("org/model + 1 v")
    'org_model + 1 v'
    """
    return re.sub(r"[^\w .+-]", "_", label).strip(" .") or "_"


def iter_lines(samples: Iterable[Sample]) -> Iterator[bytes]:
    """Samples as the lines of samples.jsonl."""
    return (_line(sample) for sample in samples)


def _line(sample: Sample) -> bytes:
    return json.dumps(sample, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(
            Problem(f"can't be read: {error}", where=str(path), fix="delete it and run again; nothing else depends on it")
        ) from error
    if record.get("schema_version", 0) > SCHEMA_VERSION:
        raise Refused(
            Problem(
                "was written by a newer rveval",
                where=str(path),
                expected=f"schema {SCHEMA_VERSION} or older",
                found=f"schema {record['schema_version']}",
                fix="update rveval, or use another store",
            )
        )
    return record


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
