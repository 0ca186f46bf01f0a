"""Task files as lm-eval means them, read without importing lm-eval and without its silence: what can't be read is said.

Nothing that a file names is imported: a tag `!function` is left as a name.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rveval.errors import Problem, Refused

Config = dict[str, Any]


class Function(str):
    """A name tagged `!function`."""


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!function", lambda loader, node: Function(node.value))


def read(path: Path) -> Config:
    """What a file says with everything it includes, its own keys winning.

    Raises:
        Refused: the file, or one that it includes, is missing or no mapping that YAML can hold.
    """
    merged: Config = {}
    for file in reversed(list(chain(path))):
        merged |= {key: value for key, value in _mapping(file).items() if key != "include"}
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
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(Problem(f"the file can't be read: {error}", where=str(path))) from error
    except yaml.YAMLError as error:
        raise Refused(Problem(f"this is no YAML: {_said(error)}", where=str(path), fix="mend the file")) from error
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise Refused(Problem("not a task", where=str(path), expected="a mapping of keys", found=kind))
    return content


def _said(error: yaml.YAMLError) -> str:
    """The parser's words, with the places that they are about."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    said = [(error.context, error.context_mark), (error.problem, error.problem_mark)]
    placed = [f"{words} (line {mark.line + 1}, column {mark.column + 1})" for words, mark in said if words and mark]
    return ", ".join(placed) or " ".join(str(error).split())


def functions(path: Path) -> Iterator[tuple[Function, Path]]:
    """The functions that a file names, each with the Python file beside or below it that lm-eval would look into."""

    def names(value: Any) -> Iterator[Function]:
        if isinstance(value, Function):
            yield value
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from names(part)

    for name in names(_mapping(path)):
        yield name, (path.parent / f"{name.rpartition('.')[0].replace('.', '/')}.py").resolve()


def content_hash(path: Path) -> str:
    """sha256 over the file, what it includes, the Python files beside them, and those of functions further down."""
    files = list(chain(path))
    code = {beside for file in files for beside in file.parent.glob("*.py")}
    code |= {module for file in files for _, module in functions(file) if module.is_file()}
    digest = hashlib.sha256()
    for file in [*files, *sorted(code)]:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def tasks_folder() -> Path:
    """The folder of the installed lm-eval's own tasks.

    Raises:
        Refused: lm-eval is not installed.
    """
    package = importlib.util.find_spec("lm_eval")
    if package is None or not package.submodule_search_locations:
        fix = "install the version of lm-eval that rveval asks for"
        raise Refused(Problem("lm-eval is not installed", where="lm_eval", fix=fix))
    return Path(package.submodule_search_locations[0]) / "tasks"
