"""Lines that differ in one thing only: a number of a transform, the layers, the kinds of tensors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rveval.findings import recipes
from rveval.findings.board import Board
from rveval.findings.typed import Comparison, Sweep, SweepPoint, VariantRow

_FEWEST = 2


@dataclass
class _Found:
    """A sweep's lines: (where it stands, its value in words, the line)."""

    by: str
    step: str
    points: list[tuple[Any, str, VariantRow]] = field(default_factory=list)


def sweeps(board: Board, compared: Sequence[Comparison]) -> list[Sweep]:
    """Every set of lines that differ in one thing only, on every task that two of them or more were compared on.

    A seed is no such thing: lines of other seeds are other sweeps. Null controls are none either: they have their own
    table.
    """
    differences = {(row["variant"], row["task"]): row for row in compared}
    rows = []
    for one in _found(board):
        first = one.points[0][2]
        for task in board.tasks:
            known = [
                (value, differences[line["id"], task["task"]])
                for _, value, line in one.points
                if (line["id"], task["task"]) in differences
            ]
            if len(known) >= _FEWEST:
                rows.append(
                    Sweep(
                        by=one.by,
                        step=one.step,
                        model=first["model"],
                        vector=_shared(one),
                        alpha=first["alpha"],
                        task=task["task"],
                        benchmark=task["benchmark"],
                        family=task["family"],
                        points=[_point(value, row) for value, row in known],
                    )
                )
    return rows


def _point(value: str, row: Comparison) -> SweepPoint:
    return SweepPoint(value=value, variant=row["variant"], difference=row["difference"], call=row["call"])


def _found(board: Board) -> Iterator[_Found]:
    """The sweeps, their points in order."""
    groups: dict[tuple[str, str, str], _Found] = defaultdict(lambda: _Found("", ""))
    for row in board.variants:
        if not row["is_baseline"] and not row["null"]:
            for by, step, key, where, value in _axes(row):
                group = groups[by, step, key]
                group.by, group.step = by, step
                group.points.append((where, value, row))
    for group in groups.values():
        group.points.sort(key=lambda point: point[0])
        if len({value for _, value, _ in group.points}) >= _FEWEST:
            yield group


def _axes(row: VariantRow) -> Iterator[tuple[str, str, str, Any, str]]:
    """All that a line may be one point of: by what, of which step, the rest as a key, its place, its value in words."""
    for at, step in enumerate(row["steps"]):
        for name in recipes.PARAMETERS:
            if name in step:
                rest = [*row["steps"][:at], {**step, name: "*"}, *row["steps"][at + 1 :]]
                yield name, step["name"], recipes.same(row, steps=rest), step[name], f"{step[name]:g}"
    start, stop = row["layers"] or (1 << 30, 0)  # all layers stand last
    words = recipes.layers(row["layers"]) if row["layers"] else "all layers"
    yield "layers", "", recipes.same(row, layers="*"), (start, stop), words
    words = " + ".join(row["kinds"]) or "all kinds"
    yield "kinds", "", recipes.same(row, kinds="*"), (not row["kinds"], len(row["kinds"]), row["kinds"]), words


def _shared(found: _Found) -> str:
    """The vector, and what all its lines have made of it."""
    every = [row["about"].split("; ") if row["about"] else [] for _, _, row in found.points]
    shared = [part for part in every[0] if all(part in parts for parts in every)]
    vector = found.points[0][2]["vector"]
    return f"{vector} [{'; '.join(shared)}]" if shared else vector
