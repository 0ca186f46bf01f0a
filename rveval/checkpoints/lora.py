"""A LoRA adapter's files: what adapter_config.json says and which tensors change which tensor of the base.

Names and shapes are read here without torch, so that a plan knows what fits; the products themselves are PEFT's.
PEFT names the factors `base_model.model.MODULE.lora_A.weight` (or `.lora_A.NAME.weight`), `.lora_embedding_A` for
embeddings, and by the base's own names what was trained whole: biases, and the modules of `modules_to_save`.
Read from the source of PEFT 0.21: `tuners/lora/layer.py`, `utils/other.py`, `utils/save_and_load.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.checkpoints.files import Entry, read_json, some
from rveval.checkpoints.headers import ADAPTER_CONFIG
from rveval.errors import Problem, Refused

if TYPE_CHECKING:
    import torch

PREFIX = "base_model.model."
_MERGE = "merge it into its model with PEFT (merge_and_unload), save that, and give it as plus, its base as minus"
# Settings of PEFT that make a layer compute something else than (W + scaling * B @ A) x.
_OTHER_LAYERS = (
    *("use_dora", "use_qalora", "use_bdlora", "kasa_config", "alora_invocation_tokens", "arrow_config"),
    *("monteclora_config", "layer_replication", "trainable_token_indices", "target_parameters", "megatron_config"),
)
# Starts that take a part of the base's weights into A and B and leave the rest as the layer's weight.
_TAKES_FROM_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga", "mica")
_FACTOR = re.compile(
    r"(?P<module>.+)\.lora_(?P<rows>embedding_)?(?P<side>[AB])(?P<adapter>\.(?!weight$|bias$)[^.]+)?"
    r"(?P<last>\.weight|\.bias)?"
)
_COPY = re.compile(r"\.modules_to_save\.([^.]+)\.")
_ROWS = ("embed_tokens", "lm_head")
_LONGEST_NAME = 255
_PROBLEMS_SHOWN = 20


@dataclass(frozen=True)
class Settings:
    """The settings that its tensors are read by, in PEFT's names; `base` is what the adapter was trained on."""

    r: int
    lora_alpha: float
    rank_pattern: Mapping[str, int]
    alpha_pattern: Mapping[str, float]
    use_rslora: bool
    fan_in_fan_out: bool
    bias: str
    modules_to_save: tuple[str, ...]
    base: str
    revision: str | None

    def rank_of(self, module: str) -> int:
        """The inner width of a module's product."""
        return int(_matching(self.rank_pattern, module, self.r))

    def alpha_of(self, module: str) -> float:
        """What a module's product is scaled by, before its rank is taken into account."""
        return _matching(self.alpha_pattern, module, self.lora_alpha)

    def scaling(self, module: str) -> float:
        """What the bias of a module's B is multiplied by, as its product is."""
        rank = self.rank_of(module)
        return self.alpha_of(module) / (math.sqrt(rank) if self.use_rslora else rank)


@dataclass(frozen=True)
class Part:
    """What is known of one tensor of the base; the names are those in the adapter's file.

    Args:
        module: the base's module.
        a, b: the factors of its product.
        rows: the factors are an embedding's, whose product is transposed.
        bias: the bias of B, which is scaled like the product and added to the base's bias.
        whole: the tensor itself as it was trained, not a difference.
        shape: of the base's tensor.
    """

    module: str
    a: str = ""
    b: str = ""
    rows: bool = False
    bias: str = ""
    whole: str = ""
    shape: tuple[int, ...] = ()


def _matching(patterns: Mapping[str, float], module: str, default: float) -> float:
    """The value of the first pattern that is the module's name or matches its end after a dot, as PEFT does it."""
    return next((value for text, value in patterns.items() if re.match(rf"(.*\.)?({text})$", module)), default)


def settings_of(folder: Path) -> Settings:
    """Read a folder's adapter_config.json.

    Raises:
        Refused: it is broken, or the adapter is none that can be added to weights; all reasons at once.
    """
    file = folder / ADAPTER_CONFIG
    fix = "download the adapter again"
    try:
        raw = read_json(file)
    except (OSError, ValueError) as error:
        raise Refused(Problem(f"{ADAPTER_CONFIG} cannot be read: {error}", str(file), fix=fix)) from error
    if problems := _unfit(raw, str(file)):
        raise Refused(problems)
    try:
        return _settings(raw)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, re.error) as error:
        raise Refused(Problem(f"a setting is broken: {some([str(error)])}", str(file), fix=fix)) from error


