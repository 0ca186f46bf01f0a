"""From a config to a variant: labels, fingerprints, what is refused, what is forced; and lineage told from weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tinymodels
from hydra import compose, initialize_config_dir

from rveval import config as schema
from rveval.checkpoints import lineage, open_checkpoint, sources
from rveval.errors import DoesNotMatch, Problem, Refused
from rveval.recipe import assembly
from rveval.recipe.assembly import Assembled
from rveval.recipe.transforms import steps_of


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "cache"))


def config(*overrides: str) -> schema.Config:
    schema.register()
    with initialize_config_dir(str(schema.config_dir()), version_base="1.3"):
        return schema.parse(compose("config", overrides=list(overrides)))


def assembled(*overrides: str) -> Assembled:
    problems: list[Problem] = []
    asked = config(*overrides)
    base, donors = assembly.open_all(asked, problems)
    assert base is not None, problems
    assert problems == []
    return assembly.assemble(asked, base, donors)


VARIANTS: dict[str, tuple[str, ...]] = {
    "tiny + 1 tiny_grpo": (),
    "tiny - 0.5 tiny_grpo": ("alpha=-0.5",),
    "tiny + 1 tiny_grpo [only mlp]": ("vector.scope=[mlp]",),
    "tiny + 1 tiny_grpo [attention + norm]": ("vector.kinds=[attention,norm]",),
    "tiny + 1 tiny_grpo [layers 0-1]": ("vector.layers=[0,2]",),
    "tiny + 1 tiny_grpo [layer 3]": ("vector.layers=[0.75,1.0]",),
    "tiny + 1 tiny_grpo [ramp 0, 1]": ("vector.ramp=[0,1]",),
    "tiny + 1 tiny_grpo [random seed 0]": ("vector.transform=random",),
    "tiny + 1 tiny_grpo [random seed 3]": ("vector.transform=random", "vector.seed=3"),
    "tiny + 1 tiny_grpo [permute seed 3]": ("vector.transform=permute", "vector.seed=3"),
    "tiny + 1 tiny_grpo [trim 0.2]": ("vector.transform=trim", "vector.density=0.2"),
    "tiny + 1 tiny_grpo [trim 0.2; random seed 1]": (
        "vector.transform=[{name: trim, density: 0.2},random]",
        "vector.seed=1",
    ),
    "tiny + 1 tiny_grpo [random seed 1; trim 0.2]": (
        "vector.transform=[random,trim]",
        "vector.density=0.2",
        "vector.seed=1",
    ),
    "tiny + 1 tiny_grpo [breadcrumbs 0.2 gamma 0.01]": ("vector.transform=breadcrumbs", "vector.density=0.2"),
    "tiny + 1 tiny_grpo [rank 2]": ("vector.transform=rank", "vector.rank=2"),
    "tiny + 1 tiny_grpo [other order-grpo]": (
        "vector.transform=other",
        "vector.other={plus: tiny:order-grpo, minus: tiny:order-sft}",
    ),
    "tiny + 1 tiny_grpo [other order-sft]": (
        "vector.transform=other",
        "vector.other={plus: tiny:order-sft, minus: tiny:order-grpo}",
    ),
    "tiny + 1 tiny_grpo [weights 0.5]": ("vector.weights=[0.5]",),
    "tiny + 1 tiny_foreign [forced]": ("vector=tiny_foreign", "force_incompatible=true"),
}


def test_every_ablation_has_its_own_label_and_fingerprint() -> None:
    found = {label: assembled(*overrides) for label, overrides in VARIANTS.items()}
    assert [one.label for one in found.values()] == list(VARIANTS)
    assert len({one.recipe.fingerprint for one in found.values()}) == len(VARIANTS)


@pytest.mark.parametrize(
    "overrides",
    [
        ("alpha=0", "vector.transform=random"),
        ("vector.weights=[0]",),
        ("vector=none", "vector.kinds=[mlp]"),
        ("vector.scope=[]", "vector.transform=random"),
        ("vector.terms.0.weight=0",),
    ],
)
def test_what_adds_nothing_is_the_base(overrides: tuple[str, ...]) -> None:
    found = assembled(*overrides)
    assert found.label == "tiny"
    assert found.recipe.fingerprint == assembled("alpha=0").recipe.fingerprint


@pytest.mark.parametrize(
    "overrides",
    [
        ("vector.transform=null",),
        ("vector.transform=none",),
        ("vector.transform=[]", "vector.seed=7", "vector.density=0.5"),
        ("force_incompatible=true",),
        ("vector.weights=[1]",),
    ],
)
def test_what_changes_nothing_is_the_plain_vector(overrides: tuple[str, ...]) -> None:
    assert assembled(*overrides).recipe.fingerprint == assembled().recipe.fingerprint


def test_a_seed_tells_apart_only_what_draws() -> None:
    trims = {assembled("vector.transform=trim", "vector.density=0.5", f"vector.seed={s}").label for s in (0, 1)}
    draws = {assembled("vector.transform=dare", "vector.density=0.5", f"vector.seed={s}").label for s in (0, 1)}
    assert (len(trims), len(draws)) == (1, 2)


def test_a_term_of_weight_nothing_is_not_there() -> None:
    both = "vector.terms=[{plus: tiny:grpo, minus: tiny:sft},{plus: tiny:order-grpo, minus: tiny:order-sft}]"
    alone = assembled(both, "vector.weights=[1,0]")
    assert alone.recipe.fingerprint == assembled().recipe.fingerprint
    assert len(assembled(both, "vector.weights=[1,1]").recipe.terms) == 2
    minus = assembled(both, "vector.weights=[1,-1]")
    assert [term.weight for term in minus.recipe.terms] == [1.0, -1.0]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["vector.weights=[1,2]"], ["vector.weights", "1 numbers", "found 2"]),
        (["vector.transform=trim", "vector.density=1.5"], ["vector.density", "expected"]),
        (["vector.transform=trim", "vector.density=0"], ["vector.density", "expected"]),
        (["vector.kinds=[atention]"], ["did you mean 'attention'"]),
        (["vector.layers=[2,1]"], ["holds no layer"]),
        (["vector.layers=[0.5,1.5]"], ["beyond the whole depth"]),
        (["vector.layers=[1]"], ["1 numbers and not two"]),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(overrides: list[str], said: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        config(*overrides)
    assert [words for words in said if words not in str(refused.value)] == []


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["vector.transform=trim"], ["trim needs density", "vector.density=VALUE"]),
        (["vector.transform=[{name: trim, density: 0.2, rank: 3}]"], ["trim has no parameter rank"]),
        (["vector.transform=della", "vector.density=0.95"], ["vector.epsilon", "both must lie between 0 and 1"]),
        (["vector.transform=other"], ["other needs another vector"]),
        (["vector.other={plus: tiny:grpo, minus: tiny:sft, weight: 2}"], ["vector.other.weight", "exchange plus"]),
        (["vector.transform=[random,permute]"], ["makes no sense", "a null control of a null control"]),
        (["vector.transform=[sign_only,trim]", "vector.density=0.5"], ["all entries have one size"]),
        (["vector.transform=[sign_only,random]"], ["forgets everything else"]),
        (["vector.transform=[signs,signs]"], ["signs twice"]),
        (["vector.transform=ties", "vector.density=0.5"], ["ties elects the sign that several vectors agree on"]),
        (["vector.transform=shuffle"], ["none of the transforms", "spectrum"]),
        (["vector.transform=[shuffle,trim]", "model.path=/nowhere"], ["shuffle", "needs density", "/nowhere"]),
    ],
)
def test_transforms_that_make_no_sense_are_refused_with_everything_else(overrides: list[str], said: list[str]) -> None:
    problems: list[Problem] = []
    assembly.open_all(config(*overrides), problems)
    assert [words for words in said if words not in str(Refused(problems))] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "trim", "density": 1.5}, "vector.transform[0].density: is out of range"),
        ({"name": "trim", "density": True}, "out of range"),
        ({"name": "rank", "rank": 2.5}, "a whole number, at least 1"),
        ({"name": "random", "seed": -1}, "a whole number, at least 0"),
        ({"nam": "trim"}, "none of the transforms"),
        (3, "none of the transforms"),
    ],
)
def test_transforms_are_plain_values_that_are_looked_at_here(given: Any, said: str) -> None:
    vector = replace(config().vector, transform=[given])
    assert said in str(Refused(steps_of(vector)[1]))
    for fine in ("random", {"name": "trim", "density": 0.2, "rank": None}):
        (step,), problems = steps_of(replace(vector, transform=[fine]))
        assert problems == []
        assert step.words in ("random seed 0", "trim 0.2")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["vector.layers=[2,9]"], ["beyond the model's layers"]),
        (["vector.scope=[atention]"], ["matches no tensor", "nearest names"]),
        (["vector.kinds=[head]"], ["no tensor of kind head"]),
        (["vector.transform=rank", "vector.rank=33"], ["the rank is above that of", "k_proj", "at most 32"]),
    ],
)
def test_a_scope_or_a_rank_that_the_model_does_not_have_is_refused(overrides: list[str], said: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        assembled(*overrides)
    assert not isinstance(refused.value, DoesNotMatch)  # a slip of the user's, no finding about donors
    assert [words for words in said if words not in str(refused.value)] == []


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["vector=tiny_foreign"], ["another initialisation", "force_incompatible=true"]),
        (
            ["vector.transform=other", "vector.other={plus: tiny:grpo-foreign, minus: tiny:sft-foreign}"],
            ["vector.other"],
        ),
    ],
)
def test_donors_that_do_not_match_are_refused(overrides: list[str], said: list[str]) -> None:
    with pytest.raises(DoesNotMatch) as refused:
        assembled(*overrides)
    assert [words for words in said if words not in str(refused.value)] == []
    assert refused.value.label.startswith("tiny + 1 ")


def test_a_rank_is_asked_only_of_what_is_in_scope() -> None:
    assert assembled("vector.transform=rank", "vector.rank=33", "vector.scope=[mlp]").label.endswith("rank 33]")


def test_forcing_says_what_did_not_fit(tmp_path: Path) -> None:
    found = assembled("vector=tiny_foreign", "force_incompatible=true")
    assert found.recipe.forced
    assert any("forced: another initialisation" in str(warning) for warning in found.report.warnings)
    wide = tinymodels.make(tmp_path / "wide", hidden=128)
    terms = f"vector.terms=[{{plus: {wide}, minus: {wide}}}]"
    with pytest.raises(DoesNotMatch) as refused:
        assembled(terms, "force_incompatible=true")
    assert "no tensor of the vector fits" in str(refused.value)


def test_a_donor_served_alone_is_a_base() -> None:
    found = assembled("model.donor=plus", "alpha=0.5")
    assert found.label == "tiny_grpo-plus"
    assert found.recipe.is_base
    assert Path(found.recipe.base) == sources.TINY / "grpo"
    with pytest.raises(Refused) as refused:
        config("model.donor=minus", "vector=none")
    assert "no minus to serve" in str(refused.value)


# --- lineage ---


@pytest.mark.parametrize("name", ["base", "sft", "grpo", "order-sft", "order-grpo"])
def test_siblings_point_the_same_way(name: str) -> None:
    found = lineage.cosine(open_checkpoint(sources.TINY / "instruct"), open_checkpoint(sources.TINY / name))
    assert found > 0.8


def test_another_initialisation_points_anywhere() -> None:
    base = open_checkpoint(sources.TINY / "instruct")
    for name in ("base-foreign", "sft-foreign", "grpo-foreign"):
        assert abs(lineage.cosine(base, open_checkpoint(sources.TINY / name))) < 0.05


def test_the_cosine_is_that_of_the_entries_looked_at() -> None:
    """Against torch, on whole matrices small enough to be looked at in full."""
    import torch

    one, other = (open_checkpoint(sources.TINY / name) for name in ("instruct", "grpo"))
    small = [n for n in one.names if ".layers." in n and len(one.shape(n)) == 2 and one.get(n).numel() <= 4096]
    assert small
    names = [n for n in one.names if ".layers." in n and len(one.shape(n)) == 2]
    pieces = []
    for checkpoint in (one, other):
        flat = [checkpoint.get(n).double().flatten() for n in names]
        pieces.append(torch.cat([f[(len(f) - min(len(f), 4096)) // 2 :][: min(len(f), 4096)] for f in flat]))
    expected = torch.nn.functional.cosine_similarity(pieces[0], pieces[1], dim=0)
    assert lineage.cosine(one, other) == pytest.approx(float(expected), abs=1e-12)


def test_what_shares_no_matrix_has_no_cosine(tmp_path: Path) -> None:
    wide: Any = open_checkpoint(tinymodels.make(tmp_path / "wide", hidden=128))
    narrow = open_checkpoint(tinymodels.make(tmp_path / "narrow", hidden=64))
    found = lineage.cosine(wide, narrow)
    assert found != found
