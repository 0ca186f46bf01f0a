"""summary.json against brute force: every number from the marks of small studies, by the plainest arithmetic."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from studies import ALPHAS, FAMILIES, TASKS, Made, ids, only, random_study, right, sample

from rveval import stats
from rveval.findings.gains import CLASSES
from rveval.findings.marks import shows_steps


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "runs")


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def exact(fixed: int, broken: int) -> float:
    """McNemar's exact p by adding up every table at least as extreme."""
    n = fixed + broken
    each = [math.comb(n, k) / 2**n for k in range(n + 1)]
    return min(1.0, sum(p for p in each if p <= each[fixed] * (1 + 1e-9)))


def holm(ps: list[float]) -> list[float]:
    order = sorted(range(len(ps)), key=ps.__getitem__)
    found, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, ps[place] * (len(ps) - rank)))
        found[place] = highest
    return found


@pytest.mark.parametrize("seed", range(4))
def test_comparisons_are_what_counting_gives(made: Made, seed: int) -> None:
    marks = random_study(made, seed)
    found = made.build()
    name = ids(found)
    by_family: dict[str, list[tuple[Any, float]]] = {}
    for alpha, task, family in product(ALPHAS[1:], TASKS, FAMILIES):
        ours, theirs = right(marks[alpha, task, family]), right(marks[0.0, task, family])
        task_name = task if family == "clean" else f"{task}_{family}"
        row = only(found["comparisons"], variant=name[alpha], task=task_name)
        fixed = sum(a > b for a, b in zip(ours, theirs, strict=True))
        broken = sum(a < b for a, b in zip(ours, theirs, strict=True))
        assert (row["fixed"], row["broken"], row["baseline"]) == (fixed, broken, name[0.0])
        assert row["difference"]["value"] == pytest.approx((sum(ours) - sum(theirs)) / 60)
        assert row["p"] == pytest.approx(exact(fixed, broken))
        assert row["difference"]["low"] < row["difference"]["value"] < row["difference"]["high"]
        by_family.setdefault(row["hypotheses"], []).append((row, exact(fixed, broken)))
    assert {key: len(rows) for key, rows in by_family.items()} == {
        "variants x clean tasks": 6,
        "variants x perturbed tasks": 12,
    }
    for rows in by_family.values():
        assert [row["p_holm"] for row, _ in rows] == pytest.approx(holm([p for _, p in rows]))


@pytest.mark.parametrize("seed", range(4))
def test_survival_robustness_and_factorial_are_what_counting_gives(made: Made, seed: int) -> None:
    marks = random_study(made, seed)
    found = made.build()
    name = ids(found)
    for alpha, task, family in product(ALPHAS[1:], TASKS, FAMILIES[1:]):
        before = [
            a - b for a, b in zip(right(marks[alpha, task, "clean"]), right(marks[0, task, "clean"]), strict=True)
        ]
        after = [a - b for a, b in zip(right(marks[alpha, task, family]), right(marks[0, task, family]), strict=True)]
        row = only(found["survival"], variant=name[alpha], source=task, family=family)
        assert row["gain_clean"]["value"] == pytest.approx(mean(before))
        assert row["gain_family"]["value"] == pytest.approx(mean(after))
        assert row["did"]["value"] == pytest.approx(mean(after) - mean(before))
        if row["kept"]:
            assert row["kept"]["value"] == pytest.approx(mean(after) / mean(before))
    for alpha, task in product(ALPHAS, TASKS):
        row = only(found["robustness"], variant=name[alpha], source=task)
        columns = list(zip(*(right(marks[alpha, task, family]) for family in FAMILIES), strict=True))
        assert row["right_under_all"]["value"] == pytest.approx(mean([float(all(one)) for one in columns]))
        assert row["wrong_under_all"]["value"] == pytest.approx(mean([float(not any(one)) for one in columns]))
        assert row["consistency"]["value"] == pytest.approx(
            row["right_under_all"]["value"] + row["wrong_under_all"]["value"]
        )
        shares = {family: mean(right(marks[alpha, task, family])) for family in FAMILIES[1:]}
        assert shares[row["worst"]] == min(shares.values())
    row = only(found["factorial"], source="rv_gsm8k", alpha=1.0, cue="think")
    cells = {(a, f): mean(right(marks[a, "rv_gsm8k", f])) for a in ALPHAS for f in FAMILIES}
    expected = cells[1.0, "think"] - cells[1.0, "clean"] - cells[0.0, "think"] + cells[0.0, "clean"]
    assert row["plus"]["interaction"]["difference"]["value"] == pytest.approx(expected)
    assert row["cells"]["-v+cue"]["value"] == pytest.approx(cells[-1.0, "think"])
    assert only(found["factorial"], source="rv_gsm8k", alpha=0.5, cue="think")["minus"] is None


