"""From the words of a command line to the config of every point of its sweep, composed by Hydra.

A word such as `alpha=0,1` is a sweep (with -m); an experiment may list runs that are no grid:

    points:
      - ["vector.scope=[]"]                                     # one run
      - [vector.transform=random, "vector.seed=0,1,2"]          # three: comma lists are sweeps, as on the command line

What the user wrote wins over what a point, or an experiment's `hydra.sweeper.params`, says of the same key or group.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rveval.config import words
from rveval.config.keys import Config, defaults
from rveval.config.reading import parse
from rveval.errors import Problem, Refused

_EXPECTED = "a list of lists of overrides, such as points=[[alpha=0],[alpha=1]]"
_Compose = Callable[..., Any]


@dataclass(frozen=True)
class Point:
    """One run of a command line: its words, and its config or what is wrong with it."""

    label: str
    config: Config | None
    problems: tuple[Problem, ...] = ()


def points(typed: Sequence[str], *, sweeping: bool = False, folders: Sequence[Path] = ()) -> list[Point]:
    """Every run that a command line comes to.

    Args:
        typed: `key=value` as the user wrote them.
        sweeping: whether lists of values are sweeps (-m).
        folders: of the user's own configs, searched after the shipped ones.

    Raises:
        Refused: a word is wrong by itself; with everything else that is wrong with the command line.
    """
    line = _Line.of(typed, folders)
    line.check(sweeping)
    with _hydra(line) as compose_line:
        runs = [run for base in _each_experiment(line.words) for run in _runs(base, line, compose_line)]
        return [_point(run, compose_line) for run in runs]


def composed(typed: Sequence[str], folders: Sequence[Path] = (), *, with_hydra: bool = False) -> Any:
    """The composed config of a command line as it stands, of every list its first value: what `--cfg` shows.

    Raises:
        Refused: a word is wrong by itself, or they can't be composed.
    """
    line = _Line.of(typed, folders)
    line.check(sweeping=True)
    spelled = [] if line.points is None else [f"points={json.dumps(_as_points(line.points))}"]
    with _hydra(line) as compose_line:
        return compose_line([*_singles(line.words), *spelled], with_hydra)


def register() -> None:
    """Give Hydra the tree of all keys as `rveval_schema`, the first entry of the defaults list."""
    ConfigStore.instance().store(name="rveval_schema", node=OmegaConf.create(defaults()), provider="rveval")


@dataclass(frozen=True)
class _Line:
    """A command line taken apart: its words, what `points=` said, the folders of the user's own configs."""

    words: tuple[str, ...]
    points: str | None
    folders: tuple[Path, ...]

    @classmethod
    def of(cls, typed: Sequence[str], folders: Sequence[Path]) -> _Line:
        """`points=...` is read as YAML and not as Hydra would: `points=[[alpha=0],[alpha=1]]` needs no inner quotes."""
        given = [text.partition("=")[2] for text in typed if text.startswith("points=")]
        paths = [text.partition("=")[2].strip("[]") for text in typed if text.startswith("hydra.searchpath=")]
        named = [name.strip(" '\"").removeprefix("file://") for value in paths for name in value.split(",")]
        kept = tuple(text for text in typed if not text.startswith(("points=", "hydra.searchpath=")))
        return cls(kept, given[-1] if given else None, (*folders, *map(Path, filter(None, named))))

    @property
    def options(self) -> dict[str, list[str]]:
        return words.groups([words.config_dir(), *self.folders])

    def check(self, sweeping: bool) -> None:
        """Refuse what is wrong with the words, and with the rest of the config too."""
        for folder in self.folders:
            if not folder.is_dir():
                raise Refused(Problem("no such folder of configs", str(folder)))
        listed = any(text.startswith(("experiment=", "hydra.mode=")) for text in self.words)
        sweeping, options = sweeping or listed or self.points is not None, self.options
        wrong = {text: found for text in self.words if (found := words.problems(text, sweeping, options))}
        if wrong:
            with _hydra(self) as compose_line:
                rest = _point(_singles([text for text in self.words if text not in wrong]), compose_line)
            raise Refused([*(problem for found in wrong.values() for problem in found), *rest.problems])


