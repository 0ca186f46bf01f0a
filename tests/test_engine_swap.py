"""The hot swap on a tied Qwen2: equal to a cold load to the last digit, and wrong without the steps that make it so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tinymodels
from engines import CONFIG, TEXTS, Asked, Models, ask, once

from rveval.engine import Answer, Engine, Request
from rveval.engine.proof import METHODS
from rveval.engine.vllm import VllmEngine
from rveval.errors import Failed
from rveval.recipe import Recipe, RecipeTerm

HEAD_STEPS = {
    "reload": ("rveval.engine.plugin.worker.refresh_tied_heads", lambda model: None),
    "in_place": ("rveval.engine.plugin.inplace._sharing", lambda model: {}),
}
"""What makes a tied head speak with the new weights, for each way to swap, and what it is when taken out."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models.make(tmp_path_factory.mktemp("tied"))


@pytest.fixture(scope="module")
def log(models: Models) -> Path:
    return models.place / "engine.log"


def long_prompt(engine: Engine, blocks: int = 3) -> tuple[int, ...]:
    """A prompt of several cache blocks and a bit more."""
    size = engine._llm.llm_engine.vllm_config.cache_config.block_size  # type: ignore[attr-defined]
    text = engine.tokenizer.encode(" ".join(TEXTS) * 40)
    assert len(text) > blocks * size + 5
    assert blocks * size + 40 < engine.max_model_len
    return tuple(text[: blocks * size + 5])


def ask_long(engine: Engine) -> list[Answer]:
    return engine.generate([Request(long_prompt(engine), 24)])


def several(models: Models) -> Recipe:
    """Two terms with weights, one of them without a minus, on a part of the model."""
    terms = (
        RecipeTerm(str(models.plus), str(models.base), 0.5, "plus", "base"),
        RecipeTerm(str(models.minus), None, -0.25, "minus", None),
    )
    return models.variant(1.3, terms=terms, scope=(r"layers\.0\.", "embed"))


@pytest.fixture(scope="module")
def cold(models: Models, log: Path) -> dict[str, Any]:
    """What fresh engines say that read merged checkpoints: `variant`, `long` (the long prompt), `several`; and what one
    says that was started on the recipe itself, with rveval's loader: `fresh`, and `written`, what that left on disk.

    All before the live engine, so that no two are in this process together."""
    engine = VllmEngine(models.merged(models.variant()), CONFIG, log, load_format="auto")
    try:
        found: dict[str, Any] = {"variant": ask(engine), "long": ask_long(engine)}
    finally:
        engine.close()
    found["several"] = models.cold(several(models), log)
    before = set(models.place.rglob("*"))
    found["fresh"] = once(VllmEngine(models.variant(), CONFIG, log))
    found["written"] = set(models.place.rglob("*")) - before
    found["with_head"] = swapped_onto_a_saved_head(models, log)
    return found


def swapped_onto_a_saved_head(models: Models, log: Path) -> Asked:
    """The variant, hot, where the tied base was saved with its head as a tensor; what is asked of it."""
    saved = tinymodels.sibling(models.base, models.place / "with_head")
    named = tinymodels.tensors(saved)
    tinymodels.write(saved, {**named, "lm_head.weight": named["model.embed_tokens.weight"].clone()})
    recipe = replace(models.variant(), base=str(saved))
    engine = VllmEngine(recipe.as_base(), CONFIG, log)
    try:
        engine.swap(recipe)
        return ask(engine)
    finally:
        engine.close()


@pytest.fixture(scope="module", params=METHODS)
def live(request: pytest.FixtureRequest, models: Models, log: Path, cold: object) -> Iterator[VllmEngine]:
    """One engine for all swaps of a way to swap."""
    engine = VllmEngine(models.variant().as_base(), CONFIG, log, method=request.param)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def base(live: VllmEngine, models: Models) -> Asked:
    live.swap(models.variant().as_base())
    return ask(live)


