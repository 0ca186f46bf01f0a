"""The session: one engine for as long as it fits, nothing served that is not proved, self-tests remembered."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import tinymodels
from conftest import UNFREEZE
from engines import CONFIG, Models, ask, once

from rveval.checkpoints import open_checkpoint
from rveval.engine import Engine, proof
from rveval.engine.plugin.worker import SwapExtension
from rveval.engine.proof import METHODS, self_test
from rveval.engine.session import Session
from rveval.engine.settings import facts
from rveval.engine.vllm import VllmEngine
from rveval.errors import Failed
from rveval.recipe import Recipe, RecipeTerm


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models.make(tmp_path_factory.mktemp("session"))


@pytest.fixture(scope="module")
def log(models: Models) -> Path:
    return models.place / "engine.log"


@pytest.fixture(scope="module")
def session(log: Path) -> Iterator[Session]:
    session = Session(log)
    yield session
    session.close()


def closed(engine: Engine) -> bool:
    return engine._llm is None  # type: ignore[attr-defined]


def serve(session: Session, recipe: Recipe, **settings: Any) -> Engine:
    served = session.serve(recipe, replace(CONFIG, **settings), swaps=True)
    assert served.engine.recipe.fingerprint == recipe.fingerprint
    assert served.swap_s >= 0
    return served.engine


# --- the engine comes and goes ---


def test_one_engine_serves_all_variants_of_a_base(session: Session, models: Models) -> None:
    first = session.serve(models.variant(0.0), CONFIG, swaps=True)
    base = ask(first.engine)
    assert first.how == "hot"
    assert not first.warnings
    for alpha in (0.7, -1.0, 0.7):
        served = session.serve(models.variant(alpha), CONFIG, swaps=True)
        assert served.engine is first.engine
        assert served.how == "hot"
        assert not served.warnings
        assert ask(served.engine) != base
    no_terms, no_scope = models.variant(1.0, terms=()), models.variant(1.0, scope=())
    for recipe in (models.variant(0.0), no_terms, no_scope, models.variant(0.0)):
        served = session.serve(recipe, CONFIG, swaps=True)
        assert served.engine is first.engine
        assert ask(served.engine) == base


@pytest.mark.slow
def test_other_settings_or_another_base_get_an_engine_of_their_own(session, models, tmp_path) -> None:
    engines = [serve(session, models.variant())]
    engines.append(serve(session, models.variant(), max_num_seqs=8))
    assert closed(engines[0])
    other = tinymodels.perturbed(models.base, tmp_path / "other", seed=5)
    engines.append(serve(session, Recipe(str(other), "other", models.variant().terms, 0.7)))
    assert closed(engines[1])
    assert not closed(engines[2])
    assert len({id(engine) for engine in engines}) == 3


def test_a_vector_that_changes_nothing_is_served_with_a_warning(session, models) -> None:
    same = RecipeTerm(str(models.base), str(models.base), 1.0, "base", "base")
    served = session.serve(models.variant(1.0, terms=(same,)), CONFIG, swaps=True)
    assert "exactly as the base" in served.warnings[0]


# --- what goes wrong ---


def patched(monkeypatch: pytest.MonkeyPatch, after: Callable[[SwapExtension, Recipe], None]) -> None:
    """Let something happen in the worker after each swap."""
    right = SwapExtension.rv_swap

    def rv_swap(self: SwapExtension, recipe_json: str, *args: Any) -> float:
        seconds = right(self, recipe_json, *args)
        after(self, Recipe.from_json(recipe_json))
        return seconds

    monkeypatch.setattr(SwapExtension, "rv_swap", rv_swap)


def spoil(worker: SwapExtension) -> None:
    """Change one number of the last layer norm."""
    for name, parameter in worker.model_runner.get_model().named_parameters():
        if name == "model.norm.weight":
            parameter.data[3] += 0.5


def test_a_base_that_does_not_come_back_is_not_served(session, models, monkeypatch) -> None:
    engine = serve(session, models.variant())
    patched(monkeypatch, lambda worker, recipe: spoil(worker) if recipe.is_base else None)
    with pytest.raises(Failed, match="the base did not come back"):
        session.serve(models.variant(-1.0), CONFIG, swaps=True)
    assert closed(engine)
    monkeypatch.undo()
    again = serve(session, models.variant())
    assert again is not engine
    assert not closed(again)


@pytest.mark.slow
def test_a_swap_that_is_another_the_second_time_is_not_served(session, models, monkeypatch) -> None:
    engine = serve(session, models.variant())
    count: list[Recipe] = []

    def second_time(worker: SwapExtension, recipe: Recipe) -> None:
        if not recipe.is_base:
            count.append(recipe)
            if len(count) == 2:
                spoil(worker)

    patched(monkeypatch, second_time)
    with pytest.raises(Failed, match="another variant the second time"):
        session.serve(models.variant(-1.0), CONFIG, swaps=True)
    assert closed(engine)


@pytest.mark.parametrize(
    "error", [RuntimeError("half-way"), pytest.param(KeyboardInterrupt(), marks=pytest.mark.slow)], ids=type
)
def test_after_an_exception_in_a_swap_comes_another_engine(session, models, monkeypatch, error) -> None:
    engine = serve(session, models.variant())

    def fail(worker: SwapExtension, recipe: Recipe) -> None:
        spoil(worker)
        raise error

    patched(monkeypatch, fail)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else Failed):
        session.serve(models.variant(-1.0), CONFIG, swaps=True)
    assert closed(engine)
    monkeypatch.undo()
    again = serve(session, models.variant(0.0))
    assert again is not engine
    assert ask(again)


# --- the self-test ---


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RVEVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def never(recipe: Recipe, load_format: str, method: str) -> Engine:
    raise AssertionError("the self-test was run again")


class Starts:
    """Starts engines for the self-test, and counts."""

    def __init__(self, session: Session, log: Path) -> None:
        self._session, self._log = session, log
        self.started: list[tuple[str, str]] = []

    def __call__(self, recipe: Recipe, load_format: str, method: str) -> Engine:
        self._session.close()
        self.started.append((load_format, method))
        return VllmEngine(recipe, CONFIG, self._log, load_format=load_format, method=method)


def test_the_self_test_is_remembered_until_a_fact_changes(session, models, log, own_cache) -> None:
    session.close()  # two engines do not share a process
    another = Session(log)
    another.serve(models.variant(), CONFIG, swaps=True)
    another.close()
    base, known = open_checkpoint(models.base), facts(CONFIG)
    first = self_test(base, "bfloat16", known, never)
    assert first.passed
    assert first.method == METHODS[0]
    assert first.seconds > 0
    # The number of layers is no part of the shape.
    deeper = tinymodels.make(models.place / "deeper", layers=4, seed=9)
    assert self_test(open_checkpoint(deeper), "bfloat16", known, never) == first
    untied = tinymodels.make(models.place / "untied", tied=False)
    wider = tinymodels.make(models.place / "wider", hidden=96)
    changes = [(base, "float32", known), (base, "bfloat16", known | {"version": "another"})]
    changes += [(base, "bfloat16", known | {"tensor_parallel_size": 2})]
    changes += [(open_checkpoint(folder), "bfloat16", known) for folder in (untied, wider)]
    for changed in changes:
        with pytest.raises(AssertionError, match="run again"):
            self_test(*changed, never)


def without_head_steps(monkeypatch: pytest.MonkeyPatch, *methods: str) -> None:
    if "reload" in methods:
        monkeypatch.setattr("rveval.engine.plugin.worker.refresh_tied_heads", lambda model: None)
    if "in_place" in methods:
        monkeypatch.setattr("rveval.engine.plugin.inplace._sharing", lambda model: {})


def test_the_self_test_fails_without_the_head_step(session, models, log, own_cache, monkeypatch) -> None:
    """Coming back to the base looks right with a stale head: only a cold load of changed weights shows it."""
    without_head_steps(monkeypatch, *METHODS)
    starts = Starts(session, log)
    result = self_test(open_checkpoint(models.base), "bfloat16", facts(CONFIG), starts)
    assert starts.started == [("rveval", "in_place"), ("auto", "in_place"), ("rveval", "reload")]
    assert list(own_cache.rglob("*selftest*"))
    assert self_test(open_checkpoint(models.base), "bfloat16", facts(CONFIG), never) == result
    assert not result.passed
    assert len(result.reasons) == len(METHODS)
    assert all("answers differently than a cold load" in reason for reason in result.reasons)


@pytest.mark.slow
@pytest.mark.parametrize("taken", METHODS)
def test_the_self_test_finds_the_way_that_works(session, models, log, own_cache, monkeypatch, taken) -> None:
    without_head_steps(monkeypatch, taken)
    result = self_test(open_checkpoint(models.base), "bfloat16", facts(CONFIG), Starts(session, log))
    assert result.method == next(method for method in METHODS if method != taken or taken != METHODS[0])


@pytest.mark.slow
def test_where_no_swap_works_every_variant_gets_an_engine_of_its_own(
    session, models, log, own_cache, monkeypatch
) -> None:
    """As with the head step taken out: the answers are still those of a cold load, and the warning says why."""
    reason = "in_place: a hot swap answers differently than a cold load"
    failed = proof.SelfTest("", (reason,), 1.0)
    monkeypatch.setattr("rveval.engine.session.self_test", lambda *_: failed)
    without_head_steps(monkeypatch, *METHODS)
    session = Session(log)
    try:
        served = session.serve(models.variant(), CONFIG, swaps=True)
        assert served.how == "fresh"
        assert reason in served.warnings[0]
        assert session.serve(models.variant(), CONFIG, swaps=True).engine is served.engine
        found = ask(served.engine)
        base = session.serve(models.variant(0.0), CONFIG, swaps=True)
        assert base.engine is not served.engine
        assert closed(served.engine)
    finally:
        session.close()
    assert found == models.cold(models.variant(), log)


@pytest.mark.slow
def test_a_base_alone_needs_no_self_test(models, log, own_cache, monkeypatch) -> None:
    monkeypatch.setattr("rveval.engine.session.self_test", never)
    session = Session(log)
    try:
        assert session.serve(models.variant(0.0), CONFIG, swaps=False).how == "hot"
    finally:
        session.close()


# --- what is left afterwards ---


def left(patience: float = 10.0) -> list[str]:
    """Child processes that are still there after a while, but Python's own resource tracker, which stays to the end."""
    children = psutil.Process().children(recursive=True)
    _, alive = psutil.wait_procs(children, timeout=0)
    others = [child for child in alive if "resource_tracker" not in command(child)]
    _, alive = psutil.wait_procs(others, timeout=patience)
    return [command(child) for child in alive]


