"""Transforms in a live engine: hot equals a cold load of the merged checkpoint, to the last digit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from engines import CONFIG, Models, ask

from rveval.engine.vllm import VllmEngine
from rveval.recipe import Recipe, RecipeTerm, tensors
from rveval.vectors import TRANSFORMS, Step

GIVEN: dict[str, dict[str, float]] = {
    "trim": {"density": 0.3},
    "dare": {"density": 0.5},
    "ties": {"density": 0.5},
    "breadcrumbs": {"density": 0.4, "gamma": 0.05},
    "della": {"density": 0.5, "epsilon": 0.2},
    "rank": {"rank": 3},
    "clip": {"cap": 1.5},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models.make(tmp_path_factory.mktemp("transforms"))


def variant(models: Models, *names: str, **other: object) -> Recipe:
    """The plain variant with transforms; `ties` gets a second vector, `other` another one."""
    plain = models.variant(0.9)
    second = RecipeTerm(str(models.minus), str(models.base), 0.5, "second", "base")
    return replace(
        plain,
        terms=(*plain.terms, second) if "ties" in names else plain.terms,
        steps=tuple(Step.of(name, 4, **GIVEN.get(name, {})) for name in names),
        other=second if "other" in names else None,
        **other,  # type: ignore[arg-type]
    )


def hot_is_cold(models: Models, recipes: list[Recipe]) -> None:
    log = models.place / "engine.log"
    cold = [models.cold(recipe, log) for recipe in recipes]
    live = VllmEngine(models.variant().as_base(), CONFIG, log)
    try:
        base = ask(live)
        hot = []
        for recipe in recipes:
            live.swap(recipe)
            hot.append(ask(live))
            live.swap(recipe.as_base())
            assert ask(live) == base
    finally:
        live.close()
    assert hot == cold
    assert len({str(found) for found in [base, *hot]}) == len(recipes) + 1  # each says something else


def test_hot_is_cold_for_transforms_in_a_row_and_for_parts_of_the_model(models: Models) -> None:
    hot_is_cold(
        models,
        [
            variant(models, "trim", "random"),
            variant(models, "swap_layers", kinds=("attention", "mlp"), layers=(0, 2), ramp=(0.5, 1.5)),
        ],
    )


@pytest.mark.slow
def test_hot_is_cold_for_every_transform(models: Models) -> None:
    hot_is_cold(models, [variant(models, name) for name in TRANSFORMS])


@pytest.mark.parametrize("name", list(TRANSFORMS))
def test_a_transform_is_the_same_every_time_and_unlike_the_plain_vector(models: Models, name: str) -> None:
    first = dict(tensors(variant(models, name)))
    again = dict(tensors(variant(models, name)))
    assert all(first[tensor].equal(again[tensor]) for tensor in first)
    for other in (variant(models, name).as_base(), replace(variant(models, name), steps=())):
        unlike = dict(tensors(other))
        assert sum(not first[tensor].equal(unlike[tensor]) for tensor in first) > len(first) / 2


def test_the_folder_is_not_part_of_a_variant(models: Models, tmp_path: Path) -> None:
    """Random numbers come from the seed and the tensor's name, so that a variant is the same wherever it is built."""
    from shutil import copytree

    moved = Models(tmp_path, *(copytree(getattr(models, n), tmp_path / n) for n in ("base", "plus", "minus")))
    here, there = (dict(tensors(variant(one, "dare", "permute"))) for one in (models, moved))
    assert all(here[name].equal(there[name]) for name in here)
