"""Cell ids: whatever can change an answer changes the id, nothing else does, and finding out needs no torch."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
import types
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import tinymodels
from conftest import needs_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rveval import benchmarks, perturb
from rveval import config as schema
from rveval.benchmarks import task_files
from rveval.errors import Refused
from rveval.run import cells

pytestmark = needs_data("gsm8k")
FIELDS = [one.name for one in fields(perturb.FAMILIES["typos"]) if one.name != "version"]


@dataclass(frozen=True)
class Checkpoints:
    """A base and two donors of its shape."""

    base: Path
    plus: Path
    minus: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Checkpoints:
    folder = tmp_path_factory.mktemp("checkpoints")
    base = tinymodels.make(folder / "base", hidden=32, heads=1)
    return Checkpoints(
        base,
        tinymodels.perturbed(base, folder / "plus", seed=1),
        tinymodels.perturbed(base, folder / "minus", seed=2),
    )


def tree(made: Checkpoints) -> dict[str, Any]:
    """A config as Hydra would compose it."""
    return {
        "model": {"label": "m", "path": str(made.base)},
        "vector": {"label": "v", "terms": [{"plus": {"path": str(made.plus)}, "minus": {"path": str(made.minus)}}]},
        "alpha": 0.5,
        "suite": {"name": "s", "tasks": ["rv_gsm8k"]},
        "store": "nowhere",
    }


def changed(config: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(config)
    place: Any = config
    *path, last = key.split(".")
    for name in path:
        place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
    place[last] = value
    return config


def plan(config: dict[str, Any]) -> cells.Plan:
    return cells.plan(schema.parse(config))


def cell_id(config: dict[str, Any]) -> str:
    (only,) = plan(config).cells
    return only.cell_id


@pytest.fixture(scope="module")
def first(made: Checkpoints) -> str:
    return cell_id(tree(made))


CHANGES_THE_ANSWER = {
    "alpha": 0.25,
    "seed": 1,
    "limit": 5,
    "suite.limit": 5,
    "suite.tasks": ["rv_tiny_math"],
    "max_gen_toks": 7,
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 20,
    "min_p": 0.1,
    "template": {"enable_thinking": False},
    "num_fewshot": 2,
    "chat": False,
    "model.chat": False,
    "model.system": "Be brief.",
    "model.dtype": "float32",
    "vector.scope": ["mlp"],
    "vector.terms.0.weight": 2.0,
    "vector.terms": [],
    "vector.kinds": ["mlp"],
    "vector.layers": [0, 1],
    "vector.ramp": [0.5, 1.0],
    "vector.weights": [0.5],
    "vector.transform": ["random"],
    "engine.kind": "hf",
    "engine.max_num_seqs": 3,
    "engine.max_model_len": 1000,
    "engine.seed": 1,
    "engine.enforce_eager": False,
    "engine.tensor_parallel_size": 2,
    "engine.extra": {"block_size": 32},
    "suite.families": ["think"],
}


@pytest.mark.parametrize("key", CHANGES_THE_ANSWER)
def test_what_can_change_an_answer_changes_the_cell(made: Checkpoints, first: str, key: str) -> None:
    assert cell_id(changed(tree(made), key, CHANGES_THE_ANSWER[key])) != first


def test_scorers_and_the_sandbox_change_no_cell(made: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell is known by what can change an answer; readers and scorers are another thing."""
    humaneval = changed(tree(made), "suite.tasks", ["rv_humaneval"])
    first = cell_id(humaneval)
    assert cell_id(changed(humaneval, "sandbox", "unsafe")) == first
    said = task_files.read("humaneval")
    monkeypatch.setattr(task_files, "read", lambda source: said | {"metric_list": [], "process_results": "another"})
    assert cell_id(humaneval) == first
    monkeypatch.setattr(task_files, "read", lambda source: said | {"doc_to_text": "another"})
    assert cell_id(humaneval) != first


