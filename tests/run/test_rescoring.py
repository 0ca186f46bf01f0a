"""Stored answers are scored again where readers or scorers changed: without an engine, and without losing anything."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ownfolder
import pytest
import tinymodels
from conftest import needs_data

from rveval import answers, benchmarks, perturb, report
from rveval import config as schema
from rveval.benchmarks import scores
from rveval.engine import Answer, Request, TokenScore
from rveval.engine.session import Served
from rveval.errors import Failed, Refused
from rveval.findings import Study, build, end_table
from rveval.recipe import Recipe
from rveval.run import cells, planning, rescore, sweep
from rveval.run.harness import run_cell
from rveval.run.rescoring import rescore_cell
from rveval.store import SCHEMA_VERSION, Store, StudyEntry, files

pytestmark = needs_data("gsm8k", "humaneval")
SAID = ["#### 18", "It is 3.", "<think>70000, or so</think>It is 70000.", "I do not know."]


class Player:
    """Says what it was given, item by item; of texts it likes the last one best."""

    max_model_len = 8192
    recipe = Recipe("", "")

    def __init__(self, tokenizer: Any, said: list[str]) -> None:
        self.tokenizer, self._said = tokenizer, said

    def describe(self) -> dict[str, Any]:
        return {"kind": "player"}

    def generate(self, requests: list[Request], progress: Any = None) -> list[Answer]:
        return [Answer(self._said[place % len(self._said)], (5,), "stop", -1.0) for place in range(len(requests))]

    def score(self, prompts: list[Any]) -> list[list[TokenScore]]:
        return [[TokenScore(-1.0 / (1 + place), False)] * len(tokens) for place, tokens in enumerate(prompts)]


@dataclass
class Bench:
    """Runs cells by a player, and scores them again."""

    base: Path
    tokenizer: Any
    store: Store

    def plan(self, task: str = "rv_gsm8k", **keys: Any) -> cells.Plan:
        suite = {"name": "s", "tasks": [task], "families": [keys.pop("families", "clean")]}
        tree = {
            "model": {"label": "m", "path": str(self.base)},
            "vector": {"label": "none"},
            "suite": suite | {"include": keys.pop("include", [])},
            "store": str(self.store.root),
            "study": "s",
            "limit": 4,
        }
        return cells.plan(schema.parse(tree | keys))

    def run(self, plan: cells.Plan, said: list[str] = SAID) -> str:
        (cell,) = plan.cells
        run_cell(plan, cell, Served(Player(self.tokenizer, said), "hot", 0.0), self.store)  # type: ignore[arg-type]
        entry: dict[str, Any] = {"label": plan.label, "alpha": 0.0, "fingerprint": plan.recipe.fingerprint}
        entry |= {"schema_version": SCHEMA_VERSION, "study": "s", "cells": [cell.cell_id]}
        self.store.write_study(StudyEntry(**entry, config=schema.resolved(plan.config)))  # type: ignore[typeddict-item]
        return cell.cell_id

    def files(self, cell_id: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.store.root / "cells" / cell_id).iterdir()}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinymodels.make(tmp_path_factory.mktemp("checkpoints") / "base", hidden=32, heads=1, max_len=4096)


@pytest.fixture(scope="module")
def first(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with one cell of rv_gsm8k, and its id."""
    from transformers import AutoTokenizer

    bench = Bench(base, AutoTokenizer.from_pretrained(base), Store(tmp_path_factory.mktemp("first")))
    return bench.store.root, bench.run(bench.plan())


@pytest.fixture
def bench(base: Path, first: tuple[Path, str], tmp_path: Path) -> Bench:
    from transformers import AutoTokenizer

    shutil.copytree(first[0], tmp_path / "runs")
    return Bench(base, AutoTokenizer.from_pretrained(base), Store(tmp_path / "runs"))


def raise_reader(monkeypatch: pytest.MonkeyPatch, read: Callable[..., Any] | None = None) -> None:
    """The number reader of tomorrow: one version on, and with another idea of what is an answer."""
    monkeypatch.setitem(scores.READERS, "number", 2)
    monkeypatch.setattr(answers, "read_number", read or (lambda response, *_: answers.Reading("3", "3")))


