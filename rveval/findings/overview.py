"""The main table: a line a variant, a column a benchmark; each square a score and its difference to the baseline."""

from __future__ import annotations

from collections.abc import Iterator

from rveval.findings import comparisons, nulls, pooled, scores, tables
from rveval.findings.analysis import SIGNIFICANT, Analysis, finding
from rveval.findings.comparisons import Comparison
from rveval.findings.pieces import Column, Finding, ItemsLink, Row, Score, Table, Value
from rveval.findings.pooled import Pooled, weights_in_words
from rveval.findings.report import TaskRow, VariantRow
from rveval.findings.scores import CellRow
from rveval.findings.wording import count

TOGETHER = "all together"


@finding(10)
def overview(analysis: Analysis) -> Finding:
    table = _table(analysis)
    has_pooled = any(column.heading == TOGETHER for column in table.columns)
    together = " (all together: interval and p only)" if has_pooled else ""
    return Finding(
        "overview",
        "What helped, and by how much",
        lead="Percentage points more (or fewer) right answers than the baseline on the same items, with the "
        f"{analysis.level} interval. A result counts only when its whole interval lies on one side of zero, its p is "
        f"below {SIGNIFICANT:.6g} after correction for its family of hypotheses, it is larger than the noise where "
        f"that was measured, and no score is at the floor or the ceiling{together}.",
        rows=None,
        tables=[table],
        empty="No complete cell to show: nothing has been run to its end in this study.",
    )


def _columns(analysis: Analysis) -> list[TaskRow]:
    """The tasks that head the columns: the unperturbed ones, or whatever there is where none was run."""
    return analysis.grid.clean_tasks() or [task for task in analysis.grid.tasks if task["shown"]]


def _table(analysis: Analysis) -> Table:
    tasks, apart = _columns(analysis), analysis.once(nulls.controls)
    compared = analysis.once(comparisons.by_place)
    cells = {(cell["variant"], cell["task"]): cell for cell in reversed(analysis.once(scores.rows))}  # the first draw
    family = tasks[0]["family"] if tasks else "clean"
    whole = {
        row["variant"]: row
        for row in reversed(analysis.once(pooled.rows))  # the weights that the rules name come first, and win
        if row["family"] == family
    }
    columns = [Column("variant")]
    if whole:
        columns.append(Column(TOGETHER, quiet=weights_in_words(next(iter(whole.values()))["weights"])))
    columns += [Column(task["title"], quiet=f"{count(task['n'])} items") for task in tasks]
    lines = []
    for line in analysis.grid.variants if tasks else ():
        if line["id"] not in apart:
            squares: list[Value] = [_pooled(analysis, whole.get(line["id"]))] if whole else []
            places = [(line["id"], task["task"]) for task in tasks]
            squares += [_score(analysis, place, cells.get(place), compared.get(place)) for place in places]
            lines.append(Row([line["label"], *squares], quiet=_quiet(analysis, line), baseline=line["is_baseline"]))
    return Table("main", "Benchmarks", columns, lines, _note(analysis, tasks), open=True, paper=True)


def _quiet(analysis: Analysis, line: VariantRow) -> tuple[str, ...]:
    """Small words under a variant's name."""
    words = []
    if line["is_baseline"]:
        words.append("baseline: its scores")
    elif not line["baseline"]:
        words.append("no baseline in this study: its scores")
    if len(analysis.studies) > 1:
        words.append(f"study {line['study']}")
    return (*words, line["asked"]) if line["asked"] else tuple(words)


def _note(analysis: Analysis, tasks: list[TaskRow]) -> str:
    names = {task["task"] for task in tasks}
    known = [row["noise"] is not None for row in analysis.once(comparisons.rows) if row["task"] in names]
    noise = " and exceeds the noise" + ("" if all(known) else ", where that was measured")
    if not any(known):
        noise = "; whether it exceeds the noise is not known, no baseline was run again"
    note = "Accuracy in %, and the difference to the baseline in points with its interval; bold where it counts after "
    note += f"Holm's correction{noise}."
    if apart := analysis.once(nulls.controls):
        note += f" {count(len(apart))} null controls are not listed here: see below what they give."
    return " ".join([note, *(f"{who}: {remark}." for remark, who in _remarks(analysis, tasks))])


def _remarks(analysis: Analysis, tasks: list[TaskRow]) -> Iterator[tuple[str, str]]:
    """Each remark of these tasks once, with what it is about; what is shown elsewhere has its remarks there."""
    about: dict[str, list[TaskRow]] = {}
    for task in tasks:
        for remark in task["remarks"]:
            about.setdefault(remark, []).append(task)
    for remark, of_tasks in about.items():
        names = {task["task"] for task in of_tasks}
        cells = [cell for cell in analysis.once(scores.rows) if cell["task"] in names and remark in cell["warnings"]]
        ids = {cell["variant"] for cell in cells}
        labels = [row["label"] for row in analysis.grid.variants if row["id"] in ids]
        every = len(of_tasks) == len(tasks) > 1
        where = "all benchmarks" if every else ", ".join(task["title"] for task in of_tasks)
        some = 0 < len(labels) < len(analysis.grid.variants)
        yield remark, f"{', '.join(labels)} on {where}" if some else where


def _score(analysis: Analysis, place: tuple[str, str], cell: CellRow | None, row: Comparison | None) -> Score | None:
    if cell is None:
        return None
    variant, task = place
    hover = tables.hover(analysis, scores.FIELDS[:6], cell)
    if row is None:
        return Score(cell["accuracy"], hover=tuple(hover), links=(ItemsLink("see the items", task, variant),))
    hover += tables.hover(analysis, comparisons.FIELDS[3:], row)
    moved = {"fixed": row["fixed"], "broken": row["broken"]}
    links = [ItemsLink(f"{count(items)} {kind}", task, variant, kind) for kind, items in moved.items()]
    lines = tuple(dict.fromkeys(hover))  # a remark stands in both
    return Score(cell["accuracy"], row["difference"], row["call"], row["at_edge"], lines, tuple(links))


def _pooled(analysis: Analysis, row: Pooled | None) -> Score | None:
    if row is None:
        return None
    return Score(None, row["difference"], row["call"], hover=tuple(tables.hover(analysis, pooled.FIELDS, row)))