@pytest.mark.parametrize("seed", range(4))
def test_every_moved_item_is_in_one_class_and_they_add_up(made: Made, seed: int) -> None:
    marks = random_study(made, seed)
    found = made.build()
    name = ids(found)

    def kind(ours: str, theirs: str) -> str:
        losing = theirs if ours in "1S" else ours
        if losing in "cx":
            return "truncation" if losing == "c" else "extraction"
        return "style" if (ours in "sS") != (theirs in "sS") else "content"

    for alpha, task in product(ALPHAS[1:], TASKS):
        row = only(found["gains"], variant=name[alpha], task=task)
        moved = [
            (kind(a, b), a in "1S")
            for a, b in zip(marks[alpha, task, "clean"], marks[0.0, task, "clean"], strict=True)
            if (a in "1S") != (b in "1S")
        ]
        for share in row["classes"]:
            assert share["fixed"] == moved.count((share["name"], True))
            assert share["broken"] == moved.count((share["name"], False))
        assert sum(share["difference"] for share in row["classes"]) == pytest.approx(row["difference"])
        assert [share["name"] for share in row["classes"]] == list(CLASSES)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("28+4=32. #### 32", True),
        ("#### 32", False),
        ("The answer is 32.", False),
        ("First she sells half of them in May, and then she sells the other half. So:\n#### 12", True),
        ("", False),
    ],
)
def test_steps(response: str, expected: bool) -> None:
    assert shows_steps(response) is expected


def test_a_program_shows_steps_only_in_words_around_it() -> None:
    program = "    x = 1\n    return [y for y in range(10) if y = 2]\n" * 5
    words = "Here is what I do first, and then I go on to do the rest of it in a loop."
    assert not shows_steps(program, code=True)
    assert not shows_steps(f"```python\n{program}```", code=True)
    assert shows_steps(f"{words}\n```python\n{program}```", code=True)


def test_a_long_answer_in_the_same_style_is_length(made: Made) -> None:
    long = [sample(n, "1", "gsm8k", n_output_tokens=40) for n in range(8)]
    made.add("0" * 8)
    made.add("", 1.0, samples=long)
    shares = {share["name"]: share["fixed"] for share in made.build()["gains"][0]["classes"]}
    assert shares == {"truncation": 0, "extraction": 0, "style": 0, "length": 8, "content": 0}


def test_draws_are_means_by_item_and_no_items(made: Made) -> None:
    for alpha, draws in ((0.0, ("1000", "1100")), (1.0, ("1110", "1111"))):
        made.add("1100" if alpha else "1000", alpha)
        for draw, marks in enumerate(draws):
            made.add(marks, alpha, family="typos", draw=draw)
    found = made.build()
    row = only(found["comparisons"], family="typos")
    assert (row["draws"], row["difference"]["n"], row["fixed"], row["broken"]) == ([0, 1], 4, 3, 0)
    assert row["difference"]["value"] == pytest.approx((7 - 3) / 8)
    assert only(found["survival"], family="typos")["n"] == 4


def test_a_group_is_all_items_of_its_members(made: Made) -> None:
    for alpha, right_ones in ((0.0, ("1000", "11")), (1.0, ("1110", "01"))):
        for name, marks in zip(("navigate", "snarks"), right_ones, strict=True):
            made.add(marks, alpha, task=f"rv_bbh_{name}", data=name)
        made.add("1100" if alpha else "1000", alpha, task="rv_bbh_navigate", family="typos", data="navigate")
    found = made.build()
    row = only(found["comparisons"], task="rv_bbh")
    whole = stats.paired([1, 1, 1, 0, 0, 1], [1, 0, 0, 0, 1, 1])
    assert (row["fixed"], row["broken"], row["p"]) == (whole.fixed, whole.broken, whole.p)
    assert row["difference"]["value"] == whole.difference.value == pytest.approx(1 / 6)
    assert only(found["cells"], task="rv_bbh", variant=row["baseline"])["accuracy"]["value"] == pytest.approx(3 / 6)
    assert row["hypotheses"] == "variants x clean tasks"
    members = only(found["comparisons"], task="rv_bbh_snarks")
    assert members["hypotheses"] == "variants x members of groups"
    shown = [task["task"] for task in found["tasks"] if task["shown"]]
    assert shown == ["rv_bbh", "rv_bbh_navigate_typos"], "one subtask under a family is no group"


def test_survival_of_a_group_is_over_the_members_that_take_the_family(made: Made) -> None:
    for alpha, marks in ((0.0, "1000"), (1.0, "1110")):
        for name in ("navigate", "snarks", "ruin_names"):
            made.add(marks, alpha, task=f"rv_bbh_{name}", data=name)
        for name in ("navigate", "snarks"):
            made.add(marks, alpha, task=f"rv_bbh_{name}", family="shuffle", data=name)
    row = only(made.build()["survival"], source="rv_bbh")
    assert (row["n"], row["gain_clean"]["value"], row["did"]["value"]) == (8, 0.5, 0.0)


