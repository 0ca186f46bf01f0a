"""From a config to a variant: its checkpoints opened, its donors checked against the base, its recipe and its label.

Reads headers, hashes and small samples; needs no torch. What a plan of cells and `describe` both start from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rveval.checkpoints import Checkpoint, adapters, compatibility, content_hash, open_checkpoint, resolve
from rveval.checkpoints.compatibility import Report
from rveval.config import Config, Source, Term
from rveval.errors import DoesNotMatch, Problem, Refused, RvevalError
from rveval.recipe.recipe import Recipe
from rveval.recipe.term import RecipeTerm
from rveval.recipe.transforms import steps_of
from rveval.vectors import TRANSFORMS, depth_of, layers_of, scopes

_DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}

Donor = tuple[str, Checkpoint]
"""A config key such as `vector.terms[0].plus`, and what it names."""


@dataclass(frozen=True)
class Assembled:
    """A variant that may be built.

    Args:
        recipe: what it is made of.
        base: the base, open.
        donors: the donors by config key, open, in the order of the config.
        report: what the gate found: warnings, what is left out.
    """

    recipe: Recipe
    base: Checkpoint
    donors: tuple[Donor, ...]
    report: Report

    @property
    def label(self) -> str:
        """What it is called."""
        return self.recipe.label


def open_all(config: Config, problems: list[Problem]) -> tuple[Checkpoint | None, list[Donor]]:
    """The base and all donors; what can't be opened, and what is wrong with the transforms, goes to the problems."""
    problems += steps_of(config.vector)[1]
    base = _open(config.model.source, problems)
    donors: list[Donor] = []
    for place, term in _terms(config):
        try:
            plus, minus = (_resolved(term, side, place, problems) for side in ("plus", "minus"))
            if base is not None and plus is not None and (minus is not None or term.minus is None):
                found = adapters.plan_term(plus, minus, base, place)
                donors += [(f"{place}.plus", found.plus)]
                donors += [(f"{place}.minus", found.minus)] if found.minus else []
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
    takes_other = any(TRANSFORMS[step.name].given == "other" for step in steps_of(vector)[0])
    return terms + ([("vector.other", vector.other)] if terms and takes_other and vector.other else [])


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
    recipe = _recipe(config, base, donors)
    if mistakes := scopes.problems(recipe.selection, base.names, base.config) or _rank_problems(recipe, base):
        raise Refused(mistakes)
    report = compatibility.check(base, donors, recipe.selection, forced=config.force_incompatible)
    recipe = replace(recipe, forced=report.forced)
    if report.problems:
        raise DoesNotMatch(report.problems, recipe.label)
    return Assembled(recipe, base, tuple(donors), report)


def _recipe(config: Config, base: Checkpoint, donors: Sequence[Donor]) -> Recipe:
    by_place = dict(donors)
    terms = {place: _recipe_term(by_place, place, term) for place, term in _terms(config)}
    vector = config.vector
    steps, problems = steps_of(vector)
    if problems:
        raise Refused(problems)
    return Recipe(
        base=str(base.folder),
        base_hash=content_hash(base.folder, kind="model"),
        terms=tuple(term for place, term in terms.items() if place != "vector.other"),
        alpha=config.alpha,
        scope=tuple(vector.scope),
        dtype=_dtype(config.model.dtype, base),
        kinds=tuple(vector.kinds),
        layers=layers_of(vector.layers, depth_of(base.names)),
        ramp=tuple(vector.ramp or ()),
        steps=steps,
        other=terms.get("vector.other"),
        model=config.model.label,
        vector=vector.label,
        base_label=source_words(config.model.source),
        weights=tuple(vector.weights or ()),
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
        plus_label=source_words(term.plus),
        minus_label=source_words(term.minus) if term.minus else "",
    )


def source_words(source: Source) -> str:
    """A source as it is written: `org/name@revision`, and the folder inside it."""
    revision = f"@{source.revision}" if source.revision else ""
    return f"{source.path}{revision}{'/' + source.subfolder if source.subfolder else ''}"


def _known(donor: Checkpoint | None) -> tuple[str | None, str | None]:
    """Where it lies and the hash of its content."""
    return (str(donor.folder), content_hash(donor.folder)) if donor else (None, None)


def _rank_problems(recipe: Recipe, base: Checkpoint) -> list[Problem]:
    """Ranks that matrices in scope do not have."""
    rank = max((int(dict(step.parameters).get("rank", 0)) for step in recipe.steps), default=0)
    weights = recipe.selection.weights(base.names) if rank and not recipe.is_base else {}
    small = {name: min(base.shape(name)) for name, weight in weights.items() if weight and len(base.shape(name)) > 1}
    names = [name for name, least in small.items() if least < rank]
    if not names:
        return []
    what = f"the rank is above that of {compatibility.grouped(names)}"
    fix = "take a smaller one, or leave these matrices out with vector.scope"
    return [Problem(what, "vector.rank", f"at most {min(small.values())}", str(rank), fix)]


def _dtype(name: str, base: Checkpoint) -> str:
    """The dtype served: the one named, or with `auto` the one most of the base's values are stored in."""
    if name != "auto":
        return name
    values: dict[str, int] = {}
    for name in base.names:
        values[base.dtype(name)] = values.get(base.dtype(name), 0) + math.prod(base.shape(name))
    stored = max(sorted(values), key=values.__getitem__)
    if stored not in _DTYPES:
        known = ", ".join(_DTYPES.values())
        raise Refused(Problem("can't be served as it is stored", "model.dtype", known, stored, "name one of them"))
    return _DTYPES[stored]
