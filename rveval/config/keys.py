"""Every key of a run: its type and range, its default, and its line of `--help`; they are said nowhere else.

Plain frozen dataclasses: `reading` checks a composed config against them, `compose` hands their defaults to Hydra.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BeforeValidator, ConfigDict, Field

from rveval.config.values import (
    HUB_AT_REVISION,
    BelowOne,
    Count,
    Flag,
    Fraction,
    JsonMapping,
    Layers,
    Lines,
    Name,
    Natural,
    NotNegative,
    Number,
    Pattern,
    Place,
    Positive,
    Share,
    SomeWords,
    Text,
    Transforms,
    Words,
)

Kind = Literal["attention", "mlp", "norm", "embeddings", "head"]
Dtype = Literal["bfloat16", "float16", "float32", "auto"]
Sandbox = Literal["bwrap", "docker", "podman", "unsafe"]

_KNOWN_KEYS_ONLY = ConfigDict(extra="forbid")


def key(help_line: str, default: Any = MISSING) -> Any:
    """A field with its line of `--help`; a list or a mapping is copied for every config."""
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata={"help": help_line})
    return field(default=default, metadata={"help": help_line})


@dataclass(frozen=True)
class Source:
    """Where a checkpoint is: hub id, folder, or `tiny:NAME` (packaged)."""

    __pydantic_config__ = _KNOWN_KEYS_ONLY

    path: Place = key("hub id, folder, or tiny:NAME")
    revision: Text | None = key("branch, tag or commit; null: the newest", None)
    subfolder: Text | None = key("a folder inside the repository", None)

    @staticmethod
    def spell_out(text: str) -> dict[str, Any]:
        """`org/name@revision` as a mapping; anything else is a path as it stands (`./a@b` is a folder)."""
        match = HUB_AT_REVISION.fullmatch(text)
        return match.groupdict() if match else {"path": text}


_AnySource = Annotated[Source, BeforeValidator(lambda raw: Source.spell_out(raw) if isinstance(raw, str) else raw)]


@dataclass(frozen=True)
class Term:
    """One difference `weight * (plus - minus)`; without `minus`, `plus` is an already saved delta."""

    __pydantic_config__ = _KNOWN_KEYS_ONLY

    plus: _AnySource = key("the model after, an adapter, or a saved delta")
    minus: _AnySource | None = key("the model before", None)
    weight: Number = key("scales this term", 1.0)


@dataclass(frozen=True)
class ModelConfig:
    """The base. `note` says what to fill in where a value is `???`."""

    __pydantic_config__ = _KNOWN_KEYS_ONLY

    label: Name = key("what it is called in tables")
    path: Place = key("hub id, folder, or tiny:NAME")
    revision: Text | None = key("branch, tag or commit; null: the newest", None)
    subfolder: Text | None = key("a folder inside the repository", None)
    dtype: Dtype = key("what it is served in; auto: as it is stored", "bfloat16")
    chat: Flag = key("prompts go through its chat template", True)
    donor: Literal["plus", "minus"] | None = key("serve that donor of the vector in the base's place", None)
    system: Lines | None = key("system message", None)
    note: Lines | None = key("what to fill in where a value is ???", None)

    @property
    def source(self) -> Source:
        """The three keys that say where the checkpoint is."""
        return Source(self.path, self.revision, self.subfolder)


@dataclass(frozen=True)
class VectorConfig:
    """Terms that add up, and what is made of them before they are added to the base.

    A tensor is in scope if one of `scope` matches its name (`re.search`), its kind is one of `kinds` (empty: all) and
    its layer is in `layers`. A transform is a mapping of its name and parameters; what it leaves out is taken from
    the vector's key of the same name. What transforms mean is not known here: the recipe checks them.
    """

    __pydantic_config__ = _KNOWN_KEYS_ONLY

    label: Name = key("what it is called in tables")
    terms: list[Term] = key("[{plus: SOURCE, minus: SOURCE, weight: 1.0}]; without minus, plus is a saved delta", [])
    weights: list[Number] | None = key("[1,-0.5]: one for each term, in place of their own", None)
    scope: list[Pattern] = key("""'["mlp"]': regular expressions over tensor names""", [".*"])
    kinds: list[Kind] = key("[attention,mlp,norm,embeddings,head]: kinds of tensors; []: all", [])
    layers: Layers | None = key("[0,12] or [0.0,0.5]: from, up to and without; fractions are of the depth", None)
    ramp: Annotated[list[Number], Field(min_length=1)] | None = key("[0,1]: weights of layers, first to last", None)
    transform: Transforms = key("NAME, or [trim,{name: random, seed: 3}]: applied to every term, in order", [])
    seed: Natural = key("of transforms that draw", 0)
    density: Share | None = key("share of entries that sparse transforms keep", None)
    gamma: Fraction | None = key("of breadcrumbs", None)
    epsilon: Fraction | None = key("half-width of the window of keeping probabilities", None)
    rank: Count | None = key("of rank", None)
    cap: Positive | None = key("of clip, in root mean squares", None)
    other: Term | None = key("{plus: SOURCE, minus: SOURCE}: what the transform `other` takes", None)
    note: Lines | None = key("what to fill in where a value is ???", None)

    @property
    def term_weights(self) -> tuple[float, ...]:
        """What each term is multiplied by: `weights`, else the terms' own."""
        return tuple(self.weights if self.weights is not None else (term.weight for term in self.terms))


