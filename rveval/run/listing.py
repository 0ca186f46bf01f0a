"""What a dry run shows: the cells of a plan, and which of them the store has."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from rveval.run.cells import Cell, Plan


def _draw(cell: Cell) -> str:
    return f"{cell.asked.draw} again" if cell.asked.repeat else str(cell.asked.draw)


def plan(found: Plan) -> Table:
    """The cells of a plan: what would run, and what is done."""
    title = Text(f"{found.label}   (fingerprint {found.recipe.fingerprint[:12]})")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, header_style="bold")
    for name in ("task", "family", "draw", "items", "cell", "state"):
        table.add_column(name, no_wrap=True)
    for cell in found.cells:
        state = "left" if cell in found.left else "done"
        table.add_row(cell.task, cell.asked.families, _draw(cell), str(cell.n_items), cell.cell_id, state)
    return table