def command(process: psutil.Process) -> str:
    """Its command line; what is said of one that has ended while it was asked for."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess as ended:  # or a zombie, which it waits for above
        return str(ended)


def test_after_close_no_processes_are_left(session) -> None:
    session.close()
    session.close()
    assert left() == []


def memory() -> int:
    """Anonymous resident memory of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) << 10


@pytest.mark.slow
def test_changing_between_two_bases_does_not_gather_memory(log, tmp_path, monkeypatch) -> None:
    """Six engines of 30 MB of weights each; after the first two, memory stays where it is.

    The tokenizer is small, since each start keeps about a kilobyte of every token that was added to it.
    """
    monkeypatch.setattr(gc, "unfreeze", UNFREEZE)
    shape = {"hidden": 512, "heads": 8, "vocab": 8192, "tokenizer_vocab": 512, "layers": 4}
    both = [Models.make(tmp_path / name, seed=seed, **shape) for seed, name in enumerate(("one", "two"))]
    session = Session(log)
    after, first = [], {}
    for turn in range(6):
        models = both[turn % 2]
        served = session.serve(models.variant(), CONFIG, swaps=True)
        answers = ask(served.engine)
        assert first.setdefault(turn % 2, answers) == answers
        session.close()
        after.append(memory())
    assert max(after[2:]) - after[1] < 12e6, after


