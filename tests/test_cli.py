"""The edge: exit statuses, what is said last, what is not imported, and that Hydra leaves nothing behind.

`rveval.run.jobs` is replaced here, and only here, by a stand-in that ends the way its alpha says: what is under test
is how an end becomes an exit status. The tests at the bottom run the real one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest
import tinymodels
from conftest import needs_data

import rveval.run
from rveval import __version__
from rveval.cli import main
from rveval.errors import Failed, Problem

HEAVY = ("torch", "vllm", "lm_eval", "transformers", "datasets", "wandb", "scipy", "pandas", "numpy")

STAND_IN = """
import sys, time, types
import rveval
jobs = types.ModuleType("rveval.run.jobs")
def run(config):
    if config.alpha == 99:
        sys.stderr.write("generating\\n"); sys.stderr.flush(); time.sleep(30)
    return types.SimpleNamespace(exit_code=0, label=f"a{config.alpha}", message="")
jobs.run = run
jobs.dry_run = lambda config: sys.stdout.write("cells\\n")
jobs.close = lambda store: sys.stderr.write(f"closed {store}\\n")
import rveval.run
sys.modules["rveval.run.jobs"] = rveval.run.jobs = jobs
from rveval.cli import main
sys.exit(main())
"""


class Ends:
    """Stands in for `rveval.run.jobs`: alpha says how a job ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        module: Any = types.ModuleType("rveval.run.jobs")
        module.run, module.dry_run, module.close = self.run, self.dry_run, self.close
        monkeypatch.setitem(sys.modules, "rveval.run.jobs", module)
        monkeypatch.setattr(rveval.run, "jobs", module, raising=False)

    def run(self, config: Any) -> Any:
        self.calls.append(f"run {config.alpha:g}")
        if config.alpha == 10:
            raise Failed(Problem("the swap is not proved", "cell abc"))
        if config.alpha == 11:
            raise KeyError("nobody foresaw this")
        if config.alpha == 12:
            raise KeyboardInterrupt
        if config.alpha == 13:
            sys.exit(5)
        code = 1 if config.alpha == 14 else 2 if config.alpha == 15 else 0
        return types.SimpleNamespace(
            exit_code=code, label=f"tiny + {config.alpha:g} v", message="cell x: why" if code else ""
        )

    def dry_run(self, config: Any) -> None:
        self.calls.append(f"dry {config.alpha:g}")

    def close(self, store: str) -> None:
        self.calls.append(f"close {store}")
        if store == "breaks":
            raise Failed(Problem("the table could not be written", store))


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ends:
    monkeypatch.chdir(tmp_path)
    return Ends(monkeypatch)


def run(*arguments: str, cwd: Path | None = None, code: str | None = None, **environment: str) -> Any:
    command = [sys.executable, "-m", "rveval"] if code is None else [sys.executable, "-c", code]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, cwd=cwd, env={**os.environ, **environment}, timeout=60
    )


def test_done(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert ends.calls == ["run 1", "close runs"]
    assert capsys.readouterr().err == ""


def test_a_sweep_runs_all_its_jobs_and_closes_once(ends: Ends, tmp_path: Path) -> None:
    assert main(["-m", "alpha=-1,0,0.5,1"]) == 0
    assert ends.calls == ["run -1", "run 0", "run 0.5", "run 1", "close runs"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["alpha=0,1", "-m", "seed=1"], ["alpha=0,1", "--multirun"]])
def test_the_sweep_flag_may_stand_anywhere(ends: Ends, arguments: list[str]) -> None:
    assert main(arguments) == 0
    assert ends.calls[:2] == ["run 0", "run 1"]


@pytest.mark.usefixtures("composed_once")
def test_an_experiment_is_a_sweep(ends: Ends) -> None:
    assert main(["experiment=alpha_sweep", "store=elsewhere"]) == 0
    assert len(ends.calls) == 11
    assert ends.calls[-1] == "close elsewhere"


def test_a_list_wins_over_the_experiments_own(ends: Ends) -> None:
    assert main(["experiment=alpha_sweep", "alpha=0,1"]) == 0
    assert ends.calls[:-1] == ["run 0", "run 1"]


@pytest.mark.parametrize(
    ("alpha", "status", "said"),
    [
        ("10", 1, "cell abc: the swap is not proved"),
        ("11", 1, "KeyError: 'nobody foresaw this'"),
        ("12", 130, "interrupted: alpha=12"),
        ("13", 1, "SystemExit: 5"),
        ("14", 1, "failed: tiny + 14 v\ncell x: why"),
        ("15", 2, "refused: tiny + 15 v\ncell x: why"),
    ],
)
def test_how_one_job_ends(ends: Ends, capsys: pytest.CaptureFixture[str], alpha: str, status: int, said: str) -> None:
    assert main([f"alpha={alpha}"]) == status
    assert ends.calls[-1] == "close runs"
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("alphas", "status"),
    [("0,10,1", 1), ("0,abc,1", 2), ("0,15,1", 2), ("10,abc,0", 1), ("abc,10,0", 1), ("11,0,1", 1)],
)
def test_a_sweep_goes_on_and_ends_with_its_worst(ends: Ends, alphas: str, status: int) -> None:
    assert main(["-m", f"alpha={alphas}"]) == status
    good = [alpha for alpha in alphas.split(",") if alpha in ("0", "1")]
    assert [call for call in ends.calls if call in ("run 0", "run 1")] == [f"run {alpha}" for alpha in good]


