"""A benchmark's items, from a local folder or the hub, or for the tiny family from the package.

An item is the upstream record with every field as published, plus `item_id`. Files are read as their authors publish
them, and a file that is short, changed or broken is refused with its name and line: a benchmark that silently lost an
item would still print an accuracy.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rveval.errors import Problem, Refused

Item = dict[str, Any]
TINY_DATA = Path(__file__).parent / "tiny" / "data"
_SHOWN = 5  # a file that is wrong throughout should not fill the screen
_WORKED_ANSWER = re.compile(r"#### *-?[0-9][0-9,.]*$")


@dataclass(frozen=True)
class Published:
    """Where a published benchmark is found and what it must hold.

    `files` and `counts` are per split; `hub` is the data set id and the config that lm-eval's own task uses; `fields`
    are the text fields of every record; `check` says what is wrong with a record ("" for nothing).
    """

    files: dict[str, str]
    counts: dict[str, int]
    hub: tuple[str, str]
    fields: tuple[str, ...]
    check: Callable[[Item], str]


def _check_worked_answer(item: Item) -> str:
    return "" if _WORKED_ANSWER.search(item["answer"]) else "'answer' does not end in '#### <number>'"


PUBLISHED = {
    "gsm8k": Published(
        files={"test": "gsm8k/test.jsonl", "train": "gsm8k/train.jsonl"},
        counts={"test": 1319, "train": 7473},
        hub=("openai/gsm8k", "main"),
        fields=("question", "answer"),
        check=_check_worked_answer,
    ),
}


def names() -> list[str]:
    """All benchmarks that can be loaded, published ones first."""
    tiny = sorted(folder.name for folder in TINY_DATA.glob("tiny_*")) if TINY_DATA.is_dir() else []
    return [*PUBLISHED, *tiny]


def of_task(task: str) -> tuple[str, str]:
    """Benchmark and family of a task's name; the family of a clean task is "clean".

    >>> of_task("rv_gsm8k")
    ('gsm8k', 'clean')
    >>> of_task("rv_gsm8k_typos+distractor")
    ('gsm8k', 'typos+distractor')

    Raises:
        Refused: not the name of a task of ours.
    """
    for benchmark in sorted(names(), key=len, reverse=True):
        found = re.fullmatch(rf"rv_{benchmark}(?:_([a-z+]+))?", task)
        if found:
            return benchmark, found.group(1) or "clean"
    known = ", ".join(f"rv_{benchmark}" for benchmark in names())
    raise Refused(
        Problem("no such task", where="suite.tasks", expected=f"{known}, each with or without _<family>", found=task)
    )


def load(name: str, split: str = "test") -> list[Item]:
    """All items of a split, in the published order.

    Args:
        name: "gsm8k", or a benchmark of the tiny family.
        split: "test" or "train" (the tiny family also has "validation").

    Returns:
        The upstream fields and `item_id`: "gsm8k/7" is the test split's item 7, "gsm8k/train/7" the training split's.

    Raises:
        Refused: no such benchmark or split, a file that is missing, cut or changed, or a hub that can't be reached.
    """
    if name in PUBLISHED:
        return _load_published(name, split)
    if name in names():
        return _load_tiny(name, split)
    raise Refused(Problem("no such benchmark", where=name, expected=f"one of {', '.join(names())}", found=name))


def data_hash(name: str) -> str:
    """sha256 over the test items as canonical JSON: the same from the hub as from a folder."""
    digest = hashlib.sha256()
    for item in load(name):
        digest.update(json.dumps(item, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def _load_published(name: str, split: str) -> list[Item]:
    published = PUBLISHED[name]
    _refuse_unknown_split(name, split, published.files)
    folder = os.environ.get("RVEVAL_DATA")
    if folder:
        path = Path(folder) / published.files[split]
        where, numbered = str(path), _json_lines(path)
    else:
        where = f"{published.hub[0]} ({published.hub[1]}, {split})"
        numbered = list(enumerate(_from_hub(name, published, split), start=1))
    problems = [*_wrong_records(where, numbered, published.fields, published.check)]
    problems += _repeated(where, numbered, published.fields[0])
    if not problems and len(numbered) != published.counts[split]:
        problems.append(
            Problem(
                f"not the whole {split} split of {name}",
                where=where,
                expected=f"{published.counts[split]} records",
                found=f"{len(numbered)}, the last on line {numbered[-1][0] if numbered else 0}",
                fix=f"fetch {published.files[split]} again as its authors publish it",
            )
        )
    _refuse(problems)
    prefix = name if split == "test" else f"{name}/{split}"
    return [{**record, "item_id": f"{prefix}/{index}"} for index, (_, record) in enumerate(numbered)]


def _load_tiny(name: str, split: str) -> list[Item]:
    """Packaged items; their own `id` is the item id."""
    folder = TINY_DATA / name
    _refuse_unknown_split(name, split, {path.stem for path in folder.glob("*.jsonl")})
    path = folder / f"{split}.jsonl"
    numbered = _json_lines(path)
    problems = [*_wrong_records(str(path), numbered, ("id", "question", "answer"), _check_nothing)]
    problems += _repeated(str(path), numbered, "id")
    if not numbered:
        problems.append(Problem("no records", where=str(path), fix="install rveval again: the file belongs to it"))
    _refuse(problems)
    return [{**record, "item_id": record["id"]} for _, record in numbered]


def _check_nothing(item: Item) -> str:
    return ""


def _json_lines(path: Path) -> list[tuple[int, Any]]:
    """(line number, value) of every line; split on line feeds only, as text may hold other line separators."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        fix = "RVEVAL_DATA names a folder that holds gsm8k/test.jsonl and so on; unset it to use the hub's data sets"
        raise Refused(Problem("can't be read", where=str(path), found=error.strerror or str(error), fix=fix)) from error
    if lines[-1] == b"":
        lines.pop()
    values: list[tuple[int, Any]] = []
    problems = []
    for number, line in enumerate(lines, start=1):
        try:
            values.append((number, json.loads(line)))
        except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
            cut = " (the file is cut off here?)" if number == len(lines) else ""
            problems.append(Problem(f"not JSON: {error}{cut}", where=f"{path}, line {number}"))
    _refuse(problems)
    return values


