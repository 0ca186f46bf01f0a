"""Recipes of records that were written before records held recipes (`variant` in cell.json, schema 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rveval.recipe.recipe import EVERYTHING, Recipe
from rveval.recipe.term import RecipeTerm
from rveval.vectors import Step


def from_variant(variant: Mapping[str, Any]) -> Recipe:
    """The recipe as far as the part `variant` of a schema 1 cell.json tells it: to compare and to show, not to build.

    Everything but `terms` and `alpha` may be missing. The type served and the folders of bases are not there; its
    fingerprint and label are the record's own (`variant["fingerprint"]`, `variant["label"]`), not those of the result.
    """
    terms = tuple(_term(term, variant) for term in variant["terms"])
    weights = tuple(term.weight for term in terms)
    about = variant if terms else {}  # a base has nothing added, so nothing is made of it
    layers = about.get("layers")
    return Recipe(
        base="",
        base_hash=str(variant.get("base") or ""),
        terms=terms,
        alpha=float(variant["alpha"]),
        scope=EVERYTHING if about.get("scope") in (None, []) else tuple(about["scope"]),
        dtype="",
        kinds=tuple(about.get("kinds") or ()),
        layers=(layers[0], layers[1]) if layers else None,
        ramp=tuple(about.get("ramp") or ()),
        steps=tuple(Step.from_record(step) for step in about.get("steps") or ()),
        other=_term(about["other"], variant) if about.get("other") else None,
        forced=bool(about.get("forced")),
        model=str(variant.get("model") or ""),
        vector=str(variant.get("vector") or ""),
        weights=weights if any(weight != 1 for weight in weights) else (),
    )


def _term(term: Mapping[str, Any], variant: Mapping[str, Any]) -> RecipeTerm:
    """Old experiments about refusals changed their donors' tensors (`misfit`): those are other contents."""
    misfit = f", misfit {variant['misfit']}" if variant.get("misfit") else ""
    return RecipeTerm(
        plus=str(term.get("plus_path") or term.get("plus") or ""),
        minus=term.get("minus_path") or term.get("minus"),
        weight=float(term.get("weight", 1.0)),
        plus_hash=f"{term.get('plus')}{misfit}",
        minus_hash=term.get("minus"),
        plus_on=term.get("plus_on_path"),
        minus_on=term.get("minus_on_path"),
        plus_on_hash=term.get("plus_on"),
        minus_on_hash=term.get("minus_on"),
    )
