"""The lines of a `samples_*.jsonl` of plain lm-eval: one for each document and filter, each with its scores.

Of several filters `flexible-extract` is the flexible reading and `strict-match` the strict one, as lm-eval names them;
of others the first in the file is both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rveval.errors import Problem, Refused
from rveval.store import Sample

_METRICS = ("exact_match", "acc", "pass@1")
_UNREAD = ("", "[invalid]")


@dataclass
class Seen:
    """What a first look at a file tells.

    Args:
        doc: the first document.
        chosen: the filter whose scores are the flexible reading.
        metric: the score that is read.
        prompts: the prompt's hash by item.
        strict: the score of the strict filter by document, where there is one.
        by_hash: whether items without an id are known by the hash of their document.
    """

    doc: Mapping[str, Any]
    chosen: str
    metric: str
    prompts: dict[str, str] = field(default_factory=dict)
    strict: dict[Any, bool] = field(default_factory=dict)
    by_hash: bool = True


def look(path: Path) -> Seen:
    """Read a file once for what has to be known before its samples are taken.

    Raises:
        Refused: no samples, lines that are no JSON, no ids, an item twice, or scores that are not right or wrong.
    """
    filters: dict[str, None] = {}
    hashes: dict[str, set[str]] = {}
    first: Mapping[str, Any] = {}
    for line in _lines(path):
        first = first or line
        name = str(line.get("filter", ""))
        filters.setdefault(name)
        known = hashes.setdefault(name, set())
        known.add(str(line.get("doc_hash", len(known))))
    if not first:
        raise Refused(Problem("holds no samples", str(path), fix="run lm-eval again with --log_samples"))
    chosen = "flexible-extract" if "flexible-extract" in filters else next(iter(filters))
    found = Seen(doc=_doc(first), chosen=chosen, metric=_metric(first, path))
    lines = 0
    for line in _lines(path):
        if line.get("filter", "") == "strict-match" != chosen:
            found.strict[line.get("doc_id")] = _score(line, found.metric, path)
        if line.get("filter", "") == chosen:
            lines += 1
            found.by_hash = found.by_hash and "doc_hash" in line
    found.by_hash = found.by_hash and len(hashes[chosen]) == lines
    for line in _lines(path):
        if line.get("filter", "") == chosen:
            item = _item(line, found, path)
            if item in found.prompts:
                what = f"item {item} is there twice: lm-eval adds to a file of the same name"
                raise Refused(Problem(what, str(path), fix="run it again into an empty --output_path"))
            found.prompts[item] = str(line.get("prompt_hash", ""))
    return found


def samples(path: Path, seen: Seen) -> Iterator[Sample]:
    """One sample a document, by the chosen filter; what lm-eval does not write (tokens, ends) stays empty.

    Raises:
        Refused: as `look`.
    """
    for line in _lines(path):
        if line.get("filter", "") == seen.chosen:
            yield _sample(line, seen, path)


def _sample(line: Mapping[str, Any], seen: Seen, path: Path) -> Sample:
    doc, right = _doc(line), _score(line, seen.metric, path)
    extracted = _text(line.get("filtered_resps"))
    failed = bool(line.get("extraction_failed", extracted.strip() in _UNREAD))
    strict = seen.strict.get(line.get("doc_id"), bool(line.get("exact_match_strict", right)))
    return Sample(
        item_id=_item(line, seen, path),
        doc_id=int(line.get("doc_id", 0)),
        benchmark=str(doc.get("rv_source", "")),
        family=str(doc.get("rv_families", "clean")),
        draw=int(doc.get("rv_draw", 0)),
        seed=0,
        sample_index=0,
        prompt=_prompt(line),
        response=_text(line.get("resps")),
        extracted=None if failed else extracted,
        correct=right,
        extracted_strict=None,
        correct_strict=strict,
        target=str(line.get("target", "")),
        extraction_failed=failed,
        finish_reason="",
        n_prompt_tokens=0,
        n_output_tokens=0,
        mean_logprob=None,
        signs=[],
        metrics={},
        changed=bool(doc.get("rv_changed", False)),
        left_alone=str(doc.get("rv_left_alone", "")),
        why="",
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for text in file:
                number += 1
                line = json.loads(text)
                if not isinstance(line, dict):
                    raise ValueError("not a mapping")
                yield line
    except (OSError, ValueError) as error:
        what = f"line {number} can't be read: {error}"
        raise Refused(Problem(what, str(path), fix="run lm-eval again with --log_samples")) from error


def _doc(line: Mapping[str, Any]) -> Mapping[str, Any]:
    doc = line.get("doc")
    return doc if isinstance(doc, dict) else {}


def _item(line: Mapping[str, Any], seen: Seen, path: Path) -> str:
    if item := _doc(line).get("item_id"):
        return str(item)
    if seen.by_hash:
        return str(line["doc_hash"])[:16]
    if "doc_id" not in line:
        what = "the samples have neither item_id, nor doc_hash, nor doc_id: they can't be paired"
        raise Refused(Problem(what, str(path), fix="run lm-eval again with --log_samples (0.4.4 or later)"))
    return f"doc {line['doc_id']}"


def _metric(line: Mapping[str, Any], path: Path) -> str:
    """The score that says right or wrong."""
    names = [name for name in (*_METRICS, *line.get("metrics", [])) if name in line]
    if not names:
        what = "the samples hold no score"
        found = ", ".join(line.get("metrics", [])) or "no metrics"
        raise Refused(Problem(what, str(path), f"one of {', '.join(_METRICS)}", found))
    return str(names[0])


def _score(line: Mapping[str, Any], metric: str, path: Path) -> bool:
    value = line.get(metric)
    if value not in (0, 1):
        what = f"{metric} is no score of right and wrong"
        raise Refused(Problem(what, f"{path}, doc {line.get('doc_id')}", "0 or 1", repr(value)))
    return bool(value)


def _prompt(line: Mapping[str, Any]) -> str:
    arguments = line.get("arguments")
    first = arguments.get("gen_args_0", {}).get("arg_0", "") if isinstance(arguments, dict) else ""
    return first if isinstance(first, str) else json.dumps(first, ensure_ascii=False)


def _text(value: Any) -> str:
    """The first text in lists within lists; of likelihoods, all of it."""
    while isinstance(value, list) and value and isinstance(value[0], str | list) and not _scores(value[0]):
        value = value[0]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _scores(value: Any) -> bool:
    """Whether this is a likelihood with its flag."""
    return isinstance(value, list) and len(value) == 2 and not isinstance(value[0], str | list)