def _wrong_records(
    where: str, numbered: Iterable[tuple[int, Any]], fields: tuple[str, ...], check: Callable[[Item], str]
) -> Iterator[Problem]:
    expected = "text fields " + ", ".join(fields)
    for number, record in numbered:
        place = f"{where}, line {number}"
        if not isinstance(record, dict):
            yield Problem("not a record", where=place, expected="a JSON object", found=type(record).__name__)
            continue
        wrong = [field for field in fields if not (isinstance(record.get(field), str) and record[field].strip())]
        if wrong:
            yield Problem(
                f"field {', '.join(wrong)} is missing, empty or no text",
                where=place,
                expected=expected,
                found=", ".join(record) or "no fields",
            )
        elif complaint := check(record):
            yield Problem(complaint, where=place)


def _repeated(where: str, numbered: Iterable[tuple[int, Any]], field: str) -> list[Problem]:
    """Records that repeat an earlier one's `field`: pairing is equality of ids, so each must occur once."""
    first: dict[str, int] = {}
    problems = []
    for number, record in numbered:
        value = record.get(field) if isinstance(record, dict) else None
        if isinstance(value, str) and first.setdefault(value, number) != number:
            what = f"repeats the {field} of line {first[value]}: {value[:60]!r}"
            problems.append(Problem(what, where=f"{where}, line {number}"))
    return problems


def _from_hub(name: str, published: Published, split: str) -> list[Item]:
    import datasets

    path, config = published.hub
    try:
        return list(datasets.load_dataset(path, config, split=split))
    except (OSError, ValueError, RuntimeError) as error:  # what datasets raises for no network, no such set, no cache
        fix = (
            f"set RVEVAL_DATA to a folder that holds {' and '.join(published.files.values())} as their authors publish"
            " them, or download the data set while online"
        )
        what = f"the {split} split of {name} could not be loaded from the hub"
        found = f"{type(error).__name__}: {error}"
        raise Refused(Problem(what, where=f"{path} (config {config})", found=found[:300], fix=fix)) from error


def _refuse_unknown_split(name: str, split: str, known: Iterable[str]) -> None:
    if split not in set(known):
        raise Refused(Problem("no such split", where=name, expected=f"one of {', '.join(sorted(known))}", found=split))


def _refuse(problems: list[Problem]) -> None:
    if len(problems) > _SHOWN:
        problems = [*problems[:_SHOWN], Problem(f"and {len(problems) - _SHOWN} problems more of this kind")]
    if problems:
        raise Refused(problems)