@pytest.fixture
def no_head_step(live: VllmEngine, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(*HEAD_STEPS[live._method])
    return monkeypatch


@pytest.fixture
def no_cache_reset(live: VllmEngine, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(live._llm, "reset_prefix_cache", lambda *_: True)
    return monkeypatch


def test_a_hot_swap_equals_a_cold_load(live, base, cold, models) -> None:
    seconds = live.swap(models.variant())
    hot = ask(live)
    assert hot == cold["variant"]
    assert hot != base
    assert live.recipe == models.variant()
    assert seconds > 0


def test_a_tied_base_that_was_saved_with_its_head_is_swapped_like_one_without(cold) -> None:
    assert cold["with_head"] == cold["variant"]


def test_back_to_the_base_after_other_alphas(live, base, models) -> None:
    for alpha in (1.0, -2.0, 0.3):
        live.swap(models.variant(alpha))
        assert ask(live) != base
    live.swap(models.variant(0.0))
    assert ask(live) == base


def test_a_variant_does_not_depend_on_what_came_before(live, cold, models) -> None:
    for before in (models.variant(-2.0), several(models), models.variant()):
        live.swap(before)
        live.swap(models.variant())
        assert ask(live) == cold["variant"]


def test_several_terms_and_a_scope(live, cold, models) -> None:
    live.swap(several(models))
    assert ask(live) == cold["several"]


def test_a_fresh_start_builds_the_same_variant(cold) -> None:
    """The loader under vLLM's plugin entry point, with nothing written to disk."""
    assert cold["fresh"] == cold["variant"]
    assert not cold["written"]


# --- without the steps that make it so (a wrong answer here is what the step prevents) ---


def test_without_the_head_step_a_tied_model_speaks_with_the_old_voice(live, cold, models, no_head_step) -> None:
    live.swap(models.variant().as_base())
    live.swap(models.variant())
    assert ask(live) != cold["variant"]
    no_head_step.undo()
    live.swap(models.variant())
    assert ask(live) == cold["variant"]


def test_without_the_cache_reset_old_weights_answer_shared_prefixes(live, cold, models, no_cache_reset) -> None:
    live.swap(models.variant(-2.0))
    other = ask_long(live)
    assert other != cold["long"]
    live.swap(models.variant())
    assert ask_long(live) != cold["long"]
    no_cache_reset.undo()
    live.swap(models.variant(-2.0))
    ask_long(live)
    live.swap(models.variant())
    assert ask_long(live) == cold["long"]


def test_prefixes_are_cached_between_swaps(live, models) -> None:
    """Otherwise the test above would prove nothing."""
    from vllm import SamplingParams

    live.swap(models.variant())
    prompt = {"prompt_token_ids": list(long_prompt(live))}
    params = SamplingParams(temperature=0, max_tokens=1)
    for expected in (False, True):
        output = live._llm.generate([prompt], params, use_tqdm=False)[0]
        assert bool(output.num_cached_tokens) == expected


# --- when a swap breaks (each of these ends the engine: keep them last) ---


@pytest.mark.parametrize("live", METHODS[:1], indirect=True)
def test_a_cache_that_is_not_dropped_ends_the_engine(live, models, monkeypatch) -> None:
    monkeypatch.setattr(live._llm, "reset_prefix_cache", lambda *_: False)
    with pytest.raises(Failed, match="prefix cache"):
        live.swap(models.variant())
    assert live._llm is None


@pytest.mark.parametrize("live", METHODS[1:], indirect=True)
def test_an_exception_in_a_swap_ends_the_engine(live, models) -> None:
    """Here: a donor whose folder is gone."""
    gone = replace(models.variant(), terms=(RecipeTerm(str(models.place / "gone"), None, 1.0, "gone", None),))
    with pytest.raises(Failed, match="swap failed half-way") as caught:
        live.swap(gone)
    assert live._llm is None
    assert "the engine was closed" in str(caught.value)
    live.close()
