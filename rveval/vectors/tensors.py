"""What transforms share: seeded draws, norms in float64, tensors as matrices.

Random numbers are drawn on the CPU and then moved, so that a GPU gets the same ones. They depend on the text of the
seed alone; within torch's promise that a generator's stream stays the same between releases and machines.
"""

from __future__ import annotations

import hashlib
from math import prod, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PIECE = 1 << 24
"""Entries that are taken to float64 at a time (128 MiB)."""


def generator(seed: str) -> torch.Generator:
    """A generator on the CPU, seeded by the sha256 of a text.

    >>> a, b = (generator("0:random:w:0").initial_seed() for _ in range(2))
    >>> a == b != generator("1:random:w:0").initial_seed()
    True
    """
    import torch

    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little") >> 1)


def normal(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Standard normal numbers: float32, of a tensor's shape, on its device."""
    import torch

    return torch.randn(tensor.shape, generator=generator).to(tensor.device)


def uniform(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Numbers in [0, 1) in steps of 2**-24: float32, of a tensor's shape, on its device."""
    import torch

    return torch.rand(tensor.shape, generator=generator).to(tensor.device)


def squares(tensor: torch.Tensor) -> float:
    """The sum of squares, in float64: float32 would lose small entries beside a large sum.

    The last digits may differ between numbers of threads, far below what is left when a tensor is rounded to float32.
    """
    import torch

    total = torch.zeros((), dtype=torch.float64, device=tensor.device)
    for piece in torch.split(tensor.reshape(-1), PIECE):
        doubles = piece.double()
        total += doubles.dot(doubles)
    return float(total)


def norm(tensor: torch.Tensor) -> float:
    """The L2 norm, in float64."""
    return sqrt(squares(tensor))


def as_matrix(tensor: torch.Tensor) -> torch.Tensor:
    """A view: the first dimension against all others together; a vector or a number is one column."""
    shape = tensor.shape or (1,)
    return tensor.reshape(shape[0], prod(shape[1:]))


def gram(tall: torch.Tensor) -> torch.Tensor:
    """A^T A in float64, on the tensor's device, of a matrix (rows, columns)."""
    import torch

    total = torch.zeros(tall.shape[1], tall.shape[1], dtype=torch.float64, device=tall.device)
    for rows in torch.split(tall, max(1, PIECE // max(tall.shape[1], 1))):
        doubles = rows.double()
        total.addmm_(doubles.T, doubles)
    return total
