"""The commands that make a study's cells again, out of the configs that its runs resolved to.

A config group's option (`model=tiny`) is named where the shipped option has these values; what differs from it, or from
the defaults, follows as keys of its own, so that the command is exact and no longer than it must be.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from rveval import schema
from rveval.records import StudyEntry

_GROUPS = {"model": "label", "vector": "label", "suite": "name", "engine": "kind", "tracking": "kind"}
_LEFT_OUT = {"alpha", "store", "force", "dry_run", "tracking"}
_PLAIN = re.compile(r"[A-Za-z0-9_./:@+-]+")


def again(entries: Sequence[StudyEntry], store: str) -> list[str]:
    """One command for all alphas that were run in one way.

    Args:
        entries: of the studies.
        store: the folder they are in.
    """
    alphas: dict[str, set[float]] = {}
    for entry in entries:
        if entry["config"]:
            words = " ".join(shlex.quote(word) for word in _overrides(entry["config"]))
            alphas.setdefault(words, set()).add(float(entry["config"].get("alpha", entry["alpha"])))
    found = []
    for words, values in alphas.items():
        shown = ",".join(f"{value:g}" for value in sorted(values))
        start = f"python -m rveval -m alpha={shown}" if len(values) > 1 else f"python -m rveval alpha={shown}"
        place = f"store={shlex.quote(store)}" if store != "runs" else ""
        found.append(" ".join(filter(None, [start, words, place])))
    return found


def _overrides(config: Mapping[str, Any]) -> Iterator[str]:
    defaults = _defaults()
    for key, value in config.items():
        if key in _LEFT_OUT:
            continue
        if key in _GROUPS and isinstance(value, dict):
            yield from _group(key, value, config)
        elif value != defaults.get(key):
            yield f"{key}={_written(value)}"


def _group(group: str, value: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """The option whose values are nearest, then what it says otherwise."""
    options = {name: _filled(group, text, config) for name, text in _options(group).items()}
    fitting = {name: one for name, one in options.items() if one.get(_GROUPS[group]) == value.get(_GROUPS[group])}
    usual = {"model": "tiny", "vector": "tiny_grpo", "suite": "smoke", "engine": "vllm"}[group]
    name = min(fitting or {usual: options[usual]}, key=lambda one: (len(_unlike(value, options[one])), one))
    if name != usual:
        yield f"{group}={name}"
    for key in _unlike(value, options[name]):
        yield f"{group}.{key}={_written(value[key])}"


def _unlike(value: Mapping[str, Any], option: Mapping[str, Any]) -> list[str]:
    return [key for key in value if value[key] != option.get(key)]


def _filled(group: str, text: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """An option as a config resolves it: with the group's defaults, and with what it takes from other keys."""
    found = {**_defaults().get(group, {}), **text}
    found = {key: config.get("seed") if value == "${seed}" else value for key, value in found.items()}
    if group == "vector":
        found["terms"] = [_term(term) for term in found.get("terms", [])]
    return found


def _term(term: Mapping[str, Any]) -> dict[str, Any]:
    sides = {side: _source(term.get(side)) for side in ("plus", "minus")}
    return {**sides, "weight": float(term.get("weight", 1.0))}


def _source(source: Any) -> Any:
    if not isinstance(source, dict):
        return source
    return {"path": source.get("path"), "revision": source.get("revision"), "subfolder": source.get("subfolder")}


@cache
def _options(group: str) -> dict[str, dict[str, Any]]:
    import yaml

    files = sorted((schema.config_dir() / group).glob("*.yaml"))
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in files}


@cache
def _defaults() -> dict[str, Any]:
    """What a config holds where nothing is said."""
    from dataclasses import MISSING, fields, is_dataclass
    from typing import get_type_hints

    def of(cls: type) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for one in fields(cls):
            hint = get_type_hints(cls)[one.name]
            if isinstance(hint, type) and is_dataclass(hint):
                found[one.name] = of(hint)
            elif one.default is not MISSING:
                found[one.name] = one.default
            elif one.default_factory is not MISSING:
                found[one.name] = one.default_factory()
        return found

    return of(schema.Config)


def _written(value: Any) -> str:
    """A value as Hydra reads it."""
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in ("null", "true", "false", "nan", "inf"):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
