"""Null controls: each keeps something of every tensor of a vector and throws its meaning away."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rveval.vectors.registry import transform
from rveval.vectors.scopes import LAYER
from rveval.vectors.tensors import as_matrix, gram, norm, normal, uniform

if TYPE_CHECKING:
    import torch


@transform("Gaussian numbers with the norm of every tensor", version=2, null=True, draws=True, norm_only=True)
def random(delta: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A direction drawn from all directions of the tensor's space with equal chances, times the tensor's L2 norm."""
    drawn = normal(delta, generator)
    return drawn.mul_(norm(delta) / (norm(drawn) or 1.0))


@transform("the entries of every tensor in another order", version=2, null=True, draws=True)
def permute(delta: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Every entry once, in an order drawn from all with equal chances."""
    import torch

    order = torch.randperm(delta.numel(), generator=generator).to(delta.device)
    return delta.reshape(-1)[order].view(delta.shape)


@transform("every entry with a random sign", version=2, null=True, draws=True)
def signs(delta: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Every entry times +1 or -1, drawn with equal chances: the magnitudes stay, bit for bit, at their places."""
    return delta.where(uniform(delta, generator) < 0.5, -delta)


@transform("the singular values of every matrix in random bases", version=2, null=True, draws=True)
def spectrum(delta: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Q diag(sigma) V^T with the singular values of the matrix and both bases drawn from all with equal chances (Haar).

    A tensor of more dimensions is the matrix of its first one against all others. A vector, a number and a matrix of
    one row or column get a random direction: their only singular value is the norm.

    The basis of the longer side is Q = G R^-1 of a Gaussian G with G^T G = R^T R (Mezzadri 2007, "How to generate
    random matrices from the classical compact groups", section 5), so that the result is G (R^-1 diag(sigma) V^T).
    """
    import torch

    matrix = as_matrix(delta)
    wide = matrix.shape[0] < matrix.shape[1]
    tall = matrix.T if wide else matrix
    rows, columns = tall.shape
    if columns <= 1:
        return random(delta, generator)
    sigma = _singular_values(tall)
    right = _haar(torch.randn(columns, columns, generator=generator).double().to(delta.device))
    drawn = torch.randn(rows, columns, generator=generator).to(delta.device)
    scaled = sigma[:, None] * right.T
    if rows < 2 * columns:  # G may be close to singular
        made = (_haar(drawn.double()) @ scaled).float()
    else:
        upper = torch.linalg.cholesky(gram(drawn), upper=True)
        made = drawn @ torch.linalg.solve_triangular(upper, scaled, upper=True).float()
    return (made.T if wide else made).reshape(delta.shape)


def _singular_values(tall: torch.Tensor) -> torch.Tensor:
    """From the largest to the smallest, float64; NaN where an entry is not finite, which eigenvalues would not bear."""
    import torch

    products = gram(tall)
    if not bool(products.isfinite().all()):
        return torch.full((len(products),), torch.nan, dtype=torch.float64, device=tall.device)
    values: torch.Tensor = torch.linalg.eigvalsh(products)
    return values.clamp_min(0).sqrt().flip(0)


def _haar(drawn: torch.Tensor) -> torch.Tensor:
    """The orthonormal columns of a Gaussian matrix, signs as those of R's diagonal: all bases equally likely."""
    import torch

    basis, upper = torch.linalg.qr(drawn)
    signed: torch.Tensor = basis * upper.diagonal().sign()
    return signed


@transform("every layer gets another layer's part", null=True, draws=True, given="layers")
def swap_layers(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, str]:
    """For every tensor the one whose delta it gets.

    Layers that have the same tensors with the same shapes exchange all their tensors: one derangement of them, drawn by
    the seed with equal chances, so that no layer keeps its own. A layer that has no equal, and what belongs to no
    layer, keeps its own.

    Args:
        shapes: of all tensors that may be exchanged, by name.
        seed: draws the derangement.

    Returns:
        name -> name, a bijection of the names given.
    """
    layers: dict[tuple[str, str], dict[str, tuple[int, ...]]] = defaultdict(dict)
    for name, shape in shapes.items():
        if found := LAYER.search(name):
            layers[name[: found.start(1)], found[1]][name[found.end(1) :]] = shape
    alike: dict[tuple[str, frozenset[tuple[str, tuple[int, ...]]]], list[tuple[str, str]]] = defaultdict(list)
    for layer, tensors in layers.items():
        alike[layer[0], frozenset(tensors.items())].append(layer)
    result = {name: name for name in shapes}
    for group in alike.values():
        order = sorted(group, key=lambda layer: (int(layer[1]), layer[1]))
        for (before, number), (_, source) in zip(order, _deranged(order, seed), strict=True):
            result |= {f"{before}{number}{rest}": f"{before}{source}{rest}" for rest in layers[before, number]}
    return result


def _deranged(layers: Sequence[tuple[str, str]], seed: int) -> list[tuple[str, str]]:
    """The layers in an order in which none stands where it stood, every such order equally likely; one stays alone."""
    attempt, order = 0, list(layers)
    while len(layers) > 1 and any(layer == other for layer, other in zip(layers, order, strict=True)):
        # A hash and not a library's shuffle: the same order in every version of everything.
        drawn = {layer: hashlib.sha256(f"{seed}:{attempt}:{'.'.join(layer)}".encode()).digest() for layer in layers}
        order = sorted(layers, key=drawn.__getitem__)
        attempt += 1
    return order


@transform("another vector, scaled to the norm of every tensor", null=True, given="other", norm_only=True)
def other(delta: torch.Tensor, another: torch.Tensor) -> torch.Tensor:
    """The other vector's tensor, scaled so that it has the norm of this one; zero where it is zero itself."""
    return another * (norm(delta) / (norm(another) or 1.0))
