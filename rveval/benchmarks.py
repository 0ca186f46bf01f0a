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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rveval.errors import Problem, Refused

Item = dict[str, Any]
TINY_DATA = Path(__file__).parent / "tiny" / "data"
_SHOWN = 5  # a file that is wrong throughout should not fill the screen
_FOLDER_FIX = "RVEVAL_DATA names a folder that holds gsm8k/test.jsonl and so on; unset it to use the hub's data sets"
_PACKAGE_FIX = "install rveval again: the file belongs to it"
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

# The tiny family's splits: their records, and the sha256 of every packaged file. Their generator is seeded, so a file
# that differs is another benchmark, and its scores can't be compared with those of the model cards.
TINY_COUNTS = {"test": 1000, "validation": 600, "train": 300}
TINY = {
    "tiny_math": {
        "test": "b7daacfc24afd8f4c464fd81a76e3139ac1926ad233e79bbef7b4a240db3e5f1",
        "validation": "3080c7ebe65b5c59229142536024cabd90787bd523572f3fc513373edf0cf0e2",
        "train": "015dd446d5e4f7d8f920753dddb0656c8d06a67dfe87d2eeda427ebecd2e4084",
    },
    "tiny_choice": {
        "test": "85585942515ce275898e95f4bd33577673cc2fe78ade70cbb00302d704582b1c",
        "validation": "2ac73de555ada5bba27a4838890c99fd7d79ed96e3a6f3222a5417d0cb2db3de",
        "train": "239031de57c21e31f917223bbdfffd0f567d311cb7a683e1e7a49da68c8191e8",
    },
    "tiny_order": {
        "test": "7cd1da83a54f7d03cdfc095119146d90773261c37b3674db4421c8a92821c32e",
        "validation": "e083be02ce939bb47d74309ccb841e55d64dbd76c71cb7a788f766f409b99ed5",
        "train": "4f8deed6fed629c6e795af4f2340c535cd8e84cbcbb2521e4dc1d31ea9a99e4d",
    },
    "tiny_long": {
        "test": "cdffa13958d51804cdd29d0d023b8bc17997cfe7a10b6bc32a0cdc60a03d88dd",
        "validation": "84d2c37514cd09bc068c0f0ba877d06f788e2a5ba50476d1a04d7264f61769da",
        "train": "90739444b6361a0e97602835fb297a229a023edfa96ab7e6a3ddcf7cf554850d",
    },
}


def names() -> list[str]:
    """All benchmarks that can be loaded, published ones first."""
    return [*PUBLISHED, *TINY]


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
    if name in TINY:
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
        where, numbered = str(path), _json_lines(path, _FOLDER_FIX)
    else:
        where = f"{published.hub[0]} ({published.hub[1]}, {split})"
        numbered = list(enumerate(_from_hub(name, published, split), start=1))
    problems = [*_wrong_records(where, numbered, published.fields, published.check)]
    problems += _repeated(where, numbered, published.fields[0])
    if not problems:
        fix = f"fetch {published.files[split]} again as its authors publish it"
        problems += _not_whole(f"{split} split of {name}", where, numbered, published.counts[split], fix)
    _refuse(problems)
    prefix = name if split == "test" else f"{name}/{split}"
    return [{**record, "item_id": f"{prefix}/{index}"} for index, (_, record) in enumerate(numbered)]


def _load_tiny(name: str, split: str) -> list[Item]:
    """Packaged items; their own `id` is the item id."""
    _refuse_unknown_split(name, split, TINY[name])
    path = TINY_DATA / name / f"{split}.jsonl"
    numbered = _json_lines(path, _PACKAGE_FIX)
    problems = [*_wrong_records(str(path), numbered, ("id", "question", "answer"), _check_worked_answer)]
    problems += _repeated(str(path), numbered, "id")
    if not problems:
        problems += _not_whole(f"{split} split of {name}", str(path), numbered, TINY_COUNTS[split], _PACKAGE_FIX)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not problems and found != TINY[name][split]:
        what, expected = "not the packaged file: its contents were changed", f"sha256 {TINY[name][split]}"
        problems.append(Problem(what, where=str(path), expected=expected, found=found, fix=_PACKAGE_FIX))
    _refuse(problems)
    return [{**record, "item_id": record["id"]} for _, record in numbered]


def _not_whole(
    what: str, where: str, numbered: Sequence[tuple[int, Any]], expected: int, fix: str
) -> Iterator[Problem]:
    if len(numbered) != expected:
        found = f"{len(numbered)}, the last on line {numbered[-1][0] if numbered else 0}"
        yield Problem(f"not the whole {what}", where=where, expected=f"{expected} records", found=found, fix=fix)


def _json_lines(path: Path, fix: str) -> list[tuple[int, Any]]:
    """(line number, value) of every line; split on line feeds only, as text may hold other line separators.

    `fix` is what to do where there is no such file.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
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
