"""Task files as lm-eval means them, read without importing lm-eval and without its silence: what can't be read is said.

lm-eval's index of a folder skips a file that does not parse, at DEBUG level, and of two tasks of one name keeps one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from rveval.errors import Problem, Refused

Config = dict[str, Any]
_NO_TASKS = {"__pycache__", ".ipynb_checkpoints"}


class Function(str):
    """A name tagged `!function`."""


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!function", lambda loader, node: Function(node.value))


def read(path: Path) -> Config:
    """What a file says with everything it includes, its own keys winning; functions are left as their names.

    Raises:
        Refused: the file, or one that it includes, is missing or no mapping that YAML can hold.
    """
    merged: Config = {}
    for one in reversed(list(chain(path))):
        merged |= {key: value for key, value in _mapping(one).items() if key != "include"}
    return merged


def chain(path: Path, below: tuple[Path, ...] = ()) -> Iterator[Path]:
    """The file and all that it includes, the file itself first, what wins before what it wins over.

    Raises:
        Refused: as `read`.
    """
    if path in below:
        raise Refused(Problem("the file includes itself", where=str(path)))
    included = _mapping(path).get("include") or []
    yield path
    for name in reversed(included if isinstance(included, list) else [included]):
        yield from chain((path.parent / str(name)).resolve(), (*below, path))


def _mapping(path: Path) -> Config:
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(Problem(f"the file can't be read: {error}", where=str(path))) from error
    except yaml.YAMLError as error:
        raise Refused(Problem(f"this is no YAML: {_said(error)}", where=str(path), fix="mend the file")) from error
    if not isinstance(found, dict):
        raise Refused(Problem("not a task", where=str(path), expected="a mapping of keys", found=type(found).__name__))
    return found


def _said(error: yaml.YAMLError) -> str:
    """The parser's words, with the places that they are about."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    said = [(error.context, error.context_mark), (error.problem, error.problem_mark)]
    placed = [f"{words} (line {mark.line + 1}, column {mark.column + 1})" for words, mark in said if words and mark]
    return ", ".join(placed) or " ".join(str(error).split())


def content_hash(path: Path) -> str:
    """sha256 over the file, what it includes, and the Python files beside them, which may hold its functions."""
    files = list(chain(path))
    beside = {code for file in files for code in file.parent.glob("*.py")}
    beside |= {code for file in files for code in _code(file)}
    digest = hashlib.sha256()
    for file in [*files, *sorted(beside)]:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _code(path: Path) -> Iterator[Path]:
    """The files of functions that a task names in a folder further down: `!function parts.score.right`."""

    def names(value: Any) -> Iterator[Function]:
        if isinstance(value, Function):
            yield value
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from names(part)

    for name in names(_mapping(path)):
        file = path.parent / f"{name.rpartition('.')[0].replace('.', '/')}.py"
        if file.is_file():
            yield file


def folder(place: Path) -> dict[str, Path]:
    """All tasks and groups of a user's own folder, by name.

    Raises:
        Refused: with everything that is wrong in it.
    """
    if not place.is_dir():
        raise Refused(Problem("no such folder", where="suite.include", found=str(place)))
    problems: list[Problem] = []
    found: dict[str, Path] = {}
    parts: set[Path] = set()
    nameless = []
    for path in yaml_paths(place):
        try:
            files, config = list(chain(path)), read(path)
        except Refused as error:
            problems += [problem for problem in error.problems if problem not in problems]
            continue
        parts |= set(files[1:])
        name = config.get("group") or config.get("task")
        if not isinstance(name, str):
            nameless.append(path)
        elif why := _wrong_name(name, path, found):
            problems.append(why)
        else:
            found[name] = path
    problems += [_nameless(path) for path in nameless if path not in parts and not path.name.startswith("_")]
    if problems:
        raise Refused(problems)
    return found


def yaml_paths(place: Path) -> list[Path]:
    """The files of a folder that lm-eval would take for tasks."""
    paths = (path.resolve() for path in place.rglob("*.yaml") if not _NO_TASKS & set(path.parts))
    return sorted(paths, key=Path.as_posix)


def _wrong_name(name: str, path: Path, found: dict[str, Path]) -> Problem | None:
    if name.startswith("rv_"):
        return Problem(
            f"the task is named {name}", str(path), "a name that does not begin with rv_, as rveval's own do", name
        )
    if name in found:
        return Problem(
            f"two files name the task {name}", where=f"{path}, {found[name]}", fix="rename one: lm-eval would take one"
        )
    return None


def _nameless(path: Path) -> Problem:
    fix = "add `task: NAME`, or begin its name with _ if it is there to be included"
    return Problem("the file names no task, and no other file includes it", where=str(path), fix=fix)


def tags(config: Config) -> Sequence[str]:
    """The tags of a task."""
    tags = config.get("tag") or []
    return [tags] if isinstance(tags, str) else list(tags)
