"""summary.json against brute force: every number from the marks of small studies, by the plainest arithmetic."""

from __future__ import annotations

import json
import math
import random
import typing
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from rveval.findings.moves import CLASSES, shows_steps
from studies import Made, label_of, sample, term

from rveval import findings as summary
from rveval.errors import Refused
from rveval.findings import typed, words

ALPHAS = (0.0, -1.0, 0.5, 1.0)
FAMILIES = ("clean", "think", "typos")
TASKS = ("rv_gsm8k", "rv_sciq")


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "runs")


def ids(found: Any) -> dict[float, str]:
    return {row["alpha"]: row["id"] for row in found["variants"]}


def only(rows: Any, **keys: Any) -> Any:
    (row,) = [row for row in rows if all(row[key] == value for key, value in keys.items())]
    return row


def right(marks: str) -> list[int]:
    return [int(mark in "1S") for mark in marks]


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


def random_study(made: Made, seed: int, n: int = 60) -> dict[tuple[float, str, str], str]:
    """All alphas on all tasks under all families; marks of every kind."""
    own = random.Random(seed)
    chances = {0.0: 0.4, -1.0: 0.2, 0.5: 0.6, 1.0: 0.7}
    found = {}
    for alpha, task, family in product(ALPHAS, TASKS, FAMILIES):
        marks = "".join(own.choice("1S") if own.random() < chances[alpha] else own.choice("00sxc") for _ in range(n))
        made.add(marks, alpha, task=task, family=family, backwards=own.random() < 0.5)
        found[alpha, task, family] = marks
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


def test_a_group_is_all_items_of_its_members_as_in_the_table(made: Made) -> None:
    for alpha, right_ones in ((0.0, ("1000", "11")), (1.0, ("1110", "01"))):
        for name, marks in zip(("navigate", "snarks"), right_ones, strict=True):
            made.add(marks, alpha, task=f"rv_bbh_{name}", data=name)
        made.add("1100" if alpha else "1000", alpha, task="rv_bbh_navigate", family="typos", data="navigate")
    found = made.build()
    row = only(found["comparisons"], task="rv_bbh")
    (told,) = [one for one in summary.compare(made.store, "s") if one.members and one.difference]
    assert told.difference is not None
    assert (row["fixed"], row["broken"], row["p"]) == (told.difference.fixed, told.difference.broken, told.difference.p)
    assert row["difference"]["value"] == told.difference.difference.value == pytest.approx(1 / 6)
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


def test_the_sentence_names_gain_and_survival(made: Made) -> None:
    made.add("1" * 100 + "0" * 300)
    made.add("1" * 300 + "0" * 100, 1.0)
    made.add("1" * 100 + "0" * 300, family="typos")
    made.add("1" * 300 + "0" * 100, 1.0, family="typos")
    made.add("1" * 100 + "0" * 300, family="harder")
    made.add("1" * 100 + "0" * 300, 1.0, family="harder")
    found = made.build()
    sentence = found["verdict"]["sentence"]
    assert sentence.startswith(
        "m + 1 v helps on gsm8k: +50.0 points [44.8, 54.7], n=400; at least half of the gain is kept under typos"
    )
    assert sentence.endswith("less than half of the gain is kept under harder.")
    assert found["verdict"]["tone"] == "mixed"


def test_what_is_underpowered_says_so(made: Made) -> None:
    made.add("1010" * 5)
    made.add("1110" + "1010" * 4, 1.0)
    sentence = made.build()["verdict"]["sentence"]
    assert "shows no difference that can be told from chance on gsm8k: +5.0 points" in sentence
    assert "would mostly be missed" in sentence


def test_remarks_and_broken_answers_are_said(made: Made) -> None:
    made.add("10" * 10, warnings=["sandbox=unsafe: model-written code ran unconfined"])
    made.add("1xx0" * 5, 1.0)
    texts = [point["text"] for point in made.build()["verdict"]["points"]]
    assert any("unsafe" in text for text in texts)
    assert "Answers of m + 1 v hold no readable answer on gsm8k (50%)." in texts


