"""Tensors like the differences of checkpoints, shapes of all kinds, and a transform by name, for tests of `vectors`."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st

from rveval.vectors import Difference, Step, transformed

shapes = st.one_of(
    st.just(()),
    st.just((0,)),
    st.just((3, 0, 2)),
    st.tuples(st.integers(1, 200)),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
)
KINDS = ("normal", "few values", "mostly zero", "one value", "zero", "wide", "tiny")
kinds = st.sampled_from(KINDS)


def values(shape: tuple[int, ...], kind: str = "normal", seed: int = 0) -> torch.Tensor:
    """Numbers of a kind that differences of checkpoints have."""
    random = np.random.default_rng(seed)
    normal = random.standard_normal(shape)
    drawn = {
        "normal": normal,
        "few values": random.integers(-3, 4, shape) * 2.0**-9,
        "mostly zero": np.where(random.random(shape) < 0.9, 0.0, random.integers(-2, 3, shape) * 2.0**-9),
        "one value": np.sign(normal) * 0.25,
        "zero": normal * 0.0,
        "wide": normal * 2.0 ** random.integers(-100, 100, shape),
        "tiny": random.integers(-3, 4, shape) * 2.0**-149,
    }[kind]
    return torch.from_numpy(np.asarray(drawn, dtype=np.float32))


def apply(
    name: str,
    delta: torch.Tensor,
    seed: int = 0,
    *,
    tensor: str = "w",
    term: int = 0,
    other: torch.Tensor | None = None,
    **parameters: float,
) -> torch.Tensor:
    """What a transform makes of a tensor, as the term of this number."""
    before = delta.clone()
    (*_, changed) = transformed([Difference(delta)] * (term + 1), [Step.of(name, seed, **parameters)], tensor, other)
    assert torch.equal(delta.nan_to_num(), before.nan_to_num()), "the input is not written to"
    assert changed.minus is None
    assert changed.plus.shape == delta.shape
    assert changed.plus.dtype == torch.float32
    return changed.plus
