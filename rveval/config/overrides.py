"""What is wrong with a command line, all of it, before Hydra stops at the first thing.

Also puts Hydra's own complaints into the form of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval import config as schema
from rveval.config.problems import nearest, shown
from rveval.errors import Problem, Refused

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

_OPEN = ("engine.extra.", "vector.terms.", "vector.other.")
_SWEEP_FIX = "add -m to sweep over the values, or quote the value: key='\"a,b\"'"


def check(texts: Sequence[str], sweeping: bool, folders: Sequence[Path]) -> None:
    """Look at every override by itself; where one is wrong, also at the config that the others make.

    Args:
        texts: the overrides as they were typed.
        sweeping: whether comma lists are meant as sweeps, or may be (an experiment can say so).
        folders: where config groups are looked for.

    Raises:
        Refused: with every problem there is.
    """
    problems, kept = each(texts, sweeping, folders)
    if problems:
        raise Refused(problems + _of_the_rest(kept, folders))


def each(texts: Sequence[str], sweeping: bool, folders: Sequence[Path]) -> tuple[list[Problem], list[str]]:
    """What is wrong with every override by itself, and those that the rest of a config can be looked at with."""
    problems: list[Problem] = []
    kept: list[str] = []
    for text in texts:
        found, keep = _look(text, sweeping, folders)
        problems += found
        if keep:
            kept.append(text)
    return problems, kept


def composed(texts: Sequence[str], folders: Sequence[Path]) -> Any:
    """The config that these overrides make, as Hydra composes it; they hold no sweeps.

    Raises:
        Refused: it can't be composed.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    schema.register()
    own = [folder for folder in folders if folder != schema.config_dir()]
    paths = [f"hydra.searchpath=[{','.join(repr(folder.resolve().as_uri()) for folder in own)}]"] if own else []
    try:
        with initialize_config_dir(str(schema.config_dir()), version_base="1.3"):
            return compose("config", overrides=[*paths, *texts])
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise from_hydra(error) from error


def from_hydra(error: BaseException) -> Refused:
    """A refusal from what Hydra or OmegaConf raised."""
    cause = error.__cause__
    first, *others = [line for one in (error, cause) if one is not None for line in _lines(one)] or [
        type(error).__name__
    ]
    if first.startswith("Ambiguous value for argument"):
        return Refused(Problem(first, fix=_SWEEP_FIX))
    if others and others[0].startswith("To append") and "engine.extra." not in others[0]:
        others = ["there is no such key: --cfg job shows those that are there"]
    return Refused(Problem(first, fix="; ".join(others)))


def _lines(error: BaseException) -> list[str]:
    lines = (line.strip() for line in str(error).splitlines())
    return [line for line in lines if line and not line.startswith(("See https", "object_type", "full_key"))]


def _look(text: str, sweeping: bool, folders: Sequence[Path]) -> tuple[list[Problem], bool]:
    """The problems of one override, and whether the rest of the config can be looked at with it in place."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException as error:
        fix = "write key=value" if "=" not in text else "quote the value: 'key=\"value\"'"
        lines = str(error).splitlines()
        reason = lines[1] if lines[0].startswith("Error parsing") and len(lines) > 1 else ""
        return [Problem(f"can't be read as key=value{': ' + reason if reason else ''}", text, fix=fix)], False
    if override.is_hydra_override():
        return _launcher_problems(override), False
    problems = _key_problems(override, folders)
    if not problems:
        problems += _option_problems(override, folders)
    if override.is_sweep_override() and not sweeping:
        problems.append(Problem("a list of values outside a sweep", text, fix=_SWEEP_FIX))
    return problems, not problems and not override.is_sweep_override()


def _key_problems(override: Override, folders: Sequence[Path]) -> list[Problem]:
    name = override.key_or_group
    known = {*schema.known_keys(), *_groups(folders)}
    if name not in known and not name.startswith(_OPEN):
        return [Problem("unknown key", name, fix=_nearest_key(name, known))]
    where, fix = override.input_line or name, f"write {name}=VALUE"
    if override.is_delete():
        return [Problem("keys can't be removed", where, fix=fix)]
    if override.is_add() and not override.is_force_add() and not name.startswith(_OPEN):
        return [Problem("+key is refused: the key is there already", where, fix=fix)]
    return []


def _launcher_problems(override: Override) -> list[Problem]:
    if override.key_or_group != "hydra/launcher" or override.value() == "basic":
        return []
    fix = "leave hydra/launcher out: jobs of a sweep share one engine in this process"
    return [Problem("only Hydra's basic launcher is supported", override.input_line or "", fix=fix)]


def _option_problems(override: Override, folders: Sequence[Path]) -> list[Problem]:
    name = override.key_or_group
    options = _options(name, folders)
    if not options:
        return []
    problems = []
    for value in values(override):
        if isinstance(value, str) and value not in options:
            problems.append(Problem(f"there is no {name} {value!r}", f"{name}={value}", fix=nearest(value, options)))
        elif isinstance(value, list) or value is None:
            problems.append(Problem("is not one name", name, "a name", shown(value), nearest("", options)))
    return problems


def is_list(override: Override) -> bool:
    """Whether it sweeps over values that it names (or counts), and not over what a pattern finds."""
    from hydra.core.override_parser.types import Glob

    return override.is_discrete_sweep() and not isinstance(override.value(), Glob)


def values(override: Override) -> list[object]:
    """The value of an override, or all those of a list."""
    from hydra.core.override_parser.types import Transformer

    if is_list(override):
        return list(override.sweep_iterator(transformer=Transformer.identity))
    return [] if override.is_sweep_override() else [override.value()]


def _nearest_key(name: str, known: Iterable[str]) -> str:
    """The key that was meant: of the same name in a section, else the nearest of its own section."""
    section, _, last = name.rpartition(".")
    elsewhere = [one for one in known if one.rpartition(".")[2] == last]
    if elsewhere:
        return f"did you mean {' or '.join(sorted(elsewhere))}?"
    here = [one.rpartition(".")[2] for one in known if one.rpartition(".")[0] == section]
    return nearest(last, here or [one for one in known if "." not in one])


def _groups(folders: Sequence[Path]) -> set[str]:
    found = {inner.name for folder in folders if folder.is_dir() for inner in folder.iterdir() if inner.is_dir()}
    return found - {"claims"}  # data of reports, no options of a run


def _options(group: str, folders: Sequence[Path]) -> set[str]:
    return {file.stem for folder in folders for file in (folder / group).glob("*.yaml")}


def _of_the_rest(kept: list[str], folders: Sequence[Path]) -> list[Problem]:
    try:
        schema.parse(composed(kept, folders))
    except Refused as refused:
        return list(refused.problems)
    return []
