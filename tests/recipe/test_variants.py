"""Variants: what a fingerprint knows, recipes as JSON, tensors streamed by name, and merged checkpoints on disk."""

from __future__ import annotations

import ctypes
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tinymodels
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from rveval.checkpoints import ABSENT, content_hash, open_checkpoint
from rveval.errors import Failed
from rveval.recipe import Recipe, RecipeTerm, VariantTensors, from_variant, merged, tensors, write_merged
from rveval.vectors import Difference, Step, combine

TERM = RecipeTerm("/there/plus", "/there/minus", 1.0, "p", "m")
RECIPE = Recipe("/there/base", "b", (TERM,), 0.5, model="tiny", vector="tiny_grpo")

finite = st.floats(-4, 4, allow_nan=False)
terms = st.builds(RecipeTerm, st.text(), st.none() | st.text(), finite, st.text(), st.none() | st.text())
steps = st.sampled_from(
    [Step.of("random", 3), Step.of("trim", density=0.2), Step.of("breadcrumbs", density=0.3), Step.of("rank", rank=4)]
)
recipes = st.builds(
    Recipe,
    st.text(),
    st.text(),
    st.lists(terms, max_size=3).map(tuple),
    finite,
    st.lists(st.sampled_from([".*", "mlp", r"layers\.0\."]), max_size=2).map(tuple),
    st.sampled_from(["bfloat16", "float16", "float32"]),
    steps=st.lists(steps, max_size=2).map(tuple),
    layers=st.none() | st.just((0, 2)),
    other=st.none() | terms,
    model=st.text(),
    vector=st.text(),
    weights=st.lists(finite, max_size=2).map(tuple),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tied base and two siblings, random."""
    place = tmp_path_factory.mktemp("variants")
    base = tinymodels.make(place / "base")
    plus = tinymodels.perturbed(base, place / "plus", seed=1)
    return {"base": base, "plus": plus, "minus": tinymodels.perturbed(base, place / "minus", seed=2, scale=0.01)}


def recipe_of(folders: dict[str, Path], alpha: float = 0.7, **other: object) -> Recipe:
    term = RecipeTerm(str(folders["plus"]), str(folders["minus"]), 1.0, "p", "m")
    return replace(Recipe(str(folders["base"]), "b", (term,), alpha), **other)  # type: ignore[arg-type]


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()


# --- fingerprints ---


def test_every_way_to_be_the_base_has_one_fingerprint() -> None:
    base = RECIPE.as_base().fingerprint
    ways = [
        replace(RECIPE, alpha=0.0),
        replace(RECIPE, alpha=-0.0),
        replace(RECIPE, terms=()),
        replace(RECIPE, scope=()),
    ]
    ways += [replace(RECIPE, alpha=0, scope=("mlp",)), replace(RECIPE, terms=(), scope=("mlp",), alpha=-1.0)]
    for recipe in ways:
        assert recipe.is_base
        assert recipe.fingerprint == base
    assert not RECIPE.is_base
    assert RECIPE.fingerprint != base


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, alpha=0.25),
        replace(RECIPE, alpha=-0.5),
        replace(RECIPE, base_hash="another"),
        replace(RECIPE, scope=("mlp",)),
        replace(RECIPE, dtype="float32"),
        replace(RECIPE, terms=(replace(TERM, weight=2.0),)),
        replace(RECIPE, terms=(replace(TERM, weight=-1.0),)),
        replace(RECIPE, terms=(replace(TERM, plus_hash="another"),)),
        replace(RECIPE, terms=(replace(TERM, minus_hash="another"),)),
        replace(RECIPE, terms=(replace(TERM, minus=None, minus_hash=None),)),
        replace(RECIPE, terms=(replace(TERM, plus_hash="m", minus_hash="p"),)),
        replace(RECIPE, terms=(TERM, TERM)),
        replace(RECIPE, terms=(TERM, replace(TERM, weight=0.5))),
    ],
)
def test_whatever_changes_the_weights_changes_the_fingerprint(other: Recipe) -> None:
    assert other.fingerprint != RECIPE.fingerprint


def test_the_dtype_of_the_base_counts_too() -> None:
    assert replace(RECIPE, dtype="float32").as_base().fingerprint != RECIPE.as_base().fingerprint


def test_paths_do_not_count() -> None:
    term = RecipeTerm("/elsewhere/p", "/elsewhere/m", 1.0, "p", "m")
    assert Recipe("/elsewhere/b", "b", (term,), 0.5).fingerprint == RECIPE.fingerprint


def test_a_whole_number_is_the_same_number() -> None:
    """`alpha=1` from a command line and 1.0 from a sweep are one variant."""
    whole = replace(RECIPE, alpha=1, terms=(replace(TERM, weight=1),))
    assert whole.fingerprint == replace(RECIPE, alpha=1.0).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, steps=(Step.of("trim", density=0.2),)),
        replace(RECIPE, steps=(Step.of("trim", density=0.3),)),
        replace(RECIPE, steps=(Step.of("random", 0),)),
        replace(RECIPE, steps=(Step.of("random", 1),)),
        replace(RECIPE, steps=(replace(Step.of("random", 0), version=9),)),
        replace(RECIPE, kinds=("mlp",)),
        replace(RECIPE, layers=(0, 2)),
        replace(RECIPE, ramp=(0.0, 1.0)),
        replace(RECIPE, forced=True),
    ],
)
def test_every_ablation_has_its_own_fingerprint_and_key(other: Recipe) -> None:
    assert other.fingerprint != RECIPE.fingerprint
    assert (other.key() == RECIPE.key()) is False
    assert replace(other, alpha=0.0).fingerprint == RECIPE.as_base().fingerprint


def test_a_plain_vector_is_known_by_what_it_always_was() -> None:
    """Fingerprints stand in stores: how they are made must not change."""
    assert RECIPE.fingerprint.startswith("b0953054a1e90225")
    assert RECIPE.as_base().fingerprint.startswith("a86009ffbcec2a7c")


@given(recipes)
def test_records_and_json_there_and_back(recipe: Recipe) -> None:
    back = Recipe.from_json(recipe.to_json())
    assert back == Recipe.from_record(recipe.to_record()) == recipe
    assert back.to_record() == recipe.to_record() == json.loads(recipe.to_json(), object_hook=tupled)
    assert (back.fingerprint, back.label, back.about, back.formula) == (
        *(recipe.fingerprint, recipe.label, recipe.about, recipe.formula),
    )
    assert isinstance(back.terms, tuple)
    assert isinstance(back.scope, tuple)


def tupled(record: dict[str, object]) -> dict[str, object]:
    return {key: tuple(one) if isinstance(one, list) and key != "steps" else one for key, one in record.items()}


def test_a_label_changes_no_recipe() -> None:
    assert replace(RECIPE, model="x", vector="y", weights=(2.0,)) == RECIPE
    assert replace(RECIPE, model="x", vector="y", weights=(2.0,)).fingerprint == RECIPE.fingerprint


@given(recipes, recipes)
def test_fingerprints_are_equal_only_for_equal_variants(one: Recipe, other: Recipe) -> None:
    def known(recipe: Recipe) -> object:
        if recipe.is_base:
            return recipe.base_hash, recipe.dtype
        parts = [(t.plus_hash, t.minus_hash, t.weight + 0.0) for t in recipe.terms]
        taken = recipe.other and (recipe.other.plus_hash, recipe.other.minus_hash, recipe.other.weight + 0.0)
        more = recipe.alpha, recipe.scope, recipe.steps, recipe.layers, taken
        return recipe.base_hash, recipe.dtype, parts, more

    assert (one.fingerprint == other.fingerprint) == (known(one) == known(other))


# --- in words ---


OTHER = replace(TERM, plus="/x/order", minus="/x/start", plus_label="tiny:order", minus_label="tiny:start")
NAMED = replace(TERM, plus_label="tiny:grpo", minus_label="tiny:sft")
WORDS: list[tuple[dict[str, object], str, str]] = [
    ({}, "tiny + 0.5 tiny_grpo", "tiny + 0.5 (grpo - sft)"),
    ({"alpha": -1.0}, "tiny - 1 tiny_grpo", "tiny - 1 (grpo - sft)"),
    ({"alpha": 0.1234567}, "tiny + 0.1234567 tiny_grpo", "tiny + 0.1234567 (grpo - sft)"),
    ({"alpha": 0.0}, "tiny", "tiny"),
    ({"terms": (TERM,)}, "tiny + 0.5 tiny_grpo", "tiny + 0.5 (plus - minus)"),
    ({"scope": ("mlp", "norm")}, "tiny + 0.5 tiny_grpo [only mlp | norm]", "tiny + 0.5 (grpo - sft), only mlp | norm"),
    (
        {"kinds": ("attention", "norm"), "layers": (0, 2), "ramp": (0.0, 1.0)},
        "tiny + 0.5 tiny_grpo [attention + norm; layers 0-1; ramp 0, 1]",
        "tiny + 0.5 (grpo - sft), only attention + norm, only layers 0-1, ramp 0, 1",
    ),
    (
        {"steps": (Step.of("trim", density=0.2), Step.of("random", 3))},
        "tiny + 0.5 tiny_grpo [trim 0.2; random seed 3]",
        "tiny + 0.5 random seed 3 of trim 0.2 of (grpo - sft)",
    ),
    (
        {"steps": (Step.of("other"),), "other": OTHER, "forced": True},
        "tiny + 0.5 tiny_grpo [other order; forced]",
        "tiny + 0.5 (order - start) with the norms of (grpo - sft), forced",
    ),
    (
        {
            "terms": (NAMED, replace(OTHER, weight=-2.0)),
            "weights": (1.0, -2.0),
            "steps": (Step.of("ties", density=0.5),),
        },
        "tiny + 0.5 tiny_grpo [weights 1, -2; ties 0.5]",
        "tiny + 0.5 ties 0.5 of [(grpo - sft) + -2 (order - start)]",
    ),
    (
        {"terms": (replace(TERM, plus_label="d.safetensors", minus=None, minus_hash=None),)},
        "tiny + 0.5 tiny_grpo",
        "tiny + 0.5 d.safetensors",
    ),
]


@pytest.mark.parametrize(("change", "label", "formula"), WORDS)
def test_labels_and_formulas(change: dict[str, object], label: str, formula: str) -> None:
    found = replace(RECIPE, **{"terms": (NAMED,), **change})  # type: ignore[arg-type]
    assert (found.label, found.formula) == (label, formula)
    assert found.named == (label.partition(" 0.5 ")[2] if " 0.5 " in label else found.named)


def test_a_formula_is_explained_line_by_line() -> None:
    steps = (Step.of("trim", density=0.2), Step.of("other"))
    more = {"ramp": (0.0, 1.0), "layers": (1, 2), "base_label": "tiny:instruct"}
    lines = replace(RECIPE, terms=(NAMED,), steps=steps, other=OTHER, **more).explained  # type: ignore[arg-type]
    assert lines == {
        "theta": "tiny:instruct (tiny)",
        "alpha": "0.5",
        "vector": "tiny_grpo = tiny:grpo - tiny:sft",
        "w": "weights of layers: 0 .. 1 from the first layer to the last, in straight lines",
        "T 1.": "trim 0.2: the largest entries of every tensor",
        "T 2.": "other: another vector, scaled to the norm of every tensor (tiny:order - tiny:start)",
        "scope": "layer 1; ramp 0, 1",
        "served as": "bfloat16; the sum is in float32 and rounded once",
    }
    for change, why in (({"alpha": 0.0}, "alpha is 0"), ({"terms": ()}, "vector=tiny_grpo"), ({"scope": ()}, "scope")):
        assert why in replace(RECIPE, **change).explained["vector"]  # type: ignore[arg-type]


# --- compared with each other ---


def test_what_two_variants_have_in_common() -> None:
    trimmed = [replace(RECIPE, steps=(Step.of("trim", density=density),)) for density in (0.2, 0.4)]
    assert trimmed[0].key() != trimmed[1].key()
    assert trimmed[0].key(steps="*") == trimmed[1].key(steps="*") == RECIPE.key(steps="*")
    assert RECIPE.key(alpha=None) == replace(RECIPE, alpha=1).key(alpha=None)
    assert RECIPE.key() == replace(RECIPE, base="/x", model="x", terms=(replace(TERM, plus="/y"),)).key()


def test_a_null_control_shares_everything_but_its_null_step() -> None:
    masked = replace(RECIPE, steps=(Step.of("dare", 0, density=0.5),))
    null = replace(RECIPE, steps=(Step.of("dare", 7, density=0.5), Step.of("random", 7)))
    swapped = replace(RECIPE, steps=(Step.of("other"),), other=OTHER)
    assert (masked.null, null.null, swapped.null) == ("", "random", "other")
    assert masked.control_key == null.control_key != RECIPE.control_key == swapped.control_key
    order = sorted([swapped, null, masked, RECIPE, replace(RECIPE, alpha=-1)], key=lambda one: one.sort_key)
    assert order == [replace(RECIPE, alpha=-1), RECIPE, masked, swapped, null]


def test_recipes_of_records_that_hold_none() -> None:
    variant = {
        **{"label": "tiny + 0.5 v [layers 0-1; random seed 3]", "alpha": 0.5, "fingerprint": "f", "model": "tiny"},
        "terms": [{"plus": "p", "minus": "m", "weight": 1.0, "plus_path": "/a/grpo", "minus_path": "/a/sft"}],
        **{"vector": "v", "base": "b", "layers": [0, 2], "steps": [{"name": "random", "seed": 3}]},
    }
    old = from_variant(variant)
    assert old.label == variant["label"]
    assert old.formula == "tiny + 0.5 random seed 3 of (grpo - sft), only layers 0-1"
    assert old.null == "random"
    assert old.key(steps=None, layers=None, dtype=None) == replace(RECIPE).key(steps=None, layers=None, dtype=None)
    assert from_variant({"label": "tiny", "alpha": 0.0, "terms": [], "model": "tiny", "steps": [{"name": "x"}]}).is_base
    assert from_variant(variant | {"misfit": "tensor"}).key() != old.key()


# --- tensors ---


def by_hand(folders: dict[str, Path], recipe: Recipe) -> dict[str, torch.Tensor]:
    base, plus, minus = (tinymodels.tensors(folders[name]) for name in ("base", "plus", "minus"))
    return {
        name: combine(t, [Difference(plus[name], minus[name])], recipe.alpha, dtype=getattr(torch, recipe.dtype))
        if any(re.search(pattern, name) for pattern in recipe.scope)
        else t
        for name, t in base.items()
    }


@pytest.mark.parametrize("scope", [(".*",), ("mlp",), (r"layers\.0\.", "norm"), (r"^model\.embed_tokens",)])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_tensors_are_the_sum_inside_the_scope_and_the_base_outside(folders, scope, dtype) -> None:
    recipe = recipe_of(folders, scope=scope, dtype=dtype)
    expected = by_hand(folders, recipe)
    changed = 0
    for name, tensor in tensors(recipe):
        wanted = expected.pop(name)
        assert tensor.dtype == wanted.dtype
        assert tensor.shape == wanted.shape
        assert bits(tensor) == bits(wanted)
        changed += bits(tensor) != bits(open_checkpoint(folders["base"]).get(name))
    assert not expected
    assert changed


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("change", [{}, {"alpha": 0.0}, {"scope": ("mlp",)}, {"dtype": "float32"}])
def test_reading_into_memory_of_ones_own_is_the_same(folders, change, dtype) -> None:
    source = VariantTensors(recipe_of(folders, **change))
    for name in source.names:
        plain = source.read(name)
        out = torch.full(plain.shape, torch.nan, dtype=dtype)
        assert source.read(name, out=out) is out
        assert bits(out) == bits(plain.to(dtype))


def test_a_checkpoint_that_was_written_again_is_read_again(folders, tmp_path) -> None:
    """Open files are kept between swaps; what lies there now counts, also where the file has its old name."""
    base = tinymodels.sibling(folders["base"], tmp_path / "base")
    recipe = replace(recipe_of(folders), base=str(base)).as_base()
    name = "model.norm.weight"
    before = bits(dict(tensors(recipe))[name])
    named = tinymodels.tensors(base) | {name: torch.full((64,), 3.0, dtype=torch.bfloat16)}
    (base / "model.safetensors").unlink()
    save_file(named, base / "model.safetensors", metadata={"format": "pt"})
    assert bits(dict(tensors(recipe))[name]) == bits(named[name]) != before


def test_kept_tensors_do_not_overwrite_each_other(folders) -> None:
    recipe = recipe_of(folders)
    kept, expected = dict(tensors(recipe)), by_hand(folders, recipe)
    assert all(bits(kept[name]) == bits(expected[name]) for name in expected)


@pytest.mark.parametrize("change", [{"alpha": 0.0}, {"terms": ()}, {"scope": ()}, {"scope": ("no such tensor",)}])
def test_the_base_has_its_own_bits(folders, change) -> None:
    stored = tinymodels.tensors(folders["base"])
    streamed = dict(tensors(recipe_of(folders, **change)))
    assert streamed.keys() == stored.keys()
    assert all(bits(streamed[name]) == bits(stored[name]) for name in stored)


def test_several_terms_add_up(folders) -> None:
    plus, minus = str(folders["plus"]), str(folders["minus"])
    base, one, two = (tinymodels.tensors(folders[name]) for name in ("base", "plus", "minus"))
    both = (
        RecipeTerm(plus, str(folders["base"]), 0.5, "p", "b"),
        RecipeTerm(minus, str(folders["base"]), -2.0, "m", "b"),
    )
    for name, tensor in tensors(recipe_of(folders, terms=both)):
        displacements = [Difference(one[name], base[name], 0.5), Difference(two[name], base[name], -2.0)]
        assert bits(tensor) == bits(combine(base[name], displacements, 0.7))


@pytest.mark.parametrize("keep", [lambda name: "mlp" in name, lambda name: False])
def test_a_saved_delta_may_leave_out_what_it_does_not_change(folders, tmp_path, keep: Callable[[str], bool]) -> None:
    base = tinymodels.tensors(folders["base"])
    delta = {name: torch.full_like(t, 0.25) for name, t in base.items() if keep(name)}
    folder = tinymodels.sibling(folders["base"], tmp_path / "delta")
    delta = delta or {"unused": torch.zeros(1)}
    save_file(delta, folder / "model.safetensors", metadata={"format": "pt", ABSENT: "zero"})
    assert open_checkpoint(folder).absent_is_zero
    recipe = recipe_of(folders, terms=(RecipeTerm(str(folder), None, 1.0, "d", None),))
    for name, tensor in tensors(recipe):
        expected = combine(base[name], [Difference(delta[name], None)], 0.7) if name in delta else base[name]
        assert bits(tensor) == bits(expected)


def test_a_donor_of_another_shape_fails_by_name(folders, tmp_path) -> None:
    other = tinymodels.make(tmp_path / "wide", hidden=128)
    with pytest.raises(Failed):
        dict(tensors(recipe_of(folders, terms=(RecipeTerm(str(other), str(folders["minus"]), 1.0, "o", "m"),))))


# --- merged checkpoints ---


@pytest.mark.parametrize("shard_bytes", [1, 40_000, 2 << 30])
@pytest.mark.parametrize("change", [{}, {"alpha": 0.0}, {"scope": ("mlp",)}, {"dtype": "float32"}])
def test_a_merged_checkpoint_holds_the_tensors(folders, tmp_path, monkeypatch, shard_bytes, change) -> None:
    monkeypatch.setattr(merged, "SHARD_BYTES", shard_bytes)
    recipe = recipe_of(folders, **change)
    folder = write_merged(recipe, tmp_path / "merged")
    expected = dict(tensors(recipe))
    written = open_checkpoint(folder)
    assert written.names == tuple(sorted(expected))
    assert all(bits(written.get(name)) == bits(expected[name]) for name in expected)
    files = sorted(folder.glob("*.safetensors"))
    sizes = [sum(t.nbytes for t in load_file(file).values()) for file in files]
    largest = max(t.nbytes for t in expected.values())
    assert all(size <= max(shard_bytes, largest) for size in sizes)
    assert len(files) == (len(expected) if shard_bytes == 1 else len(files))
    assert (len(files) == 1) == (shard_bytes == 2 << 30)


def test_transformers_loads_a_merged_checkpoint(folders, tmp_path, monkeypatch) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.setattr(merged, "SHARD_BYTES", 40_000)
    recipe = recipe_of(folders)
    folder = write_merged(recipe, tmp_path / "merged")
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).state_dict()
    for name, tensor in tensors(recipe):
        assert bits(loaded[name]) == bits(tensor)
    assert bits(loaded["lm_head.weight"]) == bits(loaded["model.embed_tokens.weight"])
    assert AutoTokenizer.from_pretrained(folder).encode("12 apples")


def test_a_merged_checkpoint_has_the_bases_small_files_and_no_weights_of_others(folders, tmp_path) -> None:
    base = tinymodels.sibling(folders["base"], tmp_path / "base")
    tinymodels.reshard(base, 3)
    (base / "generation_config.json").write_text(json.dumps({"repetition_penalty": 1.1}))
    (base / "pytorch_model.bin").write_bytes(b"a pickle")
    folder = write_merged(replace(recipe_of(folders), base=str(base)), tmp_path / "merged")
    found = {file.name for file in folder.iterdir()}
    kept = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}
    assert kept <= found
    assert (folder / "config.json").read_bytes() == (base / "config.json").read_bytes()
    weights = {name for name in found if "safetensors" in name or name.endswith(".bin")}
    assert weights == {"model-00000.safetensors", "model.safetensors.index.json"}
    assert content_hash(folder) != content_hash(base)


# --- memory ---


M_MMAP_THRESHOLD = -3  # glibc's malloc.h


def anonymous() -> int:
    """Anonymous resident memory of this process, in bytes."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found.group(1)) << 10


def test_streaming_takes_the_memory_of_one_tensor(tmp_path) -> None:
    """24 tensors of 8 MiB in three checkpoints: 576 MiB pass by, the memory of one tensor is taken."""
    # What is freed goes back to the kernel at once, whatever tests before this one have made glibc expect.
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 20)
    shape, count = (2048, 2048), 24
    place = {}
    for name in ("base", "plus", "minus"):
        place[name] = tmp_path / name
        place[name].mkdir()
        (place[name] / "config.json").write_text("{}")
        named = {f"layer.{i}": torch.randn(shape).to(torch.bfloat16) for i in range(count)}
        tinymodels.write(place[name], named)
    del named
    largest = 2 * shape[0] * shape[1]
    recipe = recipe_of(place)
    before, most = anonymous(), 0
    for _, tensor in tensors(recipe):
        most = max(most, anonymous() - before)
        assert tensor.nbytes == largest
    # The one before is freed when the next one is there.
    assert most <= 2 * largest + (6 << 20)
    del tensor
    source, out = VariantTensors(recipe), torch.zeros(shape, dtype=torch.bfloat16)
    before, most = anonymous(), 0
    for name in source.names:
        assert source.read(name, out=out) is out
        most = max(most, anonymous() - before)
    assert most <= (6 << 20)
