"""What `describe` prints and draws: formula, compatibility report, the table by layer and kind, the heat map."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from rveval.checkpoints.compatibility import Report, grouped
from rveval.describe.measure import KINDS, Measured, Place, Sums, places, total
from rveval.recipe import Recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 132  # where nobody looks at a terminal
_LEAVE = ("density", "effective rank", "norm")
"""Columns that leave the table first where there is no room, then the cosines; vector.json has them all."""

_MOST_NUMBERS = 320
"""Cells of a picture that still have room for their numbers."""


def console() -> Console:
    """Standard output."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=_WIDTH)


def say(parts: Iterable[RenderableType]) -> None:
    """Print, numbers as plain as words; lines of text are not cut."""
    out = console()
    for part in parts:
        out.print(part, highlight=False, soft_wrap=isinstance(part, Text))


def head(recipe: Recipe, fingerprint: str = "") -> Iterator[RenderableType]:
    """The formula in one line, and what each part of it is."""
    yield Text(f"{recipe.label}   (fingerprint {fingerprint[:12]})" if fingerprint else recipe.label, style="bold")
    yield Text(f"  {recipe.formula}")
    yield _grid(recipe.explained)


def _grid(lines: Mapping[str, str], style: str = "") -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, words in lines.items():
        grid.add_row(Text(f"  {name}", style=style), Text(words, style=style))
    return grid


def fits(report: Report) -> Iterator[RenderableType]:
    """The compatibility report of donors that may be added."""
    words = "forced: donors that do not fit are added as far as they do" if report.forced else "the donors fit the base"
    yield Text(f"\ncompatibility: {words}", style="bold red" if report.forced else "bold")
    for warning in report.warnings:
        yield Text("  warning: " + str(warning).replace("\n", "\n    "))
    if report.left_out:
        yield Text(f"  not touched: {len(report.left_out)} tensors: {grouped(report.left_out)}")
    for where, names in report.zero.items():
        yield Text(f"  zero in {where}: {len(names)} tensors: {grouped(names)}")


def refused(count: int) -> Text:
    """That donors do not fit; the problems themselves are the error's words."""
    problems = "1 problem" if count == 1 else f"{count} problems"
    return Text(f"\ncompatibility: refused, {problems}; nothing was measured or written", style="bold red")


def by_layer(
    tensors: Sequence[Measured], recipe: Recipe, compared: Mapping[str, str], ranks: bool, width: int
) -> Iterator[RenderableType]:
    """A row for each layer and kind, then the kinds and the total, as many columns as there is room for, and a legend.

    Args:
        tensors: in scope.
        recipe: the variant.
        compared: what the cosines are with, by name, in words.
        ranks: whether effective ranks were asked for.
        width: of the terminal.
    """
    legend = {
        "norm, relative": "of alpha * v (v after scope and transforms); over the norm of the base's weights",
        **{f"cos {name}": f"of v with {words}" for name, words in compared.items()},
        "density": "share of entries of v that are not zero",
        "changed": f"share of entries whose {recipe.dtype} value differs from the base's",
    }
    legend |= {"effective rank": "(sum s^2)^2 / sum s^4 over singular values; ± is a standard error"} if ranks else {}
    rows = {place: _texts(sums, recipe.alpha, compared, ranks) for place, sums in places(tensors).items()}
    kinds = {kind: total(one for one in tensors if one.kind == kind) for kind in KINDS}
    rows |= {("all", k): _texts(sums, recipe.alpha, compared, ranks) for k, sums in kinds.items() if sums.tensors}
    rows["all", "all"] = _texts(total(tensors), recipe.alpha, compared, ranks)
    gone: list[str] = []
    for heading in (*_LEAVE, *(f"cos {name}" for name in compared), ""):
        table = _table(rows, gone)
        if Measurement.get(Console(width=1000), Console(width=1000).options, table).maximum <= width:
            break
        gone.append(heading)
    yield Text("\nwhat is added, by layer and kind", style="bold")
    yield table
    if gone:
        yield Text(f"no room for: {', '.join(filter(None, gone))} (vector.json has them)")
    yield _grid(legend, "dim")


def _texts(sums: Sums, alpha: float, compared: Mapping[str, str], ranks: bool) -> dict[str, str]:
    """A row's texts by heading."""
    cosines: Sequence[float | None] = sums.cosines or [None] * len(compared)
    texts = {"norm": short(sums.norm(alpha)), "relative": percent(sums.relative(alpha))}
    for name, value in zip(compared, cosines, strict=True):
        texts[f"cos {name}"] = "-" if value is None else f"{value:+.3f}"
    texts |= {"density": percent(sums.density), "changed": percent(sums.changed_share)}
    if ranks:
        error = f" ±{short(sums.effective_rank_error or 0)}" if sums.variance else ""
        rank = sums.effective_rank
        texts["effective rank"] = "-" if rank is None else f"{short(rank)}{error} of {sums.full_rank}"
    return texts


