"""LoRA adapters as donors: what they add, against formulas written out here and against PEFT, and what is refused."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import adapterfiles
import pytest
import tinymodels
import torch
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from rveval import config as schema
from rveval.checkpoints import (
    TINY,
    Adapter,
    Checkpoint,
    assert_finite,
    content_hash,
    deltas,
    join,
    open_checkpoint,
    open_donor,
    plan_term,
)
from rveval.checkpoints.adapters import open_adapter, remarks, trained_elsewhere
from rveval.errors import Problem, Refused
from rveval.recipe import Recipe, VariantTensors, assembly
from rveval.vectors import Difference, combine

INSTRUCT = TINY / "instruct"
Q, DOWN = "model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def weights() -> dict[str, torch.Tensor]:
    return tinymodels.tensors(INSTRUCT)


@pytest.fixture
def base() -> Checkpoint:
    return open_checkpoint(INSTRUCT)


@pytest.fixture
def adapter(weights: dict[str, torch.Tensor], tmp_path: Path) -> Path:
    return adapterfiles.write(tmp_path / "adapter", adapterfiles.factors(adapterfiles.shapes(weights)))


def refusal(folder: Path, on: Checkpoint | None = None) -> str:
    with pytest.raises(Refused) as caught:
        open_adapter(folder, on)
    return str(caught.value)


def change(folder: Path, **config: Any) -> None:
    file = folder / "adapter_config.json"
    known = json.loads(file.read_text()) | config
    file.write_text(json.dumps({key: value for key, value in known.items() if value is not ...}))


def change_tensors(folder: Path, **changes: torch.Tensor | None) -> None:
    file = folder / "adapter_model.safetensors"
    named = {**load_file(file), **{f"base_model.model.{key}": value for key, value in changes.items()}}
    save_file({key: value for key, value in named.items() if value is not None}, file)


def exact(a: torch.Tensor, b: torch.Tensor, scaling: float) -> torch.Tensor:
    """scaling * B @ A in float64."""
    return scaling * (b.double() @ a.double())


def close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    scale = float(expected.abs().max()) or 1.0
    return found.dtype == torch.float32 and float((found.double() - expected.double()).abs().max()) < 1e-6 * scale


# What an adapter adds


def test_what_an_adapter_adds(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    made = adapterfiles.factors(adapterfiles.shapes(weights), rank=4)
    adapter = open_adapter(adapterfiles.write(tmp_path / "a", made, lora_alpha=16))
    assert isinstance(adapter, Checkpoint)
    assert adapter.names == tuple(sorted(f"{module}.weight" for module in made))
    assert adapter.absent_is_zero
    assert "model.norm.weight" not in adapter
    for module, (a, b) in made.items():
        name = f"{module}.weight"
        assert name in adapter
        assert adapter.shape(name) == tuple(weights[name].shape)
        assert adapter.dtype(name) == "F32"
        assert close(adapter.get(name), exact(a, b, 4.0))
    assert adapter.nbytes == sum(adapter.get(name).nbytes for name in adapter.names)
    with pytest.raises(KeyError, match=r"q_proj\.weight"):
        adapter.get("model.norm.weight")


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 6),
    st.integers(1, 6),
    st.floats(0.5, 64),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "default", "my-adapter_2"]),
    st.sampled_from([torch.float32, torch.bfloat16, torch.float16]),
)
def test_scaling_and_turning(
    tmp_path_factory: pytest.TempPathFactory,
    rank: int,
    rows: int,
    columns: int,
    alpha: float,
    stabilised: bool,
    turned: bool,
    named: str,
    dtype: torch.dtype,
) -> None:
    made = adapterfiles.factors({"m.0.q": (rows, columns)}, rank=rank, scale=1.0)
    made = {module: (a.to(dtype), b.to(dtype)) for module, (a, b) in made.items()}
    folder = tmp_path_factory.mktemp("one")
    adapterfiles.write(folder, made, given=named, lora_alpha=alpha, use_rslora=stabilised, fan_in_fan_out=turned)
    a, b = made["m.0.q"]
    expected = exact(a, b, alpha / math.sqrt(rank) if stabilised else alpha / rank)
    adapter = open_adapter(folder)
    found = adapter.get("m.0.q.weight")
    assert adapter.shape("m.0.q.weight") == tuple(found.shape)
    assert close(found, expected.T if turned else expected)


def test_patterns_match_the_end_of_a_module(tmp_path: Path) -> None:
    """The first pattern that fits counts; a pattern is a regular expression behind a dot or the whole name."""
    ranks = {"a.0.q": 2, "a.1.q": 3, "a.1.xq": 4, "a.2.k": 5, "a.3.k": 5}
    made = {module: adapterfiles.factors({module: (7, 6)}, rank)[module] for module, rank in ranks.items()}
    patterns = {"0.q": 2, "q": 3, r"[23]\.k": 5}
    alphas = {r"1\.q": 30, "a.0.q": 10, "k": 1}
    folder = adapterfiles.write(
        tmp_path / "a", made, r=4, lora_alpha=8, rank_pattern=patterns, alpha_pattern=alphas, use_rslora=True
    )
    alpha = {"a.0.q": 10, "a.1.q": 30, "a.1.xq": 8, "a.2.k": 1, "a.3.k": 1}
    adapter = open_adapter(folder)
    for module, (a, b) in made.items():
        expected = exact(a, b, alpha[module] / math.sqrt(ranks[module]))
        assert close(adapter.get(f"{module}.weight"), expected), module


def test_embeddings_are_transposed(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    rows, width = weights["model.embed_tokens.weight"].shape
    made = adapterfiles.factors({"model.embed_tokens": (width, rows)}, rank=3)
    adapter = open_adapter(adapterfiles.write(tmp_path / "a", {}, embeddings=made, r=3, lora_alpha=6))
    a, b = made["model.embed_tokens"]
    assert adapter.shape("model.embed_tokens.weight") == (rows, width)
    assert close(adapter.get("model.embed_tokens.weight"), exact(a, b, 2.0).T)


def test_biases_and_whole_modules_are_differences(
    base: Checkpoint, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    made = adapterfiles.factors({Q: tuple(weights[f"{Q}.weight"].shape)})
    norm, bias, other = "model.norm.weight", f"{Q}.bias", "model.layers.1.self_attn.k_proj.bias"
    more = {
        norm: weights[norm].float() + 0.25,
        f"{Q}.base_layer.bias": weights[bias].float() - 1,
        other: weights[other].float() * 2,
    }
    folder = adapterfiles.write(tmp_path / "a", made, more=more, bias="all", modules_to_save=["norm"])
    term = plan_term(folder, None, base, "vector.terms[0]")
    assert isinstance(term.plus, Adapter)
    assert term.plus_on is base
    assert term.plus.whole == tuple(sorted([norm, bias, other]))
    for name, value in ((norm, more[norm]), (bias, more[f"{Q}.base_layer.bias"]), (other, more[other])):
        assert torch.equal(term.plus.get(name), value - weights[name].float())
    a, b = made[Q]
    assert close(term.plus.get(f"{Q}.weight"), exact(a, b, 4.0))


def test_the_bias_of_b_is_scaled_and_added(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    made = adapterfiles.factors({Q: tuple(weights[f"{Q}.weight"].shape)})
    learnt = torch.arange(float(weights[f"{Q}.bias"].numel()))
    folder = adapterfiles.write(tmp_path / "a", made, more={f"{Q}.lora_B.bias": learnt}, lora_bias=True)
    assert torch.equal(open_adapter(folder).get(f"{Q}.bias"), 4 * learnt)


def test_a_module_may_be_saved_whole_and_have_factors(
    base: Checkpoint, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    """PEFT saves the layer below an embedding's adapter beside it; loaded, it replaces the base's."""
    name = "model.embed_tokens.weight"
    rows, width = weights[name].shape
    made = adapterfiles.factors({"model.embed_tokens": (width, rows)})
    more = {"model.embed_tokens.base_layer.weight": weights[name].float() + 1}
    folder = adapterfiles.write(tmp_path / "a", {}, embeddings=made, more=more, r=4)
    adapter = plan_term(folder, None, base, "t").plus
    a, b = made["model.embed_tokens"]
    expected = exact(a, b, 4.0).T + (more["model.embed_tokens.base_layer.weight"] - weights[name].float()).double()
    assert close(adapter.get(name), expected)


# Both sides of a term


def test_two_adapters_that_save_the_same_whole_need_no_base(
    base: Checkpoint, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    norm, made = "model.norm.weight", adapterfiles.factors({Q: tuple(weights[f"{Q}.weight"].shape)})
    nowhere = {"modules_to_save": ["norm"], "base_model_name_or_path": "/nowhere"}
    values = [weights[norm].float() + 1, weights[norm].float() - 2]
    folders = [
        adapterfiles.write(tmp_path / str(n), made, more={norm: value}, **nowhere) for n, value in enumerate(values)
    ]
    term = plan_term(*folders, base, "t")
    assert term.minus is not None
    assert torch.allclose(term.plus.get(norm) - term.minus.get(norm), torch.full_like(values[0], 3.0))
    # Where only one of them has it, or it stands alone, its base is needed.
    plain = adapterfiles.write(tmp_path / "plain", made, base_model_name_or_path="/nowhere")
    for minus in (plain, None):
        with pytest.raises(Refused, match="which can't be had: /nowhere") as caught:
            plan_term(folders[0], minus, base, "vector.terms[0]")
        assert "vector.terms[0].plus" in str(caught.value)
        assert "base_model_name_or_path" in str(caught.value)
    with pytest.raises(Refused, match="needs the model"):
        join(open_donor(folders[0]))


@pytest.mark.parametrize("side", ["plus", "minus"])
def test_beside_a_checkpoint_it_is_the_model_it_makes(
    side: str, base: Checkpoint, weights: dict[str, torch.Tensor], adapter: Path, tmp_path: Path
) -> None:
    other = tinymodels.perturbed(INSTRUCT, tmp_path / "other", scale=0.01)
    donors = tinymodels.tensors(other)
    plus, minus = (adapter, other) if side == "plus" else (other, adapter)
    # Added to another model than the adapter's own, which stays the adapter's own.
    on_other = plan_term(plus, minus, open_checkpoint(other), "t")
    term = plan_term(plus, minus, base, "t")
    again = join(open_donor(plus, term.plus_on), open_donor(minus, term.minus_on))
    for one in (on_other, term, again):
        model = one.plus if side == "plus" else one.minus
        assert isinstance(model, Adapter)
        assert model.on is not None
        assert model.on.folder == INSTRUCT
        assert not model.absent_is_zero
        assert model.names == base.names
        assert model.config == base.config
        learnt = open_adapter(adapter)
        for name in base.names:
            expected = weights[name].float() + (learnt.get(name) if name in learnt else 0)
            assert torch.equal(model.get(name).float(), expected)
            assert model.shape(name) == tuple(weights[name].shape)
        rest = one.minus if side == "plus" else one.plus
        assert rest is not None
        assert torch.equal(rest.get("model.norm.weight"), donors["model.norm.weight"])
    with pytest.raises(Refused, match="needs the model"):
        join(open_donor(plus), open_donor(minus))


def test_a_base_that_cannot_be_had(base: Checkpoint, adapter: Path, tmp_path: Path) -> None:
    other = tinymodels.perturbed(INSTRUCT, tmp_path / "other")
    for name, words in (("org/nothing-here", "org/nothing-here"), (None, "names none"), ("/gone", "no such folder")):
        change(adapter, base_model_name_or_path=name)
        with pytest.raises(Refused, match=words) as caught:
            plan_term(adapter, other, base, "vector.terms[1]")
        assert "vector.terms[1].plus" in str(caught.value)
        plan_term(adapter, None, base, "t")
    change(adapter, base_model_name_or_path=str(tinymodels.make(tmp_path / "small", hidden=64)))
    with pytest.raises(Refused, match=r"targets have another shape than in .*small.* against"):
        plan_term(adapter, other, base, "t")


def test_a_saved_delta_has_no_minus(base: Checkpoint, adapter: Path, tmp_path: Path) -> None:
    file = tmp_path / "d.safetensors"
    said = {"config": base.config, "tokenizer": None}
    deltas.save(["a"], lambda name: torch.ones(2), file, said)
    assert type(plan_term(file, None, base, "t").plus) is Checkpoint
    for minus in (INSTRUCT, adapter):
        with pytest.raises(Refused, match="a saved delta has no minus"):
            plan_term(file, minus, base, "t")


def test_whose_adapter_it_is(base: Checkpoint, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(INSTRUCT.parent)
    for name in ("tiny:instruct", str(INSTRUCT), "instruct", "./instruct", "", None, "somebody/instruct"):
        change(adapter, base_model_name_or_path=name)
        assert trained_elsewhere(open_adapter(adapter), base) == "", name
    for name in ("tiny:base", "tiny:nope", str(INSTRUCT.parent / "base"), "org/other", "/gone/instruct2"):
        change(adapter, base_model_name_or_path=name)
        assert trained_elsewhere(open_adapter(adapter), base) == name
    cached = tmp_path / "models--org--name" / "snapshots" / ("0" * 40)
    cached.parent.mkdir(parents=True)
    cached.symlink_to(INSTRUCT)
    change(adapter, base_model_name_or_path="org/name")
    assert trained_elsewhere(open_adapter(adapter), open_checkpoint(cached)) == ""


def test_what_to_know_of_an_adapter(base: Checkpoint, weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    rows, width = weights["model.embed_tokens.weight"].shape
    rows_adapter = adapterfiles.write(
        tmp_path / "rows", {}, embeddings=adapterfiles.factors({"model.embed_tokens": (width, rows)}), r=4
    )
    assert len(remarks(open_adapter(rows_adapter), base)) == 1
    assert "is the output head too" in remarks(open_adapter(rows_adapter), base)[0]
    untied = tinymodels.make(tmp_path / "untied", tied=False)
    found = remarks(open_adapter(rows_adapter), open_checkpoint(untied))
    assert len(found) == 1
    assert "trained on tiny:instruct" in found[0]
    plain = adapterfiles.write(tmp_path / "plain", adapterfiles.factors({Q: (96, 96)}))
    assert remarks(open_adapter(plain), base) == []


# Identity


def test_the_hash_is_of_what_is_added(adapter: Path, tmp_path: Path) -> None:
    first = content_hash(adapter)
    harmless = {
        **{"base_model_name_or_path": "elsewhere", "lora_dropout": 0.5, "task_type": None, "target_modules": ["x"]},
        **{"rank_pattern": None, "use_rslora": ...},
    }
    change(adapter, **harmless)
    assert content_hash(adapter) == first
    copy = tinymodels.sibling(adapter, tmp_path / "copy")
    assert content_hash(copy) == first
    for field in (
        {"lora_alpha": 17},
        {"use_rslora": True},
        {"fan_in_fan_out": True},
        {"rank_pattern": {"q_proj": 4}},
        {"alpha_pattern": {"q_proj": 4, "k": 3}},
        {"alpha_pattern": {"k": 3, "q_proj": 4}},
    ):
        changed = tinymodels.sibling(adapter, tmp_path / str(field).replace("/", ""))
        change(changed, **field)
        assert content_hash(changed) != first, field
    assert len({content_hash(folder) for folder in tmp_path.iterdir() if folder.name != "cache"}) == 7
    change_tensors(copy, **{f"{Q}.lora_B.weight": torch.ones(96, 4)})
    assert content_hash(copy) != first


def test_the_base_that_takes_part_belongs_to_the_identity(base: Checkpoint, adapter: Path, tmp_path: Path) -> None:
    other = tinymodels.perturbed(INSTRUCT, tmp_path / "other", scale=0.01)
    alone = plan_term(adapter, None, base, "t").plus.identity
    model = plan_term(adapter, other, base, "t").plus.identity
    change(adapter, base_model_name_or_path=str(other))
    assert plan_term(adapter, None, base, "t").plus.identity == alone
    assert len({alone, model, plan_term(adapter, other, base, "t").plus.identity}) == 3


def test_broken_weights_are_found(base: Checkpoint, adapter: Path, weights: dict[str, torch.Tensor]) -> None:
    assert_finite(open_adapter(adapter))
    broken = load_file(adapter / "adapter_model.safetensors")[f"base_model.model.{DOWN}.lora_B.weight"]
    broken[3, 1] = float("nan")
    change_tensors(adapter, **{f"{DOWN}.lora_B.weight": broken})
    with pytest.raises(Refused, match=rf"{DOWN}\.weight has 256 NaN and 0 infinite"):
        assert_finite(open_adapter(adapter))


def test_importing_needs_no_torch(adapter: Path) -> None:
    code = (
        "import sys, pathlib, rveval.checkpoints as c\n"
        f"p = pathlib.Path({str(adapter)!r}); b = c.open_checkpoint(pathlib.Path({str(INSTRUCT)!r}))\n"
        "c.plan_term(p, None, b, 't').plus.identity\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# What is refused


def test_an_adapter_is_no_model(adapter: Path) -> None:
    with pytest.raises(Refused, match="holds a LoRA adapter, not a model"):
        open_checkpoint(adapter)


def test_a_pickle_and_nothing(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").unlink()
    assert "no weights in this folder" in refusal(adapter)
    torch.save({"a": torch.ones(2)}, adapter / "adapter_model.bin")
    words = refusal(adapter)
    assert "only pickles" in words
    assert "adapter_model.bin" in words
    with pytest.raises(Refused, match="only pickles"):
        content_hash(adapter)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"peft_type": "IA3"}, "only LoRA adapters"),
        ({"peft_type": ...}, "only LoRA adapters"),
        ({"use_dora": True}, "use_dora: True"),
        ({"use_qalora": True}, "use_qalora: True"),
        ({"alora_invocation_tokens": [1, 2]}, "alora_invocation_tokens"),
        ({"layer_replication": [[0, 2], [1, 3]]}, "layer_replication"),
        ({"trainable_token_indices": [3]}, "trainable_token_indices"),
        ({"target_parameters": ["mlp.experts.gate_up_proj"]}, "target_parameters"),
        ({"init_lora_weights": "pissa"}, "pissa moved a part of the base's weights"),
        ({"init_lora_weights": "pissa_niter_16"}, "path_initial_model_for_weight_conversion"),
        ({"init_lora_weights": "loftq"}, "loftq moved"),
        ({"init_lora_weights": "olora"}, "olora moved"),
        ({"r": 0}, "r must be a whole number of at least 1"),
        ({"r": ...}, "r must be a whole number"),
        ({"r": "8"}, "r must be a whole number"),
        ({"lora_alpha": None}, "lora_alpha must be a number"),
        ({"lora_alpha": float("inf")}, "lora_alpha must be a number"),
        ({"rank_pattern": {"q_proj": 2.5}}, "q_proj must be a whole number"),
        ({"alpha_pattern": {"(": 2}}, "a setting is broken"),
        ({"init_lora_weights": "mica"}, "mica moved"),
        ({"kasa_config": {"beta": 1}}, "kasa_config"),
        ({"base_model_name_or_path": "x" * 300}, "a setting is broken"),
        ({"base_model_name_or_path": "a\0b"}, "a setting is broken"),
        ({"base_model_name_or_path": 3}, "a setting is broken"),
        ({"modules_to_save": 3}, "a setting is broken"),
        ({"rank_pattern": [1]}, "a setting is broken"),
        ({"rank_pattern": {"q_proj": 5}}, "another rank than the settings give this module: 5"),
        ({"r": 8}, "another rank than the settings give this module: 8"),
    ],
)
def test_settings_that_are_refused(adapter: Path, fields: dict[str, Any], words: str) -> None:
    change(adapter, **fields)
    message = refusal(adapter)
    assert words in message
    assert str(adapter) in message


def test_broken_settings(adapter: Path) -> None:
    for text in ("{", "[]", "3"):
        (adapter / "adapter_config.json").write_text(text)
        assert "adapter_config.json cannot be read" in refusal(adapter)
        with pytest.raises(Refused, match=r"adapter_config\.json cannot be read"):
            content_hash(adapter)


@pytest.mark.parametrize("start", [True, False, "gaussian", "eva", "orthogonal"])
def test_starts_that_leave_the_base_alone(adapter: Path, start: bool | str) -> None:
    change(adapter, init_lora_weights=start)
    assert open_adapter(adapter).names


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({f"{Q}.lora_magnitude_vector": torch.ones(96)}, "no part of a plain LoRA"),
        ({f"{Q}.lora_B.weight": None}, "A without B"),
        ({f"{Q}.lora_A.weight": None}, "B without A"),
        ({f"{Q}.lora_C.weight": torch.ones(2)}, "1 tensors that are no part of a plain LoRA"),
        ({f"{Q}.lora_A.bias": torch.ones(2)}, "no part of a plain LoRA"),
        ({"model.norm.weight": torch.ones(96)}, "no part of a plain LoRA"),
        ({f"{Q}.bias": torch.ones(96)}, "no part of a plain LoRA"),
        ({f"{Q}.lora_A.second.weight": torch.ones(4, 96)}, "no part of a plain LoRA"),
        ({f"{Q}.lora_A.weight": torch.ones(4, 96, 1, 1)}, "are no matrices"),
        ({f"{Q}.lora_A.weight": torch.ones(3, 96)}, "another rank"),
        ({f"{Q}.lora_A.weight": torch.ones(4, 96, dtype=torch.int8)}, "of a type that weights cannot be added in"),
    ],
)
def test_tensors_that_are_refused(adapter: Path, tensors: dict[str, torch.Tensor | None], words: str) -> None:
    change_tensors(adapter, **tensors)
    message = refusal(adapter)
    assert words in message
    assert str(adapter) in message


def test_names_without_the_prefix(adapter: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    save_file({name.removeprefix("base_model.model."): t for name, t in load_file(file).items()}, file)
    assert "no part of a plain LoRA" in refusal(adapter)


def test_two_adapters_in_one_file(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    made = adapterfiles.factors(adapterfiles.shapes(weights))
    folder = adapterfiles.write(tmp_path / "a", made, given="one")
    other = load_file(adapterfiles.write(tmp_path / "b", made, given="two") / "adapter_model.safetensors")
    save_file({**load_file(folder / "adapter_model.safetensors"), **other}, folder / "adapter_model.safetensors")
    words = refusal(folder)
    assert "more than one adapter in one file" in words
    assert "one, two" in words


def test_all_reasons_at_once(adapter: Path) -> None:
    change_tensors(
        adapter, **{f"{Q}.lora_B.weight": None, f"{DOWN}.lora_A.weight": torch.ones(3, 256), "x.y": torch.ones(1)}
    )
    words = refusal(adapter)
    assert all(part in words for part in ("A without B", "another rank", "no part of a plain LoRA"))
    change(adapter, use_dora=True, layer_replication=[[0, 1]])
    (adapter / "adapter_model.safetensors").write_bytes(b"")
    words = refusal(adapter)
    assert all(part in words for part in ("use_dora", "layer_replication", "truncated"))


# A tied model's embedding and head


def tied_pair(weights: dict[str, torch.Tensor], folder: Path, changed: float = 0.0) -> Path:
    """Both halves of a tied model changed, as PEFT's `ensure_weight_tying` saves them."""
    rows, width = weights["model.embed_tokens.weight"].shape
    a, b = adapterfiles.factors({"model.embed_tokens": (width, rows)})["model.embed_tokens"]
    head = {"lm_head": (b.T.contiguous(), a.T + changed)}
    return adapterfiles.write(folder, head, embeddings={"model.embed_tokens": (a, b)}, r=4, ensure_weight_tying=True)