def test_pooling_weighs_benchmarks_equally_and_also_items(made: Made) -> None:
    made.add("0" * 10)
    made.add("1" * 10, 1.0)
    made.add("10" * 15, task="rv_sciq")
    made.add("10" * 15, 1.0, task="rv_sciq")
    first, second = made.build()["pooled"]
    assert (first["weights"], first["difference"]["value"]) == ("benchmarks", pytest.approx(0.5))
    assert (second["weights"], second["difference"]["value"]) == ("items", pytest.approx(0.25))
    assert first["p_holm"] is not None
    assert second["p_holm"] is None


def test_the_same_items_are_pooled_once(made: Made) -> None:
    for alpha in (0.0, 1.0):
        made.add("1010", alpha, task="rv_sciq")
        closed = [sample(n, mark, "sciq_closed") for n, mark in enumerate("1010")]
        made.add("", alpha, task="rv_sciq_closed", samples=closed)
    assert made.build()["pooled"] == []


def test_the_curve_and_its_best_alpha(made: Made) -> None:
    marks = random_study(made, 7, n=100)
    found = made.build()
    row = only(found["curves"], task="rv_gsm8k")
    assert [point["alpha"] for point in row["points"]] == sorted(ALPHAS)
    for point in row["points"]:
        expected = mean(right(marks[point["alpha"], "rv_gsm8k", "clean"]))
        assert point["accuracy"]["value"] == pytest.approx(expected)
    assert row["best"]["chosen_on"]["n"] + row["best"]["held_out"]["n"] == 100


def test_noise_stands_beside_every_difference_and_drowns_the_small_ones(made: Made) -> None:
    made.add("1" * 30 + "0" * 30)
    made.add("1" * 24 + "0" * 36, repeat=1)
    made.add("1" * 36 + "0" * 24, 0.5)
    made.add("1" * 50 + "0" * 10, 1.0)
    found = made.build()
    name = ids(found)
    (noise,) = found["noise"]
    assert (noise["difference"]["value"], noise["broken"], noise["repeat"]) == (pytest.approx(-0.1), 6, 1)
    small, large = (only(found["comparisons"], variant=name[alpha]) for alpha in (0.5, 1.0))
    assert small["noise"] == large["noise"] == pytest.approx(0.1)
    assert small["p_holm"] < 0.05
    assert (small["call"], large["call"]) == ("unclear", "better")
    assert len(found["cells"]) == 3, "a repeat is no cell of the tables"


def test_the_ceiling_gives_no_verdict(made: Made) -> None:
    made.add("1" * 400)
    made.add("1" * 399 + "0", 1.0)
    made.add("1" * 400, family="typos")
    made.add("1" * 400, 1.0, family="typos")
    found = made.build()
    row = only(found["comparisons"], family="clean")
    assert (row["at_edge"], row["call"]) == ("ceiling", "edge")
    assert found["survival"][0]["verdict"] == "no verdict"
    assert "ceiling" in found["verdict"]["sentence"]
    assert found["verdict"]["tone"] == "unknown"


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ({"points": 50, "task": "rv_gsm8k"}, "reproduced"),
        ({"points": 90, "task": "rv_gsm8k"}, "not reproduced"),
        ({"points": -10, "task": "rv_gsm8k"}, "not reproduced"),
        ({"points": 5, "task": "rv_sciq"}, "underpowered"),
        ({"points": 5, "task": "rv_bbh"}, "not tested"),
        ({"points": 5, "task": "rv_gsm8k", "alpha": -1}, "not tested"),
        ({"points": 5, "task": "rv_gsm8k", "model": "7b"}, "not tested"),
        ({"points": 50, "task": "rv_gsm8k_thinkprefix", "baseline_task": "rv_gsm8k"}, "reproduced"),
    ],
)
def test_claims(made: Made, claim: dict[str, Any], verdict: str) -> None:
    made.add("1" * 20 + "0" * 80)
    made.add("1" * 70 + "0" * 30, 1.0)
    made.add("1" * 20 + "0" * 80, family="thinkprefix")
    made.add("1" * 70 + "0" * 30, 1.0, family="thinkprefix")
    made.add("10" * 10, task="rv_sciq")
    made.add("01" + "10" * 9, 1.0, task="rv_sciq")
    (row,) = made.build(claims=[{"id": "c", "text": "t", "source": "s", **claim}])["claims"]
    assert row["verdict"] == verdict
    assert (row["found"] is None) == (verdict == "not tested")
    assert row["why"]
