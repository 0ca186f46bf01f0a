"""From `vector.transform` of a config to steps: names, parameters and orders, all that is wrong with them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from rveval.config import VectorConfig
from rveval.errors import Problem, nearest
from rveval.vectors import TRANSFORMS, Parameter, Step, wrong_orders

WHERE = "vector.transform"
SEED = Parameter("a whole number, at least 0", lambda value: value >= 0, default=0, whole=True)


def steps_of(vector: VectorConfig) -> tuple[tuple[Step, ...], list[Problem]]:
    """The transforms with their parameters, from first to last, and what is wrong with them.

    An entry is a name, or a mapping of a name and parameters; what it does not say is taken from the vector's key of
    the same name, if there is one.
    """
    problems: list[Problem] = []
    steps = [_step(f"{WHERE}[{place}]", entry, vector, problems) for place, entry in enumerate(vector.transform)]
    known = tuple(step for step in steps if step is not None)
    takes_other = [step.name for step in known if TRANSFORMS[step.name].given == "other"]
    if takes_other and vector.other is None:
        fix = "write vector.other={plus: ..., minus: ...}"
        problems.append(Problem(f"{takes_other[0]} needs another vector", "vector.other", fix=fix))
    if vector.other is not None and vector.other.weight != 1:
        fix = "leave the weight out; for the other direction exchange plus and minus"
        problems.append(Problem("is scaled to this vector's norm, so it has no weight", "vector.other.weight", fix=fix))
    if vector.terms:
        names = ", ".join(step.name for step in known)
        reasons = wrong_orders(known, len(vector.terms))
        problems += [Problem(f"makes no sense: {reason}", WHERE, found=names) for reason in reasons]
    return known, problems


def _step(where: str, entry: Any, vector: VectorConfig, problems: list[Problem]) -> Step | None:
    given = _given(entry)
    name = str(given.pop("name", ""))
    known = TRANSFORMS.get(name)
    if known is None:
        fix = f"nearest: {nearest(name, TRANSFORMS)}"
        problems.append(Problem("is none of the transforms", where, ", ".join(TRANSFORMS), repr(name), fix))
        return None
    takes = {**({"seed": SEED} if known.draws else {}), **known.parameters}
    for key in given.keys() - takes.keys():
        problems.append(Problem(f"{name} has no parameter {key}", where, ", ".join(takes) or "none", key))
    values: dict[str, Any] = {}
    before = len(problems)
    for key, parameter in takes.items():
        values[key] = given.get(key, getattr(vector, key, None))
        place = f"{where}.{key}" if key in given else f"vector.{key}"
        problems += _wrong(name, key, parameter, values[key], place)
    if len(problems) > before:
        return None
    step = Step.of(name, values.pop("seed", None) or 0, **values)
    if words := known.check(**dict(step.parameters)):
        problems.append(Problem(words, f"vector.{list(known.parameters)[-1]}"))
    return step


def _given(entry: Any) -> dict[str, Any]:
    """An entry as a mapping, without what it leaves open."""
    if isinstance(entry, str):
        return {"name": entry}
    if is_dataclass(entry):
        entry = {one.name: getattr(entry, one.name) for one in fields(entry)}
    return {key: value for key, value in entry.items() if value is not None} if isinstance(entry, Mapping) else {}


def _wrong(name: str, key: str, parameter: Parameter, value: Any, where: str) -> list[Problem]:
    """What is wrong with a value; nothing where a default takes its place."""
    if value is None and parameter.default is not None:
        return []
    if value is None:
        fix = f"write vector.{key}=VALUE, or give it in the transform: {{name: {name}, {key}: VALUE}}"
        return [Problem(f"{name} needs {key}", WHERE, fix=fix)]
    kind = int if parameter.whole else (int, float)
    if isinstance(value, kind) and not isinstance(value, bool) and parameter.holds(value):
        return []
    return [Problem("is out of range", where, parameter.expected, repr(value))]
