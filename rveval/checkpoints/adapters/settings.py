"""What adapter_config.json says, in PEFT's words, and what of it makes an adapter no difference of weights.

Read from the source of PEFT 0.21: scaling in `tuners/lora/layer.py`, patterns in `utils/other.py`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rveval.checkpoints.headers import ADAPTER_CONFIG
from rveval.errors import Problem, Refused

_MERGE = "merge it into its model with PEFT (merge_and_unload), save that, and give it as plus, its base as minus"
# Settings that make a layer compute something else than (W + scaling * B @ A) x.
_OTHER_LAYERS = {
    "use_dora": f"DoRA scales the merged matrix anew, so its part is no B @ A: {_MERGE}",
    "use_qalora": "QALoRA pools the input of a quantised layer: no difference of weights",
    "use_bdlora": f"block-diagonal LoRA has another product: {_MERGE}",
    "alora_invocation_tokens": "an activated LoRA changes the weights for some tokens only: it can't be added to them",
    "arrow_config": "Arrow chooses between adapters for every token: it can't be added to the weights",
    "monteclora_config": f"Monte Carlo LoRA draws its factors at random: {_MERGE}",
    "layer_replication": "its model has more layers than its base: give the whole model as a checkpoint",
    "trainable_token_indices": f"single rows of the embedding are saved apart: {_MERGE}",
    "target_parameters": f"LoRA on stacked experts has another product: {_MERGE}",
    "megatron_config": f"written for Megatron's parallel layers: {_MERGE}",
}
# Starts that take a part of the base's weights into A and B and leave the rest as the layer's weight.
_TAKES_FROM_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")


@dataclass(frozen=True)
class Settings:
    """The settings that its tensors are read by.

    Args:
        rank, alpha: of all modules but those in `ranks` and `alphas`.
        ranks, alphas: by pattern; the first that matches the end of a module's name counts.
        rank_stabilised: alpha is divided by sqrt(rank) instead of rank.
        transposed: the base stores its matrices as (in, out).
        bias: none, all or lora_only: which biases of the base were trained too.
        saved: names of modules that were trained whole.
        base: what the adapter was trained on: a folder, a hub id, `tiny:NAME`, or nothing.
        revision: of that.
    """

    rank: int
    alpha: float
    ranks: Mapping[str, int] = field(default_factory=dict)
    alphas: Mapping[str, float] = field(default_factory=dict)
    rank_stabilised: bool = False
    transposed: bool = False
    bias: str = "none"
    saved: tuple[str, ...] = ()
    base: str = ""
    revision: str | None = None

    def rank_of(self, module: str) -> int:
        """The inner width of a module's product."""
        return self.ranks.get(_pattern(self.ranks, module), self.rank)

    def scaling(self, module: str) -> float:
        """What a module's B @ A is multiplied by: alpha / r, or alpha / sqrt(r) (Kalajdzievski 2023, rsLoRA)."""
        rank = self.rank_of(module)
        alpha = self.alphas.get(_pattern(self.alphas, module), self.alpha)
        return alpha / math.sqrt(rank) if self.rank_stabilised else alpha / rank


def _pattern(patterns: Mapping[str, Any], module: str) -> str:
    """The first pattern that is the module's name or matches its end after a dot."""
    return next((pattern for pattern in patterns if re.match(rf"(.*\.)?({pattern})$", module)), module)


def read(folder: Path) -> Settings:
    """Read a folder's adapter_config.json.

    Raises:
        Refused: it is broken, or the adapter is none that can be added to weights; all reasons at once.
    """
    file = folder / ADAPTER_CONFIG
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(raw, dict):
            raise ValueError(f"a mapping is needed, this is a {type(raw).__name__}")
    except (OSError, ValueError) as error:
        fix = "download the adapter again"
        raise Refused(Problem(f"{ADAPTER_CONFIG} cannot be read: {error}", str(file), fix=fix)) from error
    problems = _unfit(raw, str(file))
    if problems:
        raise Refused(problems)
    try:
        return _settings(raw)
    except (ValueError, TypeError, AttributeError, re.error) as error:
        raise Refused(Problem(f"a setting is broken: {error}", str(file), fix="download the adapter again")) from error


def _unfit(raw: Mapping[str, Any], where: str) -> list[Problem]:
    kind = raw.get("peft_type")
    if kind != "LORA":
        what = "only LoRA adapters can be added to weights"
        return [Problem(what, where, "peft_type LORA", repr(kind), f"where PEFT can, {_MERGE}")]
    problems = [
        Problem(words, where, found=f"{key}: {raw[key]!r}") for key, words in _OTHER_LAYERS.items() if raw.get(key)
    ]
    start = str(raw.get("init_lora_weights") or "").lower()
    if start.startswith(_TAKES_FROM_BASE):
        what = f"{start} moved a part of the base's weights into A and B, so B @ A is more than what was learnt"
        fix = "save it with PEFT's path_initial_model_for_weight_conversion, which writes what was learnt"
        problems.append(Problem(what, where, found=f"init_lora_weights: {raw['init_lora_weights']!r}", fix=fix))
    return problems


def _settings(raw: Mapping[str, Any]) -> Settings:
    rank, alpha = raw.get("r"), raw.get("lora_alpha")
    ranks, alphas = dict(raw.get("rank_pattern") or {}), dict(raw.get("alpha_pattern") or {})
    for name, value in {"r": rank, **ranks}.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, found {value!r}")
    for name, value in {"lora_alpha": alpha, **alphas}.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(f"{name} must be a number, found {value!r}")
    for pattern in (*ranks, *alphas):
        re.compile(pattern)
    saved = raw.get("modules_to_save") or ()
    return Settings(
        rank=int(rank or 0),
        alpha=float(alpha or 0),
        ranks=ranks,
        alphas=alphas,
        rank_stabilised=bool(raw.get("use_rslora")),
        transposed=bool(raw.get("fan_in_fan_out")),
        bias=str(raw.get("bias") or "none"),
        saved=tuple(str(name) for name in saved),
        base=str(raw.get("base_model_name_or_path") or ""),
        revision=raw.get("revision"),
    )
