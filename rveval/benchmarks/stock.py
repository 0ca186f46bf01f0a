"""lm-eval's own prompts over our items: `rv_stock_<benchmark>`, for comparison with numbers that others publish.

Prompt, stop strings, filters and metrics are read from the YAML of the installed lm-eval when they are needed, with
nothing changed but where the items come from. No family applies to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

from rveval import perturb
from rveval.benchmarks import hooks, yaml_files
from rveval.benchmarks.benchmark import Asking, Benchmark
from rveval.benchmarks.scores import Doc, Score
from rveval.benchmarks.source import Content, Record
from rveval.errors import Problem, Refused

PREFIX = "stock_"
_LEFT_OUT = ("dataset_path", "dataset_name", "dataset_kwargs", "tag", "group", "unsafe_code")
"""Where lm-eval has its items from, and names under which it would gather these tasks with its own."""
_NOTHING = ("[invalid]", "")
"""What lm-eval's filters return where they find nothing."""


@dataclass(frozen=True, kw_only=True)
class Stock(Benchmark):
    """A benchmark asked as lm-eval asks it.

    Args:
        plain: the benchmark whose items it has.
        path: the YAML of lm-eval's task, below lm_eval/tasks.
        target_field: the field of a record that holds the right answer.
    """

    plain: Benchmark
    path: str
    target_field: str

    @classmethod
    def of(cls, plain: Benchmark, path: str, *, target: str) -> Self:
        """The benchmark asked as lm-eval's task in `path` does."""
        return cls(
            name=f"{PREFIX}{plain.name}",
            source=plain.source,
            traits=replace(plain.traits, fixed="prompt"),
            reader="",
            uses_lm_eval=True,
            group=plain.group and f"{PREFIX}{plain.group}",
            plain=plain,
            path=path,
            target_field=target,
        )

    @property
    def record_name(self) -> str:
        return self.plain.record_name

    @property
    def id_prefix(self) -> str:
        return self.plain.id_prefix

    @property
    def splits(self) -> list[str]:
        return self.plain.splits

    def content(self, split: str) -> Content:
        return self.plain.content(split)

    def added(self) -> Record:
        return self.plain.added()

    def documents(self, split: str, asking: Asking, limit: int | None = None) -> list[dict[str, Any]]:
        if asking.families != perturb.CLEAN:
            what = "lm-eval's own prompts are kept as they are, no family applies to them"
            fix = f"ask {self.plain.task}"
            raise Refused(Problem(what, "rv_families", perturb.CLEAN, asking.families, fix))
        added = {"rv_source": self.name, "rv_families": perturb.CLEAN, "rv_draw": asking.draw}
        added |= {"rv_changed": False, "rv_left_alone": ""}
        return [record | added for record in self.load(split)[:limit]]

    def task_yaml(self) -> dict[str, Any]:
        own = yaml_files.read(yaml_files.tasks_folder() / self.path)
        return self.over_our_items(own) | {"custom_dataset": yaml_files.Function("rveval.benchmarks.hooks.items")}

    def task_config(self) -> dict[str, Any]:
        from lm_eval.tasks._yaml_loader import load_yaml

        return self.over_our_items(load_yaml(yaml_files.tasks_folder() / self.path))

    def over_our_items(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """What lm-eval's file says, with our items."""
        kept = {key: value for key, value in own.items() if key not in _LEFT_OUT}
        metadata = own["metadata"] | {"rv_benchmark": self.name}
        return kept | {"task": self.task, "custom_dataset": hooks.items, "metadata": metadata}

    def score(self, doc: Doc, response: str) -> Score:
        """What lm-eval's task gives one response: its filter flexible-extract as the flexible reading, strict-match as
        the strict one.
        """
        task, gold = scoring(self.path), self.target(doc)
        strict, flexible = (task.filtered(name, doc, response) for name in ("strict-match", "flexible-extract"))
        return Score(
            extracted=None if flexible in _NOTHING else flexible,
            correct=task.matches(flexible, gold),
            extracted_strict=None if strict in _NOTHING else strict,
            correct_strict=task.matches(strict, gold),
            extraction_failed=flexible in _NOTHING,
        )

    def target(self, doc: Doc) -> str:
        return str(doc[self.target_field])


@dataclass(frozen=True)
class Scoring:
    """The parts of one of lm-eval's tasks that turn a response into a score."""

    filters: dict[str, Any]
    metric: Callable[..., dict[str, float]]
    arguments: dict[str, Any]

    def filtered(self, name: str, doc: Doc, response: str) -> str:
        """What a filter makes of a response."""
        from lm_eval.api.instance import Instance

        instance = Instance(request_type="generate_until", doc=dict(doc), arguments=("", {}), idx=0, resps=[response])
        self.filters[name].apply([instance])
        return str(instance.filtered_resps[name])

    def matches(self, prediction: str, gold: str) -> bool:
        """Whether lm-eval's metric takes a prediction for right."""
        return bool(self.metric(references=[gold], predictions=[prediction], **self.arguments)["exact_match"])


@cache
def scoring(path: str) -> Scoring:
    """Read from the installed lm-eval, so that what is called stock is what lm-eval would do.

    Args:
        path: the YAML of the task, below lm_eval/tasks.

    Raises:
        Refused: the task does not score as it is known to.
    """
    from lm_eval.api.registry import get_metric
    from lm_eval.filters import build_filter_ensemble
    from lm_eval.tasks._yaml_loader import load_yaml

    config = load_yaml(yaml_files.tasks_folder() / path)
    (metric,) = config["metric_list"]
    arguments = {key: metric[key] for key in metric if key not in ("metric", "aggregation", "higher_is_better")}
    filters = {
        pipeline["name"]: build_filter_ensemble(
            pipeline["name"],
            [(step["function"], {k: v for k, v in step.items() if k != "function"}) for step in pipeline["filter"]],
        )
        for pipeline in config["filter_list"]
    }
    if metric["metric"] != "exact_match" or filters.keys() != {"strict-match", "flexible-extract"}:
        raise Refused(Problem("this task of lm-eval's is not the one that rveval knows", where=path))
    return Scoring(filters, get_metric("exact_match"), arguments)
