"""From a suite to what is asked: groups, families, draws and strengths; what can't be asked is said, all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ownfolder
import pytest

from rveval import benchmarks, perturb
from rveval.config import SuiteConfig
from rveval.errors import Problem
from rveval.run import suites
from rveval.run.suites import Asked

EVERY = [name for name, family in perturb.FAMILIES.items() if not family.variant_of]


def expand(*tasks: str, num_fewshot: int | None = None, **keys: Any) -> tuple[list[Asked], list[Problem]]:
    problems: list[Problem] = []
    asked = suites.expand(SuiteConfig("s", list(tasks), **keys), problems, num_fewshot=num_fewshot)
    return asked, problems


def asked(*tasks: str, **keys: Any) -> list[Asked]:
    found, problems = expand(*tasks, **keys)
    assert problems == []
    return found


def refused(*tasks: str, **keys: Any) -> str:
    _, problems = expand(*tasks, **keys)
    assert problems
    return "\n".join(map(str, problems))


def names(found: list[Asked]) -> list[str]:
    return [one.task for one in found]


def test_a_task_is_asked_clean_unless_said_otherwise() -> None:
    assert asked("rv_gsm8k") == [Asked("rv_gsm8k", "gsm8k", "gsm8k", "clean", 0, None)]


def test_every_task_under_every_family_in_the_suites_order() -> None:
    found = asked("rv_sciq", "rv_gsm8k", families=["think", "clean", "typos+hint"])
    ends = ("_think", "", "_typos+hint")
    assert names(found) == [f"{task}{end}" for task in ("rv_sciq", "rv_gsm8k") for end in ends]
    assert [one.families for one in found] == ["think", "clean", "typos+hint"] * 2


def test_a_task_may_name_its_family() -> None:
    (found,) = asked("rv_gsm8k_typos+hint")
    assert (found.source, found.families) == ("gsm8k", "typos+hint")
    assert names(asked("rv_gsm8k_typos", families=["all"])) == ["rv_gsm8k_typos"]


def test_a_task_that_names_its_family_takes_no_other() -> None:
    text = refused("rv_gsm8k_typos", families=["clean", "hint"])
    assert "names a family already" in text
    assert "write rv_gsm8k_typos+hint" in text


def test_what_is_asked_twice_is_asked_once() -> None:
    assert names(asked("rv_gsm8k", "rv_gsm8k_think", families=["clean"])) == ["rv_gsm8k", "rv_gsm8k_think"]
    assert names(asked("rv_gsm8k_think", "rv_gsm8k", families=["think"])[:1]) == ["rv_gsm8k_think"]
    assert names(asked("rv_bbh_snarks", "rv_bbh"))[0] == "rv_bbh_snarks"
    assert len(asked("rv_bbh_snarks", "rv_bbh")) == 27


def test_the_group_is_its_subtasks() -> None:
    found = asked("rv_bbh")
    assert len(found) == 27
    assert {one.benchmark for one in found} == {"bbh"}
    assert [one.source for one in found] == [s for s in benchmarks.names() if s.startswith("bbh_")]


def test_a_family_of_the_group_goes_to_the_subtasks_that_it_applies_to() -> None:
    lettered = names(asked("rv_bbh", families=["shuffle"]))
    assert "rv_bbh_snarks_shuffle" in lettered
    assert "rv_bbh_word_sorting_shuffle" not in lettered
    assert lettered == names(asked("rv_bbh_shuffle"))
    assert 0 < len(lettered) < 27


def test_a_family_that_applies_to_no_subtask_is_refused() -> None:
    assert "does not apply" in refused("rv_bbh", families=["harder"])


@pytest.mark.parametrize("task", ["rv_gsm8k", "rv_humaneval", "rv_sciq", "rv_tiny_choice"])
def test_all_is_clean_and_every_family_that_applies(task: str) -> None:
    source = task.removeprefix("rv_")
    fitting = [name for name in EVERY if not perturb.problem(name, benchmarks.traits(source))]
    assert names(asked(task, families=["all"])) == [task, *(f"{task}_{name}" for name in fitting)]
    assert len(fitting) > 3


def test_all_leaves_no_family_out_everywhere() -> None:
    found = asked("rv_gsm8k", "rv_humaneval", "rv_sciq", "rv_bbh", "rv_tiny_math", families=["all"])
    assert {one.families for one in found} == {"clean", *EVERY}


def test_variants_of_a_family_are_asked_by_name_only() -> None:
    variants = sorted(set(perturb.FAMILIES) - set(EVERY))
    assert variants == ["goldslot", "rotate", "thinkprefix", "thinksuffix"]
    assert not {one.families for one in asked("rv_sciq", families=["all"])} & set(variants)
    assert names(asked("rv_sciq", families=["rotate"])) == ["rv_sciq_rotate"]


def test_a_family_that_does_not_apply_is_refused_and_not_left_out() -> None:
    text = refused("rv_gsm8k", "rv_sciq", families=["shuffle"])
    assert "rv_gsm8k, suite.families: shuffle does not apply to gsm8k: it has no lettered options" in text
    assert "sciq" not in text


def test_a_family_that_there_is_not_is_refused_with_the_nearest() -> None:
    text = refused("rv_gsm8k", families=["tipos"])
    assert "there is no family tipos" in text
    assert "did you mean typos?" in text


@pytest.mark.parametrize("families", ["think+nothink", "think+think", "shuffle+rotate", "clean+think", "think+"])
def test_what_does_not_compose_is_refused(families: str) -> None:
    assert refused("rv_sciq", families=[families])


def test_an_unknown_task_is_refused_with_the_nearest() -> None:
    assert "did you mean rv_gsm8k" in refused("rv_gsm8")
    assert "rv_bbh_word_sorting" in refused("rv_bbh_wordsorting")


def test_all_problems_are_said_at_once() -> None:
    text = refused("rv_gsm8", "rv_gsm8k", "rv_sciq_typos", families=["shuffle", "nope"])
    for words in ("rv_gsm8", "it has no lettered options", "no family nope", "names a family already"):
        assert words in text


# --- draws and strength


def test_draws_are_of_families_only() -> None:
    found = asked("rv_gsm8k", families=["clean", "typos"], draws=3)
    assert [(one.task, one.draw) for one in found] == [
        ("rv_gsm8k", 0),
        ("rv_gsm8k_typos", 0),
        ("rv_gsm8k_typos", 1),
        ("rv_gsm8k_typos", 2),
    ]


def test_a_strength_goes_to_the_families_that_have_one() -> None:
    found = asked("rv_gsm8k", families=["clean", "think", "typos", "think+typos"], strength=0.3)
    assert {one.families: one.strength for one in found} == {
        "clean": None,
        "think": None,
        "typos": 0.3,
        "think+typos": 0.3,
    }


@pytest.mark.parametrize("families", [["clean"], ["think"], ["clean", "hint"]])
def test_a_strength_that_nothing_takes_is_refused(families: list[str]) -> None:
    text = refused("rv_gsm8k", families=families, strength=0.3)
    assert "no family of the suite takes a strength" in text
    assert "typos" in text


# --- demonstrations


def test_nothink_refuses_demonstrations_with_steps() -> None:
    assert "nothink" in refused("rv_gsm8k", families=["nothink"], num_fewshot=3)
    assert asked("rv_gsm8k", families=["nothink"], num_fewshot=0)
    assert asked("rv_sciq", families=["nothink"], num_fewshot=3)  # a letter each, no steps


# --- what readers are told


def test_remarks() -> None:
    def said(task: str, sandbox: str = "bwrap") -> str:
        (one,) = asked(task)
        return "; ".join(suites.remarks(one, sandbox))

    assert said("rv_gsm8k") == said("rv_gsm8k_typos") == said("rv_tiny_math_think") == said("rv_humaneval") == ""
    assert "never saw typos" in said("rv_tiny_math_think+typos")
    assert "unconfined" in said("rv_humaneval", "unsafe")
    assert "unconfined" in said("rv_stock_humaneval", "unsafe")
    assert said("rv_gsm8k", "unsafe") == ""


# --- tasks that are not ours


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(ownfolder.make(tmp_path_factory.mktemp("own") / "tasks"))


def test_tasks_of_others_stand_beside_ours(own: str) -> None:
    found = asked("own_add", "rv_gsm8k", families=["clean", "think"], include=[own])
    assert names(found) == ["own_add", "own_add_think", "rv_gsm8k", "rv_gsm8k_think"]
    assert [(one.source, one.benchmark) for one in found[:2]] == [("own_add", "own_add")] * 2
    assert [one.wrapped is None for one in found] == [False, False, True, True]


def test_all_draws_and_strength_of_tasks_of_others(own: str) -> None:
    found = asked("own_all", families=["all"], draws=2, strength=0.5, include=[own])
    by_task = {(one.task, one.draw): one.strength for one in found}
    assert by_task["own_letters_shuffle", 1] is None
    assert by_task["own_add_typos", 1] == 0.5
    assert ("own_add", 0) in by_task
    assert ("own_add", 1) not in by_task
    assert {one.families for one in found if one.source == "own_texts"} == {"clean"}


def test_what_does_not_apply_to_tasks_of_others_is_refused_for_each(own: str) -> None:
    text = refused("own_all", families=["shuffle", "think"], include=[own])
    assert "shuffle does not apply to own_add" in text
    assert "own_texts: it scores its options one by one" in text
    assert "think does not apply to own_letters" in text
    assert "shuffle does not apply to own_letters" not in text


def test_demonstrations_of_the_tasks_own_count(own: str, tmp_path: Path) -> None:
    folder = ownfolder.make(tmp_path / "tasks")
    (folder / "add.yaml").write_text((folder / "add.yaml").read_text() + "num_fewshot: 2\n")
    assert "num_fewshot=0" in refused("own_add", families=["nothink"], include=[str(folder)])
    assert asked("own_add", families=["nothink"], include=[str(folder)], num_fewshot=0)


def test_two_tasks_of_one_name_are_refused(tmp_path: Path) -> None:
    folder = ownfolder.make(tmp_path / "tasks")
    (folder / "clash.yaml").write_text((folder / "add.yaml").read_text().replace("own_add", "own_add_think"))
    text = refused("own_add", "own_add_think", families=["clean", "think"], include=[str(folder)])
    assert "own_add_think is what own_add and own_add_think would both be called" in text
