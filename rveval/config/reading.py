"""From a composed tree of values to the typed config, or one refusal that names every problem.

pydantic says what is wrong, this puts it into words: the key, what was expected and found, the nearest known name.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from rveval.config.keys import Config, VectorConfig, known_keys
from rveval.errors import Problem, Refused

_UNFILLED = "???"
_WRONG_TYPE = "has the wrong type"


def parse(cfg: Any) -> Config:
    """The typed config of a composed `DictConfig`, or of a plain mapping.

    Raises:
        Refused: with every problem there is.
    """
    problems: list[Problem] = []
    tree = _plain(cfg, "", problems)
    problems += _unfilled(tree)
    reported = [problem.where for problem in problems]
    try:
        config = _adapter().validate_python(tree)
    except ValidationError as error:
        for problem in map(_in_words, error.errors(include_url=False)):
            if not any(_inside(problem.where, place) for place in reported):
                reported.append(problem.where)
                problems.append(problem)
    except RecursionError:
        problems.append(Problem("is nested too deep", "config"))
    problems += _across_keys(tree, reported) if isinstance(tree, Mapping) else []
    if problems:
        raise Refused(problems)
    return _with_donor_served(config)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest of the known words, and all of them.

    >>> did_you_mean("smokee", ["gsm8k", "smoke"])
    "did you mean 'smoke'? Known: gsm8k, smoke"
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    listed = f"Known: {', '.join(names)}" if names else "None is known here"
    return f"did you mean {close[0]!r}? {listed}" if close else listed


def shown(value: Any) -> str:
    """A value as an error shows it: `null` for None, cut where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


@cache
def _adapter() -> TypeAdapter[Config]:
    return TypeAdapter(Config)


def _plain(node: Any, where: str, problems: list[Problem]) -> Any:
    """Plain containers of an OmegaConf tree; an interpolation that fails is a problem of its own key alone."""
    from omegaconf import DictConfig, ListConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    if not isinstance(node, (DictConfig, ListConfig)):
        return node
    if node._is_none() or node._is_missing():
        return None if node._is_none() else _UNFILLED
    names: list[Any] = list(node.keys()) if isinstance(node, DictConfig) else list(range(len(node)))
    values = []
    for name in names:
        place = _join(where, name)
        try:
            values.append(_UNFILLED if OmegaConf.is_missing(node, name) else _plain(node[name], place, problems))
        except (OmegaConfBaseException, ValueError, TypeError) as error:
            problems.append(Problem("can't be resolved", place, fix=str(error).partition("\n")[0]))
            values.append(None)
    return dict(zip(names, values, strict=True)) if isinstance(node, DictConfig) else values


def _unfilled(tree: Any, where: str = "", note: str = "") -> Iterator[Problem]:
    """Everything that is `???`; a section's own key `note` says what to fill in."""
    if tree == _UNFILLED:
        yield Problem("is not filled in (???)", where, fix=note or f"write {where}=VALUE")
    elif isinstance(tree, Mapping):
        own = tree.get("note")
        note = own if isinstance(own, str) and own != _UNFILLED else note
        for name, value in tree.items():
            yield from _unfilled(value, _join(where, name), note)
    elif isinstance(tree, list):
        for place, value in enumerate(tree):
            yield from _unfilled(value, _join(where, place), note)


def _in_words(error: Any) -> Problem:
    where, hint = _locate(error["loc"])
    kind, value = error["type"], error["input"]
    if kind in ("unexpected_keyword_argument", "invalid_key"):
        name = str(error["loc"][-1])
        return Problem("unknown key", _join(where, name), fix=_nearest_key(name, _keys(hint)))
    if kind == "missing":
        place = _join(where, error["loc"][-1]) if not where.endswith(str(error["loc"][-1])) else where
        return Problem("is missing", place, _expected(hint))
    expected = _expected(hint)
    if kind == "literal_error":
        words = [str(word) for word in get_args(_bare(hint))]
        return Problem("is none of the words it may be", where, expected, shown(value), did_you_mean(str(value), words))
    if kind == "list_type":
        return Problem("is not a list", where, expected, shown(value), f"write {where}=[a,b]")
    if kind == "value_error":
        return Problem(str(error["ctx"]["error"]), where, expected, shown(value))
    if kind == "too_short":
        return Problem("is empty", where, expected, shown(value))
    outside = kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
    return Problem("out of range" if outside else _WRONG_TYPE, where or "config", expected, shown(value))


