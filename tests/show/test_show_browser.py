"""The page in a real browser: opened from the disk, all is drawn, found and reached, and no hostile text acts."""

from __future__ import annotations

import functools
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import showstudy
from browser import DRAWN, Opened, browser, needs_browser, opened
from hostile import ODD, SCRIPTS, everything, poisoned
from showstudy import ADDED, START, Plan

from rveval.findings import Report
from rveval.show import page as pages

pytestmark = needs_browser

PLAN = Plan()
UNHARMED = """() => window.hacked === undefined
    && document.querySelectorAll('iframe, form, base, [onerror], [onload], [srcdoc]').length === 0"""


@pytest.fixture(scope="module")
def started() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a folder with blanks & more #1")


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return showstudy.report(folder, PLAN)


@pytest.fixture(scope="module")
def site(folder: Path, report: Report) -> Path:
    """A site with its items; gives its page."""
    pages.write(report, folder)
    return folder / "index.html"


@pytest.fixture(scope="module")
def variant(report: Report) -> str:
    """The id of alpha 0.5."""
    return next(row["id"] for row in report.variants if row["alpha"] == 0.5)


@pytest.fixture(scope="module")
def drawings(report: Report) -> int:
    """How many drawings the page shows at first."""
    pictures = [finding.picture for finding in report.findings if finding.picture]
    assert len(pictures) == 6
    return sum(min(len(picture.choices[0].panels), 12) for picture in pictures)


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site in which every text is an attack, among them ids that are names of the language's own objects."""
    folder = tmp_path_factory.mktemp("hostile")
    names = [name for name in (*ODD, *SCRIPTS) if name and name.isprintable() | name.isascii()]
    pages.write(poisoned(showstudy.report(folder, Plan(ids=names, text=everything())), everything()), folder)
    return folder / "index.html"


def items(page: Opened, query: str = "") -> None:
    """Open the view of the items and wait until all that match are found."""
    page.page.evaluate(f"location.hash = {json.dumps('#items' + query)}")
    settled(page)


def settled(page: Opened) -> str:
    """Wait until a search has ended; what the page says of it."""
    # Typing is waited for (250 ms) before it is searched: a later timer of the page's own comes after that.
    page.page.evaluate("() => new Promise((done) => setTimeout(done, 260))")
    page.until("/ items? of |^$/.test(document.getElementById('items-status').textContent)")
    return str(page.page.inner_text("#items-status"))


def rows(page: Opened) -> list[str]:
    return [str(text) for text in page.page.locator("#items-list [role=option] .id").all_inner_texts()]


# --- it opens, and everything is drawn


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_every_view_opens_from_the_disk_and_fits(
    started: Any, site: Path, width: int, theme: str, drawings: int
) -> None:
    with opened(started, site, width=width, theme=theme) as page:
        assert page.page.evaluate("document.documentElement.dataset.theme") == theme
        drawn = page.page.evaluate(DRAWN)
        assert drawn == {"drawings": drawings, "drawn": drawings}
        for view in ("verdict", "items", "made"):
            page.page.click(f"nav a[data-view={view}]")
            page.page.wait_for_timeout(300)
            assert page.page.locator(".view:visible").count() == 1
            assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
        assert page.quiet(), (page.said, page.asked, page.dialogs)


