"""What `describe` prints: the formula, the compatibility report, what is added by layer and kind, totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rveval.checkpoints import compatibility
from rveval.checkpoints.compatibility import Report
from rveval.describe.formula import Formula
from rveval.describe.picture import short
from rveval.describe.sums import KINDS, Measured, Place, Sums, grouped, places, total
from rveval.errors import Problem
from rveval.show.table import console

_GAP = 2
_NONE = "-"


@dataclass(frozen=True)
class Shown:
    """How numbers are read off sums.

    Args:
        alpha: the scaling coefficient.
        donors: the names of what cosines are with, in the order of the sums.
        ranks: whether effective ranks were asked for.
    """

    alpha: float
    donors: tuple[str, ...]
    ranks: bool


@dataclass(frozen=True)
class _Column:
    heading: str
    text: Callable[[Sums], str]
    leaves: int = 0  # its place in the order of leaving where there is no room; 0 stays


def say(lines: Iterable[RenderableType]) -> None:
    """Print, numbers as plain as words."""
    out = console()
    for one in lines:
        out.print(one, highlight=False)


def head(label: str, fingerprint: str, formula: Formula) -> Iterator[RenderableType]:
    """The formula: one line of symbols, and what each part of it is."""
    yield Text(f"{label}   (fingerprint {fingerprint[:12]})" if fingerprint else label, style="bold")
    yield Text(f"  {formula.symbols}")
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, words in formula.lines:
        grid.add_row(Text(f"  {name}"), Text(words))
    yield grid


def fits(report: Report) -> Iterator[RenderableType]:
    """The compatibility report of donors that may be added."""
    words = "forced: donors that do not fit are added as far as they do" if report.forced else "the donors fit the base"
    yield Text(f"\ncompatibility: {words}", style="bold red" if report.forced else "bold")
    for warning in report.warnings:
        yield Text(f"  warning: {_indented(warning)}")
    if report.left_out:
        yield Text(f"  not touched: {len(report.left_out)} tensors: {compatibility.grouped(report.left_out)}")
    for where, names in report.zero.items():
        yield Text(f"  zero in {where}: {len(names)} tensors: {compatibility.grouped(names)}")


def refused(problems: Sequence[Problem]) -> Iterator[RenderableType]:
    """That donors do not fit; the problems themselves are the error's words."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    yield Text(f"\ncompatibility: refused, {count}; nothing was measured or written", style="bold red")


def _indented(problem: Problem) -> str:
    return str(problem).replace("\n", "\n    ")


def by_layer(tensors: Sequence[Measured], shown: Shown, width: int) -> Iterator[RenderableType]:
    """A row for each layer and kind, then the kinds and the total."""
    cells = places(tensors)
    rows = [(row, kind, sums) for (row, kind), sums in cells.items()]
    kinds = grouped(sorted(tensors, key=lambda one: KINDS.index(one.kind)), lambda one: one.kind)
    columns, gone = _fitting(_columns(shown), rows, width)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    table.add_column("layer", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True)
    for number, (row, kind, sums) in enumerate(rows):
        last = number + 1 == len(rows)
        table.add_row(row, kind, *(column.text(sums) for column in columns), end_section=last)
    for kind, sums in kinds.items():
        table.add_row("all", kind, *(column.text(sums) for column in columns))
    table.add_row("all", "all", *(column.text(total(tensors)) for column in columns), style="bold")
    yield Text("\nwhat is added, by layer and kind", style="bold")
    yield table
    if gone:
        yield Text(f"no room for: {', '.join(gone)} (vector.json has them)")


def _columns(shown: Shown) -> list[_Column]:
    columns = [
        _Column("norm", lambda sums: short(sums.norm(shown.alpha)), leaves=3),
        _Column("relative", lambda sums: percent(sums.relative(shown.alpha))),
    ]
    for number, name in enumerate(shown.donors):
        columns.append(_Column(f"cos\n{name}", _cosine(number), leaves=4 + number))
    columns += [
        _Column("density", lambda sums: percent(sums.density), leaves=1),
        _Column("changed", lambda sums: percent(sums.changed_share)),
    ]
    if shown.ranks:
        columns.append(_Column("effective\nrank", rank, leaves=2))
    return columns


