"""Which tensors a vector touches, and how much: by name, kind and layer, and by a ramp over depth.

A layer is the number behind `layers.` (`h.`, `blocks.`) in a tensor's name. Kinds are known only for architectures
whose names are known; regular expressions work for any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rveval.errors import Problem, nearest

LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks?)\.(\d+)\.")
"""Where a tensor's name tells its layer; the first place counts, experts and the like come later in a name."""

_KINDS = {
    "embeddings": re.compile(r"(?:^|\.)embed_tokens\.weight$"),
    "head": re.compile(r"(?:^|\.)lm_head\.(?:weight|bias)$"),
    "norm": re.compile(r"(?:^|[._])(?:q_norm|k_norm|(?:\w+_)?layernorm|norm)\.(?:weight|bias)$"),
    "attention": re.compile(r"\.self_attn\.[qkvo]_proj\.(?:weight|bias)$"),
    "mlp": re.compile(r"\.mlp\.(?:gate|up|down)_proj\.(?:weight|bias)$"),
}
KINDS = tuple(_KINDS)
"""The kinds of tensors."""

KNOWN = ("qwen2", "qwen3", "llama", "mistral", "gemma", "gemma2", "gemma3", "gemma3_text")
"""Model types of config.json whose tensors' kinds are known."""


def layer_of(name: str) -> int | None:
    """The number of the layer a tensor belongs to; None for those of no layer.

    >>> layer_of("model.layers.3.mlp.up_proj.weight"), layer_of("model.norm.weight")
    (3, None)
    """
    found = LAYER.search(name)
    return int(found.group(1)) if found else None


def depth_of(names: Iterable[str]) -> int:
    """How many layers there are."""
    return max((layer + 1 for name in names if (layer := layer_of(name)) is not None), default=0)


def kind_of(name: str) -> str:
    """attention, mlp, norm, embeddings or head, by the names of `KNOWN` architectures; empty where it is none of them.

    >>> kind_of("model.layers.0.self_attn.q_norm.weight"), kind_of("model.layers.0.self_attn.q_proj.bias")
    ('norm', 'attention')
    """
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(name)), "")


@dataclass(frozen=True)
class Scope:
    """What is selected; every part that says something must agree.

    Args:
        patterns: regexes (`re.search`) over names, one of which must match. None at all select nothing.
        kinds: kinds of tensors; empty means all.
        layers: (from, to), the layer `to` not in it; tensors of no layer are out. None means all.
        ramp: weights at equal distances from the first layer to the last, straight lines between them; embeddings have
            the first one, what comes after the layers the last one. Empty means 1 everywhere.
    """

    patterns: tuple[str, ...] = (".*",)
    kinds: tuple[str, ...] = ()
    layers: tuple[int, int] | None = None
    ramp: tuple[float, ...] = ()

    @cached_property
    def _compiled(self) -> list[re.Pattern[str]]:
        return [re.compile(pattern) for pattern in self.patterns]

    def weights(self, names: Iterable[str]) -> dict[str, float]:
        """What the vector is multiplied by in each of a model's tensors; those with 0 keep the base's bits."""
        names = list(names)
        depth = depth_of(names)
        return {name: self._weight(name, depth) if self.selects(name) else 0.0 for name in names}

    def selects(self, name: str) -> bool:
        """Whether a tensor is in scope, whatever the ramp gives it."""
        layer = layer_of(name)
        here = self.layers is None or (layer is not None and self.layers[0] <= layer < self.layers[1])
        kind = not self.kinds or kind_of(name) in self.kinds
        return here and kind and any(pattern.search(name) for pattern in self._compiled)

    def _weight(self, name: str, depth: int) -> float:
        if not self.ramp:
            return 1.0
        layer = layer_of(name)
        if layer is None:
            return self.ramp[0 if kind_of(name) == "embeddings" else -1]
        at = layer / (depth - 1) * (len(self.ramp) - 1) if depth > 1 else 0.0
        low = min(int(at), len(self.ramp) - 1)
        high = min(low + 1, len(self.ramp) - 1)
        return self.ramp[low] + (at - low) * (self.ramp[high] - self.ramp[low])


