"""The gate on real tiny checkpoints: what fits, what is refused, what only warns, and that all of it comes at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tinymodels
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from rveval.checkpoints import ABSENT, Checkpoint, Report, architecture, grouped, open_checkpoint
from rveval.checkpoints import gate as check
from rveval.errors import Refused
from rveval.vectors.scopes import Scope

PLUS, MINUS = "vector.terms[0].plus", "vector.terms[0].minus"
ALL = Scope()
NO_ROWS = [r"\.layers\.", r"model\.norm"]


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base, plus, minus: siblings; untied: another tying, same widths."""
    folder = tmp_path_factory.mktemp("family")
    tinymodels.make(folder / "base", kv_heads=1)
    tinymodels.perturbed(folder / "base", folder / "plus", seed=1)
    tinymodels.perturbed(folder / "base", folder / "minus", seed=2)
    tinymodels.make(folder / "untied", tied=False, kv_heads=1)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def donor(family: Path, tmp_path: Path) -> Path:
    """A copy of plus to spoil."""
    return tinymodels.sibling(family / "plus", tmp_path / "donor")


def gate(family: Path, plus: Path, minus: Path | None = None, scope: list[str] | None = None) -> Report:
    donors: list[tuple[str, Checkpoint]] = [
        (PLUS, open_checkpoint(plus)),
        (MINUS, open_checkpoint(minus or family / "minus")),
    ]
    return check(open_checkpoint(family / "base"), donors, ALL if scope is None else Scope(tuple(scope)))


def words(problems: list[Any]) -> str:
    return "\n".join(map(str, problems))


def set_config(folder: Path, **change: Any) -> None:
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps({key: value for key, value in config.items() if value != "gone"}))


def edit(folder: Path, change: Callable[[dict[str, torch.Tensor]], object], shards: int | None = None) -> None:
    named = tinymodels.tensors(folder)
    change(named)
    tinymodels.write(folder, named, shards)


def test_siblings_fit(family: Path) -> None:
    report = gate(family, family / "plus")
    assert (report.problems, report.warnings, report.left_out, report.zero) == ([], [], (), {})
    report.raise_if_refused()


@pytest.mark.parametrize("arch", tinymodels.ARCHITECTURES)
@pytest.mark.parametrize("tied", [True, False])
def test_every_architecture_fits_itself(tmp_path: Path, arch: str, tied: bool) -> None:
    base = tinymodels.make(tmp_path / "base", arch=arch, tied=tied)
    plus = tinymodels.perturbed(base, tmp_path / "plus")
    tinymodels.reshard(plus, 2)
    minus = tinymodels.perturbed(base, tmp_path / "minus", seed=2)
    donors = [(PLUS, open_checkpoint(plus)), (MINUS, open_checkpoint(minus))]
    report = check(open_checkpoint(base), donors, ALL)
    assert (report.problems, report.warnings) == ([], [])


def test_everything_at_once(family: Path, donor: Path) -> None:
    def spoil(named: dict[str, torch.Tensor]) -> None:
        named["model.norm.wieght"] = named.pop("model.norm.weight")
        named["model.layers.1.mlp.up_proj.weight"] = torch.ones(3, 64, dtype=torch.bfloat16)

    edit(donor, spoil)
    set_config(donor, rms_norm_eps=1e-5, hidden_act="gelu")
    (donor / "tokenizer.json").write_text("{")
    with pytest.raises(Refused) as caught:
        gate(family, donor).raise_if_refused()
    text = str(caught.value)
    for part in (
        "1 tensor of the base missing here: model.norm.weight (here instead: model.norm.wieght)",
        "1 tensor not in the base: model.norm.wieght (here instead: model.norm.weight)",
        "another shape: model.layers.1.mlp.up_proj.weight",
        "expected [128, 64], found [3, 64]",
        "rms_norm_eps differs",
        "activation differs",
        "the tokenizer cannot be read",
        PLUS,
        str(donor),
    ):
        assert part in text
    assert MINUS not in text