def test_a_family_outside_the_training_is_never_in_the_sentence(made: Made) -> None:
    strange = "the tiny models never saw typos: outside their training, not a finding"
    for family, warnings in (("clean", []), ("think", []), ("typos", [strange])):
        made.add("1" * 100 + "0" * 300, family=family, warnings=warnings)
        fixed = 250 if family == "think" else 300
        made.add("1" * fixed + "0" * (400 - fixed), 1.0, family=family, warnings=warnings)
    found = made.build()["verdict"]
    told = "at least half of the gain is kept under"
    assert found["sentence"].endswith(f"; {told} think (smaller under think).")
    texts = [point["text"] for point in found["points"]]
    assert f"Outside the models' training, not a finding: with m + 1 v, {told} typos." in texts
    assert f"T{strange[1:]} (1 task)." in texts


def test_the_class_that_holds_most_of_a_gain_is_named(made: Made) -> None:
    made.add("1" * 100 + "0" * 300)
    made.add("1" * 300 + "0" * 100, 1.0)
    found = made.build()

    def texts(style: int, content: int) -> list[str]:
        parts = {"style": style, "content": content}
        classes = [
            {"name": name, "fixed": count, "broken": 1, "difference": (count - 1) / 400}
            for name, count in parts.items()
        ]
        gains = [found["gains"][0] | {"classes": classes}]
        lists = [found[key] for key in ("variants", "tasks", "cells", "comparisons", "survival", "curves", "noise")]
        about = words.Findings(*lists, found["problems"], gains)
        return [point["text"] for point in words.conclude(about)["points"] if "Most of what" in point["text"]]

    (text,) = texts(151, 51)
    assert text.startswith("Most of what m + 1 v fixes is style: ")
    assert "(150 items net, 200 over all classes)" in text
    assert texts(101, 101) == texts(51, 151) == []


# --- what can't be compared


def test_the_order_of_items_does_not_matter(made: Made, tmp_path: Path) -> None:
    other = Made(tmp_path / "other")
    for where, backwards in ((made, False), (other, True)):
        where.add("110010")
        where.add("101111", 1.0, backwards=backwards)
    assert made.build()["comparisons"] == other.build()["comparisons"]
    assert made.build()["gains"] == other.build()["gains"]


def test_unequal_ids_are_an_error_that_names_them(made: Made) -> None:
    made.add("1010")
    made.add("1010", 1.0, first=2)
    with pytest.raises(Refused, match=r"different items(.|\n)*gsm8k/0"):
        made.build()


def test_a_family_of_other_items_is_said_and_not_compared(made: Made) -> None:
    for alpha in (0.0, 1.0):
        made.add("1010", alpha)
        made.add("10", alpha, family="typos", limit=2)
    found = made.build()
    assert found["survival"] == found["robustness"] == []
    (trouble,) = found["problems"]
    assert (trouble["kind"], trouble["fix"]) == ("refused", "run both with the same limit")
    assert "gsm8k/2" in trouble["what"]


def test_a_family_asked_in_another_way_is_said_and_not_compared(made: Made) -> None:
    for alpha in (0.0, 1.0):
        made.add("1010", alpha, decoding={"max_gen_toks": 100})
        made.add("1010", alpha, family="typos", decoding={"max_gen_toks": 200})
    found = made.build()
    assert found["survival"] == found["robustness"] == []
    assert "max_gen_toks: 200 and 100" in found["problems"][0]["what"]


@pytest.mark.parametrize("settings", [{"limit": 4}, {"decoding": {"n": 2}}, {"engine": {"kind": "hf"}}])
def test_a_baseline_asked_in_another_way_is_none(made: Made, settings: dict[str, Any]) -> None:
    made.add("1010", **settings)
    made.add("1110", 1.0)
    found = made.build()
    assert found["comparisons"] == []
    assert "asked in another way" in found["problems"][0]["what"]
    assert "alpha=0" in found["problems"][0]["fix"]
    assert found["verdict"]["sentence"].startswith("Nothing can be said")


