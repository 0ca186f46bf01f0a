"""lm-eval's tasks, built once a process: without its own thousands (7 s), and without its silent skipping."""

from __future__ import annotations

import logging
from functools import lru_cache, partial
from typing import Any

import lm_eval.api.task
import lm_eval.utils
from tqdm import tqdm

from rveval import benchmarks
from rveval.config import Config
from rveval.run.cells import Cell
from rveval.run.harness import wrapped

# lm-eval draws a bar of its own while it renders prompts (a second of work) across ours.
lm_eval.api.task.tqdm = partial(tqdm, disable=True)
# lm-eval compiles a template again for every item and every use, a millisecond each: as long as a small model answers.
lm_eval.utils.env.from_string = lru_cache(maxsize=256)(lm_eval.utils.env.from_string)


_DECIDES = ("limit", "system_instruction", "apply_chat_template", "fewshot_as_multiturn", "tokenizer_name")

_built: dict[tuple[Any, ...], Any] = {}


def load(cell: Cell, config: Config) -> Any:
    """The lm-eval task of a cell, with the config's shots, samples and seeds.

    Raises:
        Refused: its YAML can't be read.
    """
    prompt = cell.settings["prompt"]  # a task of the user's may be edited while a sweep runs
    key = (cell.asked, prompt, config.seed, config.num_fewshot, config.n, config.sandbox)
    if key not in _built:
        _built[key] = _build(cell, config)
    # lm-eval draws demonstrations from one generator that runs on: without this, the second variant would see others.
    _built[key].set_fewshot_seed(seed=config.seed)
    return _built[key]


def _build(cell: Cell, config: Config) -> Any:
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    asked = cell.asked
    if asked.wrapped:
        task: Any = wrapped.build(asked, config.seed, config.num_fewshot, config.n)
        _keep_prompts(task)
        return task
    settings = benchmarks.get(asked.source).task_config() | {"task": asked.task}
    settings["metadata"] = settings["metadata"] | asked.metadata(config.seed, config.sandbox)
    if not config.num_fewshot:
        # lm-eval makes all demonstrations ready whether any is shown or not, which takes seconds for 12,000 of them.
        settings |= {"fewshot_split": None, "fewshot_config": {"samples": []}}
    task = lm_eval.api.task.ConfigurableTask(config=settings)
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
