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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rveval.findings.analysis import grouped
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
class _Pieces:
    """Item files of one kind, piece after piece; `files` are those that were written."""

    folder: Path
    prefix: str
    files: list[PartFile] = field(default_factory=list)

    def write(self, n: int, value: Mapping[str, Any]) -> None:
        """One more piece, of n items."""
        key, first = f"{self.prefix}-{len(self.files)}", sum(part["n"] for part in self.files)
        data = piece(key, {"first": first, **value})
        (self.folder / f"{key}.js").write_bytes(data)
        self.files.append(PartFile(file=f"{key}.js", first=first, n=n, bytes=len(data)))

    def write_all(self, columns: Mapping[str, Sequence[Any]], **extra: int) -> list[PartFile]:
        """Whole columns; `extra` stands in every piece."""
        whole = len(next(iter(columns.values())))
        for start in range(0, whole, ITEMS):
            rows = {name: column[start : start + ITEMS] for name, column in columns.items()}
            self.write(min(ITEMS, whole - start), {**extra, **rows})
        return self.files


@dataclass
class _Texts(_Pieces):
    """Rows of some columns as they come, a piece for about each megabyte; `odd`: prompts by place."""

    columns: tuple[str, ...] = ()
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    odd: dict[str, str] | None = None
    size: int = 0

    def add(self, *values: str | None) -> None:
        """One item's row."""
        self.rows.append(tuple(None if value is None else cut(value) for value in values))
        self.size += sum(4 if value is None else len(value) for value in self.rows[-1])
        if self.size >= BYTES:
            self.close()

    def close(self) -> None:
        """Write what is held."""
        if self.rows:
            value: dict[str, Any] = dict(zip(self.columns, map(list, zip(*self.rows, strict=True)), strict=True))
            self.write(len(self.rows), value if self.odd is None else {**value, "prompts": self.odd})
            self.rows, self.odd, self.size = [], None if self.odd is None else {}, 0


@dataclass
class _Set:
    """A set while it is written: its first cell gives ids and prompts, of which a hash is `seen`.

    `strangers` are the variants whose items come in another order.
    """

    name: str
    record: CellRecord
    prompts: _Texts
    seen: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    texts: dict[str, _Texts] = field(default_factory=dict)
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

    def keep(self, record: CellRecord, variant: str, samples: Iterable[Sample]) -> Iterator[Sample]:
        """The samples of a cell; their texts are written as they go by. A set's first cell also gives ids and prompts.

        Args:
            record: of the cell.
            variant: its line.
            samples: in the order of the cell.
        """
        name = f"s{len(self._sets)}"
        fresh = _Set(name, record, _Texts(self._folder, f"{name}-prompts", columns=("prompts", "targets")))
        kept = self._sets.setdefault(asked_as(record), fresh)
        columns = ("responses", "extracted", "strict", "why")
        texts = _Texts(self._folder, f"{kept.name}-{variant}-texts", columns=columns, odd={})
        kept.texts[variant] = texts
        place, ids = 0, kept.ids
        for sample in samples:
            yield sample
            if sample["sample_index"]:
                continue
            item, prompt = str(sample["item_id"]), sample["prompt"]
            if kept is fresh:
                ids.append(item)
                kept.seen.append(hash(prompt))
                kept.prompts.add(prompt, sample["target"])
            elif place >= len(ids) or ids[place] != item:
                kept.strangers.add(variant)
            elif kept.seen[place] != hash(prompt) and texts.odd is not None:
                texts.odd[str(place)] = cut(prompt)
                texts.size += len(prompt)
            if variant not in kept.strangers:
                texts.add(sample["response"], sample["extracted"], sample["extracted_strict"], sample.get("why", ""))
            place += 1
        texts.close()
        kept.prompts.close()

    def finish(self, grid: Grid) -> list[ItemSet]:
        """Write ids and marks, once all cells are read; returns what summary.json says of the files."""
        cells = grouped(grid.cells.values(), lambda cell: asked_as(cell.record))
        clean = {_clean_key(kept.record): kept.name for kept in self._sets.values() if kept.record["family"] == "clean"}
        return [self._finished(kept, cells[key], grid, clean) for key, kept in self._sets.items()]

    def _finished(self, kept: _Set, cells: Sequence[Cell], grid: Grid, clean: dict[Any, str]) -> ItemSet:
        record, ids = kept.record, tuple(kept.ids)
        first = reordered(cells[0].marks, ids, record["task"])
        columns = {"ids": ids, "changed": first.changed.tolist(), "left_alone": first.left.tolist()}
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
            items=_Pieces(self._folder, f"{kept.name}-items").write_all(columns),
            prompts=kept.prompts.files,
            variants=[self._variant(kept, cell, ids, grid) for cell in cells],
        )

    def _variant(self, kept: _Set, cell: Cell, ids: tuple[str, ...], grid: Grid) -> VariantItems:
        marks = reordered(cell.marks, ids, kept.record["task"])
        key = (cell.variant, kept.record["task"], kept.record["draw"])
        base = grid.cells.get(grid.bases.get(key, key))
        columns = _columns(marks, reordered(base.marks, ids, kept.record["task"]) if base else None)
        pieces = _Pieces(self._folder, f"{kept.name}-{cell.variant}-marks")
        files = pieces.write_all(columns, samples=int(marks.count.max()))
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