def _unfit(raw: Mapping[str, Any], where: str) -> list[Problem]:
    kind = raw.get("peft_type")
    if kind != "LORA":
        what = "only LoRA adapters can be added to weights"
        return [Problem(what, where, "peft_type LORA", some([repr(kind)]), f"where PEFT can, {_MERGE}")]
    start = str(raw.get("init_lora_weights") or "").lower()
    others = [f"{key}: {raw[key]!r}" for key in _OTHER_LAYERS if raw.get(key)]
    what = "its layers compute something else than W + scaling * B @ A, which can't be added to the weights"
    problems = [Problem(what, where, found=some(others), fix=f"where PEFT can, {_MERGE}")] if others else []
    if start.startswith(_TAKES_FROM_BASE):
        what = f"{start[:40]} moved a part of the base's weights into A and B, so B @ A is more than what was learnt"
        fix = "save it with PEFT's path_initial_model_for_weight_conversion, which writes what was learnt"
        problems.append(Problem(what, where, fix=fix))
    return problems


def _settings(raw: Mapping[str, Any]) -> Settings:
    ranks, alphas = dict(raw.get("rank_pattern") or {}), dict(raw.get("alpha_pattern") or {})
    for name, value in {"r": raw.get("r"), **ranks}.items():
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, found {value!r}")
    for name, value in {"lora_alpha": raw.get("lora_alpha"), **alphas}.items():
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError(f"{name} must be a number, found {value!r}")
    for pattern in (*ranks, *alphas):
        re.compile(pattern)
    base, revision = raw.get("base_model_name_or_path") or "", raw.get("revision")
    for name in (base, revision or ""):
        if not isinstance(name, str) or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise ValueError(f"its base must be a folder or an id of the hub, found {ascii(name)[:80]}")
    saved = tuple(map(str, raw.get("modules_to_save") or ()))
    switches = bool(raw.get("use_rslora")), bool(raw.get("fan_in_fan_out"))
    bias = str(raw.get("bias") or "none")
    return Settings(raw["r"], raw["lora_alpha"], ranks, alphas, *switches, bias, saved, base, revision)


def parts_of(entries: Mapping[str, Entry], settings: Settings, folder: Path) -> tuple[dict[str, Part], list[Problem]]:
    """The parts by names of the base's tensors, and all that is wrong with the file's names and shapes."""
    parts: dict[str, Part] = {}
    adapters, unknown = set[str](), list[str]()
    # PEFT trains every module whose name ends so, with all that is inside it: "norm" is "input_layernorm" too.
    trained = re.compile("|".join(rf"{re.escape(name)}(\.|$)" for name in settings.modules_to_save) or "(?!)")
    for key in sorted(entries):
        place = _place(key, settings, trained) if key.startswith(PREFIX) else None
        if place is None:
            unknown.append(key)
            continue
        name, module, field, rows, adapter = place
        adapters |= {adapter} - {""}
        part = parts.get(name, Part(module))
        if getattr(part, field):
            unknown.append(key)
            continue
        parts[name] = replace(part, **{field: key}, rows=part.rows or rows)  # type: ignore[arg-type]
    problems = _misread(unknown, adapters, str(folder))
    for name, part in parts.items():
        shape, wrong = _shape(part, entries, settings)
        problems += [
            Problem(words, f"{folder} {some([name])}", fix="download or save the adapter again") for words in wrong
        ]
        parts[name] = replace(part, shape=shape)
    if not entries:
        problems.append(Problem("the adapter holds no tensors", str(folder), fix="save the adapter again"))
    if len(problems) > _PROBLEMS_SHOWN:
        problems[_PROBLEMS_SHOWN:] = [Problem(f"{len(problems) - _PROBLEMS_SHOWN} more like these", str(folder))]
    return parts, problems


