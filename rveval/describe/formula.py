"""A variant in words and symbols: what is added to what, times what, where, and changed how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rveval.config import Config, Source, Term
from rveval.recipe.assembly import Assembled
from rveval.vectors import STEPS


@dataclass(frozen=True)
class Formula:
    """A variant for people.

    Args:
        symbols: one line, such as `theta + 0.5 * T(tiny:grpo - tiny:sft)`.
        lines: (what, words): what each part of the line is.
    """

    symbols: str
    lines: tuple[tuple[str, str], ...]

    @property
    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"symbols": self.symbols, "words": dict(self.lines)}


def formula(config: Config, found: Assembled | None = None) -> Formula:
    """The formula of a config.

    Args:
        config: the run.
        found: the variant, if its donors fit; it knows the dtype and the layers.
    """
    vector = config.vector
    terms = [
        (term, weight)
        for term, weight in zip(vector.terms, vector.term_weights, strict=True)
        if weight and vector.scope and config.alpha
    ]
    base = f"{source_words(config.model.source)} ({config.model.label})"
    if not terms:
        return Formula("theta", (("theta", base), ("vector", f"nothing is added: {nothing_because(config)}")))
    lines = [("theta", base), ("alpha", number(config.alpha))]
    alone = len(terms) == 1 and terms[0][1] == 1
    lines += [("vector", f"{vector.label} = {_difference(terms[0][0]) if alone else _sum(terms, '')}")]
    lines += [("w", f"weights of layers: {_ramp(vector.ramp)}")] if vector.ramp else []
    for place, step in enumerate(vector.steps, start=1):
        other = f" ({_difference(vector.other)})" if step.name == "other" and vector.other else ""
        lines.append(
            (f"T {place}." if len(vector.steps) > 1 else "T", f"{step.words}: {STEPS[step.name].words}{other}")
        )
    if vector.misfit != "none":
        lines.append(("misfit", f"the donors are made to differ from the base: {vector.misfit}"))
    lines.append(("scope", _scope(config, found)))
    dtype = found.recipe.dtype if found else config.model.dtype
    lines.append(("served as", f"{dtype}; the sum is in float32 and rounded once"))
    return Formula(_symbols(config, terms), tuple(lines))


def nothing_because(config: Config) -> str:
    """Why a config with nothing to add has nothing to add."""
    if not config.vector.terms:
        return "vector=none, so this is the base"
    if config.alpha == 0:
        return "alpha is 0, so this is the base"
    if not config.vector.scope:
        return "the scope is empty, so this is the base"
    return "all weights of terms are 0, so this is the base"


def _symbols(config: Config, terms: Sequence[tuple[Term, float]]) -> str:
    weight = "w * " if config.vector.ramp else ""
    summed = _transformed(config, terms)
    alone = len(terms) == 1 and terms[0][1] == 1
    inner = summed if alone or _merges(config) else f"[{summed}]"
    sign = "-" if config.alpha < 0 else "+"
    return f"theta {sign} {number(abs(config.alpha))} * {weight}{inner}"


def vector_symbols(config: Config) -> str:
    """The vector without alpha, such as `w * T(tiny:grpo - tiny:sft)`."""
    terms = [(t, w) for t, w in zip(config.vector.terms, config.vector.term_weights, strict=True) if w]
    summed = _transformed(config, terms)
    return f"w * [{summed}]" if config.vector.ramp else summed


def _merges(config: Config) -> bool:
    """Whether a step takes all terms together."""
    return any(step.name == "ties" for step in config.vector.steps)


def _transformed(config: Config, terms: Sequence[tuple[Term, float]]) -> str:
    """`T(a - b) + T(c - d)`; `T(a - b, c - d)` where a step takes all terms together."""
    if _merges(config):
        parts = [_difference(term) if weight == 1 else _sum([(term, weight)], "") for term, weight in terms]
        return f"T({', '.join(parts)})"
    return _sum(terms, "T" if config.vector.steps else "")


def _sum(terms: Sequence[tuple[Term, float]], transform: str) -> str:
    """`a - b` alone, else `2 * (a - b) + T(c - d)`."""
    text = ""
    for term, weight in terms:
        factor = "" if abs(weight) == 1 else f"{number(abs(weight))} * "
        sign = (" - " if weight < 0 else " + ") if text else ("-" if weight < 0 else "")
        text += f"{sign}{factor}{transform}({_difference(term)})"
    return text


def _difference(term: Term) -> str:
    minus = f" - {source_words(term.minus)}" if term.minus else ""
    return f"{source_words(term.plus)}{minus}"


def source_words(source: Source) -> str:
    """A source as it is written: `org/name@revision`, and the folder inside it."""
    revision = f"@{source.revision}" if source.revision else ""
    return f"{source.path}{revision}{'/' + source.subfolder if source.subfolder else ''}"


def _scope(config: Config, found: Assembled | None) -> str:
    vector = config.vector
    names = list(vector.scope)
    parts = ["all tensors" if names == [".*"] else f"tensors whose name matches {' or '.join(names)}"]
    parts += [f"kinds: {', '.join(vector.kinds)}"] if vector.kinds else []
    layers = found.recipe.layers if found else vector.layers
    if layers and found:
        parts.append(f"layers {layers[0]} to {layers[1] - 1:g}")
    elif layers:
        parts.append(f"layers from {layers[0]:g} up to {layers[1]:g}")
    return "; ".join(parts)


def _ramp(ramp: Sequence[float]) -> str:
    return f"{' .. '.join(map(number, ramp))} from the first layer to the last, in straight lines"


def number(value: float) -> str:
    """A number as it was meant: 0.5, not 0.500000."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