@dataclass(frozen=True)
class SuiteConfig:
    """A named list of tasks, each under every family: "clean", names joined by "+", or "all" that apply."""

    __pydantic_config__ = _KNOWN_KEYS_ONLY

    name: Name = key("what it is called")
    tasks: SomeWords = key("[rv_gsm8k,rv_sciq]: tasks of ours, of lm-eval, or of `include`")
    limit: Count | None = key("items of a task; null: all", None)
    families: SomeWords = key("[clean,think,typos+distractor]; `all`: clean and every family that applies", ["clean"])
    draws: Count = key("realisations of a family", 1)
    strength: Share | None = key("of families that have one", None)
    include: Words = key("folders of your own tasks", [])
    repeat: Natural = key("how often the base is asked again, in another order: the noise", 0)
    margin: Share = key("share of a gain that has to survive", 0.5)
    pooled_by: Literal["benchmarks", "items"] = key("what weighs the same when tasks are pooled", "benchmarks")


@dataclass(frozen=True)
class EngineConfig:
    """How a variant is served."""

    __pydantic_config__ = _KNOWN_KEYS_ONLY

    kind: Literal["vllm", "hf"] = key("vllm, or hf: plain transformers, an independent and slow reference", "vllm")
    max_model_len: Count | None = key("tokens of a prompt and its answer; null: the model's own, at most 4096", None)
    gpu_memory_utilization: Share = key("share of a GPU's memory", 0.9)
    tensor_parallel_size: Count = key("GPUs that share one model", 1)
    seed: Natural = key("the engine's own", 0)
    max_num_seqs: Count = key("requests that vLLM decodes at the same time", 256)
    enforce_eager: Flag = key("no compilation; false is worth it for long runs on a GPU", True)
    kv_cache_gib: Positive = key("memory for the cache, on a CPU", 1.0)
    threads: Count | None = key("on a CPU; null: all cores", None)
    multiprocess: Flag | None = key("vLLM in a process of its own; null: only on a GPU", None)
    batch_size: Count = key("requests that hf decodes at the same time", 16)
    extra: JsonMapping = key("{swap_space: 2}: any other argument of vLLM's engine", {})


@dataclass(frozen=True)
class WorkersConfig:
    """Who asks: so far this process alone."""

    __pydantic_config__ = _KNOWN_KEYS_ONLY

    kind: Literal["local"] = key("local: this process, one engine at a time", "local")


@dataclass(frozen=True)
class TrackingConfig:
    """The W&B mirror, off unless asked for."""

    __pydantic_config__ = _KNOWN_KEYS_ONLY

    kind: Literal["none", "wandb"] = key("none or wandb", "none")
    mode: Literal["offline", "online", "disabled"] = key("offline, online or disabled", "offline")
    project: Text = key("W&B's project", "rveval")
    entity: Text | None = key("W&B's entity", None)
    tags: Words = key("words for W&B", [])


