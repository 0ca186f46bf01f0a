"""From the entries of studies to a `Grid`: which cells there are, what lines and columns they make, who is whose base.

Two cells of one variant on one task and draw differ in how they were asked; then the variant has a line for each way.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from rveval.errors import Problem, Refused
from rveval.findings import old_records, recipes
from rveval.findings.marks import Keep, Marks, read
from rveval.findings.report import TaskRow, VariantRow
from rveval.findings.study import Cell, Grid, Study
from rveval.findings.ways import asked_as, ways_of
from rveval.store import CellRecord


@dataclass(frozen=True)
class _Listed:
    """A complete cell that a study lists."""

    record: CellRecord
    study: Study
    label: str

    @property
    def repeat(self) -> int:
        """The number of the repeat that it is; 0 for a first run."""
        return int(self.record["settings"].get("repeat") or 0)


KeepOf = Callable[[CellRecord, str], Keep]
"""From a cell and the id of its line to what is done with its texts."""


def lay_out(studies: Sequence[Study], keep: KeepOf | None = None, tick: Callable[[int], None] | None = None) -> Grid:
    """Read all complete cells of the studies and lay them out.

    Args:
        studies: at least one.
        keep: for a cell, what is to be done with its texts.
        tick: told of the items of every cell that was read.

    Raises:
        Refused: nothing to lay out, or damaged cells; all of them are named.
    """
    grid = Grid()
    listed = _complete(studies, grid)
    ways = ways_of([cell.record for cell in listed.values() if not cell.repeat])
    ids = _lines(grid, listed, ways, len(studies) > 1)
    problems: list[Problem] = []
    for cell_id, cell in sorted(listed.items(), key=lambda pair: _reading_order(pair[1], pair[0])):
        line = ids.get((cell.record["variant"]["fingerprint"], ways.get(cell_id, "")), "")
        try:
            marks = _read(cell, keep(cell.record, line) if keep and not cell.repeat else None)
        except Refused as error:
            problems.extend(error.problems)
            continue
        whole = Cell(cell.record, marks, line, ways.get(cell_id, ""))
        if cell.repeat:
            grid.repeats.append(whole)
        else:
            grid.cells[line, cell.record["task"], cell.record["draw"]] = whole
        if tick is not None:
            tick(marks.n)
    if problems:
        raise Refused(problems)
    grid.tasks = _task_rows(list(grid.cells.values()))
    _find_bases(grid)
    return grid


def _read(cell: _Listed, keep: Keep | None) -> Marks:
    record, where = cell.record, f"{cell.label}, {cell.record['task']}"
    samples = cell.study.reader.stream_samples(record["cell_id"])
    marks = read(samples, where, code=old_records.reads_code(record), keep=keep)
    if marks.n != record["n"]:
        what = f"{marks.n} items, and cell.json says {record['n']}"
        raise Refused(Problem(what, where, fix="run this cell again with force=true"))
    return marks


def _complete(studies: Sequence[Study], grid: Grid) -> dict[str, _Listed]:
    """All cells that are there; those that a study lists and the store does not have become problems."""
    listed: dict[str, _Listed] = {}
    problems: list[Problem] = []
    for study in studies:
        for entry in study.entries:
            for cell_id in entry["cells"]:
                if not study.reader.has(cell_id):
                    what = f"the cell {cell_id} is listed and not in the store: it was removed, or never finished"
                    grid.problem("missing", what, f"{study.name}: {entry['label']}", "run the same command again")
                    continue
                try:
                    listed.setdefault(cell_id, _Listed(study.reader.read_cell(cell_id), study, entry["label"]))
                except Refused as error:
                    problems.extend(error.problems)
    if problems:
        raise Refused(problems)
    if not any(not cell.repeat for cell in listed.values()):
        names = ", ".join(study.name for study in studies)
        refused = [row["label"] for study in studies for row in study.reader.refusals(study.name)]
        raise Refused(
            Problem(
                "no complete cell",
                where=f"study {names}",
                expected="a variant that was asked something" if refused else "",
                found=f"{len(refused)} that were refused: {', '.join(refused[:5])}" if refused else "",
                fix="run it first: python -m rveval study=NAME ...",
            )
        )
    return listed


def _lines(grid: Grid, listed: dict[str, _Listed], ways: dict[str, str], several: bool) -> dict[tuple[str, str], str]:
    """Fill `grid.variants`; returns ids by fingerprint and way."""
    firsts: dict[tuple[str, str], _Listed] = {}
    for cell_id, cell in listed.items():
        if cell_id in ways:
            firsts.setdefault((cell.record["variant"]["fingerprint"], ways[cell_id]), cell)
    keys = sorted(firsts, key=lambda key: (*_order(firsts[key]), key))
    labels = _labels(firsts, keys, several)
    ids: dict[tuple[str, str], str] = {}
    for key in keys:
        ids[key] = _id(key[0], ids.values())
        grid.variants.append(_line(ids[key], labels[key], key[1], firsts[key]))
    grid.variants.sort(key=lambda row: (row["model"], row["base"], not row["is_baseline"], *recipes.order(row)))
    return ids


def _order(cell: _Listed) -> tuple[Any, ...]:
    variant = cell.record["variant"]
    return variant["model"], variant["base"], bool(variant["terms"]), variant["vector"], variant["alpha"]


def _reading_order(cell: _Listed, cell_id: str) -> tuple[Any, ...]:
    """The base before its variants, as it gives the prompts of the item files; clean before families."""
    record = cell.record
    return *_order(cell), record["family"] != "clean", record["task"], record["draw"], cell_id


def _labels(
    firsts: dict[tuple[str, str], _Listed], keys: Iterable[tuple[str, str]], several: bool
) -> dict[tuple[str, str], str]:
    """Labels that tell all lines apart: by how they were asked, by study, by fingerprint, in this order."""
    labels = {key: firsts[key].label + (f" ({key[1]})" if key[1] else "") for key in keys}
    for more in ([lambda key: firsts[key].study.name] if several else []) + [lambda key: key[0][:8]]:
        shared = Counter(labels.values())
        labels = {key: f"{text} [{more(key)}]" if shared[text] > 1 else text for key, text in labels.items()}
    return labels


def _id(fingerprint: str, taken: Iterable[str]) -> str:
    """Fit for a file name and for HTML: a letter, then letters and digits."""
    short = "v" + (re.sub(r"[^0-9a-zA-Z]", "", fingerprint)[:10] or "0")
    known, number, name = set(taken), 1, short
    while name in known:
        number += 1
        name = f"{short}x{number}"
    return name


def _line(name: str, label: str, way: str, cell: _Listed) -> VariantRow:
    variant = cell.record["variant"]
    row = {
        "id": name,
        "label": label,
        "alpha": 0.0 if not variant["terms"] else variant["alpha"],
        "fingerprint": variant["fingerprint"],
        "is_baseline": not variant["terms"],
        "baseline": None,
        "model": variant["model"],
        "vector": variant["vector"] if variant["terms"] else "",
        "terms": variant["terms"],
        "base": variant["base"],
        "asked": way,
        "study": cell.study.name,
        "remarks": [],
    }
    return recipes.described(cast(VariantRow, row), variant, cell.label)


def _find_bases(grid: Grid) -> None:
    """Whose baseline is whose, cell by cell: everything but the weights is the same."""
    known = {asked_as(cell.record): key for key, cell in grid.cells.items() if not cell.record["variant"]["terms"]}
    for key, cell in grid.cells.items():
        base = known.get(asked_as(cell.record))
        if base is not None:
            grid.bases[key] = base
    for row in grid.variants:
        if not row["is_baseline"]:
            count = Counter(grid.bases[key][0] for key in grid.cells if key[0] == row["id"] and key in grid.bases)
            row["baseline"] = count.most_common(1)[0][0] if count else None


def _task_rows(cells: Sequence[Cell]) -> list[TaskRow]:
    """All tasks of the cells, and a group wherever two of its tasks were asked: groups first, clean before families."""
    by_task: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_task[cell.record["task"]].append(cell)
    rows = [_task_row(of_task) for of_task in by_task.values()]
    members: dict[str, list[TaskRow]] = defaultdict(list)
    for row in rows:
        if row["group"]:
            members[row["group"]].append(row)
    for group, of_group in members.items():
        if len(of_group) > 1:
            rows.append(_group_row(group, sorted(of_group, key=lambda row: row["task"])))
        else:
            of_group[0]["group"], of_group[0]["shown"] = "", True
    return sorted(rows, key=_task_order)


def _task_row(cells: Sequence[Cell]) -> TaskRow:
    record = cells[0].record
    group = old_records.group_of(record)
    return TaskRow(
        task=record["task"],
        title=_titled(old_records.title_of(record), record["family"]),
        benchmark=record["benchmark"],
        family=record["family"],
        source=old_records.source_of(record),
        group=group,
        members=[],
        shown=not group,
        draws=sorted({cell.record["draw"] for cell in cells}),
        n=max(cell.marks.n for cell in cells),
        remarks=sorted({warning for cell in cells for warning in cell.record["warnings"]}),
        chance=old_records.chance_of(record),
    )


def _group_row(name: str, members: Sequence[TaskRow]) -> TaskRow:
    """A group's guessing level is not that of its members, which may differ: it is taken as 0."""
    first = members[0]
    source = name if first["family"] == "clean" else name.removesuffix(f"_{first['family']}")
    whole = {
        "task": name,
        "title": _titled(source.removeprefix("rv_"), first["family"]),
        "source": source,
        "group": "",
        "members": [row["task"] for row in members],
        "shown": True,
        "draws": sorted({draw for row in members for draw in row["draws"]}),
        "n": sum(row["n"] for row in members),
        "remarks": sorted({remark for row in members for remark in row["remarks"]}),
        "chance": 0.0,
    }
    return cast(TaskRow, {**first, **whole})


def _titled(title: str, family: str) -> str:
    return title if family == "clean" else f"{title}, {family}"


def _task_order(row: TaskRow) -> tuple[bool, bool, str, str, bool, str]:
    foreign = not row["source"].startswith("rv_")
    return foreign, not row["shown"], row["benchmark"], row["source"], row["family"] != "clean", row["family"]