def test_the_last_thing_said_is_what_failed_and_why(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "alpha=10,0"]) == 1
    assert capsys.readouterr().err.rstrip().endswith("failed: alpha=10\ncell abc: the swap is not proved")


def test_an_interruption_stops_the_sweep(ends: Ends) -> None:
    assert main(["-m", "alpha=0,12,1"]) == 130
    assert ends.calls == ["run 0", "run 12", "close runs"]


def test_a_close_that_fails_is_a_failure(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store=breaks"]) == 1
    assert "the table could not be written" in capsys.readouterr().err


def test_a_traceback_is_kept_in_the_store(ends: Ends, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alpha=11", "store=kept"]) == 1
    (log,) = (tmp_path / "kept" / "logs").iterdir()
    assert "Traceback" in log.read_text()
    assert str(log.relative_to(tmp_path)) in capsys.readouterr().err


def test_dry_run_starts_and_closes_nothing(ends: Ends) -> None:
    assert main(["-m", "alpha=0,1", "dry_run=true"]) == 0
    assert ends.calls == ["dry 0", "dry 1"]


def test_logging_is_left_as_it_was(ends: Ends) -> None:
    import logging

    before = (logging.getLogger("rveval").propagate, list(logging.getLogger("rveval").handlers), sys.argv)
    assert main(["alpha=10"]) == 1
    assert (logging.getLogger("rveval").propagate, list(logging.getLogger("rveval").handlers), sys.argv) == before
    assert "RVEVAL_SCRATCH" not in os.environ


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alpha=abc"], ["alpha: has the wrong type", "expected a finite number, found 'abc'"]),
        (["alpha=null"], ["expected a finite number, found null"]),
        (["alpha=nan"], ["expected a finite number, found nan"]),
        (["alpha=0,1"], ["alpha=0,1: a list of values outside a sweep", "add -m"]),
        (["experiment=null"], ["is not one name"]),
        (["suite=smokee"], ["there is no suite 'smokee'", "did you mean 'smoke'", "smoke, standard"]),
        (["-m", "suite=smoke,gsm8"], ["there is no suite 'gsm8'", "did you mean 'gsm8k'"]),
        (["model=[tiny,instruct_7b]"], ["model: is not one name"]),
        (["vector=null"], ["vector: is not one name"]),
        (["alhpa=1"], ["alhpa: unknown key", "did you mean 'alpha'"]),
        (["engine.max_modellen=1"], ["did you mean 'max_model_len'"]),
        (["max_num_seqs=1"], ["did you mean engine.max_num_seqs?"]),
        (["enginee.seed=1"], ["did you mean engine.seed or seed or vector.seed?"]),
        (["+nope=1"], ["nope: unknown key"]),
        (["++nope=1"], ["nope: unknown key"]),
        (["+alpha=1"], ["+key is refused", "write alpha=VALUE"]),
        (["+model.nope=1"], ["model.nope: unknown key"]),
        (["+tracking.a.b=1"], ["tracking.a.b: unknown key"]),
        (["+vector.terms.0.nope=1"], ["vector.terms.0.nope: unknown key"]),
        (["+vector.terms.0.plus.nope=1"], ["vector.terms.0.plus.nope: unknown key"]),
        (["vector.terms.0.nope=1"], ["vector.terms.0.nope"]),
        (["vector.terms.7.plus=a"], ["vector.terms.7.plus"]),
        (["+experiment=alpha_sweep"], ["+key is refused", "write experiment=VALUE"]),
        (["~seed"], ["keys can't be removed"]),
        (["alpha"], ["alpha: can't be read as key=value", "write key=value"]),
        (["model.path=a)b"], ["can't be read as key=value", "quote the value"]),
        (["alpha=${nope}"], ["alpha: can't be resolved", "'nope' not found"]),
        (["vector=grpo"], ["vector.terms.0.plus.path: is not filled in (???)", "name your own donor pair"]),
        (["n=4"], ["n: temperature=0 gives the same answer 4 times"]),
        (["hydra/launcher=joblib"], ["only Hydra's basic launcher"]),
        (["hydra.nope=1"], ["hydra.nope"]),
        (["--config-dir=nowhere"], ["nowhere"]),
        (["--config-name=nothing"], ["nothing"]),
        (["-m", "limit=interval(1,2)"], ["INTERVAL_SWEEP"]),
        (["--nope"], ["--nope"]),
    ],
)
def test_refusals(ends: Ends, capsys: pytest.CaptureFixture[str], arguments: list[str], said: list[str]) -> None:
    assert main(arguments) == 2
    assert ends.calls == []
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert [words for words in said if words not in error] == []


