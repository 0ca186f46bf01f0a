"""Golden studies: what is kept of a study, read from the store's files and from the report's.

A study comes to a plain JSON value:
    cells     "label | task | family | draw" -> n, metrics and samples (`COLUMNS`, one list a sample)
    table     layout-free numbers: what people quote, keyed by what it is about (`quoted`)
    numbers   all numbers of summary.json, by path
    texts     all texts of summary.json, by path
    page      all that index.html and its tables say, a text an element
Whoever changes the layout of summary.json adapts `quoted` and nothing else. No cell id, hash, time or folder is kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

COLUMNS = (
    *("item_id", "sample_index", "prompt", "response", "extracted", "correct"),
    *("extracted_strict", "correct_strict", "target"),
)

Row = dict[str, Any]

# What differs from run to run, or names what is hashed: no promise.
_LEFT_OUT = frozenset(
    ("provenance", "made", "items", "timings", "cell_id", "fingerprint", "id", "base", "terms", "other", "study")
)
_NAMING = ("label", "variant", "task", "source", "family", "kind", "by", "vector", "cue", "weights", "name", "claimed")
_HASH = re.compile(r"\b[0-9a-f]{16,64}\b")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?")
_TABLE = re.compile(r"rveval_data\(\"[^\"]*\",(.*)\);\s*", re.DOTALL)


def study(name: str, work: Path) -> Row:
    """All that is kept of one study."""
    report = work / "report" / name
    summary = json.loads((report / "summary.json").read_text("utf-8"))
    labels = {row["id"]: row["label"] for row in summary["variants"]}
    told = _Plain(labels, work)
    stored = work / "runs" / "studies" / name
    cells = store_cells(stored, work / "runs" / "cells") if stored.is_dir() else lm_eval_cells(work / "lm_eval")
    leaves = dict(_leaves(summary, "", told))
    return {
        "cells": cells,
        "table": {key: row for key, row in quoted(summary, labels)},
        "numbers": {path: leaf for path, leaf in leaves.items() if not isinstance(leaf, str)},
        "texts": {path: leaf for path, leaf in leaves.items() if isinstance(leaf, str)},
        "page": [told(text) for text in page(report)],
    }


def made_on(work: Path) -> dict[str, str]:
    """What answers may depend on besides the code: the processor and the versions of what generates them."""
    for path in sorted((work / "runs" / "cells").glob("*/cell.json")):
        record = json.loads(path.read_text("utf-8"))
        return {"processor": f"{record['engine'].get('device_name')}{_instructions()}", **record["versions"]}
    return {}


def _instructions() -> str:
    """Which wide instructions the processor has: sums in bfloat16 come out otherwise without them."""
    path = Path("/proc/cpuinfo")
    words = set(path.read_text("utf-8").split()) if path.is_file() else set()
    return "".join(f" {word}" for word in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if word in words)


# --- the samples


def store_cells(study_folder: Path, cells_folder: Path) -> dict[str, Row]:
    """The cells that a study lists, with their samples."""
    kept: dict[str, Row] = {}
    for path in sorted(study_folder.glob("*.json")):
        entry = json.loads(path.read_text("utf-8"))
        for cell_id in entry["cells"]:
            record = json.loads((cells_folder / cell_id / "cell.json").read_text("utf-8"))
            family = record["family"]
            parts = [entry["label"], record["task"].removesuffix(f"_{family}"), family, f"draw {record['draw']}"]
            key = _unused(" | ".join([*parts, *_repeat(record)]), kept)
            lines = (cells_folder / cell_id / "samples.jsonl").read_text("utf-8").splitlines()
            samples = [[_cut(name, json.loads(line)[name]) for name in COLUMNS] for line in lines]
            kept[key] = {"n": record["n"], "metrics": _rounded(record["metrics"]), "samples": samples}
    return kept


def _repeat(record: Row) -> list[str]:
    """Which time it was asked again (`suite.repeat`), as a part of a key; nothing for the first time."""
    again = record.get("settings", {}).get("repeat")
    return [f"repeat {again}"] if again else []


def lm_eval_cells(folder: Path) -> dict[str, Row]:
    """The same of what plain lm-eval wrote; it keeps scores, and of the readings whether there was none."""
    kept: dict[str, Row] = {}
    for path in sorted(folder.glob("*/**/samples_*.jsonl")):
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        metrics = {name: sum(line[name] for line in lines) / len(lines) for name in lines[0]["metrics"]}
        samples = [_lm_eval_sample(line) for line in lines]
        key = f"{path.relative_to(folder).parts[0]} | rv_humaneval | clean | draw 0"
        kept[key] = {"n": len(lines), "metrics": _rounded(metrics), "samples": samples}
    return kept


def _lm_eval_sample(line: Row) -> list[Any]:
    read = None if line["extraction_failed"] else "some"
    scores = bool(line["exact_match"]), bool(line["exact_match_strict"])
    prompt = line["arguments"]["gen_args_0"]["arg_0"]
    values = (line["doc"]["item_id"], 0, prompt, line["resps"][0][0], read, scores[0], read, scores[1], line["target"])
    return [_cut(name, value) for name, value in zip(COLUMNS, values, strict=True)]


def _cut(name: str, value: Any) -> Any:
    return hashlib.sha256(value.encode()).hexdigest()[:10] if name == "prompt" else value


# --- summary.json: what people quote


def quoted(summary: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[tuple[str, Row]]:
    """The numbers that people quote, keyed by what they are about. The one place that knows the summary's layout."""
    titles = {row["task"]: f"{row['source']} | {row['family']}" for row in summary["tasks"]}

    def key(kind: str, row: Row, *more: Any) -> str:
        about = titles.get(row.get("task", ""), row.get("source", ""))
        return " | ".join([kind, labels.get(row.get("variant", ""), "-"), about, *map(str, more)])

    for row in summary["cells"]:
        names = ("accuracy", "strict", "extraction_failed", "truncated")
        yield key("score", row, f"draw {row['draw']}"), _pick(row, "n", *names, "edge")
    for row in summary["comparisons"]:
        names = ("difference", "fixed", "broken", "p", "p_mid", "p_holm", "detectable", "noise", "call")
        yield key("difference", row), _pick(row, *names)
    for row in summary["pooled"]:
        names = ("difference", "p", "p_holm", "call")
        yield key("pooled", row, row["family"], row["weights"]), _pick(row, *names)
    for row in summary["robustness"]:
        names = ("worst", "worst_accuracy", "drop", "right_under_all", "wrong_under_all", "consistency")
        yield key("robustness", row), _pick(row, *names)
    for row in summary["survival"]:
        names = ("gain_clean", "gain_family", "did", "p", "p_holm", "kept", "verdict")
        yield key("survival", row, row["family"]), _pick(row, *names)
    for row in summary["gains"]:
        classes = {share["name"]: [share["fixed"], share["broken"]] for share in row["classes"]}
        yield key("where from", row, f"draw {row['draw']}"), classes
    for row in summary["curves"]:
        yield key("curve", row, row["model"], row["vector"]), _pick(row, "trend", "best")
    for row in summary["factorial"]:
        names = ("cells", "plus", "minus")
        yield key("cue", row, row["model"], row["vector"], row["alpha"], row["cue"]), _pick(row, *names)
    for row in summary["nulls"]:
        names = ("real", "lowest", "mean", "highest", "reached", "beaten", "p", "call")
        yield key("nulls", row, row["kind"]), _pick(row, *names)
    for row in summary["interference"]:
        yield key("together", row), _pick(row, "together", "total", "interference", "p", "p_holm", "call")
    for row in summary["noise"]:
        names = ("scores_differ", "responses_differ", "difference", "fixed", "broken")
        yield key("noise", row, f"draw {row['draw']}", row["repeat"]), _pick(row, *names)


