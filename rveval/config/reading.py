"""From a composed tree of values to the typed config, or one refusal that names every problem.

pydantic says what is wrong, this puts it into words: the key, what was expected and found, the nearest known name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rveval.config.keys import Config, Source, Term, VectorConfig, known_keys
from rveval.errors import Problem, Refused

_UNFILLED = "???"
_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a finite number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list: [a,b]",
    "dict_type": "a mapping: {{a: 1}}",
    "dataclass_type": "a mapping: {{key: value}}",
    "missing": "a value",
    "too_short": "at least one entry",
    "literal_error": "{expected}",
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "below {lt:g}",
    "less_than_equal": "at most {le:g}",
}
"""What pydantic's errors mean, for people."""


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
    """One error of pydantic's as a problem."""
    where, kind, value = ".".join(map(str, error["loc"])) or "config", error["type"], error["input"]
    if kind in ("unexpected_keyword_argument", "invalid_key"):
        return Problem("unknown key", where, fix=_nearest_key(where))
    if kind == "value_error":
        return Problem(str(error["ctx"]["error"]), where, found=shown(value))
    expected = _EXPECTED.get(kind, error["msg"]).format(**error.get("ctx", {}))
    if kind == "missing":
        return Problem("is missing", where, expected)
    words = re.findall(r"'(.*?)'", expected) if kind == "literal_error" else []
    return Problem(
        "is not what it may be", where, expected, shown(value), did_you_mean(str(value), words) if words else ""
    )


def _nearest_key(where: str) -> str:
    """The key that was meant: of the same name in another section, else the nearest of its own."""
    section, _, name = where.rpartition(".")
    elsewhere = sorted(key for key in known_keys() if key.rpartition(".")[2] == name)
    if elsewhere:
        return f"did you mean {' or '.join(elsewhere)}?"
    here = [key.rpartition(".")[2] for key in known_keys() if key.rpartition(".")[0] == section]
    return did_you_mean(name, here or [one.name for cls in (Term, Source) for one in fields(cls)])


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
