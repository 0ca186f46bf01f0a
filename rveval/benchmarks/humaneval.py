"""HumanEval: 164 Python functions to complete, judged by running their tests (Chen et al. 2021, arXiv:2107.03374).

Programs run confined, each once in a process, however often lm-eval, its filters and our records ask about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from rveval import answers, sandbox
from rveval.answers import Reading
from rveval.benchmarks import stock, yaml_files
from rveval.benchmarks.benchmark import Asking, Benchmark
from rveval.benchmarks.scores import Doc, Score
from rveval.benchmarks.source import Record, Source
from rveval.perturb import Item, Traits
from rveval.sandbox import Outcome, Program

_ran: dict[tuple[str, Program], Outcome] = {}


def _outcomes(docs: Sequence[Doc], sources: Sequence[str]) -> list[Outcome]:
    """How each program ended, run confined and over all cores where it has not been run before.

    Args:
        docs: one for each program: its tests, and the sandbox (`rv_sandbox`, the first one's for all).
        sources: whole programs as text.

    Raises:
        Refused: the sandbox is not there.
    """
    kind = str(docs[0]["rv_sandbox"]) if docs else "bwrap"
    programs = [
        (kind, Program(source=text, entry_point=doc["entry_point"], test=doc["test"], helpers=doc["prompt"]))
        for doc, text in zip(docs, sources, strict=True)
    ]
    missing = list(dict.fromkeys(key for key in programs if key not in _ran))
    _ran.update(zip(missing, sandbox.run_all([program for _, program in missing], kind), strict=True))
    return [_ran[key] for key in programs]


def _why(outcome: Outcome) -> str:
    return f"{outcome.reason}: {outcome.detail}".removesuffix(": ")


class _HumanEval(Benchmark):
    def item(self, record: Record) -> Item:
        return Item(
            item_id=record["item_id"],
            traits=self.traits,
            question=record["prompt"],
            answer=record["canonical_solution"],
            entry_point=record["entry_point"],
            test=record["test"],
            instruction="Complete the following Python function.",
        )

    def fields(self, record: Record, item: Item) -> Record:
        names = {"prompt": item.question, "canonical_solution": item.answer}
        return names | {"entry_point": item.entry_point, "test": item.test}

    def document(self, record: Record, clean: Item, asked: Item, asking: Asking) -> dict[str, Any]:
        return super().document(record, clean, asked, asking) | {"rv_sandbox": asking.sandbox}

    def run_code(self, docs: Sequence[Doc], responses: Sequence[str]) -> None:
        asked = [
            (doc, source)
            for doc, response in zip(docs, responses, strict=True)
            for source in _sources(answers.read_code(response, doc["prompt"], doc["entry_point"]))
        ]
        _outcomes([doc for doc, _ in asked], [source for _, source in asked])

    def score(self, doc: Doc, response: str) -> Score:
        reading = answers.read_code(response, doc["prompt"], doc["entry_point"])
        sources = _sources(reading)
        ended = dict(zip(sources, _outcomes([doc] * len(sources), sources), strict=True))
        flexible = ended[reading.flexible] if reading.flexible else None
        correct = flexible is not None and flexible.passed
        return Score(
            extracted=reading.flexible,
            correct=correct,
            extracted_strict=reading.strict,
            correct_strict=reading.strict is not None and ended[reading.strict].passed,
            extraction_failed=reading.failed,
            metrics={"pass@1": float(correct)},
            why=_why(flexible) if flexible else "nothing to run",
        )

    def target(self, doc: Doc) -> str:
        return str(doc["canonical_solution"])


def _sources(reading: Reading) -> list[str]:
    """The programs of both readings, each once."""
    return list(dict.fromkeys(source for source in (reading.strict, reading.flexible) if source))


class _StockHumanEval(stock.Stock):
    """lm-eval would run the answers unconfined, and fetches its metric from the hub; so they are run by us. There is
    one reading, the response as the stub's continuation.
    """

    def documents(self, split: str, asking: Asking, limit: int | None = None) -> list[dict[str, Any]]:
        return [doc | {"rv_sandbox": asking.sandbox} for doc in super().documents(split, asking, limit)]

    def task_config(self) -> dict[str, Any]:
        run = {"name": "create_test", "filter": [{"function": "custom", "filter_fn": stock_predictions}]}
        return self.over_our_items(yaml_files.read(yaml_files.tasks_folder() / self.path)) | {
            "filter_list": [run],
            "process_results": stock_results,
            "metric_list": [{"metric": "pass@1", "aggregation": "mean", "higher_is_better": True}],
        }

    def run_code(self, docs: Sequence[Doc], responses: Sequence[str]) -> None:
        stock_predictions([[response] for response in responses], docs)

    def score(self, doc: Doc, response: str) -> Score:
        program = _stub_and(doc, response)
        (outcome,) = _outcomes([doc], [program])
        passed = outcome.passed
        return Score(program, passed, program, passed, False, {"pass@1": float(passed)}, _why(outcome))


def _stub_and(doc: Doc, response: str) -> str:
    return str(doc["prompt"]) + response


def stock_predictions(resps: Sequence[Sequence[str]], docs: Sequence[Doc]) -> list[list[str]]:
    """Stock's filter: the stub and its continuation. All are run here, over all cores; `stock_results` then finds how
    each ended.
    """
    programs = [[_stub_and(doc, response) for response in of_doc] for of_doc, doc in zip(resps, docs, strict=True)]
    repeated = [doc for doc, of_doc in zip(docs, programs, strict=True) for _ in of_doc]
    _outcomes(repeated, [program for of_doc in programs for program in of_doc])
    return programs


def stock_results(doc: Mapping[str, Any], results: Sequence[Sequence[str]]) -> dict[str, float]:
    """Stock's `process_results`: pass@1 over the samples, by running each with the tests."""
    ended = _outcomes([doc] * len(results[0]), results[0])
    return {"pass@1": fmean(outcome.passed for outcome in ended)}


_FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
_HUMANEVAL = _HumanEval(
    name="humaneval",
    source=Source(
        name="humaneval",
        files={"test": "humaneval/HumanEval.jsonl"},
        counts={"test": 164},
        sha256={"test": "62eeaa082ca375405caa318234d2eadb3536c69ab5a5cbf7a70138aac686645c"},
        fields=_FIELDS,
        hub=("openai/openai_humaneval", None),
    ),
    traits=Traits("code"),
    reader="code",
)
BENCHMARKS = [
    _HUMANEVAL,
    _StockHumanEval.of(_HUMANEVAL, "humaneval/humaneval.yaml", target="canonical_solution"),
]
