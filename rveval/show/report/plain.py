"""Results that plain lm-eval wrote with `--log_samples`, read as if they were a store: each folder is a variant.

The first folder is the baseline of the others. Items are paired by `item_id` of the document where it has one (rveval's
own tasks do), else by lm-eval's `doc_hash`, else by `doc_id`; never by the order of the lines. Everything that decides
how a model was asked (shots, limit, generation, chat template, version of the task) has to be the same on both sides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rveval.errors import Problem, Refused
from rveval.show.report.plain_lines import Seen, look, samples
from rveval.store import SCHEMA_VERSION, CellRecord, Refusal, Sample, StudyEntry

_FILE = re.compile(r"samples_(?P<task>.+?)_\d{4}-\d\d-\d\dT[\d.:-]+\.jsonl")
_HOW = ("limit", "gen_kwargs", "chat_template_sha", "system_instruction_sha", "fewshot_as_multiturn", "num_fewshot")
_FIX = "run lm-eval again with --log_samples and one --output_path a model"


@dataclass(frozen=True)
class _Cell:
    """A file of samples: of one task, by the filter and the metric that are read."""

    folder: Path
    task: str
    path: Path
    results: Mapping[str, Any]
    label: str
    alpha: float


class Results:
    """Folders of plain lm-eval's results; a `Reader`.

    Raises:
        Refused: a folder holds no samples, or several runs of one task; all that is wrong at once.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        problems: list[Problem] = []
        self._cells: dict[str, _Cell] = {}
        self._labels: list[str] = []
        for number, folder in enumerate(folders):
            label = _label(folder, folders)
            self._labels.append(label)
            for cell in _cells(folder, label, float(number > 0), problems):
                self._cells[f"{label}:{cell.task}"] = cell
        self._seen: dict[str, Seen] = {}
        for name, cell in self._cells.items():
            try:
                self._seen[name] = look(cell.path)
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
                fingerprint=_fingerprint(number),
                cells=[name for name, cell in self._cells.items() if cell.label == label],
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
        number = self._labels.index(cell.label)
        seen, doc, base = self._seen[cell_id], self._seen[cell_id].doc, self._labels[0]
        family = str(doc.get("rv_families", "clean"))
        source = str(doc.get("rv_source", cell.task))
        task = cell.task if family == "clean" or cell.task.endswith(f"_{family}") else f"{cell.task}_{family}"
        terms = [{"plus": str(cell.folder), "minus": None, "weight": 1.0}] if number else []
        settings = {"task": task, "variant": _fingerprint(number), **_asked(cell), "prompts": self._prompts(cell)}
        return CellRecord(
            schema_version=SCHEMA_VERSION,
            cell_id=cell_id,
            task=task,
            benchmark="bbh" if source.startswith("bbh_") else source,
            family=family,
            draw=int(doc.get("rv_draw", 0)),
            seed=0,
            limit=None,
            n=len(seen.prompts),
            metrics={},
            health={},
            variant={
                "label": cell.label,
                "alpha": cell.alpha,
                "fingerprint": _fingerprint(number),
                "terms": terms,
                "scope": [".*"],
                "model": cell.label if not number else base,
                "vector": "",
                "base": base,
                "kinds": [],
                "layers": None,
                "ramp": [],
                "steps": [],
                "other": None,
                "forced": False,
                "misfit": "",
            },
            decoding={},
            prompting={},
            engine={"kind": str(cell.results.get("model_source", "lm_eval")), "swap": "none"},
            versions={"lm_eval": str(cell.results.get("lm_eval_version", "?"))},
            timings={"swap_s": 0.0, "generate_s": 0.0, "score_s": 0.0, "wall_s": _seconds(cell.results)},
            settings=settings,
            warnings=["read from plain lm-eval: how long answers were, and which were cut off, is not known"],
            created=str(cell.results.get("date", "")),
            changed=0,
            left_alone={},
        )

    def stream_samples(self, cell_id: str) -> Iterator[Sample]:
        """One sample an item.

        Raises:
            Refused: a line has no id, or no score.
        """
        yield from samples(self._cells[cell_id].path, self._seen[cell_id])

    def refusals(self, study: str) -> list[Refusal]:
        """None: lm-eval knows no variants."""
        return []

    def _prompts(self, cell: _Cell) -> str:
        """Whether the items that the baseline was asked too were asked in the same words."""
        ours, theirs = self._seen[f"{cell.label}:{cell.task}"].prompts, self._seen.get(f"{self._labels[0]}:{cell.task}")
        known = theirs.prompts if theirs else {}
        unlike = sum(1 for item, prompt in ours.items() if known.get(item, prompt) != prompt)
        return f"{unlike} unlike the baseline's" if unlike else "the baseline's"


