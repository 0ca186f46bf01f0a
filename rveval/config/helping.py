"""The text of `--help`: what a run is, every key with its default, the options of every group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from rveval.config.keys import Config
from rveval.config.words import config_dir, groups

_WIDTH = 26


def help_text(folders: Sequence[Path] = ()) -> str:
    """The shipped `help.txt` with the keys and the options of the config groups filled in."""
    listed = [f"  {name}: {', '.join(options)}" for name, options in groups([config_dir(), *folders]).items()]
    text = (config_dir() / "help.txt").read_text(encoding="utf-8")
    return text.replace("{keys}", "\n".join(_keys())).replace("{groups}", "\n".join(listed))


def _keys() -> Iterator[str]:
    for one in fields(Config):
        hint = get_type_hints(Config)[one.name]
        section = isinstance(hint, type) and is_dataclass(hint)
        default = "" if section else f" [{_shown(one)}]"
        yield f"  {one.name + ('=NAME' if section else '='):{_WIDTH}}{one.metadata['help']}{default}"
        if section:
            for inner in fields(hint):
                default = "" if inner.default is MISSING and inner.default_factory is MISSING else f" [{_shown(inner)}]"
                yield f"    {one.name + '.' + inner.name:{_WIDTH + 8}}{inner.metadata['help']}{default}"
    yield f"  {'experiment=NAME':{_WIDTH}}a written-down run or sweep"


def _shown(one: Any) -> str:
    value = one.default_factory() if one.default is MISSING else one.default
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value).replace("'", "").replace(" ", "") if isinstance(value, (list, dict)) else f"{value}"
