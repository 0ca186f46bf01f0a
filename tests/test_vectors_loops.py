"""The loops a processor runs, against torch's operations that a GPU runs and against numpy: the same to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
from math import inf

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_vectors_sparse import kinds, values

from rveval.vectors import difference, draws, merge, nulls, permute, thresholds
from rveval.vectors.blocks import BLOCK
from rveval.vectors.delta import RUN

CPU = torch.device("cpu")
sizes = st.integers(0, 70)


@settings(deadline=None)
@given(st.integers(0, 2**40), sizes, st.integers(0, 9))
@example(2**31 - 3, 9, 0)
def test_gaussians(start: int, size: int, seed: int) -> None:
    one, other = torch.empty(size), torch.empty(size)
    draws.gaussians(f"{seed}", start, one)
    draws._looked_up(f"{seed}", start, draws._quantiles(CPU), other)
    assert torch.equal(one, other)


@settings(deadline=None)
@given(sizes, st.integers(0, 9))
@example(BLOCK, 0)
def test_squares_of_gaussians(size: int, seed: int) -> None:
    drawn = torch.empty(size)
    draws.gaussians(f"{seed}", 0, drawn)
    assert nulls._squares(drawn) == float(drawn.double().square().sum())


finite = st.floats(width=32, allow_nan=False)


@settings(deadline=None)
@given(
    st.lists(st.one_of(finite, st.just(float("nan")), st.sampled_from((0.0, -0.0, 1.0, inf))), max_size=70), st.data()
)
def test_a_survey(entries: list[float], data: st.DataObject) -> None:
    piece = torch.tensor(entries, dtype=torch.float32)
    border = st.one_of(st.sampled_from([abs(one) for one in entries if one == one] or [0.0]), finite.map(abs))
    edges = sorted(data.draw(st.lists(border, min_size=1, max_size=4)))
    inner = (edges[0], edges[-1])
    counted, collected = thresholds.surveyed(piece, edges, inner, np.empty(len(entries) + 1, np.float32))
    by_torch, selected = thresholds._surveyed(piece, edges, inner)
    assert counted == by_torch == [sum(abs(one) >= np.float32(edge) for one in piece.tolist()) for edge in edges]
    assert collected.tolist() == selected.tolist()


@settings(deadline=None)
@given(
    st.lists(st.sampled_from((1.0, 0.5, -1.0, 0.3, 0.0)), min_size=1, max_size=5), sizes, kinds, st.integers(0, 2**20)
)
@example([1.0, 0.5], 3000, "few values", 1)
def test_an_election(weights: list[float], size: int, kind: str, seed: int) -> None:
    parts = torch.stack([values((size + 3,), kind, seed + number) for number in range(len(weights))])
    one, other = torch.full((size,), 7.0), torch.full((size,), 7.0)
    merge.elect(parts.clone(), weights, one)
    merge._elected(parts.clone()[:, :size], weights, other)
    assert torch.equal(one, other)


def test_an_election_does_not_lose_a_nan() -> None:
    found = torch.empty(2)
    merge.elect(torch.tensor([[float("nan"), 1.0], [1.0, 1.0]]), [1.0, 1.0], found)
    assert found.isnan().tolist() == [True, False]


@pytest.mark.parametrize("size", [0, 1, 2, 511, 4096, BLOCK - 1, BLOCK])
def test_an_order_of_places(size: int) -> None:
    shared = permute.shuffled("s", BLOCK, CPU)
    entries = torch.arange(size, dtype=torch.float32)
    one, other = torch.empty(size), torch.empty(size)
    for drawn in ((3, 5, 7), (-1, -(2**63), 2**63 - 1)):
        permute.reorder(entries, shared, drawn, one)
        low = BLOCK - 1
        permute._reordered(entries, shared, (drawn[0] & low | 1, drawn[1] & low | 1, drawn[2] & low), other)
        assert torch.equal(one, other)
        assert torch.equal(one.sort().values, entries)


@pytest.mark.parametrize("dtypes", [("bfloat16", "bfloat16"), ("bfloat16", "float32"), ("float16", "float16")], ids=str)
def test_runs_that_are_taken_are_those_that_are_read(dtypes: tuple[str, str]) -> None:
    plus, minus = (values((7 * RUN + 5,), "normal", n).to(getattr(torch, dtype)) for n, dtype in enumerate(dtypes))
    delta, runs = difference(plus, minus), torch.tensor([6, 0, 3, 3], dtype=torch.int32)
    assert delta.take is not None
    found = torch.empty(len(runs) * RUN)
    delta.take(runs, found)
    assert torch.equal(found, torch.cat([delta.whole()[run * RUN : run * RUN + RUN] for run in runs.tolist()]))


def test_loops_are_compiled_where_nothing_can_be_kept() -> None:
    code = (
        "import torch; from rveval.vectors import draws; t = torch.empty(3); draws.gaussians('a', 0, t); print(t.sum())"
    )
    nowhere = {**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator"}
    done = subprocess.run([sys.executable, "-c", code], env=nowhere, capture_output=True, text=True, check=True)
    expected = torch.empty(3)
    draws.gaussians("a", 0, expected)
    assert done.stdout.strip() == str(expected.sum())


def test_vllm_finds_no_kernel_in_llvmlite() -> None:
    """What its scan does at its start; the engine's tests start it for real after loops were compiled."""
    from llvmlite.binding import ffi

    import rveval.vectors.loops  # noqa: F401

    assert vars(ffi.lib).get("kernel") is None