def test_it_opens_from_a_web_server(started: Any, site: Path, drawings: int) -> None:
    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    handler = functools.partial(Silent, directory=str(site.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with opened(started, f"http://127.0.0.1:{server.server_port}/") as page:
            assert page.page.evaluate(DRAWN)["drawn"] == drawings
            items(page)
            assert page.quiet(), (page.said, page.asked)
        server.shutdown()


def test_a_choice_draws_other_panels(started: Any, site: Path, drawings: int) -> None:
    with opened(started, site) as page:
        plot = page.page.locator(".plot[data-plot=curves]")
        assert plot.locator(".panel h3").all_inner_texts() == ["bbh", "gsm8k", "sciq"]
        plot.locator("select").select_option(label="distractor prompts")
        page.until("document.querySelector('.plot[data-plot=curves] h3').textContent.includes('distractor')")
        assert plot.locator(".panel h3").all_inner_texts() == [
            f"{name}, distractor" for name in ("bbh", "gsm8k", "sciq")
        ]
        assert page.page.evaluate(DRAWN)["drawn"] == drawings
        assert page.quiet(), page.said


def test_the_theme_turns_drawings_too_and_is_remembered(started: Any, site: Path) -> None:
    ink = """() => { const found = []; const walk = (root) => root.querySelectorAll('*').forEach((element) => {
        if (element.shadowRoot) walk(element.shadowRoot);
        if (element.tagName === 'CANVAS' && element.width) found.push(element.toDataURL()); });
        walk(document.querySelector('.drawn')); return found.join(); }"""
    with opened(started, site) as page:
        page.page.evaluate(DRAWN)
        page.page.evaluate(f"() => {{ window.before = ({ink})(); }}")
        page.page.click("#theme")
        assert page.page.evaluate("document.documentElement.dataset.theme") == "dark"
        page.until(f"({ink})() !== window.before")
        assert page.page.inner_text("#theme") == "Light"
        page.page.reload()
        assert page.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert page.quiet(), page.said


# --- every number with its n and its interval


def test_pointing_at_a_number_says_its_n_and_interval(started: Any, site: Path) -> None:
    with opened(started, site) as page:
        page.page.hover("#main-table .call-better .square >> nth=1")
        said = page.page.inner_text("#tip")
        assert re.search(r"difference, points: \+\d+\.\d \[", said)
        assert re.search(r"items: \d+\nright", said) or re.search(r"\nitems: \d+", said)


@pytest.mark.parametrize("name", ["nulls", "sweeps", "robustness", "survival", "gains"])
def test_pointing_into_a_drawing_says_the_numbers(started: Any, site: Path, name: str) -> None:
    with opened(started, site) as page:
        page.page.evaluate(DRAWN)
        drawn = page.page.locator(f".plot[data-plot={name}] .drawn").nth(
            0 if name in ("robustness", "nulls", "sweeps") else 1
        )
        drawn.scroll_into_view_if_needed()
        box = drawn.bounding_box()
        assert box is not None
        found = set()
        for down in range(10, int(box["height"]) - 40, 4 if name == "nulls" else 12):
            for right in range(150, int(box["width"]) - 20, 19 if name == "robustness" else 7):
                page.page.mouse.move(box["x"] + right, box["y"] + down)
                if page.page.is_visible("#tip"):
                    found.add(page.page.inner_text("#tip"))
            if len(found) > 2:
                break
        assert len(found) > 1
        assert all(re.search(r"items: \d|of \d+ items", text) for text in found), found
        page.page.mouse.move(5, 5)
        assert not page.page.is_visible("#tip")


def test_the_arrows_walk_the_main_table(started: Any, site: Path) -> None:
    with opened(started, site) as page:
        square = "#main-table .square"
        assert (
            page.page.evaluate(f"[...document.querySelectorAll('{square}')].filter((one) => one.tabIndex === 0).length")
            == 1
        )
        page.page.focus(f"{square}[tabindex='0']")
        tips = []
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp"):
            page.page.keyboard.press(key)
            tips.append(page.page.inner_text("#tip").split("\n")[:2])
        first, second = ["variant: m - 1 v", "variant: m + 0.5 v"]
        assert [lines[0] for lines in tips[1:]] == [second, second, second, first]
        assert tips[1] == tips[3] != tips[2]
        page.page.keyboard.press("Escape")
        assert not page.page.is_visible("#tip")


def test_tables_open_show_all_rows_and_can_be_searched(started: Any, site: Path, report: Report) -> None:
    with opened(started, site) as page:
        for details in page.page.locator("#view-verdict details.numbers").all():
            details.locator("summary").click()
            details.locator("table").wait_for()
        table = page.page.locator("details[data-table=comparisons]")
        assert table.locator("tbody tr").count() == len(report.finding("comparisons").rows or ())
        table.locator("input").fill("bbh_Navigate distractor")
        assert table.locator("tbody tr").count() == 3
        assert "3 of" in table.locator("[role=status]").inner_text()
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.quiet(), page.said


# --- items


def expected(task: str, family: str, test: Callable[[str, str], bool]) -> list[str]:
    """The ids that a filter should leave; `test` is given the marks of alpha 0.5 and of the base."""
    both = (showstudy.marks(PLAN, task, family, alpha) for alpha in (0.5, 0.0))
    items = task.replace("bbh_", "bbh/")
    return [f"{items}/{place}" for place, marks in enumerate(zip(*both, strict=True)) if test(*marks)]


def right(mark: str) -> bool:
    return mark in "1S"


@pytest.mark.parametrize(
    ("show", "test"),
    [
        ("fixed", lambda ours, theirs: right(ours) and not right(theirs)),
        ("broken", lambda ours, theirs: right(theirs) and not right(ours)),
        ("moved", lambda ours, theirs: right(theirs) != right(ours)),
        ("right", lambda ours, _: right(ours)),
        ("wrong", lambda ours, _: not right(ours)),
        ("failed", lambda ours, _: ours == "x"),
        ("cut", lambda ours, _: ours == "c"),
    ],
)
def test_items_are_filtered_by_what_became_of_them(
    started: Any, site: Path, variant: str, show: str, test: Callable[[str, str], bool]
) -> None:
    with opened(started, site, height=4000) as page:
        items(page, "?task=rv_gsm8k")
        page.page.select_option("#f-family", "think")
        page.page.select_option("#f-variant", variant)
        page.page.select_option("#f-show", show)
        wanted = expected("gsm8k", "think", test)
        assert 0 < len(wanted) < PLAN.n
        assert settled(page) == f"{len(wanted)} item{'' if len(wanted) == 1 else 's'} of 60"
        assert rows(page) == wanted
        assert page.quiet(), page.said


def test_items_are_filtered_by_benchmark_family_reason_and_text(started: Any, site: Path, variant: str) -> None:
    with opened(started, site, height=2000) as page:
        items(page, "?task=rv_gsm8k")
        assert settled(page) == "60 items of 60"
        page.page.select_option("#f-source", label="bbh, all 2 tasks")
        assert settled(page) == "120 items of 120"
        page.page.select_option("#f-source", "t:rv_bbh_snarks")
        page.page.select_option("#f-family", "")
        assert settled(page) == "180 items of 180"
        page.page.fill("#f-text", "BBH/snarks/33")
        assert settled(page) == "3 items of 180"
        page.page.fill("#f-text", "train to the LAKE")
        assert settled(page) == "116 items of 180"  # each family leaves two items alone
        page.page.fill("#f-text", "nobody says this")
        assert settled(page) == "0 items of 180"
        assert "loosen one" in page.page.inner_text("#item")
        page.page.fill("#f-text", "")
        page.page.select_option("#f-family", "clean")
        page.page.select_option("#f-variant", variant)
        page.page.select_option("#f-class", "extraction")

        def unread(ours: str, theirs: str) -> bool:
            return right(ours) != right(theirs) and (theirs if right(ours) else ours) == "x"

        wanted = expected("bbh_snarks", "clean", unread)
        assert settled(page).startswith(f"{len(wanted)} item")
        assert rows(page) == wanted
        assert page.quiet(), page.said


def test_the_main_table_leads_to_its_items(started: Any, site: Path, variant: str) -> None:
    with opened(started, site) as page:
        page.page.locator(f"#main-table a[href*='task=rv_sciq&variant={variant}']", has_text="broken").click()
        settled(page)
        assert page.page.input_value("#f-show") == "broken"
        assert page.page.input_value("#f-source") == "b:sciq"
        assert page.page.input_value("#f-variant") == variant
        assert rows(page) == expected("sciq", "clean", lambda ours, theirs: right(theirs) and not right(ours))
        page.page.go_back()
        assert page.page.is_visible("#main-table")


def test_two_answers_are_marked_where_they_part_and_prompts_where_they_changed(
    started: Any, site: Path, variant: str, report: Report
) -> None:
    other = next(row["id"] for row in report.variants if row["label"] == "m + 1 v")
    with opened(started, site) as page:
        items(page, f"?task=rv_gsm8k_distractor&variant={variant}")
        page.page.wait_for_selector("#item mark.new")
        assert page.page.locator("#item mark.first").all_inner_texts() == ["So", "Therefore"]
        assert f"part at character {len(START) + 1}" in page.page.inner_text("#item")
        assert page.page.locator("#item mark.new").all_inner_texts() == [ADDED]
        assert page.page.locator("#item mark.gone").count() == 0
        assert page.page.locator("#item .pane h4").all_inner_texts() == [
            *("m", "m + 0.5 v"),
            *("Clean prompt", "As asked: distractor"),
        ]
        page.page.focus("#items-list")
        for _ in range(3):
            page.page.keyboard.press("ArrowDown")
        page.until("document.querySelector('#item h2').textContent === 'gsm8k/3'")
        assert "The prompt is the clean one: no name to change" in page.page.inner_text("#item")
        page.page.select_option("#f-beside", other)
        settled(page)
        pair = zip(*(showstudy.marks(PLAN, "gsm8k", "distractor", alpha) for alpha in (0.5, 1.0)), strict=True)
        same = next(place for place, (ours, theirs) in enumerate(pair) if ours == theirs)
        page.page.evaluate(f"document.getElementById('items-list').scrollTop = {56 * same}")
        page.page.click(f"#row-{same}")
        page.until("document.querySelector('#item').innerText.includes('the same, letter by letter')")
        assert page.quiet(), page.said


def test_on_a_narrow_screen_list_and_item_take_turns(started: Any, site: Path) -> None:
    with opened(started, site, width=400) as page:
        items(page, "?task=rv_gsm8k")
        assert not page.page.is_visible("#item h2")
        page.page.locator("#items-list [role=option]").nth(1).click()
        page.page.wait_for_selector("#item h2")
        assert not page.page.is_visible("#items-list")
        page.page.click("#item .steps button:has-text('Next')")
        page.until("document.querySelector('#item h2').textContent === 'gsm8k/2'")
        page.page.click("#item .back")
        assert page.page.is_visible("#items-list")


def test_a_missing_file_is_said_and_not_a_dead_end(started: Any, tmp_path: Path) -> None:
    plan = Plan(n=8, tasks=("gsm8k",), families=("clean", "think"), alphas=(0.0, 0.5), ablations=False)
    pages.write(showstudy.report(tmp_path, plan), tmp_path)
    for path in (tmp_path / "items").glob("s0-*-texts-*"):
        path.unlink()
    with opened(started, tmp_path / "index.html") as page:
        items(page, "?task=rv_gsm8k")
        page.page.wait_for_selector("#item .empty")
        assert "keep them together" in page.page.inner_text("#item")
        page.page.select_option("#f-family", "think")
        settled(page)
        page.page.wait_for_selector("#item mark.new")


# --- how it was made


def test_commands_can_be_copied_and_configs_opened(started: Any, site: Path) -> None:
    with opened(started, site) as page:
        page.page.click("nav a[data-view=made]")
        page.page.click("button.copy >> nth=0")
        page.page.wait_for_selector("button.copy:has-text('Copied')")
        page.page.click("#view-made summary")
        page.page.wait_for_selector("#view-made .held select")
        assert json.loads(page.page.inner_text("#view-made .held code"))["alpha"] in PLAN.alphas
        page.page.click("nav a[data-view=verdict]")
        page.page.click("text=/things? to know/")
        page.page.locator("#left-out").wait_for()
        assert page.quiet(), page.said


# --- by keyboard alone


def test_the_tabulator_reaches_everything(started: Any, site: Path) -> None:
    stops = """() => [...document.querySelectorAll('a[href], button, select, input, summary, [tabindex]')]
        .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility())
        .map((one, at) => { one.dataset.stop = at; return at; })"""
    with opened(started, site) as page:
        for view in ("verdict", "items", "made"):
            page.page.evaluate(f"location.hash = '#{view}'")
            page.page.wait_for_timeout(800)
            wanted = set(page.page.evaluate(stops))
            assert len(wanted) > 8
            page.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
            reached = set()
            for _ in range(len(wanted) + 12):
                page.page.keyboard.press("Tab")
                stop = page.page.evaluate("document.activeElement?.dataset.stop ?? null")
                if stop is not None:
                    reached.add(int(stop))
                    seen = page.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                    assert seen != "none", page.page.evaluate("document.activeElement.outerHTML")
            assert wanted - reached == set(), view


def test_the_skip_link_leads_past_the_head(started: Any, site: Path) -> None:
    with opened(started, site) as page:
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.page.keyboard.press("Enter")
        assert page.page.evaluate("document.activeElement.id") == "content"


# --- hostile text


@pytest.mark.parametrize("width", [1400, 400])
def test_hostile_text_does_nothing_and_is_shown_as_it_is(
    started: Any, hostile_site: Path, width: int, drawings: int
) -> None:
    with opened(started, hostile_site, width=width) as page:
        assert page.page.evaluate(DRAWN)["drawn"] == drawings
        for details in page.page.locator("details.numbers").all():
            if details.is_visible():
                details.locator("summary").click()
                details.locator("table").wait_for()
        page.page.wait_for_timeout(300)
        page.page.evaluate("document.querySelector('#main-table .square').focus({ preventScroll: true })")
        assert page.page.is_visible("#tip")
        items(page, "?task=rv_gsm8k")
        for place in range(0, len(SCRIPTS) + len(ODD), 3):
            page.page.evaluate("rv.untip()")
            page.page.evaluate(f"document.getElementById('items-list').scrollTop = {56 * place}")
            page.page.wait_for_timeout(40)
            row = page.page.locator(f"#row-{place}")
            if row.is_visible():
                row.click()
            else:
                page.page.click("#item .steps button:has-text('Next')")
            page.page.wait_for_selector("#item .box")
        shown = page.page.inner_text("#item")
        for payload in SCRIPTS[:10]:
            assert payload in shown, payload
        assert "␀" in shown
        assert "⟨202E⟩" in shown
        page.page.fill("#f-text", "</textarea><script>")
        assert settled(page).startswith("60 ")
        page.page.click("nav a[data-view=made]")
        page.page.click("#view-made summary")
        page.page.wait_for_timeout(300)
        assert page.page.evaluate(UNHARMED)
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.quiet(), (page.said, page.asked, page.dialogs)


def test_names_of_the_languages_own_objects_are_names_like_others(started: Any, hostile_site: Path) -> None:
    with opened(started, hostile_site, height=3000) as page:
        items(page, "?task=rv_gsm8k_distractor")
        found = rows(page)
        for name in ("__proto__", "constructor", "toString", "hasOwnProperty"):
            page.page.click(f"#row-{found.index(name)}")
            page.until(f"document.querySelector('#item h2').textContent === '{name}'")
            assert page.page.locator("#item .pane").count() == 4  # its clean twin was found by its id
        assert page.page.evaluate("({}).rveval === undefined && Object.keys(Object.prototype).length === 0")


def test_lines_of_a_megabyte_are_cut_and_can_be_seen_whole(started: Any, tmp_path: Path) -> None:
    plan = Plan(n=2, tasks=("gsm8k",), families=("clean", "think"), alphas=(0.0, 0.5), ablations=False)
    pages.write(showstudy.report(tmp_path, replace(plan, text="x" * 90_000 + "END")), tmp_path)
    with opened(started, tmp_path / "index.html") as page:
        items(page, "?task=rv_gsm8k_think")
        page.page.wait_for_selector("#item .more")
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert "END" not in page.page.inner_text("#item")
        page.page.click("#item .more >> nth=0")
        assert "END" in page.page.inner_text("#item .box >> nth=0")
        assert page.page.locator("#item mark.new").count() == 1
        assert page.quiet(), page.said


# --- size


def test_the_first_screen_is_small_and_many_items_do_not_freeze_it(started: Any, tmp_path: Path) -> None:
    plan = Plan(n=20_000, tasks=("gsm8k",), families=("clean", "think"), alphas=(0.0, 0.5), ablations=False)
    pages.write(showstudy.report(tmp_path, plan), tmp_path)
    with opened(started, tmp_path / "index.html", wait=False) as page:
        asked: list[str] = []
        page.page.on("request", lambda request: asked.append(request.url))
        page.page.reload()
        page.page.wait_for_selector("html[data-ready=yes]")
        page.page.locator(".drawn").first.scroll_into_view_if_needed()
        page.until("document.querySelectorAll('.drawn[data-ready]').length > 0")
        loaded = [tmp_path / url.split(f"{tmp_path.name}/")[1] for url in asked if url.startswith("file:")]
        assert sum(path.stat().st_size for path in set(loaded)) < 3_000_000
        assert not [path for path in loaded if path.parent.name == "items"]
        longest = page.page.evaluate(
            """async () => {
              let [longest, last, running] = [0, performance.now(), true];
              const tick = () => {
                const now = performance.now();
                longest = Math.max(longest, now - last);
                last = now;
                if (running) setTimeout(tick, 0);
              };
              tick();
              location.hash = '#items?source=b:gsm8k&family=';
              const done = () => document.getElementById('items-status').textContent === '40,000 items of 40,000';
              while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
              running = false;
              return longest;
            }"""
        )
        assert longest < 3000, "the page was frozen (milliseconds; a twentieth of it on an idle machine)"
        page.page.focus("#items-list")
        page.page.keyboard.press("End")
        page.until("document.querySelector('#item h2')?.textContent === 'gsm8k/19999'")
        assert page.page.locator("#items-list [role=option]").count() < 60
        assert page.quiet(), page.said


def test_without_the_plotting_library_the_numbers_are_still_there(started: Any, report: Report, tmp_path: Path) -> None:
    pages.write(report, tmp_path)
    (tmp_path / "assets" / "bokeh.min.js").unlink()
    with opened(started, tmp_path / "index.html") as page:
        page.page.locator(".drawn").first.scroll_into_view_if_needed()
        page.page.wait_for_selector(".drawn .empty")
        assert "the tables below hold the same numbers" in page.page.inner_text(".drawn .empty >> nth=0")
        page.page.click("details[data-table=curves] summary")
        page.page.wait_for_selector("details[data-table=curves] table")
