"""`python -m rveval.describe`: every number against brute force in float64, and what is refused, written and said."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
import tinymodels
import torch
from conftest import REPOSITORY
from rich.console import Console

from rveval import errors
from rveval.checkpoints import open_checkpoint
from rveval.describe import files, measure, shown
from rveval.describe.__main__ import KEYS, main
from rveval.describe.measure import Measured, Sums
from rveval.recipe import Recipe, RecipeTerm, VariantTensors, write_merged
from rveval.vectors import Difference, Step

TINY = REPOSITORY / "rveval" / "tiny" / "models"
GRPO = "vector.terms=[{plus: {path: 'tiny:grpo'}, minus: {path: 'tiny:sft'}}]"


def run(tmp_path: Path, *words: str, status: int = 0) -> dict[str, Any]:
    """vector.json of a command line."""
    out = tmp_path / "out"
    assert main([*words, f"out={out}"]) == status
    return json.loads((out / "vector.json").read_text()) if status == 0 else {}


def weights(name: str) -> dict[str, torch.Tensor]:
    return tinymodels.tensors(TINY / name)


def flat(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors]) if tensors else torch.zeros(0)


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(a.dot(b) / (a.norm() * b.norm()))


def participation(matrices: Sequence[torch.Tensor]) -> float:
    """The effective rank of matrices side by side, from their singular values."""
    s = torch.cat([torch.linalg.svdvals(matrix.double()) for matrix in matrices])
    return float(s.pow(2).sum() ** 2 / s.pow(4).sum())


class Reference:
    """The vector by brute force: all tensors whole, in float64.

    Args:
        alpha: the scaling coefficient.
        weight: of the layer, by tensor; tensors without one are out of scope.
    """

    def __init__(self, alpha: float, weight: dict[str, float]) -> None:
        self.base, plus, minus, start = (weights(name) for name in ("instruct", "grpo", "sft", "base"))
        self.alpha, self.names = alpha, [name for name in sorted(self.base) if weight.get(name)]
        self.v = {n: weight[n] * (plus[n].double() - minus[n].double()) for n in self.names}
        self.sft = {n: minus[n].double() - start[n].double() for n in self.names}
        self.grpo = {n: plus[n].double() - start[n].double() for n in self.names}
        moved = {n: self.base[n].float() + alpha * weight[n] * (plus[n].float() - minus[n].float()) for n in self.names}
        self.moved = {n: moved[n].bfloat16() != self.base[n] for n in self.names}

    def row(self, names: Sequence[str]) -> dict[str, Any]:
        v, theta = flat([self.v[n] for n in names]), flat([self.base[n].double() for n in names])
        return {
            "tensors": len(names),
            "entries": v.numel(),
            "norm": abs(self.alpha) * float(v.norm()),
            "vector_norm": float(v.norm()),
            "weights_norm": float(theta.norm()),
            "relative": abs(self.alpha) * float(v.norm() / theta.norm()),
            "density": float((v != 0).double().mean()),
            "changed": float(flat([self.moved[n] for n in names]).double().mean()),
            "cosines": {
                "minus": cosine(v, flat([self.sft[n] for n in names])),
                "plus": cosine(v, flat([self.grpo[n] for n in names])),
            },
        }

    def rank(self, names: Sequence[str]) -> float | None:
        matrices = [self.v[name] for name in names if self.v[name].dim() == 2]
        return participation(matrices) if matrices else None


def agree(found: dict[str, Any], reference: Reference, names: Sequence[str]) -> None:
    expected = reference.row(names)
    for key in expected.keys() - {"cosines", "tensors"}:
        assert found[key] == pytest.approx(expected[key], rel=1e-6), key
    assert found["cosines"] == pytest.approx(expected["cosines"], abs=1e-6)
    rank = reference.rank(names)
    assert found["effective_rank"] == (rank if rank is None else pytest.approx(rank, rel=1e-4))


CASES: dict[str, tuple[list[str], float, Any]] = {
    "whole": ([], 0.5, lambda name: 1.0),
    "minus": ([], -1.5, lambda name: 1.0),
    "layers and kinds": (
        ["vector.layers=[1,3]", "vector.kinds=[mlp,norm]"],
        1.0,
        lambda name: float(
            any(f".{n}." in name for n in (1, 2)) and ("mlp" in name or name.endswith("layernorm.weight"))
        ),
    ),
    "ramp": (
        ["vector.ramp=[0,-3]", "vector.scope=[self_attn]"],
        0.25,
        lambda name: -float(name.split(".")[2]) if "self_attn" in name else 0.0,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_number_is_that_of_brute_force(case: str, tmp_path: Path) -> None:
    words, alpha, weight = CASES[case]
    found = run(tmp_path, f"alpha={alpha}", "common=tiny:base", "format=json", *words)
    reference = Reference(alpha, {name: weight(name) for name in weights("instruct")})
    assert [row["name"] for row in found["tensors"]] == reference.names
    for row in found["tensors"]:
        agree(row, reference, [row["name"]])
        assert row["weight"] == pytest.approx(weight(row["name"]))
    by_place: dict[tuple[str, str], list[str]] = {}
    for row in found["tensors"]:
        by_place.setdefault((row["row"], row["kind"]), []).append(row["name"])
    assert {(row["row"], row["kind"]) for row in found["cells"]} == by_place.keys()
    for row in found["cells"]:
        agree(row, reference, by_place[row["row"], row["kind"]])
    for row in found["kinds"]:
        agree(row, reference, [n for (_, kind), names in by_place.items() if kind == row["kind"] for n in names])
    for row in found["layers"]:
        agree(row, reference, [n for (at, _), names in by_place.items() if at == row["row"] for n in names])
    agree(found["total"], reference, reference.names)
    assert found["model"]["entries"] == sum(tensor.numel() for tensor in weights("instruct").values())


def recipe(alpha: float, *steps: Step, dtype: str = "bfloat16") -> Recipe:
    """The variant of `GRPO` and `tiny:instruct`, for whoever builds it another way."""
    from rveval.checkpoints import content_hash

    hashes = (content_hash(TINY / "grpo"), content_hash(TINY / "sft"))
    term = RecipeTerm(str(TINY / "grpo"), str(TINY / "sft"), 1.0, *hashes)
    base = content_hash(TINY / "instruct", kind="model")
    return Recipe(str(TINY / "instruct"), base, (term,), alpha, dtype=dtype, steps=steps)


@pytest.mark.parametrize(
    ("transform", "steps"),
    [
        ("trim", [Step.of("trim", density=0.2)]),
        ("[trim,random]", [Step.of("trim", density=0.2), Step.of("random", 3)]),
        ("swap_layers", [Step.of("swap_layers", 3)]),
    ],
)
def test_transforms_are_described_as_they_are_built(transform: str, steps: list[Step], tmp_path: Path) -> None:
    words = [f"vector.transform={transform}", "vector.density=0.2", "vector.seed=3", "alpha=0.3"]
    found = run(tmp_path, *words, "format=json")
    assert found["transforms"] == [step.known for step in steps]
    merged = tinymodels.tensors(write_merged(recipe(0.3, *steps), tmp_path / "merged"))
    base, built = weights("instruct"), VariantTensors(recipe(0.3, *steps))
    for row in found["tensors"]:
        name = row["name"]
        changed = (merged[name] != base[name]).double().mean()
        assert row["changed"] == float(changed), f"{name}: what is served is what was counted"
        v = built.terms(name)[0].delta.double()
        assert row["vector_norm"] == pytest.approx(float(v.norm()), rel=1e-6)
        assert row["density"] == float((v != 0).double().mean())
        if v.dim() == 2:
            assert row["effective_rank"] == pytest.approx(participation([v]), rel=1e-4)
    if "trim" in transform and "random" not in transform:
        assert found["total"]["density"] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_what_changes_depends_on_the_dtype_that_is_served(dtype: str, tmp_path: Path) -> None:
    alpha = 2.0**-9
    found = run(tmp_path, f"alpha={alpha}", f"model.dtype={dtype}", "quick=true", "format=json")
    merged = tinymodels.tensors(write_merged(recipe(alpha, dtype=dtype), tmp_path / "merged"))
    kind = getattr(torch, dtype)
    base = {name: tensor.to(kind) for name, tensor in weights("instruct").items()}
    different = sum(int((merged[name] != base[name]).sum()) for name in base)
    assert found["total"]["changed"] == different / found["total"]["entries"]
    assert found["total"]["density"] > 0.9
    assert found["total"]["changed"] < 0.1 if dtype == "bfloat16" else found["total"]["changed"] > 0.1
    assert found["total"]["effective_rank"] is None


def test_several_terms_are_one_vector_and_each_has_its_cosines(tmp_path: Path) -> None:
    terms = (
        "vector.terms=[{plus: {path: 'tiny:grpo'}, minus: {path: 'tiny:sft'}},"
        "{plus: {path: 'tiny:order-grpo'}, minus: {path: 'tiny:order-sft'}, weight: -0.5}]"
    )
    found = run(tmp_path, terms, "common=tiny:base", "format=json")
    plus, minus, one, other, start = (weights(n) for n in ("grpo", "sft", "order-grpo", "order-sft", "base"))
    v = flat([plus[n].double() - minus[n].double() - 0.5 * (one[n].double() - other[n].double()) for n in sorted(plus)])
    assert found["total"]["vector_norm"] == pytest.approx(float(v.norm()), rel=1e-6)
    towards = {"minus 0": minus, "plus 0": plus, "minus 1": other, "plus 1": one}
    expected = {
        name: cosine(v, flat([donor[n].double() - start[n].double() for n in sorted(plus)]))
        for name, donor in towards.items()
    }
    assert found["total"]["cosines"] == pytest.approx(expected, abs=1e-6)
    assert found["formula"]["symbols"] == "tiny + 1 [(grpo - sft) + -0.5 (order-grpo - order-sft)]"
    assert "-0.5 * (tiny:order-grpo - tiny:order-sft)" in found["formula"]["words"]["vector"]


# Effective ranks


def test_matrices_above_the_limit_say_their_standard_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exact = run(tmp_path, "format=json")
    monkeypatch.setattr(measure, "EXACT", 8)
    found = run(tmp_path, "format=json")
    assert "±" in capsys.readouterr().out
    row, known = found["total"], exact["total"]
    assert known["effective_rank_error"] == 0 < row["effective_rank_error"]
    assert abs(row["effective_rank"] - known["effective_rank"]) < 5 * row["effective_rank_error"]
    assert row["full_rank"] == sum(min(t.shape) for t in weights("instruct").values() if t.dim() == 2)


# Nothing to add, donors that do not fit


@pytest.mark.parametrize(
    ("words", "why"), [(["alpha=0"], "alpha is 0"), (["vector=none"], "vector=none"), (["vector.scope=[]"], "scope")]
)
def test_nothing_is_added_and_that_is_said(
    words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(tmp_path, *words)
    said = capsys.readouterr().out
    assert "nothing is added: " in said
    assert why in said
    assert found["nothing_added"] is True
    assert found["tensors"] == []
    assert found["total"]["norm"] == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["vector.json"]


def test_donors_that_do_not_fit_are_refused_with_all_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "vector=tiny_foreign", "common=tiny:nope", status=2)
    assert "tiny:nope" in capsys.readouterr().err
    run(tmp_path, "vector=tiny_foreign", "save=" + str(tmp_path / "v.safetensors"), status=2)
    caught = capsys.readouterr()
    assert "refused, 2 problems" in caught.out
    assert "tiny:grpo-foreign - tiny:sft-foreign" in caught.out
    assert caught.err.count("another initialisation") == 2
    assert list(tmp_path.iterdir()) == [], "no file of a vector that is not there"


def test_what_is_forced_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(tmp_path, "vector=tiny_foreign", "force_incompatible=true", "format=json")
    said = capsys.readouterr().out
    assert "compatibility: forced" in said
    assert "tiny + 1 tiny_foreign [forced]" in said
    assert found["compatibility"]["forced"] is True
    assert len(found["compatibility"]["warnings"]) == 2
    assert found["total"]["norm"] > 0


def test_donors_that_were_forced_have_their_cosines_where_they_fit(tmp_path: Path) -> None:
    name = "model.layers.1.mlp.up_proj.weight"
    sides = {}
    for side, source in (("plus", "grpo"), ("minus", "sft")):
        sides[side] = tinymodels.sibling(TINY / source, tmp_path / side)
        tensors = tinymodels.tensors(sides[side])
        tinymodels.write(sides[side], {one: tensor for one, tensor in tensors.items() if one != name})
    terms = f"vector.terms=[{{plus: {{path: '{sides['plus']}'}}, minus: {{path: '{sides['minus']}'}}}}]"
    found = run(tmp_path, terms, "force_incompatible=true", "common=tiny:base", "format=json", "quick=true")
    assert found["compatibility"]["left_out"] == [name]
    for row in found["tensors"]:
        assert (row["norm"] == 0 and row["cosines"] == {"minus": None, "plus": None}) == (row["name"] == name)


def test_broken_donors_are_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tinymodels.sibling(TINY / "grpo", tmp_path / "broken")
    tensors = tinymodels.tensors(broken)
    tensors["model.norm.weight"][3] = math.nan
    tensors["model.layers.1.mlp.up_proj.weight"][0, 0] = math.inf
    tinymodels.write(broken, tensors)
    terms = f"vector.terms=[{{plus: {{path: '{broken}'}}, minus: {{path: 'tiny:sft'}}}}]"
    for more in ([], ["vector.transform=random"]):
        run(tmp_path, terms, *more, status=2)
        said = capsys.readouterr().err
        assert "model.norm.weight has 1 NaN" in said
        assert "model.layers.1.mlp.up_proj.weight has 0 NaN and 1 infinite" in said
    assert not (tmp_path / "out").exists()


def test_a_start_that_is_not_the_donors_is_said_and_one_of_another_shape_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(tmp_path, "common=tiny:base-foreign", "format=json", "quick=true")
    assert any("not what it was trained from" in one["what"] for one in found["compatibility"]["warnings"])
    other = tinymodels.make(tmp_path / "other")
    run(tmp_path, f"common={other}", status=2)
    said = capsys.readouterr().err
    assert f"common {other}" in said
    assert "model.layers.*.mlp.down_proj.weight (4)" in said


def mystery(folder: Path, seed: int) -> Path:
    """A checkpoint of an architecture that nobody knows."""
    from safetensors.torch import save_file

    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "mystery", "architectures": ["Mystery"]}))
    start, more = torch.Generator().manual_seed(0), torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.randn(8, 6, generator=start) + 0.01 * seed * torch.randn(8, 6, generator=more)
        for name in ("blocks.0.mixer", "blocks.1.mixer", "blocks.1.gate", "stem")
    }
    save_file({name: tensor.bfloat16() for name, tensor in tensors.items()}, folder / "model.safetensors")
    return folder


def test_an_unknown_architecture_has_the_kind_other(tmp_path: Path) -> None:
    base, plus, minus = (mystery(tmp_path / name, seed) for seed, name in enumerate(("base", "plus", "minus")))
    terms = f"vector.terms=[{{plus: {{path: '{plus}'}}, minus: {{path: '{minus}'}}}}]"
    found = run(tmp_path, f"model.path={base}", terms)
    assert {row["kind"] for row in found["tensors"]} == {"other"}
    assert {(row["row"], row["tensors"]) for row in found["cells"]} >= {("other", 1)}
    assert (tmp_path / "out" / "heatmap.png").is_file()


# The saved vector


@pytest.mark.parametrize("more", [[], ["vector.transform=trim", "vector.density=0.2", "vector.ramp=[0.5,1]"]])
def test_a_saved_vector_is_added_as_the_one_it_was(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "v.safetensors"
    first = run(tmp_path, f"save={file}", "alpha=0.5", "format=json", *more)
    assert f"saved: {file}: tensors: " in capsys.readouterr().out
    again = run(tmp_path, f"vector.terms=[{{plus: {{path: '{file}'}}}}]", "alpha=0.5", "format=json")
    for key in ("norm", "density", "changed", "relative", "effective_rank"):
        assert again["total"][key] == pytest.approx(first["total"][key], rel=1e-6), key
    assert [row["name"] for row in again["tensors"]] == sorted(weights("instruct"))
    origin = open_checkpoint(file).metadata["rveval_delta"]
    assert "tiny:grpo - tiny:sft" in origin
    assert json.loads(origin)["paths"] == {"vector.terms[0].plus": "tiny:grpo", "vector.terms[0].minus": "tiny:sft"}


def test_saving_says_how_exact_it_is_and_needs_a_vector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "v.safetensors"
    run(tmp_path, f"save={file}", "storage=bfloat16", "alpha=0", "format=json")
    assert "rounded to bfloat16; relative error" in capsys.readouterr().out
    size = file.stat().st_size
    assert size < 1.05 * 2 * sum(tensor.numel() for tensor in weights("instruct").values()) + 20_000
    run(tmp_path, "vector=none", f"save={file}", status=2)
    assert "there is no vector to save" in capsys.readouterr().err
    assert file.stat().st_size == size


# Files


def test_the_json_says_what_its_fields_mean_and_holds_them_all(tmp_path: Path) -> None:
    found = run(tmp_path, "common=tiny:base")
    assert found["schema_version"] == files.SCHEMA_VERSION
    assert found["fields"] == files.FIELDS
    for part in ("kinds", "layers", "cells"):
        assert found[part]
        for row in found[part]:
            assert row.keys() - {"row", "kind"} == files.FIELDS.keys(), part
    for row in found["tensors"]:
        assert row.keys() == files.FIELDS.keys() - {"tensors"} | {"name", "row", "layer", "kind", "shape", "weight"}
    assert found["total"].keys() == files.FIELDS.keys()
    assert found["label"] == "tiny + 1 tiny_grpo"
    assert found["fingerprint"] == recipe(1.0).fingerprint
    assert {"gate_s", "measure_s", "bytes", "bytes_per_s", "peak_rss_bytes"} == found["timings"].keys()
    folders = ("instruct", "grpo", "sft", "base")
    assert found["timings"]["bytes"] == sum(t.nbytes for one in folders for t in weights(one).values())


def test_the_pictures_are_pictures_and_the_svg_is_always_the_same(tmp_path: Path) -> None:
    from PIL import Image

    run(tmp_path)
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == ["heatmap.png", "heatmap.svg", "vector.json"]
    with Image.open(out / "heatmap.png") as image:
        assert image.width > 600 < 4 * image.height
        assert len(image.convert("RGB").getcolors(1 << 24)) > 50
    first = (out / "heatmap.svg").read_bytes()
    assert ElementTree.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"
    run(tmp_path)
    assert (out / "heatmap.svg").read_bytes() == first
    run(tmp_path, "alpha=0.5")
    assert (out / "heatmap.svg").read_bytes() != first


def test_a_picture_of_many_layers_and_of_nothing_but_zeros(tmp_path: Path) -> None:
    cells = {(str(row), kind): Sums(1, 4, theta=1.0) for row in range(120) for kind in ("attention", "mlp", "norm")}
    found = shown.draw("a label " * 20, cells, 1.0, ("png", "svg"))
    assert found["png"].startswith(b"\x89PNG")
    assert found["svg"].count(b'<g id="text_') < 320, "no numbers in cells that have no room for them"


def test_only_the_formats_that_were_asked_for(tmp_path: Path) -> None:
    assert main(["format=svg", "quick=true", f"out={tmp_path / 'x'}"]) == 0
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["heatmap.svg"]


def test_an_interruption_leaves_no_half_written_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(tmp_path, "quick=true")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupted)
    assert main(["quick=true", "alpha=0.5", f"out={tmp_path / 'out'}"]) == 130
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert whole["alpha"] == 1.0


def test_a_folder_that_cannot_be_written_is_a_failure_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["quick=true", f"out={tmp_path / 'file'}"]) == 1
    assert "out=FOLDER" in capsys.readouterr().err


def test_each_job_of_a_sweep_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert main(["-m", "alpha=0.25,0.5", "quick=true", "format=json", f"out={tmp_path}"]) == 0
    found = {path.name: json.loads((path / "vector.json").read_text())["total"]["norm"] for path in tmp_path.iterdir()}
    assert found.keys() == {"tiny + 0.25 tiny_grpo", "tiny + 0.5 tiny_grpo"}
    assert found["tiny + 0.5 tiny_grpo"] == pytest.approx(2 * found["tiny + 0.25 tiny_grpo"])


def test_without_a_folder_the_files_are_named_after_the_variant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["alpha=0.5", "format=json", "quick=true"]) == 0
    assert (tmp_path / "describe" / "tiny + 0.5 tiny_grpo" / "vector.json").is_file()


# The command line


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["comon=tiny:base", "alhpa=1"], ["comon: unknown key", "did you mean common?", "alhpa", "'alpha'"]),
        (["alhpa=1"], ["alhpa", "'alpha'"]),
        (["+save=x"], ["+save=x: is not key=value", "write save=VALUE"]),
        (["format=jpg"], ["format", "png, svg, json", "jpg"]),
        (["quick=maybe"], ["quick", "true, false"]),
        (["storage=exakt"], ["did you mean exact?"]),
        (["out="], ["out: is empty"]),
        (["out=a", "out=b"], ["given twice"]),
        (["save=x.bin"], ["FILE.safetensors"]),
        (["save=/no/such/folder/x.safetensors"], ["no such folder"]),
        (["-m", "alpha=0,1", "save=x.safetensors"], ["every job of a sweep"]),
        (["save=x.bin", "format=jpg", "vector=nope"], ["FILE.safetensors", "jpg", "'nope'"]),
    ],
)
def test_what_is_wrong_with_a_command_line_is_said_at_once(
    words: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert [part for part in parts if part not in said] == []


def test_other_files_are_not_overwritten_by_a_saved_vector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes((TINY / "sft" / "model.safetensors").read_bytes())
    assert main([f"save={file}"]) == 2
    assert "is not overwritten" in capsys.readouterr().err


def test_help_says_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {key}=" in said for key in KEYS)


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys, rveval.describe; sys.exit(bool({'torch', 'numpy', 'matplotlib', 'vllm'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=REPOSITORY).returncode == 0


def fake(rows: int) -> list[Measured]:
    one = Sums(1, 100, 4.0, 1.0, 50, 25, (0.5, -0.25), (1.0, 1.0), 1.0, 0.1, 0.001, 10)
    names = ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"]
    for row in range(rows):
        names += [f"model.layers.{row}.self_attn.q_proj.weight", f"model.layers.{row}.mlp.up_proj.weight"]
    return [Measured(name, (10, 10), 1.0, one) for name in names]


@pytest.mark.parametrize("width", [46, 60, 80, 132])
def test_tables_fit_narrow_terminals(width: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO())
    for part in shown.by_layer(fake(12), recipe(0.5), {"minus": "b - a", "plus": "c - a"}, True, width):
        console.print(part, highlight=False)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "relative" in text
    assert "changed" in text
    assert "25.0%" in text, "half of the weights' norm, times a half: never cut"
    assert ("no room for" in text) == (width < 100)


def test_rows_stand_in_the_order_of_the_model() -> None:
    found = [row for row, _ in measure.places(fake(11))]
    assert list(dict.fromkeys(found)) == ["embeddings", *map(str, range(11)), "final norm", "head"]


def test_adding_up_is_the_same_in_any_order() -> None:
    parts = [one.sums for one in fake(3)]
    assert sum(parts, Sums()) == sum(reversed(parts), Sums())
    assert Sums() + parts[0] == parts[0]
    assert Sums().effective_rank is None
    assert Sums().cosines == []
    problem = errors.Problem("x", fix="y\nz")
    report = SimpleNamespace(forced=True, warnings=[problem], left_out=("a",), zero={"plus": ("b",)})
    text = "\n".join(str(one) for one in shown.fits(report))
    assert "forced" in text
    assert "not touched: 1 tensors: a" in text
    assert "zero in plus: 1 tensors: b" in text


def test_a_sum_of_terms_is_the_vector() -> None:
    torch.manual_seed(0)
    a, b, c = (torch.randn(5, 7) for _ in range(3))
    terms = [Difference(a, b, 2.0), Difference(c, None, -1.0)]
    torch.testing.assert_close(measure.vector(terms, 0.5), 0.5 * (2 * (a - b) - c))
    assert torch.equal(terms[0].plus, a)
