"""The page without a browser: what is written, what the numbers say, that nothing hostile becomes markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest
from fakesummary import Plan, summary, write_items
from hostile import SCRIPTS, poisoned
from hypothesis import given
from hypothesis import strategies as st
from rveval.findings.typed import Summary

from rveval.show.page import made, say, write
from rveval.show.page.overview import main_table
from rveval.show.page.panels import all_plots
from rveval.show.page.scripts import data
from rveval.show.page.site import BOKEH, EARLY, STYLES
from rveval.show.page.site import SCRIPTS as OWN_SCRIPTS
from rveval.show.page.tables import all_tables

ASSETS = Path(say.__file__).parent / "assets"
SMALL = Plan(n=40, members=("bbh_navigate", "bbh_snarks"), families=("clean", "think", "distractor"))
LISTS = (
    *("comparisons", "pooled", "robustness", "survival", "gains", "curves", "factorial", "noise", "claims", "problems"),
    *("items", "cells", "tasks", "variants", "nulls", "interference", "sweeps", "refused"),
)


class Page(HTMLParser):
    """The elements of a page and its text, as a parser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def site(made_up: Summary, folder: Path) -> Page:
    write(made_up, folder)
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def emptied() -> Summary:
    """A summary that has nothing to show but its problem."""
    found = cast(dict[str, Any], summary(SMALL))
    for name in LISTS:
        found[name] = []
    found["problems"] = [{"kind": "missing", "what": "no cell is complete", "where": "runs", "fix": "python -m rveval"}]
    return cast(Summary, found)


# --- numbers


@pytest.mark.parametrize(
    ("value", "words"), [(0.052, "+5.2"), (-0.052, f"{say.MINUS}5.2"), (0.0, "0.0"), (-0.0001, "0.0"), (1.0, "+100.0")]
)
def test_points_have_a_sign_and_a_true_minus(value: float, words: str) -> None:
    assert say.points(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0.0001, "< 0.001"), (0.0123, "0.012"), (0.31, "0.31"), (1.0, "1.00"), (None, "")]
)
def test_p_values_claim_no_more_than_they_know(value: float | None, words: str) -> None:
    assert say.p_value(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(4.5, "4.5 s"), (75, "1 min 15 s"), (3599.6, "1 h 0 min"), (7260, "2 h 1 min")]
)
def test_durations(value: float, words: str) -> None:
    assert say.seconds(value) == words


def test_moments_are_shortened_and_what_is_none_stays() -> None:
    assert say.moment("2025-01-02T03:04:05.678+00:00") == "2025-01-02 03:04 UTC"
    assert say.moment("2025-01-02T03:04:05+02:00") == "2025-01-02 03:04 +02:00"
    assert say.moment("yesterday") == "yesterday"


@given(st.text())
def test_what_is_shown_holds_nothing_invisible(text: str) -> None:
    shown = say.visible(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown)
    shown.encode("utf-8")
    if text.isprintable() and text.isascii():
        assert shown == text


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part))
)
def test_data_is_ascii_means_the_same_and_closes_no_script(value: Any) -> None:
    text = data("key", value)
    assert text.isascii()
    assert not set("<>&\u2028\u2029") & set(text)
    head, body = text.removesuffix(");\n").split(",", 1)
    assert head == 'rveval_data("key"'
    assert json.loads(body) == value


# --- what is written


def test_the_site_needs_nothing_that_is_not_in_it(tmp_path: Path) -> None:
    page = site(summary(SMALL), tmp_path)
    needed = [part["src"] for part in page.all("script")] + [part["href"] for part in page.all("link")]
    assert needed, "the page has no scripts"
    files = [name for name in needed if name != "data:,"]
    assert [name for name in files if not (tmp_path / name).is_file()] == []
    assert (tmp_path / "assets" / "bokeh-LICENSE.txt").read_text(encoding="utf-8").startswith("Copyright")
    assert all(part["href"].startswith("#") for part in page.all("a"))
    for name in (*STYLES, EARLY, *OWN_SCRIPTS):
        assert "http" not in (ASSETS / name).read_text(encoding="utf-8"), name


