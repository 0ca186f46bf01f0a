"""Donors that fit less: what each view changes and keeps, that the gate sees it, what is added where it is forced."""

from __future__ import annotations

from pathlib import Path

import pytest
import tinymodels
import torch

from rveval import recipe as variants
from rveval.checkpoints import Checkpoint, assert_finite, compatibility, open_checkpoint, vocabulary
from rveval.checkpoints.misfits import fitted
from rveval.errors import Refused
from rveval.recipe import Recipe, RecipeTerm
from rveval.vectors.scopes import Scope

MISFITS = ("tensor", "tokenizer", "vocabulary", "hidden_size", "architecture")
EMBEDDING = "model.embed_tokens.weight"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("misfits")
    base = tinymodels.make(folder / "base", layers=4)
    untied = tinymodels.make(folder / "untied", tied=False)
    llama = tinymodels.make(folder / "llama", "llama")
    found = {"base": base, "untied": untied, "llama": llama}
    for name, of in (("plus", base), ("minus", base), ("untied_plus", untied)):
        found[name] = tinymodels.perturbed(of, folder / name, seed=len(name))
    return found


@pytest.fixture
def plus(here: dict[str, Path]) -> Checkpoint:
    return open_checkpoint(here["plus"])


def every_tensor(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return {name: checkpoint.get(name) for name in checkpoint.names}


# --- the views


@pytest.mark.parametrize("misfit", ["", "none"])
def test_no_misfit_is_the_donor_itself(plus: Checkpoint, misfit: str) -> None:
    assert fitted(plus, misfit) is plus


@pytest.mark.parametrize("name", ["plus", "untied", "llama"])
@pytest.mark.parametrize("misfit", MISFITS)
def test_a_view_is_a_whole_checkpoint(here: dict[str, Path], name: str, misfit: str) -> None:
    donor = open_checkpoint(here[name])
    view = fitted(donor, misfit)
    assert list(view.names) == sorted(view.names)
    assert (view.folder, view.files, view.absent_is_zero) == (donor.folder, donor.files, False)
    tensors = every_tensor(view)
    for name, tensor in tensors.items():
        assert name in view
        assert (tuple(tensor.shape), tensor.dtype) == (view.shape(name), torch.bfloat16)
        assert view.dtype(name) == "BF16"
        assert bytes(view.raw(name)) == tensor.contiguous().view(torch.uint8).numpy().tobytes()
    assert view.nbytes == sum(tensor.nbytes for tensor in tensors.values())
    assert_finite(view)
    with pytest.raises(KeyError, match="nearest"):
        view.get("nothing")
    assert "nothing" not in view


@pytest.mark.parametrize("misfit", MISFITS)
def test_a_view_is_the_same_every_time_and_writes_nothing(here: dict[str, Path], plus: Checkpoint, misfit: str) -> None:
    before = {path.name: path.read_bytes() for path in here["plus"].iterdir()}
    one, two = fitted(plus, misfit), fitted(open_checkpoint(here["plus"]), misfit)
    assert (one.names, one.config, one.identity) == (two.names, two.config, two.identity)
    assert one.vocabulary == two.vocabulary
    assert all(torch.equal(one.get(name), two.get(name)) for name in one.names)
    assert {path.name: path.read_bytes() for path in here["plus"].iterdir()} == before
    assert plus.config == open_checkpoint(here["plus"]).config


def test_misfits_are_told_apart(here: dict[str, Path], plus: Checkpoint) -> None:
    views = [fitted(open_checkpoint(here[name]), misfit) for name in ("plus", "minus") for misfit in MISFITS]
    assert len({view.identity for view in views} | {plus.identity}) == 11


def test_tensor_renames_one_matrix_in_the_middle(plus: Checkpoint) -> None:
    view = fitted(plus, "tensor")
    (gone,) = set(plus.names) - set(view.names)
    (new,) = set(view.names) - set(plus.names)
    assert gone.split(".")[2] in ("1", "2")
    assert len(plus.shape(gone)) == 2
    assert torch.equal(view.get(new), plus.get(gone))
    assert view.config == plus.config


@pytest.mark.parametrize("name", ["plus", "untied_plus"])
def test_tokenizer_moves_two_thirds_of_the_tokens_and_their_rows(here: dict[str, Path], name: str) -> None:
    donor = open_checkpoint(here[name])
    view = fitted(donor, "tokenizer")
    ours, theirs = vocabulary.read(donor.folder), view.vocabulary
    assert ours is not None
    assert theirs is not None
    assert ours.ids.keys() == theirs.ids.keys()
    assert sorted(ours.ids.values()) == sorted(theirs.ids.values())
    moved = sum(ours.ids[token] != theirs.ids[token] for token in ours.ids)
    assert moved == round(2 / 3 * len(ours.ids))
    rows = [one for one in (EMBEDDING, "lm_head.weight") if one in donor]
    assert len(rows) == (2 if name == "untied_plus" else 1)
    for one in rows:
        # every token keeps its row, wherever its id has gone
        assert all(torch.equal(view.get(one)[theirs.ids[token]], donor.get(one)[ours.ids[token]]) for token in ours.ids)
    assert all(torch.equal(view.get(one), donor.get(one)) for one in donor.names if one not in rows)


def test_tokenizer_moves_the_rows_of_both_donors_alike(here: dict[str, Path]) -> None:
    both = [open_checkpoint(here[name]) for name in ("plus", "minus")]
    plain = both[0].get(EMBEDDING).float() - both[1].get(EMBEDDING).float()
    plus, minus = (fitted(one, "tokenizer") for one in both)
    moved = plus.get(EMBEDDING).float() - minus.get(EMBEDDING).float()
    assert not torch.equal(moved, plain)
    assert torch.equal(moved.sum(1).sort().values, plain.sum(1).sort().values)


def test_vocabulary_adds_rows_and_tokens(plus: Checkpoint) -> None:
    view = fitted(plus, "vocabulary")
    rows, width = plus.shape(EMBEDDING)
    assert view.shape(EMBEDDING) == (rows + 64, width)
    assert view.config["vocab_size"] == rows + 64
    assert torch.equal(view.get(EMBEDDING)[:rows], plus.get(EMBEDDING))
    assert view.vocabulary is not None
    assert view.vocabulary.size == rows + 64


def test_hidden_size_is_a_head_wider_everywhere(plus: Checkpoint) -> None:
    view = fitted(plus, "hidden_size")
    assert plus.config["hidden_size"] == 64
    assert (view.config["hidden_size"], view.config["num_attention_heads"], view.config["head_dim"]) == (96, 3, 32)
    for name in plus.names:
        assert view.shape(name) == tuple(96 if size == 64 else size for size in plus.shape(name))
        corner = tuple(slice(size) for size in plus.shape(name))
        assert torch.equal(view.get(name)[corner], plus.get(name))
        assert view.get(name).count_nonzero() == plus.get(name).count_nonzero()  # zeros everywhere else


def test_architecture_is_the_other_of_two_families(here: dict[str, Path], plus: Checkpoint) -> None:
    view = fitted(plus, "architecture")
    assert (view.config["model_type"], view.config["architectures"]) == ("llama", ["LlamaForCausalLM"])
    assert {name for name in plus.names if name not in view} == {name for name in plus.names if "bias" in name}
    view = fitted(open_checkpoint(here["llama"]), "architecture")
    assert (view.config["model_type"], view.config["architectures"]) == ("qwen2", ["Qwen2ForCausalLM"])
    bias = "model.layers.1.self_attn.k_proj.bias"
    assert view.shape(bias) == (64,)
    assert not view.get(bias).any()


# --- the gate, and by force


def gate(here: dict[str, Path], misfit: str, forced: bool = False) -> compatibility.Report:
    donors = [(f"vector.terms[0].{side}", fitted(open_checkpoint(here[side]), misfit)) for side in ("plus", "minus")]
    return compatibility.check(open_checkpoint(here["base"]), donors, Scope(), forced=forced)


@pytest.mark.parametrize(
    ("misfit", "says"),
    [
        ("tensor", ["1 tensor of the base missing here", "_renamed"]),
        ("tokenizer", ["341 tokens have another id"]),
        ("vocabulary", ["vocab_size differs", "another number of vocabulary rows", "64 tokens have another id"]),
        ("hidden_size", ["hidden_size differs", "another shape"]),
        ("architecture", ["architecture differs", "model_type differs", "12 tensors of the base missing here"]),
    ],
)
def test_the_gate_sees_every_misfit(here: dict[str, Path], misfit: str, says: list[str]) -> None:
    report = gate(here, misfit)
    with pytest.raises(Refused) as refused:
        report.raise_if_refused()
    assert [words for words in says if words not in str(refused.value)] == []


def test_the_gate_lets_the_donors_themselves_through(here: dict[str, Path]) -> None:
    assert gate(here, "none").problems == []


def forced(here: dict[str, Path], misfit: str) -> dict[str, torch.Tensor]:
    term = RecipeTerm(str(here["plus"]), str(here["minus"]), 1.0, "p", "m")
    recipe = Recipe(str(here["base"]), "b", (term,), 1.0, misfit=misfit, forced=bool(misfit))
    return dict(variants.tensors(Recipe.from_json(recipe.to_json())))


@pytest.mark.parametrize("misfit", MISFITS)
def test_by_force_what_fits_is_added_and_the_rest_keeps_the_bases_bits(here: dict[str, Path], misfit: str) -> None:
    base, whole, found = every_tensor(open_checkpoint(here["base"])), forced(here, ""), forced(here, misfit)
    view = fitted(open_checkpoint(here["plus"]), misfit)
    kept = {name for name in base if name not in view or view.shape(name) != tuple(base[name].shape)}
    for name, tensor in base.items():
        if name in kept:
            assert torch.equal(found[name], tensor)
        elif misfit == "tokenizer" and name == EMBEDDING:
            assert not torch.equal(found[name], whole[name])
            assert not torch.equal(found[name], tensor)
        else:
            assert torch.equal(found[name], whole[name])
    biases = {name for name in base if "bias" in name}
    assert {
        "tensor": len(kept) == 1,
        "tokenizer": kept == set(),
        "vocabulary": kept == {EMBEDDING},
        "hidden_size": kept == set(base),  # heads as wide as the whole: nothing is left that fits
        "architecture": kept == biases,
    }[misfit]


def test_where_nothing_fits_force_is_refused_too(here: dict[str, Path]) -> None:
    report = gate(here, "hidden_size", forced=True)
    assert any("nothing to force" in problem.what for problem in report.problems)
    assert gate(here, "tensor", forced=True).problems == []
