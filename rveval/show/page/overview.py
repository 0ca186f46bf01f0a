"""The main table: a line a variant, a column a benchmark; each square a difference with its interval, or a score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from rveval.findings.typed import CellRow, Comparison, Interval, Pooled, Summary, TaskRow, VariantRow
from rveval.show.page import say
from rveval.show.page.choice import controls

Sizes = Mapping[str, int]  # how many hypotheses each family of them holds

BAR = 100.0  # width of a square's little drawing of its interval, in its own units


@dataclass(frozen=True)
class Square:
    """One square of the table.

    Args:
        kind: "difference", "score" (of a baseline, or where there is none) or "none".
        call: what may be said of a difference: a colour and a sign.
        value, span: the number and its interval, as text.
        tip: lines that say all there is to say about it, with its n.
        bar: left end, right end, point and zero of the interval, in units of `BAR`.
        links: where to see the items: (words, address).
    """

    kind: str
    call: str = ""
    value: str = ""
    span: str = ""
    tip: tuple[str, ...] = ()
    bar: tuple[float, float, float, float] | None = None
    links: tuple[tuple[str, str], ...] = ()

    @property
    def sign(self) -> str:
        return say.SIGNS.get(self.call, "")

    @property
    def words(self) -> str:
        return say.CALLS.get(self.call, "")


@dataclass(frozen=True)
class Line:
    """One line: a variant and its squares."""

    variant: VariantRow
    squares: tuple[Square, ...]


@dataclass(frozen=True)
class MainTable:
    """The main table.

    Args:
        pooled: the words under the column of all benchmarks together, "" where there is none.
        calls: those that occur, for the legend: (call, sign, words).
        remarks: what a reader must know of the tasks shown, and of which of them.
        apart: how many null controls have no line here: they have a plot of their own.
    """

    tasks: tuple[TaskRow, ...]
    pooled: str
    lines: tuple[Line, ...]
    calls: tuple[tuple[str, str, str], ...]
    remarks: tuple[tuple[str, str], ...]
    apart: int


def columns(summary: Summary) -> tuple[TaskRow, ...]:
    """The tasks that head the columns: the unperturbed ones, or whatever there is where none was run."""
    shown = [task for task in summary["tasks"] if task["shown"]]
    clean = [task for task in shown if task["task"] == task["source"]]
    return tuple(clean or shown)


def main_table(summary: Summary) -> MainTable:
    """The main table of a summary."""
    tasks = columns(summary)
    names = [task["task"] for task in tasks]
    compared = {(row["variant"], row["task"]): row for row in summary["comparisons"]}
    cells: dict[tuple[str, str], CellRow] = {}
    for cell in summary["cells"]:
        cells.setdefault((cell["variant"], cell["task"]), cell)  # the first draw
    family = tasks[0]["family"] if tasks else "clean"
    pooled = {
        row["variant"]: row
        for row in reversed(summary["pooled"])  # the weights that the rules name come first, and win
        if row["family"] == family and len(row["tasks"]) > 1
    }
    on_show = [row["difference"] for key, row in compared.items() if key[1] in names]
    reach = _reach([*on_show, *(row["difference"] for row in pooled.values())])
    level, titles = say.level(summary["rules"]["level"]), {task["task"]: task["title"] for task in tasks}
    sizes = {row["name"]: row["n"] for row in summary["rules"]["hypotheses"]}

    def square(variant: VariantRow, task: str) -> Square:
        row, cell = compared.get((variant["id"], task)), cells.get((variant["id"], task))
        if row is not None:
            return _difference(row, cell, f"{variant['label']} on {titles[task]}", level, reach, sizes)
        return _score(cell, f"{variant['label']} on {titles[task]}", level) if cell else Square("none")

    apart = controls(summary)
    lines = []
    for variant in summary["variants"]:
        if variant["id"] in apart:
            continue
        squares = [square(variant, task) for task in names]
        if pooled:
            squares.insert(0, _pooled(pooled.get(variant["id"]), level, reach, sizes))
        lines.append(Line(variant, tuple(squares)))
    calls = {square.call for line in lines for square in line.squares}
    legend = tuple((call, say.SIGNS[call], say.CALLS[call]) for call in say.SIGNS if call in calls)
    pooling = _weights(next(iter(pooled.values()), None))
    return MainTable(tasks, pooling, tuple(lines), legend, _remarks(summary, tasks), len(apart))


def _remarks(summary: Summary, tasks: Sequence[TaskRow]) -> tuple[tuple[str, str], ...]:
    """Each remark of these tasks once, with what it is about; what is shown elsewhere has its remarks there."""
    about: dict[str, list[TaskRow]] = {}
    for task in tasks:
        for remark in task["remarks"]:
            about.setdefault(remark, []).append(task)
    return tuple((remark, _about(summary, remark, found, len(tasks))) for remark, found in about.items())


def _about(summary: Summary, remark: str, found: Sequence[TaskRow], n: int) -> str:
    """On which tasks, and of which variants where it is not all of them."""
    names = {task["task"] for task in found}
    ids = {cell["variant"] for cell in summary["cells"] if cell["task"] in names and remark in cell["warnings"]}
    labels = [row["label"] for row in summary["variants"] if row["id"] in ids]
    where = "all benchmarks" if len(found) == n > 1 else ", ".join(task["title"] for task in found)
    return f"{', '.join(labels)} on {where}" if 0 < len(labels) < len(summary["variants"]) else where


def _weights(row: Pooled | None) -> str:
    if row is None:
        return ""
    return "each benchmark counts the same" if row["weights"] == "benchmarks" else "each item counts the same"


def _reach(intervals: Iterable[Interval]) -> float:
    """How far from zero the drawings have to reach."""
    return max((abs(end) for interval in intervals for end in (interval["low"], interval["high"])), default=0.0) or 1.0


def _bar(interval: Interval, reach: float) -> tuple[float, float, float, float]:
    def place(value: float) -> float:
        return round(BAR / 2 * (1 + 0.96 * value / reach), 1)

    return place(interval["low"]), place(interval["high"]), place(interval["value"]), BAR / 2


def items_address(task: str, variant: str, show: str = "") -> str:
    """The address of the items of a variant on a task, in this page."""
    wanted = {"task": task, "variant": variant, "show": show}
    return "#items?" + urlencode({key: value for key, value in wanted.items() if value})


def difference_tip(row: Comparison, level: str, sizes: Sizes) -> list[str]:
    """All there is to say about a comparison, a line a fact; `sizes` are those of the families of hypotheses."""
    lines = [
        f"difference {say.points(row['difference']['value'])} points",
        f"{level} interval {say.points_span(row['difference'])}",
        f"{say.count(row['difference']['n'])} items: {row['fixed']} fixed, {row['broken']} broken",
        f"uncorrected p {say.p_value(row['p'])}",
        say.corrected(row["p_holm"], row["hypotheses"], sizes.get(row["hypotheses"], 0)),
        f"smallest difference that would show: {say.points(row['detectable']).lstrip('+')} points",
    ]
    if row["noise"] is not None:
        lines.append(f"noise of running it again: {say.points(row['noise']).lstrip('+')} points")
    if row["at_edge"]:
        lines.append(f"at the {row['at_edge']}: no verdict")
    return lines


def _difference(row: Comparison, cell: CellRow | None, about: str, level: str, reach: float, sizes: Sizes) -> Square:
    tip = [about, *difference_tip(row, level, sizes)]
    if cell is not None:
        tip.insert(1, f"scores {say.percent(cell['accuracy']['value'])} ({say.percent_span(cell['accuracy'])})")
    links = [
        (f"{say.count(number)} {word}", items_address(row["task"], row["variant"], word))
        for word, number in (("fixed", row["fixed"]), ("broken", row["broken"]))
    ]
    value, span = say.points(row["difference"]["value"]), say.points_span(row["difference"])
    return Square("difference", row["call"], value, span, tuple(tip), _bar(row["difference"], reach), tuple(links))


def _pooled(row: Pooled | None, level: str, reach: float, sizes: Sizes) -> Square:
    if row is None:
        return Square("none")
    tip = [
        f"all {len(row['tasks'])} benchmarks together, {_weights(row)}",
        f"difference {say.points(row['difference']['value'])} points",
        f"{level} interval {say.points_span(row['difference'])}",
        f"{say.count(row['difference']['n'])} items",
        f"uncorrected p {say.p_value(row['p'])}",
        say.corrected(row["p_holm"], row["hypotheses"], sizes.get(row["hypotheses"], 0)),
        f"smallest difference that would show: {say.points(row['detectable']).lstrip('+')} points",
    ]
    value, span = say.points(row["difference"]["value"]), say.points_span(row["difference"])
    return Square("difference", row["call"], value, span, tuple(tip), _bar(row["difference"], reach))


def _score(cell: CellRow, about: str, level: str) -> Square:
    accuracy = cell["accuracy"]
    tip = (
        about,
        f"scores {say.percent(accuracy['value'])}",
        f"{level} interval {say.percent_span(accuracy)}",
        f"{say.count(accuracy['n'])} items",
    )
    links = (("see the items", items_address(cell["task"], cell["variant"])),)
    return Square("score", "", say.percent(accuracy["value"]), say.percent_span(accuracy), tip, None, links)
