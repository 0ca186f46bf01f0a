"""What stands on a terminal: the tables at the end of a run, refused variants, and the lines of a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from rveval.findings import Column, Report, Study, Table, build, end_table
from rveval.show import wording
from rveval.store import Store

WIDTH = 132
"""Characters of a line where nobody looks at a terminal."""
_GAP = 2
_NARROWEST = 12  # of a column whose text may be broken into lines


def console() -> Console:
    """Standard output; wide enough for the table where nobody looks at a terminal."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=WIDTH)


def end_of_run(store: Store, study: str, fresh: Set[str], width: int = WIDTH) -> Iterator[RenderableType]:
    """The scores of a study, a table a task, and the variants that were refused.

    Args:
        store: where the study is.
        study: its name.
        fresh: ids of the cells that this invocation ran; the others were already complete and say so.
        width: characters of a line.

    Raises:
        Refused: something in the store was damaged.
    """
    entries = store.read_study(study)
    if any(store.has(cell_id) for entry in entries for cell_id in entry["cells"]):
        for table in end_table(build([Study(study, store, entries)]), fresh):
            yield Text(f"\n{wording.visible(table.title)}" if table.title else "", style="bold")
            yield from _drawn(table, width)
            if table.note:
                yield Text(wording.visible(table.note))
    yield from refused(store.refusals(study))


def refused(refusals: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """The variants that were refused as not compatible with the base: a row each, with the first reason.

    Args:
        refusals: as the store holds them.
    """
    if not refusals:
        return
    yield Text("\nrefused as not compatible with the base, so nothing was asked", style="bold")
    table = _empty_table()
    table.add_column("variant", min_width=_NARROWEST)
    table.add_column("why", ratio=1, overflow="fold")
    for refusal in refusals:
        table.add_row(*(Text(wording.visible(text)) for text in (refusal["label"], _reason(refusal["problems"]))))
    yield table


def verdict(report: Report) -> Iterator[str]:
    """The verdict, what else must be known, and what was missing or left out, line by line."""
    yield wording.visible(report.verdict["sentence"])
    for point in report.verdict["points"]:
        yield f"  - {wording.visible(point['text'])}"
    for problem in report.problems:
        about = ": ".join(filter(None, [problem["where"], problem["what"]]))
        yield f"  {problem['kind']}: {wording.visible(about)}"
        if problem["fix"]:
            yield f"    -> {wording.visible(problem['fix'])}"


def _drawn(table: Table, width: int) -> Iterator[RenderableType]:
    """The columns that there is room for: those that may be dropped go first, then texts are broken into lines."""
    columns = [_Column(column, table, place) for place, column in enumerate(table.columns)]
    shown = list(columns)
    for column in sorted((column for column in columns if column.drop), key=lambda column: -column.drop):
        if _needed(shown) <= width:
            break
        shown.remove(column)
    fits = _needed(shown) <= width
    drawn = _empty_table(padding=(0, _GAP - 1, 0, 0))
    for column in shown:
        breaks = column.is_last or not (fits or column.is_number)
        drawn.add_column(
            Text(column.heading),
            justify="right" if column.is_number else "left",
            no_wrap=not breaks,
            min_width=min(column.width, _NARROWEST) if breaks else column.width,
            overflow="fold",
        )
    for texts in zip(*(column.texts for column in shown), strict=True):
        drawn.add_row(*texts)
    yield drawn
    if gone := [column.heading.replace("\n", " ") for column in columns if column not in shown]:
        yield Text(f"no room for: {', '.join(gone)} (a wider terminal, or the output in a file, has them)")


class _Column:
    """A column of a table, written out."""

    def __init__(self, column: Column, table: Table, place: int) -> None:
        values = [row.values[place] for row in table.rows]
        self.heading = wording.visible(f"{column.heading}\n{column.quiet}" if column.quiet else column.heading)
        self.drop = column.drop
        self.is_last = place == len(table.columns) - 1
        self.is_number = any(map(wording.is_number, values))
        self.texts = [Text.assemble(*((t, "bold" if counts else "") for t, counts in wording.parts(v))) for v in values]
        self.width = max(cell_len(text) for text in [*self.heading.split("\n"), *(t.plain for t in self.texts)])


def _needed(columns: Sequence[_Column]) -> int:
    widths = [min(c.width, _NARROWEST) if c.is_last and not c.is_number else c.width for c in columns]
    return sum(widths) + _GAP * len(widths)


def _empty_table(**style: Any) -> RichTable:
    return RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", **style)


def _reason(problems: Sequence[Mapping[str, str]]) -> str:
    """The first problem, and how many more there are."""
    first, more = problems[0], len(problems) - 1
    seen = f": {first['found']} instead of {first['expected']}" if first["expected"] and first["found"] else ""
    return f"{first['what']}{seen}{f' (and {more} more)' if more else ''}"
