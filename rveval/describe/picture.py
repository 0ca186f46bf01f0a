"""The heat map: layers by kinds, how large what is added is beside the weights, and how many entries really change."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rveval.describe.sums import KINDS, Place, Sums

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_COLOURS = "cividis"  # the same to readers with and without colour vision deficiency (Nuñez et al. 2018, PLoS ONE 13)
_NOT_THERE = "0.93"
_MOST_NUMBERS = 320
"""Cells of a panel that still have room for their numbers."""

Panel = tuple[str, Callable[[Sums], float | None]]
"""Its title, and the number of a cell, in percent or bare; None leaves it empty."""


def draw(title: str, cells: Mapping[Place, Sums], panels: Sequence[Panel], formats: Sequence[str]) -> dict[str, bytes]:
    """The picture in each of these formats; the same cells give the same bytes of SVG.

    Args:
        title: above all panels.
        cells: sums by row and kind, in order; at least one.
        panels: side by side.
        formats: `png`, `svg`.
    """
    import matplotlib

    found = {}
    with matplotlib.rc_context({"svg.hashsalt": "rveval", "font.size": 10}):
        figure = _figure(title, cells, panels)
        for name in formats:
            stream = io.BytesIO()
            metadata: dict[str, Any] = {"Date": None} if name == "svg" else {"Software": None}
            figure.savefig(stream, format=name, dpi=150, metadata=metadata)
            found[name] = stream.getvalue()
    return found


def _figure(title: str, cells: Mapping[Place, Sums], panels: Sequence[Panel]) -> Figure:
    from textwrap import fill

    from matplotlib.figure import Figure

    rows = list(dict.fromkeys(row for row, _ in cells))
    kinds = [kind for kind in KINDS if any(kind == of for _, of in cells)]
    width = len(panels) * (1.8 + 0.85 * len(kinds))
    words = fill(title, max(30, int(width * 9)))
    figure = Figure(figsize=(max(width, 5.0), 1.6 + 0.3 * len(rows) + 0.2 * words.count("\n")), layout="constrained")
    figure.suptitle(words, fontsize=12, fontweight="bold")
    for number, (name, value) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), number + 1)
        _panel(figure, axes, name, _grid(cells, rows, kinds, value), rows, kinds)
    return figure


def _grid(
    cells: Mapping[Place, Sums], rows: Sequence[str], kinds: Sequence[str], value: Callable[[Sums], float | None]
) -> NDArray[np.float64]:
    import numpy as np

    grid = np.full((len(rows), len(kinds)), np.nan)
    for (row, kind), sums in cells.items():
        known = value(sums)
        if known is not None:
            grid[rows.index(row), kinds.index(kind)] = known
    return grid


def _panel(
    figure: Figure, axes: Axes, name: str, grid: NDArray[np.float64], rows: Sequence[str], kinds: Sequence[str]
) -> None:
    import numpy as np

    largest = float(np.nanmax(grid)) if np.isfinite(grid).any() else 0.0
    axes.set_facecolor(_NOT_THERE)
    image = axes.imshow(grid, cmap=_COLOURS, vmin=0.0, vmax=largest or 1.0, aspect="auto", interpolation="nearest")
    axes.set_title(name, fontsize=10)
    axes.set_xticks(range(len(kinds)), kinds, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), [f"layer {row}" if row.isdigit() else row for row in rows])
    axes.set_xticks(np.arange(len(kinds) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.colorbar(image, ax=axes, fraction=0.06, pad=0.02)
    if grid.size > _MOST_NUMBERS:
        return
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            colour = "black" if value > 0.55 * (largest or 1.0) else "white"
            axes.text(column, row, short(float(value)), ha="center", va="center", fontsize=8, color=colour)


def short(value: float) -> str:
    """Three digits: 0.0123, 1.20, 12.3, 100.

    >>> short(0.01234), short(1.2), short(12.34), short(0), short(100), short(12345.6), short(0.0000123)
    ('0.0123', '1.20', '12.3', '0', '100', '12346', '1.2e-05')
    """
    if value == 0 or abs(value) >= 1000:
        return f"{value:.0f}"
    text = f"{value:#.3g}".removesuffix(".")
    return text if "e" not in text else f"{value:.1e}"