def test_every_asset_is_used() -> None:
    used = {*STYLES, EARLY, *OWN_SCRIPTS}
    assert {path.name for path in ASSETS.iterdir() if path.suffix != ".j2"} == used
    assert len(BOKEH) == 3


def test_every_choice_and_table_that_the_page_names_is_written(tmp_path: Path) -> None:
    page = site(summary(SMALL), tmp_path)
    written = {path.stem for path in (tmp_path / "data").iterdir()}
    choices = {part["value"] for part in page.all("option") if re.fullmatch(r"[a-z]+-\d+", part.get("value", ""))}
    choices |= {part["data-only"] for part in page.all("p") if "data-only" in part}
    tables = {f"table-{part['data-table']}" for part in page.all("details") if "data-table" in part}
    assert len(choices) > 10
    assert len(tables) == 17
    assert choices | tables | {"items", "made"} <= written


def test_writing_again_leaves_no_old_choice_and_keeps_the_items(tmp_path: Path) -> None:
    (tmp_path / "items").mkdir()
    (tmp_path / "items" / "s0-items-0.js").write_text("rveval_items()", encoding="ascii")
    write(summary(SMALL), tmp_path)
    before = {path.name for path in (tmp_path / "data").glob("curve-*.js")}
    write(summary(Plan(n=40, members=(), families=("clean",))), tmp_path)
    after = {path.name for path in (tmp_path / "data").glob("curve-*.js")}
    assert after < before
    assert (tmp_path / "items" / "s0-items-0.js").exists()


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(summary(SMALL), tmp_path / name)
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two


# --- every number with its interval and n


def test_the_main_table_shows_each_comparison_on_clean_prompts_with_interval_and_n() -> None:
    found = summary(SMALL)
    table = main_table(found)
    assert [task["task"] for task in table.tasks] == ["rv_gsm8k", "rv_sciq", "rv_bbh"]
    for line in table.lines:
        for task, square in zip(table.tasks, line.squares[1:], strict=True):
            rows = [
                one
                for one in found["comparisons"]
                if (one["variant"], one["task"]) == (line.variant["id"], task["task"])
            ]
            tip = "\n".join(square.tip)
            if not rows:
                assert line.variant["is_baseline"]
                assert (square.kind, square.links[0][0]) == ("score", "see the items")
                continue
            (row,) = rows
            assert square.value == say.points(row["difference"]["value"])
            assert square.span == say.points_span(row["difference"])
            assert square.call == row["call"]
            assert f"{row['difference']['n']} items: {row['fixed']} fixed, {row['broken']} broken" in tip
            assert say.p_value(row["p_holm"]) in tip
            left, right, at, zero = square.bar or (0, 0, 0, 0)
            assert 0 <= left <= at <= right <= 100
            assert (at > zero) == (row["difference"]["value"] > 0)


def test_the_weights_that_the_rules_name_are_in_the_main_table() -> None:
    found = summary(SMALL)
    for row in found["pooled"]:
        row["difference"]["value"] = 0.5 if row["weights"] == "items" else 0.25
    table = main_table(found)
    assert table.pooled == "each benchmark counts the same"
    assert {line.squares[0].value for line in table.lines[1:]} == {"+25.0"}


def test_every_list_of_the_summary_is_in_a_table_in_full() -> None:
    found = summary(SMALL)
    rows = {key: len(table.rows) for key, table in all_tables(found).items()}
    assert rows == {
        "comparisons": len(found["comparisons"]),
        "pooled": len(found["pooled"]),
        "scores": len(found["cells"]),
        "curves": sum(len(curve["points"]) for curve in found["curves"]),
        "best": len(found["curves"]),
        "robustness": len(found["robustness"]),
        "families": sum(len(row["families"]) for row in found["robustness"]),
        "survival": len(found["survival"]),
        "gains": sum(len(row["classes"]) for row in found["gains"]),
        "factorial": sum(len(row["cells"]) + 5 * (1 + (row["minus"] is not None)) for row in found["factorial"]),
        "claims": len(found["claims"]),
        "noise": len(found["noise"]),
        "nulls": len(found["nulls"]),
        "null_effects": sum(row["n"] for row in found["nulls"]),
        "interference": len(found["interference"]),
        "sweeps": sum(len(row["points"]) for row in found["sweeps"]),
        "refused": sum(len(row["problems"]) for row in found["refused"]),
    }
    for table in all_tables(found).values():
        assert {len(row) for row in table.rows} == {len(table.columns)}
        assert all(isinstance(text, str) for row in table.rows for text in row)