def _table(rows: Mapping[Place, Mapping[str, str]], gone: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    headings = [heading for heading in rows["all", "all"] if heading not in gone]
    for heading in ("layer", "kind", *(heading.replace(" ", "\n", 1) for heading in headings)):
        table.add_column(heading, justify="left" if heading in ("layer", "kind") else "right", no_wrap=True)
    places_ = list(rows)
    for number, ((row, kind), texts) in enumerate(rows.items(), start=1):
        last = number < len(rows) and places_[number][0] == "all" != row
        style = "bold" if (row, kind) == ("all", "all") else ""
        table.add_row(row, kind, *(texts[heading] for heading in headings), end_section=last, style=style)
    return table


def percent(share: float | None) -> str:
    """A share in percent with three digits."""
    return "-" if share is None else f"{short(100 * share)}%"


def short(value: float) -> str:
    """Three digits.

    >>> short(0.01234), short(1.2), short(12.34), short(0), short(100), short(12345.6), short(0.0000123)
    ('0.0123', '1.20', '12.3', '0', '100', '12346', '1.2e-05')
    """
    if value == 0 or abs(value) >= 1000:
        return f"{value:.0f}"
    text = f"{value:#.3g}".removesuffix(".")
    return text if "e" not in text else f"{value:.1e}"


def draw(title: str, cells: Mapping[Place, Sums], alpha: float, formats: Sequence[str]) -> dict[str, bytes]:
    """The heat map in each of these formats: layers by kinds, how large what is added is, how much of it counts.

    The same cells give the same bytes of SVG.

    Args:
        title: above both panels.
        cells: sums by row and kind, in order; at least one.
        alpha: the scaling coefficient.
        formats: `png`, `svg`.
    """
    from textwrap import fill

    import matplotlib
    from matplotlib.figure import Figure

    rows = list(dict.fromkeys(row for row, _ in cells))
    kinds = [kind for kind in KINDS if any(kind == of for _, of in cells)]
    width = max(2 * (1.8 + 0.85 * len(kinds)), 5.0)
    words = fill(title, max(30, int(width * 9)))
    pictures = {}
    with matplotlib.rc_context({"svg.hashsalt": "rveval", "font.size": 10}):
        figure = Figure(figsize=(width, 1.6 + 0.3 * len(rows) + 0.2 * words.count("\n")), layout="constrained")
        figure.suptitle(words, fontsize=12, fontweight="bold")
        relative = {place: sums.relative(alpha) for place, sums in cells.items()}
        changed = {place: sums.changed_share for place, sums in cells.items()}
        _panel(figure, 1, "norm of what is added / norm of the weights, %", relative, rows, kinds)
        _panel(figure, 2, "entries whose served value changes, %", changed, rows, kinds)
        for name in formats:
            stream = io.BytesIO()
            metadata: dict[str, Any] = {"Date": None} if name == "svg" else {"Software": None}
            figure.savefig(stream, format=name, dpi=150, metadata=metadata)
            pictures[name] = stream.getvalue()
    return pictures


def _panel(
    figure: Figure,
    number: int,
    name: str,
    shares: Mapping[Place, float | None],
    rows: Sequence[str],
    kinds: Sequence[str],
) -> None:
    import numpy as np

    grid = np.full((len(rows), len(kinds)), np.nan)
    for (row, kind), share in shares.items():
        if share is not None:
            grid[rows.index(row), kinds.index(kind)] = 100 * share
    largest = float(np.nanmax(grid)) if np.isfinite(grid).any() else 0.0
    axes = figure.add_subplot(1, 2, number)
    axes.set_facecolor("0.93")
    # cividis is the same to readers with and without colour vision deficiency (Nuñez et al. 2018, PLoS ONE 13).
    image = axes.imshow(grid, cmap="cividis", vmin=0.0, vmax=largest or 1.0, aspect="auto", interpolation="nearest")
    axes.set_title(name, fontsize=10)
    axes.set_xticks(range(len(kinds)), kinds, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), [f"layer {row}" if row.isdigit() else row for row in rows])
    axes.tick_params(which="both", length=0)
    figure.colorbar(image, ax=axes, fraction=0.06, pad=0.02)
    if grid.size > _MOST_NUMBERS:
        return
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            colour = "black" if value > 0.55 * (largest or 1.0) else "white"
            axes.text(column, row, short(float(value)), ha="center", va="center", fontsize=8, color=colour)
