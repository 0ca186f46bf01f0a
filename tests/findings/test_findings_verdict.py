"""The verdict in words, and what stands in a summary of studies that can't be compared or are not whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from studies import TASKS, Made, sample

from rveval.errors import Refused


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "runs")


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
    made.add("S" * 150 + "1" * 150 + "0" * 100, 1.0)  # the first 100 were right, 50 more are with steps
    assert not any("Most of what" in text for text in _texts(made))
    made.add("0" * 400, task="rv_sciq")
    made.add("S" * 300 + "0" * 100, 1.0, task="rv_sciq")
    (text,) = [text for text in _texts(made) if "Most of what" in text]
    assert text.startswith("Most of what m + 1 v fixes is style: one of the two answers shows its steps")
    assert "(350 items net, 500 over all classes)" in text


def _texts(made: Made) -> list[str]:
    return [point["text"] for point in made.build()["verdict"]["points"]]


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
