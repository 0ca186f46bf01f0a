"""A variant: base + alpha * vector, as a recipe, as tensors by name, as a checkpoint on disk.

recipe    what it is made of, its fingerprint and its label
tensors   its tensors, streamed by name
merged    the same, written to a folder
"""

from __future__ import annotations

from rveval.recipe.merged import write_merged
from rveval.recipe.recipe import Recipe, RecipeTerm, label
from rveval.recipe.streamed import VariantTensors, forget, tensors

__all__ = ["Recipe", "RecipeTerm", "VariantTensors", "forget", "label", "tensors", "write_merged"]