def test_the_version_of_a_family_changes_its_cells_alone(made: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    config = changed(tree(made), "suite.families", ["clean", "think", "typos"])
    before = {cell.task: cell.cell_id for cell in plan(config).cells}
    newer = types.SimpleNamespace(**{name: getattr(perturb.FAMILIES["typos"], name) for name in FIELDS}, version=2)
    monkeypatch.setitem(perturb.FAMILIES, "typos", newer)
    after = {cell.task: cell.cell_id for cell in plan(config).cells}
    assert [task for task in before if before[task] != after[task]] == ["rv_gsm8k_typos"]


def test_samples_an_item_change_the_cell(made: Checkpoints) -> None:
    warm = changed(tree(made), "temperature", 0.5)
    assert cell_id(changed(warm, "n", 3)) != cell_id(warm)


@pytest.mark.parametrize("key", ["batch_size", "extra"])
def test_settings_of_the_hf_engine_change_the_cell(made: Checkpoints, key: str) -> None:
    hf = changed(tree(made), "engine.kind", "hf")
    assert cell_id(changed(hf, f"engine.{key}", {"batch_size": 3, "extra": {"a": 1}}[key])) != cell_id(hf)


CHANGES_NOTHING = {
    "store": "elsewhere",
    "study": "other",
    "force": True,
    "dry_run": True,
    "sandbox": "unsafe",
    "baseline": "none",
    "workers.kind": "local",
    "tracking.kind": "wandb",
    "tracking.project": "p",
    "model.label": "another",
    "model.note": "a note",
    "vector.label": "another",
    "vector.note": "a note",
    "vector.seed": 3,  # and what follows: parameters of transforms, of which there are none
    "vector.density": 0.5,
    "vector.gamma": 0.5,
    "vector.epsilon": 0.5,
    "vector.rank": 2,
    "vector.cap": 2.0,
    "vector.other": {"plus": "tiny:grpo", "minus": "tiny:sft"},
    "force_incompatible": True,  # of donors that fit
    "points": [["alpha=0"]],
    "suite.name": "another",
    "limit": 1319,
    "suite.limit": 100_000,
    "suite.draws": 3,  # of a family; a clean task has one
    "suite.repeat": 2,  # of the base only, see below
    "suite.margin": 0.8,
    "suite.pooled_by": "items",
    "chat": True,
    "num_fewshot": None,
    "model.dtype": "auto",
    "vector.terms.0.weight": 1,
    "engine.kv_cache_gib": 2.0,
    "engine.threads": 1,
    "engine.multiprocess": True,
    "engine.gpu_memory_utilization": 0.5,
    "engine.batch_size": 5,
}


@pytest.mark.parametrize("key", CHANGES_NOTHING)
def test_what_can_change_no_answer_changes_no_cell(made: Checkpoints, first: str, key: str) -> None:
    assert cell_id(changed(tree(made), key, CHANGES_NOTHING[key])) == first


def test_the_base_is_asked_again_in_cells_of_their_own(made: Checkpoints) -> None:
    base = changed(tree(made), "alpha", 0)
    once = cell_id(base)
    found = plan(changed(base, "suite.repeat", 2)).cells
    assert [cell.asked.repeat for cell in found] == [0, 1, 2]
    assert found[0].cell_id == once
    assert len({cell.cell_id for cell in found}) == 3
    assert {key for cell in found for key in cell.settings if cell.settings.get(key) != found[0].settings.get(key)} == {
        "repeat"
    }


def test_every_key_is_known_to_change_something_or_nothing() -> None:
    """A new key must say here which of the two it is."""
    sections = {key for key in schema.known_keys() if any(k.startswith(f"{key}.") for k in schema.known_keys())}
    said = {
        *CHANGES_THE_ANSWER,
        *CHANGES_NOTHING,
        *("suite.strength", "suite.include"),  # test_suites
        *("n", "model.path", "model.revision", "model.subfolder"),  # test_samples_..., content below
        *(f"tracking.{key}" for key in ("mode", "entity", "tags")),
        "model.donor",  # test_assembly
    }
    assert set(schema.known_keys()) - sections - said == set()


@pytest.mark.parametrize("who", ["base", "plus", "minus"])
@pytest.mark.parametrize("what", ["weights", "copy"])
def test_content_counts_and_folders_do_not(made: Checkpoints, first: str, tmp_path: Path, who: str, what: str) -> None:
    key = {"base": "model.path", "plus": "vector.terms.0.plus.path", "minus": "vector.terms.0.minus.path"}[who]
    other = Path(shutil.copytree(getattr(made, who), tmp_path / "other"))
    if what == "weights":
        weights = tinymodels.tensors(other)
        weights["model.norm.weight"] = weights["model.norm.weight"] * 2
        tinymodels.write(other, weights)
    assert (cell_id(changed(tree(made), key, str(other))) == first) == (what == "copy")


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "chat_template.jinja"])
def test_what_else_the_base_holds_counts(made: Checkpoints, first: str, tmp_path: Path, file: str) -> None:
    other = Path(shutil.copytree(made.base, tmp_path / "other"))
    text = (other / file).read_text()
    (other / file).write_text(text.replace("assistant", "helper") if file.endswith("jinja") else text.rstrip() + "\n\n")
    assert cell_id(changed(tree(made), "model.path", str(other))) != first