def _place(key: str, settings: Settings, trained: re.Pattern[str]) -> tuple[str, str, str, bool, str] | None:
    """The base's tensor, its module, the field of its part, whether it is an embedding's factor, the adapter's name."""
    name = key.removeprefix(PREFIX)
    if match := _FACTOR.fullmatch(name):
        module, rows, last, adapter = match["module"], bool(match["rows"]), match["last"] or "", match["adapter"] or ""
        if last == ".bias" and match["side"] == "B" and not rows:
            return f"{module}.bias", module, "bias", False, adapter
        if last == ("" if rows else ".weight"):
            return f"{module}.weight", module, match["side"].lower(), rows, adapter
        return None
    copies = _COPY.findall(name)
    name = _COPY.sub(".", name).replace(".base_layer.", ".")
    module, _, last = name.rpartition(".")
    bias = settings.bias != "none" and last == "bias"
    known = bias or trained.search(module) or module.rpartition(".")[2] in _ROWS
    if not module or "lora_" in name or not known:
        return None
    return name, module, "whole", False, f".{copies[0]}" if copies else ""


def _misread(unknown: list[str], adapters: set[str], where: str) -> list[Problem]:
    if len(adapters) > 1:
        what, names = "more than one adapter in one file", some(sorted(name[1:] for name in adapters))
        return [Problem(what, where, found=names, fix="save them into folders of their own")]
    if not unknown:
        return []
    what = f"{len(unknown)} tensors that are no part of a plain LoRA, so nothing of it can be trusted"
    expected = f"{PREFIX}MODULE.lora_A.weight, .lora_B.weight, and what bias and modules_to_save name"
    return [Problem(what, where, expected, some(unknown), f"where PEFT can, {_MERGE}")]


def _shape(part: Part, entries: Mapping[str, Entry], settings: Settings) -> tuple[tuple[int, ...], list[str]]:
    """The shape of the base's tensor, and what is wrong."""
    whole = entries[part.whole].shape if part.whole else None
    if part.bias:
        shape = entries[part.bias].shape
    elif part.a and part.b:
        a, b = entries[part.a].shape, entries[part.b].shape
        if len(a) != 2 or len(b) != 2:
            return (), [f"A {list(a)} and B {list(b)} are no matrices (only linear layers and embeddings are read)"]
        rank = settings.rank_of(part.module)
        if a[0] != rank or b[1] != rank:
            return (), [f"A {list(a)} and B {list(b)} have another rank than the settings give this module: {rank}"]
        shape = (a[1], b[0]) if part.rows or settings.fan_in_fan_out else (b[0], a[1])
    elif part.a or part.b:
        present, lacking = ("A", "B") if part.a else ("B", "A")
        return (), [f"{present} without {lacking}: half of the product is missing"]
    else:
        return whole or (), []
    if whole is not None and whole != shape:
        return shape, [f"saved whole as {list(whole)}, and as a difference of {list(shape)}"]
    return shape, []


def product(a: torch.Tensor, b: torch.Tensor, part: Part, settings: Settings) -> torch.Tensor:
    """What an adapter adds to one matrix, by PEFT: scaling * B @ A, transposed as its settings say.

    Formula: Hu et al. 2022, "LoRA", section 4.1; Kalajdzievski 2023, rsLoRA. In float32.

    Args:
        a, b: the factors, (rank, in) and (out, rank), float32.
        part, settings: whose they are.
    """
    import torch
    from peft import LoraConfig
    from peft.tuners.lora import Embedding, Linear

    rank = a.shape[0]
    scale: dict[str, Any] = {"r": rank, "lora_alpha": settings.alpha_of(part.module)}
    switches: dict[str, Any] = {"use_rslora": settings.use_rslora, "fan_in_fan_out": settings.fan_in_fan_out}
    config = LoraConfig(**scale, **switches, init_lora_weights=False)
    factors = [torch.nn.Parameter(factor, requires_grad=False) for factor in (a, b)]
    layer: Any
    with torch.device("meta"):  # nothing is allocated, no random number drawn
        if part.rows:
            layer = Embedding(torch.nn.Embedding(a.shape[1], b.shape[0]), "it", config, **scale)
            layer.lora_embedding_A["it"], layer.lora_embedding_B["it"] = factors
        else:
            layer = Linear(torch.nn.Linear(a.shape[1], b.shape[0], bias=False), "it", config, **scale)
            layer.lora_A["it"].weight, layer.lora_B["it"].weight = factors
    weight: torch.Tensor = layer.get_delta_weight("it")
    return weight.detach().contiguous()
