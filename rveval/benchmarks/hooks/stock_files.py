"""The YAML of the stock tasks: lm-eval's own tasks with nothing changed but where the items come from.

What the installed lm-eval says (prompt, filters, metrics, stop strings) is written out below tasks/stock, where a
reader of a score finds it; a test holds it against the installed lm-eval. Code of lm-eval's that a task names (its
filters) stays in lm-eval and is named there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from rveval.benchmarks import bbh
from rveval.benchmarks.lm_eval_prompts import tasks_folder

_HEADER = "# lm-eval's own {task}, asked of our items; written by rveval.benchmarks.hooks.stock_files, see there.\n"
_TEMPLATE = "_stock_bbh_template_yaml"
_DATA = ("dataset_path", "dataset_name", "dataset_kwargs", "tag", "group")
"""What is left out: the source of the items, and names under which lm-eval would gather these tasks with its own."""

STOCK = {
    "stock_gsm8k": "gsm8k/gsm8k-cot-zeroshot.yaml",
    "stock_sciq": "sciq/sciq.yaml",
    "stock_humaneval": "humaneval/humaneval.yaml",
    **{f"stock_bbh_{subtask}": f"bbh/cot_zeroshot/{subtask}.yaml" for subtask in bbh.SUBTASKS},
}
"""lm-eval's file of every stock task, below lm_eval/tasks."""


class Named(str):
    """The name of a function, tagged `!function` in YAML."""


def files() -> dict[str, str]:
    """All files of the stock tasks, by their place below the folder of tasks: path and text."""
    configs = {source: _own(source) for source in STOCK}
    subtasks = {source: config for source, config in configs.items() if source.startswith("stock_bbh_")}
    shared = _shared(list(subtasks.values()))
    made = {f"stock/{_TEMPLATE}": "# What lm-eval's 27 bbh_cot_zeroshot tasks share.\n" + _dumped(shared)}
    for source, config in configs.items():
        thin = config
        if source in subtasks:
            thin = {"include": _TEMPLATE} | {key: value for key, value in config.items() if key not in shared}
        header = _HEADER.format(task=_read(STOCK[source])["task"])
        made[f"stock/rv_{source}.yaml"] = header + _dumped(thin)
    return made | {"stock/rv_stock_bbh.yaml": _group(list(subtasks))}


def write(folder: Path) -> int:
    """Write `files` below the folder of tasks; how many there are."""
    made = files()
    (folder / "stock").mkdir(exist_ok=True)
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return len(made)


def _own(source: str) -> dict[str, Any]:
    """lm-eval's task with the items of ours; for HumanEval also with its answers run in the sandbox."""
    stock = _read(STOCK[source])
    kept = {key: value for key, value in stock.items() if key not in (*_DATA, "task", "metadata")}
    if source == "stock_humaneval":
        del kept["unsafe_code"]  # it is confined
        kept["filter_list"] = [
            {"name": "create_test", "filter": [{"function": "custom", "filter_fn": _hook("predictions")}]}
        ]
        kept["process_results"] = _hook("code_results")
        kept["metric_list"] = [{"metric": "pass@1", "aggregation": "mean", "higher_is_better": True}]
    first = {"task": f"rv_{source}", "custom_dataset": _hook("items")}
    return first | kept | {"metadata": stock["metadata"] | {"rv_benchmark": source}}


def _hook(name: str) -> Named:
    return Named(f"rveval.benchmarks.hooks.stock.{name}")


def _shared(configs: list[dict[str, Any]]) -> dict[str, Any]:
    """What is the same in all of them."""
    first, *others = configs
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}


def _group(sources: list[str]) -> str:
    stock = _read("bbh/cot_zeroshot/_bbh_cot_zeroshot.yaml")
    members = [f"rv_{source}" for source in sources]
    return _HEADER.format(task=stock["group"]) + _dumped(stock | {"group": "rv_stock_bbh", "task": members})


def _read(name: str) -> dict[str, Any]:
    """A YAML of lm-eval's own, with what it includes; functions by names that can be used from anywhere."""
    path = tasks_folder() / name
    module = ".".join(("lm_eval", "tasks", *Path(name).parent.parts))

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda loader, node: Named(f"{module}.{node.value}"))
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader)
    included = found.pop("include", None)
    return (_read(f"{Path(name).parent}/{included}") if included else {}) | found


class _Dumper(yaml.SafeDumper):
    """Lists stand in from their key, text with line breaks or backslashes stays on one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if set(value) & set("\n\\'{") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Named, lambda dumper, value: dumper.represent_scalar("!function", str(value)))


def _dumped(config: dict[str, Any]) -> str:
    text = str(yaml.dump(config, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6))
    return re.sub(r"!function '([\w.]+)'", r"!function \1", text)
