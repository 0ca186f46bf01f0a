"""The points of a command line: which runs it comes to, who wins, what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from rveval import config as schema
from rveval.config import Config, Point
from rveval.errors import Refused

NULLS = """# @package _global_
study: nulls
points:
  - ["vector.scope=[]"]
  - [alpha=1]
  - [alpha=2, vector.transform=random, "vector.seed=0,1"]
"""
GRID = """# @package _global_
study: grid
hydra: {mode: MULTIRUN, sweeper: {params: {alpha: '5,6', seed: 'range(2)'}}}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine"
    (folder / "experiment").mkdir(parents=True)
    (folder / "experiment" / "three.yaml").write_text(NULLS)
    (folder / "experiment" / "grid.yaml").write_text(GRID)
    return folder


def points(*typed: str, sweeping: bool = False, folder: Path | None = None) -> list[Point]:
    return schema.points(typed, sweeping=sweeping, folders=[folder] if folder else [])


def labels(*typed: str, sweeping: bool = False, folder: Path | None = None) -> list[str]:
    return [point.label for point in points(*typed, sweeping=sweeping, folder=folder)]


def configs(*typed: str, sweeping: bool = False, folder: Path | None = None) -> list[Config]:
    found = points(*typed, sweeping=sweeping, folder=folder)
    assert [point.problems for point in found if point.problems] == []
    return [point.config for point in found if point.config]


def test_without_lists_a_command_line_is_itself() -> None:
    assert labels("alpha=1", "limit=5") == ["alpha=1 limit=5"]


def test_lists_are_every_combination_and_the_first_word_changes_last() -> None:
    assert labels("alpha=0,1", "seed=range(2)", "limit=5", sweeping=True) == [
        "alpha=0 seed=0 limit=5",
        "alpha=0 seed=1 limit=5",
        "alpha=1 seed=0 limit=5",
        "alpha=1 seed=1 limit=5",
    ]
    layers = configs("vector.layers=[0,1],[1,2]", sweeping=True)
    assert [config.vector.layers for config in layers] == [[0, 1], [1, 2]]
    quoted = configs("suite.tasks=[rv_sciq],[rv_gsm8k,rv_bbh]", sweeping=True)
    assert [config.suite.tasks for config in quoted] == [["rv_sciq"], ["rv_gsm8k", "rv_bbh"]]


def test_a_pattern_is_all_options_that_it_fits() -> None:
    vectors = sorted(file.stem for file in schema.config_dir().glob("vector/tiny_*.yaml"))
    found = configs("vector=glob(tiny_*)", "points=[[alpha=3],[alpha=4]]")
    assert [(config.alpha, config.vector.label) for config in found] == [(a, v) for a in (3, 4) for v in vectors]


def test_every_point_is_a_command_line_and_the_user_comes_last() -> None:
    assert labels("limit=5", "points=[[alpha=0],[alpha=1,'vector.seed=0,1']]") == [
        "alpha=0 limit=5",
        "alpha=1 vector.seed=0 limit=5",
        "alpha=1 vector.seed=1 limit=5",
    ]


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("alpha=0.5", "vector=tiny_order vector.seed=1"),
        ("++alpha=0.5", "vector=tiny_order vector.seed=1"),
        ("vector=tiny_foreign", "alpha=1 vector.seed=1"),
        ("vector.seed=2", "alpha=1 vector=tiny_order"),
        ("seed=2", "alpha=1 vector=tiny_order vector.seed=1"),
    ],
)
def test_the_user_wins_over_the_same_key_and_the_same_group(typed: str, left: str) -> None:
    found = points(typed, "points=[[alpha=1, vector=tiny_order, vector.seed=1]]")
    assert [point.label for point in found] == [f"{left} {typed}"]
    assert found[0].config is not None


def test_points_of_an_experiment(mine: Path) -> None:
    found = configs("experiment=three", folder=mine)
    assert [(config.alpha, config.vector.seed, config.vector.scope) for config in found] == [
        (1, 0, []),
        (1, 0, [".*"]),
        (2, 0, [".*"]),
        (2, 1, [".*"]),
    ]
    assert {(config.study, tuple(config.points)) for config in found} == {("nulls", ())}


def test_a_sweep_of_the_users_multiplies_points(mine: Path) -> None:
    found = configs("experiment=three", "alpha=0,1", "seed=1,2", sweeping=True, folder=mine)
    assert [config.alpha for config in found].count(0) == 2 + 2 + 2 * 2
    assert len(found) == 16


def test_points_on_the_command_line_win_over_those_of_the_experiment(mine: Path) -> None:
    found = configs("experiment=three", "points=[[alpha=3],[alpha=4]]", folder=mine)
    assert [config.alpha for config in found] == [3, 4]
    assert [config.alpha for config in configs("experiment=three", "points=[]", "alpha=7", folder=mine)] == [7]


def test_an_experiment_may_be_a_sweep_of_hydras_own(mine: Path) -> None:
    found = configs("experiment=grid", folder=mine)
    assert [(config.alpha, config.seed) for config in found] == [(5, 0), (5, 1), (6, 0), (6, 1)]
    assert [config.alpha for config in configs("experiment=grid", "alpha=9", folder=mine)] == [9, 9]


def test_a_list_of_experiments_runs_the_points_and_the_grid_of_each(mine: Path) -> None:
    found = configs("experiment=three,grid", sweeping=True, folder=mine)
    assert [config.alpha for config in found] == [1, 1, 2, 2, 5, 5, 6, 6]


def test_hydras_search_path_is_a_folder_of_configs_too(mine: Path) -> None:
    assert [config.alpha for config in configs("hydra.searchpath=[mine]", "experiment=three")] == [1, 1, 2, 2]


def test_what_is_shown_is_the_first_of_every_list() -> None:
    cfg = schema.composed(["alpha=3,4", "points=[[alpha=0],['vector.seed=0,1']]"])
    assert (cfg.alpha, cfg.points) == (3, [["alpha=0"], ["vector.seed=0,1"]])


def test_a_point_that_is_wrong_does_not_stop_the_others() -> None:
    found = points("limit=5", "points=[[alpha=0],[alpha=x, top_p=-1],[alpha=1]]")
    assert [point.config is None for point in found] == [False, True, False]
    assert {problem.where for problem in found[1].problems} == {"alpha", "top_p"}


def test_a_sweep_with_a_value_for_every_run_is_not_taken_for_a_mistake() -> None:
    assert len(configs("points=[[n=4,'temperature=0.5,0.7']]")) == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["points=[[alpha=0],['alpha=1,2',vector=nope]]"], ["there is no vector 'nope'", "in the point [alpha=1,2, v"]),
        (["points=[[alpha=0],[alpha=1]]", "~limit"], ["keys can't be removed"]),
        (["points=[[experiment=alpha_sweep],[alpha=1]]"], ["can't be said by a point"]),
        (["points=[[hydra.mode=RUN],[alpha=1]]"], ["can't be said by a point"]),
        (["points=[alpha=0]"], ["points: is no list of points"]),
        (["points=[[]]"], ["is no list of points"]),
        (["points=[[alpha=0,1]]"], ["is no list of points"]),
        (["points=[[alpha=0]"], ["points: can't be read", "quote overrides"]),
        (["points="], ["is no list of points"]),
        (["experiment=nope,alpha_sweep"], ["there is no experiment 'nope'"]),
        (["hydra.searchpath=[nowhere]"], ["nowhere: no such folder"]),
    ],
)
def test_what_is_refused_as_a_whole(typed: list[str], said: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        points(*typed, sweeping=True)
    assert [words for words in said if words not in str(refused.value)] == []