def test_equal_halves_of_a_tied_model_are_one(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    found = assembled("alpha=1", plus=tied_pair(weights, tmp_path / "a"))
    assert "lm_head.weight" in found.report.left_out
    assert not any("unchanged head" in str(warning) for warning in found.report.warnings)
    name = "model.embed_tokens.weight"
    expected = (weights[name].float() + open_adapter(tmp_path / "a").get(name)).bfloat16()
    assert bits(VariantTensors(found.recipe).read(name)) == bits(expected)
    other = tinymodels.perturbed(INSTRUCT, tmp_path / "other", scale=0.01)
    assert assembled(plus=tmp_path / "a", minus=other).report.problems == []
    assert assembled(plus=tmp_path / "a", minus=tied_pair(weights, tmp_path / "b")).report.problems == []


def test_halves_that_were_trained_apart_are_refused_for_that(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    folder = tied_pair(weights, tmp_path / "a", changed=0.5)
    words = "changes lm_head.weight and model.embed_tokens.weight in different ways, but the base has one tensor"
    other = tinymodels.perturbed(INSTRUCT, tmp_path / "other", scale=0.01)
    for minus in (None, other):
        with pytest.raises(Refused, match=words) as caught:
            assembled(plus=folder, minus=minus)
        assert "ensure_weight_tying" in str(caught.value)
    assert "lm_head.weight" in open_adapter(
        folder, open_checkpoint(tinymodels.make(tmp_path / "untied", tied=False, vocab=666, hidden=96, heads=3))
    )


@pytest.mark.parametrize("config", [{"target_modules": ["embed_tokens"]}, {"modules_to_save": ["embed_tokens"]}])
def test_peft_ties_both_halves(config: dict[str, Any], base: Checkpoint, tmp_path: Path) -> None:
    config = {"target_modules": ["q_proj"], **config}
    merged = peft_adapter(INSTRUCT, tmp_path / "a", r=4, ensure_weight_tying=True, seed=None, **config)
    adapter = plan_term(tmp_path / "a", None, base, "t").plus
    assert adapter.not_weights == ("lm_head.weight",)
    name = "model.embed_tokens.weight"
    assert torch.allclose(base.get(name).float() + adapter.get(name), merged[name], rtol=0, atol=1e-6)


# As vectors of a config


def assembled(*overrides: str, plus: Path | str, minus: Path | str | None = None) -> assembly.Assembled:
    schema.register()
    term = f"{{plus: {{path: '{plus}'}}" + (f", minus: {{path: '{minus}'}}" if minus else "") + "}"
    with initialize_config_dir(str(schema.config_dir()), version_base="1.3"):
        given = [f"vector.terms=[{term}]", "vector.label=lora", *overrides]
        asked = schema.parse(compose("config", overrides=given))
    problems: list[Problem] = []
    base, donors = assembly.open_all(asked, problems)
    if problems or base is None:
        raise Refused(problems)
    return assembly.assemble(asked, base, donors)


def bits(tensor: torch.Tensor) -> bytes:
    return bytes(tensor.contiguous().view(torch.uint8).numpy())


@pytest.mark.parametrize("alpha", [1.0, -0.5])
def test_the_variant_is_the_base_and_what_the_adapter_adds(
    alpha: float, weights: dict[str, torch.Tensor], adapter: Path
) -> None:
    found = assembled(f"alpha={alpha}", plus=adapter)
    assert found.label == f"tiny {'+' if alpha > 0 else '-'} {abs(alpha):g} lora"
    assert found.report.problems == []
    assert found.report.warnings == []
    assert found.recipe == Recipe.from_json(found.recipe.to_json())
    variant, learnt = VariantTensors(found.recipe), open_adapter(adapter)
    for name, theta in weights.items():
        expected = theta
        if name in learnt:
            expected = (theta.float() + alpha * learnt.get(name)).bfloat16()
        assert bits(variant.read(name)) == bits(expected), name


def test_two_adapters_as_a_vector(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    shapes = adapterfiles.shapes(weights)
    some = [dict(list(shapes.items())[:5]), dict(list(shapes.items())[3:])]
    folders = [
        adapterfiles.write(tmp_path / str(number), adapterfiles.factors(one, seed=number))
        for number, one in enumerate(some)
    ]
    found = assembled("alpha=1", plus=folders[0], minus=folders[1])
    assert found.report.warnings == []
    variant, learnt = VariantTensors(found.recipe), [open_adapter(folder) for folder in folders]
    for name, theta in weights.items():
        parts = [one.get(name) if name in one else torch.zeros(theta.shape) for one in learnt]
        touched = any(name in one for one in learnt)
        expected = (theta.float() + (parts[0] - parts[1])).bfloat16() if touched else theta
        assert bits(variant.read(name)) == bits(expected), name
    same = assembled(plus=folders[0], minus=folders[0])
    assert any("this term is zero" in str(warning) for warning in same.report.warnings)


def test_the_base_that_takes_part_belongs_to_the_fingerprint(adapter: Path, tmp_path: Path) -> None:
    other = tinymodels.perturbed(INSTRUCT, tmp_path / "other", scale=0.01)
    alone, model = assembled(plus=adapter).recipe, assembled(plus=adapter, minus=other).recipe
    assert "plus_on" not in alone.terms[0].known
    copy = tinymodels.sibling(INSTRUCT, tmp_path / "copy")
    change(adapter, base_model_name_or_path=str(copy))
    assert assembled(plus=adapter, minus=other).recipe.fingerprint == model.fingerprint
    change(adapter, base_model_name_or_path=str(tinymodels.perturbed(INSTRUCT, tmp_path / "third", scale=0.01)))
    assert assembled(plus=adapter, minus=other).recipe.fingerprint != model.fingerprint
    changed = assembled(plus=adapter)
    assert changed.recipe.fingerprint == alone.fingerprint
    assert ["trained on" in str(warning) for warning in changed.report.warnings] == [True]


def test_an_adapter_written_anew_is_read_anew(weights: dict[str, torch.Tensor], adapter: Path) -> None:
    name = f"{Q}.weight"
    first = VariantTensors(assembled(plus=adapter).recipe).read(name)
    change(adapter, lora_alpha=32)
    second = VariantTensors(assembled(plus=adapter).recipe).read(name)
    assert torch.equal(second, (weights[name].float() + 2 * (open_adapter(adapter).get(name) / 2)).bfloat16())
    assert not torch.equal(first, second)


def test_another_models_adapter_is_refused_with_the_name_of_its_model(
    weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    made = {
        **adapterfiles.factors({"model.layers.0.attention.wq": (96, 96)}),
        **adapterfiles.factors({DOWN: (96, 300)}),
        **adapterfiles.factors({Q: (96, 96)}),
    }
    folder = adapterfiles.write(tmp_path / "a", made, base_model_name_or_path="org/another")
    with pytest.raises(Refused) as caught:
        assembled(plus=folder)
    words = str(caught.value)
    assert "1 tensor not in the base: model.layers.0.attention.wq.weight (here instead: model.layers." in words
    assert f"another shape: {DOWN}.weight" in words
    assert words.count("trained on org/another") == 2
    # What fits may be chosen, or forced; the rest is said.
    fits = assembled("vector.scope=[q_proj]", plus=folder)
    assert any("trained on org/another" in str(warning) for warning in fits.report.warnings)
    forced = assembled("force_incompatible=true", plus=folder)
    assert forced.recipe.forced
    variant = VariantTensors(forced.recipe)
    assert torch.equal(variant.read(f"{DOWN}.weight"), weights[f"{DOWN}.weight"])
    assert not torch.equal(variant.read(f"{Q}.weight"), weights[f"{Q}.weight"])


def test_a_tokenizer_beside_an_adapter_matters_where_rows_are_changed(
    weights: dict[str, torch.Tensor], adapter: Path, tmp_path: Path
) -> None:
    rows, width = weights["model.embed_tokens.weight"].shape
    made = adapterfiles.factors({"model.embed_tokens": (width, rows)})
    other = adapterfiles.write(tmp_path / "rows", {}, embeddings=made, r=4)
    for folder in (adapter, other):
        tinymodels.tokenizer(folder, 300)
    assert assembled(plus=adapter).report.warnings == []
    with pytest.raises(Refused, match="another tokenizer"):
        assembled(plus=other)


def test_what_is_not_there_is_said_for_both_sides_at_once(adapter: Path, tmp_path: Path) -> None:
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(Refused) as caught:
        assembled(plus=adapter, minus=tmp_path / "nowhere")
    assert "no such folder" in str(caught.value)
    broken = tinymodels.sibling(INSTRUCT, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"")
    with pytest.raises(Refused) as caught:
        assembled(plus=adapter, minus=broken)
    assert "no weights in this folder" in str(caught.value)
    assert "truncated" in str(caught.value)


def test_an_adapter_cannot_be_served_alone(adapter: Path) -> None:
    with pytest.raises(Refused, match="not a model"):
        assembled("model.donor=plus", plus=adapter)


# Against PEFT


def peft_adapter(
    base: Path, out: Path, seed: int | None = 0, dtype: str = "float32", **config: Any
) -> dict[str, torch.Tensor]:
    """An adapter with random weights as PEFT saves it, and the tensors of the model that PEFT merges it into.

    Without a seed the weights stay as PEFT starts them.
    """
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=getattr(torch, dtype))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed or 0)
        model = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **config))
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad and seed is not None:
                    parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(out)
    merged = model.merge_and_unload()
    state: dict[str, torch.Tensor] = merged.state_dict()
    return {name: tensor.detach().clone() for name, tensor in state.items()}