def test_data_are_in_the_id_and_their_folder_is_not(
    made: Checkpoints, first: str, tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(data_folder / "gsm8k", tmp_path / "gsm8k")
    monkeypatch.setenv("RVEVAL_DATA", str(tmp_path))
    (cell,) = plan(tree(made)).cells
    assert cell.cell_id == first
    assert cell.settings["data"] == benchmarks.data_hash("gsm8k")
    assert cell.settings["demonstrations"] is None
    (shown,) = plan(changed(tree(made), "num_fewshot", 2)).cells
    assert shown.settings["demonstrations"] == benchmarks.data_hash("gsm8k", "train") != cell.settings["data"]


@pytest.mark.parametrize("split", ["test", "train"])
def test_changed_data_are_refused(
    made: Checkpoints, split: str, tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(data_folder / "gsm8k", tmp_path / "gsm8k")
    monkeypatch.setenv("RVEVAL_DATA", str(tmp_path))
    file = tmp_path / "gsm8k" / f"{split}.jsonl"
    file.write_text(file.read_text().replace("Natalia" if split == "train" else "Janet", "Janice", 1))
    with pytest.raises(Refused, match="not as published"):
        plan(changed(tree(made), "num_fewshot", 2))


@pytest.mark.parametrize("how", [{"alpha": 0.0}, {"alpha": -0.0}, {"vector.terms": []}, {"vector.scope": []}])
def test_all_ways_to_the_base_are_one_cell(made: Checkpoints, how: dict[str, Any]) -> None:
    ((key, value),) = how.items()
    found = plan(changed(tree(made), key, value))
    assert found.cells[0].cell_id == cell_id(changed(tree(made), "alpha", 0))
    assert found.label == "m"


PLAN = """
import json, sys
from rveval.run import cells
from rveval import config as schema
plan = cells.plan(schema.parse(json.loads(sys.argv[1])))
heavy = sorted({"torch", "vllm", "lm_eval", "transformers", "datasets", "wandb", "scipy"} & sys.modules.keys())
print(json.dumps([plan.cells[0].cell_id, heavy]))
"""


@pytest.mark.parametrize("hash_seed", ["0", "1", "12345"])
def test_the_id_is_stable_over_processes_and_needs_nothing_heavy(made: Checkpoints, first: str, hash_seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLAN, json.dumps(tree(made))],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [first, []]


SETTINGS = st.fixed_dictionaries(
    {
        "alpha": st.sampled_from([-1.0, 0.0, 0.5, 0.5000001, 1.0]),
        "seed": st.integers(0, 2),
        "limit": st.sampled_from([None, 1, 12, 1319, 2000]),
        "max_gen_toks": st.sampled_from([None, 1, 12, 512]),
        "temperature": st.sampled_from([0.5, 1.0]),
        "top_p": st.sampled_from([0.5, 1.0]),
        "n": st.integers(1, 2),
        "chat": st.booleans(),
        "model.system": st.sampled_from([None, "", "null", "a"]),
        "engine.max_num_seqs": st.sampled_from([1, 12]),
        "engine.seed": st.integers(0, 2),
        "engine.extra": st.sampled_from([{}, {"a": 1}, {"a": "1"}, {"a": {"b": 1}}, {"b": 1}]),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(left=SETTINGS, right=SETTINGS, shared=st.sets(st.sampled_from(["alpha", "seed", "limit", "n", "engine.extra"])))
def test_different_settings_never_share_a_cell(
    made: Checkpoints, left: dict[str, Any], right: dict[str, Any], shared: set[str]
) -> None:
    right = right | {key: left[key] for key in shared}
    ids = []
    for one in (left, right):
        config = tree(made)
        for key, value in one.items():
            config = changed(config, key, value)
        ids.append(cell_id(config))
    same = [one | {"limit": None if (one["limit"] or 9999) >= 1319 else one["limit"]} for one in (left, right)]
    assert (ids[0] == ids[1]) == (same[0] == same[1])


def test_what_is_done_is_not_left_unless_forced(made: Checkpoints, tmp_path: Path, first: str) -> None:
    config = changed(tree(made), "store", str(tmp_path))
    assert [cell.cell_id for cell in plan(config).left] == [first]
    (tmp_path / "cells" / first).mkdir(parents=True)
    assert [cell.cell_id for cell in plan(config).left] == [first]
    (tmp_path / "cells" / first / "cell.json").write_text("{}")
    assert plan(config).left == ()
    assert [cell.cell_id for cell in plan(changed(config, "force", True)).left] == [first]


def test_items_asked(made: Checkpoints) -> None:
    assert plan(tree(made)).cells[0].n_items == 1319
    assert plan(changed(tree(made), "limit", 7)).cells[0].n_items == 7
    assert plan(changed(tree(made), "limit", 7000)).cells[0].n_items == 1319


@pytest.mark.parametrize("task", ["rv_nope", "*", "rv_*", "../rv_gsm8k", "gsm8k", "rv_gsm8k_[a]", ""])
def test_an_unknown_task_is_refused(made: Checkpoints, task: str) -> None:
    with pytest.raises(Refused):
        plan(changed(tree(made), "suite.tasks", [task]))


def test_everything_that_is_missing_is_named_at_once(made: Checkpoints, tmp_path: Path) -> None:
    config = changed(tree(made), "model.path", str(tmp_path / "a"))
    config = changed(config, "vector.terms.0.plus.path", str(tmp_path / "b"))
    config = changed(config, "suite.tasks", ["rv_nope", "rv_gsm8k"])
    with pytest.raises(Refused) as refused:
        plan(config)
    text = str(refused.value)
    assert "model.path" in text
    assert "vector.terms[0].plus" in text
    assert "rv_nope" in text


def test_auto_takes_the_type_of_most_values(tmp_path: Path) -> None:
    import torch

    base = tinymodels.make(tmp_path / "base", hidden=32, heads=1)
    large = ("embed", "mlp")
    weights = {
        name: t if any(part in name for part in large) else t.to(torch.float32)
        for name, t in tinymodels.tensors(base).items()
    }
    assert sum(t.dtype == torch.float32 for t in weights.values()) * 2 > len(weights)  # by number of tensors: float32
    tinymodels.write(base, weights)
    made = Checkpoints(base, base, base)
    found = plan(changed(changed(tree(made), "vector.terms", []), "model.dtype", "auto"))
    assert found.recipe.dtype == "bfloat16"


def test_auto_refuses_a_type_that_is_not_served(tmp_path: Path) -> None:
    base = tinymodels.make(tmp_path / "base", hidden=32, heads=1)
    tinymodels.write(base, {name: t.double() for name, t in tinymodels.tensors(base).items()})
    made = Checkpoints(base, base, base)
    with pytest.raises(Refused, match="F64"):
        plan(changed(changed(tree(made), "vector.terms", []), "model.dtype", "auto"))
