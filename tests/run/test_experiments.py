"""Every shipped experiment: what it runs, what of that is refused, that a model of the user's takes its place."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from rveval import config as schema
from rveval.cli import main
from rveval.errors import DoesNotMatch, Problem
from rveval.run import Sweep, cells, plan_sweep
from rveval.store import Store

FILES = {file.stem: file for file in schema.config_dir().glob("experiment/*.yaml")}
FOREIGN = "tiny + 1 tiny_foreign"
# (points, variants that may be built, refused ones)
RUNS: dict[str, tuple[int, int, set[str]]] = {
    "alpha_sweep": (10, 10, set()),
    "paper": (12, 12, set()),
    "nulls": (42, 42, set()),
    "by_layer": (12, 12, set()),
    "by_kind": (10, 10, set()),
    "sparsity": (29, 29, set()),
    "compose": (11, 11, set()),
    "foreign_seed": (10, 9, {FOREIGN}),
}


def configs(*arguments: str) -> list[schema.Config]:
    found = schema.points(arguments)
    assert [point.problems for point in found if point.problems] == []
    return [point.config for point in found if point.config]


@cache
def planned(name: str) -> Sweep:
    return plan_sweep(schema.points([f"experiment={name}", "store=no_such_folder"]))


def test_every_experiment_is_listed_here() -> None:
    assert FILES.keys() == RUNS.keys()


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_an_experiment_runs_and_what_of_it_is_refused(name: str) -> None:
    found = planned(name)
    plans, (points, variants, refused) = found.plans, RUNS[name]
    assert (found.points, {outcome.label for outcome in found.refused}) == (points, refused)
    assert all(outcome.kept for outcome in found.refused)
    assert len({plan.recipe.fingerprint for plan in plans}) == len({plan.label for plan in plans}) == variants
    assert [plan.label for plan in plans if plan.recipe.is_base and "-" not in plan.label] == ["tiny"]
    assert not any(plan.added for plan in plans)  # a written-down sweep has its own baseline
    assert all(plan.config.study == name for plan in plans)
    forced = {plan.label for plan in plans if plan.label.endswith("forced]")}
    assert forced == {plan.label for plan in plans if plan.recipe.forced}
    assert bool(forced) == bool(refused)


def test_nulls_hold_as_many_controls_as_the_smallest_p_needs() -> None:
    recipes = [plan.recipe for plan in planned("nulls").plans]
    kinds = Counter(recipe.steps[0].name for recipe in recipes if recipe.steps)
    assert kinds == {"random": 19, "permute": 5, "signs": 5, "spectrum": 5, "swap_layers": 5, "other": 1}


def test_compose_runs_each_vector_alone_with_as_much_of_it_as_together() -> None:
    recipes = [plan.recipe for plan in planned("compose").plans]
    for alpha in (0.5, 1.0):
        sets = [{term.plus_hash for term in recipe.terms} for recipe in recipes if recipe.alpha == alpha]
        both = max(sets, key=len)
        assert len(both) == 2
        assert all({one} in sets for one in both)


def one_of_each_kind(name: str) -> list[str]:
    """An experiment's points with one value where it has several of a number, as an override; [] where it has none."""
    points = yaml.safe_load(FILES[name].read_text()).get("points", [])
    numbers = re.compile(r"(alpha|vector\.(?:seed|density|rank|cap))=(?:range\(\d+\)|([^,\[]+)).*")
    short = [[numbers.sub(lambda found: f"{found[1]}={found[2] or 0}", one) for one in point] for point in points]
    return (
        ["points=[" + ",".join(f"[{','.join(repr(one) for one in point)}]" for point in short) + "]"] if short else []
    )


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_model_of_the_users_takes_the_place_of_the_tiny_one(name: str) -> None:
    """The vector, the suite and the model of the command line are those of every run."""
    mine = ["model=instruct_1.5b", "suite=gsm8k", "vector=grpo"]
    mine += ["vector.terms.0.plus=/donors/grpo", "vector.terms.0.minus=/donors/sft"]
    mine += ["vector.weights=null"] if name == "compose" else []  # one term: its weights are of two
    mine += ["vector.transform=none", *one_of_each_kind(name)]
    found = configs(f"experiment={name}", *mine)
    assert {config.suite.name for config in found} == {"gsm8k"}
    bases = [config for config in found if config.vector.label == "grpo"]
    assert {config.model.path for config in bases} == {"Qwen/Qwen2.5-1.5B-Instruct"}
    assert {config.vector.terms[0].plus.path for config in bases} == {"/donors/grpo"}
    donors = {config.model.path for config in found if config not in bases}
    assert donors == ({"/donors/grpo", "/donors/sft"} if name == "paper" else set())


