"""A variant: base + alpha * vector, as data and in words, as tensors by name, as a checkpoint on disk.

recipe           what it is made of, its fingerprint, its label, its formula; as plain values and back
variant_records  the same from records that were written before recipes stood in them
assembly         from a config to a recipe, through the gate; `transforms` reads its transforms
streamed         its tensors by name
merged           the same, written to a folder
"""

from __future__ import annotations

from rveval.recipe.assembly import Assembled, assemble, open_all, source_words
from rveval.recipe.merged import write_merged
from rveval.recipe.recipe import Recipe, layer_words, number
from rveval.recipe.streamed import VariantTensors, forget, tensors
from rveval.recipe.term import RecipeTerm
from rveval.recipe.variant_records import from_variant

__all__ = [
    "Assembled",
    "Recipe",
    "RecipeTerm",
    "VariantTensors",
    "assemble",
    "forget",
    "from_variant",
    "layer_words",
    "number",
    "open_all",
    "source_words",
    "tensors",
    "write_merged",
]