def _locate(loc: Sequence[Any]) -> tuple[str, Any]:
    """The dotted key of an error and its type; pydantic also names the members of a union, which are no keys."""
    where, hint = "", Config
    for step in loc:
        bare = _bare(hint)
        if isinstance(bare, type) and is_dataclass(bare) and step in _keys(bare):
            where, hint = _join(where, step), _hints(bare)[step]
        elif get_origin(bare) is list and isinstance(step, int):
            where, hint = _join(where, step), get_args(bare)[0]
    return where, hint


def _expected(hint: Any) -> str:
    """What a right value is, in words: those of its type, `or null` where it may be."""
    if get_origin(hint) in (Union, types.UnionType):
        inner = [choice for choice in get_args(hint) if choice is not types.NoneType]
        words = " or ".join(dict.fromkeys(map(_expected, inner)))
        return f"{words}, or null" if types.NoneType in get_args(hint) else words
    if get_origin(hint) is Annotated:
        described = [found for part in hint.__metadata__ if (found := getattr(part, "description", None))]
        return described[0] if described else _expected(hint.__origin__)
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if get_origin(hint) is list:
        return f"a list: each {_expected(get_args(hint)[0])}"
    return f"a mapping of {', '.join(_keys(hint))}" if is_dataclass(hint) else "a mapping"


def _bare(hint: Any) -> Any:
    """A type without `| None` and annotations."""
    if get_origin(hint) is Annotated:
        return _bare(hint.__origin__)
    if get_origin(hint) in (Union, types.UnionType) and types.NoneType in get_args(hint):
        return _bare(next(choice for choice in get_args(hint) if choice is not types.NoneType))
    return hint


def _nearest_key(name: str, here: Sequence[str]) -> str:
    """The key that was meant: of the same name in another section, else the nearest of its own."""
    elsewhere = sorted(key for key in known_keys() if key.rpartition(".")[2] == name)
    return f"did you mean {' or '.join(elsewhere)}?" if elsewhere else did_you_mean(name, here)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def _keys(hint: Any) -> tuple[str, ...]:
    bare = _bare(hint)
    return tuple(one.name for one in fields(bare)) if is_dataclass(bare) else ()


def _join(where: str, name: object) -> str:
    return f"{where}.{name}" if where else str(name)


def _inside(where: str, place: str) -> bool:
    return where == place or where.startswith(f"{place}.")


def _across_keys(tree: Mapping[Any, Any], reported: Sequence[str]) -> Iterator[Problem]:
    """What no key can say alone; on the raw values, so that it is said also where other keys are wrong."""
    n, temperature = tree.get("n"), tree.get("temperature", 0.0)
    if isinstance(n, int) and n > 1 and temperature == 0 and not isinstance(temperature, bool):
        fix = "set temperature=0.7 (or another above 0), or n=1"
        yield Problem(f"temperature=0 gives the same answer {n} times", "n", fix=fix)
    engine, vector = tree.get("engine"), tree.get("vector")
    if isinstance(engine, Mapping) and engine.get("kind") == "hf":
        size = engine.get("tensor_parallel_size", 1)
        if isinstance(size, int) and size > 1:
            fix = "take engine=vllm, or engine.tensor_parallel_size=1"
            yield Problem("engine=hf runs on one device", "engine.tensor_parallel_size", "1", str(size), fix)
    said = vector if isinstance(vector, Mapping) else {}
    weights, terms = said.get("weights"), said.get("terms")
    whole = not any(place.startswith(("vector.weights", "vector.terms")) for place in reported)
    if whole and isinstance(weights, list) and isinstance(terms, list) and len(weights) != len(terms):
        fix = f"write vector.weights=[{','.join(['1'] * len(terms))}], or leave it null"
        expected = f"{len(terms)} numbers, one for each term"
        yield Problem("does not match the terms", "vector.weights", expected, str(len(weights)), fix)


def _with_donor_served(config: Config) -> Config:
    """The config with a donor in the base's place, where `model.donor` asks for it; then there is no vector.

    Raises:
        Refused: the vector has no such donor.
    """
    side = config.model.donor
    if side is None:
        return config
    source = getattr(config.vector.terms[0], side) if config.vector.terms else None
    if source is None:
        what = f"the vector {config.vector.label} has no {side} to serve"
        raise Refused(Problem(what, "model.donor", fix="name a vector whose first term has one, or model.donor=null"))
    place = {"path": source.path, "revision": source.revision, "subfolder": source.subfolder}
    model = replace(config.model, label=f"{config.vector.label}-{side}", donor=None, **place)
    return replace(config, model=model, vector=VectorConfig("none"), alpha=0.0)