# Config fields


@pytest.mark.parametrize(
    "change",
    [
        {"architectures": ["FSDPLlamaForCausalLM"]},
        {"model_type": "llama"},
        {"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}},
        {"rope_parameters": {"rope_theta": 1e4, "rope_type": "yarn", "factor": 4.0}},
        {"num_attention_heads": 4},
        {"num_key_value_heads": 2},
        {"head_dim": 64},
        {"hidden_size": 128},
        {"intermediate_size": 256},
        {"num_hidden_layers": 4},
        {"rms_norm_eps": 1e-5},
        {"sliding_window": 32, "use_sliding_window": True},
        {"vocab_size": 600},
        {"tie_word_embeddings": False},
        {"num_experts": 8},
    ],
)
def test_fields_that_matter_are_refused_once_both_say_them(family: Path, donor: Path, change: dict[str, Any]) -> None:
    set_config(donor, **change)
    report = gate(family, donor)
    if "num_experts" in change:  # the base says nothing of experts
        assert "not compared: num_experts" in words(report.warnings)
    else:
        assert len(report.problems) == 1
        assert "differs from the base's" in words(report.problems)


def test_other_fields_warn(family: Path, donor: Path) -> None:
    set_config(donor, max_position_embeddings=4096, eos_token_id=[2, 0], transformers_version="4.1", dtype="float32")
    set_config(donor, architectures=["FSDPQwen2ForCausalLM"])  # the same class, wrapped
    report = gate(family, donor)
    assert report.problems == []
    assert "max_position_embeddings: 2048 against 4096" in words(report.warnings)
    assert "eos_token_id" in words(report.warnings)
    assert "transformers_version" not in words(report.warnings)


def test_older_files_say_the_same(family: Path, donor: Path) -> None:
    set_config(
        donor,
        rope_parameters="gone",
        rope_theta=10000,
        rope_scaling=None,
        head_dim="gone",
        layer_types="gone",
        dtype="gone",
        torch_dtype="bfloat16",
        sliding_window=4096,
        use_sliding_window=False,
    )
    report = gate(family, donor)
    assert report.problems == []
    assert words(report.warnings).count("not compared: layer_types") == 1


def test_gemma_rope_in_both_forms() -> None:
    new = {
        "rope_parameters": {
            "full_attention": {"rope_theta": 1e6, "rope_type": "linear", "factor": 8.0},
            "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"},
        }
    }
    scaling = {"type": "linear", "factor": 8.0}
    old = {"rope_theta": 1_000_000, "rope_local_base_freq": 10_000, "rope_scaling": scaling}
    assert architecture.compare(new, old) == architecture.Difference()
    nested = architecture.compare(new, {"text_config": old, "model_type": "gemma3"})
    assert nested.unsaid == ["model_type"]
    assert "rope" in architecture.compare(new, {**old, "rope_scaling": None}).serious


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(sorted(architecture.SERIOUS)), st.integers(1, 9)))
def test_a_config_never_differs_from_itself_and_differing_is_mutual(config: dict[str, int]) -> None:
    named = {key: value for key, value in config.items() if key not in ("architecture", "activation", "rope")}
    assert architecture.compare(named, named) == architecture.Difference()
    other = {**named, "hidden_size": 10, "num_hidden_layers": 10}
    there, back = architecture.compare(named, other), architecture.compare(other, named)
    assert there.serious == {key: (a, b) for key, (b, a) in back.serious.items()}
    assert there.unsaid == back.unsaid


# Names, tying, types


def test_many_names_are_one_line_and_none_is_dropped(family: Path, donor: Path) -> None:
    edit(donor, lambda named: [named.pop(f"model.layers.{i}.mlp.up_proj.weight") for i in range(2)])
    report = gate(family, donor)
    assert len(report.problems) == 1
    assert "2 tensors of the base missing here: model.layers.*.mlp.up_proj.weight (2)" in words(report.problems)
    assert "vector.scope" in report.problems[0].fix