def test_every_point_of_every_plot_says_its_n_and_its_interval() -> None:
    plots = all_plots(summary(SMALL))
    assert {name: len(choices) > 1 for name, choices in plots.items()} == dict.fromkeys(plots, True)
    for name, choices in plots.items():
        for panel in (panel for choice in choices for panel in choice.panels):
            for lines in [*panel["tip"], *panel.get("realtip", [])]:
                words = "\n".join(lines)
                assert re.search(r"\d items", words), (name, words)
                assert name == "gains" or "95% interval" in words, (name, words)


def test_where_several_tasks_make_a_group_the_group_comes_first() -> None:
    labels = {name: [choice.label for choice in choices] for name, choices in all_plots(summary(SMALL)).items()}
    assert labels["curve"][:3] == ["clean prompts", "think prompts", "distractor prompts"]
    assert labels["curve"][3] == "clean prompts · bbh, task by task"
    assert labels["heat"] == ["gsm8k", "sciq", "bbh", "bbh: bbh_navigate", "bbh: bbh_snarks"]


def test_null_controls_are_drawn_under_the_real_vector_and_have_no_line_of_their_own() -> None:
    found = summary(SMALL)
    control = {**found["variants"][-1], "id": "nrandom0", "label": "instruct_1.5b + 1 grpo [random seed 0]"}
    found["variants"].append(cast(Any, control | {"null": "random"}))
    table = main_table(found)
    assert [line.variant["id"] for line in table.lines] == [row["id"] for row in found["variants"][:-1]]
    assert table.apart == 10
    choice = all_plots(found)["nulls"][0]
    assert choice.label == "gsm8k"
    (panel,) = choice.panels
    rows = [row for row in found["nulls"] if row["task"] == "rv_gsm8k"]
    assert panel["rows"] == [row["kind"] for row in rows] == ["random", "permute"]
    for at, row in enumerate(rows):
        drawn = [value for value, where in zip(panel["value"], panel["row"], strict=True) if where == at]
        assert drawn == pytest.approx([100 * one["difference"]["value"] for one in row["nulls"]], abs=1e-3)
        assert panel["real"][0] == pytest.approx(100 * row["real"]["value"], abs=1e-3)
        assert f"{row['reached']} of 5 reach it" in panel["realtip"][at][-2]
    assert "[random seed 0]: null control (random)" in "".join(tip[0] for tip in panel["tip"])
    ends = [*panel["value"], *panel["real"], 0.0]
    assert panel["from"] <= min(ends)
    assert panel["to"] >= max(ends)


def test_null_controls_are_in_no_other_plot_but_in_every_table() -> None:
    found = summary(SMALL)
    control = found["variants"][2]
    before = all_plots(found)
    found["nulls"] = found["nulls"][:1]
    found["nulls"][0]["nulls"][0]["variant"] = control["id"]
    plots = all_plots(found)
    for name in ("heat", "forest", "gains"):
        assert control["label"] in json.dumps([choice.panels for choice in before[name]]), name
        assert control["label"] not in json.dumps([choice.panels for choice in plots[name]]), name
    assert before["curve"]
    assert plots["curve"] == []
    assert control["label"] in {row[0] for row in all_tables(found)["comparisons"].rows}


def test_refused_variants_stand_on_the_page(tmp_path: Path) -> None:
    found = summary(SMALL)
    page = site(found, tmp_path)
    (refused,) = found["refused"]
    for text in (refused["label"], *(refused["problems"][0][key] for key in ("what", "where", "fix"))):
        assert text in page.text
    found["refused"] = []
    assert not any(part.get("id") == "refused-table" for part in site(found, tmp_path).all("table"))


def test_a_sum_that_can_not_be_reached_is_said(tmp_path: Path) -> None:
    found = summary(SMALL)
    found["interference"][0]["beyond"] = "ceiling"
    page = site(found, tmp_path)
    assert page.text.count("the base has less to gain than the sum") == 1
    assert page.text.count("can't be told from adding up") == min(24, len(found["interference"]))