def test_no_baseline_and_one_variant(made: Made) -> None:
    made.add("1010", 1.0)
    found = made.build()
    assert "no baseline" in found["verdict"]["sentence"]
    assert found["problems"][0]["kind"] == "missing"


def test_only_the_base(made: Made) -> None:
    made.add("1010")
    found = made.build()
    assert found["verdict"]["sentence"].startswith("Nothing can be said yet: the study holds only the base.")
    assert (found["comparisons"], found["problems"]) == ([], [])


def test_a_cell_that_was_never_finished_is_missing(made: Made) -> None:
    made.add("1010")
    half = made.add("1010", 1.0)
    (made.store.root / "cells" / half / "cell.json").unlink()
    found = made.build()
    assert half in found["problems"][0]["what"]
    (made.store.root / "cells" / made.add("1010") / "cell.json").unlink()
    with pytest.raises(Refused, match="no complete cell"):
        made.build()


def test_damaged_cells_are_all_named(made: Made) -> None:
    for alpha in (0.0, 1.0, 0.5):
        cell = made.add("1010", alpha)
        if alpha:
            path = made.store.root / "cells" / cell / "samples.jsonl"
            path.write_text(path.read_text().replace("true", "false", 1))
    with pytest.raises(Refused, match="changed or cut") as refused:
        made.build()
    assert len(refused.value.problems) == 2


def test_samples_without_ids_are_refused(made: Made) -> None:
    made.add("", samples=[sample(0, "1", "gsm8k", item_id="")])
    with pytest.raises(Refused, match="no item_id"):
        made.build()


def test_an_item_twice_is_refused(made: Made) -> None:
    made.add("", samples=[sample(0, "1", "gsm8k"), sample(0, "1", "gsm8k")])
    with pytest.raises(Refused, match="twice"):
        made.build()


def test_a_newer_store_is_refused(made: Made) -> None:
    path = made.store.root / "cells" / made.add("1010") / "cell.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 99}))
    with pytest.raises(Refused, match="newer rveval"):
        made.build()


# --- lines


def test_one_variant_asked_in_two_ways_is_two_lines(made: Made) -> None:
    for limit, marks in ((2, ("10", "11")), (4, ("1010", "1011"))):
        for alpha, mark in zip((0.0, 1.0), marks, strict=True):
            made.add(mark, alpha, limit=limit)
    found = made.build()
    assert sorted(row["label"] for row in found["variants"]) == [
        "m (limit=2)",
        "m (limit=4)",
        "m + 1 v (limit=2)",
        "m + 1 v (limit=4)",
    ]
    assert sorted(row["difference"]["value"] for row in found["comparisons"]) == [0.25, 0.5]
    assert len({row["id"] for row in found["variants"]}) == 4


def test_versions_of_the_code_are_told_by_their_order(made: Made) -> None:
    for day, code in ((1, "f" * 16), (2, "a" * 16)):
        for task in TASKS:
            made.add("1010", task=task, code=f"{code}{task}", created=f"2026-01-0{day}T00:00:00+00:00")
    labels = [row["label"] for row in made.build()["variants"]]
    assert sorted(labels) == ["m (code version 1 of 2)", "m (code version 2 of 2)"]


def test_a_task_asked_in_one_way_goes_with_the_line_it_was_made_with(made: Made) -> None:
    for day, code in ((1, "f" * 16), (2, "a" * 16)):
        for alpha, marks in ((0.0, "1000"), (1.0, "1110")):
            made.add(marks, alpha, code=code, created=f"2026-01-0{day}T00:00:00+00:00")
    for alpha, marks in ((0.0, "1000"), (1.0, "1110")):
        made.add(marks, alpha, family="typos", code="1" * 16, created="2026-01-02T00:01:00+00:00")
    found = made.build()
    labels = {row["id"]: row["label"] for row in found["variants"]}
    assert len(labels) == 4
    assert [labels[row["variant"]] for row in found["survival"]] == ["m + 1 v (code version 2 of 2)"]


