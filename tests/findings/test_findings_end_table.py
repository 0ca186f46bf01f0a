"""Comparisons out of a store, and the table people read: pairs by id, the right baseline, nothing hidden."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rveval.findings.compare import _by_numbers as by_numbers

from rveval import findings as summary
from rveval import stats
from rveval.errors import Refused
from rveval.show import table
from rveval.store import SCHEMA_VERSION, CellRecord, Refusal, Sample, Store, StudyEntry

BASE = "b" * 64
TERM = [{"plus": "p", "minus": "m", "weight": 1.0}]


class Study:
    """Writes cells of a study, as a run would."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)

    def add(
        self,
        right: str,
        alpha: float = 0.0,
        label: str | None = None,
        task: str = "rv_gsm8k",
        study: str = "s",
        first: int = 0,
        base: str = BASE,
        own_label: str | None = None,
        fingerprint: str | None = None,
        health: dict[str, int] | None = None,
        benchmark: str = "gsm8k",
        items: str = "gsm8k",
        **settings: Any,
    ) -> str:
        """A cell with an item for each character of `right` (`1` is right, `0` wrong); returns its id."""
        label = label or ("m" if alpha == 0 else f"m + {alpha:g} v")
        cell_id = f"{task}-{label}-{json.dumps(settings, sort_keys=True)}".replace("/", "_").replace(" ", "")
        samples = [sample(first + number, mark == "1", items) for number, mark in enumerate(right)]
        record = CellRecord(
            schema_version=SCHEMA_VERSION,
            cell_id=cell_id,
            task=task,
            benchmark=benchmark,
            family="clean",
            draw=0,
            seed=0,
            limit=None,
            n=len(right),
            metrics={"exact_match": 0.5, "exact_match_strict": 0.5, "extraction_failed": 0.0, "truncated": 0.25},
            health=health or {},
            variant={
                "label": own_label or label,
                "alpha": alpha,
                "fingerprint": fingerprint or f"{label:f<64}",
                "terms": TERM if alpha else [],
                "scope": [".*"],
                "model": "m",
                "vector": "v",
                "base": base,
            },
            decoding={},
            prompting={},
            engine={"kind": "vllm", "swap": "hot"},
            versions={},
            timings={"swap_s": 0.02, "generate_s": 1.5, "score_s": 0.1, "wall_s": 2.0},
            settings={"task": task, "variant": label, "limit": None, "engine": {"kind": "vllm"}} | settings,
            warnings=[],
            created="2026-01-01T00:00:00+00:00",
            changed=0,
            left_alone={},
        )
        self.store.write_cell(record, samples)
        self.store.write_study(
            StudyEntry(
                schema_version=SCHEMA_VERSION,
                study=study,
                label=label,
                alpha=alpha,
                fingerprint=record["variant"]["fingerprint"],
                cells=[cell_id],
                config={},
            )
        )
        return cell_id

    def rows(self) -> list[summary.Row]:
        return summary.compare(self.store, "s")


def sample(number: int, right: bool, items: str = "gsm8k") -> Sample:
    return Sample(  # type: ignore[typeddict-item]
        item_id=f"{items}/{number}", doc_id=number, sample_index=0, correct=right, correct_strict=False
    )


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path / "runs")


def test_pairs_by_item(study: Study) -> None:
    study.add("110010")
    study.add("101111", alpha=1)
    base, variant = study.rows()
    assert base.is_baseline
    assert base.difference is None
    assert variant.difference == stats.paired([1, 0, 1, 1, 1, 1], [1, 1, 0, 0, 1, 0])
    assert variant.accuracy == stats.accuracy([1, 0, 1, 1, 1, 1])
    assert variant.strict.value == 0


def test_samples_of_an_item_are_one_score() -> None:
    samples = [sample(0, True), sample(0, False), sample(1, True), sample(1, True)]
    assert summary.scores(samples) == {"gsm8k/0": 0.5, "gsm8k/1": 1.0}


def test_rows_are_by_task_and_alpha(study: Study) -> None:
    for task in ("rv_b", "rv_a"):
        for alpha in (1.0, -1.0, 0.0, 0.5):
            study.add("10", alpha=alpha, task=task)
    found = [(row.cell["task"], row.cell["variant"]["alpha"]) for row in study.rows()]
    assert found == [(task, alpha) for task in ("rv_a", "rv_b") for alpha in (-1, 0, 0.5, 1)]


@pytest.mark.parametrize("settings", [{"limit": 4}, {"decoding": {"n": 2}}, {"engine": {"kind": "hf"}}, {"code": "x"}])
def test_a_baseline_was_asked_the_same_way(study: Study, settings: dict[str, Any]) -> None:
    study.add("10", **settings)
    study.add("11", alpha=1)
    assert [row.difference for row in study.rows()] == [None, None]


