"""The table at the end of a run, and the plan of a dry run: what people read first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from rveval.cells import Plan
from rveval.stats import Interval
from rveval.summary import Row

_WIDTH = 132


def console() -> Console:
    """Standard output; wide enough for the table where nobody looks at a terminal."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=_WIDTH)


def comparison(rows: Sequence[Row], fresh: set[str]) -> Table:
    """The cells of a study as a table.

    Args:
        rows: from `summary.compare`.
        fresh: ids of the cells that this invocation ran; the others were already complete and say so.
    """
    tasks = {row.cell["task"] for row in rows}
    table = Table(title=f"{tasks.pop()}" if len(tasks) == 1 else None, header_style="bold")
    table.add_column("variant", no_wrap=True)
    if tasks:
        table.add_column("task", no_wrap=True)
    for name in ("n", "accuracy [95%]", "strict", "to alpha=0 [95%]", "p", "no answer", "cut off", "swap s", "gen s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("note", overflow="fold")
    for row in rows:
        table.add_row(row.label, *([row.cell["task"]] if tasks else []), *_cells(row, fresh))
    return table


def _cells(row: Row, fresh: set[str]) -> list[str]:
    cell, metrics, timings = row.cell, row.cell["metrics"], row.cell["timings"]
    return [
        str(cell["n"]),
        _percent(row.accuracy),
        f"{100 * row.strict.value:.1f}%",
        _difference(row),
        _p(row),
        f"{100 * metrics['extraction_failed']:.1f}%",
        f"{100 * metrics['truncated']:.1f}%",
        f"{timings['swap_s']:.2f}",
        f"{timings['generate_s']:.2f}",
        "; ".join(_notes(row, fresh)),
    ]


def _notes(row: Row, fresh: set[str]) -> Iterable[str]:
    if row.cell["cell_id"] not in fresh:
        yield "kept"
    if row.cell["engine"]["swap"] == "fresh" and row.cell["engine"]["kind"] == "vllm":
        yield "fresh start"
    for sign in ("nonfinite_logprob", "empty", "repetition"):
        if count := row.cell["health"].get(sign, 0):
            yield f"{count} {sign.replace('_', ' ')}"


def _percent(interval: Interval) -> str:
    return f"{100 * interval.value:.1f}% [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _difference(row: Row) -> str:
    if row.difference is None:
        return "baseline" if row.is_baseline else "no baseline"
    found = row.difference.difference
    return f"{100 * found.value:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def _p(row: Row) -> str:
    return "" if row.difference is None else f"{row.difference.p:.2g}"


def plan(found: Plan) -> Table:
    """The cells of a plan: what would run, and what is done."""
    table = Table(title=f"{found.label}   (fingerprint {found.recipe.fingerprint[:12]})", header_style="bold")
    for name in ("task", "family", "draw", "items", "cell", "state"):
        table.add_column(name, no_wrap=True)
    for cell in found.cells:
        state = "left" if cell in found.left else "done"
        table.add_row(cell.task, cell.family, str(cell.draw), str(cell.n_items), cell.cell_id, state)
    return table
