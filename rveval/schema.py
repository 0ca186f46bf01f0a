"""The typed config: what every key may be, and all problems of a config reported at once.

Hydra composes plain values (`register` gives it the tree of keys, so that it knows them all); `parse` turns them into
the frozen dataclasses below, or raises one `Refused` that names every problem. The types are read here and not by
OmegaConf, which stops at the first wrong value and has no words for ranges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_type_hints

from rveval.config_problems import BROKEN, UNFILLED, Reader, must, plain, rule, shown
from rveval.errors import Problem, Refused

Dtype = Literal["bfloat16", "float16", "float32", "auto"]
Sandbox = Literal["bwrap", "docker", "podman", "unsafe"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HUB_AT_REVISION = re.compile(r"(?P<path>[\w-][\w.-]*/[\w.-]+)@(?P<revision>[^@\s]+)")
_A_NAME = "a name usable as a file name: letters, digits, `.`, `_`, `-`; it starts with a letter or digit"
_A_PATH = "a hub id (org/name), a folder, or tiny:NAME"
_A_COUNT = "a whole number, at least 1"
_A_COUNT_OR_NULL = "a whole number, at least 1, or null"
_A_SEED = "a whole number, at least 0"


def _file_name(value: str) -> str:
    return "" if _NAME.fullmatch(value) else "can't be used as a file name"


def _text(value: str) -> str:
    if not value.strip():
        return "is empty"
    return "" if value.isprintable() else "holds control characters"


def _unicode(value: str) -> str:
    return (
        ""
        if value.isascii() or value.encode("utf-8", "replace") == value.encode("utf-8", "ignore")
        else "is no Unicode"
    )


def _path(value: str) -> str:
    if value.startswith("~"):
        return "starts with `~`, which no shell has expanded here: write the whole path"
    return "holds a revision: that is the key `revision`" if _HUB_AT_REVISION.fullmatch(value) else _text(value)


def _all_text(values: list[str]) -> str:
    if len(set(values)) < len(values):
        return "names something twice"
    return next((f"holds {shown(value)}, which {_text(value)}" for value in values if _text(value)), "")


def _tasks(values: list[str]) -> str:
    return _all_text(values) if values else "is empty: there is nothing to evaluate"


def _families(values: list[str]) -> str:
    return _all_text(values) if values else "is empty: name clean, or a family"


def _regexes(values: list[str]) -> str:
    for value in values:
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            return f"{shown(value)} is not a regular expression ({error})"
    return ""


_at_least_1 = must(lambda value: value >= 1)
_at_least_0 = must(lambda value: value >= 0)
_positive = must(lambda value: value > 0)
_share = must(lambda value: 0 < value <= 1)


@dataclass(frozen=True)
class Source:
    """Where a checkpoint is: hub id, folder, or `tiny:NAME` (packaged)."""

    path: str = field(metadata=rule(_A_PATH, _path))
    revision: str | None = field(default=None, metadata=rule("a branch, tag or commit, or null", _text))
    subfolder: str | None = field(default=None, metadata=rule("a folder inside the repository, or null", _text))

    @staticmethod
    def spell_out(text: str) -> dict[str, Any]:
        """`org/name@revision` as a mapping; anything else is a path as it stands (`./a@b` is a folder)."""
        found = _HUB_AT_REVISION.fullmatch(text)
        return found.groupdict() if found else {"path": text}


@dataclass(frozen=True)
class Term:
    """One difference `weight * (plus - minus)`; without `minus`, `plus` is an already saved delta."""

    plus: Source = field(metadata=rule(f"{_A_PATH}, as text or as a mapping path, revision, subfolder"))
    minus: Source | None = field(default=None, metadata=rule(f"{_A_PATH}, or null"))
    weight: float = field(default=1.0, metadata=rule("a finite number"))


@dataclass(frozen=True)
class ModelConfig:
    """The base. `note` says what to fill in where a value is `???`."""

    label: str = field(metadata=rule(_A_NAME, _file_name))
    path: str = field(metadata=rule(_A_PATH, _path))
    revision: str | None = field(default=None, metadata=rule("a branch, tag or commit, or null", _text))
    subfolder: str | None = field(default=None, metadata=rule("a folder inside the repository, or null", _text))
    dtype: Dtype = field(default="bfloat16", metadata=rule("a dtype"))
    chat: bool = field(default=True, metadata=rule("true or false"))
    system: str | None = field(default=None, metadata=rule("a system message, or null", _unicode))
    note: str | None = field(default=None, metadata=rule("text, or null"))

    @property
    def source(self) -> Source:
        """The three keys that say where the checkpoint is."""
        return Source(self.path, self.revision, self.subfolder)


@dataclass(frozen=True)
class VectorConfig:
    """Terms that add up; `scope` are regexes over tensor names (`re.search`), an empty one selects nothing."""

    label: str = field(metadata=rule(_A_NAME, _file_name))
    terms: list[Term] = field(default_factory=list, metadata=rule("a list of terms {plus, minus, weight}"))
    scope: list[str] = field(default_factory=lambda: [".*"], metadata=rule("a list of regular expressions", _regexes))
    note: str | None = field(default=None, metadata=rule("text, or null"))


@dataclass(frozen=True)
class SuiteConfig:
    """A named list of lm-eval tasks, each under every family: "clean", names joined by "+", or "all" that apply.

    `draws` are realisations of a family, `strength` is for families that have one, `include` are folders of own tasks,
    `repeat` asks the base again in another order. Rules: `margin` of a gain that survives, what `pooled_by` weighs.
    """

    name: str = field(metadata=rule(_A_NAME, _file_name))
    tasks: list[str] = field(metadata=rule("a list of task names, at least one", _tasks))
    limit: int | None = field(default=None, metadata=rule(_A_COUNT_OR_NULL, _at_least_1))
    families: list[str] = field(default_factory=lambda: ["clean"], metadata=rule("a list of families", _families))
    draws: int = field(default=1, metadata=rule(_A_COUNT, _at_least_1))
    strength: float | None = field(default=None, metadata=rule("a number above 0 and at most 1, or null", _share))
    include: list[str] = field(default_factory=list, metadata=rule("a list of folders", _all_text))
    repeat: int = field(default=0, metadata=rule("a whole number, at least 0", _at_least_0))
    margin: float = field(default=0.5, metadata=rule("a number above 0 and at most 1", _share))
    pooled_by: Literal["benchmarks", "items"] = field(default="benchmarks", metadata=rule("what has equal weight"))


@dataclass(frozen=True)
class EngineConfig:
    """How a variant is served. `kv_cache_gib`, `threads`: on the CPU; `batch_size`: of `hf`; `extra`: more of vLLM."""

    kind: Literal["vllm", "hf"] = field(default="vllm", metadata=rule("an engine"))
    max_model_len: int | None = field(default=None, metadata=rule(_A_COUNT_OR_NULL, _at_least_1))
    gpu_memory_utilization: float = field(default=0.9, metadata=rule("a number in (0, 1]", _share))
    tensor_parallel_size: int = field(default=1, metadata=rule(_A_COUNT, _at_least_1))
    seed: int = field(default=0, metadata=rule(_A_SEED, _at_least_0))
    max_num_seqs: int = field(default=256, metadata=rule(_A_COUNT, _at_least_1))
    enforce_eager: bool = field(default=True, metadata=rule("true or false"))
    kv_cache_gib: float = field(default=1.0, metadata=rule("a number of GiB above 0", _positive))
    threads: int | None = field(default=None, metadata=rule(_A_COUNT_OR_NULL, _at_least_1))
    multiprocess: bool | None = field(default=None, metadata=rule("true, false or null"))
    batch_size: int = field(default=16, metadata=rule(_A_COUNT, _at_least_1))
    extra: dict[str, Any] = field(
        default_factory=dict, metadata=rule("a mapping of engine arguments that JSON can hold")
    )


@dataclass(frozen=True)
class TrackingConfig:
    """The W&B mirror, off unless asked for."""

    kind: Literal["none", "wandb"] = field(default="none", metadata=rule("a tracker"))
    mode: Literal["offline", "online", "disabled"] = field(default="offline", metadata=rule("a mode"))
    project: str = field(default="rveval", metadata=rule("text", _text))
    entity: str | None = field(default=None, metadata=rule("text, or null", _text))
    tags: list[str] = field(default_factory=list, metadata=rule("a list of words", _all_text))


@dataclass(frozen=True)
class Config:
    """One run: one variant on one suite. Null in `limit` means the suite's, in `max_gen_toks` and `num_fewshot` the
    task's own, in `chat` the model's."""

    model: ModelConfig = field(metadata=rule("a model"))
    vector: VectorConfig = field(metadata=rule("a vector"))
    alpha: float = field(default=1.0, metadata=rule("a finite number"))
    suite: SuiteConfig = field(
        default_factory=lambda: SuiteConfig("smoke", ["rv_tiny_math"], 100), metadata=rule("a suite")
    )
    engine: EngineConfig = field(default_factory=EngineConfig, metadata=rule("an engine"))
    tracking: TrackingConfig = field(default_factory=TrackingConfig, metadata=rule("a tracker"))
    study: str = field(default="default", metadata=rule(_A_NAME, _file_name))
    store: str = field(default="runs", metadata=rule("a folder", _path))
    seed: int = field(default=0, metadata=rule(_A_SEED, _at_least_0))
    limit: int | None = field(default=None, metadata=rule(_A_COUNT_OR_NULL, _at_least_1))
    force: bool = field(default=False, metadata=rule("true or false"))
    sandbox: Sandbox = field(default="bwrap", metadata=rule("a sandbox"))
    dry_run: bool = field(default=False, metadata=rule("true or false"))
    max_gen_toks: int | None = field(default=None, metadata=rule(_A_COUNT_OR_NULL, _at_least_1))
    temperature: float = field(default=0.0, metadata=rule("a finite number, at least 0", _at_least_0))
    top_p: float = field(default=1.0, metadata=rule("a number in (0, 1]", _share))
    n: int = field(default=1, metadata=rule(_A_COUNT, _at_least_1))
    num_fewshot: int | None = field(default=None, metadata=rule("a whole number, at least 0, or null", _at_least_0))
    chat: bool | None = field(default=None, metadata=rule("true, false or null"))

    @property
    def item_limit(self) -> int | None:
        """How many items of a task are asked: `limit`, else the suite's; None is all."""
        return self.suite.limit if self.limit is None else self.limit

    @property
    def use_chat(self) -> bool:
        """Whether prompts go through the chat template: `chat`, else the model's."""
        return self.model.chat if self.chat is None else self.chat