@pytest.mark.slow
def test_an_engine_in_processes_of_its_own(models, log) -> None:
    """vLLM's default mode, as on a GPU: the same answers, and no process is left when it is closed."""
    config = replace(CONFIG, multiprocess=True)
    session = Session(log)
    try:
        served = session.serve(models.variant(), config, swaps=True)
        assert served.how == "hot"
        assert psutil.Process().children(recursive=True)
        found = ask(served.engine)
    finally:
        session.close()
    assert left() == []
    assert found == models.cold(models.variant(), log)


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
@pytest.mark.parametrize("tied", [True, False])
def test_two_tensor_parallel_workers(tied: bool, log, tmp_path) -> None:
    models = Models.make(tmp_path, tied=tied)
    config = replace(CONFIG, tensor_parallel_size=2)
    session = Session(log)
    try:
        served = session.serve(models.variant(), config, swaps=True)
        assert served.how == "hot"
        assert served.engine.describe()["tensor_parallel_size"] == 2
        hot = ask(served.engine)
        base = ask(session.serve(models.variant(0.0), config, swaps=True).engine)
        again = ask(session.serve(models.variant(), config, swaps=True).engine)
    finally:
        session.close()
    assert left() == []
    assert hot == models.cold(models.variant(), log, config)
    assert again == hot != base
    # One worker sums in another order; and the process may still start an engine of one worker.
    one = once(VllmEngine(models.variant(), CONFIG, log))
    for mine, other in zip(one.scores, hot.scores, strict=True):
        assert [score.logprob for score in mine] == pytest.approx([score.logprob for score in other], abs=0.1)
