"""The page without a browser: what is written, what it says of numbers, that nothing hostile becomes markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import showstudy
from hostile import SCRIPTS, poisoned
from hypothesis import given
from hypothesis import strategies as st
from showstudy import Plan
from studies import Made

from rveval.findings import Report, Score
from rveval.show import page, wording
from rveval.show.page import figures, panels, site, view

ASSETS = Path(site.__file__).parent / "assets"
OWN = (*site.STYLES, site.EARLY, *site.SCRIPTS)


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


def written(report: Report, folder: Path) -> Page:
    page.write(report, folder)
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def loaded(path: Path) -> Any:
    """The value of a data file."""
    return json.loads(path.read_text(encoding="ascii").partition(",")[2].removesuffix(");\n"))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return showstudy.report(tmp_path_factory.mktemp("study"), Plan(n=40, families=("clean", "think")))


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part))
)
def test_data_is_ascii_means_the_same_and_closes_no_script(value: Any) -> None:
    text = site.piece("key", value)
    assert text.isascii()
    assert not set("<>&\u2028\u2029") & set(text)
    head, body = text.removesuffix(");\n").split(",", 1)
    assert head == 'rveval_data("key"'
    assert json.loads(body) == value


# --- what is written


def test_the_site_needs_nothing_that_is_not_in_it(report: Report, tmp_path: Path) -> None:
    made = written(report, tmp_path)
    needed = [part["src"] for part in made.all("script")] + [part["href"] for part in made.all("link")]
    files = [name for name in needed if name != "data:,"]
    assert len(files) > 10
    assert [name for name in files if not (tmp_path / name).is_file()] == []
    assert (tmp_path / "assets" / "bokeh-LICENSE.txt").read_text(encoding="utf-8").startswith("Copyright")
    assert all(part["href"].startswith("#") for part in made.all("a"))
    assert {path.name for path in ASSETS.iterdir() if path.suffix != ".j2"} == set(OWN)
    for name in OWN:
        assert "http" not in (ASSETS / name).read_text(encoding="utf-8"), name


def test_every_choice_and_table_that_the_page_names_is_written(report: Report, tmp_path: Path) -> None:
    made = written(report, tmp_path)
    there = {path.stem for path in (tmp_path / "data").iterdir()}
    choices = {part["value"] for part in made.all("option") if re.fullmatch(r"[a-z]+-\d+", part.get("value", ""))}
    choices |= {part["data-only"] for part in made.all("p") if "data-only" in part}
    tables = {f"table-{part['data-table']}" for part in made.all("details") if "data-table" in part}
    shown = {f"table-{part['id'].removesuffix('-table')}" for part in made.all("table") if "id" in part}
    assert len(choices) == sum(len(f.picture.choices) for f in report.findings if f.picture) > 10
    assert choices | tables | {"items", "made"} <= there
    assert tables | shown >= {f"table-{table.key}" for f in report.findings for table in f.tables if table.rows}


def test_writing_again_leaves_no_old_choice_keeps_the_items_and_gives_the_same(report: Report, tmp_path: Path) -> None:
    def everything() -> dict[str, bytes]:
        return {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.*")}

    (tmp_path / "items").mkdir()
    (tmp_path / "items" / "s0-items-0.js").write_text("rveval_items()", encoding="ascii")
    page.write(report, tmp_path)
    first = everything()
    (tmp_path / "data" / "curves-99.js").write_text("old", encoding="ascii")
    page.write(report, tmp_path)
    again = everything()
    assert first.keys() == again.keys()
    differ = [name for name in first if first[name] != again[name]]
    assert differ == ["data/figures.js"], "Bokeh gives its models numbers"


def test_items_are_listed_for_the_page(report: Report, tmp_path: Path) -> None:
    page.write(report, tmp_path)
    index = loaded(tmp_path / "data" / "items.js")
    assert len(index["sets"]) == 4 * 2
    assert index["variants"][0].keys() == {"id", "label", "alpha", "baseline", "is_baseline"}
    assert index["tasks"][0].keys() == {"task", "title", "benchmark", "family", "source"}


# --- every number with its interval and n


def test_the_main_table_shows_every_score_with_its_interval(report: Report, tmp_path: Path) -> None:
    made = written(report, tmp_path)
    (main,) = [shown for section in view.sections(report) for shown in section.tables if shown.squares]
    scores = [value for row in main.table.rows for value in row.values if isinstance(value, Score)]
    squares = [part for part in made.all("div") if part.get("class") == "square"]
    assert [part["data-tip"].split("\n") for part in squares] == [list(score.hover) for score in scores]
    for score in scores:
        interval = score.difference or score.accuracy
        assert interval is not None
        assert wording.span(interval) in made.text
        tip = "\n".join(score.hover)
        assert wording.span(interval) in tip
        assert str(interval["n"]) in tip
        if score.difference:
            left, right, at, zero = view.bar(score.difference, main.reach)
            assert 0 <= left <= at <= right <= 100
            assert (at > zero) == (score.difference["value"] > 0)
    links = [part["href"] for part in made.all("a") if part["href"].startswith("#items?")]
    assert len(links) == sum(len(score.links) for score in scores)


def test_every_table_is_there_in_full(report: Report, tmp_path: Path) -> None:
    page.write(report, tmp_path)
    for finding in report.findings:
        for table in filter(lambda table: table.rows, finding.tables):
            data = loaded(tmp_path / "data" / f"table-{table.key}.js")
            assert len(data["rows"]) == len(table.rows)
            assert {len(row) for row in data["rows"]} == {len(table.columns)}
            assert data["rows"] == [[wording.plain(value) for value in row.values] for row in table.rows]


def test_findings_with_nothing_to_see_at_once_stand_with_the_one_before(report: Report) -> None:
    sections = view.sections(report)
    keys = {section.finding.key for section in sections}
    for finding in report.findings:
        seen = finding.picture is not None or any(table.open for table in finding.tables)
        assert finding.key in keys or not seen or finding.quiet
    tables = [shown.table.key for section in sections for shown in section.tables]
    assert sorted(tables) == sorted(table.key for f in report.findings for table in f.tables if table.rows)


def test_every_panel_fills_the_figure_of_its_kind(report: Report) -> None:
    kinds_of = figures.figures()
    assert not re.search("CustomJS|Template", json.dumps(kinds_of)), "what needs evaluation is forbidden on the page"
    kinds = set()
    for picture in (finding.picture for finding in report.findings if finding.picture):
        models = dict(named(kinds_of[picture.kind]))
        kinds.add(picture.kind)
        for choice in picture.choices:
            for panel, drawn in zip(choice.panels, panels.drawn(choice), strict=True):
                assert drawn["title"] == panel.title
                assert drawn["fill"].keys() <= models.keys(), "each is about a model that the figure has"
                columns = {name for name, _ in models["points"]["data"]["entries"]}
                filled = dict(drawn["fill"]["points"]["data"]["entries"])
                assert filled.keys() == columns
                assert len({len(column) for column in filled.values()}) == 1
                told = [text for one in drawn["fill"].values() for text in column(one, "hover")]
                assert set(told) >= {"\n".join(lines) for lines in panel.hover}
    assert kinds == kinds_of.keys()


def named(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The named models in a figure, and their attributes."""
    if isinstance(value, dict):
        attributes = value.get("attributes") or {}
        if "name" in attributes:
            yield attributes["name"], attributes
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from named(one)