def parse(cfg: Any) -> Config:
    """The typed config of a composed `DictConfig` (or a plain mapping).

    Raises:
        Refused: with every problem there is.
    """
    reader = Reader()
    tree = plain(cfg, "", reader.problems)
    config = reader.read(Config, tree)
    if isinstance(tree, Mapping):
        reader.problems += _across_keys(tree)
    if reader.problems or config is BROKEN:
        raise Refused(reader.problems)
    return config  # type: ignore[no-any-return]


def resolved(config: Config) -> dict[str, Any]:
    """The config as plain values that JSON can hold."""
    return asdict(config)


def known_keys(cls: type = Config, prefix: str = "") -> list[str]:
    """Every dotted key that a command line may set, sections included (`engine`, `engine.seed`); lists are leaves."""
    names: list[str] = []
    for one in fields(cls):
        hint = get_type_hints(cls)[one.name]
        names.append(prefix + one.name)
        if isinstance(hint, type) and is_dataclass(hint):
            names += known_keys(hint, f"{prefix}{one.name}.")
    return names


def register() -> None:
    """Give Hydra the tree of all keys as `rveval_schema`, the first entry of the defaults list."""
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    node = OmegaConf.create(_defaults(Config))
    OmegaConf.set_struct(node.engine.extra, False)  # the one mapping that takes keys nobody knows
    ConfigStore.instance().store(name="rveval_schema", node=node, provider="rveval")