def test_a_baseline_is_of_the_same_base(study: Study) -> None:
    study.add("10", base="c" * 64)
    study.add("11", alpha=1)
    assert [row.difference for row in study.rows()] == [None, None]


def test_different_items_are_never_compared(study: Study) -> None:
    study.add("1010")
    study.add("101", alpha=1, first=1)
    study.add("1010", alpha=0.5, first=2)
    with pytest.raises(Refused, match=r"different items(.|\n)*gsm8k/0"):
        study.rows()


def test_the_label_is_the_studys(study: Study) -> None:
    study.add("10", alpha=1, label="new name", own_label="old name")
    assert [row.label for row in study.rows()] == ["new name"]


def test_two_variants_of_one_label_are_told_apart(study: Study) -> None:
    study.add("10", alpha=1, label="same", fingerprint="a" * 64, limit=1)
    study.add("11", alpha=1, label="same", fingerprint="c" * 64, limit=1, code="x")
    assert {row.label for row in study.rows()} == {"same (aaaaaaaa)", "same (cccccccc)"}


def test_what_was_asked_differently_is_said(study: Study) -> None:
    study.add("10", decoding={"n": 1}, limit=2)
    study.add("1010", decoding={"n": 1}, limit=4, engine={"kind": "hf"})
    study.add("1", task="rv_other", limit=1)
    assert [row.asked for row in study.rows()] == ["engine.kind=hf, limit=4", "engine.kind=vllm, limit=2", ""]


def test_damaged_cells_are_all_named(study: Study) -> None:
    ids = [study.add("10"), study.add("11", alpha=1), study.add("01", alpha=2)]
    for cell_id in ids[:2]:
        (study.store.root / "cells" / cell_id / "samples.jsonl").write_text("")
    with pytest.raises(Refused) as refused:
        study.rows()
    assert len(refused.value.problems) == 2


def test_cells_that_are_gone_are_named(study: Study) -> None:
    import shutil

    study.add("10")
    gone = study.add("11", alpha=1)
    shutil.rmtree(study.store.root / "cells" / gone)
    assert len(study.rows()) == 1
    assert summary.missing(study.store, "s") == [("m + 1 v", gone)]


# --- groups


def subtask(study: Study, name: str, right: str, alpha: float = 0.0, **settings: Any) -> str:
    task = f"rv_bbh_{name}"
    return study.add(right, alpha, task=task, benchmark="bbh", items=f"bbh/{name}", code=name, data=name, **settings)


def test_a_group_is_the_mean_over_items_and_pairs_them_all(study: Study) -> None:
    for alpha, right in ((0.0, ("1000", "11")), (1.0, ("1110", "01"))):
        for name, marks in zip(("navigate", "snarks"), right, strict=True):
            subtask(study, name, marks, alpha)
    base, variant = [row for row in study.rows() if row.members]
    assert (base.cell["task"], base.members, base.cell["n"], base.asked) == ("rv_bbh", 2, 6, "2 subtasks")
    assert base.accuracy == stats.accuracy([1, 0, 0, 0, 1, 1])
    assert base.is_baseline
    assert base.difference is None
    assert variant.difference == stats.paired([1, 1, 1, 0, 0, 1], [1, 0, 0, 0, 1, 1])
    assert len([row for row in study.rows() if not row.members]) == 4, "each subtask is there as well"


def test_a_group_without_the_baseline_of_a_member_has_no_difference(study: Study) -> None:
    subtask(study, "navigate", "10")
    for name in ("navigate", "snarks"):
        subtask(study, name, "11", 1.0)
    (variant,) = [row for row in study.rows() if row.members]
    assert variant.difference is None
    assert not variant.is_baseline


def test_one_subtask_is_no_group_and_families_are_groups_of_their_own(study: Study) -> None:
    subtask(study, "navigate", "10")
    assert not any(row.members for row in study.rows())


# --- the table


def shown(study: Study, width: int = 132, fresh: set[str] | None = None) -> str:
    console = Console(file=io.StringIO(), width=width)
    for one in table.comparison(study.rows(), fresh or set(), width):
        console.print(one)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(len(line) for line in text.splitlines()) <= width
    return str(text)


