"""From the entries of studies to a `Board`: which cells there are, what lines and columns they make, who is whose base.

Two cells of one variant on one task and draw differ in how they were asked; then the variant has a line for each way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from rveval.errors import Problem, Refused
from rveval.findings import recipes
from rveval.findings.board import Board, Cell
from rveval.findings.compare import asked_as
from rveval.findings.reading import Keep, Marks, Reader, read
from rveval.findings.tasks import task_rows
from rveval.findings.typed import VariantRow
from rveval.findings.ways import ways_of
from rveval.store import CellRecord, StudyEntry


@dataclass(frozen=True)
class Study:
    """A study, and where its cells are."""

    name: str
    reader: Reader
    entries: list[StudyEntry]


@dataclass(frozen=True)
class _Found:
    """A complete cell that a study lists."""

    record: CellRecord
    study: Study
    label: str


KeepOf = Callable[[CellRecord, str], Keep]
"""From a cell and the id of its line to what is done with its texts."""


def lay_out(studies: Sequence[Study], keep: KeepOf | None = None, tick: Callable[[int], None] | None = None) -> Board:
    """Read all complete cells of the studies and lay them out.

    Args:
        studies: at least one.
        keep: for a cell, what is to be done with its texts.
        tick: told of the items of every cell that was read.

    Raises:
        Refused: nothing to lay out, or damaged cells; all of them are named.
    """
    board = Board()
    found = _complete(studies, board)
    ways = ways_of([one.record for one in found.values() if not _repeat(one)])
    ids = _lines(board, found, ways, len(studies) > 1)
    problems: list[Problem] = []
    for cell_id, one in sorted(found.items(), key=lambda pair: _first(pair[1], pair[0])):
        line = ids.get((one.record["variant"]["fingerprint"], ways.get(cell_id, "")), "")
        try:
            marks = _read(one, keep(one.record, line) if keep and not _repeat(one) else None)
        except Refused as error:
            problems.extend(error.problems)
            continue
        _put(board, Cell(one.record, marks, line, ways.get(cell_id, "")), _repeat(one))
        if tick is not None:
            tick(marks.n)
    if problems:
        raise Refused(problems)
    board.tasks = task_rows(list(board.cells.values()))
    _find_bases(board)
    return board


def _read(one: _Found, keep: Keep | None) -> Marks:
    record, where = one.record, f"{one.label}, {one.record['task']}"
    samples = one.study.reader.stream_samples(record["cell_id"])
    marks = read(samples, where, code=record["benchmark"] == "humaneval", keep=keep)
    if marks.n != record["n"]:
        what = f"{marks.n} items, and cell.json says {record['n']}"
        raise Refused(Problem(what, where, fix="run this cell again with force=true"))
    return marks


def _repeat(one: _Found) -> int:
    return int(one.record["settings"].get("repeat") or 0)


def _complete(studies: Sequence[Study], board: Board) -> dict[str, _Found]:
    """All cells that are there; those that a study lists and the store does not have become problems."""
    found: dict[str, _Found] = {}
    problems: list[Problem] = []
    for study in studies:
        for entry in study.entries:
            for cell_id in entry["cells"]:
                if not study.reader.has(cell_id):
                    what = f"the cell {cell_id} is listed and not in the store: it was removed, or never finished"
                    board.trouble("missing", what, f"{study.name}: {entry['label']}", "run the same command again")
                    continue
                try:
                    found.setdefault(cell_id, _Found(study.reader.read_cell(cell_id), study, entry["label"]))
                except Refused as error:
                    problems.extend(error.problems)
    if problems:
        raise Refused(problems)
    if not any(not _repeat(one) for one in found.values()):
        names = ", ".join(study.name for study in studies)
        refused = [one["label"] for study in studies for one in study.reader.refusals(study.name)]
        raise Refused(
            Problem(
                "no complete cell",
                where=f"study {names}",
                expected="a variant that was asked something" if refused else "",
                found=f"{len(refused)} that were refused: {', '.join(refused[:5])}" if refused else "",
                fix="run it first: python -m rveval study=NAME ...",
            )
        )
    return found


def _lines(board: Board, found: dict[str, _Found], ways: dict[str, str], several: bool) -> dict[tuple[str, str], str]:
    """Fill `board.variants`; returns ids by fingerprint and way."""
    firsts: dict[tuple[str, str], _Found] = {}
    for cell_id, one in found.items():
        if cell_id in ways:
            firsts.setdefault((one.record["variant"]["fingerprint"], ways[cell_id]), one)
    keys = sorted(firsts, key=lambda key: _order(firsts[key], key))
    labels = _labels(firsts, keys, several)
    ids: dict[tuple[str, str], str] = {}
    for key in keys:
        ids[key] = _id(key[0], ids.values())
        board.variants.append(_line(ids[key], labels[key], key[1], firsts[key]))
    board.variants.sort(key=lambda row: (row["model"], row["base"], not row["is_baseline"], *recipes.order(row)))
    return ids


def _first(one: _Found, cell_id: str) -> tuple[Any, ...]:
    """The base before its variants, as it gives the prompts of the item files; clean before families."""
    record = one.record
    return *_order(one, ""), record["family"] != "clean", record["task"], record["draw"], cell_id


def _order(one: _Found, key: Any) -> tuple[Any, ...]:
    variant = one.record["variant"]
    return variant["model"], variant["base"], bool(variant["terms"]), variant["vector"], variant["alpha"], key


def _labels(
    firsts: dict[tuple[str, str], _Found], keys: Iterable[tuple[str, str]], several: bool
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
    known, number, found = set(taken), 1, short
    while found in known:
        number += 1
        found = f"{short}x{number}"
    return found


def _line(name: str, label: str, way: str, one: _Found) -> VariantRow:
    variant = one.record["variant"]
    found = {
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
        "study": one.study.name,
        "remarks": [],
    }
    row = cast(VariantRow, found | recipes.fields_of(variant))
    row["about"] = recipes.about(row, one.label) if row["terms"] else ""
    row["formula"] = recipes.formula(row)
    return row


def _put(board: Board, cell: Cell, repeat: int) -> None:
    if repeat:
        board.repeats.append(cell)
    else:
        board.cells[cell.variant, cell.record["task"], cell.record["draw"]] = cell


def _find_bases(board: Board) -> None:
    """Whose baseline is whose, cell by cell: everything but the weights is the same."""
    known = {asked_as(cell.record): key for key, cell in board.cells.items() if not cell.record["variant"]["terms"]}
    lines = {row["id"]: row for row in board.variants}
    for key, cell in board.cells.items():
        base = known.get(asked_as(cell.record))
        if base is not None:
            board.bases[key] = base
    for row in lines.values():
        if not row["is_baseline"]:
            count = Counter(board.bases[key][0] for key in board.cells if key[0] == row["id"] and key in board.bases)
            row["baseline"] = count.most_common(1)[0][0] if count else None
