"""From a config to a variant: its checkpoints opened, its donors checked against the base, its recipe and its label.

Reads headers, hashes and small samples; needs no torch. What a plan of cells and `describe` both start from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rveval.checkpoints import Checkpoint, adapters, compatibility, content_hash, open_checkpoint, resolve
from rveval.checkpoints.adapters import Adapter
from rveval.checkpoints.compatibility import Report
from rveval.config import Config, Source, Term
from rveval.errors import DoesNotMatch, Problem, Refused, RvevalError
from rveval.recipe import Recipe, RecipeTerm, label
from rveval.vectors import scopes

_DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}

Donor = tuple[str, Checkpoint]
"""A config key such as `vector.terms[0].plus`, and what it names."""


@dataclass(frozen=True)
class Assembled:
    """A variant that may be built.

    Args:
        recipe: what it is made of.
        label: what it is called.
        base: the base, open.
        donors: the donors by config key, open, in the order of the config.
        report: what the gate found: warnings, what is left out.
    """

    recipe: Recipe
    label: str
    base: Checkpoint
    donors: tuple[Donor, ...]
    report: Report


def open_all(config: Config, problems: list[Problem]) -> tuple[Checkpoint | None, list[Donor]]:
    """The base and all donors; what can't be opened is added to the problems."""
    base = _open(config.model.source, problems)
    donors: list[Donor] = []
    for place, term in _terms(config):
        try:
            plus, minus = (_resolved(term, side, place, problems) for side in ("plus", "minus"))
            if base is not None and plus is not None and (minus is not None or term.minus is None):
                found = adapters.plan_term(plus, minus, base, place)
                donors += [(f"{place}.plus", _fitted(found.plus, config))]
                donors += [(f"{place}.minus", _fitted(found.minus, config))] if found.minus else []
        except RvevalError as error:
            problems.extend(error.problems)
    return base, donors


def _terms(config: Config) -> list[tuple[str, Term]]:
    """The terms that count, with the keys they are written under; one of weight 0 is not there at all."""
    vector = config.vector
    terms = [
        (f"vector.terms[{number}]", replace(term, weight=weight))
        for number, (term, weight) in enumerate(zip(vector.terms, vector.term_weights, strict=True))
        if weight
    ]
    takes_other = any(step.name == "other" for step in vector.steps)
    return terms + ([("vector.other", vector.other)] if terms and takes_other and vector.other else [])


def _fitted(donor: Checkpoint, config: Config) -> Checkpoint:
    if config.vector.misfit == "none":
        return donor
    if isinstance(donor, Adapter):
        fix = "merge the adapter into its model first, or misfit=none"
        raise Refused(Problem("only whole checkpoints and saved deltas are made to fit less", "vector.misfit", fix=fix))
    from rveval.checkpoints.misfits import fitted

    return fitted(donor, config.vector.misfit)


def _open(source: Source, problems: list[Problem]) -> Checkpoint | None:
    try:
        return open_checkpoint(resolve(source, "model.path"))
    except RvevalError as error:
        problems.extend(error.problems)
        return None


def _resolved(term: Term, side: str, place: str, problems: list[Problem]) -> Path | None:
    source: Source | None = getattr(term, side)
    try:
        return None if source is None else resolve(source, f"{place}.{side}")
    except RvevalError as error:
        problems.extend(error.problems)
        return None


def assemble(config: Config, base: Checkpoint, donors: Sequence[Donor]) -> Assembled:
    """The variant of a config whose checkpoints are open.

    Raises:
        Refused: the scope or a transform does not fit the model.
        DoesNotMatch: the donors do not fit the base: a finding about them, which a study keeps.
    """
    layers = scopes.layers_of(config.vector.layers, scopes.depth_of(base.names))
    recipe = _recipe(config, base, donors, layers)
    if mistakes := scopes.problems(recipe.selection, base.names, base.config) or _rank_problems(recipe, base):
        raise Refused(mistakes)
    report = compatibility.check(base, donors, recipe.selection, forced=config.force_incompatible)
    recipe = replace(recipe, forced=report.forced)
    shown = label(config.model.label, config.vector.label, recipe, config.vector.weights or ())
    if report.problems:
        raise DoesNotMatch(report.problems, shown)
    return Assembled(recipe, shown, base, tuple(donors), report)


def _recipe(config: Config, base: Checkpoint, donors: Sequence[Donor], layers: tuple[int, int] | None) -> Recipe:
    by_place = dict(donors)
    terms = {place: _recipe_term(by_place, place, term) for place, term in _terms(config)}
    vector = config.vector
    return Recipe(
        base=str(base.folder),
        base_hash=content_hash(base.folder, kind="model"),
        terms=tuple(term for place, term in terms.items() if place != "vector.other"),
        alpha=config.alpha,
        scope=tuple(vector.scope),
        dtype=_dtype(config.model.dtype, base),
        kinds=tuple(vector.kinds),
        layers=layers,
        ramp=tuple(vector.ramp or ()),
        steps=vector.steps,
        other=terms.get("vector.other"),
        misfit="" if vector.misfit == "none" else vector.misfit,
    )


def _recipe_term(by_place: Mapping[str, Checkpoint], place: str, term: Term) -> RecipeTerm:
    plus, minus = by_place[f"{place}.plus"], by_place.get(f"{place}.minus")
    sides = adapters.Term(plus, minus)
    (plus_path, plus_hash), (minus_path, minus_hash) = _known(plus), _known(minus)
    (plus_on, plus_on_hash), (minus_on, minus_on_hash) = _known(sides.plus_on), _known(sides.minus_on)
    return RecipeTerm(
        plus=plus_path or "",
        minus=minus_path,
        weight=term.weight,
        plus_hash=plus_hash or "",
        minus_hash=minus_hash,
        plus_on=plus_on,
        minus_on=minus_on,
        plus_on_hash=plus_on_hash,
        minus_on_hash=minus_on_hash,
    )


def _known(donor: Checkpoint | None) -> tuple[str | None, str | None]:
    """Where it lies and the hash of its content."""
    return (str(donor.folder), content_hash(donor.folder)) if donor else (None, None)


def _rank_problems(recipe: Recipe, base: Checkpoint) -> list[Problem]:
    """Ranks that matrices in scope do not have."""
    rank = max((step.rank or 0 for step in recipe.steps), default=0)
    weights = recipe.selection.weights(base.names) if rank and not recipe.is_base else {}
    small = {name: min(base.shape(name)) for name, weight in weights.items() if weight and len(base.shape(name)) > 1}
    names = [name for name, least in small.items() if least < rank]
    if not names:
        return []
    what = f"the rank is above that of {compatibility.grouped(names)}"
    fix = "take a smaller one, or leave these matrices out with vector.scope"
    return [Problem(what, "vector.rank", f"at most {min(small.values())}", str(rank), fix)]


def _dtype(asked: str, base: Checkpoint) -> str:
    """The dtype served: the one asked for, or with `auto` the one most of the base's values are stored in."""
    if asked != "auto":
        return asked
    values: dict[str, int] = {}
    for name in base.names:
        values[base.dtype(name)] = values.get(base.dtype(name), 0) + math.prod(base.shape(name))
    stored = max(sorted(values), key=values.__getitem__)
    if stored not in _DTYPES:
        known = ", ".join(_DTYPES.values())
        raise Refused(Problem("can't be served as it is stored", "model.dtype", known, stored, "name one of them"))
    return _DTYPES[stored]