def remarked(task: str, remark: str) -> Summary:
    found = summary(SMALL)
    next(row for row in found["tasks"] if row["task"] == task)["remarks"].append(remark)
    return found


def test_under_the_main_table_stand_remarks_of_its_own_tasks_only_each_once() -> None:
    found = remarked("rv_gsm8k_distractor", "labels assumed")
    for row in found["tasks"]:
        row["remarks"] += ["all of them"] if row["family"] == "clean" else []
        row["remarks"] += ["one of them"] if row["task"] == "rv_sciq" else []
    for cell in found["cells"]:
        if (cell["variant"], cell["task"]) == (found["variants"][1]["id"], "rv_sciq"):
            cell["warnings"].append("one of them")
    about = (("all of them", "all benchmarks"), ("one of them", "instruct_1.5b + -1 grpo on sciq"))
    assert main_table(found).remarks == about


def test_a_remark_goes_with_every_result_of_its_task_and_with_no_other() -> None:
    remark = "labels assumed"
    found = remarked("rv_gsm8k_distractor", remark)
    plots, tables = all_plots(found), all_tables(found)
    for name in ("heat", "forest"):
        told = {tip[0] for choice in plots[name] for one in choice.panels for tip in one["tip"] if f"† {remark}" in tip}
        assert told, name
        assert all("distractor prompts" in first for first in told)
        others = [tip for choice in plots[name][1:] for one in choice.panels for tip in one["tip"]]
        assert not any(f"† {remark}" in tip for tip in others)
    (heat,) = plots["heat"][0].panels
    assert [text.endswith("†") for text in heat["text"]] == [
        heat["columns"][at] == "distractor" for at in heat["column"]
    ]
    assert all(one["rows"] == ["think", "distractor †"] for one in plots["forest"][0].panels)
    for key, label in (("comparisons", "gsm8k, distractor"), ("families", "distractor"), ("survival", "distractor")):
        rows = tables[key].rows
        marked = [row for row in rows if remark in row[tables[key].columns.index("remarks")]]
        assert marked == [row for row in rows if label in row and (key == "comparisons" or "gsm8k" in row)], key
        assert marked, key
    assert [row[1] for row in tables["robustness"].rows if remark in row[-1]] == ["gsm8k"] * len(found["variants"])


def test_every_p_says_what_it_was_corrected_for_or_that_it_was_not() -> None:
    found = summary(SMALL)
    found["rules"]["hypotheses"] = [{"name": "clean", "question": "", "n": 1234}]
    tip = main_table(found).lines[1].squares[1].tip
    assert any(line.startswith("uncorrected p ") for line in tip)
    assert any("within its family of hypotheses (clean: 1,234 comparisons)" in line for line in tip)
    for choices in all_plots(found).values():
        text = json.dumps([choice.panels for choice in choices])
        assert not re.search(r"(?<!uncorrected )\bp (<|\d)", text)
    table = all_tables(found)["pooled"]
    holm, verdict = (table.columns.index(name) for name in ("#p, Holm", "verdict"))
    for row, pooled in zip(table.rows, found["pooled"], strict=True):
        assert (row[holm] == "uncorrected") == (pooled["p_holm"] is None)
        assert row[verdict].endswith("by an uncorrected p") == (pooled["p_holm"] is None)


def test_the_page_says_where_the_rules_come_from() -> None:
    found = summary(SMALL)
    found["problems"] = []
    found["provenance"]["configs"] = {"v0": {"suite": {"margin": 0.5, "pooled_by": "benchmarks"}}}
    assert "those of the runs' own configs" in made.rules_from(found)
    found["provenance"]["configs"]["v1"] = {"suite": {"pooled_by": "benchmarks"}}
    assert "do not all say the margin, or" in made.rules_from(found)
    found["provenance"]["configs"] = {}
    assert "the margin and the weights" in made.rules_from(found)


def test_engines_and_moments_are_told_once() -> None:
    found = summary(SMALL)
    found["provenance"]["engines"] = [{"kind": "vllm", "seed": 1}, {"kind": "vllm", "seed": 2}]
    found["provenance"]["created"] = ["2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z", "2025-01-01T09:00:00Z"]
    assert made.engines(found) == [("kind", "vllm"), ("seed", "1, 2")]
    assert made.when(found) == "2025-01-01 00:00 UTC to 2025-01-02 00:00 UTC"


