"""The published benchmarks: where each is found, what it must hold, and reading it from a local folder or the hub."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rveval.benchmarks import bbh, files
from rveval.benchmarks.checksums import BBH, PUBLISHED_SHA256
from rveval.benchmarks.files import Content, Item, Records, Rules
from rveval.errors import Problem, Refused

_log = logging.getLogger(__name__)
_FOLDER_FIX = "RVEVAL_DATA names a folder that holds gsm8k/test.jsonl and so on; unset it to use the hub's data sets"
_WORKED_ANSWER = re.compile(r"#### *-?[0-9][0-9,.]*$")


@dataclass(frozen=True)
class Published:
    """Where a published benchmark is found and what it must hold.

    Args:
        files: by split; a file may also be there gzipped.
        counts: records by split.
        hub: the data set's id and the config that lm-eval's own task uses.
        rules: what every record must hold.
        sha256: by split, of `files.content_of`; a split that is not in it is not checked.
        inside: the key of the records where a file is one JSON object.
        hub_is_known: whether the hub's copy has been compared with the authors' files and found equal.
    """

    files: dict[str, str]
    counts: dict[str, int]
    hub: tuple[str, str | None]
    rules: Rules
    sha256: dict[str, str]
    inside: str = ""
    hub_is_known: bool = True


def check_worked_answer(item: Item) -> str:
    """What is wrong with an item whose answer must end in its number; "" for nothing."""
    return "" if _WORKED_ANSWER.search(item["answer"]) else "'answer' does not end in '#### <number>'"


def _check_program(item: Item) -> str:
    if f"def {item['entry_point']}(" not in item["prompt"]:
        return f"'prompt' does not define the entry point {item['entry_point'][:60]}"
    return "" if "def check(" in item["test"] else "'test' does not define check"


_SCIQ_FIELDS = ("question", "distractor3", "distractor1", "distractor2", "correct_answer", "support")
_SCIQ = Published(
    files={"test": "sciq/test.json", "validation": "sciq/valid.json", "train": "sciq/train.json"},
    counts={"test": 1000, "validation": 1000, "train": 11679},
    hub=("allenai/sciq", None),
    # The training split asks 70 questions twice, with other options.
    rules=Rules(_SCIQ_FIELDS, key=_SCIQ_FIELDS, empty=frozenset({"support"})),
    sha256=PUBLISHED_SHA256["sciq"],
)

# Inputs that upstream has twice, twice with another target.
_BBH_REPEATS = {"causal_judgement": frozenset({104, 119}), "sports_understanding": frozenset({155, 227})}


def _bbh(subtask: str) -> Published:
    return Published(
        files={"test": f"bbh/{subtask}.json"},
        counts={"test": bbh.SUBTASKS[subtask].count},
        hub=("SaylorTwift/bbh", subtask),
        rules=Rules(("input", "target"), key=("input",), repeats=_BBH_REPEATS.get(subtask, frozenset())),
        sha256={"test": BBH[subtask]},
        inside="examples",
        hub_is_known=False,
    )


PUBLISHED = {
    "gsm8k": Published(
        files={"test": "gsm8k/test.jsonl", "train": "gsm8k/train.jsonl"},
        counts={"test": 1319, "train": 7473},
        hub=("openai/gsm8k", "main"),
        rules=Rules(("question", "answer"), key=("question",), check=check_worked_answer),
        sha256=PUBLISHED_SHA256["gsm8k"],
    ),
    "humaneval": Published(
        files={"test": "humaneval/HumanEval.jsonl"},
        counts={"test": 164},
        hub=("openai/openai_humaneval", None),
        rules=Rules(
            ("task_id", "prompt", "entry_point", "canonical_solution", "test"), key=("task_id",), check=_check_program
        ),
        sha256=PUBLISHED_SHA256["humaneval"],
    ),
    "sciq": _SCIQ,
    "sciq_closed": _SCIQ,
    **{f"bbh_{subtask}": _bbh(subtask) for subtask in bbh.SUBTASKS},
}


def content(name: str, split: str) -> Content:
    """A split's records, whole and unchanged.

    Raises:
        Refused: a file that is missing, cut or changed, or a hub that can't be reached.
    """
    published = PUBLISHED[name]
    folder = os.environ.get("RVEVAL_DATA")
    if not folder:
        return _from_hub(name, published, split)
    path = files.plain_or_gzipped(Path(folder) / published.files[split])
    return files.remembered(path, split, published, lambda path: _from_file(path, name, published, split))


def _from_file(path: Path, name: str, published: Published, split: str) -> Content:
    if path.name.removesuffix(".gz").endswith(".jsonl"):
        records = files.json_lines(path, _FOLDER_FIX)
    else:
        records = files.json_array(path, _FOLDER_FIX, published.inside)
    fix = f"fetch {published.files[split]} again as its authors publish it"
    found = _whole(records, name, published, split, fix)
    if changed := _changed(found, records.where, published, split, fix):
        raise Refused(changed)
    return found


def _whole(records: Records, name: str, published: Published, split: str, fix: str) -> Content:
    what = f"{split} split of {name}"
    files.refuse(files.wrong(records, published.rules, published.counts[split], what, fix))
    return files.content_of(records.values)


def _changed(found: Content, where: str, published: Published, split: str, fix: str) -> Problem | None:
    expected = published.sha256.get(split, found.sha256)
    if found.sha256 == expected:
        return None
    what = "not as published: some of its text was changed, or records stand in another order"
    return Problem(what, where, f"sha256 {expected} of its records", found.sha256, fix)


_fetched: dict[tuple[str, str | None, str], Content] = {}


def _from_hub(name: str, published: Published, split: str) -> Content:
    path, config = published.hub
    key = (path, config, split)
    if key not in _fetched:
        where = f"{path} ({', '.join(filter(None, (config, split)))})"
        records = Records(where, "record", _hub_records(name, published, split))
        fix = f"set RVEVAL_DATA to a folder that holds {published.files[split]} as its authors publish it"
        found = _whole(records, name, published, split, fix)
        if changed := _changed(found, where, published, split, fix):
            if published.hub_is_known:
                raise Refused(changed)
            _log.warning("%s", changed)
        _fetched[key] = found
    return _fetched[key]


_unreachable: dict[str, str] = {}
"""Data sets the hub could not be asked for, and why: it takes half a minute to give up, and BBH has 27 parts."""


def _hub_records(name: str, published: Published, split: str) -> list[Any]:
    import datasets

    path, config = published.hub
    if path in _unreachable:
        raise _not_loaded(name, published, split, f"not asked again after {_unreachable[path]}")
    try:
        return list(datasets.load_dataset(path, config, split=split))
    except (OSError, ValueError, RuntimeError) as error:  # what datasets raises for no network, no such set, no cache
        found = f"{type(error).__name__}: {error}"
        if isinstance(error, ConnectionError):
            _unreachable[path] = found
        raise _not_loaded(name, published, split, found) from error


def _not_loaded(name: str, published: Published, split: str, found: str) -> Refused:
    path, config = published.hub
    fix = (
        f"set RVEVAL_DATA to a folder that holds {' and '.join(published.files.values())} as published, or download the"
        " data set while online"
    )
    what = f"the {split} split of {name} could not be loaded from the hub"
    return Refused(Problem(what, where=f"{path} (config {config})" if config else path, found=found[:300], fix=fix))
