"""The figures of the page, declared in Bokeh: a curve, a forest of intervals, a heat map, bars, strips of dots.

Each kind is one figure, serialised once: a figure costs Bokeh a tenth of a second, and a large study has a thousand
panels. What differs between panels (data, ranges, labels) is given by the name of the model it belongs to (`panels`),
and the page puts it there before it embeds the figure.

Colours are names of the page's styles here, so that one figure serves the light and the dark theme: Bokeh only takes
colours, so each name has one of its own that stands nowhere else, and the page puts the theme's in its place. The
lines that the pointer shows are a column of the data, `hover`; the page shows them in a box of its own, as text.
"""

from __future__ import annotations

from typing import Any

_STYLES = ("--plot-better", "--plot-worse", "--plot-none", "--ink", "--quiet", "--line", "--paper")
BETTER, WORSE, NONE, INK, QUIET, LINE, PAPER = (f"#00000{place + 1}" for place in range(len(_STYLES)))
COLOURS = dict(zip((BETTER, WORSE, NONE, INK, QUIET, LINE, PAPER), _STYLES, strict=True))
"""By the colour that stands for it here: a name in the page's styles."""

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"


def figures() -> dict[str, Any]:
    """By the kind of a picture: its figure, as Bokeh embeds it."""
    from bokeh.embed import json_item

    makers = {"curve": _curve, "forest": _forest, "heat": _heat, "bars": _bars, "strip": _strip}
    return {kind: json_item(make()) for kind, make in makers.items()}


def _curve() -> Any:
    """Accuracy over alpha: a line, its interval as a band, a mark a point."""
    plot = _figure(x_axis_label="alpha", y_axis_label="% right")
    _line_at(plot, "base", "width", line_color=NONE, line_dash="dashed")
    source = _source("points", "x", "value", "low", "high", "colour", "shape", "hover")
    plot.varea("x", "low", "high", source=source, fill_color=BETTER, fill_alpha=0.16)
    plot.segment("x", "low", "x", "high", source=source, line_color="colour", line_width=1.5)
    plot.line("x", "value", source=source, line_color=BETTER, line_width=2)
    marks: dict[str, Any] = {"size": 10, "marker": "shape", "fill_color": "colour", "line_color": PAPER}
    _hover(plot, plot.scatter("x", "value", source=source, line_width=1.5, **marks))
    plot.xaxis.ticker = _ticker()
    plot.xgrid.visible = False
    plot.yaxis.axis_line_color = None
    return plot


def _forest() -> Any:
    """Intervals, a line each."""
    plot = _rows_figure()
    source = _source("points", "row", "value", "low", "high", "colour", "inside", "shape", "hover")
    plot.segment("low", "row", "high", "row", source=source, line_color="colour", line_width=2.5)
    marks: dict[str, Any] = {"size": 11, "marker": "shape", "fill_color": "inside", "line_color": "colour"}
    _hover(plot, plot.scatter("value", "row", source=source, line_width=2, **marks))
    return plot


def _strip() -> Any:
    """One number with its interval, large, over small dots."""
    from bokeh.models.annotations import BoxAnnotation

    plot = _rows_figure()
    band: dict[str, Any] = {"fill_alpha": 0.14, "line_color": None, "level": "underlay"}
    plot.add_layout(BoxAnnotation(name="band", left=0, right=0, **band))
    _line_at(plot, "real", "height", line_width=2)
    dots, large = _source("dots", "x", "row", "hover"), _source("points", "x", "row", "colour", "shape", "hover")
    small: dict[str, Any] = {"size": 7, "fill_color": PAPER, "fill_alpha": 0.6, "line_color": NONE}
    marks: dict[str, Any] = {"size": 12, "marker": "shape", "fill_color": "colour", "line_color": PAPER}
    _hover(
        plot,
        plot.scatter("x", "row", source=dots, line_width=1.5, **small),
        plot.scatter("x", "row", source=large, line_width=1.5, **marks),
    )
    return plot


def _bars() -> Any:
    """Two counts a line, right and left of zero."""
    plot = _rows_figure()
    source = _source("points", "row", "left", "right", "hover")
    hatch: dict[str, Any] = {"hatch_pattern": "right_diagonal_line", "hatch_color": PAPER, "hatch_alpha": 0.5}
    _hover(
        plot,
        plot.hbar("row", 0.55, "right", 0, source=source, fill_color=BETTER, line_color=None),
        plot.hbar("row", 0.55, 0, "left", source=source, fill_color=WORSE, line_color=None, **hatch),
    )
    plot.xaxis.ticker = plot.xgrid.ticker = _ticker()
    return plot


def _heat() -> Any:
    """Changes, a square each; pale where they can't be told from none."""
    from bokeh.models import FactorRange

    ranges = {name: FactorRange(name=name, factors=[]) for name in ("x_range", "y_range")}
    plot = _figure(x_axis_location="above", **ranges)
    source = _source("points", "column", "row", "text", "colour", "alpha", "hover")
    fill: dict[str, Any] = {"fill_color": "colour", "fill_alpha": "alpha", "line_color": None}
    _hover(plot, plot.rect("column", "row", 0.96, 0.9, source=source, **fill))
    font: dict[str, Any] = {"text_font": {"value": _FONT}, "text_font_size": "13px", "text_color": INK}
    plot.text("column", "row", "text", source=source, text_align="center", text_baseline="middle", **font)
    plot.grid.visible = False
    plot.axis.axis_line_color = None
    return plot


def _figure(**options: Any) -> Any:
    """A figure in the look of the page."""
    from bokeh.plotting import figure

    frame: dict[str, Any] = {"background_fill_color": None, "border_fill_color": None, "outline_line_color": None}
    size: dict[str, Any] = {"sizing_mode": "stretch_width", "min_border": 0, "min_border_right": 12}
    plot = figure(name="figure", tools="", toolbar_location=None, **frame, **size, **options)
    plot.axis.axis_label_text_font = plot.axis.major_label_text_font = _FONT
    plot.axis.axis_label_text_font_size = plot.axis.major_label_text_font_size = "12px"
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.axis_label_text_color, plot.axis.major_label_text_color = QUIET, INK
    plot.axis.minor_tick_line_color = plot.axis.major_tick_line_color = None
    plot.axis.axis_line_color = plot.grid.grid_line_color = LINE
    plot.xaxis.name = "x_axis"
    return plot


def _rows_figure() -> Any:
    """A figure with a line a label, around a line at zero."""
    from bokeh.models import FactorRange, Range1d

    plot = _figure(x_range=Range1d(name="x_range"), y_range=FactorRange(name="y_range", factors=[]))
    _line_at(plot, "zero", "height", line_color=QUIET)
    plot.ygrid.visible = False
    plot.yaxis.axis_line_color = None
    return plot


def _line_at(plot: Any, name: str, dimension: Any, **look: Any) -> None:
    from bokeh.models.annotations import Span

    plot.add_layout(Span(name=name, location=0, dimension=dimension, level="underlay", **look))


def _source(name: str, *columns: str) -> Any:
    from bokeh.models import ColumnDataSource

    return ColumnDataSource({column: [] for column in columns}, name=name)


def _ticker() -> Any:
    from bokeh.models import FixedTicker

    return FixedTicker(name="ticks", ticks=[])


def _hover(plot: Any, *renderers: Any) -> None:
    from bokeh.models import HoverTool

    for renderer in renderers:
        plot.add_tools(HoverTool(renderers=[renderer], tooltips=None))
