"""The sections of the config but the vector: model, suite, engine, tracking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from rveval.config import checks
from rveval.config.problems import rule
from rveval.config.vector import Source

Dtype = Literal["bfloat16", "float16", "float32", "auto"]


@dataclass(frozen=True)
class ModelConfig:
    """The base. `note` says what to fill in where a value is `???`.

    `donor` serves that donor of the vector's first term instead, alone: what it scores by itself.
    """

    label: str = field(metadata=rule(checks.A_NAME, checks.file_name))
    path: str = field(metadata=rule(checks.A_PATH, checks.path))
    revision: str | None = field(default=None, metadata=rule("a branch, tag or commit, or null", checks.text))
    subfolder: str | None = field(default=None, metadata=rule("a folder inside the repository, or null", checks.text))
    dtype: Dtype = field(default="bfloat16", metadata=rule("a dtype"))
    chat: bool = field(default=True, metadata=rule("true or false"))
    donor: Literal["plus", "minus"] | None = field(default=None, metadata=rule("plus, minus or null"))
    system: str | None = field(default=None, metadata=rule("a system message, or null", checks.unicode))
    note: str | None = field(default=None, metadata=rule("text, or null"))

    @property
    def source(self) -> Source:
        """The three keys that say where the checkpoint is."""
        return Source(self.path, self.revision, self.subfolder)


@dataclass(frozen=True)
class SuiteConfig:
    """A named list of lm-eval tasks, each under every family: "clean", names joined by "+", or "all" that apply.

    `draws` are realisations of a family, `strength` is for families that have one, `include` are folders of own tasks,
    `repeat` asks the base again in another order. Rules: `margin` of a gain that survives, what `pooled_by` weighs.
    """

    name: str = field(metadata=rule(checks.A_NAME, checks.file_name))
    tasks: list[str] = field(metadata=rule("a list of task names, at least one", checks.tasks))
    limit: int | None = field(default=None, metadata=rule(checks.A_COUNT_OR_NULL, checks.at_least_1))
    families: list[str] = field(default_factory=lambda: ["clean"], metadata=rule("a list of families", checks.families))
    draws: int = field(default=1, metadata=rule(checks.A_COUNT, checks.at_least_1))
    strength: float | None = field(default=None, metadata=rule("a number above 0 and at most 1, or null", checks.share))
    include: list[str] = field(default_factory=list, metadata=rule("a list of folders", checks.all_text))
    repeat: int = field(default=0, metadata=rule("a whole number, at least 0", checks.at_least_0))
    margin: float = field(default=0.5, metadata=rule("a number above 0 and at most 1", checks.share))
    pooled_by: Literal["benchmarks", "items"] = field(default="benchmarks", metadata=rule("what has equal weight"))


@dataclass(frozen=True)
class EngineConfig:
    """How a variant is served. `kv_cache_gib`, `threads`: on the CPU; `batch_size`: of `hf`; `extra`: more of vLLM."""

    kind: Literal["vllm", "hf"] = field(default="vllm", metadata=rule("an engine"))
    max_model_len: int | None = field(default=None, metadata=rule(checks.A_COUNT_OR_NULL, checks.at_least_1))
    gpu_memory_utilization: float = field(default=0.9, metadata=rule("a number in (0, 1]", checks.share))
    tensor_parallel_size: int = field(default=1, metadata=rule(checks.A_COUNT, checks.at_least_1))
    seed: int = field(default=0, metadata=rule(checks.A_SEED, checks.at_least_0))
    max_num_seqs: int = field(default=256, metadata=rule(checks.A_COUNT, checks.at_least_1))
    enforce_eager: bool = field(default=True, metadata=rule("true or false"))
    kv_cache_gib: float = field(default=1.0, metadata=rule("a number of GiB above 0", checks.positive))
    threads: int | None = field(default=None, metadata=rule(checks.A_COUNT_OR_NULL, checks.at_least_1))
    multiprocess: bool | None = field(default=None, metadata=rule("true, false or null"))
    batch_size: int = field(default=16, metadata=rule(checks.A_COUNT, checks.at_least_1))
    extra: dict[str, Any] = field(
        default_factory=dict, metadata=rule("a mapping of engine arguments that JSON can hold")
    )


@dataclass(frozen=True)
class TrackingConfig:
    """The W&B mirror, off unless asked for."""

    kind: Literal["none", "wandb"] = field(default="none", metadata=rule("a tracker"))
    mode: Literal["offline", "online", "disabled"] = field(default="offline", metadata=rule("a mode"))
    project: str = field(default="rveval", metadata=rule("text", checks.text))
    entity: str | None = field(default=None, metadata=rule("text, or null", checks.text))
    tags: list[str] = field(default_factory=list, metadata=rule("a list of words", checks.all_text))