def column(filling: dict[str, Any], name: str) -> list[str]:
    return next((values for key, values in filling.get("data", {}).get("entries", []) if key == name), [])


@pytest.mark.parametrize("labels", [["a", "a"], ["x" * 50 + "1", "x" * 50 + "1"], ["", "a (2)", "a", "a"]])
def test_labels_of_a_drawing_differ_and_are_short(labels: list[str]) -> None:
    short = panels._distinct(labels, 24)
    assert len(set(short)) == len(labels)
    assert all(0 < len(text) < 30 for text in short)


# --- how it was made


def test_the_page_says_where_the_rules_come_from(report: Report) -> None:
    def said(*suites: dict[str, Any]) -> str:
        configs = {f"v{place}": {"suite": suite} for place, suite in enumerate(suites)}
        return view.rules_from(replace(report, problems=[], provenance={**report.provenance, "configs": configs}))

    whole = {"margin": 0.5, "pooled_by": "benchmarks"}
    assert "those of the runs' own configs" in said(whole)
    assert "do not all say the margin, or" in said(whole, {"pooled_by": "benchmarks"})
    assert "the margin and the weights" in said()


def test_engines_and_moments_are_said_once(report: Report) -> None:
    engines = [{"kind": "vllm", "seed": 1}, {"kind": "vllm", "seed": 2}]
    created = ["2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z", "2025-01-01T09:00:00Z"]
    known = {**report.provenance, "engines": engines, "created": created}
    columns = view.made(replace(report, provenance=known))["columns"]  # type: ignore[arg-type]
    assert columns["Engine"] == [("kind", "vllm"), ("seed", "1, 2")]
    assert columns["Seeds and dates"][-1] == ("answered", "2025-01-01 00:00 UTC to 2025-01-02 00:00 UTC")


