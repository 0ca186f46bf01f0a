"""The item files of a report: `report/NAME/items/*.js`, pieces of at most about a megabyte, loaded when looked at.

Each file is one call, `rveval_items("KEY", VALUE)`, with KEY the file's name without `.js`: a page that was opened from
the disk can't fetch, but it can add a script. VALUE is JSON in ASCII (`<` and `>` escaped too). `items` of summary.json
lists all files as sets; a set is a task in a draw, and an item has the same place (0, 1, ...) in all files of its set.
A file holds the items first, first+1, ..., first+n-1.

    S-items-P      {"first", "ids": [...], "changed": [0|1, ...], "left_alone": [reason, ...]}
                   `changed`: the prompt differs from the clean one; `left_alone`: why not (wholly), "" for nothing
    S-prompts-P    {"first", "prompts": [...], "targets": [...]}       once a set: all its variants were asked the same
    S-V-marks-P    {"first", "samples": k, "right": [...], "strict": [...], "failed": [...], "cut": [...],
                    "tokens": [...], "steps": [...], "move": [...], "class": [...]}
                   of the k samples of an item, how many are right (flexible), right (strict), had no answer that could
                   be read, were cut off; `tokens` their mean; `steps` how many show steps;
                   `move` against the baseline: 1 fixed, -1 broken, 0 neither (also for the baseline and without one);
                   `class`: "" or why it moved, one of `gains.Class`
    S-V-texts-P    {"first", "responses": [...], "extracted": [...], "strict": [...], "why": [...], "prompts": {...}}
                   of each item's first sample: the whole response, what the flexible and the strict reading took
                   (null: nothing), how its code ended ("" elsewhere); `prompts` maps a place to a prompt where it is
                   not the set's (rare)

S is a set's id ("s0"), V a variant's, P the number of the piece. A text of more than 100,000 characters is cut, with a
last line `[... N characters more]`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rveval.findings.gains import CLASSES, moves
from rveval.findings.marks import Marks, reordered
from rveval.findings.old_records import source_of
from rveval.findings.report import ItemSet, PartFile, VariantItems
from rveval.findings.study import Cell, Grid
from rveval.findings.ways import asked_as
from rveval.store import CellRecord, Sample

BYTES = 1_000_000
ITEMS = 20_000  # in a piece of ids or marks
LONGEST = 100_000


def piece(key: str, value: Any) -> bytes:
    """An item file.

    >>> piece("s0-items-0", {"ids": ["</script>"]})
    b'rveval_items("s0-items-0", {"ids":["\\\\u003c/script\\\\u003e"]});\\n'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e")
    return f'rveval_items("{key}", {text});\n'.encode("ascii")


def cut(text: str) -> str:
    """A text that a page can hold."""
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n[... {len(text) - LONGEST} characters more]"


@dataclass
class Pieces:
    """Rows of some columns, written as pieces of about a megabyte."""

    folder: Path
    prefix: str
    columns: tuple[str, ...]
    files: list[PartFile] = field(default_factory=list)
    rows: dict[str, list[Any]] = field(default_factory=dict)
    extra: dict[str, dict[str, str]] = field(default_factory=dict)
    first: int = 0
    held: int = 0
    size: int = 0

    def add(self, *values: Any) -> None:
        """One item's row."""
        for name, value in zip(self.columns, values, strict=True):
            self.rows.setdefault(name, []).append(value)
            self.size += len(value) if isinstance(value, str) else 4
        self.held += 1
        if self.size >= BYTES:
            self.close()

    def close(self) -> None:
        """Write what is held."""
        if not self.held:
            return
        write(self.folder, self.prefix, self.files, self.first, self.held, {**self.rows, **self.extra})
        self.first, self.held, self.size = self.first + self.held, 0, 0
        self.rows, self.extra = {}, {name: {} for name in self.extra}


def write(folder: Path, prefix: str, files: list[PartFile], first: int, n: int, value: dict[str, Any]) -> None:
    """Write one piece and add it to `files`."""
    key = f"{prefix}-{len(files)}"
    data = piece(key, {"first": first, **value})
    (folder / f"{key}.js").write_bytes(data)
    files.append(PartFile(file=f"{key}.js", first=first, n=n, bytes=len(data)))


@dataclass
class _Set:
    """A set while it is written: which variant's prompts were kept, and a mark of each item and prompt."""

    name: str
    record: CellRecord
    prompts: Pieces
    seen: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    texts: dict[str, Pieces] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)


