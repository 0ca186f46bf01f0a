"""The vector's part of the config: where it comes from, which part of it is taken, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from rveval.config import checks
from rveval.config.problems import rule
from rveval.errors import Problem

Kind = Literal["attention", "mlp", "norm", "embeddings", "head"]

_DENSITY = "a number above 0 and at most 1, or null"
_SMALL = "a number above 0 and below 1, or null"
_RANK = checks.A_COUNT_OR_NULL
_CAP = "a number above 0, or null"
_SEED = checks.A_SEED


@dataclass(frozen=True)
class Source:
    """Where a checkpoint is: hub id, folder, or `tiny:NAME` (packaged)."""

    path: str = field(metadata=rule(checks.A_PATH, checks.path))
    revision: str | None = field(default=None, metadata=rule("a branch, tag or commit, or null", checks.text))
    subfolder: str | None = field(default=None, metadata=rule("a folder inside the repository, or null", checks.text))

    @staticmethod
    def spell_out(text: str) -> dict[str, Any]:
        """`org/name@revision` as a mapping; anything else is a path as it stands (`./a@b` is a folder)."""
        found = checks.HUB_AT_REVISION.fullmatch(text)
        return found.groupdict() if found else {"path": text}


@dataclass(frozen=True)
class Term:
    """One difference `weight * (plus - minus)`; without `minus`, `plus` is an already saved delta."""

    plus: Source = field(metadata=rule(f"{checks.A_PATH}, as text or as a mapping path, revision, subfolder"))
    minus: Source | None = field(default=None, metadata=rule(f"{checks.A_PATH}, or null"))
    weight: float = field(default=1.0, metadata=rule("a finite number"))


@dataclass(frozen=True)
class Transform:
    """One step of `vector.transform`; what is null is taken from the vector's key of the same name."""

    name: str = field(metadata=rule("the name of a transform"))
    seed: int | None = field(default=None, metadata=rule(_SEED, checks.at_least_0))
    density: float | None = field(default=None, metadata=rule(_DENSITY, checks.share))
    gamma: float | None = field(default=None, metadata=rule(_SMALL, checks.small))
    epsilon: float | None = field(default=None, metadata=rule(_SMALL, checks.small))
    rank: int | None = field(default=None, metadata=rule(_RANK, checks.at_least_1))
    cap: float | None = field(default=None, metadata=rule(_CAP, checks.positive))

    @staticmethod
    def spell_out(text: str) -> dict[str, Any]:
        """A name alone is a transform with the vector's own parameters."""
        return {"name": text}


def _one_or_more(raw: Any) -> Any:
    """`transform` may be one name or one mapping; null, and the word none, are no transform at all."""
    if raw is None or raw == "none":
        return []
    return raw if isinstance(raw, list) else [raw]


@dataclass(frozen=True)
class VectorConfig:
    """Terms that add up, and what is made of them before they are added to the base.

    `weights` replace those of the terms. A tensor is in scope if one of `scope` (regexes, `re.search`) matches its
    name, its kind is one of `kinds` (empty: all) and its layer in `layers`: `[from, to)`, whole numbers or fractions
    of depth. `ramp` weighs layers: values at equal distances from the first to the last. `transform` is applied to
    every term, in order; `seed density gamma epsilon rank cap` are its parameters, `other` is what the transform of
    that name takes.
    """

    label: str = field(metadata=rule(checks.A_NAME, checks.file_name))
    terms: list[Term] = field(default_factory=list, metadata=rule("a list of terms {plus, minus, weight}"))
    weights: list[float] | None = field(default=None, metadata=rule("a list of finite numbers, or null"))
    scope: list[str] = field(
        default_factory=lambda: [".*"], metadata=rule("a list of regular expressions", checks.regexes)
    )
    kinds: list[Kind] = field(default_factory=list, metadata=rule("a list of kinds of tensors", checks.once))
    layers: list[int | float] | None = field(
        default=None, metadata=rule("[from, to), whole numbers or fractions of depth, or null", checks.layers)
    )
    ramp: list[float] | None = field(default=None, metadata=rule("a list of numbers, or null", checks.not_empty))
    transform: list[Transform] = field(
        default_factory=list, metadata=rule("a transform, a list of them, or null", lift=_one_or_more)
    )
    seed: int = field(default=0, metadata=rule(_SEED, checks.at_least_0))
    density: float | None = field(default=None, metadata=rule(_DENSITY, checks.share))
    gamma: float | None = field(default=None, metadata=rule(_SMALL, checks.small))
    epsilon: float | None = field(default=None, metadata=rule(_SMALL, checks.small))
    rank: int | None = field(default=None, metadata=rule(_RANK, checks.at_least_1))
    cap: float | None = field(default=None, metadata=rule(_CAP, checks.positive))
    other: Term | None = field(default=None, metadata=rule("a term {plus, minus}, or null"))
    note: str | None = field(default=None, metadata=rule("text, or null"))

    @property
    def term_weights(self) -> tuple[float, ...]:
        """What each term is multiplied by: `weights`, else the terms' own."""
        return tuple(self.weights if self.weights is not None else (term.weight for term in self.terms))


def problems(vector: VectorConfig) -> list[Problem]:
    """What no key of a vector can say alone."""
    found = []
    if vector.weights is not None and len(vector.weights) != len(vector.terms):
        expected, seen = f"{len(vector.terms)} numbers, one for each term", f"{len(vector.weights)}"
        fix = "write vector.weights=[" + ",".join(["1"] * len(vector.terms)) + "], or leave it null"
        found.append(Problem("does not match the terms", "vector.weights", expected, seen, fix))
    return found