def test_nothing_is_scored_again_while_readers_stay(
    bench: Bench, first: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reworded docstrings change neither the cell's id nor what scored it."""
    for told in (answers.read_number, benchmarks.score, perturb.perturb, benchmarks.load):
        monkeypatch.setattr(told, "__doc__", "Reworded.")
    (cell,) = bench.plan().cells
    assert (cell.cell_id, cell.done) == (first[1], True)
    before = bench.files(first[1])
    assert rescore(bench.store, "s") == []
    assert bench.files(first[1]) == before


def test_another_version_of_a_reader_reads_stored_answers_again(
    bench: Bench, first: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cell_id = first[1]
    record, samples = bench.store.read_cell(cell_id), bench.store.read_samples(cell_id)
    assert [s["correct"] for s in samples] == [True, True, True, False]
    raise_reader(monkeypatch)
    assert bench.plan().cells[0].cell_id == cell_id
    (change,) = rescore(bench.store, "s")
    assert "reader version 1 -> 2" in str(change)
    assert change.metrics is not None
    assert change.metrics["exact_match"] == (0.75, 0.25)
    now, again = bench.store.read_cell(cell_id), bench.store.read_samples(cell_id)
    assert [s["correct"] for s in again] == [False, True, False, False]
    assert {s["extracted"] for s in again} == {"3"}
    for name in ("prompt", "response", "thinking", "n_thinking_tokens", "n_output_tokens", "stop_reason", "changed"):
        assert [s[name] for s in again] == [s[name] for s in samples]  # type: ignore[literal-required]
    assert now["metrics"]["exact_match"] == 0.25
    assert now["scored_by"] == record["scored_by"] | {"reader_version": 2}
    assert [one["scored_by"] for one in now["rescored"]] == [record["scored_by"]]
    assert now["rescored"][0]["at"][:10] in now["warnings"][-1]
    assert [warning[:12] for warning in now["warnings"]] == ["scored again"]
    assert {key for key in record if record[key] != now.get(key)} == {  # type: ignore[literal-required]
        *("metrics", "scored_by", "samples_sha256", "warnings")
    }
    assert rescore(bench.store, "s") == []


def test_the_next_run_scores_again_without_an_engine_and_the_table_says_so(
    bench: Bench, first: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    raise_reader(monkeypatch)
    monkeypatch.setattr(sweep, "Session", None)
    ended: list[planning.Outcome] = []
    fresh: set[str] = set()
    with caplog.at_level("INFO", logger="rveval"):
        sweep.run_sweep(planning.Sweep((bench.plan(),), (), ()), ended.append, fresh)
    assert [(outcome.exit_code, outcome.message) for outcome in ended] == [(0, "")]
    assert fresh == set()
    assert "scored again without asking again (reader version 1 -> 2)" in caplog.text
    assert bench.store.read_cell(first[1])["metrics"]["exact_match"] == 0.25
    (table,) = end_table(build([Study("s", bench.store, bench.store.read_study("s"))]), fresh)
    (row,) = table.rows
    assert row.values[-1] == "kept; scored again"


def test_force_scores_again_what_nothing_differs_for(bench: Bench, first: tuple[Path, str]) -> None:
    before = bench.store.read_samples(first[1])
    (change,) = rescore(bench.store, "s", force=True)
    assert (change.changed, change.metrics) == (0, {})
    assert bench.store.read_samples(first[1]) == before
    assert list(report._score_again(bench.store.root, "s", False)) == []
    (said,) = report._score_again(bench.store.root, "s", True)
    assert (
        said == "m, rv_gsm8k: scored again without asking again (as was wished): 0 answers are read or scored otherwise"
    )


@pytest.mark.parametrize("moment", ["samples.jsonl", "cell.json", "rename"])
def test_a_kill_while_scoring_again_loses_nothing(
    bench: Bench, first: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Killed at each step of the writing: the old cell is whole, and the next run does it."""
    before = bench.files(first[1])
    raise_reader(monkeypatch)
    if (child := os.fork()) == 0:
        write = files.write

        def killed(path: Path, data: bytes) -> None:
            if path.name == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            write(path, data)

        monkeypatch.setattr(files, "write", killed)
        if moment == "rename":
            monkeypatch.setattr(files, "locked", lambda folder: os.kill(os.getpid(), signal.SIGKILL))
        try:
            rescore(bench.store, "s")
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert bench.files(first[1]) == before
    assert bench.store.read_samples(first[1])
    assert [change.changed for change in rescore(bench.store, "s")] == [4]


def test_a_full_disk_leaves_the_old_scores(
    bench: Bench, first: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    before = bench.files(first[1])
    raise_reader(monkeypatch)
    monkeypatch.setattr(files, "write", full)
    (cell,) = bench.plan().cells
    with pytest.raises(Failed, match="No space left"):
        rescore_cell(bench.store, cell.cell_id, cell.asked, "bwrap")
    (change,) = rescore(bench.store, "s")
    assert "the cell could not be stored: No space left on device" in change.problem
    assert bench.files(first[1]) == before


@pytest.mark.parametrize("what", ["prompt", "data"])
def test_answers_to_other_items_are_not_scored(
    bench: Bench, first: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A family or a task that is another one today asked other questions: the stored answers are not theirs."""
    raise_reader(monkeypatch)
    if what == "prompt":
        monkeypatch.setattr(cells, "prompt_hash", lambda asked: "another")
    else:
        monkeypatch.setattr(cells, "data_hashes", lambda asked, shots: {"data": "another"})
    before = bench.files(first[1])
    (change,) = rescore(bench.store, "s")
    assert f"the {what} of the task was changed" in change.problem
    assert bench.files(first[1]) == before


def test_cut_samples_are_not_scored(bench: Bench, first: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    raise_reader(monkeypatch)
    path = bench.store.root / "cells" / first[1] / "samples.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    (cell,) = bench.plan().cells
    with pytest.raises(Refused, match="changed or cut"):
        rescore_cell(bench.store, cell.cell_id, cell.asked, "bwrap")


def test_schema_1_stays_as_it_is(bench: Bench) -> None:
    schema_1 = Path(__file__).parent.parent / "store" / "schema1"
    shutil.copytree(schema_1, bench.store.root / "cells" / "old")
    (entry,) = bench.store.read_study("s")
    bench.store.write_study(entry | {"cells": ["old"], "label": "old", "config": {}})  # type: ignore[typeddict-item]
    assert rescore(bench.store, "s") == []
    (change,) = rescore(bench.store, "s", force=True)
    assert change.cell_id != "old"
    assert bench.files("old") == {path.name: path.read_bytes() for path in schema_1.iterdir()}


@pytest.mark.parametrize(
    ("task", "families"),
    [("own_add", "clean"), ("own_add", "think"), ("own_letters", "shuffle"), ("own_texts", "clean")],
)
def test_wrapped_tasks_are_scored_again_by_their_own_metrics(
    bench: Bench, tmp_path: Path, task: str, families: str
) -> None:
    """Also tasks that score given texts: what the engine thought of each is in the samples."""
    own = ownfolder.make(tmp_path / "own")
    cell_id = bench.run(bench.plan(task, families=families, include=[str(own)]), ["7", "B", "#### 3"])
    record, samples = bench.store.read_cell(cell_id), bench.store.read_samples(cell_id)
    assert "lm_eval" in record["scored_by"]
    older = record["scored_by"] | {"lm_eval": "0.0.1"}
    bench.store.rewrite_cell(cell_id, samples, scored_by=older)
    (change,) = rescore(bench.store, "s")
    assert change.why == f"lm eval 0.0.1 -> {record['scored_by']['lm_eval']}"
    assert (change.changed, change.metrics) == (0, {})
    assert bench.store.read_samples(cell_id) == samples


def test_programs_are_run_again_where_the_config_says(bench: Bench) -> None:
    docs = benchmarks.load("humaneval")[:4]
    said = [f"```python\n{doc['prompt']}{doc['canonical_solution']}```" for doc in docs[:2]]
    plan = bench.plan("rv_humaneval", sandbox="unsafe")
    cell_id = bench.run(plan, [*said, "nothing", "nothing"])
    record = bench.store.read_cell(cell_id)
    assert (record["scored_by"]["sandbox"], record["metrics"]["exact_match"]) == ("unsafe", 0.5)
    samples = [s | {"correct": False, "why": ""} for s in bench.store.read_samples(cell_id)]
    bench.store.rewrite_cell(cell_id, samples, scored_by={**record["scored_by"], "scorer_version": 0})  # type: ignore[arg-type]
    (change,) = rescore(bench.store, "s")
    assert "scorer version 0 -> 1" in change.why
    now = bench.store.read_cell(cell_id)
    assert now["metrics"] == record["metrics"]
    assert json.dumps(now["scored_by"]) == json.dumps(record["scored_by"])
