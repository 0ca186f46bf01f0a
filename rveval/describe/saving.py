"""The vector as one file: what `save=FILE` writes. Alpha is no part of it, so the file is added with any alpha."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import prod
from pathlib import Path

from rveval.checkpoints import deltas
from rveval.checkpoints.deltas import Saved, Storage
from rveval.config import Config
from rveval.describe import formula
from rveval.recipe.assembly import Assembled


def save(file: Path, storage: Storage, config: Config, found: Assembled) -> Saved:
    """Write v = w * sum_i w_i T(plus_i - minus_i), scope and layer weights included.

    Raises:
        Refused, Failed: see `deltas.save`.
    """
    from rveval.describe.measure import vector
    from rveval.describe.pages import let_go
    from rveval.describe.stream import progress
    from rveval.recipe import VariantTensors
    from rveval.vectors import Delta

    variant = VariantTensors(replace(found.recipe, alpha=1.0))
    names = [name for name in variant.names if variant.weight(name) and variant.displacements(name)]
    read = [path for _, donor in found.donors for path in donor.files]
    donors = dict(found.donors)
    plus = next(donor for place, donor in found.donors if place.endswith(".plus"))
    said = deltas.origin(
        plus,
        formula.vector_symbols(config),
        base=found.base,
        hashes={place: donor.identity for place, donor in donors.items()},
        paths=_paths(config, donors),
        scope=found.recipe.scope,
        transforms=[step.known for step in found.recipe.steps],
    )
    sizes = {name: 4 * prod(variant.shape(name)) for name in names}
    with progress("saving the vector", 2 * sum(sizes.values())) as tick:

        def delta(name: str) -> Delta:  # asked twice for each, see `deltas.save`
            let_go(read)
            tick(sizes[name])
            return vector(variant.displacements(name), variant.weight(name))

        return deltas.save(names, delta, file, said, storage)


def _paths(config: Config, places: Iterable[str]) -> dict[str, str]:
    """The donors as the user named them, by config key."""
    found = {}
    for number, term in enumerate(config.vector.terms):
        for side, source in (("plus", term.plus), ("minus", term.minus)):
            if source is not None:
                found[f"vector.terms[{number}].{side}"] = formula.source_words(source)
    if config.vector.other is not None:
        found["vector.other.plus"] = formula.source_words(config.vector.other.plus)
        if config.vector.other.minus is not None:
            found["vector.other.minus"] = formula.source_words(config.vector.other.minus)
    return {place: path for place, path in found.items() if place in set(places)}
