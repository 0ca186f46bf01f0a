"""The folders of a store: cells that are whole or not there, and studies that list them.

A cell is made in a folder of its own beside its place and moved there in one rename, so there is no moment at which
half of it can be taken for all of it. A cell that is replaced (`force`) is moved aside first and counts until the new
one has its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

from rveval.errors import Problem, Refused
from rveval.store import files
from rveval.store.typed import SCHEMA_VERSION, CellRecord, Refusal, Sample, StudyEntry, full_variant

_T = TypeVar("_T")
_LEFT_BEHIND_S = 24 * 3600.0


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
            for folder in (self.root / "cells", self.root / "studies"):
                folder.mkdir(parents=True, exist_ok=True)
                # Unbuffered: what a full disk did not take would be tried again, and fail again, when the file closes.
                with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-", buffering=0) as probe:
                    probe.write(b"x" * 4096)
            self._mend()
        except OSError as error:
            raise Refused(
                Problem(
                    f"the store can't be written to: {error.strerror or error}",
                    where=str(self.root),
                    fix="free space or rights there, or write elsewhere with store=FOLDER",
                )
            ) from error

    def has(self, cell_id: str) -> bool:
        """Whether the cell is complete."""
        return self._complete(cell_id) is not None

    def read_cell(self, cell_id: str) -> CellRecord:
        """The record of a complete cell, its variant with all that its recipe says."""
        record = cast(CellRecord, self._on_disk(cell_id))
        if "recipe" in record:
            record["variant"] = full_variant(record["variant"], record["recipe"])
        return record

    def read_samples(self, cell_id: str) -> list[Sample]:
        """The samples of a complete cell, in the order of its items.

        Raises:
            Refused: the lines are not those that cell.json was written for.
        """
        return _settled(lambda: list(self.stream_samples(cell_id)))

    def stream_samples(self, cell_id: str) -> Iterator[Sample]:
        """The samples of a complete cell one by one, for cells that should not be held in memory.

        Raises:
            Refused: at the end, if the lines were not those that cell.json was written for. What was taken until then
                is worth nothing.
        """
        folder = self._folder(cell_id)
        path = folder / "samples.jsonl"
        sealed, digest = _read(folder / "cell.json").get("samples_sha256"), hashlib.sha256()
        try:
            with path.open("rb") as file:
                for line in file:
                    digest.update(line)
                    yield _sample(line)
        except (OSError, ValueError):
            sealed = None
        if digest.hexdigest() != sealed:
            raise Refused(_changed(path))

    def write_cell(self, record: CellRecord, samples: Iterable[Sample]) -> None:
        """Write a cell: samples first, then cell.json, then one rename; what was there before is replaced whole.

        Raises:
            OSError: the disk is full or not writable; what was there before is still there.
        """
        place = self._place(record["cell_id"])
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".new-{record['cell_id']}-"))
        try:
            lines = b"".join(files.line(sample) for sample in samples)
            files.write(made / "samples.jsonl", lines)
            files.write(made / "cell.json", files.document(record | {"samples_sha256": files.sha256(lines)}))
            files.sync_folder(made)
            made.chmod(0o755)
            with files.locked(self.root):
                _put(made, place)
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def rewrite_cell(self, cell_id: str, samples: Iterable[Sample], **changes: Any) -> None:
        """Write a complete cell again with other samples and some changes to its record; as safe as `write_cell`.

        Raises:
            OSError: the disk is full or not writable; the cell is as it was.
        """
        self.write_cell(cast(CellRecord, self._on_disk(cell_id) | changes), samples)

    def write_study(self, entry: StudyEntry) -> Path:
        """Write a variant's file of a study; cells it listed before stay listed.

        Returns:
            The file, named after the label; where another variant has that name already, its fingerprint is added.

        Raises:
            OSError: the disk is full or not writable; the file is as it was.
        """
        folder = self.root / "studies" / entry["study"]
        folder.mkdir(parents=True, exist_ok=True)
        with files.locked(self.root):
            path, before = _file_of(folder, entry)
            listed = [cell for cell in before if cell not in entry["cells"] and self.has(cell)]
            files.replace(path, files.document(entry | {"cells": listed + entry["cells"]}))
        return path

    def read_study(self, study: str) -> list[StudyEntry]:
        """All variants of a study, by file name.

        Raises:
            Refused: there is no such study; those there are, are named.
        """
        folder = self.root / "studies" / study
        if not folder.is_dir():
            known = sorted(path.name for path in (self.root / "studies").glob("*") if path.is_dir())
            raise Refused(
                Problem("no such study", where=str(folder), expected=", ".join(known) or "no study yet", found=study)
            )
        return [cast(StudyEntry, _read(path)) for path in sorted(folder.glob("*.json"))]

    def write_refusal(self, refusal: Refusal) -> Path:
        """Write a study's file about a variant that was refused; one of the same label is replaced.

        Raises:
            OSError: the disk is full or not writable.
        """
        folder = self.root / "studies" / refusal["study"] / "refused"
        folder.mkdir(parents=True, exist_ok=True)
        with files.locked(self.root):
            path = _refusal_file(folder, refusal["label"])
            files.replace(path, files.document(refusal))
        return path

    def forget_refusal(self, study: str, label: str) -> None:
        """Remove what `write_refusal` wrote for this label, if anything: the variant is not refused any more."""
        path = _refusal_file(self.root / "studies" / study / "refused", label)
        if path.is_file() and _read(path).get("label") == label:
            path.unlink()

    def refusals(self, study: str) -> list[Refusal]:
        """All variants of a study that were refused, by label; none where there is no such study."""
        found = (self.root / "studies" / study / "refused").glob("*.json")
        return sorted((cast(Refusal, _read(path)) for path in found), key=lambda refusal: refusal["label"])

    def _on_disk(self, cell_id: str) -> dict[str, Any]:
        return _settled(lambda: _read(self._folder(cell_id) / "cell.json"))

    def _place(self, cell_id: str) -> Path:
        return self.root / "cells" / cell_id

    def _complete(self, cell_id: str) -> Path | None:
        """Where the cell is complete: in its place, or aside while (or because a kill came while) it is replaced."""
        place = self._place(cell_id)
        # Its place twice: the cell may arrive there between the first look and the second.
        candidates = (place, _aside(place), place)
        return next((folder for folder in candidates if (folder / "cell.json").is_file()), None)

    def _folder(self, cell_id: str) -> Path:
        return self._complete(cell_id) or self._place(cell_id)

    def _mend(self) -> None:
        """Put back what a kill left aside, and remove what it left half-made."""
        cells = self.root / "cells"
        with files.locked(self.root):
            for old in cells.glob(".old-*"):
                place = old.with_name(old.name.removeprefix(".old-"))
                if (place / "cell.json").is_file():
                    files.remove(old, first="cell.json")
                elif (old / "cell.json").is_file():
                    shutil.rmtree(place, ignore_errors=True)
                    old.rename(place)
        for new in cells.glob(".new-*"):  # a young one may be another process's that is still writing
            with contextlib.suppress(FileNotFoundError):  # it has just got its place
                if new.stat().st_mtime < time.time() - _LEFT_BEHIND_S:
                    shutil.rmtree(new, ignore_errors=True)


def _settled(read: Callable[[], _T]) -> _T:
    """What `read` gives; tried again for a tenth of a second, as another process may be replacing the cell just now."""
    for _ in range(20):
        try:
            return read()
        except Refused:
            time.sleep(0.005)
    return read()


def _sample(line: bytes) -> Sample:
    """A line of samples.jsonl; what schema 1 did not know has nothing in it."""
    return cast(Sample, {"thinking": "", "n_thinking_tokens": 0, "stop_reason": None} | json.loads(line))


def _changed(path: Path) -> Problem:
    what = "the samples were changed or cut after the cell was written"
    return Problem(what, where=str(path), fix="run this cell again with force=true, or delete its folder")


def _aside(place: Path) -> Path:
    return place.with_name(f".old-{place.name}")


def _put(made: Path, place: Path) -> None:
    """Two renames; `Store._complete` finds the old cell between them."""
    old = _aside(place)
    if (place / "cell.json").is_file():
        files.remove(old, first="cell.json")
        place.rename(old)
    elif place.exists():
        shutil.rmtree(place)
    made.rename(place)
    files.sync_folder(place.parent)
    files.remove(old, first="cell.json")


def _file_of(folder: Path, entry: StudyEntry) -> tuple[Path, list[str]]:
    """The file of a variant in a study, and the cells it lists already."""
    name, fingerprint = files.file_name(entry["label"]), entry["fingerprint"]
    for ending in ("", f" {fingerprint[:8]}"):
        path = folder / f"{name}{ending}.json"
        before = _read(path) if path.is_file() else None
        if before is None:
            return path, []
        if (before["fingerprint"], before["label"]) == (fingerprint, entry["label"]):
            return path, before["cells"]
    path = folder / f"{fingerprint} {files.sha256(entry['label'].encode())[:8]}.json"
    return path, _read(path)["cells"] if path.is_file() else []


def _refusal_file(folder: Path, label: str) -> Path:
    """The file of a refused variant: named after its label; where another label has that name, a hash is added."""
    name = files.file_name(label)
    places = [folder / f"{name}.json", folder / f"{name} {files.sha256(label.encode())[:8]}.json"]
    own = (place for place in places if place.is_file() and _read(place).get("label") == label)
    return next(own, places[places[0].is_file()])


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_bytes())
        if not isinstance(record, dict):
            raise ValueError("not a mapping")
        newer = int(record.get("schema_version", 0)) > SCHEMA_VERSION
    except (OSError, ValueError, TypeError) as error:
        raise Refused(
            Problem(
                f"can't be read: {error}", where=str(path), fix="delete it and run again; nothing else depends on it"
            )
        ) from error
    if newer:
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
