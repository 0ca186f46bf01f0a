"""The YAML files under tasks/, one a benchmark, which plain lm-eval reads as well."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from rveval.benchmarks import yaml_files
from rveval.errors import Problem, Refused


def folder() -> Path:
    """The folder of the shipped tasks: inside the installed package, or beside the package in a checkout."""
    inside = Path(__file__).resolve().parent.parent / "tasks"
    return inside if inside.is_dir() else inside.parent.parent / "tasks"


@cache
def _path(name: str) -> Path:
    there = sorted(folder().rglob(f"rv_{name}.yaml"))
    if not there:
        fix = "install rveval again: the file belongs to it"
        raise Refused(Problem("the task has no file", where=f"rv_{name}", found=str(folder()), fix=fix))
    return there[0]


@cache
def read(name: str) -> dict[str, Any]:
    """What the YAML of a benchmark says, includes merged; functions are left as their names. Not to be changed.

    Raises:
        Refused: the installation lacks it, or it can't be read.
    """
    return yaml_files.read(_path(name))


def config(name: str) -> dict[str, Any]:
    """The same as lm-eval reads it, functions resolved.

    Raises:
        Refused: as `read`.
    """
    from lm_eval.tasks._yaml_loader import load_yaml

    path = _path(name)
    try:
        return dict(load_yaml(path))
    except Exception as error:
        raise Refused(Problem(f"the task could not be read: {error}", where=str(path), fix="check the file")) from error
