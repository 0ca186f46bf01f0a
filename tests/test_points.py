"""Points that are no grid: which command lines they come to, who wins, what is refused before anything starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from test_cli import STAND_IN, Ends

from rveval import config as schema
from rveval.cli import main
from rveval.config import points
from rveval.errors import DoesNotMatch, Problem, Refused

pytestmark = pytest.mark.usefixtures("composed_once")

NULLS = """# @package _global_
study: nulls
points:
  - ["vector.scope=[]"]
  - [alpha=1]
  - [alpha=2, vector.transform=random, "vector.seed=0,1"]
"""


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ends:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine" / "experiment"
    folder.mkdir(parents=True)
    (folder / "three.yaml").write_text(NULLS)
    (folder / "grid.yaml").write_text(
        "# @package _global_\nstudy: grid\nhydra: {mode: MULTIRUN, sweeper: {params: {alpha: '5,6'}}}\n"
    )
    return Ends(monkeypatch)


def lines(*typed: str, folder: Path | None = None) -> list[list[str]]:
    rest, given = points.apart(typed)
    return points.expand(rest, given, [schema.config_dir(), *([folder] if folder else [])])


# --- who is asked


def test_without_points_a_command_line_is_itself() -> None:
    assert lines("alpha=1", "limit=5") == [["alpha=1", "limit=5"]]
    assert lines("experiment=alpha_sweep") == [["experiment=alpha_sweep"]]


def test_every_point_is_a_command_line_and_the_user_comes_last() -> None:
    assert lines("limit=5", "points=[[alpha=0],[alpha=1,'vector.seed=0,1']]") == [
        ["alpha=0", "limit=5", "points=[]"],
        ["alpha=1", "vector.seed=0,1", "limit=5", "points=[]"],
    ]


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("alpha=0.5", ["vector=tiny_order", "vector.seed=1"]),
        ("++alpha=0.5", ["vector=tiny_order", "vector.seed=1"]),
        ("vector=tiny_foreign", ["alpha=1", "vector.seed=1"]),
        ("vector.seed=2", ["alpha=1", "vector=tiny_order"]),
        ("seed=2", ["alpha=1", "vector=tiny_order", "vector.seed=1"]),
    ],
)
def test_the_user_wins_over_the_same_key_and_the_same_group(typed: str, left: list[str]) -> None:
    assert lines(typed, "points=[[alpha=1, vector=tiny_order, vector.seed=1]]") == [[*left, typed, "points=[]"]]


def test_jobs_of_all_points_run_one_after_another_and_are_closed_once(ends: Ends, tmp_path: Path) -> None:
    assert main(["--config-dir", "mine", "experiment=three"]) == 0
    assert ends.calls == ["run 1", "run 1", "run 2", "run 2", "close runs"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_sweep_of_the_users_multiplies(ends: Ends) -> None:
    assert main(["--config-dir=mine", "experiment=three", "-m", "alpha=0,1", "seed=1,2"]) == 0
    assert ends.calls.count("run 0") == 2 + 2 + 2 * 2
    assert ends.calls.count("run 1") == 2 + 2 + 2 * 2
    assert ends.calls[-1] == "close runs"


def test_points_on_the_command_line_win_over_those_of_the_experiment(ends: Ends) -> None:
    assert main(["--config-dir", "mine", "experiment=three", "points=[[alpha=3],[alpha=4]]"]) == 0
    assert ends.calls == ["run 3", "run 4", "close runs"]
    ends.calls.clear()
    assert main(["--config-dir", "mine", "experiment=three", "points=[]", "alpha=7"]) == 0
    assert ends.calls == ["run 7", "close runs"]


def test_a_list_of_experiments_runs_the_points_and_the_grid_of_each(ends: Ends) -> None:
    assert main(["--config-dir", "mine", "-m", "experiment=three,grid"]) == 0
    assert ends.calls == ["run 1", "run 1", "run 2", "run 2", "run 5", "run 6", "close runs"]


def test_dry_run_and_what_only_shows_something(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config-dir", "mine", "experiment=three", "dry_run=true"]) == 0
    assert ends.calls == ["dry 1", "dry 1", "dry 2", "dry 2"]
    ends.calls.clear()
    assert main(["points=[[alpha=0],['vector.seed=0,1']]", "--cfg", "job"]) == 0
    assert ends.calls == []
    assert "vector.seed=0,1" in capsys.readouterr().out


# --- how it ends


def test_the_worst_end_of_all_points_counts(ends: Ends, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["points=[[alpha=0],[alpha=15],['alpha=10,1']]"]) == 1
    assert ends.calls == ["run 0", "run 15", "run 10", "run 1", "close runs"]
    assert "2 of 4 jobs did not end well" in capsys.readouterr().err


def test_refusals_that_a_study_keeps_are_no_alarm(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(config: Any) -> Any:
        if config.alpha == 1:
            raise DoesNotMatch(Problem("another shape", "vector.terms[0].plus"), "tiny + 1 v [misfit tensor]")
        return plain(config)

    plain = ends.run
    monkeypatch.setattr(sys.modules["rveval.run.jobs"], "run", run)
    assert main(["points=[[alpha=0],[alpha=1],[alpha=2]]"]) == 2
    error = capsys.readouterr().err
    assert "did not end well" not in error
    assert "refused: tiny + 1 v [misfit tensor]: vector.terms[0].plus: another shape\n" in error
    assert error.endswith(
        "1 of 3 variants refused as not compatible with the base, which the study keeps: tiny + 1 v [misfit tensor]\n"
    )
    assert main(["points=[[alpha=15],[alpha=1]]"]) == 2
    error = capsys.readouterr().err
    assert "2 of 2 jobs did not end well:\n1 of 2 variants refused as not compatible" in error
    assert error.endswith("refused: tiny + 15 v\ncell x: why\n")
    assert main(["alpha=1"]) == 2
    assert capsys.readouterr().err == "refused: tiny + 1 v [misfit tensor]\nvector.terms[0].plus: another shape\n"


def test_an_interruption_stops_all_points(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STAND_IN, "points=[[alpha=0],[alpha=99],[alpha=98]]"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "generating\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "alpha=98" not in error
    assert error.count("interrupted") == 1


# --- what is refused before anything starts


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["points=[[alpha=0],[alhpa=1]]"], ["alhpa, in the point [alhpa=1]: unknown key", "did you mean 'alpha'"]),
        (["points=[[alpha=0],[alpha=abc]]"], ["alpha, in the point [alpha=abc]", "a finite number"]),
        (["points=[[alpha=0],['alpha=1,2',vector=nope]]"], ["there is no vector 'nope'"]),
        (["points=[[n=4, 'temperature=0,0.5'],[alpha=0]]"], ["n, in the point [n=4, temperature=0,0.5]"]),
        (["points=[[alpha=0],[alpha=1]]", "limit=abc"], ["limit: has the wrong type"]),
        (["points=[[alpha=0],[alpha=1]]", "nope=1"], ["nope: unknown key"]),
        (["points=[[experiment=alpha_sweep],[alpha=1]]"], ["can't be said by a point"]),
        (["points=[[hydra.mode=RUN],[alpha=1]]"], ["can't be said by a point"]),
        (["points=[alpha=0]"], ["points: is no list of points"]),
        (["points=[[]]"], ["is no list of points"]),
        (["points=[[alpha=0,1]]"], ["is no list of points"]),
        (["points=[[alpha=0]"], ["points: can't be read", "quote overrides"]),
        (["points="], ["is no list of points"]),
        (["-m", "experiment=nope,alpha_sweep"], ["there is no experiment 'nope'"]),
    ],
)
def test_refusals(ends: Ends, capsys: pytest.CaptureFixture[str], typed: list[str], said: list[str]) -> None:
    assert main(typed) == 2
    assert ends.calls == []
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert [words for words in said if words not in error] == []


def test_all_problems_of_all_points_are_said_once() -> None:
    with pytest.raises(Refused) as refused:
        lines("limit=-1", "points=[[alpha=x],[alpha=y, top_p=-1],[alpha=y, top_p=-1]]")
    places = [problem.where for problem in refused.value.problems]
    assert places == [
        "alpha, in the point [alpha=x]",
        "limit",
        "alpha, in the point [alpha=y, top_p=-1] and 1 more",
        "top_p, in the point [alpha=y, top_p=-1] and 1 more",
    ]


def test_a_sweep_with_a_value_for_every_job_is_not_taken_for_a_mistake() -> None:
    assert len(lines("points=[[n=4,'temperature=0.5,0.7']]")) == 1


def test_a_pattern_of_groups_is_left_to_hydra(ends: Ends) -> None:
    assert main(["-m", "vector=glob(tiny_*)", "points=[[alpha=3],[alpha=4]]"]) == 0
    vectors = len(list(schema.config_dir().glob("vector/tiny_*.yaml")))
    assert ends.calls == ["run 3"] * vectors + ["run 4"] * vectors + ["close runs"]


def test_points_where_nobody_reads_them_are_refused_and_not_ignored(ends: Ends, tmp_path: Path) -> None:
    assert main(["hydra.searchpath=[mine]", "experiment=three"]) == 2
    assert ends.calls == []