def test_a_base_stays_in_the_study_when_alpha_is_another() -> None:
    found = configs("experiment=nulls", "alpha=0.5", "points=[['vector.scope=[]'],['vector.transform=none']]")
    assert [(config.alpha, config.vector.scope) for config in found] == [(0.5, []), (0.5, [".*"])]


@pytest.mark.parametrize("name", sorted(FILES))
def test_an_experiment_says_what_it_asks(name: str) -> None:
    """A comment for people: a question; where runs are refused on purpose, the exit status that this has."""
    text = FILES[name].read_text()
    lines = text.splitlines()
    assert lines[0] == "# @package _global_"
    head = " ".join(line.lstrip("# ") for line in lines[1:] if line.startswith("#"))
    assert "?" in lines[1]
    assert all(words in head for words in ("Read it so:", "On the tiny family:"))
    commands = re.findall(r"python -m rveval experiment=(\w+) (.*)", head)
    assert commands
    assert {found for found, _ in commands} == {name}
    assert all("model=" in rest and "suite=" in rest for _, rest in commands)
    assert ("exit status 2" in head) == bool(RUNS[name][2])
    assert yaml.safe_load(text)["study"] == name


def refused_run(folder: Path, *arguments: str) -> int:
    return main([f"store={folder / 'runs'}", "study=s", "limit=2", *arguments])


def test_a_refusal_is_a_row_of_the_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused_run(tmp_path, "vector=tiny_foreign") == 2
    out, err = capsys.readouterr()
    assert f"refused: {FOREIGN}" in err
    assert FOREIGN in out
    (kept,) = Store(tmp_path / "runs").refusals("s")
    assert kept["label"] == FOREIGN
    assert kept["config"]["vector"]["label"] == "tiny_foreign"
    assert {"what", "where", "expected", "found", "fix"} == kept["problems"][0].keys()
    assert not (tmp_path / "runs/logs").exists()  # no engine was started


def test_a_dry_run_keeps_no_refusal(tmp_path: Path) -> None:
    assert refused_run(tmp_path, "vector=tiny_foreign", "dry_run=true") == 2
    assert not (tmp_path / "runs").exists()


def test_a_refusal_that_can_not_be_kept_says_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").write_text("a file in the way")
    assert refused_run(tmp_path, "vector=tiny_foreign") == 2
    err = capsys.readouterr().err
    assert f"refused: {FOREIGN}" in err
    assert "the store can't be written to" in err


@pytest.mark.slow
def test_a_variant_that_is_not_refused_any_more_loses_its_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gate(config: Any) -> cells.Plan:
        raise DoesNotMatch(Problem("another architecture", "vector.terms[0].plus"), plain(config).label)

    plain = cells.plan
    with monkeypatch.context() as patched:
        patched.setattr(cells, "plan", gate)
        assert refused_run(tmp_path, "alpha=0", "engine=hf") == 2
    assert [refusal["label"] for refusal in Store(tmp_path / "runs").refusals("s")] == ["tiny"]
    assert refused_run(tmp_path, "alpha=0", "engine=hf") == 0
    assert Store(tmp_path / "runs").refusals("s") == []
    assert "refused" not in capsys.readouterr().out.split("rv_tiny_math")[-1]
