"""The lines of a `samples_*.jsonl` of plain lm-eval, as samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rveval.errors import Problem, Refused
from rveval.store import Sample

_METRICS = ("exact_match", "acc", "pass@1")
_UNREAD = ("", "[invalid]")
_AGAIN = "run lm-eval again with --log_samples"

Line = Mapping[str, Any]


class Lines:
    """A file of samples, read once for what has to be known before its samples are.

    `doc` is the first document, `prompts` the hash of each item's prompt by its id.

    Raises:
        Refused: no samples, lines that are no JSON, no ids, an item twice, or scores that are not right or wrong.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        by_filter: dict[str, list[dict[str, Any]]] = {}
        first: Line = {}
        for line in self._lines():
            first = first or line
            kept = {key: line[key] for key in ("doc_id", "doc_hash", "prompt_hash", *_scores(line)) if key in line}
            kept["doc"] = {"item_id": _doc(line).get("item_id")}
            by_filter.setdefault(str(line.get("filter", "")), []).append(kept)
        if not first:
            raise self._refused("holds no samples")
        self.doc, self._metric = _doc(first), self._metric_of(first)
        self._chosen = "flexible-extract" if "flexible-extract" in by_filter else next(iter(by_filter))
        chosen, strict = by_filter[self._chosen], by_filter.get("strict-match", [])
        self._strict = {line.get("doc_id"): self._right(line) for line in strict if self._chosen != "strict-match"}
        self._by_hash = len({line.get("doc_hash") for line in chosen} - {None}) == len(chosen)
        self.prompts: dict[str, str] = {}
        for line in chosen:
            item, _ = self._item(line), self._right(line)
            if item in self.prompts:
                what = f"item {item} is there twice: lm-eval adds to a file of the same name"
                raise self._refused(what, fix="run it again into an empty --output_path")
            self.prompts[item] = str(line.get("prompt_hash", ""))

    def samples(self) -> Iterator[Sample]:
        """One sample a document, by the chosen filter; what lm-eval does not write (tokens, ends) stays empty."""
        for line in self._lines():
            if line.get("filter", "") == self._chosen:
                yield self._sample(line)

    def _sample(self, line: Line) -> Sample:
        doc, right = _doc(line), self._right(line)
        extracted = _text(line.get("filtered_resps"))
        failed = bool(line.get("extraction_failed", extracted.strip() in _UNREAD))
        return Sample(
            item_id=self._item(line),
            doc_id=int(line.get("doc_id", 0)),
            benchmark=str(doc.get("rv_source", "")),
            family=str(doc.get("rv_families", "clean")),
            draw=int(doc.get("rv_draw", 0)),
            seed=0,
            sample_index=0,
            prompt=_prompt(line),
            response=_text(line.get("resps")),
            thinking="",
            extracted=None if failed else extracted,
            correct=right,
            extracted_strict=None,
            correct_strict=self._strict.get(line.get("doc_id"), bool(line.get("exact_match_strict", right))),
            target=str(line.get("target", "")),
            extraction_failed=failed,
            finish_reason="",
            stop_reason=None,
            n_prompt_tokens=0,
            n_output_tokens=0,
            n_thinking_tokens=0,
            mean_logprob=None,
            signs=[],
            metrics={},
            changed=bool(doc.get("rv_changed", False)),
            left_alone=str(doc.get("rv_left_alone", "")),
            why="",
        )

    def _lines(self) -> Iterator[Line]:
        number = 0
        try:
            with self._path.open(encoding="utf-8") as file:
                for text in file:
                    number += 1
                    yield dict(json.loads(text))
        except (OSError, ValueError, TypeError) as error:
            raise self._refused(f"line {number} can't be read: {error}") from error

    def _item(self, line: Line) -> str:
        if item := _doc(line).get("item_id"):
            return str(item)
        if self._by_hash:
            return str(line["doc_hash"])[:16]
        if "doc_id" not in line:
            what = "the samples have neither item_id, nor doc_hash, nor doc_id: they can't be paired"
            raise self._refused(what, fix=f"{_AGAIN} (0.4.4 or later)")
        return f"doc {line['doc_id']}"

    def _metric_of(self, line: Line) -> str:
        """The score that says right or wrong."""
        names = _scores(line)
        if not names:
            found = ", ".join(line.get("metrics", [])) or "no metrics"
            raise self._refused("the samples hold no score", f"one of {', '.join(_METRICS)}", found)
        return names[0]

    def _right(self, line: Line) -> bool:
        value = line.get(self._metric)
        if value not in (0, 1):
            what = f"{self._metric} is no score of right and wrong in doc {line.get('doc_id')}"
            raise self._refused(what, "0 or 1", repr(value))
        return bool(value)

    def _refused(self, what: str, expected: str = "", found: str = "", fix: str = _AGAIN) -> Refused:
        return Refused(Problem(what, str(self._path), expected, found, fix))


def _scores(line: Line) -> list[str]:
    return [str(name) for name in (*_METRICS, *line.get("metrics", [])) if name in line]


def _doc(line: Line) -> Line:
    doc = line.get("doc")
    return doc if isinstance(doc, dict) else {}


def _prompt(line: Line) -> str:
    arguments = line.get("arguments")
    first = arguments.get("gen_args_0", {}).get("arg_0", "") if isinstance(arguments, dict) else ""
    return first if isinstance(first, str) else json.dumps(first, ensure_ascii=False)


def _text(value: Any) -> str:
    """The first text in lists within lists; of likelihoods, all of it."""
    while isinstance(value, list) and value and isinstance(value[0], str | list) and not _is_likelihood(value[0]):
        value = value[0]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _is_likelihood(value: Any) -> bool:
    """Whether this is a likelihood with its flag."""
    return isinstance(value, list) and len(value) == 2 and not isinstance(value[0], str | list)
