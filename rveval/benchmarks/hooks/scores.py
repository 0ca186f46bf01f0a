"""How a response is scored, by what kind of answer the benchmark has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rveval import answers
from rveval.answers import Reading
from rveval.benchmarks import bbh
from rveval.benchmarks.hooks.gsm8k_stock import stock_metrics
from rveval.benchmarks.hooks.programs import outcomes

Doc = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Score:
    """One response, scored.

    `extracted` and `correct` are the flexible reading, `extracted_strict` and `correct_strict` the strict one;
    `metrics` are further per-response numbers in [0, 1] that only some benchmarks have; `why` says why code failed.
    """

    extracted: str | None
    correct: bool
    extracted_strict: str | None
    correct_strict: bool
    extraction_failed: bool
    metrics: dict[str, float] = field(default_factory=dict)
    why: str = ""


def score(doc: Doc, response: str) -> Score:
    """Score one response to one document (of `hooks.items`)."""
    source = str(doc["rv_source"])
    if source == "gsm8k":
        return replace(_number(doc["answer"], response), metrics=stock_metrics(doc, response))
    if source == "humaneval":
        return _code(doc, response)
    if source.startswith("bbh_"):
        return _bbh(bbh.SUBTASKS[source.removeprefix("bbh_")], doc, response)
    return _number(doc["answer"], response) if source.startswith("tiny_") else _option(doc, response)


def target(doc: Doc) -> str:
    """The right answer in the spelling that `score` compares with; for code its own solution."""
    source = str(doc["rv_source"])
    if source == "humaneval":
        return str(doc["canonical_solution"])
    if source == "gsm8k" or source.startswith("tiny_"):
        return answers.gold_number(doc["answer"])
    if doc.get("gold", -1) >= 0:
        return str(doc["labels"][doc["gold"]])
    return str(doc["target"])


def run_code(docs: Sequence[Doc], responses: Sequence[str]) -> None:
    """Run what all these responses come to, confined, over all cores; `score` then finds how each ended.

    Raises:
        Refused: the sandbox that the documents name (`rv_sandbox`) is not there.
    """
    asked = [
        (doc, source)
        for doc, response in zip(docs, responses, strict=True)
        for source in _sources(answers.read_code(response, doc["prompt"], doc["entry_point"]))
    ]
    outcomes([doc for doc, _ in asked], [source for _, source in asked])


def _sources(reading: Reading) -> list[str]:
    """The programs of both readings, each once."""
    return list(dict.fromkeys(source for source in (reading.strict, reading.flexible) if source))


def _code(doc: Doc, response: str) -> Score:
    reading = answers.read_code(response, doc["prompt"], doc["entry_point"])
    sources = _sources(reading)
    found = dict(zip(sources, outcomes([doc] * len(sources), sources), strict=True))
    flexible = found[reading.flexible] if reading.flexible else None
    correct = flexible is not None and flexible.passed
    return Score(
        extracted=reading.flexible,
        correct=correct,
        extracted_strict=reading.strict,
        correct_strict=reading.strict is not None and found[reading.strict].passed,
        extraction_failed=reading.failed,
        metrics={"pass@1": float(correct)},
        why=f"{flexible.reason}: {flexible.detail}".removesuffix(": ") if flexible else "nothing to run",
    )


def _number(worked: str, response: str) -> Score:
    return _compared(answers.read_number(response), answers.gold_number(worked), answers.same_number)


def _option(doc: Doc, response: str) -> Score:
    reading = answers.read_option(response, doc["labels"], doc["options"])
    return _compared(reading, doc["labels"][doc["gold"]], _same)


def _bbh(subtask: bbh.Subtask, doc: Doc, response: str) -> Score:
    if subtask.kind == "option":
        return _option(doc, response) if doc["gold"] >= 0 else _text(doc["target"], response)
    if subtask.kind == "number":
        return _compared(answers.read_number(response), answers.canonical(doc["target"]), answers.same_number)
    if subtask.kind == "word":
        return _compared(answers.read_word(response, subtask.allowed), doc["target"], _same)
    if subtask.kind == "brackets":
        given = doc["input"].rpartition("Input:")[2]
        return _compared(answers.read_brackets(response, given), doc["target"], _same)
    words = doc["input"].rpartition("List:")[2].split()
    return _compared(answers.read_sorted(response, words), " ".join(doc["target"].lower().split()), _same)


def _text(target: str, response: str) -> Score:
    """For the three items of BBH whose target is a text that none of their options has: the text itself, or nothing."""
    strict = response.rpartition("####")[2].strip(" .") if "####" in response else None
    last = (response.strip().splitlines() or [""])[-1]
    flexible = strict or (target if target.casefold() in last.casefold() else last.strip(" .") or None)
    return _compared(Reading(strict or None, flexible), target, _same)


def _same(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.casefold() == other.casefold()


def _compared(reading: Reading, gold: str, same: Callable[[str | None, str | None], bool]) -> Score:
    return Score(
        extracted=reading.flexible,
        correct=same(reading.flexible, gold),
        extracted_strict=reading.strict,
        correct_strict=same(reading.strict, gold),
        extraction_failed=reading.failed,
    )