def config_dir() -> Path:
    """The folder of the shipped configs: inside the installed package, or beside the package in a checkout."""
    inside = Path(__file__).resolve().parent / "conf"
    return inside if inside.is_dir() else inside.parent.parent / "conf"


def _defaults(cls: type) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for one in fields(cls):
        hint = get_type_hints(cls)[one.name]
        if isinstance(hint, type) and is_dataclass(hint):
            tree[one.name] = _defaults(hint)
        elif one.default is not MISSING:
            tree[one.name] = one.default
        else:
            tree[one.name] = UNFILLED if one.default_factory is MISSING else one.default_factory()
    return tree


def _across_keys(tree: Mapping[Any, Any]) -> list[Problem]:
    """What no key can say alone; on the raw values, so that it is said also where other keys are wrong."""
    problems = []
    n, temperature, engine = tree.get("n"), tree.get("temperature", 0.0), tree.get("engine")
    if isinstance(n, int) and n > 1 and isinstance(temperature, (int, float)) and temperature == 0:
        fix = "set temperature=0.7 (or another above 0), or n=1"
        problems.append(Problem(f"temperature=0 gives the same answer {n} times", "n", fix=fix))
    if isinstance(engine, Mapping) and engine.get("kind") == "hf":
        size = engine.get("tensor_parallel_size", 1)
        if isinstance(size, int) and size > 1:
            fix = "take engine=vllm, or engine.tensor_parallel_size=1"
            problems.append(Problem("engine=hf runs on one device", "engine.tensor_parallel_size", "1", str(size), fix))
    return problems
