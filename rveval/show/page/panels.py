"""What panels of pictures fill into the figure of their kind: by the name of a model, the attributes that are set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rveval.findings import Bars, Choice, Curve, Forest, Heat, Panel, Strip
from rveval.show.page.figures import BETTER, NONE, PAPER, WORSE
from rveval.show.wording import points, visible

_BY_CALL = {"better": BETTER, "worse": WORSE}
_SHAPES = {"better": "circle", "worse": "square", "unclear": "diamond"}
_LABEL, _LONG_LABEL = 24, 28  # characters

Filling = dict[str, dict[str, Any]]


def drawn(choice: Choice) -> list[dict[str, Any]]:
    """The panels of a choice as the page loads them."""
    return [
        {"title": visible(panel.title), "notes": [visible(note) for note in panel.notes], "fill": _filling(panel)}
        for panel in choice.panels
    ]


def _filling(panel: Panel) -> Filling:
    match panel:
        case Curve():
            return _fill_curve(panel)
        case Forest():
            return _fill_forest(panel)
        case Heat():
            return _fill_heat(panel)
        case Bars():
            return _fill_bars(panel)
        case Strip():
            return _fill_strip(panel)


def _fill_curve(panel: Curve) -> Filling:
    values = {name: getattr(panel, name) for name in ("x", "value", "low", "high")}
    shapes = ["circle" if call == "" else _SHAPES.get(call, "circle") for call in panel.call]
    return {
        "figure": {"height": 250},
        "base": {"visible": False} if panel.base is None else {"location": panel.base},
        "points": _data(**values, colour=_colours(panel.call), shape=shapes, hover=_lines(panel.hover)),
        "ticks": {"ticks": list(panel.x[:: math.ceil(len(panel.x) / 6)])},
    }


def _fill_forest(panel: Forest) -> Filling:
    reach, rows, colours = panel.reach * 1.08 or 1, _distinct(panel.rows, _LABEL), _colours(panel.call)
    inside = [colour if call in _SHAPES else PAPER for colour, call in zip(colours, panel.call, strict=True)]
    looks = {"colour": colours, "inside": inside, "shape": [_SHAPES.get(call, "circle") for call in panel.call]}
    values = {name: getattr(panel, name) for name in ("value", "low", "high")}
    return {
        **_rows_filling(rows, panel.axis, -reach, reach),
        "points": _data(row=rows, **values, **looks, hover=_lines(panel.hover)),
    }


def _fill_strip(panel: Strip) -> Filling:
    rows, margin = _distinct(panel.rows, _LABEL), 0.06 * (panel.stop - panel.start) or 1
    (value, low, high), (colour,) = panel.real, _colours([panel.call])
    apart = [(rows[row], 0.09 * (place * 3 % 7 - 3)) for place, row in enumerate(panel.row)]
    looks = {"colour": [colour] * len(rows), "shape": [_SHAPES.get(panel.call, "circle")] * len(rows)}
    return {
        **_rows_filling(rows, panel.axis, panel.start - margin, panel.stop + margin),
        "band": {"left": low, "right": high, "fill_color": colour},
        "real": {"location": value, "line_color": colour},
        "dots": _data(x=panel.value, row=apart, hover=_lines(panel.hover)),
        "points": _data(x=[value] * len(rows), row=rows, **looks, hover=_lines(panel.real_hover)),
    }


def _fill_bars(panel: Bars) -> Filling:
    rows, reach, step = _distinct(panel.rows, _LABEL), panel.reach * 1.08, _round(panel.reach / 2)
    most = panel.reach // step * step
    ticks = list(range(-most, most + 1, step))
    filling = _rows_filling(rows, panel.axis, -reach, reach)
    filling["x_axis"] |= {"major_label_overrides": _map({tick: f"{abs(tick):,}" for tick in ticks})}
    left = [-number for number in panel.left]
    points_ = _data(row=rows, left=left, right=panel.right, hover=_lines(panel.hover))
    return filling | {"ticks": {"ticks": ticks}, "points": points_}


def _fill_heat(panel: Heat) -> Filling:
    rows, columns = _distinct(panel.rows, _LONG_LABEL), _distinct(panel.columns, _LABEL)
    reach = max([*map(abs, panel.value), 1])
    squares = list(zip(panel.value, panel.call, panel.mark, strict=True))
    texts = [f"{'⊘ ' if call == 'edge' else ''}{points(value / 100)} {mark}".rstrip() for value, call, mark in squares]
    signs = [
        "" if call == "edge" else "better" if value > 0 else "worse" if value < 0 else "" for value, call, _ in squares
    ]
    alphas = [0.2 + 0.45 * abs(value) / reach if call in _BY_CALL else 0.06 for value, call, _ in squares]
    return {
        "figure": {
            "height": 70 + 38 * len(rows),
            "min_width": 90 + 62 * len(columns) + 6 * max(map(len, rows), default=0),
        },
        "x_range": {"factors": columns},
        "y_range": {"factors": rows[::-1]},
        "x_axis": {"major_label_orientation": 0.6 if any(len(name) > 11 for name in columns) else "horizontal"},
        "points": _data(
            column=[columns[place] for place in panel.column],
            row=[rows[place] for place in panel.row],
            text=texts,
            colour=_colours(signs),
            alpha=alphas,
            hover=_lines(panel.hover),
        ),
    }


def _rows_filling(rows: Sequence[str], axis: str, start: float, end: float) -> Filling:
    return {
        "figure": {"height": 60 + 30 * len(rows)},
        "x_axis": {"axis_label": _label(axis)},
        "x_range": {"start": start, "end": end},
        "y_range": {"factors": rows[::-1]},
    }


def _data(**columns: Sequence[Any]) -> dict[str, Any]:
    return {"data": _map({name: list(values) for name, values in columns.items()})}


def _map(values: Mapping[Any, Any]) -> dict[str, Any]:
    """A mapping as Bokeh serialises it."""
    return {"type": "map", "entries": [[key, value] for key, value in values.items()]}


def _colours(calls: Sequence[str]) -> list[str]:
    return [_BY_CALL.get(call, NONE) for call in calls]


def _lines(hover: Sequence[Sequence[str]]) -> list[str]:
    return ["\n".join(map(visible, lines)) for lines in hover]


def _distinct(labels: Sequence[str], width: int) -> list[str]:
    """Labels as categories, which have to differ: two that were shortened to the same one get a number."""
    half, short = (width - 1) // 2, dict[str, None]()
    for label in map(_label, labels):
        text = label if len(label) <= width else f"{label[: width - 1 - half]}…{label[-half:]}"
        name, number = text or "(no name)", 1
        while name in short:
            number += 1
            name = f"{text} ({number})"
        short[name] = None
    return list(short)


def _label(text: str) -> str:
    """Bokeh takes text between certain marks for formulas, and would look for a renderer: a label is just a label."""
    for mark in ("$$", "\\(", "\\["):
        text = text.replace(mark, f"{mark[0]}\u200a{mark[1]}")
    return visible(text)


def _round(number: float) -> int:
    """A number of items to count in, no larger than this one: 1, 2 or 5 and zeros."""
    power = 10 ** math.floor(math.log10(max(number, 1)))
    return int(power * (5 if number >= 5 * power else 2 if number >= 2 * power else 1))