def test_grouped_counts_every_name() -> None:
    names = [f"m.{layer}.experts.{expert}.w" for layer in range(3) for expert in range(4)] + ["x"]
    assert grouped(names) == "m.*.experts.*.w (12), x"


def test_a_tied_base_and_an_untied_donor(family: Path) -> None:
    report = gate(family, family / "untied")
    assert "lm_head.weight; one of the two ties its output head" in words(report.problems)
    assert "tie_word_embeddings differs" in words(report.problems)
    donors = [(PLUS, open_checkpoint(family / "plus")), (MINUS, open_checkpoint(family / "minus"))]
    report = check(open_checkpoint(family / "untied"), donors, ALL)
    assert "1 tensor of the base missing here: lm_head.weight" in words(report.problems)


@pytest.mark.parametrize("says_tied", [True, False])
def test_a_saved_copy_of_the_tied_head_is_no_difference(family: Path, donor: Path, says_tied: bool) -> None:
    edit(donor, lambda named: named.update({"lm_head.weight": named["model.embed_tokens.weight"].clone()}))
    set_config(donor, tie_word_embeddings=says_tied)
    report = gate(family, donor)
    assert report.problems == []
    assert report.left_out == ("lm_head.weight",)
    assert "copy of the embedding" in words(report.warnings)


@pytest.mark.parametrize("saved", [("base",), ("base", "plus"), ("base", "plus", "minus"), ("minus",)])
def test_a_tied_family_may_be_saved_with_its_head_in_any_folder(
    family: Path, tmp_path: Path, saved: tuple[str, ...]
) -> None:
    for name in ("base", "plus", "minus"):
        folder = tinymodels.sibling(family / name, tmp_path / name)
        if name in saved:
            edit(folder, lambda named: named.update({"lm_head.weight": named["model.embed_tokens.weight"].clone()}))
    report = gate(tmp_path, tmp_path / "plus", tmp_path / "minus")
    assert report.problems == []
    assert report.left_out == ("lm_head.weight",)
    assert "lm_head.weight" not in open_checkpoint(tmp_path / "base")
    assert words(report.warnings).count("copy of the embedding") == len({*saved} - {"base"})


