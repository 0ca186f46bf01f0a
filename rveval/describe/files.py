"""The files of a description: vector.json (its rows are explained by `FIELDS`), and the vector saved as one file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from rveval.checkpoints import deltas
from rveval.checkpoints.deltas import Storage
from rveval.describe.measure import Measured, Sums, grouped, places, total, vector
from rveval.errors import Failed, Problem
from rveval.recipe import Assembled, VariantTensors

SCHEMA_VERSION = 1

FIELDS = {
    "norm": "||alpha v||: v is the vector after scope, layer weights and transforms",
    "vector_norm": "||v||",
    "weights_norm": "||theta|| of the base's weights in the same tensors",
    "relative": "||alpha v|| / ||theta||; null where theta is zero",
    "density": "share of entries of v that are not zero",
    "changed": "share of entries with another value, in the served dtype, than the base's",
    "cosines": "by donor: cos(v, donor - common); null where one of the two is zero",
    "effective_rank": "(sum s^2)^2 / sum s^4 over the singular values of the matrices; null without a matrix, or quick",
    "effective_rank_error": "its standard error; 0 where it is exact",
    "full_rank": "the sum of the matrices' smaller sides",
    "tensors": "how many tensors in scope",
    "entries": "how many entries they have",
}
"""What the numbers of a row of vector.json mean; kept in the file itself."""


def said(found: Assembled, common: str | None) -> dict[str, Any]:
    """The part of vector.json that is not measured."""
    recipe, report = found.recipe, found.report
    return {
        "schema_version": SCHEMA_VERSION,
        "fields": FIELDS,
        "label": recipe.label,
        "fingerprint": recipe.fingerprint,
        "base": recipe.base_label,
        "alpha": recipe.alpha,
        "dtype": recipe.dtype,
        "nothing_added": recipe.is_base,
        "formula": {"symbols": recipe.formula, "words": recipe.explained},
        "terms": [{**term.known, "plus_path": term.plus, "minus_path": term.minus} for term in recipe.terms],
        "scope": {
            "patterns": list(recipe.scope),
            "kinds": list(recipe.kinds),
            "layers": list(recipe.layers) if recipe.layers else None,
            "ramp": list(recipe.ramp),
        },
        "transforms": [step.known for step in recipe.steps],
        "common": common,
        "compatibility": {
            "forced": report.forced,
            "warnings": [vars(one) for one in report.warnings],
            "left_out": list(report.left_out),
            "zero": {place: list(names) for place, names in report.zero.items()},
        },
    }


def numbers(tensors: Sequence[Measured], found: Assembled, donors: Sequence[str]) -> dict[str, Any]:
    """The part of vector.json that is measured: in all, by kind, by row, by both, by tensor."""
    base, alpha = found.base, found.recipe.alpha

    def row(sums: Sums) -> dict[str, Any]:
        return {
            "tensors": sums.tensors,
            "entries": sums.entries,
            "norm": sums.norm(alpha),
            "vector_norm": sums.norm(1.0),
            "weights_norm": sums.theta**0.5,
            "relative": sums.relative(alpha),
            "density": sums.density,
            "changed": sums.changed_share,
            "cosines": dict(zip(donors, sums.cosines or [None] * len(donors), strict=True)),
            "effective_rank": sums.effective_rank,
            "effective_rank_error": sums.effective_rank_error,
            "full_rank": sums.full_rank,
        }

    def of(one: Measured) -> dict[str, Any]:
        numbers = {key: value for key, value in row(one.sums).items() if key != "tensors"}
        layer = int(one.row) if one.row.isdigit() else None
        about = {"name": one.name, "row": one.row, "layer": layer, "kind": one.kind, "shape": list(one.shape)}
        return {**about, "weight": one.weight, **numbers}

    by_kind, by_row = grouped(tensors, lambda one: ("", one.kind)), grouped(tensors, lambda one: (one.row, ""))
    return {
        "model": {"tensors": len(base.names), "entries": sum(prod(base.shape(name)) for name in base.names)},
        "total": row(total(tensors)),
        "kinds": [{"kind": kind, **row(sums)} for (_, kind), sums in by_kind.items()],
        "layers": [{"row": name, **row(sums)} for (name, _), sums in by_row.items()],
        "cells": [{"row": name, "kind": kind, **row(sums)} for (name, kind), sums in places(tensors).items()],
        "tensors": [of(one) for one in tensors],
    }


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write these files, each of them aside first, so that each is whole or not there.

    Raises:
        Failed: the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as aside:
            for name, data in files.items():
                Path(aside, name).write_bytes(data)
                os.replace(Path(aside, name), folder / name)
    except OSError as error:
        what = f"can't be written: {error.strerror or error}"
        raise Failed(Problem(what, str(folder), fix="out=FOLDER, a folder that can be written")) from error


def save(file: Path, storage: Storage, found: Assembled) -> deltas.Saved:
    """The vector as one file: v = w * sum_i w_i T(plus_i - minus_i), scope and layer weights included, without alpha.

    Raises:
        Refused, Failed: see `deltas.save`.
    """
    recipe = replace(found.recipe, alpha=1.0)
    variant = VariantTensors(recipe)
    names = [name for name in variant.names if variant.weight(name) and variant.terms(name)]
    paths: dict[str, str] = {}
    others = [("vector.other", recipe.other)] if recipe.other else []
    donors = [place for place, _ in found.donors if place.endswith(".plus") and place != "vector.other.plus"]
    terms = [(place.removesuffix(".plus"), term) for place, term in zip(donors, recipe.terms, strict=True)]
    for place, term in [*terms, *others]:
        paths |= {f"{place}.plus": term.plus_label} | ({f"{place}.minus": term.minus_label} if term.minus else {})
    origin = deltas.origin(
        next(donor for place, donor in found.donors if place.endswith(".plus")),
        "; ".join(recipe.explained[key] for key in recipe.explained if key == "vector" or key.startswith("T")),
        base=found.base,
        hashes={place: donor.identity for place, donor in found.donors},
        paths=paths,
        scope=recipe.scope,
        transforms=[step.known for step in recipe.steps],
    )
    return deltas.save(names, lambda name: vector(variant.terms(name), variant.weight(name)), file, origin, storage)
