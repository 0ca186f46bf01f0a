"""TIES on several terms, against the paper's three steps written with numpy in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_vectors_sparse import LARGE, check_pieces, kinds, largest_first, shapes, values

from rveval.errors import Failed
from rveval.vectors import Displacement, Memo, Place, combine, difference, transformed
from rveval.vectors.merge import ties
from rveval.vectors.steps import of

weights = st.sampled_from((1.0, 0.5, 2.0, -1.0, 0.25))


def by_the_paper(tensors: list[torch.Tensor], given: list[float], density: float) -> np.ndarray:
    """Trim, elect, merge. Weights are powers of two in the tests, so that no product is rounded in float32 either."""
    scaled = []
    for tensor, weight in zip(tensors, given, strict=True):
        flat = tensor.numpy().ravel().astype(np.float64)
        trimmed = np.zeros_like(flat)
        chosen = largest_first(tensor)[: max(1, int(density * flat.size))]
        trimmed[chosen] = flat[chosen]
        scaled.append(weight * trimmed)
    merged = np.zeros(tensors[0].numel())
    for place in range(merged.size):
        entries = [one[place] for one in scaled]
        elected = 1.0 if sum(np.float32(entry) for entry in entries) >= 0 else -1.0
        agree = [number for number, entry in enumerate(entries) if entry * elected > 0]
        if agree:
            merged[place] = sum(entries[n] for n in agree) / sum(abs(given[n]) for n in agree)
    return merged.reshape(tensors[0].shape)


@settings(deadline=None)
@given(
    shapes,
    kinds.filter(lambda kind: kind not in ("wide", "tiny")),
    st.lists(weights, min_size=1, max_size=4),
    st.sampled_from((0.01, 0.2, 0.5, 1.0)),
    st.integers(0, 2**20),
)
def test_trim_elect_merge(shape, kind, given, density, seed) -> None:
    tensors = [values(shape, kind, seed + number) for number in range(len(given))]
    terms = [Displacement(difference(t), weight) for t, weight in zip(tensors, given, strict=True)]
    (found,) = ties(terms, of("ties", density=density), Place("t"))
    assert found.weight == 1.0
    merged = check_pieces(found.delta, seed)
    np.testing.assert_allclose(merged.numpy(), by_the_paper(tensors, given, density), rtol=1e-5, atol=1e-6)


def test_a_vector_that_is_taken_away_stays_taken_away() -> None:
    added, taken = (difference(torch.tensor(numbers)) for numbers in ([1.0, 2.0, 0.0, 3.0], [2.0, -2.0, 5.0, 3.0]))
    (found,) = ties([Displacement(added), Displacement(taken, -1.0)], of("ties", density=1.0), Place("t"))
    # 1 against -2: minus is elected; 2 and 2 agree; only the second says something; 3 and -3: plus is elected.
    assert found.delta.whole().tolist() == [-2.0, 2.0, -5.0, 3.0]


def test_in_a_list_of_steps_all_terms_become_one() -> None:
    tensors = [values((LARGE,), "normal", seed) for seed in (1, 2, 3)]
    terms = [Displacement(difference(tensor), 0.5) for tensor in tensors]
    found = transformed(terms, [of("ties", density=0.2)], Place("t"))
    assert len(found) == 1
    whole = check_pieces(found[0].delta, 4)
    kept = sum(int((tensor != 0).sum()) for tensor in tensors)
    assert 0 < int((whole != 0).sum()) < 0.2 * kept
    base = torch.zeros(LARGE)
    assert torch.equal(combine(base, found, 1.0), whole)


def test_terms_of_other_shapes_and_no_terms() -> None:
    step = of("ties", density=0.5)
    assert ties([], step, Place("t")) == []
    with pytest.raises(Failed, match=r"\(2, 3\)"):
        ties([Displacement(difference(torch.ones(shape))) for shape in ((6,), (2, 3))], step, Place("t"))


def test_the_key_names_terms_and_weights() -> None:
    def key(names: str, weight: float = 1.0, memo: Memo | None = None) -> str:
        terms = [Displacement(difference(values((9,), "normal", 1), key=name), weight) for name in names]
        (found,) = ties(terms, of("ties", density=0.5), Place("t", memo=memo or Memo()))
        return found.delta.key

    assert key("ab") == key("ab") != ""
    assert len({key("ab"), key("ac"), key("a"), key("ab", 2.0)}) == 4
    terms = [Displacement(difference(values((9,), "normal", 1), key=name)) for name in ("a", "")]
    assert ties(terms, of("ties", density=0.5), Place("t"))[0].delta.key == ""