@contextmanager
def _hydra(line: _Line) -> Iterator[_Compose]:
    """Hydra as a function from overrides to a composed config.

    Hydra composes what is chosen of the groups, once for all points that choose alike (it takes 0.1 s); values are put
    in after that, as Hydra would, but for unknown keys: those are refused by `parse`, all together.
    """
    register()
    options, known = line.options, dict[tuple[Any, ...], Any]()
    folders = [repr(folder.resolve().as_uri()) for folder in line.folders]
    paths = [f"hydra.searchpath=[{','.join(folders)}]"] if folders else []

    def compose_line(run: Sequence[str], with_hydra: bool = False) -> Any:
        overrides = [words.read(text) for text in run if not text.startswith("hydra.")]
        chosen = [
            f"{one.key_or_group}={one.get_value_element_as_str()}" for one in overrides if one.key_or_group in options
        ]
        key = (with_hydra, *chosen)
        try:
            if key not in known:
                known[key] = compose("config", overrides=[*paths, *chosen], return_hydra_config=with_hydra)
            cfg = deepcopy(known[key])
            for one in overrides:
                if one.key_or_group not in options:
                    OmegaConf.update(cfg, one.key_or_group, one.value(), force_add=True)
            return cfg
        except (HydraException, OmegaConfBaseException, yaml.YAMLError, IndexError) as error:
            raise _from_hydra(error) from error

    with initialize_config_dir(str(words.config_dir()), version_base="1.3"):
        yield compose_line


def _point(run: Sequence[str], compose_line: _Compose) -> Point:
    label = " ".join(run)
    try:
        return Point(label, replace(parse(compose_line(run)), points=[]))
    except Refused as refused:
        return Point(label, None, refused.problems)


def _runs(base: Sequence[str], line: _Line, compose_line: _Compose) -> Iterator[list[str]]:
    """The overrides of every run of one experiment, or of a command line without any."""
    listed = [] if line.points is None else _as_points(line.points)
    if line.points is None and any(text.startswith("experiment=") for text in base):
        listed = _of_experiment(compose_line(_singles(base), True))
    if wrong := [problem for point in listed for problem in _point_problems(point, line.options)]:
        raise Refused(list(dict.fromkeys(wrong)))
    said = {words.read(text).key_or_group for text in base}
    loader = GlobalHydra.instance().config_loader()
    for point in listed or [[]]:
        kept = [text for text in point if words.read(text).key_or_group not in said]
        # Every combination; the first word changes last.
        yield from map(list, product(*(words.texts(words.read(text, loader)) for text in (*kept, *base))))


def _of_experiment(whole: Any) -> list[list[str]]:
    """An experiment's points; of one that is written as a sweep of Hydra's, its grid as one point."""
    listed = _as_points(OmegaConf.to_container(whole.points))
    if listed or whole.hydra.mode is None or whole.hydra.mode.name != "MULTIRUN":
        return listed
    params = whole.hydra.sweeper.params or {}
    return [[f"{name}={value}" for name, value in params.items()]] if params else []


def _point_problems(point: Sequence[str], options: dict[str, list[str]]) -> Iterator[Problem]:
    for text in point:
        found = words.problems(text, True, options)
        if text.startswith(("experiment=", "points=", "hydra")):
            fix = "write it on the command line, or in the experiment's file"
            found = [Problem("can't be said by a point", text, fix=fix)]
        for problem in found:
            yield replace(problem, where=f"{problem.where}, in the point [{', '.join(point)}]")


def _each_experiment(typed: Sequence[str]) -> Iterator[list[str]]:
    """The command line, once for each experiment where a list of them is swept over."""
    place = next((place for place, text in enumerate(typed) if text.startswith("experiment=")), None)
    if place is None:
        yield list(typed)
        return
    for text in words.texts(words.read(typed[place], GlobalHydra.instance().config_loader())):
        yield [*typed[:place], text, *typed[place + 1 :]]


def _singles(typed: Sequence[str]) -> list[str]:
    """The words with the first value of every list; a pattern of options is left out, it stands for any of them."""
    overrides = [words.read(text) for text in typed]
    return [words.texts(override)[0] for override in overrides if words.values(override)]


def _as_points(raw: Any) -> list[list[str]]:
    try:
        found = yaml.safe_load(raw) if isinstance(raw, str) else raw
    except yaml.YAMLError as error:
        reason = str(error).partition("\n")[0]
        fix = "quote overrides that hold brackets or commas: points=[['vector.layers=[0,1]'],[alpha=0]]"
        raise Refused(Problem(f"can't be read ({reason})", "points", _EXPECTED, str(raw), fix)) from error
    if not isinstance(found, list) or not all(
        isinstance(point, list) and point and all(isinstance(text, str) for text in point) for point in found
    ):
        raise Refused(Problem("is no list of points", "points", _EXPECTED, str(raw)))
    return found


def _from_hydra(error: BaseException) -> Refused:
    """A refusal from what Hydra or OmegaConf raised."""
    lines = [line.strip() for part in (error, error.__cause__) if part is not None for line in str(part).splitlines()]
    noise = ("See https", "object_type", "full_key")
    what, *more = [line for line in lines if line and not line.startswith(noise)] or [type(error).__name__]
    return Refused(Problem(what, fix="; ".join(dict.fromkeys(more))))
