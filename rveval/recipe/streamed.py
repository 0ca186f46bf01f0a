"""A variant's tensors by name, computed when they are asked for, from checkpoints that stay memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rveval.checkpoints import Checkpoint
from rveval.checkpoints.adapters import Donor, join, open_donor
from rveval.recipe.recipe import Recipe
from rveval.recipe.term import RecipeTerm
from rveval.vectors import TRANSFORMS, Difference, combine, transformed

if TYPE_CHECKING:
    import torch


class VariantTensors:
    """A variant's tensors by name, each built from the base when it is asked for.

    Args:
        recipe: what to build; its checkpoints stay memory-mapped between recipes of this process.
    """

    def __init__(self, recipe: Recipe) -> None:
        import torch

        self._base = _open(recipe.base)
        self._recipe = recipe
        self._dtype: torch.dtype = getattr(torch, recipe.dtype)
        plain = recipe.is_base
        self._weights = {} if plain else recipe.selection.weights(self._base.names)
        self._donors = [] if plain else [_Donors(term, recipe.forced) for term in recipe.terms]
        self._other = None if plain or recipe.other is None else _Donors(recipe.other, recipe.forced)
        self._from = {} if plain else self._sources()

    @property
    def names(self) -> tuple[str, ...]:
        return self._base.names

    def shape(self, name: str) -> tuple[int, ...]:
        return self._base.shape(name)

    def weight(self, name: str) -> float:
        """What the vector is multiplied by in this tensor, before alpha; 0 keeps the base's bits."""
        return self._weights.get(name, 0.0)

    def read(self, name: str, *, out: torch.Tensor | None = None, device: torch.device | None = None) -> torch.Tensor:
        """One tensor of the variant.

        Args:
            name: the base's name for it.
            out: written to if given: contiguous, the base's shape.
            device: where it is computed; that of `out`, else the CPU.

        Returns:
            `out` if given; else a computed tensor in the recipe's dtype, or for what the vector does not touch a
            memory-mapped view of the file in the dtype it is stored in.
        """
        place = out.device if out is not None else device
        theta = _at(self._base.get(name), place)
        terms = self.terms(name, place)
        alpha = self._recipe.alpha * self.weight(name)
        if terms and (out is None or out.dtype == self._dtype):
            return combine(theta, terms, alpha, dtype=self._dtype, out=out)
        result = combine(theta, terms, alpha, dtype=self._dtype) if terms else theta
        return result if out is None else out.copy_(result)

    def terms(self, name: str, device: torch.device | None = None) -> list[Difference]:
        """The terms of one tensor after all transforms; none where the vector does not touch it.

        Args:
            name: the base's name for it.
            device: where they are computed; the CPU if not given.
        """
        if not self.weight(name):
            return []
        source, shape = self._from.get(name, name), self._base.shape(name)
        # A saved delta may leave out what it does not change; the gate lets that pass only where its metadata says so.
        terms = [term for donors in self._donors if (term := donors.difference(source, shape, device))]
        if not self._recipe.steps:
            return terms
        other = self._other.difference(name, shape, device) if self._other else None
        return transformed(terms, self._recipe.steps, name, other.delta if other else None)

    def _sources(self) -> dict[str, str]:
        """Whose delta a tensor gets: its own, but for the null control that swaps layers."""
        sources: dict[str, str] = {}
        for step in self._recipe.steps:
            if step.name in TRANSFORMS and TRANSFORMS[step.name].given == "layers":
                shapes = {name: self._base.shape(name) for name in self._base.names}
                sources = TRANSFORMS[step.name].function(shapes, step.seed or 0)
        return sources


class _Donors:
    """The checkpoints of one term, open."""

    def __init__(self, term: RecipeTerm, forced: bool) -> None:
        plus = _open(term.plus, _open(term.plus_on) if term.plus_on else None)
        minus = _open(term.minus, _open(term.minus_on) if term.minus_on else None) if term.minus else None
        both = join(plus, minus)
        self._plus, self._minus, self._weight, self._forced = both.plus, both.minus, term.weight, forced

    def difference(self, name: str, shape: tuple[int, ...], device: torch.device | None) -> Difference | None:
        """The term of a tensor; None where the donors do not have it (or, forced, where it does not fit)."""
        plus, minus = self._plus, self._minus
        if name not in plus or (self._forced and not self._fits(name, shape)):
            return None
        taken = _at(minus.get(name), device) if minus else None
        return Difference(_at(plus.get(name), device), taken, self._weight)

    def _fits(self, name: str, shape: tuple[int, ...]) -> bool:
        return all(name in donor and donor.shape(name) == shape for donor in (self._plus, self._minus) if donor)


def tensors(recipe: Recipe) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, tensor) of a variant in the base's order of names; see `VariantTensors.read`."""
    source = VariantTensors(recipe)
    for name in source.names:
        yield name, source.read(name)


def _at(tensor: torch.Tensor, device: torch.device | None) -> torch.Tensor:
    return tensor if device is None else tensor.to(device, non_blocking=True)


def _open(path: str, on: Checkpoint | None = None) -> Donor:
    """A checkpoint, saved delta or adapter that stays open: its pages stay mapped from one swap to the next.

    Args:
        path: its folder or file.
        on: of an adapter, the model it was trained on, where that takes part.
    """
    there = Path(path)
    files = [there] if there.is_file() else [*there.glob("*.safetensors"), *there.glob("adapter_config.json")]
    stats = [(file.name, file.stat()) for file in sorted(files)]
    return _opened(path, tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats), on)


def forget() -> None:
    """Close the checkpoints that are kept open: the disk space of deleted ones is free only then."""
    _opened.cache_clear()


@lru_cache(maxsize=16)
def _opened(path: str, _: tuple[tuple[Any, ...], ...], on: Checkpoint | None) -> Donor:
    return open_donor(Path(path), on)
