"""Saved deltas: what is written is what is read, no loss goes unsaid, what is broken or out of place is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tinymodels
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from rveval import config as schema
from rveval.checkpoints import assert_finite, content_hash, deltas, headers, open_checkpoint, resolve
from rveval.checkpoints import gate as check
from rveval.errors import Failed, Problem, Refused
from rveval.recipe import VariantTensors, assembly
from rveval.vectors import Difference, combine
from rveval.vectors.scopes import Scope

PLUS = "vector.terms[0].plus"


@dataclass
class Source:
    path: str
    revision: str | None = None
    subfolder: str | None = None


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family")
    tinymodels.make(folder / "base", kv_heads=1)
    # Close checkpoints, as fine-tuning makes them, whose differences bfloat16 can hold; and far ones.
    tinymodels.perturbed(folder / "base", folder / "plus", seed=1)
    tinymodels.perturbed(folder / "base", folder / "minus", seed=2)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def save(family: Path, file: Path, storage: deltas.Storage = "exact", **words: str) -> deltas.Saved:
    plus, minus = open_checkpoint(family / "plus"), open_checkpoint(family / "minus")
    paths = words or {"plus": str(plus.folder), "minus": str(minus.folder)}
    hashes = {"plus": plus.identity, "minus": minus.identity}
    said = deltas.origin(plus, "plus - minus", hashes=hashes, paths=paths, scope=[".*"])
    return deltas.save(plus.names, lambda name: plus.get(name).float() - minus.get(name).float(), file, said, storage)


@pytest.fixture
def saved(family: Path, tmp_path: Path) -> Path:
    save(family, tmp_path / "delta.safetensors")
    return tmp_path / "delta.safetensors"


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


# What is written


@pytest.mark.parametrize("alpha", [1.0, -0.3, 2.0])
def test_the_base_plus_a_saved_delta_is_the_base_plus_the_difference(family: Path, saved: Path, alpha: float) -> None:
    base, plus, minus = (open_checkpoint(family / name) for name in ("base", "plus", "minus"))
    delta = open_checkpoint(saved)
    assert set(delta.names) == set(base.names)
    for name in base.names:
        theta = base.get(name)
        from_file = combine(theta, [Difference(delta.get(name))], alpha)
        direct = combine(theta, [Difference(plus.get(name), minus.get(name))], alpha)
        assert bits(from_file) == bits(direct)
        assert not torch.equal(direct, theta)


def test_the_library_reads_the_file(family: Path, saved: Path) -> None:
    plus, minus = tinymodels.tensors(family / "plus"), tinymodels.tensors(family / "minus")
    named = load_file(saved)
    assert set(named) == set(plus)
    for name, tensor in named.items():
        assert torch.equal(tensor.float(), plus[name].float() - minus[name].float())
    with safe_open(saved, "pt") as opened:
        said = json.loads(opened.metadata()[headers.DELTA])
        assert opened.metadata()["format"] == "pt"
    assert said["formula"] == "plus - minus"
    assert said["hashes"] == {"plus": content_hash(family / "plus"), "minus": content_hash(family / "minus")}
    assert said["paths"]["plus"] == str(family / "plus")
    assert said["config"] == json.loads((family / "plus" / "config.json").read_text())


def save_tensors(file: Path, named: dict[str, torch.Tensor], storage: deltas.Storage = "exact") -> deltas.Saved:
    said = {"config": {}, "tokenizer": None}
    return deltas.save(list(named), lambda name: named[name].float(), file, said, storage)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 5), max_size=3),
            st.sampled_from([torch.float32, torch.bfloat16, torch.float16]),
            st.booleans(),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_tensors_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, spec: list[tuple[list[int], torch.dtype, bool]]
) -> None:
    file = tmp_path_factory.mktemp("any") / "d.safetensors"
    generator = torch.Generator().manual_seed(0)
    named = {
        f"tensor.{number}": torch.zeros(shape, dtype=dtype)
        if zero
        else torch.randn(shape, generator=generator).to(dtype)
        for number, (shape, dtype, zero) in enumerate(spec)
    }
    changed = {name: tensor.float() for name, tensor in named.items() if tensor.any()}
    if not changed:
        with pytest.raises(Failed, match="zero everywhere"):
            save_tensors(file, named)
        assert not list(file.parent.iterdir())
        return
    saved = save_tensors(file, named)
    back = open_checkpoint(file)
    assert set(back.names) == set(changed)
    assert sorted(saved.zero) == sorted(set(named) - set(changed))
    assert sorted(saved.exact + saved.full) == sorted(changed)
    for name, tensor in changed.items():
        assert torch.equal(back.get(name).float(), tensor)
        assert (back.dtype(name) == "BF16") == torch.equal(tensor.bfloat16().float(), tensor)
    assert (saved.rounded, saved.largest_error, saved.relative_error) == ([], 0.0, 0.0)


def test_what_rounding_loses_is_said(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    named = {"a": torch.randn(300, 7, generator=generator), "b": torch.ones(4), "c": torch.zeros(4)}
    saved = save_tensors(tmp_path / "d.safetensors", named, "bfloat16")
    assert (saved.rounded, saved.exact, saved.full, saved.zero) == (["a"], ["b"], [], ["c"])
    stored = load_file(tmp_path / "d.safetensors")["a"]
    assert stored.dtype == torch.bfloat16
    # An independent reference, in float64.
    error = (stored.double() - named["a"].double()).abs()
    assert saved.largest_error == pytest.approx(float((error / named["a"].double().abs()).max()))
    whole = float(named["a"].double().norm() ** 2 + 4) ** 0.5
    assert saved.relative_error == pytest.approx(float(error.norm()) / whole)
    assert 0 < saved.relative_error < saved.largest_error <= 2**-8
    assert "1 rounded to bfloat16" in saved.words
    assert f"{saved.largest_error:.1e}" in saved.words
    full = save_tensors(tmp_path / "d.safetensors", named, "float32")
    assert set(full.full) == {"a", "b"}
    assert "relative error" not in full.words


# What is never left behind or overwritten


def test_a_file_of_somebody_else_is_not_overwritten(family: Path, saved: Path, tmp_path: Path) -> None:
    save(family, saved)  # an older delta may be
    other = tmp_path / "other.safetensors"
    save_file({"a": torch.ones(2)}, other)
    with pytest.raises(Refused, match="something else lies there"):
        save(family, other)
    assert torch.equal(load_file(other)["a"], torch.ones(2))
    with pytest.raises(Refused, match="saved as safetensors"):
        save(family, tmp_path / "delta.bin")
    with pytest.raises(Refused, match="no such folder"):
        save(family, tmp_path / "nope" / "delta.safetensors")


def test_what_breaks_in_the_middle_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(Failed, match="no space left"):
        save_tensors(saved, {"a": torch.ones(3)})
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir() if path.name not in (saved.name, "cache")] == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_saved(tmp_path: Path, value: float) -> None:
    with pytest.raises(Failed, match="the delta of b has NaN or infinite"):
        save_tensors(tmp_path / "d.safetensors", {"a": torch.ones(2), "b": torch.tensor([1.0, value])})
    assert list(tmp_path.glob("*")) == []


# Reading


def test_a_file_resolves_as_plus_only(saved: Path) -> None:
    assert resolve(Source(str(saved)), PLUS) == saved
    for where in ("vector.terms[0].minus", "model.path"):
        with pytest.raises(Refused, match="a difference already") as caught:
            resolve(Source(str(saved)), where)
        assert where in str(caught.value)
    with pytest.raises(Refused, match=r"vector\.terms\[0\]\.plus\.subfolder: a file has no subfolders"):
        resolve(Source(str(saved), subfolder="x"), PLUS)


def test_other_files_are_refused_with_what_they_are(family: Path, tmp_path: Path) -> None:
    weights = family / "plus" / "model.safetensors"
    with pytest.raises(Refused, match="no saved delta") as caught:
        resolve(Source(str(weights)), PLUS)
    assert "give their folder" in str(caught.value)
    with pytest.raises(Refused, match="no saved delta"):
        open_checkpoint(weights)
    (tmp_path / "x.safetensors").write_bytes(b"hello")
    with pytest.raises(Refused, match="truncated"):
        resolve(Source(str(tmp_path / "x.safetensors")), PLUS)
    with pytest.raises(Refused, match="this is a file"):
        resolve(Source(str(family / "plus" / "config.json")), PLUS)


def rewrite(file: Path, **said: Any) -> None:
    """The same tensors with other words in the metadata."""
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    known = {**json.loads(metadata[headers.DELTA]), **said}
    text = json.dumps({name: value for name, value in known.items() if value is not ...})
    save_file(load_file(file), file, metadata | {headers.DELTA: text})


@pytest.mark.parametrize("said", [{"version": 1}, {"version": ...}, {"config": ...}, {"config": []}, {"tokenizer": 3}])
def test_broken_metadata(saved: Path, said: dict[str, Any]) -> None:
    rewrite(saved, **said)
    with pytest.raises(Refused, match="metadata of the saved delta is broken"):
        open_checkpoint(saved)


@pytest.mark.parametrize("text", ["{", "[]", "3", "null", "[" * 100_000])
def test_metadata_that_is_no_mapping(saved: Path, text: str) -> None:
    save_file(load_file(saved), saved, {headers.DELTA: text})
    with pytest.raises(Refused, match="metadata of the saved delta is broken"):
        open_checkpoint(saved)


def test_the_hash_is_of_what_is_added(family: Path, saved: Path, tmp_path: Path) -> None:
    first = content_hash(saved)
    again = tmp_path / "again.safetensors"
    save(family, again, plus="elsewhere", minus="a longer name of a folder that lies somewhere else")
    assert saved.read_bytes() != again.read_bytes()
    assert content_hash(again) == first == open_checkpoint(again).identity
    save(family, again, "float32")
    assert content_hash(again) != first
    for change in ({"config": {"hidden_size": 3}}, {"tokenizer": None}):
        save(family, again)
        rewrite(again, **change)
        assert content_hash(again) != first
    named = load_file(saved)
    named["model.norm.weight"] += 1
    with safe_open(saved, "pt") as opened:
        save_file(named, again, opened.metadata())
    assert content_hash(again) != first


def test_infinity_in_a_file_is_found(saved: Path) -> None:
    named = load_file(saved)
    named["model.norm.weight"][2] = float("inf")
    with safe_open(saved, "pt") as opened:
        save_file(named, saved, opened.metadata())
    with pytest.raises(Refused, match=r"model\.norm\.weight has 0 NaN and 1 infinite"):
        assert_finite(open_checkpoint(saved))


# The gate


def gate(base: Path, file: Path) -> Iterator[str]:
    report = check(open_checkpoint(base), [(PLUS, open_checkpoint(file))], Scope())
    return iter([str(problem) for problem in report.problems])


def test_the_gate_lets_it_pass_on_its_base(family: Path, saved: Path) -> None:
    report = check(open_checkpoint(family / "base"), [(PLUS, open_checkpoint(saved))], Scope())
    assert report.problems == []
    words = [warning.what for warning in report.warnings]
    assert all("stored in another type" in one for one in words), words


def test_the_gate_refuses_it_on_another_model(saved: Path, tmp_path: Path) -> None:
    words = "\n".join(gate(tinymodels.make(tmp_path / "wider", hidden=96, heads=3), saved))
    assert "hidden_size differs" in words
    assert str(saved) in words
    words = "\n".join(gate(tinymodels.make(tmp_path / "llama", arch="llama", kv_heads=1), saved))
    assert "model_type differs" in words


def test_the_gate_compares_the_tokenizer(family: Path, saved: Path, tmp_path: Path) -> None:
    base = tinymodels.sibling(family / "base", tmp_path / "base")
    tokenizer = json.loads((base / "tokenizer.json").read_text())
    vocab = tokenizer["model"]["vocab"]
    first, second = sorted(vocab)[-2:]
    vocab[first], vocab[second] = vocab[second], vocab[first]
    (base / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "another tokenizer: another vocabulary or other merges" in "\n".join(gate(base, saved))
    with safe_open(saved, "pt") as opened:
        known = json.loads(opened.metadata()[headers.DELTA])["tokenizer"]
    rewrite(saved, tokenizer=None)
    report = check(open_checkpoint(base), [(PLUS, open_checkpoint(saved))], Scope())
    assert report.problems == []
    assert any("no readable tokenizer" in str(warning) for warning in report.warnings)
    for broken in (
        {"kind": "x"},
        {**known, "added": [1]},
        {**known, "added": {"a": -1}},
        {**known, "core_size": 10**12},
    ):
        rewrite(saved, tokenizer=broken)
        assert "the tokenizer cannot be read" in "\n".join(gate(base, saved))


def test_the_gate_tells_an_added_token_in_a_padded_row(family: Path, tmp_path: Path) -> None:
    """The summary keeps added tokens one by one."""
    base = tinymodels.make(tmp_path / "base", kv_heads=1, tokenizer_vocab=300)
    plus = tinymodels.perturbed(base, tmp_path / "plus")
    content = json.loads((plus / "tokenizer.json").read_text())
    content["added_tokens"].append({**content["added_tokens"][0], "id": 300, "content": "[PAD]"})
    (plus / "tokenizer.json").write_text(json.dumps(content))
    said = deltas.origin(open_checkpoint(plus), "p - b", hashes={}, paths={})
    named = {name: tensor.float() for name, tensor in tinymodels.tensors(base).items()}
    later = tinymodels.tensors(plus)
    file = tmp_path / "d.safetensors"
    deltas.save(named, lambda name: later[name].float() - named[name], file, said)
    report = check(open_checkpoint(base), [(PLUS, open_checkpoint(file))], Scope())
    assert report.problems == []
    assert any("'[PAD]' in row 300" in str(warning) for warning in report.warnings)


# As vectors of a config


def assembled(term: str, *overrides: str) -> assembly.Assembled:
    asked = schema.parse(schema.composed([f"vector.terms=[{term}]", *overrides]))
    problems: list[Problem] = []
    base, donors = assembly.open_all(asked, problems)
    if problems or base is None:
        raise Refused(problems)
    return assembly.assemble(asked, base, donors)


@pytest.fixture
def tiny_delta(tmp_path: Path) -> Path:
    """The packaged difference, trimmed, saved as `describe` would."""
    found = assembled("{plus: tiny:grpo, minus: tiny:base}", "vector.transform=trim", "vector.density=0.3")
    variant, file = VariantTensors(found.recipe), tmp_path / "tiny.safetensors"
    donor = found.donors[0][1]
    said = deltas.origin(donor, "tiny:grpo - tiny:base", hashes={"plus": donor.identity}, paths={"plus": "tiny:grpo"})
    deltas.save(found.base.names, lambda name: variant.terms(name)[0].delta, file, said)
    return file


@pytest.mark.parametrize("alpha", ["1", "-0.25"])
def test_a_saved_vector_gives_the_same_variant(tiny_delta: Path, alpha: str) -> None:
    first = assembled(
        "{plus: tiny:grpo, minus: tiny:base}", "vector.transform=trim", "vector.density=0.3", f"alpha={alpha}"
    )
    second = assembled(f"{{plus: {{path: '{tiny_delta}'}}}}", f"alpha={alpha}")
    assert second.report.problems == []
    assert second.recipe.fingerprint != first.recipe.fingerprint
    one, other = VariantTensors(first.recipe), VariantTensors(second.recipe)
    changed = 0
    for name in one.names:
        assert bits(one.read(name)) == bits(other.read(name)), name
        changed += not torch.equal(one.read(name), first.base.get(name))
    assert changed > 10


def test_a_saved_delta_that_is_replaced_is_read_anew(tiny_delta: Path) -> None:
    recipe = assembled(f"{{plus: {{path: '{tiny_delta}'}}}}").recipe
    name = "model.norm.weight"
    before = VariantTensors(recipe).read(name)
    with safe_open(tiny_delta, "pt") as opened:
        save_file({name: torch.ones(96)}, tiny_delta, opened.metadata())
    base = open_checkpoint(Path(recipe.base)).get(name)
    assert torch.equal(VariantTensors(recipe).read(name), (base.float() + 1).bfloat16())
    assert not torch.equal(before, VariantTensors(recipe).read(name))