def _fingerprint(number: int) -> str:
    return f"folder{number}"


def _label(folder: Path, folders: Sequence[Path]) -> str:
    """The folder's name, with as much of its path as tells it from the others."""
    parts = folder.resolve().parts
    others = [other.resolve().parts for other in folders if other is not folder]
    for length in range(1, len(parts)):
        if all(other[-length:] != parts[-length:] for other in others):
            return "/".join(parts[-length:])
    return str(folder)


def _cells(folder: Path, label: str, alpha: float, problems: list[Problem]) -> list[_Cell]:
    """The files of a folder, or of the one folder that lm-eval made in it."""
    paths = sorted(folder.glob("samples_*.jsonl")) or sorted(folder.glob("*/samples_*.jsonl"))
    if not paths:
        what = "holds no samples_*.jsonl of lm-eval's"
        problems.append(Problem(what, str(folder), fix=_FIX))
        return []
    found: dict[str, _Cell] = {}
    for path in paths:
        named = _FILE.fullmatch(path.name)
        task = named["task"] if named else path.stem.removeprefix("samples_")
        if task in found:
            what = f"holds two runs of {task}: {found[task].path.name} and {path.name}"
            problems.append(Problem(what, str(folder), fix="one folder a run, or remove the older files"))
            continue
        found[task] = _Cell(folder, task, path, _results(path, problems), label, alpha)
    return list(found.values())


def _results(of: Path, problems: list[Problem]) -> Mapping[str, Any]:
    """The results_*.json of the same run: that of the same moment, else the only one."""
    moment = re.search(r"_(\d{4}-\d\d-\d\dT[\d.:-]+)\.jsonl$", of.name)
    paths = sorted(of.parent.glob("results_*.json"))
    same = [path for path in paths if moment and moment[1] in path.name] or paths
    if len(same) != 1:
        what = f"{len(same)} results_*.json beside the samples: how the model was asked is not known"
        problems.append(Problem(what, str(of), expected="the one of the same run", fix=_FIX))
        return {}
    try:
        found = json.loads(same[0].read_text(encoding="utf-8"))
        return cast(Mapping[str, Any], found if isinstance(found, dict) else {})
    except (OSError, ValueError) as error:
        problems.append(Problem(f"can't be read: {error}", str(same[0]), fix=_FIX))
        return {}


def _asked(cell: _Cell) -> dict[str, Any]:
    """What two runs of a task must share to be compared."""
    results, config = cell.results, cell.results.get("config") or {}
    task = (results.get("configs") or {}).get(cell.task) or {}
    found = {name: results.get(name, config.get(name)) for name in _HOW}
    found["num_fewshot"] = (results.get("n-shot") or {}).get(cell.task, task.get("num_fewshot"))
    found["version"] = (results.get("versions") or {}).get(cell.task)
    found["generation"] = task.get("generation_kwargs")
    return found


def _seconds(results: Mapping[str, Any]) -> float:
    try:
        return float(results.get("total_evaluation_time_seconds") or 0.0)
    except (TypeError, ValueError):
        return 0.0
