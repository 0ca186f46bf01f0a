"""The task files: where they are, which one a task needs, what they say, and how those of families are written.

A family's task is four lines that include the clean task and name the family, so that plain lm-eval can run it. They
are written by `scripts/make_tasks.py` and never by hand; a composition (`typos+distractor`) has no file of its own: it
is the clean task with `rv_families` set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from rveval import benchmarks, perturb
from rveval.errors import Problem, Refused

_HEADER = "# Written by scripts/make_tasks.py.\n"
_SUMS = ("exact_match", "exact_match_strict", "extraction_failed")


def folder() -> Path:
    """The folder of the shipped tasks: inside the installed package, or beside the package in a checkout."""
    inside = Path(__file__).resolve().parent.parent / "tasks"
    return inside if inside.is_dir() else inside.parent.parent / "tasks"


@cache
def clean_file(source: str) -> Path:
    """The YAML of a benchmark's clean task.

    Raises:
        Refused: the installation lacks it.
    """
    found = sorted(folder().rglob(f"rv_{source}.yaml"))
    if not found:
        fix = "install rveval again: the file belongs to it"
        raise Refused(Problem("the task has no file", where=f"rv_{source}", found=str(folder()), fix=fix))
    return found[0]


@cache
def content_hash(source: str) -> str:
    """sha256 over the YAML of a benchmark's clean task and over what it includes."""
    digest = hashlib.sha256()
    for path in _chain(clean_file(source)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def read(source: str) -> dict[str, Any]:
    """What a benchmark's clean task says, includes merged as lm-eval does; `!function` names are left as text."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda loader, node: node.value)
    merged: dict[str, Any] = {}
    for path in reversed(list(_chain(clean_file(source)))):
        merged |= yaml.load(path.read_bytes(), Loader=Loader)
    return merged


def _chain(path: Path) -> Iterator[Path]:
    yield path
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("include:"):
            yield from _chain(path.parent / line.partition(":")[2].strip())


def family_files() -> dict[str, str]:
    """All files that are written, by their place below the folder of tasks: path and text."""
    files = dict(_bbh_subtasks())
    for source in benchmarks.names():
        files |= dict(_of_families(source))
    for families in (perturb.CLEAN, *perturb.FAMILIES):
        files |= dict(_bbh_group(families))
    return files


def _bbh_subtasks() -> Iterator[tuple[str, str]]:
    for source in _bbh_sources():
        yield f"bbh/rv_{source}.yaml", _task(f"rv_{source}", "_bbh_template_yaml", source, perturb.CLEAN)


def _of_families(source: str) -> Iterator[tuple[str, str]]:
    clean = f"bbh/rv_{source}.yaml" if source.startswith("bbh_") else _below(source)
    above, _, name = clean.rpartition("/")
    for family in perturb.FAMILIES:
        if not perturb.problem(family, benchmarks.traits(source)):
            task = f"rv_{source}_{family}"
            yield f"{above}/{family}/{task}.yaml", _task(task, f"../{name}", source, family)


def _bbh_group(families: str) -> Iterator[tuple[str, str]]:
    """The group of all subtasks that a family applies to, with the mean over items and not over subtasks."""
    ending = "" if families == perturb.CLEAN else f"_{families}"
    fitting = [source for source in _bbh_sources() if not perturb.problem(families, benchmarks.traits(source))]
    members = [f"rv_{source}{ending}" for source in fitting]
    if members:
        lines = [f"{_HEADER}group: rv_bbh{ending}", "task:", *(f"  - {member}" for member in members)]
        lines += ["aggregate_metric_list:"]
        lines += [f"  - {{metric: {m}, aggregation: mean, weight_by_size: true, filter_list: [all]}}" for m in _SUMS]
        place = "bbh" if families == perturb.CLEAN else f"bbh/{families}"
        yield f"{place}/rv_bbh{ending}.yaml", "\n".join([*lines, "metadata:", "  version: 1.0", ""])


def _bbh_sources() -> list[str]:
    return [source for source in benchmarks.names() if source.startswith("bbh_")]


def _below(source: str) -> str:
    return clean_file(source).relative_to(folder()).as_posix()


def _task(name: str, include: str, source: str, families: str) -> str:
    keys = [f"include: {include}", f"task: {name}", "metadata:", "  version: 1.0", f"  rv_benchmark: {source}"]
    if families != perturb.CLEAN:
        keys.append(f"  rv_families: {families}")
    return _HEADER + "\n".join([*keys, ""])


def write() -> int:
    """Write `family_files`, remove files that an earlier version wrote and this one does not; how many there are."""
    files = family_files()
    for path in folder().rglob("rv_*.yaml"):
        mine = path.read_text(encoding="utf-8").startswith(_HEADER)
        if mine and path.relative_to(folder()).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        path = folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return len(files)
