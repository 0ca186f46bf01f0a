"""Every shipped config composes and is right, or says what it waits for; their number is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rveval import config as schema
from rveval.config import words
from rveval.errors import Refused

OPTIONS = sorted(
    (file.parent.name, file.stem)
    for file in schema.config_dir().glob("*/*.yaml")
    if file.parent.name not in ("experiment", "claims")
)
EXPERIMENTS = sorted(file.stem for file in schema.config_dir().glob("experiment/*.yaml"))
CLAIMS = len(list(schema.config_dir().glob("claims/*.yaml")))  # data of reports, not options of a run
WAITING = {("vector", "grpo"), ("vector", "rlvr_sft_1.5b")}  # ids that are the user's to fill in


def composed(*overrides: str) -> Any:
    return schema.composed(overrides)


def test_there_are_as_many_as_we_think() -> None:
    assert len(OPTIONS) == 26
    assert len(EXPERIMENTS) == 8
    assert len(list(schema.config_dir().rglob("*.yaml"))) == len(OPTIONS) + len(EXPERIMENTS) + 1 + CLAIMS


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option(group: str, option: str) -> None:
    cfg = composed(f"{group}={option}")
    if (group, option) not in WAITING:
        config = schema.parse(cfg)
        assert getattr(config, group)
        return
    with pytest.raises(Refused) as refused:
        schema.parse(cfg)
    assert all("???" in problem.what and "vector.terms.0" in problem.fix for problem in refused.value.problems)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment(name: str) -> None:
    config = schema.parse(composed(f"experiment={name}"))
    assert config.study == name


def test_the_defaults_are_the_tiny_family() -> None:
    config = schema.parse(composed())
    assert (config.model.label, config.vector.label, config.suite.name) == ("tiny", "tiny_grpo", "smoke")
    assert (config.alpha, config.engine.kind, config.tracking.kind) == (1.0, "vllm", "none")
    assert config.vector.terms == [schema.Term(schema.Source("tiny:grpo"), schema.Source("tiny:sft"), 1.0)]


def test_the_shipped_configs_and_the_keys_have_one_set_of_defaults() -> None:
    config = schema.parse(composed())
    assert config == schema.Config(config.model, config.vector)


def test_the_engine_takes_the_seed_of_the_run() -> None:
    assert schema.parse(composed("seed=5")).engine.seed == 5
    assert schema.parse(composed("seed=5", "engine=hf")).engine.seed == 5
    assert schema.parse(composed("seed=5", "engine.seed=1")).engine.seed == 1


def test_a_waiting_vector_is_filled_in_on_the_command_line() -> None:
    config = schema.parse(composed("vector=grpo", "vector.terms.0.plus=org/a@r", "vector.terms.0.minus.path=/b"))
    assert config.vector.terms[0].plus == schema.Source("org/a", "r")
    assert config.vector.terms[0].minus == schema.Source("/b")
    config = schema.parse(composed("vector.label=mine", "vector.terms=[{plus:org/a,minus:tiny:sft,weight:0.5}]"))
    assert config.vector.terms == [schema.Term(schema.Source("org/a"), schema.Source("tiny:sft"), 0.5)]


def test_no_vector_is_no_terms() -> None:
    assert schema.parse(composed("vector=none")).vector.terms == []


def test_file_names_are_the_labels_of_vectors_and_suites() -> None:
    """So that a study's files can be traced to the config that made them."""
    for group, key in (("vector", "label"), ("suite", "name")):
        for file in (schema.config_dir() / group).glob("*.yaml"):
            assert yaml.safe_load(file.read_text())[key] == file.stem


def test_no_configured_revision_pretends_to_be_a_commit() -> None:
    """Nobody could check one; `main` and ??? are honest."""
    text = "".join(file.read_text() for file in schema.config_dir().rglob("*.yaml"))
    revisions = {
        line.split("revision:")[1].strip(" ,}").split(",")[0] for line in text.splitlines() if "revision:" in line
    }
    assert revisions <= {"main", "null", '"???"'}


def test_hydra_leaves_no_folders() -> None:
    hydra = yaml.safe_load((schema.config_dir() / "config.yaml").read_text())["hydra"]
    assert hydra["output_subdir"] is None
    assert hydra["job"]["chdir"] is False


def test_an_installed_package_finds_its_configs_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "site" / "rveval"
    (inside / "conf").mkdir(parents=True)
    monkeypatch.setattr(words, "__file__", str(inside / "config" / "words.py"))
    assert schema.config_dir() == inside / "conf"
    (inside / "conf").rmdir()
    assert schema.config_dir() == tmp_path / "site" / "conf"