# --- nothing to show


def test_an_empty_study_says_why_everywhere(tmp_path: Path) -> None:
    page = site(emptied(), tmp_path)
    assert page.text.count("What was missing, and what to do about it") == 12
    assert "no cell is complete" in page.text
    assert page.all("details") == [{"class": "numbers", "data-details": "made"}]


def test_a_study_without_a_baseline_shows_scores(tmp_path: Path) -> None:
    found = summary(SMALL)
    found["variants"] = [row for row in found["variants"] if not row["is_baseline"]]
    for row in found["variants"]:
        row["baseline"] = None
    found["comparisons"], found["pooled"], found["survival"], found["gains"] = [], [], [], []
    page = site(found, tmp_path)
    assert page.text.count("no baseline in this study: its scores") == 3
    assert "Nothing to survive: this needs a baseline and a variant" in page.text
    assert {square.kind for line in main_table(found).lines for square in line.squares} == {"score"}


def test_a_study_of_changed_prompts_only_has_a_main_table() -> None:
    found = summary(SMALL)
    found["tasks"] = [task for task in found["tasks"] if task["family"] == "think"]
    assert [task["title"] for task in main_table(found).tasks] == ["gsm8k, think", "sciq, think", "bbh, think"]


# --- hostile text


@pytest.mark.parametrize("payload", SCRIPTS)
def test_no_hostile_text_becomes_markup(payload: str, tmp_path: Path) -> None:
    clean, dirty = (
        site(poisoned(summary(SMALL), "plain"), tmp_path / "clean"),
        site(poisoned(summary(SMALL), payload), tmp_path / "dirty"),
    )
    allowed = {name for _, attributes in clean.elements for name in attributes}
    assert [name for name, _ in dirty.elements] == [name for name, _ in clean.elements]
    assert {name for _, attributes in dirty.elements for name in attributes} <= allowed
    assert [part["src"] for part in dirty.all("script")] == [part["src"] for part in clean.all("script")]
    assert all(part["href"].startswith("#") for part in dirty.all("a"))
    for path in (tmp_path / "dirty" / "data").iterdir():
        assert "<" not in path.read_text(encoding="ascii"), path.name


def test_the_policy_allows_own_files_only(tmp_path: Path) -> None:
    page = site(summary(SMALL), tmp_path)
    (policy,) = [part["content"] for part in page.all("meta") if part.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",  # Bokeh puts styles into its shadow roots
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not page.all("style")
    assert all("src" in part for part in page.all("script"))


@pytest.mark.parametrize("name", [EARLY, *OWN_SCRIPTS])
def test_no_script_turns_text_into_markup_or_code(name: str) -> None:
    text = (ASSETS / name).read_text(encoding="utf-8")
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|srcdoc|Fragment\("
    )
    assert not re.search(forbidden, text)
    assert len(text.splitlines()) < 300


def test_items_are_listed_for_the_page(tmp_path: Path) -> None:
    found = summary(SMALL)
    write_items(found, tmp_path, SMALL)
    write(found, tmp_path)
    text = (tmp_path / "data" / "items.js").read_text(encoding="ascii")
    index = json.loads(text.removeprefix('rveval_data("items",').removesuffix(");\n"))
    assert len(index["sets"]) == 4 * 3
    assert index["variants"][0].keys() == {"id", "label", "alpha", "baseline", "is_baseline"}
    assert index["tasks"][0].keys() == {"task", "title", "benchmark", "family", "source"}


def test_studies_are_named_where_there_are_several(tmp_path: Path) -> None:
    found, mark = summary(SMALL), '<span class="quiet">study demo</span>'
    site(found, tmp_path)
    assert mark not in (tmp_path / "index.html").read_text(encoding="utf-8")
    found["made"]["studies"] = ["demo", "other"]
    site(found, tmp_path)
    assert (tmp_path / "index.html").read_text(encoding="utf-8").count(mark) == len(found["variants"]) + len(
        found["refused"]
    )