def test_two_studies_share_what_is_the_same_and_tell_the_rest_apart(made: Made) -> None:
    made.add("1010", study="a")
    made.add("1010", study="b")
    for study, print_ in (("a", "c"), ("b", "d")):
        made.add("1110", 1.0, study=study, variant={"fingerprint": print_ * 64})
    found = made.build("a", "b")
    assert [row["label"] for row in found["variants"]] == ["m", "m + 1 v [a]", "m + 1 v [b]"]
    assert found["made"]["studies"] == ["a", "b"]
    assert len(found["comparisons"]) == 2


def test_the_rule_is_the_one_of_the_runs(made: Made) -> None:
    made.add("1010", config={"suite": {"margin": 0.8}})
    assert made.build()["rules"]["margin"] == 0.8
    made.add("1010", 1.0, config={"suite": {"margin": 0.3}})
    found = made.build()
    assert found["rules"]["margin"] == 0.8
    assert "different rules" in found["problems"][0]["what"]


# --- claims


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


# --- the schema


def conforms(value: Any, hint: Any, where: str) -> list[str]:
    """What of a value is not as its hint says."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if typing.is_typeddict(hint):
        hints = typing.get_type_hints(hint)
        if not isinstance(value, dict) or value.keys() != hints.keys():
            return [f"{where}: {value!r} has not the keys {sorted(hints)}"]
        return [wrong for key, one in hints.items() for wrong in conforms(value[key], one, f"{where}.{key}")]
    if origin is list:
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [wrong for n, one in enumerate(value) for wrong in conforms(one, arguments[0], f"{where}[{n}]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no mapping"]
        return [wrong for key, one in value.items() for wrong in conforms(one, arguments[1], f"{where}.{key}")]
    if origin is typing.Literal:
        return [] if value in arguments else [f"{where}: {value!r}"]
    if arguments:  # a union
        return [] if any(not conforms(value, one, where) for one in arguments) else [f"{where}: {value!r}"]
    if hint is Any or hint is type(None):
        return [] if hint is Any or value is None else [f"{where}: {value!r}"]
    fits = isinstance(value, int | float) if hint is float else isinstance(value, hint)
    return [] if fits and not (hint is int and isinstance(value, bool)) else [f"{where}: {value!r} is no {hint}"]


def test_the_summary_is_what_its_schema_says(made: Made, tmp_path: Path) -> None:
    random_study(made, 3)
    made.add("01" * 30, repeat=1)
    made.ablate("0110" * 15, 1.0, steps=[{"name": "random", "seed": 1}])
    made.ablate("1110" * 15, 1.0, terms=[term("v"), term("w", 2.0)])
    made.ablate("0111" * 15, 1.0, terms=[term("w", 2.0)], layers=[0, 2], forced=True)
    made.ablate("0111" * 15, 1.0, terms=[term("w", 2.0)])
    made.ablate("0111" * 15, 1.0, terms=[term("w", 2.0)], kinds=["mlp"])
    made.refuse("m + 1 x")
    claim = {"id": "c", "text": "t", "source": "s", "points": 50, "task": "rv_gsm8k"}
    found = made.build(items=tmp_path / "items", claims=[claim], commands=["x"])
    assert conforms(found, typed.Summary, "summary") == []
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    empty = [key for key, value in found.items() if value == []]
    assert empty == []
    assert {one["kind"] for one in found["problems"]} == {"skipped"}, "some cells hold their items in another order"
    for row in found["variants"]:
        assert row["label"].startswith(label_of(row["alpha"]))
        assert row["id"].isalnum()