def _cosine(number: int) -> Callable[[Sums], str]:
    def text(sums: Sums) -> str:
        value = sums.cosines[number] if sums.cosines else None
        return _NONE if value is None else f"{value:+.3f}"

    return text


def rank(sums: Sums) -> str:
    """`37.2 of 64`, and the standard error where it is an estimate."""
    if sums.effective_rank is None:
        return _NONE
    error = f" ±{short(sums.effective_rank_error or 0)}" if sums.variance else ""
    return f"{short(sums.effective_rank)}{error} of {sums.full_rank}"


def percent(share: float | None) -> str:
    """A share in percent with three digits."""
    return _NONE if share is None else f"{short(100 * share)}%"


def _fitting(
    columns: list[_Column], rows: Iterable[tuple[str, str, Sums]], width: int
) -> tuple[list[_Column], list[str]]:
    """The columns that there is room for, and the headings of the others."""
    rows = list(rows)
    lead = max(map(len, ["layer", *(row for row, _, _ in rows)])) + max(map(len, ["kind", *(k for _, k, _ in rows)]))
    whole = sum((sums for _, _, sums in rows), Sums())

    def needed(some: Iterable[_Column]) -> int:
        texts = ([*one.heading.split("\n"), one.text(whole), *(one.text(sums) for _, _, sums in rows)] for one in some)
        return lead + 2 * _GAP + sum(max(map(cell_len, column)) + _GAP for column in texts)

    shown, gone = list(columns), []
    for column in sorted((column for column in columns if column.leaves), key=lambda column: column.leaves):
        if needed(shown) <= width:
            break
        shown.remove(column)
        gone.append(column.heading.replace("\n", " "))
    return shown, gone


def overview(tensors: Sequence[Measured], shown: Shown, width: int) -> Iterator[RenderableType]:
    """Layers by kinds: the norm of what is added and, in percent, how large it is beside the weights."""
    cells = places(tensors)
    kinds = [kind for kind in KINDS if any(kind == of for _, of in cells)]
    rows = list(dict.fromkeys(row for row, _ in cells))
    # The number that matters most: where both do not fit, the relative one stays.
    both = {
        place: f"{short(sums.norm(shown.alpha))} {percent(sums.relative(shown.alpha)):>7}"
        for place, sums in cells.items()
    }
    alone = {place: percent(sums.relative(shown.alpha)) for place, sums in cells.items()}
    texts = both if _grid_width(both, rows, kinds) <= width else alone
    gone = []
    while len(kinds) > 1 and _grid_width(texts, rows, kinds) > width:
        gone.append(kinds.pop())
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    table.add_column("layer", no_wrap=True)
    for kind in kinds:
        table.add_column(kind, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row, *(texts.get((row, kind), "") for kind in kinds))
    words = (
        "norm of alpha * v, and relative to the weights" if texts is both else "norm of alpha * v / norm of the weights"
    )
    yield Text(f"\n{words}", style="bold")
    yield table
    if gone:
        yield Text(f"no room for: {', '.join(gone)} (below)")


def _grid_width(texts: Mapping[Place, str], rows: Sequence[str], kinds: Sequence[str]) -> int:
    widths = [max(map(cell_len, [kind, *(texts.get((row, kind), "") for row in rows)])) for kind in kinds]
    return max(map(len, rows)) + _GAP + sum(width + _GAP for width in widths)


def legend(shown: Shown, dtype: str, compared: Mapping[str, str]) -> Iterator[RenderableType]:
    """What the columns mean."""
    lines = {
        "norm, relative": "of alpha * v (v after scope and transforms); over the norm of the base's weights",
        **{f"cos {name}": f"of v with {words}" for name, words in compared.items()},
        "density": "share of entries of v that are not zero",
        "changed": f"share of entries whose {dtype} value differs from the base's",
    }
    if shown.ranks:
        lines["effective rank"] = "(sum s^2)^2 / sum s^4 over singular values; ± is a standard error"
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, words in lines.items():
        grid.add_row(Text(f"  {name}", style="dim"), Text(words, style="dim"))
    yield grid
