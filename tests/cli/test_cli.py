"""The edge: exit statuses, what is said last, what is not imported, and that Hydra leaves nothing behind.

Engines and cells are stand-ins here (`standin`); the tests at the bottom run the real ones.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import standin
import tinymodels
from conftest import REPOSITORY, needs_data
from standin import Ends

from rveval import __version__
from rveval.cli import main

HEAVY = ("torch", "vllm", "lm_eval", "transformers", "datasets", "wandb", "scipy", "pandas", "numpy")


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ends:
    monkeypatch.chdir(tmp_path)
    return Ends(monkeypatch)


def run(*arguments: str, cwd: Path | None = None) -> Any:
    command = [sys.executable, "-m", "rveval", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60)


def test_done(ends: Ends, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([]) == 0
    assert ends.calls == ["run 0", "run 1", "engine closed", "show runs"]
    assert "tiny + 1 tiny_grpo: rv_tiny_math, 100.0% of 1 items right" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_runs_all_its_points_on_one_engine_and_shows_its_study_once(ends: Ends, tmp_path: Path) -> None:
    assert main(["-m", "alpha=-1,0,0.5,1"]) == 0
    assert ends.calls == ["run -1", "run 0", "run 0.5", "run 1", "engine closed", "show runs"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["alpha=0,1", "-m", "seed=1"], ["alpha=0,1", "--multirun"]])
def test_the_sweep_flag_may_stand_anywhere(ends: Ends, arguments: list[str]) -> None:
    assert main(arguments) == 0
    assert ends.calls[:2] == ["run 0", "run 1"]


def test_an_experiment_is_a_sweep(ends: Ends) -> None:
    assert main(["experiment=alpha_sweep", "store=elsewhere"]) == 0
    assert len(ends.calls) == 12
    assert ends.calls[-1] == "show elsewhere"


def test_a_list_wins_over_the_experiments_own(ends: Ends) -> None:
    assert main(["experiment=alpha_sweep", "alpha=0,1"]) == 0
    assert ends.calls[:2] == ["run 0", "run 1"]
    assert len(ends.calls) == 4


@pytest.mark.parametrize(
    ("alpha", "status", "said"),
    [
        ("10", 1, "cell abc: the swap is not proved"),
        ("11", 1, "KeyError: 'nobody foresaw this'"),
        ("12", 130, "interrupted: tiny + 12 tiny_grpo"),
        ("13", 1, "SystemExit: 5"),
        ("14", 1, "failed: tiny + 14 tiny_grpo\ncell x: why"),
        ("15", 2, "refused: tiny + 15 tiny_grpo\ncell x: why"),
        ("16", 2, "refused: alpha=16 baseline=none\nmodel.path: not readable"),
        ("17", 2, "refused: tiny + 17 v [forced]\nvector.terms[0].plus: another shape"),
    ],
)
def test_how_one_run_ends(ends: Ends, capsys: pytest.CaptureFixture[str], alpha: str, status: int, said: str) -> None:
    assert main([f"alpha={alpha}", "baseline=none"]) == status
    assert (ends.calls[-1:] == ["show runs"]) == (alpha != "16")  # which came to nothing that a study could show
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("alphas", "status"),
    [("0,10,1", 1), ("0,abc,1", 2), ("0,15,1", 2), ("10,abc,0", 1), ("abc,10,0", 1), ("11,0,1", 1), ("0,16,17,1", 2)],
)
def test_a_sweep_goes_on_and_ends_with_its_worst(ends: Ends, alphas: str, status: int) -> None:
    assert main(["-m", f"alpha={alphas}"]) == status
    good = [alpha for alpha in alphas.split(",") if alpha in ("0", "1")]
    assert [call for call in ends.calls if call in ("run 0", "run 1")] == [f"run {alpha}" for alpha in good]


def test_the_last_thing_said_is_what_failed_and_why(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "alpha=10,0"]) == 1
    error = capsys.readouterr().err
    assert error.rstrip().endswith(
        "1 of 2 jobs did not end well:\nfailed: tiny + 10 tiny_grpo\ncell abc: the swap is not proved"
    )


def test_refusals_that_a_study_keeps_are_no_alarm(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "alpha=0,17,2"]) == 2
    error = capsys.readouterr().err
    assert "did not end well" not in error
    assert "refused: tiny + 17 v [forced]: vector.terms[0].plus: another shape\n" in error
    kept = "1 of 3 variants refused as not compatible with the base, which the study keeps: tiny + 17 v [forced]\n"
    assert error.endswith(kept)
    assert main(["-m", "alpha=0,15,17"]) == 2
    error = capsys.readouterr().err
    assert "2 of 3 jobs did not end well:\n" + kept in error
    assert error.endswith("refused: tiny + 15 tiny_grpo\ncell x: why\n")


def test_an_interruption_stops_the_sweep(ends: Ends) -> None:
    assert main(["-m", "alpha=0,12,1"]) == 130
    assert ends.calls == ["run 0", "run 12", "engine closed", "show runs"]


def test_a_study_that_can_not_be_shown_is_a_failure(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store=breaks"]) == 2
    assert "the table could not be written" in capsys.readouterr().err


def test_a_traceback_is_kept_in_the_store(ends: Ends, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alpha=13", "store=kept"]) == 1
    (log,) = (tmp_path / "kept" / "logs").iterdir()
    assert "Traceback" in log.read_text()
    assert str(log.relative_to(tmp_path)) in capsys.readouterr().err


def test_dry_run_starts_and_shows_nothing(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "alpha=0.5,1", "dry_run=true"]) == 0
    assert ends.calls == []
    out = capsys.readouterr().out
    assert "baseline of the others, added" in out
    assert out.count("rv_tiny_math") == 3


def test_logging_is_left_as_it_was(ends: Ends) -> None:
    import logging

    before = (logging.getLogger("rveval").propagate, list(logging.getLogger("rveval").handlers), sys.argv)
    environment = dict(os.environ)
    assert main(["alpha=10"]) == 1
    assert (logging.getLogger("rveval").propagate, list(logging.getLogger("rveval").handlers), sys.argv) == before
    assert os.environ == environment


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alpha=abc"], ["alpha: is not what it may be", "expected a finite number, found 'abc'"]),
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
        (["enginee.seed=1"], ["enginee: unknown key"]),
        (["vector.terms.0.plus.label=1"], ["vector.terms.0.plus.label: unknown key"]),
        (["workers=ray"], ["there is no workers 'ray'", "Known: local"]),
        (["+nope=1"], ["+nope=1: +key is refused"]),
        (["++nope=1"], ["nope: unknown key"]),
        (["+alpha=1"], ["+key is refused", "write alpha=VALUE"]),
        (["model.nope=1"], ["model.nope: unknown key"]),
        (["tracking.a.b=1"], ["tracking.a: unknown key"]),
        (["vector.terms.0.nope=1"], ["vector.terms.0.nope"]),
        (["vector.terms.7.plus=a"], ["vector.terms.7.plus"]),
        (["+experiment=alpha_sweep"], ["+key is refused", "write experiment=VALUE"]),
        (["vector.misfit=tensor"], ["vector.misfit: unknown key"]),
        (["~seed"], ["keys can't be removed"]),
        (["alpha"], ["alpha: can't be read as key=value", "write key=value"]),
        (["model.path=a)b"], ["can't be read as key=value", "quote the value"]),
        (["alpha=${nope}"], ["alpha: can't be resolved", "'nope' not found"]),
        (["vector=grpo"], ["vector.terms.0.plus.path: is not filled in (???)", "name your own donor pair"]),
        (["n=4"], ["n: temperature=0 gives the same answer 4 times"]),
        (["hydra/launcher=joblib"], ["Hydra's own settings are not used"]),
        (["hydra.nope=1"], ["hydra.nope"]),
        (["--config-dir=nowhere"], ["nowhere"]),
        (["-m", "limit=interval(1,2)"], ["is no list of values"]),
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
    (tmp_path / "mine" / "suite" / "own.yaml").write_text("name: own\ntasks: [rv_tiny_order]\n")
    assert main(["--config-dir", "mine", "suite=own"]) == 0
    assert ends.calls[:2] == ["run 0", "run 1"]


@pytest.mark.parametrize("engine", ["vllm", "hf"])
def test_engine_extra_takes_anything(ends: Ends, engine: str) -> None:
    assert main([f"engine={engine}", "engine.extra.a=2", "engine.extra.b.c=1", "engine.extra={d: {e: [1]}}"]) == 0


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


@pytest.mark.parametrize("sweep", [["-m", "alpha=0,99,1"], ["points=[[alpha=0],[alpha=99],[alpha=1]]"]])
def test_ctrl_c_stops_the_process_and_shows_what_there_is(tmp_path: Path, sweep: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, standin.__file__, *sweep],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's `&` has it ignored
    )
    assert process.stderr is not None
    while process.stderr.readline() != "generating\n":
        assert process.poll() is None
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.count("interrupted: ") == 2  # when it happened, and at the end
    assert error.rstrip().endswith(
        "interrupted: tiny + 99 tiny_grpo\ncomplete cells are kept; the same command goes on from there"
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
    assert "rveval.cli" in modules
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
    # safetensors' own reader of headers brings numpy, a tenth of a second; torch would be seconds.
    assert set(heavy_imports(tmp_path, "dry_run=true", *own)) <= {"numpy"}


def test_real_files_that_do_not_fit_are_refused(own: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run(*own, "model.path=empty", "suite.tasks=[rv_nope]", cwd=tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "empty" in ended.stderr
    assert "rv_nope" in ended.stderr
