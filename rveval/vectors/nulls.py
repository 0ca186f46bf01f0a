"""Null controls: each keeps something of every tensor of a vector and throws its meaning away.

    random    Gaussian numbers with the L2 norm of the tensor
    permute   its entries, in another order
    signs     its magnitudes at their places, with random signs
    other     another vector's tensor, with the norm of this one

Random numbers depend on the step's seed, the tensor's name and the term's number, and on nothing else: the same in
whatever order, process or pieces a tensor is built. `spectral` has the one that keeps singular values.
"""

from __future__ import annotations

from math import fsum, sqrt
from typing import TYPE_CHECKING

from rveval.vectors.blocks import BLOCK, by_blocks
from rveval.vectors.delta import Delta, another_shape
from rveval.vectors.draws import flip_signs, gaussians
from rveval.vectors.measures import sum_of_squares
from rveval.vectors.sparse import made
from rveval.vectors.steps import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from rveval.vectors.apply import Place


def random(delta: Delta, step: Step, place: Place) -> Delta:
    """A direction drawn from all directions of the tensor's space with equal chances, times the tensor's norm.

    Gaussian numbers (`draws` says how exactly) scaled to the norm. What they must be divided by is known before they
    are drawn: the sums of squares of whole blocks are drawn first, from their own distribution (chi-squared, by Wilson
    and Hilferty 1931, whose error is nothing at 2**18 degrees of freedom), and each block is scaled to its own, which
    leaves the distribution what it is. So the input is read once and every number is drawn once.
    """
    return Delta(
        delta.shape, delta.device, direction(delta, place.seed(step), place), made(step, delta.key, place.seed(step))
    )


def direction(delta: Delta, seed: str, place: Place) -> Callable[[int, torch.Tensor], None]:
    """The `fill` of a random direction with the delta's norm."""
    import torch

    norm = sqrt(sum_of_squares(delta, place.memo))
    whole, rest = divmod(delta.numel, BLOCK)
    wanted = _chi_squared(f"{seed}:blocks", whole, delta.device)
    last = torch.empty(rest, dtype=torch.float32, device=delta.device)
    if rest:
        gaussians(seed, whole * BLOCK, last)
        wanted.append(_squares(last))
    scale = norm / sqrt(fsum(wanted)) if wanted else 0.0

    def make(number: int, into: torch.Tensor) -> None:
        gaussians(seed, number * BLOCK, into)
        into.mul_(scale * sqrt(wanted[number] / _squares(into)))

    return by_blocks(delta.numel, BLOCK, make)


def _squares(numbers: torch.Tensor) -> float:
    """The sum of the squares of a block of Gaussian numbers: exact, so that no order of adding changes it."""
    if numbers.device.type == "cpu":
        from rveval.vectors import loops

        return loops.squares(numbers.numpy())
    import torch

    double = numbers.to(torch.float64)
    return float(double.dot(double))


def _chi_squared(seed: str, count: int, device: torch.device) -> list[float]:
    import torch

    drawn = torch.empty(count, dtype=torch.float32, device=device)
    gaussians(seed, 0, drawn)
    spread = 2 / (9 * BLOCK)
    return [BLOCK * (1 - spread + z * sqrt(spread)) ** 3 for z in drawn.tolist()]


def signs(delta: Delta, step: Step, place: Place) -> Delta:
    """Every entry times +1 or -1, drawn with equal chances: the magnitudes stay, bit for bit, at their places."""
    seed = place.seed(step)

    def fill(start: int, into: torch.Tensor) -> None:
        delta.fill(start, into)
        flip_signs(seed, start, into)

    return Delta(delta.shape, delta.device, fill, made(step, delta.key, seed))


def other(delta: Delta, step: Step, place: Place) -> Delta:
    """`place.other`, scaled so that the tensor has the norm of the input; zero where it is zero itself.

    Raises:
        Failed: the two differ in shape.
    """
    source = place.other
    assert source is not None
    if source.shape != delta.shape:
        raise another_shape(delta.shape, source.shape)
    norm, size = (sqrt(sum_of_squares(one, place.memo)) for one in (delta, source))
    scale = norm / size if size else 0.0

    def fill(start: int, into: torch.Tensor) -> None:
        source.fill(start, into)
        into.mul_(scale)

    return Delta(delta.shape, delta.device, fill, made(step, delta.key, source.key))