def test_tensors_that_are_no_weights_are_left_out_and_listed(family: Path, donor: Path) -> None:
    edit(donor, lambda named: named.update({"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(16)}))
    report = gate(family, donor)
    assert (report.problems, report.warnings) == ([], [])
    assert report.left_out == ("model.layers.0.self_attn.rotary_emb.inv_freq",)


def test_another_type_warns(family: Path, donor: Path) -> None:
    edit(donor, lambda named: named.update({name: t.float() for name, t in named.items()}))
    report = gate(family, donor)
    assert report.problems == []
    assert "26 tensors are stored in another type" in words(report.warnings)
    assert "expected BF16, found F32" in words(report.warnings)


# Vocabulary


def test_padding_is_fine_where_all_agree(tmp_path: Path) -> None:
    base = tinymodels.make(tmp_path / "base", vocab=512, tokenizer_vocab=300)
    donors = [(PLUS, open_checkpoint(tinymodels.perturbed(base, tmp_path / "plus")))]
    donors.append((MINUS, open_checkpoint(tinymodels.perturbed(base, tmp_path / "minus", seed=2))))
    report = check(open_checkpoint(base), donors, ALL)
    assert (report.problems, report.warnings) == ([], [])


def pad(folder: Path, rows: int) -> None:
    def cut(named: dict[str, torch.Tensor]) -> None:
        old = named["model.embed_tokens.weight"]
        named["model.embed_tokens.weight"] = torch.cat([old, torch.zeros(512, 64, dtype=old.dtype)])[:rows].clone()

    edit(folder, cut)
    set_config(folder, vocab_size=rows)


def test_other_padding_is_refused_unless_the_scope_leaves_it_out(family: Path, donor: Path) -> None:
    pad(donor, 640)
    report = gate(family, donor)
    assert "another number of vocabulary rows: model.embed_tokens.weight" in words(report.problems)
    assert "vocab_size differs" in words(report.problems)
    report = gate(family, donor, scope=NO_ROWS)
    assert report.problems == []
    assert "vocab_size differs" in words(report.warnings)
    assert report.left_out == ("model.embed_tokens.weight",)


def test_ids_beyond_the_rows(family: Path, donor: Path) -> None:
    pad(donor, 500)
    text = words(gate(family, donor).problems)
    assert "the tokenizer has ids beyond the rows of model.embed_tokens.weight" in text
    assert "at least 512 rows" in text


def change_tokenizer(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_another_tokenizer_is_refused(family: Path, donor: Path) -> None:
    def swap(content: dict[str, Any]) -> None:
        vocab = content["model"]["vocab"]
        vocab["A"], vocab["B"] = vocab["B"], vocab["A"]
        content["model"]["merges"].pop()
        content["added_tokens"][1]["content"] = "<think>"

    change_tokenizer(donor, swap)
    text = words(gate(family, donor).problems)
    assert "tokens have another id" in text
    assert "'<think>': none against 1" in text
    assert "other merges" in text
    report = gate(family, donor, scope=NO_ROWS)
    assert report.problems == []
    assert "other merges" in words(report.warnings)


def test_the_same_tokenizer_written_otherwise(family: Path, donor: Path) -> None:
    def rewrite(content: dict[str, Any]) -> None:
        model = content["model"]
        model["merges"] = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
        model["vocab"] = dict(sorted(model["vocab"].items()))

    change_tokenizer(donor, rewrite)
    assert gate(family, donor).warnings == []
    change_tokenizer(donor, lambda content: content["added_tokens"][1].update(special=False))
    report = gate(family, donor)
    assert report.problems == []
    assert "cut text differently" in words(report.warnings)


def test_tokens_that_were_added_in_padded_rows_are_said(tmp_path: Path) -> None:
    base = tinymodels.make(tmp_path / "base", vocab=512, tokenizer_vocab=300)
    plus, minus = (tinymodels.perturbed(base, tmp_path / name, seed=n) for n, name in enumerate(("plus", "minus")))

    def add(row: int) -> Callable[[dict[str, Any]], object]:
        return lambda content: content["added_tokens"].append(
            {**content["added_tokens"][0], "id": row, "content": "[PAD]"}
        )

    change_tokenizer(plus, add(300))
    report = gate(tmp_path, plus, minus)
    assert report.problems == []
    assert "1 tokens stand in rows that are padding for the other tokenizer: '[PAD]' in row 300" in words(
        report.warnings
    )
    change_tokenizer(minus, add(299))  # a row that the base has another token in
    assert "1 tokens have another id ('[PAD]': none against 299)" in words(gate(tmp_path, plus, minus).problems)


def test_a_donor_without_a_tokenizer_warns(family: Path, donor: Path) -> None:
    (donor / "tokenizer.json").unlink()
    report = gate(family, donor)
    assert report.problems == []
    assert "this donor has no readable tokenizer" in words(report.warnings)


def test_other_tokenizer_files_are_told_apart_by_their_hashes(family: Path, donor: Path, tmp_path: Path) -> None:
    base = tinymodels.sibling(family / "base", tmp_path / "base")
    minus = tinymodels.sibling(family / "minus", tmp_path / "minus")
    for folder in (base, minus, donor):
        (folder / "tokenizer.json").unlink()
        (folder / "vocab.json").write_text('{"a": 0, "b": 1}')
        (folder / "merges.txt").write_text("#version: 0.2\na b\n")
    report = gate(tmp_path, donor, minus)
    assert (report.problems, report.warnings) == ([], [])
    (donor / "merges.txt").write_text("#version: 0.2\nb a\n")
    assert "another vocabulary or other merges" in words(gate(tmp_path, donor, minus).problems)
    report = gate(family, donor)  # against a tokenizer.json
    assert report.problems == []
    assert "different kinds" in words(report.warnings)


# Scope


def test_the_scope_decides_what_counts(family: Path, donor: Path) -> None:
    edit(donor, lambda named: named.pop("model.layers.0.mlp.up_proj.weight"))
    edit(donor, lambda named: named.update(surplus=torch.ones(2)))
    assert len(gate(family, donor).problems) == 2
    report = gate(family, donor, scope=[r"self_attn"])
    assert report.problems == []
    assert "surplus" in report.left_out
    assert "model.layers.0.mlp.up_proj.weight" in report.left_out
    assert not any("self_attn" in name for name in report.left_out)


def test_an_empty_scope_is_the_base(family: Path, donor: Path) -> None:
    set_config(donor, hidden_size=3)
    report = gate(family, donor, scope=[])
    assert report.problems == []
    assert len(report.left_out) == 26


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(["self_attn", "mlp", "norm", "embed", r"layers\.1\.", "bias$"]), min_size=1))
def test_in_scope_or_left_out(family: Path, scope: list[str]) -> None:
    import re

    base = open_checkpoint(family / "base")
    report = check(base, [], Scope(tuple(scope)))
    inside = {name for name in base.names if any(re.search(pattern, name) for pattern in scope)}
    assert inside | set(report.left_out) == set(base.names)
    assert not inside & set(report.left_out)
    assert report.problems == []


# Minus


def test_plus_is_minus(family: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(family / "plus", tmp_path / "twin"))
    report = gate(family, family / "plus", twin)
    assert report.problems == []
    assert "plus and minus have the same weights" in words(report.warnings)
    assert "the variant is the base" in words(report.warnings)


def delta(family: Path, folder: Path, metadata: dict[str, str] | None = None) -> Report:
    tinymodels.sibling(family / "plus", folder)
    minus = tinymodels.tensors(family / "minus")
    named = {name: t - minus[name] for name, t in tinymodels.tensors(folder).items() if "norm" not in name}
    save_file(named, folder / "model.safetensors", metadata=metadata)
    return check(open_checkpoint(family / "base"), [(PLUS, open_checkpoint(folder))], ALL)


def test_a_saved_delta(family: Path, tmp_path: Path) -> None:
    report = delta(family, tmp_path / "delta")
    assert "5 tensors of the base missing here" in words(report.problems)
    assert ABSENT in words(report.problems)
    report = delta(family, tmp_path / "sparse", {ABSENT: "zero"})
    assert report.problems == []
    assert len(report.zero[PLUS]) == 5
    assert "count as zero" in words(report.warnings)


def test_only_a_delta_may_leave_tensors_out(family: Path, tmp_path: Path) -> None:
    delta(family, tmp_path / "sparse", {ABSENT: "zero"})
    assert "missing here" in words(gate(family, tmp_path / "sparse").problems)


def test_the_base_is_no_delta(family: Path) -> None:
    base = open_checkpoint(family / "base")
    report = check(base, [(PLUS, base)], ALL)
    assert "this is the base itself" in words(report.problems)
    assert "vector.terms[0].minus" in words(report.problems)


def test_a_model_is_no_difference(family: Path, tmp_path: Path) -> None:
    base = open_checkpoint(family / "base")
    report = check(base, [(PLUS, open_checkpoint(family / "plus"))], ALL)
    assert "a whole checkpoint, from which nothing is subtracted" in words(report.problems)
    assert "vector.terms[0].minus={path: FOLDER}" in words(report.problems)
    # Not even if its metadata says so, where its weights are almost the base's.
    folder = tinymodels.sibling(family / "plus", tmp_path / "lies")
    save_file(tinymodels.tensors(folder), folder / "model.safetensors", metadata={ABSENT: "zero"})
    report = check(base, [(PLUS, open_checkpoint(folder))], ALL)
    assert len(report.problems) == 1
    assert "but it is a model: its weights are almost the base's" in words(report.problems)
