"""Where a benchmark's records are published: files of its authors, a data set of the hub, or files of this package.

Records are read whole and unchanged, or refused with the file and the line: a benchmark that silently lost an item
would still print an accuracy. That they are the published ones is proved by their hash.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rveval.errors import Problem, Refused

Record = dict[str, Any]
_log = logging.getLogger(__name__)
_FOLDER_FIX = "RVEVAL_DATA names a folder that holds gsm8k/test.jsonl and so on; unset it to use the hub's data sets"
_PACKAGE_FIX = "install rveval again: the file belongs to it"
_SHOWN = 5  # a file that is wrong throughout should not fill the screen
_CUT = " (the file is cut off here?)"


@dataclass(frozen=True)
class Content:
    """Records in the published order, and the sha256 of them as canonical JSON (not of the file's spelling)."""

    records: list[Record]
    sha256: str


def content_of(records: list[Record]) -> Content:
    """Records with their hash; the order of fields and the way text is escaped do not count."""
    text = json.dumps(records, sort_keys=True, separators=(",", ":"))
    return Content(records, hashlib.sha256(text.encode("ascii")).hexdigest())


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where records are found, and what they must be.

    Args:
        name: what messages call the benchmark.
        files: by split, below the folder: lines of JSON or one JSON array; a file may also be there gzipped.
        counts: records by split.
        sha256: by split, of `content_of`; a split that is not in it is not checked.
        fields: the text fields of every record.
        hub: the data set's id and the config that lm-eval's own task uses.
        packaged: the folder of this package that holds the files; else they are in RVEVAL_DATA or on the hub.
        inside: the key of the records where a file is one JSON object.
        hub_is_known: whether the hub's copy has been compared with the authors' files and found equal.
    """

    name: str
    files: Mapping[str, str]
    counts: Mapping[str, int]
    sha256: Mapping[str, str]
    fields: tuple[str, ...]
    hub: tuple[str, str | None] = ("", None)
    packaged: Path | None = None
    inside: str = ""
    hub_is_known: bool = True

    def content(self, split: str) -> Content:
        """A split's records, whole and unchanged; a file is read again only when its size or its time are others.

        Raises:
            Refused: a file that is missing, cut or changed, or a hub that can't be reached.
        """
        folder = self.packaged or os.environ.get("RVEVAL_DATA")
        if not folder:
            return self._from_hub(split)
        path = Path(folder) / self.files[split]
        zipped = path.with_name(f"{path.name}.gz")
        path = zipped if zipped.exists() and not path.exists() else path
        if not path.exists():
            return self._from_file(path, split)  # which says what is wrong
        stamp = (self, path.stat().st_size, path.stat().st_mtime_ns)
        if _read.get((path, split), (None, None))[0] != stamp:
            _read[path, split] = (stamp, self._from_file(path, split))
        return _read[path, split][1]

    def _from_file(self, path: Path, split: str) -> Content:
        text = _bytes(path, _PACKAGE_FIX if self.packaged else _FOLDER_FIX)
        by_line = path.name.removesuffix(".gz").endswith(".jsonl")
        records = list(_lines(path, text)) if by_line else _array(path, text, self.inside)
        fix = _PACKAGE_FIX if self.packaged else f"fetch {self.files[split]} again as its authors publish it"
        content, changed = self._checked(records, split, str(path), "line" if by_line else "record", fix)
        if changed:
            raise Refused(changed)
        return content

    def _checked(
        self, records: list[Any], split: str, where: str, unit: str, fix: str
    ) -> tuple[Content, Problem | None]:
        """The records with their hash, and what is wrong where the hash is not the published one.

        Raises:
            Refused: records are missing, too many or broken.
        """
        places = [f"{where}, {unit} {place}" for place in range(1, len(records) + 1)]
        problems = [what for place, record in zip(places, records, strict=True) for what in self._broken(place, record)]
        if not problems and len(records) != self.counts[split]:
            what, expected = f"not the whole {split} split of {self.name}", f"{self.counts[split]} records"
            problems = [Problem(what, where, expected, f"{len(records)}, the last in {unit} {len(records)}", fix)]
        _refuse(problems)
        content = content_of(records)
        expected = self.sha256.get(split, content.sha256)
        if content.sha256 == expected:
            return content, None
        what = "not as published: some of its text was changed, or records stand in another order"
        return content, Problem(what, where, f"sha256 {expected} of its records", content.sha256, fix)

    def _broken(self, where: str, record: Any) -> Iterator[Problem]:
        if not isinstance(record, dict):
            yield Problem("not a record", where, "a JSON object", type(record).__name__)
        elif bad := [name for name in self.fields if not isinstance(record.get(name), str)]:
            what, expected = f"field {', '.join(bad)} is missing or no text", f"text fields {', '.join(self.fields)}"
            yield Problem(what, where, expected, ", ".join(record) or "no fields")

    def _from_hub(self, split: str) -> Content:
        path, config = self.hub
        key = (path, config, split)
        if key not in _fetched:
            where = f"{path} ({', '.join(filter(None, (config, split)))})"
            fix = f"set RVEVAL_DATA to a folder that holds {self.files[split]} as its authors publish it"
            content, changed = self._checked(self._hub_records(split), split, where, "record", fix)
            if changed and self.hub_is_known:
                raise Refused(changed)
            if changed:
                _log.warning("%s", changed)
            _fetched[key] = content
        return _fetched[key]

    def _hub_records(self, split: str) -> list[Any]:
        import datasets

        path, config = self.hub
        if path in _unreachable:
            raise self._not_loaded(split, f"not asked again after {_unreachable[path]}")
        try:
            return list(datasets.load_dataset(path, config, split=split))
        except (OSError, ValueError, RuntimeError) as error:  # what datasets raises for no network, no such set
            said = f"{type(error).__name__}: {error}"
            if isinstance(error, ConnectionError):
                _unreachable[path] = said
            raise self._not_loaded(split, said) from error

    def _not_loaded(self, split: str, said: str) -> Refused:
        path, config = self.hub
        where = f"{path} (config {config})" if config else path
        files = " and ".join(self.files.values())
        fix = f"set RVEVAL_DATA to a folder that holds {files} as published, or download the data set while online"
        what = f"the {split} split of {self.name} could not be loaded from the hub"
        return Refused(Problem(what, where=where, found=said[:300], fix=fix))


_read: dict[tuple[Path, str], tuple[object, Content]] = {}
_fetched: dict[tuple[str, str | None, str], Content] = {}
_unreachable: dict[str, str] = {}
"""Data sets the hub could not be asked for, and why: it takes half a minute to give up, and BBH has 27 parts."""


def _bytes(path: Path, fix: str) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Refused(Problem(f"not a whole gzip file: {error}", where=str(path), fix=fix)) from error
    except OSError as error:
        raise Refused(Problem("can't be read", where=str(path), found=error.strerror or str(error), fix=fix)) from error


def _lines(path: Path, text: bytes) -> Iterator[Any]:
    """One value a line; split on line feeds only, as text may hold other line separators."""
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    problems = []
    for number, line in enumerate(lines, start=1):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError among them
            cut = _CUT if number == len(lines) else ""
            problems.append(Problem(f"not JSON: {error}{cut}", where=f"{path}, line {number}"))
    _refuse(problems)


def _array(path: Path, text: bytes, inside: str) -> list[Any]:
    """The values of one JSON array; with `inside`, of the array under that key of a JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        cut = "" if text.rstrip().endswith((b"]", b"}")) else _CUT
        raise Refused(Problem(f"not JSON: {error}{cut}", where=str(path))) from error
    if inside:
        value = value.get(inside) if isinstance(value, dict) else None
    if not isinstance(value, list):
        expected = f'{{"{inside}": [...]}}' if inside else "a JSON array"
        start = text[:40].decode("utf-8", "replace").strip() or "an empty file"
        raise Refused(Problem("not a list of records", where=str(path), expected=expected, found=start))
    return value


def _refuse(problems: Sequence[Problem]) -> None:
    """Raise what is wrong, the first few spelled out; nothing for none."""
    rest = len(problems) - _SHOWN
    more = [Problem(f"and {rest} problems more of this kind")] if rest > 0 else []
    if problems:
        raise Refused([*problems[:_SHOWN], *more])