def difference(text: str, label: str) -> str:
    """What the line of a variant says of its difference."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"{label} ")]
    return next(words for words in ("baseline", "another model", "[") if words in line.partition("]")[2])


def test_a_donor_beside_the_base_is_no_baseline(study: Study) -> None:
    study.add("1100101010", label="m")
    study.add("1111111010", label="v-plus", base="another")
    assert {difference(shown(study), label) for label in ("m", "v-plus")} == {"baseline"}  # two bases: who knows
    study.add("1110101010", alpha=0.5, label="m+v")
    text = shown(study)
    assert [difference(text, label) for label in ("m", "v-plus", "m+v")] == ["baseline", "another model", "["]


def test_refused_variants_are_listed_with_their_first_reason(study: Study) -> None:
    reason = {"what": "another shape: a.weight", "where": "w", "expected": "[2]", "found": "[3]", "fix": ""}
    for label, problems in (("m + 1 v [misfit tensor]", [reason, reason, reason]), ("m + 1 w", [reason])):
        refusal = Refusal(schema_version=SCHEMA_VERSION, study="s", label=label, problems=problems, config={})
        study.store.write_refusal(refusal)
    console = Console(file=io.StringIO(), width=132)
    for one in table.refused(study.store.refusals("s")):
        console.print(one)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[-2].split("  ")[0] == "m + 1 v [misfit tensor]"
    assert lines[-2].rstrip().endswith("another shape: a.weight: [3] instead of [2] (and 2 more)")
    assert lines[-1].rstrip().endswith("another shape: a.weight: [3] instead of [2]")
    assert list(table.refused([])) == []


LONG = "instruct_1.5b + 0.5 rlvr_sft_1.5b"


@pytest.mark.parametrize("width", [100, 132, 200])
def test_one_line_a_variant_at_every_width(study: Study, width: int) -> None:
    study.add("1100101010", label="instruct_1.5b")
    study.add("1110101010", alpha=0.5, label=LONG, health={"repetition": 3, "empty": 1})
    text = shown(study, width)
    (line,) = [line for line in text.splitlines() if LONG in line]
    for value in ("10", "60.0% [31.3, 83.2]", "+10.0 [", "kept"):
        assert value in line
    assert ("no room for" in text) == (width < 132)
    assert "…" not in text


@pytest.mark.parametrize("width", [60, 80])
def test_in_a_narrow_terminal_words_break_and_numbers_do_not(study: Study, width: int) -> None:
    study.add("1100101010", label="instruct_1.5b")
    study.add("1110101010", alpha=0.5, label=LONG, health={"repetition": 3, "empty": 1})
    text = shown(study, width)
    (line,) = [line for line in text.splitlines() if "60.0% [31.3, 83.2]" in line]
    if width == 80:
        assert "+10.0 [-19.6, +36.2]" in line
        assert "kept" in line
    assert "no room for: p, strict reading" in text


def test_what_was_run_just_now_is_not_kept(study: Study) -> None:
    fresh = study.add("10")
    assert "kept" not in shown(study, fresh={fresh})
    assert "note" not in shown(study, fresh={fresh})


def test_signs_of_illness_are_shown(study: Study) -> None:
    study.add("10", health={"nonfinite_logprob": 2, "empty": 1, "repetition": 0})
    text = shown(study)
    assert "2 not finite; 1 empty" in text
    assert "repeating" not in text


def test_columns_of_nothing_are_left_out(study: Study) -> None:
    study.add("10")
    text = shown(study)
    assert "no room" not in text
    assert "answer" not in text  # extraction_failed is 0 throughout
    assert "cut" in text


def test_a_table_a_task(study: Study) -> None:
    study.add("10", task="rv_a")
    study.add("10", task="rv_b")
    text = shown(study)
    assert text.index("rv_a") < text.index("rv_b")
    assert text.count("variant") == 2


def test_labels_are_text_and_no_markup(study: Study) -> None:
    study.add("10", alpha=1, label="[red]x[/red] [/]")
    assert "[red]x[/red] [/]" in shown(study)


def test_many_tasks_share_a_table_and_a_group_stands_for_its_subtasks(study: Study) -> None:
    for number in range(7):
        study.add("10", task=f"rv_t{number}")
        study.add("11", alpha=1, task=f"rv_t{number}")
    for name in ("navigate", "snarks"):
        subtask(study, name, "10")
    text = shown(study)
    assert text.count("accuracy") == 1
    assert [text.count(f"rv_t{number}") for number in range(7)] == [1] * 7
    assert "rv_bbh_navigate" not in text
    assert "2 cells of subtasks are only shown as their groups" in text


def test_a_group_is_kept_only_if_all_its_cells_are(study: Study) -> None:
    fresh = subtask(study, "navigate", "10")
    subtask(study, "snarks", "10")
    assert "kept" in shown(study)
    assert "kept" not in shown(study, fresh={fresh})


def test_labels_are_sorted_by_their_numbers() -> None:
    labels = ["v [random seed 10]", "v [random seed 2]", "v", "v [trim 0.2]", "v [trim 0.05]", "2 v"]
    found = sorted(labels, key=by_numbers)
    assert found == ["2 v", "v", "v [random seed 2]", "v [random seed 10]", "v [trim 0.05]", "v [trim 0.2]"]
