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

from rveval import config as schema
from rveval.store import StudyEntry

_GROUPS = {"model": "label", "vector": "label", "suite": "name", "engine": "kind", "tracking": "kind"}
_LEFT_OUT = {"alpha", "store", "force", "dry_run", "tracking", "points"}
_SEED = "vector.seed"
_PLAIN = re.compile(r"[A-Za-z0-9_./:@+-]+")


def again(entries: Sequence[StudyEntry], store: str) -> list[str]:
    """One command for all alphas that were run in one way, and for all seeds of a vector's transforms.

    Args:
        entries: of the studies.
        store: the folder they are in.
    """
    ways: dict[str, dict[int, set[float]]] = {}
    for entry in entries:
        if entry["config"]:
            words = " ".join(shlex.quote(word) for word in _overrides(entry["config"]))
            alphas = ways.setdefault(words, {}).setdefault(_seed(entry["config"]), set())
            alphas.add(float(entry["config"].get("alpha", entry["alpha"])))
    place = f"store={shlex.quote(store)}" if store != "runs" else ""
    found = []
    for words, by_seed in ways.items():
        seeds: dict[tuple[float, ...], list[int]] = {}
        for seed, values in sorted(by_seed.items()):
            seeds.setdefault(tuple(sorted(values)), []).append(seed)
        found += [" ".join(filter(None, [*_swept(*one), words, place])) for one in seeds.items()]
    return found


def _swept(alphas: Sequence[float], seeds: Sequence[int]) -> Iterator[str]:
    """The start of a command: every one of these alphas with every one of these seeds."""
    yield "python -m rveval -m" if len(alphas) > 1 or len(seeds) > 1 else "python -m rveval"
    yield f"alpha={','.join(_number(value) for value in alphas)}"
    if list(seeds) != [0]:
        yield f"{_SEED}={','.join(map(str, seeds))}"


def _number(value: float) -> str:
    """Exactly this number: six digits where they are enough."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _seed(config: Mapping[str, Any]) -> int:
    return int((config.get("vector") or {}).get("seed") or 0)


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
        if f"{group}.{key}" != _SEED:
            yield f"{group}.{key}={_written(_short(value[key]) if key == 'transform' else value[key])}"


def _short(steps: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Transforms without what they leave to the vector's own keys; one that leaves all is its name alone."""
    known = [{key: one for key, one in step.items() if one is not None} for step in steps]
    return [step["name"] if len(step) == 1 else step for step in known]


def _unlike(value: Mapping[str, Any], option: Mapping[str, Any]) -> list[str]:
    return [key for key in value if value[key] != option.get(key)]


def _filled(group: str, text: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """An option as a config resolves it: with the group's defaults, and with what it takes from other keys."""
    found = {**_defaults().get(group, {}), **text}
    found = {key: config.get("seed") if value == "${seed}" else value for key, value in found.items()}
    if group == "vector":
        found["terms"] = [_term(term) for term in found.get("terms", [])]
        found["transform"] = _steps(found["transform"])
        found["other"] = _term(found["other"]) if found["other"] else None
    return found


def _steps(raw: Any) -> list[dict[str, Any]]:
    """Transforms as a config resolves them."""
    listed = raw if isinstance(raw, list) else [raw] if raw not in (None, "none") else []
    return [step if isinstance(step, dict) else {"name": step} for step in listed]


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
    return schema.defaults()


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
    # Hydra takes a backslash as it stands, but for those right before a quote.
    return "'" + re.sub(r"(\\+)(?='|\Z)", r"\1\1", text).replace("'", "\\'") + "'"