@dataclass(frozen=True)
class Config:
    """One run: one variant on one suite. Null in `limit` means the suite's, in `max_gen_toks` and `num_fewshot` the
    task's own, in `chat` the model's."""

    __pydantic_config__ = _KNOWN_KEYS_ONLY

    model: ModelConfig = key("the base")
    vector: VectorConfig = key("what is added to it; none: the base alone")
    alpha: Number = key("scaling coefficient of all terms; 0 is the base", 1.0)
    suite: SuiteConfig = key("what is asked", SuiteConfig("smoke", ["rv_tiny_math"], 100))
    engine: EngineConfig = key("how it is served", EngineConfig())
    tracking: TrackingConfig = key("a mirror of the results", TrackingConfig())
    study: Name = key("the cells that are compared with each other", "default")
    store: Place = key("folder of the cells; complete ones are not run again", "runs")
    seed: Natural = key("of families and of sampling", 0)
    limit: Count | None = key("items of a task; null: the suite's own", None)
    max_gen_toks: Count | None = key("token limit of an answer; null: the task's own", None)
    temperature: NotNegative = key("0 is greedy", 0.0)
    top_p: Share = key("nucleus", 1.0)
    top_k: Natural = key("most likely tokens to sample from; 0: all", 0)
    min_p: BelowOne = key("least probability of a token, as a share of the likeliest one's", 0.0)
    n: Count = key("answers an item; above 1 needs a temperature above 0", 1)
    num_fewshot: Natural | None = key("demonstrations; null: the task's own", None)
    chat: Flag | None = key("chat template on or off; null: the model's", None)
    template: JsonMapping = key("{enable_thinking: false}: arguments of the chat template", {})
    force: Flag = key("run complete cells again", False)
    force_incompatible: Flag = key("add what fits of donors that are refused; marked in every output", False)
    sandbox: Sandbox = key("of model-written code: bwrap, docker, podman, unsafe", "bwrap")
    dry_run: Flag = key("print the cells and exit", False)
    baseline: Literal["auto", "none"] = key("auto: the base is asked the same where the study lacks it", "auto")
    workers: WorkersConfig = key("who asks", WorkersConfig())
    points: list[list[Text]] = key("[[alpha=0],[vector.transform=random]]: runs that are no grid", [])

    @property
    def item_limit(self) -> int | None:
        """How many items of a task are asked: `limit`, else the suite's; None is all."""
        return self.suite.limit if self.limit is None else self.limit

    @property
    def use_chat(self) -> bool:
        """Whether prompts go through the chat template: `chat`, else the model's."""
        return self.model.chat if self.chat is None else self.chat

    @property
    def decoding(self) -> dict[str, Any]:
        """How answers are decoded; null in `max_gen_toks` is the task's own, what is off is not named."""
        chosen = {name: getattr(self, name) for name in ("max_gen_toks", "temperature", "top_p", "n")}
        return chosen | {name: value for name in ("top_k", "min_p") if (value := getattr(self, name))}

    @property
    def prompting(self) -> dict[str, Any]:
        """How questions are put; null in `num_fewshot` is the task's own."""
        put = {"num_fewshot": self.num_fewshot, "chat": self.use_chat, "system": self.model.system}
        return put | ({"template": self.template} if self.template else {})


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
            tree[one.name] = "???" if one.default_factory is MISSING else one.default_factory()
    return tree


def known_keys(cls: type = Config, prefix: str = "") -> list[str]:
    """Every dotted key that a command line may set, sections included (`engine`, `engine.seed`); lists are leaves."""
    names: list[str] = []
    for one in fields(cls):
        hint = get_type_hints(cls)[one.name]
        names.append(prefix + one.name)
        if isinstance(hint, type) and is_dataclass(hint):
            names += known_keys(hint, f"{prefix}{one.name}.")
    return names
