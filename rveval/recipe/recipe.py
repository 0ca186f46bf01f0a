"""A variant's recipe: what it is made of, what it is known by (the fingerprint) and what it is called (the label).

The recipe is what travels to vLLM's processes, as JSON; the fingerprint is what a cell is keyed by. Paths are in the
first and not in the second: the same weights in another folder are the same variant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rveval.vectors import Step
from rveval.vectors.scopes import Scope


@dataclass(frozen=True)
class RecipeTerm:
    """One difference of checkpoints: folders to read, content hashes to be known by, and a weight.

    `plus_on` and `minus_on` are the models that adapters were trained on, where they take part in the difference.
    """

    plus: str
    minus: str | None
    weight: float
    plus_hash: str
    minus_hash: str | None
    plus_on: str | None = None
    minus_on: str | None = None
    plus_on_hash: str | None = None
    minus_on_hash: str | None = None

    @property
    def known(self) -> dict[str, Any]:
        """What a fingerprint holds of it: contents and weight, no paths, no signed zero."""
        on = {"plus_on": self.plus_on_hash, "minus_on": self.minus_on_hash}
        known = {"plus": self.plus_hash, "minus": self.minus_hash, "weight": self.weight + 0.0}
        return known | {side: content for side, content in on.items() if content}


@dataclass(frozen=True)
class Recipe:
    """What a variant is made of.

    Args:
        base: folder of the base checkpoint.
        base_hash: content hash of everything in it that can change an answer.
        terms: the differences that are added up.
        alpha: the scaling coefficient, multiplies all terms.
        scope: regexes (`re.search`) over tensor names; a tensor that none matches keeps the base's bits.
        dtype: the dtype the variant is served in (`bfloat16`, `float16`, `float32`).
        kinds, layers, ramp: the rest of the scope, see `scopes.Scope`.
        steps: the transforms of every term, from first to last.
        other: the vector that the transform `other` takes.
        forced: tensors of donors that do not fit are left out; without it they are an error.
        misfit: how the donors are made to fit less, for experiments about that; empty is not at all.
    """

    base: str
    base_hash: str
    terms: tuple[RecipeTerm, ...] = ()
    alpha: float = 0.0
    scope: tuple[str, ...] = (".*",)
    dtype: str = "bfloat16"
    kinds: tuple[str, ...] = ()
    layers: tuple[int, int] | None = None
    ramp: tuple[float, ...] = ()
    steps: tuple[Step, ...] = ()
    other: RecipeTerm | None = None
    forced: bool = False
    misfit: str = ""

    @property
    def is_base(self) -> bool:
        """Whether this is the base itself: alpha 0, no terms and an empty scope are one variant (DESIGN.md)."""
        return self.alpha == 0 or not self.scope or not self.terms

    @property
    def selection(self) -> Scope:
        """All parts of the scope together."""
        return Scope(self.scope, self.kinds, self.layers, self.ramp)

    @property
    def fingerprint(self) -> str:
        """The sha256 of the recipe without its paths: equal for equal weights, different where anything differs."""
        known: dict[str, Any] = {"base": self.base_hash, "dtype": self.dtype}
        if not self.is_base:
            # As floats without a signed zero: 1 and 1.0 are one number and must not be two variants.
            terms = [term.known for term in self.terms]
            known |= {"terms": terms, "alpha": self.alpha + 0.0, "scope": list(self.scope)} | self._ablation()
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    def _ablation(self) -> dict[str, Any]:
        """What is said beside terms, alpha and scope, and only that: a plain vector keeps the fingerprint it has."""
        known = {
            "kinds": sorted(self.kinds),
            "layers": list(self.layers or ()),
            "ramp": [weight + 0.0 for weight in self.ramp],
            "steps": [step.known for step in self.steps],
            "other": self.other.known if self.other and any(step.name == "other" for step in self.steps) else None,
            "forced": self.forced,
            "misfit": self.misfit,
        }
        return {name: value for name, value in known.items() if value}

    def as_base(self) -> Recipe:
        """The recipe of the base alone."""
        return Recipe(self.base, self.base_hash, dtype=self.dtype)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        raw = json.loads(text)
        raw["terms"] = tuple(RecipeTerm(**term) for term in raw["terms"])
        raw["steps"] = tuple(Step(**step) for step in raw["steps"])
        raw["other"] = RecipeTerm(**raw["other"]) if raw["other"] else None
        raw["layers"] = tuple(raw["layers"]) if raw["layers"] else None
        return cls(**raw | {name: tuple(raw[name]) for name in ("scope", "kinds", "ramp")})


def label(model: str, vector: str, recipe: Recipe, weights: Sequence[float] = ()) -> str:
    """The name a variant is shown by, such as `tiny + 0.5 tiny_grpo` or `tiny + 1 tiny_grpo [trim 0.2]`.

    Args:
        model, vector: their labels; the base is shown by its model's alone.
        recipe: the variant.
        weights: of the terms, where they are not the vector's own.
    """
    if recipe.is_base:
        return model
    more = _details(recipe, weights)
    name = f"{model} {'-' if recipe.alpha < 0 else '+'} {_number(abs(recipe.alpha))} {vector}"
    return f"{name} [{'; '.join(more)}]" if more else name


def _number(value: float) -> str:
    short = f"{value:g}"  # `:g` rounds to six digits: two alphas must not share a label
    return short if float(short) == value else repr(value)


def _details(recipe: Recipe, weights: Sequence[float]) -> list[str]:
    """What is not the whole vector as it is, in the order in which it acts."""
    parts = [f"weights {', '.join(map(_number, weights))}"] if weights else []
    parts += [f"misfit {recipe.misfit}"] if recipe.misfit else []
    if recipe.scope != (".*",):
        patterns = " | ".join(recipe.scope)
        short = hashlib.sha256(patterns.encode()).hexdigest()[:8]
        parts.append(f"only {patterns if len(patterns) <= 40 else f'scope {short}'}")
    parts += [" + ".join(recipe.kinds)] if recipe.kinds else []
    if recipe.layers:
        first, last = recipe.layers[0], recipe.layers[1] - 1
        parts.append(f"layers {first}-{last}" if last > first else f"layer {first}")
    parts += [f"ramp {', '.join(map(_number, recipe.ramp))}"] if recipe.ramp else []
    for step in recipe.steps:
        name = f" {Path(recipe.other.plus).name}" if step.name == "other" and recipe.other else ""
        parts.append(step.words + name)
    return [*parts, "forced"] if recipe.forced else parts
