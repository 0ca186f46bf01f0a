"""Benchmark files: read as their authors publish them, checked record by record, and remembered for this process.

Lines of JSON or one JSON array, plain or gzipped. What is wrong is said with the file and the line or record: a
benchmark that silently lost an item would still print an accuracy.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rveval.errors import Problem, Refused

Record = dict[str, Any]
_SHOWN = 5  # a file that is wrong throughout should not fill the screen
_CUT = " (the file is cut off here?)"
_WORKED_ANSWER = re.compile(r"#### *-?[0-9][0-9,.]*$")
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Records:
    """What was read, not checked yet.

    Args:
        where: the file, or the hub's data set.
        unit: what a record is called there: "line" or "record".
        values: one a record.
    """

    where: str
    unit: str
    values: list[Any]

    def place(self, index: int) -> str:
        """Where a record stands, counted from 1."""
        return f"{self.where}, {self.unit} {index + 1}"


@dataclass(frozen=True)
class Rules:
    """What every record must hold.

    Args:
        fields: its text fields.
        key: the fields by which no two records are alike; pairing is equality of ids, so each item must occur once.
        check: says what is wrong with a record, "" for nothing.
        empty: fields that may hold no text.
        repeats: positions of records that upstream itself repeats.
    """

    fields: tuple[str, ...]
    key: tuple[str, ...]
    check: Callable[[Record], str] = field(default=lambda record: "")
    empty: frozenset[str] = frozenset()
    repeats: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Content:
    """Checked records in the published order, and the sha256 of them as canonical JSON (not of the file's spelling)."""

    records: list[Record]
    sha256: str


def content_of(records: list[Record]) -> Content:
    """Records with their hash; the order of fields and the way text is escaped do not count."""
    return Content(records, hashlib.sha256(_canonical.encode(records).encode("ascii")).hexdigest())


def check_worked_answer(record: Record) -> str:
    """What is wrong with a record whose answer must end in its number; "" for nothing."""
    return "" if _WORKED_ANSWER.search(record["answer"]) else "'answer' does not end in '#### <number>'"


_remembered: dict[tuple[str, str], tuple[tuple[int, int], object, Content]] = {}


def remembered(path: Path, split: str, rules: object, read: Callable[[Path], Content]) -> Content:
    """What `read` makes of a file, read again only when the file (its size, its time) or the rules are others."""
    try:
        stat = path.stat()
    except OSError:
        return read(path)  # which says what is wrong
    stamp, key = (stat.st_size, stat.st_mtime_ns), (str(path), split)
    found = _remembered.get(key)
    if found is None or found[0] != stamp or found[1] != rules:
        found = _remembered[key] = (stamp, rules, read(path))
    return found[2]


def plain_or_gzipped(path: Path) -> Path:
    """The file, or where it is missing and there is one, the same gzipped."""
    zipped = path.with_name(f"{path.name}.gz")
    return zipped if zipped.exists() and not path.exists() else path


def json_lines(path: Path, fix: str) -> Records:
    """One value a line; split on line feeds only, as text may hold other line separators.

    `fix` is what to do where there is no such file.
    """
    lines = _bytes(path, fix).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    values, problems = [], []
    for number, line in enumerate(lines, start=1):
        try:
            values.append(json.loads(line))
        except (ValueError, RecursionError) as error:  # JSONDecodeError and UnicodeDecodeError among them
            cut = _CUT if number == len(lines) else ""
            problems.append(Problem(f"not JSON: {error}{cut}", where=f"{path}, line {number}"))
    refuse(problems)
    return Records(str(path), "line", values)


def json_array(path: Path, fix: str, inside: str = "") -> Records:
    """The values of one JSON array; with `inside`, of the array under that key of a JSON object."""
    text = _bytes(path, fix)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        cut = "" if text.rstrip().endswith((b"]", b"}")) and error.pos < len(error.doc.rstrip()) else _CUT
        raise Refused(Problem(f"not JSON: {error.msg}{cut}", where=f"{path}, line {error.lineno}")) from error
    except (ValueError, RecursionError) as error:
        raise Refused(Problem(f"not JSON: {error}", where=str(path))) from error
    if inside:
        value = value.get(inside) if isinstance(value, dict) else None
    if not isinstance(value, list):
        expected = f'{{"{inside}": [...]}}' if inside else "a JSON array"
        raise Refused(Problem("not a list of records", where=str(path), expected=expected, found=_start(text)))
    return Records(str(path), "record", value)


def _start(text: bytes) -> str:
    return text[:40].decode("utf-8", "replace").strip() or "an empty file"


def _bytes(path: Path, fix: str) -> bytes:
    try:
        held = path.read_bytes()
        return gzip.decompress(held) if path.suffix == ".gz" else held
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Refused(Problem(f"not a whole gzip file: {error}", where=str(path), fix=fix)) from error
    except OSError as error:
        raise Refused(Problem("can't be read", where=str(path), found=error.strerror or str(error), fix=fix)) from error


def wrong(records: Records, rules: Rules, count: int, what: str, fix: str) -> list[Problem]:
    """All that is wrong with the records of a split.

    Args:
        records: as read.
        rules: what each must hold.
        count: how many there must be.
        what: the split, as in "test split of gsm8k".
        fix: what to do where it is not whole.
    """
    problems = [*_wrong_records(records, rules), *_repeated(records, rules)]
    found = len(records.values)
    if not problems and found != count:
        last = f"{found}, the last in {records.unit} {found}"
        problems.append(Problem(f"not the whole {what}", records.where, f"{count} records", last, fix))
    return problems


def _wrong_records(records: Records, rules: Rules) -> Iterator[Problem]:
    expected = "text fields " + ", ".join(rules.fields)
    needed = tuple(name for name in rules.fields if name not in rules.empty)
    for index, record in enumerate(records.values):
        place = records.place(index)
        if not isinstance(record, dict):
            yield Problem("not a record", where=place, expected="a JSON object", found=type(record).__name__)
            continue
        bad = [name for name in needed if not (isinstance(record.get(name), str) and record[name].strip())]
        bad += [name for name in rules.empty if not isinstance(record.get(name), str)]
        if bad:
            what, found = f"field {', '.join(bad)} is missing, empty or no text", ", ".join(record) or "no fields"
            yield Problem(what, where=place, expected=expected, found=found)
        elif complaint := rules.check(record):
            yield Problem(complaint, where=place)


def _repeated(records: Records, rules: Rules) -> Iterator[Problem]:
    first: dict[tuple[Any, ...], int] = {}
    for index, record in enumerate(records.values):
        key = tuple(record.get(name) for name in rules.key) if isinstance(record, dict) else ()
        if not key or not all(isinstance(value, str) for value in key) or index in rules.repeats:
            continue
        before = first.setdefault(key, index)
        if before != index:
            what = f"repeats the {rules.key[0]} of {records.unit} {before + 1}: {str(key[0])[:60]!r}"
            yield Problem(what, where=records.place(index))


def refuse(problems: Iterable[Problem]) -> None:
    """Raise what is wrong, the first few spelled out; nothing for none."""
    found = list(problems)
    if len(found) > _SHOWN:
        found = [*found[:_SHOWN], Problem(f"and {len(found) - _SHOWN} problems more of this kind")]
    if found:
        raise Refused(found)
