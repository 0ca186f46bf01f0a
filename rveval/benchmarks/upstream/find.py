"""From a name in a suite to the files of the tasks it stands for: lm-eval's own, or a user's folder's."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rveval import benchmarks
from rveval.benchmarks.lm_eval_prompts import tasks_folder
from rveval.benchmarks.upstream import yaml_files
from rveval.errors import Problem, Refused

_KEY = re.compile(rb"^[\"']?(?:task|group)[\"']?:[ \t]*[\"']?([^\r\n\"'#]+)", re.MULTILINE)
_NO_NAME = re.compile(r"[\s*?\[\]{}/\\]")


@dataclass(frozen=True)
class Ref:
    """A task that is not rveval's own.

    Args:
        name: as lm-eval knows it.
        path: its YAML.
    """

    name: str
    path: Path


def find(name: str, include: Sequence[str]) -> list[Ref]:
    """The task of a name, or all tasks of a group or a tag.

    Args:
        name: what a suite asks for.
        include: folders with tasks of the user's own.

    Raises:
        Refused: no such task (the nearest names are offered), or a group that can't be spelled out.
    """
    own = user_tasks(include)
    members = [] if not name or _NO_NAME.search(name) else list(dict.fromkeys(_members(name, own, ())))
    if not members:
        raise Refused(_unknown(name, own))
    return members


def user_tasks(include: Sequence[str]) -> dict[str, Path]:
    """All tasks and groups of the user's folders, by name.

    Raises:
        Refused: with everything that is wrong in them; also names that are there twice, or that lm-eval has too.
    """
    problems: list[Problem] = []
    found: dict[str, Path] = {}
    for place in include:
        try:
            of_folder = yaml_files.folder(Path(place).expanduser().resolve())
        except Refused as error:
            problems.extend(error.problems)
            continue
        for name, path in of_folder.items():
            if found.setdefault(name, path) != path:
                what = f"two files name the task {name}"
                problems.append(Problem(what, where=f"{path}, {found[name]}", fix="rename one of them"))
    for name in found.keys() & _stock().keys() if found else ():
        what = f"the task {name} has the name of one of lm-eval's own"
        problems.append(Problem(what, where=f"{found[name]}, {_stock()[name]}", fix="rename it"))
    if problems:
        raise Refused(problems)
    return found


def _members(name: str, own: Mapping[str, Path], above: tuple[str, ...]) -> Iterator[Ref]:
    path = own.get(name) or _stock().get(name)
    if path is None:
        tagged = _tagged(name, own.values()) or _tagged(name, _may_be_tagged(name))
        yield from (Ref(task, file) for task, file in sorted(tagged))
        return
    config = yaml_files.read(path)
    if "group" not in config:
        yield Ref(name, path)
        return
    members = config.get("task")
    for member in members if isinstance(members, list) else [None]:
        if not isinstance(member, str):
            what = f"the group {name} does not simply list its members"
            raise Refused(Problem(what, where=str(path), fix="name the tasks that you want, one by one"))
        if member in above:
            raise Refused(Problem(f"the group {name} holds itself", where=str(path)))
        yield from _members(member, own, (*above, name))


def _tagged(tag: str, paths: Iterable[Path]) -> list[tuple[str, Path]]:
    configs = [(path, yaml_files.read(path)) for path in paths]
    return [
        (config["task"], path)
        for path, config in configs
        if tag in yaml_files.tags(config) and isinstance(config.get("task"), str) and "group" not in config
    ]


@cache
def _stock() -> dict[str, Path]:
    """The files of lm-eval's own tasks and groups, by name; by their text, because parsing them all takes 20 s."""
    found: dict[str, Path] = {}
    for path, text in _texts(".yaml"):
        for name in _KEY.findall(text):
            found.setdefault(name.decode("utf-8", "replace").strip(), path)
    return found


@cache
def _may_be_tagged(tag: str) -> list[Path]:
    """lm-eval's own files beside or below those that hold the word at all."""
    word = tag.encode()
    folders = {path.parent for path, text in _texts("yaml") if word in text and b"tag" in text}
    return sorted({path for folder in folders for path in yaml_files.yaml_paths(folder)})


def _texts(ending: str) -> Iterator[tuple[Path, bytes]]:
    for place, _, names in os.walk(tasks_folder()):
        for name in names:
            if name.endswith(ending):
                path = Path(place, name)
                yield path, path.read_bytes()


def _unknown(name: str, own: Mapping[str, Path]) -> Problem:
    ours = [f"rv_{source}" for source in [*benchmarks.names(), "bbh"]]
    near = difflib.get_close_matches(name, [*own, *ours, *_stock()], n=3, cutoff=0.7)
    fix = f"did you mean {' or '.join(near)}?" if near else ""
    expected = "one of rveval's (rv_gsm8k, ...), of lm-eval's, or of the folders of suite.include"
    return Problem("no such task", "suite.tasks", expected, name or "an empty name", fix)
