"""The register of transforms: words, a version that results are pinned to, and orders that make no sense."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest
import torch
from conftest import REPOSITORY
from tensorcases import values

from rveval.errors import Failed
from rveval.vectors import TRANSFORMS, VERSION, Difference, Step, combine, transformed, wrong_orders

GIVEN = {"density": 0.4, "gamma": 0.05, "epsilon": 0.2, "rank": 3, "cap": 1.5}
LAYERS = {f"layers.{layer}.{name}": (2,) for layer in range(7) for name in "ab"}
# Results by name and version. A hash that changes needs a higher version: stored answers of the old one stay apart.
PINNED = {
    "random 2": "7fdc209959a503ca",
    "permute 2": "2850905aa812ded0",
    "signs 2": "80bed1de5bc113f6",
    "spectrum 2": "01876465947b6c23",
    "swap_layers 1": "c39abb2f333cba15",
    "other 1": "fda424672de18443",
    "sign_only 1": "ed1a435513b739f0",
    "rank 2": "5d100bbb510903db",
    "clip 1": "05cf9300197006cf",
    "trim 1": "044e4dec2c7535c3",
    "breadcrumbs 1": "5dd4521f66de06d9",
    "dare 2": "d018b472c4c96449",
    "della 2": "24b7398623024e95",
    "ties 1": "a7a465dc087570fb",
    "combine 1": "ce41e04ce88088ba",
}
BY_ROUNDING = ("rank", "spectrum")
"""A library of linear algebra may round their last bits otherwise on another machine: three digits are compared."""


def result(name: str) -> bytes:
    """What a transform makes of a fixed small tensor, as bytes."""
    step = Step.of(name, 5, **GIVEN)
    if TRANSFORMS[name].given == "layers":
        return repr(sorted(TRANSFORMS[name].function(LAYERS, 5).items())).encode()
    terms = [Difference(values((12, 20), "few values", 1)), Difference(values((12, 20), "normal", 2), weight=0.5)]
    made = transformed(terms, [step], "model.w", values((12, 20), "normal", 3))[-1].plus
    if name in BY_ROUNDING:
        return repr([f"{number:.2e}" for number in made.reshape(-1)[:4].tolist()]).encode()
    return bytes(made.contiguous().view(torch.uint8).numpy())


def summed() -> bytes:
    base, terms = (
        values((12, 20)).bfloat16(),
        [Difference(values((12, 20), seed=1).bfloat16(), values((12, 20), seed=2))],
    )
    return bytes(combine(base, terms, 0.3).view(torch.uint8).numpy())


def test_results_change_only_with_the_version() -> None:
    found = {f"{name} {one.version}": hashlib.sha256(result(name)).hexdigest()[:16] for name, one in TRANSFORMS.items()}
    found[f"combine {VERSION}"] = hashlib.sha256(summed()).hexdigest()[:16]
    assert found == PINNED


@pytest.mark.parametrize("name", list(TRANSFORMS))
def test_results_are_the_same_in_another_process_and_with_other_threads(name: str) -> None:
    if name in BY_ROUNDING:
        return
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3 if before != 3 else 2)
        assert hashlib.sha256(result(name)).hexdigest()[:16] == PINNED[f"{name} {TRANSFORMS[name].version}"]
    finally:
        torch.set_num_threads(before)


def test_every_transform_says_what_it_is_and_holds_what_it_takes() -> None:
    assert len(TRANSFORMS) == 14
    for name, known in TRANSFORMS.items():
        step = Step.of(name, 3, **GIVEN)
        assert known.words
        assert known.function.__doc__
        assert [key for key, _ in step.parameters] == list(known.parameters)
        assert (step.seed == 3) == known.draws
        assert Step.from_record(step.record) == step
        assert known.check(**dict(step.parameters)) == ""
        assert all(
            parameter.holds(GIVEN[key]) and not parameter.holds(-1) for key, parameter in known.parameters.items()
        )
    assert {name for name, known in TRANSFORMS.items() if known.null} == {
        *("random", "permute", "signs", "spectrum", "swap_layers", "other")
    }


def test_a_step_of_another_version_is_not_built() -> None:
    for step in (Step("random", 0, version=1), Step("no such transform")):
        with pytest.raises(Failed, match=f"{step.name} of version 1 can't be computed"):
            transformed([Difference(torch.ones(3))], [step], "w")


@pytest.mark.parametrize(
    ("names", "terms", "reason"),
    [
        (["random", "permute"], 1, "permute after random: a null control of a null control"),
        (["signs", "signs"], 1, "signs twice"),
        (["ties"], 1, "there is 1 term"),
        (["ties"], 2, ""),
        (["sign_only", "random"], 1, "random forgets everything else"),
        (["sign_only", "dare", "trim"], 1, "trim after sign_only: all entries have one size"),
        (["trim", "sign_only", "signs"], 1, ""),
    ],
)
def test_orders_that_make_no_sense(names: list[str], terms: int, reason: str) -> None:
    reasons = wrong_orders([Step.of(name, **GIVEN) for name in names], terms)
    assert any(reason in words for words in reasons) if reason else reasons == []


def test_importing_it_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'vllm', 'transformers'}"
    code = f"import sys, rveval.recipe, rveval.vectors; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=REPOSITORY).returncode == 0
