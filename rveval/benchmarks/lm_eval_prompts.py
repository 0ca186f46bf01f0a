"""BIG-Bench-Hard's task sentences and published demonstrations, as the installed lm-eval has them in its own tasks.

Its YAML is read without importing lm-eval (seconds). What the benchmark's authors publish lies in lm-eval as data;
nothing of it is copied here.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from rveval.benchmarks.files import Item
from rveval.errors import Problem, Refused

DEMONSTRATIONS = 3
_CUE = "Let's think step by step."
_FIX = "install the version of lm-eval that rveval asks for"


@cache
def description(subtask: str) -> str:
    """The sentence that says what a subtask is about, without the blank line after it.

    Raises:
        Refused: the installed lm-eval does not have it where it is looked for.
    """
    path = tasks_folder() / "bbh" / "cot_zeroshot" / f"{subtask}.yaml"
    found = _read(path).get("description")
    if not isinstance(found, str) or not found.strip():
        raise _other_layout(path, "a text `description`")
    return found.strip()


def demonstrations(subtask: str) -> list[Item]:
    """The three published examples of a subtask: `input`, and as `target` the worked text without its cue to reason.

    Raises:
        Refused: the installed lm-eval does not have them where they are looked for.
    """
    return [dict(one) for one in _demonstrations(subtask)]


@cache
def _demonstrations(subtask: str) -> tuple[Item, ...]:
    path = tasks_folder() / "bbh" / "cot_fewshot" / f"{subtask}.yaml"
    config = _read(path).get("fewshot_config")
    samples = config.get("samples") if isinstance(config, dict) else None
    if not isinstance(samples, list) or len(samples) != DEMONSTRATIONS or not all(map(_is_sample, samples)):
        raise _other_layout(path, f"`fewshot_config: samples:` with {DEMONSTRATIONS} records of `input` and `target`")
    return tuple({"input": one["input"], "target": one["target"].removeprefix(_CUE).strip()} for one in samples)


def _is_sample(sample: object) -> bool:
    return isinstance(sample, dict) and all(isinstance(sample.get(name), str) for name in ("input", "target"))


def tasks_folder() -> Path:
    """The folder of the installed lm-eval's own tasks.

    Raises:
        Refused: lm-eval is not installed.
    """
    found = importlib.util.find_spec("lm_eval")
    if found is None or not found.submodule_search_locations:
        raise Refused(Problem("lm-eval is not installed", where="lm_eval", fix=_FIX))
    return Path(found.submodule_search_locations[0]) / "tasks"


def _read(path: Path) -> dict[str, Any]:
    import yaml

    class Loader(yaml.SafeLoader):
        """Leaves lm-eval's `!function` unresolved: resolving would import its code."""

    Loader.add_constructor("!function", lambda loader, node: node.value)
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _other_layout(path, "lm-eval's YAML of the subtask", str(error)) from error
    return found if isinstance(found, dict) else {}


def _other_layout(path: Path, expected: str, found: str = "something else") -> Refused:
    return Refused(Problem("the installed lm-eval is not laid out as known", str(path), expected, found[:200], _FIX))
