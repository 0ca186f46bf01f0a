"""The table at the end of a run, and the plan of a dry run: what people read first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from rveval.findings import Row
from rveval.stats import Interval
from rveval.store import Refusal

_WIDTH = 132
_GAP = 2
_NARROWEST_NOTE = 12
_MANY = 6  # tasks that have a table of their own each


@dataclass(frozen=True)
class _Column:
    """A column: its heading, a text for each row, and the place in the order of leaving (0 stays always)."""

    heading: str
    texts: list[str]
    leaves: int = 0
    left: bool = False

    @property
    def width(self) -> int:
        return max(cell_len(text) for text in [*self.heading.split("\n"), *self.texts])


def console() -> Console:
    """Standard output; wide enough for the table where nobody looks at a terminal."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=_WIDTH)


def comparison(rows: Sequence[Row], fresh: set[str], width: int = _WIDTH) -> Iterator[RenderableType]:
    """The cells of a study: a table a task (one for all where there are many), and what the width had no room for.

    Args:
        rows: from `summary.compare`.
        fresh: ids of the cells that this invocation ran; the others were already complete and say so.
        width: columns of the terminal.
    """
    whole, members = _without_members(rows)
    tasks = list(dict.fromkeys(row.cell["task"] for row in whole))
    if len(tasks) > _MANY:
        yield Text("")
        yield from _one(_columns(whole, fresh, named=True), width)
    else:
        for task in tasks:
            yield Text(f"\n{task}", style="bold")
            yield from _one(_columns([row for row in whole if row.cell["task"] == task], fresh), width)
    if members:
        yield Text(f"{members} cells of subtasks are only shown as their groups; the store has each of them")


def _without_members(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """The rows without the subtasks that a group's row stands for, and how many those are."""
    groups = {row.cell["task"] for row in rows if row.members}
    whole = [row for row in rows if row.members or row.group not in groups]
    return whole, len(rows) - len(whole)


def _one(columns: Sequence[_Column], width: int) -> Iterator[RenderableType]:
    shown = _fitting(columns, width)
    yield _table(shown, whole=_needed(shown) <= width)
    if gone := [column.heading.replace("\n", " ") for column in columns if column not in shown]:
        yield Text(f"no room for: {', '.join(gone)} (a wider terminal, or the output in a file, has them)")


def _columns(rows: Sequence[Row], fresh: set[str], named: bool = False) -> list[_Column]:
    """All that hold something, in order; `named` begins with the task, said once."""
    tasks = [row.cell["task"] for row in rows]
    first = ["" if place and tasks[place - 1] == task else task for place, task in enumerate(tasks)]
    cells = [row.cell for row in rows]
    bases = {cell["variant"]["base"] for cell in cells if cell["variant"]["terms"]}

    def shares(metric: str) -> list[str]:
        values = [cell["metrics"][metric] for cell in cells]
        return [f"{100 * value:.1f}%" for value in values] if any(values) else []

    columns = [
        _Column("task", first if named else [], left=True),
        _Column(
            "draw", [str(cell["draw"]) for cell in cells] if any(cell["draw"] for cell in cells) else [], left=True
        ),
        _Column("variant", [row.label for row in rows], left=True),
        _Column("asked with", [row.asked for row in rows], left=True),
        _Column("n", [str(cell["n"]) for cell in cells]),
        _Column("accuracy\n[95% interval]", [_percent(row.accuracy) for row in rows]),
        _Column("difference to\nalpha=0 [95%]", [_difference(row, bases) for row in rows]),
        _Column("p", [_p(row) for row in rows], leaves=3),
        _Column("strict\nreading", [f"{100 * row.strict.value:.1f}%" for row in rows], leaves=2),
        _Column("no\nanswer", shares("extraction_failed"), leaves=4),
        _Column("cut\noff", shares("truncated"), leaves=5),
        _Column("swap\ns", [f"{cell['timings']['swap_s']:.2f}" for cell in cells], leaves=6),
        _Column("gen.\ns", [f"{cell['timings']['generate_s']:.2f}" for cell in cells], leaves=7),
        _Column("note", ["; ".join(_notes(row, fresh)) for row in rows], left=True),
    ]
    return [column for column in columns if any(column.texts)]


def _fitting(columns: Sequence[_Column], width: int) -> list[_Column]:
    """The columns that there is room for; the note may be broken into lines, the rest leaves in its order."""
    shown = list(columns)
    for column in sorted((column for column in columns if column.leaves), key=lambda column: column.leaves):
        if _needed(shown) <= width:
            break
        shown.remove(column)
    return shown


def _needed(columns: Sequence[_Column]) -> int:
    widths = [min(c.width, _NARROWEST_NOTE) if c.heading == "note" else c.width for c in columns]
    return sum(widths) + _GAP * len(widths)


def _table(columns: Sequence[_Column], whole: bool) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0), header_style="bold"
    )
    for column in columns:
        breaks = column.heading == "note" or (column.left and not whole)
        table.add_column(
            Text(column.heading),
            justify="left" if column.left else "right",
            no_wrap=not breaks,
            min_width=min(column.width, _NARROWEST_NOTE) if breaks else column.width,
            overflow="fold",
        )
    for texts in zip(*(column.texts for column in columns), strict=True):
        table.add_row(*(Text(text) for text in texts))
    return table


def _notes(row: Row, fresh: set[str]) -> Iterable[str]:
    if fresh.isdisjoint(row.cell["cell_id"].split("+")):  # of a group's row, any of its cells
        yield "kept"
    if row.cell["engine"]["swap"] == "fresh" and row.cell["engine"]["kind"] == "vllm":
        yield "fresh start"
    if any("unsafe" in warning for warning in row.cell["warnings"]):
        yield "unsafe sandbox"
    if any("outside their training" in warning for warning in row.cell["warnings"]):
        yield "outside training"
    if any("are assumed to survive" in warning for warning in row.cell["warnings"]):
        yield "labels assumed"
    signs = {"nonfinite_logprob": "not finite", "empty": "empty", "repetition": "repeating"}
    for sign, words in signs.items():
        if count := row.cell["health"].get(sign, 0):
            yield f"{count} {words}"


def _percent(interval: Interval) -> str:
    return f"{100 * interval.value:.1f}% [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _difference(row: Row, bases: set[str]) -> str:
    """Against the baseline; `bases` are those that variants were made from: another model, such as a donor, is none."""
    if row.difference is None:
        if row.is_baseline and bases and row.cell["variant"]["base"] not in bases:
            return "another model"
        return "baseline" if row.is_baseline else "no baseline"
    found = row.difference.difference
    return f"{100 * found.value:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def _p(row: Row) -> str:
    return "" if row.difference is None else f"{row.difference.p:.2g}"


def refused(refusals: Sequence[Refusal]) -> Iterator[RenderableType]:
    """The variants that were refused as not compatible with the base: a row each, with the first reason."""
    if not refusals:
        return
    yield Text("\nrefused as not compatible with the base, so nothing was asked", style="bold")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("variant", min_width=_NARROWEST_NOTE)
    table.add_column("why", ratio=1, overflow="fold")
    for one in refusals:
        table.add_row(Text(one["label"]), Text(_reason(one["problems"])))
    yield table


def _reason(problems: Sequence[Mapping[str, str]]) -> str:
    """The first problem, and how many more there are."""
    first, more = problems[0], len(problems) - 1
    seen = f": {first['found']} instead of {first['expected']}" if first["expected"] and first["found"] else ""
    return f"{first['what']}{seen}{f' (and {more} more)' if more else ''}"