def _pick(row: Row, *names: str) -> Row:
    """Some values of a row without names of variants; an interval as [value, low, high]."""
    return {name: _numbers(row[name]) for name in names}


def _numbers(value: Any) -> Any:
    if isinstance(value, dict) and {"value", "low", "high"} <= value.keys():
        return [_digits(value[name]) for name in ("value", "low", "high")]
    if isinstance(value, dict):
        return {name: _numbers(part) for name, part in value.items() if name != "variant"}
    return _digits(value)


# --- summary.json: everything, by path


class _Plain:
    """Texts without what differs from run to run: ids of variants, hashes, moments, the folder."""

    def __init__(self, labels: Mapping[str, str], work: Path) -> None:
        self._labels, self._work = labels, work

    def __call__(self, text: str) -> str:
        text = self._labels.get(text, text).replace(str(self._work), "<work>")
        return _MOMENT.sub("<moment>", _HASH.sub("<hash>", text))


def _leaves(value: Any, path: str, told: _Plain) -> Iterator[tuple[str, Any]]:
    """Every number and text with its path; rows of a list are named by what they are about, not by their place."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name not in _LEFT_OUT:
                yield from _leaves(part, f"{path}.{name}".lstrip("."), told)
    elif isinstance(value, list):
        seen: Counter[str] = Counter()
        for place, part in enumerate(value):
            name = _name(part, told) or str(place)
            seen[name] += 1
            yield from _leaves(part, f"{path}[{name}{f' #{seen[name]}' if seen[name] > 1 else ''}]", told)
    else:
        yield path, told(value) if isinstance(value, str) else _digits(value)


def _name(row: Any, told: _Plain) -> str:
    if not isinstance(row, dict):
        return ""
    words = [told(row[name]) for name in _NAMING if isinstance(row.get(name), str)]
    return ", ".join([*words, *(f"{name}={row[name]}" for name in ("draw", "alpha") if name in row)])


def _digits(value: Any) -> Any:
    return float(f"{value:.10g}") if isinstance(value, float) else value


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: _digits(value) for name, value in values.items()}


def _unused(key: str, kept: Mapping[str, Any]) -> str:
    place = 1
    while (named := f"{key} #{place}" if place > 1 else key) in kept:
        place += 1
    return named


# --- the page


class _Texts(HTMLParser):
    """The texts of a page, one for each element that stands as a block of its own."""

    BLOCKS = frozenset(
        ("h1", "h2", "h3", "li", "p", "td", "th", "figcaption", "option", "summary", "dt", "dd", "caption", "label")
    )
    UNSEEN = frozenset(("script", "style", "title", "head", "footer"))

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._words: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in self.UNSEEN
        if tag in self.BLOCKS:
            self.end_block()

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in self.UNSEEN
        if tag in self.BLOCKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._words.append(data)

    def end_block(self) -> None:
        text = " ".join("".join(self._words).split())
        self._words.clear()
        if text:
            self.texts.append(text)


def page(report: Path) -> list[str]:
    """What a reader of the page sees: its texts in order, then the lines of the tables that it opens on demand."""
    parser = _Texts()
    parser.feed((report / "index.html").read_text("utf-8").partition('id="view-items"')[0])
    parser.end_block()
    texts = parser.texts
    for path in sorted((report / "data").glob("table-*.js")):
        found = _TABLE.fullmatch(path.read_text("utf-8"))
        table = json.loads(found[1]) if found else {"columns": [], "rows": []}
        texts += [f"{path.stem}: {' | '.join(map(str, row))}" for row in (table["columns"], *table["rows"])]
    return texts