def test_all_that_is_wrong_is_said_at_once(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["alpha=abc", "nope=3", "suite=smokee", "seed=1,2", "~force", "temperature=-1", "engine.kind=vlm", "a b c"]
    assert main(wrong) == 2
    error = capsys.readouterr().err
    for word in ("alpha:", "nope:", "suite=smokee:", "seed=1,2:", "~force:", "temperature:", "engine.kind:", "a b c:"):
        assert f"\n{word}" in error


def test_a_yaml_file_of_the_users_that_does_not_parse_is_refused(ends: Ends, tmp_path: Path) -> None:
    (tmp_path / "mine" / "suite").mkdir(parents=True)
    (tmp_path / "mine" / "suite" / "broken.yaml").write_text("name: [\n")
    assert main(["--config-dir", "mine", "suite=broken"]) == 2


def test_a_suite_of_the_users_own(ends: Ends, tmp_path: Path) -> None:
    (tmp_path / "mine" / "suite").mkdir(parents=True)
    (tmp_path / "mine" / "suite" / "own.yaml").write_text("name: own\ntasks: [rv_gsm8k]\n")
    assert main(["--config-dir", "mine", "suite=own"]) == 0
    assert ends.calls == ["run 1", "close runs"]


@pytest.mark.parametrize("engine", ["vllm", "hf"])
def test_engine_extra_takes_anything(ends: Ends, engine: str) -> None:
    assert main([f"engine={engine}", "+engine.extra.a=2", "engine.extra.b.c=1", "engine.extra={d: {e: [1]}}"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--help"],
            ["python -m rveval -m alpha=-1,0,0.5,1", "RVEVAL_DATA", "dry_run", "vector: grpo, none", "Exit status"],
        ),
        (["--cfg", "job"], ["alpha: 1.0", "path: tiny:instruct"]),
        (["--info", "config"], ["alpha: 1.0"]),
        (["--info"], ["Installed Hydra Plugins"]),
        (["--version"], [__version__]),
        (["--hydra-help"], ["hydra"]),
    ],
)
def test_what_only_shows_something(tmp_path: Path, arguments: list[str], said: list[str]) -> None:
    ended = run(*arguments, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert [words for words in said if words not in ended.stdout] == []
    assert ended.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "status"), [(["alpha=abc"], 2), (["nope=1"], 2), (["alpha=0,1"], 2), (["-m", "alpha=abc,null"], 2)]
)
def test_exit_status_of_the_process(tmp_path: Path, arguments: list[str], status: int) -> None:
    ended = run(*arguments, cwd=tmp_path)
    assert ended.returncode == status
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_stops_the_process_and_closes(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STAND_IN, "-m", "alpha=0,99,1"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's `&` has it ignored
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "generating\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.startswith("closed runs\n")
    assert error.rstrip().endswith(
        "interrupted: alpha=99\ncomplete cells are kept; the same command goes on from there"
    )


@pytest.mark.parametrize("arguments", [["--help"], ["alpha=abc"]])
def test_nothing_heavy_is_imported(tmp_path: Path, arguments: list[str]) -> None:
    assert heavy_imports(tmp_path, *arguments) == []


def heavy_imports(folder: Path, *arguments: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "rveval", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
    )
    modules = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time:")}
    assert "hydra" in modules
    return [name for name in HEAVY if name in modules]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A user's own random checkpoints on GSM8K, as a command line."""
    folder = tmp_path_factory.mktemp("own")
    base = tinymodels.make(folder / "base", "qwen2")
    plus = tinymodels.perturbed(base, folder / "plus")
    vector = f"vector.terms=[{{plus: {plus}, minus: {base}}}]"
    return [f"model.path={base}", "model.label=own", "vector.label=noise", vector, "suite=gsm8k", "limit=8"]


@needs_data("gsm8k")
def test_the_real_dry_run(own: list[str], tmp_path: Path) -> None:
    ended = run("-m", "alpha=0,1", "dry_run=true", *own, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "rv_gsm8k" in ended.stdout + ended.stderr
    assert list(tmp_path.iterdir()) == []


@needs_data("gsm8k")
def test_the_real_dry_run_imports_nothing_heavy(own: list[str], tmp_path: Path) -> None:
    assert heavy_imports(tmp_path, "dry_run=true", *own) == []


def test_real_files_that_do_not_fit_are_refused(own: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run(*own, "model.path=empty", "suite.tasks=[rv_nope]", cwd=tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "empty" in ended.stderr
    assert "rv_nope" in ended.stderr
