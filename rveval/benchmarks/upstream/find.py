"""From a name in a suite to the files of the tasks it stands for: lm-eval's own, or a user's folder's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rveval.benchmarks import registry
from rveval.benchmarks.upstream import index
from rveval.benchmarks.upstream.index import Listed
from rveval.errors import Problem, Refused

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


def user_tasks(include: Sequence[str]) -> dict[str, Listed]:
    """All tasks, groups and tags of the user's folders, by name.

    Raises:
        Refused: with everything that is wrong in them; also names that are there twice, or that lm-eval has too.
    """
    problems: list[Problem] = []
    names: dict[str, Listed] = {}
    for place in include:
        try:
            of_folder = index.of_folder(Path(place).expanduser().resolve())
        except Refused as error:
            problems.extend(error.problems)
            continue
        for name, listed in of_folder.items():
            before = names.setdefault(name, listed)
            if not listed.path and not before.path:  # a tag is for tasks of all folders
                names[name] = Listed(None, tuple(sorted({*(before.members or ()), *(listed.members or ())})))
            elif before != listed:
                what = f"two files name the task {name}"
                where = f"{listed.path}, {names[name].path}"
                problems.append(Problem(what, where=where, fix="rename one of them"))
    for name, listed in names.items():
        other = index.of_lm_eval().get(name)
        if other and listed.path and other.path:
            what = f"the task {name} has the name of one of lm-eval's own"
            problems.append(Problem(what, where=f"{listed.path}, {other.path}", fix="rename it"))
    if problems:
        raise Refused(problems)
    return names


def _members(name: str, own: Mapping[str, Listed], above: tuple[str, ...]) -> Iterator[Ref]:
    listed = own.get(name) or index.of_lm_eval().get(name)
    if listed is None:
        return
    if listed.members == ():
        what = f"the group {name} does not simply list its members"
        raise Refused(Problem(what, where=str(listed.path), fix="name the tasks that you want, one by one"))
    if listed.members is None:
        assert listed.path is not None
        yield Ref(name, listed.path)
    for member in listed.members or ():
        if member in above:
            raise Refused(Problem(f"the group {name} holds itself", where=str(listed.path)))
        yield from _members(member, own, (*above, name))


def _unknown(name: str, own: Mapping[str, Listed]) -> Problem:
    ours = [f"rv_{source}" for source in [*registry.names(), *registry.groups()]]
    near = difflib.get_close_matches(name, [*own, *ours, *index.of_lm_eval()], n=3, cutoff=0.7)
    fix = f"did you mean {' or '.join(near)}?" if near else ""
    expected = "one of rveval's (rv_gsm8k, ...), of lm-eval's, or of the folders of suite.include"
    return Problem("no such task", "suite.tasks", expected, name or "an empty name", fix)
