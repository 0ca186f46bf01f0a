"""How far the cosine of a sample may be from the truth: never as far as the limit from siblings or strangers."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from rveval.checkpoints import TINY, Checkpoint, lineage, open_checkpoint

FAMILY = ("instruct", "base", "sft", "grpo", "order-grpo", "base-foreign", "sft-foreign", "grpo-foreign")


def matrices(checkpoint: Checkpoint) -> list[str]:
    return [n for n in checkpoint.names if len(checkpoint.shape(n)) == 2 and ".layers." in n]


def whole(one: Checkpoint, other: Checkpoint) -> float:
    """The cosine over all entries."""
    a, b = (torch.cat([c.get(n).double().flatten() for n in matrices(one)]) for c in (one, other))
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


def test_a_sample_of_the_tiny_family_says_what_all_entries_say() -> None:
    opened = {name: open_checkpoint(TINY / name) for name in FAMILY}
    count = sum(min(4096, math.prod(opened["base"].shape(n))) for n in matrices(opened["base"]))
    for one, other in itertools.combinations(FAMILY, 2):
        truth, found = whole(opened[one], opened[other]), lineage.cosine(opened[one], opened[other])
        strangers = ("foreign" in one) != ("foreign" in other)
        # The standard error of a cosine c over n entries is about (1 - c^2) / sqrt(n).
        assert abs(found - truth) < 4 * (1 - truth**2) / math.sqrt(count) + 1e-3, (one, other)
        assert (found < lineage.UNRELATED) == strangers
        assert found < 0.02 or found > 0.99


class Made:
    """A checkpoint of float32 matrices of one shape, in the layers of a model."""

    def __init__(self, tensors: list[np.ndarray[Any, np.dtype[np.float32]]]) -> None:
        self.tensors = {f"model.layers.{number}.mlp.up_proj.weight": one for number, one in enumerate(tensors)}
        self.names = tuple(self.tensors)

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].shape

    def array(self, name: str, start: int, count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        return self.tensors[name].reshape(-1)[start : start + count].astype(np.float32)


def scaled(rng: np.random.Generator, spread: float, shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What rows and columns are multiplied by: few of them far larger than the others."""
    rows, columns = (np.exp(spread * rng.standard_normal(size)) for size in shape)
    return np.outer(rows, columns).astype(np.float32)


@pytest.mark.parametrize("spread", [0.0, 0.7])
@pytest.mark.parametrize("moved", [0.05, 0.5])
def test_no_verdict_flips_where_rows_and_columns_differ_widely(spread: float, moved: float) -> None:
    """Strangers whose outliers lie in the same rows and columns, and siblings that moved by up to half their norm."""
    shape, depth = (96, 128), 24
    for seed in range(20):
        rng = np.random.default_rng(seed)
        scales = [scaled(rng, spread, shape) for _ in range(depth)]
        start, stranger, way = (
            [one * rng.standard_normal(shape).astype(np.float32) for one in scales] for _ in range(3)
        )
        sibling = [a + moved * b for a, b in zip(start, way, strict=True)]
        base: Any = Made(start)
        related = lineage._cosine(base, Made(sibling))  # type: ignore[arg-type]
        unrelated = lineage._cosine(base, Made(stranger))  # type: ignore[arg-type]
        assert related == pytest.approx(1 / math.sqrt(1 + moved**2), abs=0.05)
        assert related > 0.8
        assert abs(unrelated) < lineage.UNRELATED / 2
