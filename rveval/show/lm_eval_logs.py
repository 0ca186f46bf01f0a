"""Results that plain lm-eval wrote with `--log_samples`, read as if they were a store: each folder is a variant.

The first folder is the baseline of the others. Items are paired by `item_id` of the document where it has one (rveval's
own tasks do), else by lm-eval's `doc_hash`, else by `doc_id`; never by the order of the lines. Everything that decides
how a model was asked (shots, limit, generation, chat template, version of the task) has to be the same on both sides.

A `samples_*.jsonl` has a line for each document and filter, with its scores. Of several filters `flexible-extract` is
the flexible reading and `strict-match` the strict one; of others the first in the file is both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rveval.errors import Problem, Refused
from rveval.show.lm_eval_lines import Lines
from rveval.store import SCHEMA_VERSION, CellRecord, Refusal, Sample, StudyEntry

_FILE = re.compile(r"samples_(?P<task>.+?)_(?P<moment>\d{4}-\d\d-\d\dT[\d.:-]+)\.jsonl")
_HOW = ("limit", "gen_kwargs", "chat_template_sha", "system_instruction_sha", "fewshot_as_multiturn", "num_fewshot")
_FIX = "run lm-eval again with --log_samples and one --output_path a model"
_WARNING = "read from plain lm-eval: how long answers were, and which were cut off, is not known"


@dataclass(frozen=True)
class _Cell:
    """A file of samples of one task, and the results of the same run; `folder` is the number of its folder."""

    folder: int
    task: str
    lines: Lines
    results: Mapping[str, Any]


class Logs:
    """Folders of plain lm-eval's results; a `Reader`.

    Raises:
        Refused: a folder holds no samples, or several runs of one task; all that is wrong at once.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        problems: list[Problem] = []
        self._folders, self._labels = folders, [_label(folder, folders) for folder in folders]
        self._cells: dict[str, _Cell] = {}
        for number, folder in enumerate(folders):
            for task, path in _files(folder, problems).items():
                results = _results(path, problems)
                try:
                    self._cells[f"{self._labels[number]}:{task}"] = _Cell(number, task, Lines(path), results)
                except Refused as error:
                    problems.extend(error.problems)
        if problems:
            raise Refused(problems)

    def read_study(self, study: str) -> list[StudyEntry]:
        """An entry a folder."""
        return [
            StudyEntry(
                schema_version=SCHEMA_VERSION,
                study=study,
                label=label,
                alpha=float(number > 0),
                fingerprint=f"folder{number}",
                cells=[name for name, cell in self._cells.items() if cell.folder == number],
                config={},
            )
            for number, label in enumerate(self._labels)
        ]

    def has(self, cell_id: str) -> bool:
        """Whether the file is there."""
        return cell_id in self._cells

    def read_cell(self, cell_id: str) -> CellRecord:
        """A record with what lm-eval wrote of it."""
        cell = self._cells[cell_id]
        doc, results = cell.lines.doc, cell.results
        family, source = str(doc.get("rv_families", "clean")), str(doc.get("rv_source", cell.task))
        task = cell.task if family == "clean" or cell.task.endswith(f"_{family}") else f"{cell.task}_{family}"
        asked = {"task": task, "variant": f"folder{cell.folder}", **_asked(cell), "prompts": self._prompts(cell)}
        return CellRecord(
            schema_version=SCHEMA_VERSION,
            cell_id=cell_id,
            task=task,
            benchmark="bbh" if source.startswith("bbh_") else source,
            family=family,
            draw=int(doc.get("rv_draw", 0)),
            seed=0,
            limit=None,
            n=len(cell.lines.prompts),
            metrics={},
            health={},
            variant=self._variant(cell.folder),
            decoding={},
            prompting={},
            engine={"kind": str(results.get("model_source", "lm_eval")), "swap": "none"},
            versions={"lm_eval": str(results.get("lm_eval_version", "?"))},
            timings={"swap_s": 0.0, "generate_s": 0.0, "score_s": 0.0, "wall_s": _seconds(results)},
            settings=asked,
            warnings=[_WARNING],
            created=str(results.get("date", "")),
            changed=0,
            left_alone={},
        )

    def stream_samples(self, cell_id: str) -> Iterator[Sample]:
        """One sample an item; raises Refused as `Lines`."""
        return self._cells[cell_id].lines.samples()

    def refusals(self, study: str) -> list[Refusal]:
        """None: lm-eval knows no variants."""
        return []

    def _variant(self, number: int) -> Any:
        nothing: dict[str, Any] = {
            "vector": "",
            "kinds": [],
            "layers": None,
            "ramp": [],
            "steps": [],
            "other": None,
            "misfit": "",
        }
        return {
            **nothing,
            "label": self._labels[number],
            "alpha": float(number > 0),
            "fingerprint": f"folder{number}",
            "terms": [{"plus": str(self._folders[number]), "minus": None, "weight": 1.0}] if number else [],
            "scope": [".*"],
            "model": self._labels[0],
            "base": self._labels[0],
            "forced": False,
        }

    def _prompts(self, cell: _Cell) -> str:
        """Whether the items that the baseline was asked too were asked in the same words."""
        base = self._cells.get(f"{self._labels[0]}:{cell.task}")
        known = base.lines.prompts if base else {}
        unlike = sum(1 for item, prompt in cell.lines.prompts.items() if known.get(item, prompt) != prompt)
        return f"{unlike} unlike the baseline's" if unlike else "the baseline's"


