"""From the entries of studies to a `Grid`: which cells there are, what lines and columns they make, who is whose base.

Two cells of one variant on one task and draw differ in how they were asked; then the variant has a line for each way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from rveval.errors import Problem, Refused
from rveval.findings import old_records
from rveval.findings.analysis import grouped
from rveval.findings.marks import Marks, read
from rveval.findings.report import TaskRow, VariantRow
from rveval.findings.study import Cell, Grid, Study
from rveval.findings.ways import asked_as, ways_of
from rveval.recipe import Recipe
from rveval.store import CellRecord, Sample

LineKey = tuple[str, str]
"""What makes a line: a fingerprint, and the way in which it was asked."""
Keep = Callable[[CellRecord, str, Iterable[Sample]], Iterator[Sample]]
"""From a cell, the id of its line and its samples to the same samples, whose texts are kept as they go by."""


@dataclass(frozen=True)
class _Listed:
    """A complete cell that a study lists; `repeat` is the number of its repeat, 0 for a first run."""

    record: CellRecord
    study: Study
    label: str
    repeat: int

    @property
    def order(self) -> tuple[Any, ...]:
        """The base before its variants, as it gives the prompts of the item files."""
        variant = self.record["variant"]
        return variant["model"], variant["base"], bool(variant["terms"]), variant["vector"], variant["alpha"]


def lay_out(studies: Sequence[Study], keep: Keep | None = None, tick: Callable[[int], None] | None = None) -> Grid:
    """Read all complete cells of the studies and lay them out.

    Args:
        studies: at least one.
        keep: what is to be done with texts.
        tick: told of the items of every cell that was read.

    Raises:
        Refused: nothing to lay out, or damaged cells; all of them are named.
    """
    grid = Grid()
    listed = _complete(studies, grid)
    ways = ways_of([cell.record for cell in listed.values() if not cell.repeat])
    ids = _lines(grid, listed, ways, len(studies) > 1)
    problems: list[Problem] = []
    for cell_id, cell in sorted(listed.items(), key=lambda pair: _reading_order(*pair)):
        record, way = cell.record, ways.get(cell_id, "")
        line = ids.get((record["variant"]["fingerprint"], way), "")
        try:
            marks = _read(cell, line, keep)
        except Refused as error:
            problems.extend(error.problems)
            continue
        whole = Cell(record, marks, line, way)
        if cell.repeat:
            grid.repeats.append(whole)
        else:
            grid.cells[line, record["task"], record["draw"]] = whole
        if tick is not None:
            tick(marks.n)
    if problems:
        raise Refused(problems)
    grid.tasks = _task_rows(grid.cells.values())
    _find_bases(grid)
    return grid


def _reading_order(cell_id: str, cell: _Listed) -> tuple[Any, ...]:
    record = cell.record
    return *cell.order, record["family"] != "clean", record["task"], record["draw"], cell_id


def _read(cell: _Listed, line: str, keep: Keep | None) -> Marks:
    record, where = cell.record, f"{cell.label}, {cell.record['task']}"
    samples = cell.study.reader.stream_samples(record["cell_id"])
    if keep and not cell.repeat:
        samples = keep(record, line, samples)
    marks = read(samples, where, code=old_records.reads_code(record))
    if marks.n != record["n"]:
        what = f"{marks.n} items, and cell.json says {record['n']}"
        raise Refused(Problem(what, where, fix="run this cell again with force=true"))
    return marks


def _complete(studies: Sequence[Study], grid: Grid) -> dict[str, _Listed]:
    """All cells that are there; those that a study lists and the store does not have become problems."""
    listed: dict[str, _Listed] = {}
    problems: list[Problem] = []
    every = [(study, entry, cell_id) for study in studies for entry in study.entries for cell_id in entry["cells"]]
    for study, entry, cell_id in every:
        if not study.reader.has(cell_id):
            what = f"the cell {cell_id} is listed and not in the store: it was removed, or never finished"
            grid.problem("missing", what, f"{study.name}: {entry['label']}", "run the same command again")
            continue
        try:
            record = study.reader.read_cell(cell_id)
        except Refused as error:
            problems.extend(error.problems)
        else:
            repeat = int(record["settings"].get("repeat") or 0)
            listed.setdefault(cell_id, _Listed(record, study, entry["label"], repeat))
    if problems:
        raise Refused(problems)
    if all(cell.repeat for cell in listed.values()):
        where = f"study {', '.join(study.name for study in studies)}"
        refused = [row["label"] for study in studies for row in study.reader.refusals(study.name)]
        found = f"{len(refused)} that were refused: {', '.join(refused[:5])}" if refused else ""
        expected = "a variant that was asked something" if refused else ""
        fix = "run it first: python -m rveval study=NAME ..."
        raise Refused(Problem("no complete cell", where, expected, found, fix))
    return listed


def _lines(grid: Grid, listed: Mapping[str, _Listed], ways: Mapping[str, str], several: bool) -> dict[LineKey, str]:
    """Fill `grid.variants` and `grid.recipes`; returns ids by fingerprint and way."""
    firsts: dict[LineKey, _Listed] = {}
    for cell_id, way in ways.items():
        firsts.setdefault((listed[cell_id].record["variant"]["fingerprint"], way), listed[cell_id])
    firsts = dict(sorted(firsts.items(), key=lambda pair: (*pair[1].order, pair[0])))
    labels = _labels(firsts, several)
    ids: dict[LineKey, str] = {}
    for key, cell in firsts.items():
        ids[key] = _id(key[0], ids.values())
        grid.recipes[ids[key]] = recipe = old_records.recipe_of(cell.record)
        grid.variants.append(_line(ids[key], labels[key], key[1], cell, recipe))
    grid.variants.sort(key=lambda row: _line_order(row, grid.recipes[row["id"]]))
    return ids


def _line_order(row: VariantRow, recipe: Recipe) -> tuple[Any, ...]:
    null, vector, *rest = recipe.sort_key
    return row["model"], row["base"], *((0,) if row["is_baseline"] else (1, null, vector, row["misfit"], *rest))


def _labels(firsts: Mapping[LineKey, _Listed], several: bool) -> dict[LineKey, str]:
    """Labels that tell all lines apart: by how they were asked, by study, by fingerprint, in this order."""
    labels = {key: cell.label + (f" ({key[1]})" if key[1] else "") for key, cell in firsts.items()}
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


def _line(name: str, label: str, way: str, cell: _Listed, recipe: Recipe) -> VariantRow:
    variant, misfit, is_baseline = cell.record["variant"], old_records.misfit_of(cell.record), not recipe.terms
    forced = "forced" if recipe.forced else ""
    formula = filter(None, [replace(recipe, forced=False).formula, misfit, forced])
    return VariantRow(
        id=name,
        label=label,
        alpha=0.0 if is_baseline else recipe.alpha,
        fingerprint=variant["fingerprint"],
        is_baseline=is_baseline,
        baseline=None,
        model=variant["model"],
        vector="" if is_baseline else variant["vector"],
        terms=variant["terms"],
        scope=list(recipe.scope),
        kinds=sorted(recipe.kinds),
        layers=list(recipe.layers) if recipe.layers else None,
        ramp=list(recipe.ramp),
        steps=[step.known for step in recipe.steps],
        other=None if is_baseline else variant.get("other"),
        forced=recipe.forced,
        misfit=misfit.removeprefix("misfit "),
        null=recipe.null,
        about="" if is_baseline else _about(recipe, misfit, cell.label),
        formula=", ".join(formula),
        base=variant["base"],
        asked=way,
        study=cell.study.name,
        remarks=[],
    )


def _about(recipe: Recipe, misfit: str, label: str) -> str:
    """What is made of the vector, as its label says it in brackets; where a label doesn't, in the same words.

    The label comes first because it tells `weights 1, 0` from `weights 0, 1`: terms of weight 0 are in no old record.
    """
    _, bracket, inner = label.partition(f" {recipe.vector} [")
    if bracket and inner.endswith("]"):
        return inner.removesuffix("]")
    return "; ".join(filter(None, [misfit, recipe.about]))


def _find_bases(grid: Grid) -> None:
    """Whose baseline is whose, cell by cell: everything but the weights is the same."""
    known = {asked_as(cell.record): key for key, cell in grid.cells.items() if not cell.record["variant"]["terms"]}
    places = ((key, known.get(asked_as(cell.record))) for key, cell in grid.cells.items())
    grid.bases = {key: base for key, base in places if base}
    for row in grid.variants:
        if not row["is_baseline"]:
            count = Counter(base[0] for key, base in grid.bases.items() if key[0] == row["id"])
            row["baseline"] = count.most_common(1)[0][0] if count else None


def _task_rows(cells: Iterable[Cell]) -> list[TaskRow]:
    """All tasks of the cells, and a group wherever two of its tasks were asked: groups first, clean before families."""
    rows = [_task_row(same) for same in grouped(cells, lambda cell: cell.record["task"]).values()]
    for group, members in grouped((row for row in rows if row["group"]), lambda row: row["group"]).items():
        if len(members) > 1:
            rows.append(_group_row(group, sorted(members, key=lambda row: row["task"])))
        else:
            members[0]["group"], members[0]["shown"] = "", True
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