def test_commands_problems_and_refusals_stand_on_the_page(report: Report, tmp_path: Path) -> None:
    made = written(report, tmp_path)
    assert "python -m rveval study=s" in made.text
    assert all(row["what"] in made.text for row in report.problems)
    for refused in report.finding("refused").rows or ():
        assert refused["label"] in made.text
        assert refused["problems"][0]["fix"] in made.text


# --- nothing to show


def test_a_study_of_the_base_alone_says_what_to_run(tmp_path: Path) -> None:
    made = Made(tmp_path / "runs")
    made.add("1010")
    report = made.report()
    shown = written(report, tmp_path)
    empty = [finding.empty for finding in report.findings if finding.is_empty and finding.empty]
    assert len(empty) > 6
    assert sum(text in shown.text for text in empty) > 6
    assert "see the items" in shown.text


# --- hostile text


@pytest.mark.parametrize("payload", SCRIPTS)
def test_no_hostile_text_becomes_markup(report: Report, payload: str, tmp_path: Path) -> None:
    clean = written(poisoned(report, "plain"), tmp_path / "clean")
    dirty = written(poisoned(report, payload), tmp_path / "dirty")
    allowed = {name for _, attributes in clean.elements for name in attributes}
    assert [name for name, _ in dirty.elements] == [name for name, _ in clean.elements]
    assert {name for _, attributes in dirty.elements for name in attributes} <= allowed
    assert [part["src"] for part in dirty.all("script")] == [part["src"] for part in clean.all("script")]
    assert all(part["href"].startswith("#") for part in dirty.all("a"))
    for path in (tmp_path / "dirty" / "data").iterdir():
        assert "<" not in path.read_text(encoding="ascii"), path.name


def test_the_policy_allows_own_files_only(report: Report, tmp_path: Path) -> None:
    made = written(report, tmp_path)
    (policy,) = [part["content"] for part in made.all("meta") if part.get("http-equiv") == "Content-Security-Policy"]
    assert dict(rule.strip().split(" ", 1) for rule in policy.split(";")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",  # Bokeh puts styles into its shadow roots
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not made.all("style")
    assert all("src" in part for part in made.all("script"))


@pytest.mark.parametrize("name", [site.EARLY, *site.SCRIPTS])
def test_no_script_turns_text_into_markup_or_code(name: str) -> None:
    text = (ASSETS / name).read_text(encoding="utf-8")
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|srcdoc|Fragment\("
    )
    assert not re.search(forbidden, text)
    assert len(text.splitlines()) < 300
