"""One word of a command line, `key=value`, read by Hydra's grammar; and what is wrong with it by itself.

Keys are not looked up here: a word for no key reaches the config, and is refused there with the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, Transformer
from hydra.errors import HydraException

from rveval.config.reading import did_you_mean, shown
from rveval.errors import Problem, Refused

_SWEEP_FIX = "add -m to sweep over the values, or quote the value: key='\"a,b\"'"


def config_dir() -> Path:
    """The folder of the shipped configs: inside the installed package, or beside the package in a checkout."""
    inside = Path(__file__).resolve().parent.parent / "conf"
    return inside if inside.is_dir() else inside.parent.parent / "conf"


def groups(folders: Iterable[Path]) -> dict[str, list[str]]:
    """The config groups of some folders with their options; claims are data of reports and no options of a run."""
    found: dict[str, set[str]] = {}
    for file in (file for folder in folders for file in folder.glob("*/*.yaml")):
        found.setdefault(file.parent.name, set()).add(file.stem)
    return {name: sorted(options) for name, options in sorted(found.items()) if name != "claims"}


def read(text: str, loader: Any = None) -> Override:
    """A word by Hydra's grammar; the loader is needed for what `glob(...)` stands for.

    Raises:
        Refused: it can't be read.
    """
    try:
        return OverridesParser.create(config_loader=loader).parse_overrides([text])[0]
    except HydraException as error:
        fix = "write key=value" if "=" not in text else "quote the value: 'key=\"value\"'"
        lines = str(error).splitlines()
        reason = f": {lines[1]}" if lines[0].startswith("Error parsing") and len(lines) > 1 else ""
        raise Refused(Problem(f"can't be read as key=value{reason}", text, fix=fix)) from error


def values(override: Override) -> list[Any]:
    """The value of a word, or all those that its list names; what a pattern stands for is Hydra's to find."""
    if isinstance(override.value(), Glob) or (override.is_sweep_override() and not override.is_discrete_sweep()):
        return []
    return list(override.sweep_iterator(Transformer.identity)) if override.is_sweep_override() else [override.value()]


def texts(override: Override) -> list[str]:
    """The words without a list that a word comes to."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [override.input_line or ""]
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def problems(text: str, sweeping: bool, options: Mapping[str, Sequence[str]]) -> list[Problem]:
    """What is wrong with one word by itself.

    Args:
        text: the word.
        sweeping: whether a list of values is a sweep.
        options: of every config group.
    """
    try:
        override = read(text)
    except Refused as refused:
        return list(refused.problems)
    name = override.key_or_group
    if override.is_hydra_override():
        fix = "leave it out: a sweep is planned as a whole and run by this process; `workers` says by whom"
        return [] if name == "hydra.mode" else [Problem("Hydra's own settings are not used", text, fix=fix)]
    if override.is_delete():
        return [Problem("keys can't be removed", text, fix=f"write {name}=VALUE")]
    found = [Problem("+key is refused", text, fix=f"write {name}=VALUE")] if override.is_add() else []
    found += _option_problems(name, values(override), options[name]) if name in options else []
    if override.is_sweep_override() and not override.is_discrete_sweep():
        found.append(Problem("is no list of values", text, fix="write key=a,b or key=range(3)"))
    elif override.is_sweep_override() and not sweeping:
        found.append(Problem("a list of values outside a sweep", text, fix=_SWEEP_FIX))
    return found


def _option_problems(group: str, chosen: Sequence[Any], options: Sequence[str]) -> list[Problem]:
    found = []
    for value in chosen:
        if isinstance(value, list) or value is None:
            found.append(Problem("is not one name", group, "a name", shown(value), did_you_mean("", options)))
        elif str(value) not in options:
            found.append(
                Problem(f"there is no {group} {value!r}", f"{group}={value}", fix=did_you_mean(str(value), options))
            )
    return found