def _label(folder: Path, folders: Sequence[Path]) -> str:
    """The folder's name, with as much of its path as tells it from the others."""
    parts = folder.resolve().parts
    others = [other.resolve().parts for other in folders if other is not folder]
    for length in range(1, len(parts)):
        if all(other[-length:] != parts[-length:] for other in others):
            return "/".join(parts[-length:])
    return str(folder)


def _files(folder: Path, problems: list[Problem]) -> dict[str, Path]:
    """By task: the files of a folder, or of the one folder that lm-eval made in it."""
    paths = sorted(folder.glob("samples_*.jsonl")) or sorted(folder.glob("*/samples_*.jsonl"))
    if not paths:
        problems.append(Problem("holds no samples_*.jsonl of lm-eval's", str(folder), fix=_FIX))
    files: dict[str, Path] = {}
    for path in paths:
        named = _FILE.fullmatch(path.name)
        task = named["task"] if named else path.stem.removeprefix("samples_")
        if task in files:
            what = f"holds two runs of {task}: {files[task].name} and {path.name}"
            problems.append(Problem(what, str(folder), fix="one folder a run, or remove the older files"))
        files.setdefault(task, path)
    return files


def _results(of: Path, problems: list[Problem]) -> Mapping[str, Any]:
    """The results_*.json of the same run: that of the same moment, else the only one."""
    named = _FILE.fullmatch(of.name)
    paths = sorted(of.parent.glob("results_*.json"))
    same = [path for path in paths if named and named["moment"] in path.name] or paths
    if len(same) != 1:
        what = f"{len(same)} results_*.json beside the samples: how the model was asked is not known"
        problems.append(Problem(what, str(of), expected="the one of the same run", fix=_FIX))
        return {}
    try:
        return dict(json.loads(same[0].read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        problems.append(Problem(f"can't be read: {error}", str(same[0]), fix=_FIX))
        return {}


def _asked(cell: _Cell) -> dict[str, Any]:
    """What two runs of a task must share to be compared."""
    results, config = cell.results, cell.results.get("config") or {}
    task = (results.get("configs") or {}).get(cell.task) or {}
    how = {name: results.get(name, config.get(name)) for name in _HOW}
    how["num_fewshot"] = (results.get("n-shot") or {}).get(cell.task, task.get("num_fewshot"))
    how["version"] = (results.get("versions") or {}).get(cell.task)
    return how | {"generation": task.get("generation_kwargs")}


def _seconds(results: Mapping[str, Any]) -> float:
    try:
        return float(results.get("total_evaluation_time_seconds") or 0.0)
    except (TypeError, ValueError):
        return 0.0