class Items:
    """Writes the item files of a report.

    Args:
        folder: made; should be empty.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._sets: dict[str, _Set] = {}

    def keep(self, record: CellRecord, variant: str) -> _Texts:
        """What writes the texts of a cell."""
        key = asked_as(record)
        if key not in self._sets:
            name = f"s{len(self._sets)}"
            prompts = Pieces(self._folder, f"{name}-prompts", ("prompts", "targets"))
            self._sets[key] = _Set(name, record, prompts)
        kept = self._sets[key]
        columns = ("responses", "extracted", "strict", "why")
        texts = Pieces(self._folder, f"{kept.name}-{variant}-texts", columns, extra={"prompts": {}})
        kept.texts[variant] = texts
        return _Texts(kept, texts, variant, first=not kept.ids)

    def finish(self, grid: Grid) -> list[ItemSet]:
        """Write ids and marks, once all cells are read; returns what summary.json says of the files."""
        cells: dict[str, list[Cell]] = {}
        for cell in grid.cells.values():
            cells.setdefault(asked_as(cell.record), []).append(cell)
        clean = {_clean_key(kept.record): kept.name for kept in self._sets.values() if kept.record["family"] == "clean"}
        return [self._finished(kept, cells[key], grid, clean) for key, kept in self._sets.items()]

    def _finished(self, kept: _Set, cells: Sequence[Cell], grid: Grid, clean: dict[Any, str]) -> ItemSet:
        record, ids = kept.record, tuple(kept.ids)
        files: list[PartFile] = []
        first = reordered(cells[0].marks, ids, record["task"])
        for start in range(0, len(ids), ITEMS):
            here = slice(start, start + ITEMS)
            rows = {"ids": ids[here], "changed": first.changed[here].tolist(), "left_alone": first.left[here]}
            write(self._folder, f"{kept.name}-items", files, start, len(ids[here]), rows)
        for cell in cells:
            if cell.variant in kept.strangers:
                where = f"{cell.record['variant']['label']}, {record['task']}"
                grid.problem("skipped", "its items come in another order: their texts are not on the page", where)
        return ItemSet(
            id=kept.name,
            task=record["task"],
            draw=record["draw"],
            benchmark=record["benchmark"],
            family=record["family"],
            n=len(ids),
            clean=None if record["family"] == "clean" else clean.get(_clean_key(record)),
            items=files,
            prompts=kept.prompts.files,
            variants=[self._variant(kept, cell, ids, grid) for cell in cells],
        )

    def _variant(self, kept: _Set, cell: Cell, ids: tuple[str, ...], grid: Grid) -> VariantItems:
        marks = reordered(cell.marks, ids, kept.record["task"])
        key = (cell.variant, kept.record["task"], kept.record["draw"])
        base = grid.cells.get(grid.bases.get(key, key))
        columns = _columns(marks, reordered(base.marks, ids, kept.record["task"]) if base else None)
        files: list[PartFile] = []
        for start in range(0, len(ids), ITEMS):
            rows = {name: column[start : start + ITEMS] for name, column in columns.items()}
            value = {"samples": int(marks.count.max()), **rows}
            n = min(ITEMS, len(ids) - start)
            write(self._folder, f"{kept.name}-{cell.variant}-marks", files, start, n, value)
        texts = [] if cell.variant in kept.strangers else kept.texts[cell.variant].files
        return VariantItems(variant=cell.variant, marks=files, texts=texts)


def _clean_key(record: CellRecord) -> tuple[str, ...]:
    """What a perturbed set has in common with its clean one."""
    alike = [record["variant"]["base"], record["limit"], record["prompting"]]
    return source_of(record), json.dumps(alike, sort_keys=True)


def _columns(marks: Marks, base: Marks | None) -> dict[str, list[Any]]:
    """The columns of the marks; against itself a baseline moves nowhere."""
    columns: dict[str, list[Any]] = {
        "right": marks.right.tolist(),
        "strict": marks.strict.tolist(),
        "failed": marks.failed.tolist(),
        "cut": marks.cut.tolist(),
        "tokens": [round(value, 1) if value % 1 else int(value) for value in marks.mean_tokens.tolist()],
        "steps": marks.steps.tolist(),
    }
    if base is None:
        return columns | {"move": [0] * marks.n, "class": [""] * marks.n}
    moved = moves(marks, base)
    names = (*CLASSES, "")
    return columns | {"move": moved.move.tolist(), "class": [names[kind] for kind in moved.kind.tolist()]}


@dataclass
class _Texts:
    """Keeps the texts of one cell; the first cell of a set also gives ids and prompts."""

    of: _Set
    texts: Pieces
    variant: str
    first: bool

    def take(self, place: int, sample: Sample) -> None:
        """One item, in the order of the cell."""
        prompt, item = sample["prompt"], str(sample["item_id"])
        if self.first:
            self.of.ids.append(item)
            self.of.seen.append(hash(prompt))
            self.of.prompts.add(cut(prompt), cut(sample["target"]))
        elif place >= len(self.of.ids) or self.of.ids[place] != item:
            self.of.strangers.add(self.variant)
            return
        elif self.of.seen[place] != hash(prompt):
            self.texts.extra["prompts"][str(place)] = cut(prompt)
            self.texts.size += len(prompt)
        extracted, strict = sample["extracted"], sample["extracted_strict"]
        self.texts.add(
            cut(sample["response"]),
            None if extracted is None else cut(extracted),
            None if strict is None else cut(strict),
            sample.get("why", ""),
        )

    def done(self) -> None:
        """Write what is left."""
        self.texts.close()
        if self.first:
            self.of.prompts.close()
