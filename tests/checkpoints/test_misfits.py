"""Donors that fit less (scripts/tiny/misfits.py): the gate sees each, and by force what fits is added and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tinymodels
import torch

from rveval.checkpoints import TINY, Report, assert_finite, gate, open_checkpoint
from rveval.recipe import Recipe, RecipeTerm, tensors
from rveval.vectors.scopes import Scope

EMBEDDING = "model.embed_tokens.weight"
SAYS = {
    "tensor": ["1 tensor of the base missing here", "_renamed"],
    "tokenizer": ["341 tokens have another id"],
    "vocabulary": ["vocab_size differs", "another number of vocabulary rows", "64 tokens have another id"],
    "hidden_size": ["hidden_size differs", "another shape"],
    "architecture": ["architecture differs", "model_type differs", "12 tensors of the base missing here"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base, plus, minus, and NAME/{plus,minus} for every misfit."""
    folder = tmp_path_factory.mktemp("misfits")
    base = tinymodels.make(folder / "base", layers=4)
    for seed, side in enumerate(("plus", "minus")):
        tinymodels.perturbed(base, folder / side, seed=seed)
        for name in SAYS:
            tinymodels.misfit(folder / side, folder / name / side, name)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "cache"))


def report(folder: Path, name: str, forced: bool = False) -> Report:
    sides = ("plus", "minus")
    donors = [(f"vector.terms[0].{side}", open_checkpoint(folder / name / side)) for side in sides]
    return gate(open_checkpoint(folder / "base"), donors, Scope(), forced=forced)


@pytest.mark.parametrize("name", SAYS)
def test_the_gate_sees_every_misfit(folder: Path, name: str) -> None:
    text = "\n".join(map(str, report(folder, name).problems))
    assert [words for words in SAYS[name] if words not in text] == []
    assert_finite(open_checkpoint(folder / name / "plus"))


@pytest.mark.parametrize("name", SAYS)
def test_by_force_what_fits_is_added_and_the_rest_keeps_the_bases_bits(folder: Path, name: str) -> None:
    base = tinymodels.tensors(folder / "base")
    donor = open_checkpoint(folder / name / "plus")
    kept = {one for one in base if one not in donor or donor.shape(one) != tuple(base[one].shape)}
    biases = {one for one in base if "bias" in one}
    expected = {"tokenizer": set(), "vocabulary": {EMBEDDING}, "hidden_size": set(base), "architecture": biases}
    assert kept == expected.get(name, kept)
    assert name != "tensor" or len(kept) == 1
    if name == "hidden_size":  # heads as wide as the whole: nothing is left that fits
        assert any("nothing to force" in problem.what for problem in report(folder, name, forced=True).problems)
        return
    forced = report(folder, name, forced=True)
    assert (forced.problems, forced.forced) == ([], True)
    assert kept <= set(forced.left_out)
    variants = []
    for place, is_forced in ((folder, False), (folder / name, True)):
        term = RecipeTerm(str(place / "plus"), str(place / "minus"), 1.0, place.name, place.name)
        variants.append(dict(tensors(Recipe(str(folder / "base"), "b", (term,), 1.0, forced=is_forced))))
    for one, tensor in base.items():
        moved = name == "tokenizer" and one == EMBEDDING
        assert torch.equal(variants[1][one], tensor if one in kept else variants[0][one]) != moved, one


def test_a_donor_of_llama_becomes_one_of_qwen2(tmp_path: Path) -> None:
    llama = tinymodels.make(tmp_path / "llama", "llama")
    donor = open_checkpoint(tinymodels.misfit(llama, tmp_path / "other", "architecture"))
    assert (donor.config["model_type"], donor.config["architectures"]) == ("qwen2", ["Qwen2ForCausalLM"])
    bias = donor.get("model.layers.1.self_attn.k_proj.bias")
    assert (tuple(bias.shape), bool(bias.any())) == ((64,), False)


@pytest.mark.slow
def test_the_command_writes_all_of_them_from_the_tiny_family(tmp_path: Path) -> None:
    script = tinymodels.SCRIPTS / "tiny" / "misfits.py"
    subprocess.run([sys.executable, str(script), str(tmp_path / "out")], check=True)
    written = {f"{path.parent.parent.name}/{path.parent.name}" for path in tmp_path.glob("out/*/*/config.json")}
    assert written == {f"{name}/{side}" for name in SAYS for side in ("plus", "minus")}
    assert open_checkpoint(tmp_path / "out/tensor/plus").config == open_checkpoint(TINY / "grpo").config
