"""What names stand for: lm-eval's own tasks by its `TaskManager`, and those of a user's folder, read strictly.

lm-eval's index of a folder skips a file that does not parse, at DEBUG level, and of two tasks of one name keeps one; so
a user's files are read here, and all that is wrong with them is said. No code of theirs is run.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rveval.benchmarks import yaml_files
from rveval.errors import Problem, Refused, cache_dir

_NO_TASKS = {"__pycache__", ".ipynb_checkpoints"}


@dataclass(frozen=True)
class Listed:
    """What a name stands for.

    Args:
        path: the YAML of a task or a group; None for a tag.
        members: names that a group or a tag stands for, none for a group that does not simply list them; None for a
            task.
    """

    path: Path | None = None
    members: tuple[str, ...] | None = None


def _listed(path: Path, config: Mapping[str, Any]) -> Listed:
    if "group" not in config:
        return Listed(path)
    members = config.get("task")
    if isinstance(members, list) and all(isinstance(member, str) for member in members):
        return Listed(path, tuple(members))
    return Listed(path, ())


@cache
def of_lm_eval() -> dict[str, Listed]:
    """lm-eval's own tasks, groups and tags. Listing them takes it seconds, so the list is kept on disk."""
    folder = yaml_files.tasks_folder()
    kept = cache_dir() / "lm_eval_tasks" / f"{version('lm_eval')}.json"
    try:
        names = json.loads(kept.read_text(encoding="utf-8"))
        if names.pop("") != [str(folder)]:
            raise ValueError("of another installation")
    except (OSError, ValueError, LookupError, AttributeError):
        names = dict(_names_of_lm_eval(folder))
        _keep(kept, {"": [str(folder)], **names})
    return {
        name: Listed(folder / path if path else None, None if members is None else tuple(members))
        for name, (path, members) in names.items()
    }


def _names_of_lm_eval(folder: Path) -> Iterator[tuple[str, tuple[str, Sequence[str] | None]]]:
    from lm_eval.tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    for name, entry in TaskManager().task_index.items():
        if entry.yaml_path is None:
            yield name, ("", sorted(entry.tags))
        else:
            path = entry.yaml_path.relative_to(folder).as_posix()
            yield name, (path, _listed(entry.yaml_path, entry.cfg or {}).members)


def _keep(path: Path, names: Mapping[str, Any]) -> None:
    """Written aside and renamed; where the disk does not take it, it is listed again next time."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(names), encoding="utf-8")
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)


def of_folder(place: Path) -> dict[str, Listed]:
    """All tasks, groups and tags of a user's own folder.

    Raises:
        Refused: with everything that is wrong in it: files that can't be read, names that are there twice or are
            rveval's, files that are neither a task nor a part of one, functions from outside of the folder.
    """
    if not place.is_dir():
        raise Refused(Problem("no such folder", where="suite.include", found=str(place)))
    problems: list[Problem] = []
    names: dict[str, Listed] = {}
    tagged: dict[str, list[str]] = {}
    parts: set[Path] = set()
    nameless = []
    for path in sorted(path.resolve() for path in place.rglob("*.yaml") if not _NO_TASKS & set(path.parts)):
        try:
            files, config = list(yaml_files.chain(path)), yaml_files.read(path)
        except Refused as error:
            problems += [problem for problem in error.problems if problem not in problems]
            continue
        parts |= set(files[1:])
        problems += [problem for problem in _outside(files, place) if problem not in problems]
        name = config.get("group") or config.get("task")
        if not isinstance(name, str):
            nameless.append(path)
        elif why := _wrong_name(name, path, names):
            problems.append(why)
        else:
            names[name] = _listed(path, config)
            for tag in _tags(config):
                tagged.setdefault(tag, []).append(name)
    problems += [_nameless(path) for path in nameless if path not in parts and not path.name.startswith("_")]
    if problems:
        raise Refused(problems)
    return {tag: Listed(None, tuple(sorted(members))) for tag, members in tagged.items()} | names


def _outside(files: Iterable[Path], place: Path) -> Iterator[Problem]:
    """Functions that are neither code of the folder nor, where a file of lm-eval's is included, of lm-eval's tasks."""
    allowed = (place, yaml_files.tasks_folder().resolve())
    for file in files:
        for name, module in yaml_files.functions(file):
            if not (module.is_file() and any(module.is_relative_to(folder) for folder in allowed)):
                what, expected = f"!function {name} is not in a Python file of the folder", f"a file below {place}"
                yield Problem(what, where=str(file), expected=expected, found=str(module))


def _wrong_name(name: str, path: Path, names: Mapping[str, Listed]) -> Problem | None:
    if name.startswith("rv_"):
        expected = "a name that does not begin with rv_, as rveval's own do"
        return Problem(f"the task is named {name}", str(path), expected, name)
    if name in names:
        where = f"{path}, {names[name].path}"
        return Problem(f"two files name the task {name}", where=where, fix="rename one: lm-eval would take one")
    return None


def _nameless(path: Path) -> Problem:
    fix = "add `task: NAME`, or begin its name with _ if it is there to be included"
    return Problem("the file names no task, and no other file includes it", where=str(path), fix=fix)


def _tags(config: Mapping[str, Any]) -> list[str]:
    tags = config.get("tag") or []
    return [tags] if isinstance(tags, str) else list(tags)
