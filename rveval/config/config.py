"""One run's config as a whole, from Hydra's plain values to frozen dataclasses, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_type_hints

from rveval.config import checks
from rveval.config.problems import BROKEN, UNFILLED, Reader, plain, rule
from rveval.config.sections import EngineConfig, ModelConfig, SuiteConfig, TrackingConfig
from rveval.config.vector import VectorConfig
from rveval.config.vector import problems as vector_problems
from rveval.errors import Problem, Refused

Sandbox = Literal["bwrap", "docker", "podman", "unsafe"]


@dataclass(frozen=True)
class Config:
    """One run: one variant on one suite. Null in `limit` means the suite's, in `max_gen_toks` and `num_fewshot` the
    task's own, in `chat` the model's. `force_incompatible` adds what fits of donors that the gate refuses; `points` are
    for an experiment's file: lists of overrides, each of them a run."""

    model: ModelConfig = field(metadata=rule("a model"))
    vector: VectorConfig = field(metadata=rule("a vector"))
    alpha: float = field(default=1.0, metadata=rule("a finite number"))
    suite: SuiteConfig = field(
        default_factory=lambda: SuiteConfig("smoke", ["rv_tiny_math"], 100), metadata=rule("a suite")
    )
    engine: EngineConfig = field(default_factory=EngineConfig, metadata=rule("an engine"))
    tracking: TrackingConfig = field(default_factory=TrackingConfig, metadata=rule("a tracker"))
    study: str = field(default="default", metadata=rule(checks.A_NAME, checks.file_name))
    store: str = field(default="runs", metadata=rule("a folder", checks.path))
    seed: int = field(default=0, metadata=rule(checks.A_SEED, checks.at_least_0))
    limit: int | None = field(default=None, metadata=rule(checks.A_COUNT_OR_NULL, checks.at_least_1))
    force_incompatible: bool = field(default=False, metadata=rule("true or false"))
    force: bool = field(default=False, metadata=rule("true or false"))
    sandbox: Sandbox = field(default="bwrap", metadata=rule("a sandbox"))
    dry_run: bool = field(default=False, metadata=rule("true or false"))
    max_gen_toks: int | None = field(default=None, metadata=rule(checks.A_COUNT_OR_NULL, checks.at_least_1))
    temperature: float = field(default=0.0, metadata=rule("a finite number, at least 0", checks.at_least_0))
    top_p: float = field(default=1.0, metadata=rule("a number in (0, 1]", checks.share))
    n: int = field(default=1, metadata=rule(checks.A_COUNT, checks.at_least_1))
    num_fewshot: int | None = field(
        default=None, metadata=rule("a whole number, at least 0, or null", checks.at_least_0)
    )
    chat: bool | None = field(default=None, metadata=rule("true, false or null"))
    points: list[list[str]] = field(default_factory=list, metadata=rule("a list of lists of overrides"))

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
        vector = Reader().read(VectorConfig, tree.get("vector"))  # also where other keys are wrong
        reader.problems += [] if vector is BROKEN else vector_problems(vector)
    if reader.problems or config is BROKEN:
        raise Refused(reader.problems)
    return _served(config)


def _served(config: Config) -> Config:
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
    label = f"{config.vector.label}-{side}"
    place = {"path": source.path, "revision": source.revision, "subfolder": source.subfolder}
    model = replace(config.model, label=label, donor=None, **place)
    return replace(config, model=model, vector=VectorConfig("none"), alpha=0.0)


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

    node = OmegaConf.create(defaults(Config))
    OmegaConf.set_struct(node.engine.extra, False)  # the one mapping that takes keys nobody knows
    ConfigStore.instance().store(name="rveval_schema", node=node, provider="rveval")


def config_dir() -> Path:
    """The folder of the shipped configs: inside the installed package, or beside the package in a checkout."""
    inside = Path(__file__).resolve().parent.parent / "conf"
    return inside if inside.is_dir() else inside.parent.parent / "conf"


def defaults(cls: type = Config) -> dict[str, Any]:
    """The tree of all keys with their defaults; `???` where a key has none."""
    tree: dict[str, Any] = {}
    for one in fields(cls):
        hint = get_type_hints(cls)[one.name]
        if isinstance(hint, type) and is_dataclass(hint):
            tree[one.name] = defaults(hint)
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