def layers_of(span: Sequence[int | float] | None, depth: int) -> tuple[int, int] | None:
    """`[from, to)` in whole layers. A fraction f of depth stands for layer f * depth, rounded.

    >>> layers_of([0.25, 0.5], 24), layers_of([2, 4], 24), layers_of(None, 24)
    ((6, 12), (2, 4), None)
    """
    if span is None:
        return None
    start, stop = span
    if isinstance(start, float) or isinstance(stop, float):
        return round(start * depth), round(stop * depth)
    return start, stop


def problems(scope: Scope, names: Sequence[str], config: Mapping[str, Any]) -> list[Problem]:
    """What of a scope can't be meant for a model with these tensors; nothing for the empty scope, which is the base.

    Args:
        scope: to be looked at.
        names: of all tensors of the base.
        config: the base's config.json.
    """
    if not scope.patterns:
        return []
    found = _pattern_problems(scope.patterns, names) + _kind_problems(scope.kinds, names, config)
    found += _layer_problems(scope, depth_of(names))
    if not found and not any(scope.weights(names).values()):
        parts = [f"scope {list(scope.patterns)}"]
        parts += [f"kinds {list(scope.kinds)}"] if scope.kinds else []
        parts += [f"layers {list(scope.layers)}"] if scope.layers else []
        parts += [f"ramp {list(scope.ramp)}"] if scope.ramp else []
        what = f"no tensor of the base is left by {' and '.join(parts)} together"
        fix = f"names of the base: {_near(scope.patterns[0], names)}"
        found.append(Problem(what, "vector.scope", fix=fix))
    return found


def _pattern_problems(patterns: Sequence[str], names: Sequence[str]) -> list[Problem]:
    found = []
    for text in patterns:
        try:
            pattern = re.compile(text)
        except re.error as error:
            found.append(Problem(f"{text!r} is no regular expression: {error}", "vector.scope"))
            continue
        if not any(pattern.search(name) for name in names):
            fix = f"nearest names: {_near(text, names)}"
            found.append(Problem(f"{text!r} matches no tensor of the base", "vector.scope", fix=fix))
    return found


def _near(text: str, names: Sequence[str]) -> str:
    literal = re.sub(r"\\(.)|[\^$*+?()|\[\]]", r"\1", text)
    return nearest(literal, names)


def _kind_problems(kinds: Sequence[str], names: Sequence[str], config: Mapping[str, Any]) -> list[Problem]:
    if not kinds:
        return []
    model_type = str(config.get("model_type", ""))
    unknown = [name for name in names if not kind_of(name)]
    regexes = "use regular expressions over tensor names instead: vector.scope"
    if model_type not in KNOWN or unknown:
        what = "which tensors are attention, mlp, norm, embeddings or head is not known for this architecture"
        seen = model_type or "no model_type"
        seen += f", with {len(unknown)} tensors such as {unknown[0]}" if unknown else ""
        return [Problem(what, "vector.kinds", f"one of {', '.join(KNOWN)}", seen, regexes)]
    there = {kind_of(name) for name in names}
    found = []
    for kind in kinds:
        if kind not in there:
            tied = kind == "head" and config.get("tie_word_embeddings", model_type.startswith("gemma"))
            why = "its output head is the embedding (tied): take embeddings" if tied else regexes
            found.append(Problem(f"the base has no tensor of kind {kind}", "vector.kinds", found=kind, fix=why))
    return found


def _layer_problems(scope: Scope, depth: int) -> list[Problem]:
    found = []
    if (scope.layers or scope.ramp) and not depth:
        what = "no tensor's name says a layer, so layers can't be chosen by number"
        return [Problem(what, "vector.layers", fix="use regular expressions over tensor names instead: vector.scope")]
    if scope.layers and scope.layers[1] > depth:
        expected, seen = f"from 0 up to {depth}", str(list(scope.layers))
        found.append(Problem("goes beyond the model's layers", "vector.layers", expected, seen))
    elif scope.layers and scope.layers[0] >= scope.layers[1]:
        what, fix = "holds no whole layer of this model", "take a wider range"
        found.append(Problem(what, "vector.layers", f"a range within {depth} layers", str(list(scope.layers)), fix))
    if len(scope.ramp) > max(depth, 1):
        what = "has more weights than the model has layers"
        found.append(Problem(what, "vector.ramp", f"at most {depth}", str(len(scope.ramp))))
    return found
