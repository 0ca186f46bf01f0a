"""Runs that are no grid: the points of an experiment, each a list of overrides, made into command lines of their own.

    points:
      - ["vector.scope=[]"]                                     # one run
      - [vector.transform=random, "vector.seed=0,1,2"]          # three: comma lists are sweeps, as on the command line

What the user wrote wins over what a point says of the same key, or of the same config group.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval import config as schema
from rveval.config import overrides
from rveval.errors import Problem, Refused

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

NONE = "points=[]"
"""What the command line of a point says of points, so that no point is taken apart twice."""

_EXPECTED = "a list of lists of overrides, such as points=[[alpha=0],[alpha=1]]"


@dataclass(frozen=True)
class _Line:
    """A command line: the overrides of a point that count, then the user's."""

    point: tuple[str, ...]
    typed: tuple[str, ...]

    @property
    def texts(self) -> list[str]:
        return [*self.point, *self.typed, NONE]


def apart(typed: Sequence[str]) -> tuple[list[str], str | None]:
    """A command line's overrides without `points=...`, and what that says; the last one counts.

    It is read as YAML and not as Hydra would: `points=[[alpha=0],[alpha=1]]` needs no quotes within quotes.
    """
    given = [text.partition("=")[2] for text in typed if text.startswith("points=")]
    return [text for text in typed if not text.startswith("points=")], given[-1] if given else None


def spelled_out(typed: Sequence[str], given: str | None) -> list[str]:
    """The whole command line with `points=...` as Hydra reads it."""
    return list(typed) if given is None else [*typed, f"points={json.dumps(_read(_yaml(given)))}"]


def expand(typed: Sequence[str], given: str | None, folders: Sequence[Path]) -> list[list[str]]:
    """The command lines that a command line comes to: one for each point; itself where there are no points.

    Args:
        typed: the user's overrides, without `points=...`.
        given: what `points=` said, if it was there; it wins over the experiment's.
        folders: where config groups are looked for.

    Raises:
        Refused: with every problem of every point, before anything is run.
    """
    bases = _each_experiment(typed)
    lines: list[_Line] = []
    for base in bases:
        points = _read(_yaml(given)) if given is not None else _of_experiment(base, folders)
        lines += [_line(point, base) for point in points]
        lines += [] if points else [_Line((), tuple(base))]
    if not any(line.point for line in lines):
        return [[*typed, NONE] if given is not None else list(typed)]
    _check(lines, folders)
    return [line.texts for line in lines]


def _each_experiment(typed: Sequence[str]) -> list[list[str]]:
    """The command line, once for each experiment where a list of them is swept over."""
    for place, text in enumerate(typed):
        if text.startswith("experiment=") and (found := _parsed(text)) and overrides.is_list(found):
            return [[*typed[:place], f"experiment={one}", *typed[place + 1 :]] for one in overrides.values(found)]
    return [list(typed)]


def _of_experiment(typed: Sequence[str], folders: Sequence[Path]) -> list[list[str]]:
    if not any(text.startswith("experiment=") for text in typed):
        return []
    return _read(overrides.composed(_single(typed), folders).points)


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = str(error).partition("\n")[0]
        fix = "quote overrides that hold brackets or commas: points=[['vector.layers=[0,1]'],[alpha=0]]"
        raise Refused(Problem(f"can't be read ({reason})", "points", _EXPECTED, text, fix)) from error


def _read(raw: Any) -> list[list[str]]:
    from omegaconf import OmegaConf

    points = OmegaConf.to_container(raw, resolve=True) if OmegaConf.is_config(raw) else raw
    if not isinstance(points, list) or not all(
        isinstance(point, list) and point and all(isinstance(text, str) for text in point) for point in points
    ):
        raise Refused(Problem("is no list of points", "points", _EXPECTED, str(points)))
    return points


def _line(point: Sequence[str], typed: Sequence[str]) -> _Line:
    said = {found.key_or_group for text in typed if (found := _parsed(text))}
    kept = [text for text in point if (found := _parsed(text)) is None or found.key_or_group not in said]
    return _Line(tuple(kept), tuple(typed))


def _parsed(text: str) -> Override | None:
    """An override, or None where it can't be read: `overrides` says so."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(text)
    except HydraException:
        return None


def _single(texts: Sequence[str]) -> list[str]:
    """The overrides with the first value of every list; what is of the launcher is left out."""
    found = []
    for text in texts:
        one = _parsed(text)
        if one is None or one.is_hydra_override():
            continue
        if overrides.is_list(one):
            text = f"{one.get_key_element()}={next(iter(one.sweep_string_iterator()))}"
        if overrides.is_list(one) or not one.is_sweep_override():  # what a glob or an interval means, Hydra knows
            found.append(text)
    return found


def _check(lines: Sequence[_Line], folders: Sequence[Path]) -> None:
    """Look at every point by itself, then at the config of its first run.

    Raises:
        Refused: every problem once, with the point that has it, or without where all of them have.
    """
    places: dict[Problem, list[_Line]] = {}
    for line in lines:
        problems, _ = overrides.each(line.point, True, folders)
        problems += [
            Problem("can't be said by a point", text, fix="write it on the command line, or in the experiment's file")
            for text in line.point
            if text.startswith(("experiment=", "points=", "hydra"))
        ]
        for problem in problems or _of_config(line, folders):
            places.setdefault(problem, []).append(line)
    if places:
        raise Refused([_placed(problem, found, len(lines)) for problem, found in places.items()])


def _of_config(line: _Line, folders: Sequence[Path]) -> list[Problem]:
    try:
        schema.parse(overrides.composed(_single(line.texts), folders))
    except Refused as refused:
        return list(refused.problems)
    return []


def _placed(problem: Problem, found: Sequence[_Line], among: int) -> Problem:
    if len(found) == among:
        return problem
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return replace(problem, where=f"{problem.where}, in the point [{', '.join(found[0].point)}]{more}")
