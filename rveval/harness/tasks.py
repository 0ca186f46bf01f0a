"""lm-eval's tasks, built once a process: without its own thousands (7 s), and without its silent skipping."""

from __future__ import annotations

import logging
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import lm_eval.api.task
import lm_eval.utils
from lm_eval.tasks import TaskManager
from tqdm import tqdm

from rveval.cells import Cell, tasks_dir
from rveval.errors import Problem, Refused
from rveval.schema import Config

# lm-eval draws a bar of its own while it renders prompts (a second of work) across ours.
lm_eval.api.task.tqdm = partial(tqdm, disable=True)
# lm-eval compiles a template again for every item and every use, a millisecond each: as long as a small model answers.
lm_eval.utils.env.from_string = lru_cache(maxsize=256)(lm_eval.utils.env.from_string)


@cache
def _manager(folder: Path, seed: int, draw: int) -> TaskManager:
    # Names of our own: a key `seed` would be taken for vLLM's by lm-eval's command line.
    return TaskManager(include_path=str(folder), include_defaults=False, metadata={"rv_seed": seed, "rv_draw": draw})


_DECIDES = ("limit", "system_instruction", "apply_chat_template", "fewshot_as_multiturn", "tokenizer_name")

_built: dict[tuple[Any, ...], Any] = {}


def load(cell: Cell, config: Config) -> Any:
    """The lm-eval task of a cell, with the config's shots, samples and seeds.

    Raises:
        Refused: lm-eval does not know it (a YAML that does not parse is skipped by lm-eval, silently).
    """
    key = (cell.task, cell.draw, config.seed, config.num_fewshot, config.n)
    if key not in _built:
        _built[key] = _build(cell, config)
    # lm-eval draws demonstrations from one generator that runs on: without this, the second variant would see others.
    _built[key].set_fewshot_seed(seed=config.seed)
    return _built[key]


def _build(cell: Cell, config: Config) -> Any:
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    manager = _manager(tasks_dir(), config.seed, cell.draw)
    if cell.task not in manager.all_tasks:
        raise Refused(Problem("lm-eval could not read the task", where=cell.task, fix="check its YAML"))
    task: Any = manager.load([cell.task])["tasks"][cell.task]
    if config.num_fewshot is not None:
        task.set_config(key="num_fewshot", value=config.num_fewshot)
    task.set_config(key="repeats", value=config.n)
    _keep_prompts(task)
    return task


def _keep_prompts(task: Any) -> None:
    """Render a task's prompts once for all variants of a sweep: lm-eval would render them again for each.

    What decides about them is in the key or fixed for the task: its items, shots and the seed of its demonstrations.
    """
    build = task.build_all_requests
    rendered: dict[tuple[Any, ...], list[Any]] = {}

    def build_or_take(**how: Any) -> None:
        key = tuple(how[name] for name in _DECIDES)
        if key not in rendered:
            build(**how)
            rendered[key] = task.instances
        for instance in rendered[key]:
            instance.resps, instance.filtered_resps = [], {}
        task._instances = rendered[key]

    task.build_all_requests = build_or_take
