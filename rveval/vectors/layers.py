"""Which layer gets which other layer's part of a vector: names and shapes alone, no tensor is read."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from rveval.vectors.scopes import LAYER

Layer = tuple[str, str]
"""What stands before the number of a layer, and the number: a model may have several stacks of layers."""


def swapped(names_and_shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, str]:
    """For every tensor the one whose delta it gets.

    Layers that have the same tensors with the same shapes exchange all their tensors: one derangement of them, drawn by
    the seed with equal chances, so that no layer keeps its own. A layer that has no equal, and what belongs to no
    layer, keeps its own.

    Args:
        names_and_shapes: all tensors of a vector that may be exchanged.
        seed: draws the derangement.

    Returns:
        name -> name, a bijection of the names given.
    """
    layers: dict[Layer, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for name, shape in names_and_shapes.items():
        if found := LAYER.search(name):
            layers[name[: found.start(1)], found[1]][name[found.end(1) :]] = shape
    alike: dict[tuple[str, frozenset[tuple[str, tuple[int, ...]]]], list[Layer]] = defaultdict(list)
    for layer, tensors in layers.items():
        alike[layer[0], frozenset(tensors.items())].append(layer)
    result = {name: name for name in names_and_shapes}
    for group in alike.values():
        order = sorted(group, key=lambda layer: (int(layer[1]), layer[1]))
        for (before, number), (_, source) in zip(order, deranged(order, seed), strict=True):
            result |= {f"{before}{number}{rest}": f"{before}{source}{rest}" for rest in layers[before, number]}
    return result


def deranged(layers: Sequence[Layer], seed: int) -> list[Layer]:
    """The layers in an order in which none stands where it stood, every such order equally likely; one stays alone."""
    attempt, order = 0, list(layers)
    while len(layers) > 1 and any(one == other for one, other in zip(layers, order, strict=True)):
        # A hash and not a library's shuffle: the same order in every version of everything.
        drawn = {layer: hashlib.sha256(f"{seed}:{attempt}:{'.'.join(layer)}".encode()).digest() for layer in layers}
        order = sorted(layers, key=drawn.__getitem__)
        attempt += 1
    return order
