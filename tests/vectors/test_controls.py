"""Null controls against brute force: what each keeps, what it forgets, and what its draws depend on."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tensorcases import apply, shapes, values

from rveval.errors import Failed
from rveval.vectors.controls import swap_layers
from rveval.vectors.tensors import squares

DRAWN = ("random", "permute", "signs")
SIZES = (0, 1, 2, 15, 16, 17, 1000, (1 << 18) + 77)


def norm(tensor: torch.Tensor) -> float:
    return float(tensor.double().square().sum().sqrt())


@pytest.mark.parametrize("size", SIZES)
def test_what_each_keeps_at_all_sizes(size: int) -> None:
    delta = values((size,))
    assert norm(apply("random", delta)) == pytest.approx(norm(delta), rel=3e-7)
    assert torch.equal(apply("signs", delta).abs(), delta.abs())
    assert torch.equal(apply("permute", delta).sort().values, delta.sort().values)


@given(shapes, st.integers(0, 99))
def test_what_each_keeps_in_all_shapes(shape: tuple[int, ...], seed: int) -> None:
    delta = values(shape, seed=seed)
    assert norm(apply("random", delta, seed)) == pytest.approx(norm(delta), rel=1e-6)
    assert torch.equal(apply("signs", delta, seed).abs(), delta.abs())
    assert torch.equal(apply("permute", delta, seed).view(-1).sort().values, delta.view(-1).sort().values)


@pytest.mark.parametrize("name", [*DRAWN, "spectrum", "dare", "della"])
def test_seeds_tensors_and_terms_draw_their_own(name: str) -> None:
    delta, number = values((50, 60)), {"density": 0.5}
    places = [{"seed": 0}, {"seed": 1}, {"tensor": "v"}, {"term": 1}]
    drawn = [apply(name, delta, **place, **number) for place in places]  # type: ignore[arg-type]
    again = [apply(name, delta, **place, **number) for place in reversed(places)]  # type: ignore[arg-type]
    assert all(torch.equal(one, other) for one, other in zip(drawn, reversed(again), strict=True))
    assert not any(torch.equal(one, other) for one, other in itertools.combinations([delta, *drawn], 2))
    if name in DRAWN:
        cosines = torch.corrcoef(torch.stack([delta.view(-1), *(one.view(-1) for one in drawn)])) - torch.eye(5)
        assert float(cosines.abs().max()) < 5 * 3**0.5 / 3000**0.5


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_of_the_direction_is_left(name: str) -> None:
    before = values((350_000,))
    after = apply(name, before).double()
    # Of signs, the products are squares: their spread is the root of the fourth moment, which is 3 for these.
    assert abs(float(before.double() @ after) / norm(before) / norm(after)) < 5 * 3**0.5 / 350_000**0.5


@pytest.mark.parametrize("name", [*DRAWN, "other", "spectrum"])
def test_zeros_stay_zeros_and_layout_does_not_matter(name: str) -> None:
    assert not bool(apply(name, torch.zeros(70, 10), other=values((70, 10))).count_nonzero())
    turned, other = values((40, 30)).T, values((30, 40), seed=4)
    assert torch.equal(apply(name, turned, other=other), apply(name, turned.contiguous(), other=other))


def test_random_is_gaussian_and_has_no_pattern() -> None:
    size = 800_000
    drawn = apply("random", torch.ones(size)).double()
    assert stats.kstest(drawn.numpy(), "norm").pvalue > 1e-3
    for lag in (1, 2, 8, 16, 64):
        assert abs(float((drawn[lag:] * drawn[:-lag]).mean())) < 4.5 / (size - lag) ** 0.5


def test_small_tensors_get_every_direction() -> None:
    drawn = torch.stack([apply("random", torch.tensor([3.0, 4.0]), seed) for seed in range(2000)]).double()
    assert torch.allclose(drawn.norm(dim=1), torch.tensor(5.0).double())
    angles = torch.atan2(drawn[:, 0], drawn[:, 1]) / (2 * torch.pi) + 0.5
    assert stats.kstest(angles.numpy(), "uniform").pvalue > 1e-3


def test_permute_sends_each_to_each_equally_often() -> None:
    size, rounds = 12, 3000
    table = torch.zeros(size, size)
    for seed in range(rounds):
        table[torch.arange(size), apply("permute", torch.arange(size).float(), seed).long()] += 1
    assert stats.chi2.sf(float(((table - rounds / size) ** 2 / (rounds / size)).sum()), (size - 1) ** 2) > 1e-4


@given(shapes, st.integers(0, 99))
def test_other_has_the_norm_and_its_own_direction(shape: tuple[int, ...], seed: int) -> None:
    delta, other = values(shape, seed=seed), values(shape, seed=seed + 50)
    factor = norm(delta) / norm(other) if norm(other) else 0.0
    assert torch.allclose(apply("other", delta, other=other).double(), other.double() * factor, rtol=1e-6, atol=0)


def test_other_that_is_zero_or_missing_or_of_another_shape() -> None:
    delta = values((8, 4))
    for other in (torch.zeros(8, 4), None):
        assert not bool(apply("other", delta, other=other).count_nonzero())
    with pytest.raises(Failed, match=r"\(8, 4\)"):
        apply("other", delta, other=values((4, 8)))


def test_what_is_not_finite_stays_visible() -> None:
    delta = torch.tensor([1.0, torch.nan, 3.0])
    assert bool(apply("random", delta).isnan().all())
    for name, parameters in (("signs", {}), ("permute", {}), ("trim", {"density": 0.4})):
        assert int(apply(name, delta, **parameters).isnan().sum()) == 1


@pytest.mark.parametrize("size", [*SIZES, (1 << 24) + 5])
def test_sums_of_squares_are_those_of_float64(size: int) -> None:
    tensor = torch.full((size,), 1.1e-25)
    assert squares(tensor) == pytest.approx(size * float(tensor[:1].double().square().sum()), rel=1e-12)


def model(layers: int, prefix: str = "model.layers.", width: int = 4) -> dict[str, tuple[int, ...]]:
    parts = {"self_attn.q_proj.weight": (width, width), "mlp.experts.7.up.weight": (width, 2), "norm.weight": (width,)}
    return {f"{prefix}{number}.{part}": shape for number in range(layers) for part, shape in parts.items()}


@given(st.integers(2, 30), st.integers(0, 1000))
def test_no_layer_keeps_its_own(layers: int, seed: int) -> None:
    names = model(layers) | {"model.embed_tokens.weight": (9, 4), "lm_head.weight": (9, 4)}
    sources = swap_layers(names, seed)
    assert sources.keys() == names.keys()
    assert sorted(sources.values()) == sorted(names)
    assert all(names[source] == names[name] for name, source in sources.items())
    layer_of: dict[str, set[str]] = {}
    for name, source in sources.items():
        if ".layers." in name:
            assert name.split(".", 3)[3] == source.split(".", 3)[3]
            layer_of.setdefault(name.split(".")[2], set()).add(source.split(".")[2])
    assert all(len(others) == 1 and number not in others for number, others in layer_of.items())
    assert sources["lm_head.weight"] == "lm_head.weight"
    assert sources == swap_layers(dict(reversed(names.items())), seed)


def test_every_derangement_is_drawn() -> None:
    names = {f"h.{number}.w": (2,) for number in range(4)}
    drawn = Counter(tuple(swap_layers(names, seed).values()) for seed in range(1800))
    assert len(drawn) == 9
    assert stats.chisquare(list(drawn.values())).pvalue > 1e-4


def test_layers_of_other_shapes_and_stacks_stay_apart() -> None:
    wide = {name.replace("layers.", "layers.1", 1): shape for name, shape in model(2, width=6).items()}
    vision = model(3, "vision.blocks.")
    sources = swap_layers(model(2) | wide | vision | {"model.layers.99.only.weight": (1,)}, 0)
    assert sources["model.layers.0.norm.weight"] == "model.layers.1.norm.weight"
    assert sources["model.layers.10.norm.weight"] == "model.layers.11.norm.weight"
    assert sources["model.layers.99.only.weight"] == "model.layers.99.only.weight"
    assert all(sources[name] in vision and sources[name] != name for name in vision)
