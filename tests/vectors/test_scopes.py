"""Scopes: kinds and layers by name, ramps over depth, and what of a scope can't be meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rveval.checkpoints import open_checkpoint, sources
from rveval.vectors import scopes
from rveval.vectors.scopes import Scope

LAYER = [
    "self_attn.q_proj.weight",
    "self_attn.q_proj.bias",
    "self_attn.o_proj.weight",
    "self_attn.q_norm.weight",
    "mlp.gate_proj.weight",
    "mlp.down_proj.weight",
    "input_layernorm.weight",
    "pre_feedforward_layernorm.weight",
]
KINDS = ["attention", "attention", "attention", "norm", "mlp", "mlp", "norm", "norm"]


def names(depth: int, head: bool = True) -> list[str]:
    layers = [f"model.layers.{layer}.{name}" for layer in range(depth) for name in LAYER]
    return ["model.embed_tokens.weight", *layers, "model.norm.weight", *(["lm_head.weight"] if head else [])]


def test_every_name_of_a_layer_has_its_kind() -> None:
    assert [scopes.kind_of(f"model.layers.7.{name}") for name in LAYER] == KINDS
    others = ("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight")
    assert [scopes.kind_of(name) for name in others] == ["embeddings", "norm", "head"]
    assert scopes.kind_of("model.layers.0.mlp.experts.3.up_proj.weight") == ""
    assert scopes.kind_of("vision_tower.patch_embed.weight") == ""


def test_the_packaged_models_have_no_tensor_of_unknown_kind() -> None:
    base = open_checkpoint(sources.TINY / "instruct")
    kinds = {scopes.kind_of(name) for name in base.names}
    assert kinds == {"attention", "mlp", "norm", "embeddings"}
    assert scopes.depth_of(base.names) == base.config["num_hidden_layers"]


@given(
    st.integers(1, 40), st.integers(0, 39), st.integers(1, 40), st.sets(st.sampled_from(["attention", "mlp", "norm"]))
)
def test_layers_and_kinds_select_what_they_name(depth: int, start: int, stop: int, kinds: set[str]) -> None:
    found = Scope(kinds=tuple(kinds), layers=(start, stop)).weights(names(depth))
    for name, weight in found.items():
        layer = scopes.layer_of(name)
        wanted = layer is not None and start <= layer < stop and (not kinds or scopes.kind_of(name) in kinds)
        assert weight == (1.0 if wanted else 0.0)


@given(st.integers(1, 60), st.lists(st.floats(-2, 2), min_size=1, max_size=6))
def test_a_ramp_is_straight_between_its_values(depth: int, ramp: list[float]) -> None:
    numpy = pytest.importorskip("numpy")
    found = Scope(ramp=tuple(ramp)).weights(names(depth))
    ends = numpy.linspace(0, 1, len(ramp)) if len(ramp) > 1 else numpy.zeros(1)
    for name, weight in found.items():
        layer = scopes.layer_of(name)
        at = 0.0 if layer == 0 or "embed" in name else 1.0 if layer is None else layer / max(depth - 1, 1)
        assert weight == pytest.approx(float(numpy.interp(at, ends, ramp)), abs=1e-9)


@given(st.integers(1, 80), st.integers(1, 80))
def test_windows_of_fractions_hold_every_layer_once(depth: int, windows: int) -> None:
    """By fractions of depth a model is cut into windows that neither overlap nor leave out a layer."""
    cut = [scopes.layers_of([w / windows, (w + 1) / windows], depth) for w in range(windows)]
    assert [layer for one in cut if one for layer in range(*one)] == list(range(depth))


def test_whole_numbers_and_fractions_are_told_apart_by_the_point() -> None:
    assert scopes.layers_of([0, 1], 24) == (0, 1)
    assert scopes.layers_of([0.0, 1.0], 24) == (0, 24)
    assert scopes.layers_of([0, 0.5], 24) == (0, 12)


QWEN = {"model_type": "qwen2"}


@pytest.mark.parametrize(
    ("scope", "config", "said"),
    [
        (Scope(("(",)), QWEN, ["is no regular expression"]),
        (Scope(("qproj",)), QWEN, ["matches no tensor", "self_attn.q_proj"]),
        (
            Scope(kinds=("attention",)),
            {"model_type": "mamba"},
            ["not known for this architecture", "mamba", "vector.scope"],
        ),
        (Scope(kinds=("mlp",)), {}, ["no model_type"]),
        (Scope(kinds=("head",)), QWEN | {"tie_word_embeddings": True}, ["kind head", "take embeddings"]),
        (Scope(layers=(2, 9)), QWEN, ["beyond the model's layers", "up to 4"]),
        (Scope(layers=(2, 2)), QWEN, ["holds no whole layer"]),
        (Scope(ramp=(0.0, 0.5, 1.0, 0.5, 0.0)), QWEN, ["more weights than the model has layers", "at most 4"]),
        (Scope(("embed",), layers=(0, 1)), QWEN, ["no tensor of the base is left", "embed"]),
        (Scope(ramp=(0.0,)), QWEN, ["no tensor of the base is left"]),
    ],
)
def test_what_cant_be_meant_is_said(scope: Scope, config: dict[str, object], said: list[str]) -> None:
    found = "\n".join(map(str, scopes.problems(scope, names(4, head=False), config)))
    assert [words for words in said if words not in found] == []


def test_nothing_is_wrong_with_what_is_right() -> None:
    for scope in (Scope(), Scope(()), Scope(kinds=("attention", "norm")), Scope(layers=(0, 4), ramp=(0.0, 1.0))):
        assert scopes.problems(scope, names(4), QWEN) == []
    assert scopes.problems(Scope(("blk",)), ["blk.0.w"], json.loads("{}")) == []


def test_layers_by_number_need_names_that_say_them() -> None:
    found = scopes.problems(Scope(layers=(0, 1)), ["a.weight", "b.weight"], QWEN)
    assert "no tensor's name says a layer" in str(found[0])