PEFT_CASES: dict[str, dict[str, Any]] = {
    "plain": {"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]},
    "all linear": {"r": 3, "lora_alpha": 7, "target_modules": "all-linear"},
    "rslora": {"r": 8, "lora_alpha": 16, "use_rslora": True, "target_modules": ["down_proj"]},
    "patterns": {
        **{"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "k_proj", "up_proj"]},
        **{"rank_pattern": {"layers.1.self_attn.q_proj": 2, "k_proj": 3}, "alpha_pattern": {r"[0-2]\.mlp\.up_proj": 5}},
    },
    "embedding": {"r": 4, "lora_alpha": 4, "target_modules": ["embed_tokens", "o_proj"]},
    "lora bias": {"r": 4, "lora_bias": True, "target_modules": ["q_proj", "v_proj"]},
    "bias all": {"r": 4, "bias": "all", "target_modules": ["q_proj", "gate_proj"]},
    "bias lora_only": {"r": 4, "bias": "lora_only", "target_modules": ["q_proj", "gate_proj"]},
    "modules to save": {"r": 4, "modules_to_save": ["norm", "up_proj"], "target_modules": ["q_proj"]},
    "some layers": {"r": 4, "layers_to_transform": [1, 3], "target_modules": ["q_proj"]},
}


@pytest.mark.parametrize("case", PEFT_CASES)
def test_peft_merges_the_same_model(case: str, base: Checkpoint, tmp_path: Path) -> None:
    merged = peft_adapter(INSTRUCT, tmp_path / "a", **PEFT_CASES[case])
    adapter = plan_term(tmp_path / "a", None, base, "t").plus
    assert isinstance(adapter, Adapter)
    assert trained_elsewhere(adapter, base) == ""
    assert set(adapter.names) <= set(base.names)
    changed = set()
    for name in base.names:
        theta = base.get(name)
        found = combine(theta, [Difference(adapter.get(name))] if name in adapter else [], 1.0)
        # PEFT adds in float32 here; both are rounded to bfloat16 once. A module that it saves whole it takes as it is.
        expected = merged[name]
        if name in adapter.whole:
            assert torch.allclose(theta.float() + adapter.get(name), expected, rtol=0, atol=1e-6)
        else:
            assert torch.equal(found, expected.bfloat16()), name
        if not torch.equal(expected, theta.float()):
            changed.add(name)
    assert changed
    assert changed <= set(adapter.names)


def test_a_model_that_peft_merges_in_bfloat16_is_the_variant_bit_for_bit(base: Checkpoint, tmp_path: Path) -> None:
    merged = peft_adapter(INSTRUCT, tmp_path / "a", dtype="bfloat16", r=4, target_modules=["q_proj", "down_proj"])
    adapter, variant = open_adapter(tmp_path / "a"), VariantTensors(assembled("alpha=1", plus=tmp_path / "a").recipe)
    for name in base.names:
        assert bits(variant.read(name)) == bits(merged[name])
        assert (name in adapter) == (not torch.equal(merged[name], base.get(name)))


def test_peft_on_layers_that_store_their_matrices_the_other_way_round(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=300, n_positions=64, n_embd=32, n_layer=2, n_head=2)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path / "base")
    merged = peft_adapter(tmp_path / "base", tmp_path / "a", r=4, target_modules=["c_attn"], fan_in_fan_out=True)
    base, adapter = open_checkpoint(tmp_path / "base"), open_adapter(tmp_path / "a")
    assert len(adapter.names) == 2
    for name in adapter.names:
        assert base.shape(name) == adapter.shape(name) == (32, 96)
        assert torch.equal(base.get(name) + adapter.get(name), merged[name])


def test_an_untied_head_that_peft_saves_whole(tmp_path: Path) -> None:
    folder = tinymodels.make(tmp_path / "base", tied=False, dtype="float32")
    merged = peft_adapter(folder, tmp_path / "a", r=4, target_modules=["q_proj"], modules_to_save=["lm_head"])
    base = open_checkpoint(folder)
    adapter = plan_term(tmp_path / "a", None, base, "t").plus
    assert "lm_head.weight" in adapter
    for name in adapter.names:
        assert torch.allclose(base.get(name) + adapter.get(name), merged[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_peft_with_a_start_that_takes_from_the_base(start: str, base: Checkpoint, tmp_path: Path) -> None:
    """What is refused would be wrong by far: B @ A on the untouched base is not the model that was trained."""
    model = INSTRUCT
    merged = peft_adapter(model, tmp_path / "a", r=4, target_modules=["q_proj"], init_lora_weights=start)
    assert f"{start} moved a part" in refusal(tmp_path / "a")
    change(tmp_path / "a", init_lora_weights=True)
    adapter, name = open_adapter(tmp_path / "a"), f"{Q}.weight"
    wrong = base.get(name).float() + adapter.get(name)
    assert (wrong - merged[name]).norm() > 0.1 * merged[name].norm()


def test_peft_dora_is_refused(tmp_path: Path) -> None:
    peft_adapter(INSTRUCT, tmp_path / "a", r=4, target_modules=["q_proj"], use_dora=True)
    words = refusal(tmp_path / "a")
    assert "use_dora" in words
    change(tmp_path / "a", use_dora=False)
    assert "no part of a plain LoRA" in refusal(tmp_path / "a")
