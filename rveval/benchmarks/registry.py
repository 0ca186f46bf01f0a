"""Every benchmark by its name, and what may be asked of one by the name that tasks and documents have for it."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from rveval.benchmarks.benchmark import Asking, Benchmark
from rveval.benchmarks.scores import Doc, Score
from rveval.errors import Problem, Refused
from rveval.perturb import Traits

BENCHMARKS: dict[str, Benchmark] = {}
"""All benchmarks, those with lm-eval's own prompts among them."""


def find_all(package: str, paths: Sequence[str]) -> None:
    """Import the package's modules, and take up what they offer as `BENCHMARKS`."""
    for module in pkgutil.iter_modules(paths):
        if f"{package}.{module.name}" != __name__:
            offered = getattr(import_module(f"{package}.{module.name}"), "BENCHMARKS", ())
            BENCHMARKS.update({benchmark.name: benchmark for benchmark in offered})


def names() -> list[str]:
    """All benchmarks that families can be applied to."""
    return [name for name, benchmark in BENCHMARKS.items() if benchmark.takes_families]


def stock_names() -> list[str]:
    """Those asked with lm-eval's own prompts, kept as they are."""
    return [name for name, benchmark in BENCHMARKS.items() if not benchmark.takes_families]


def groups() -> dict[str, list[Benchmark]]:
    """The groups of benchmarks that are asked together, each with its members."""
    found: dict[str, list[Benchmark]] = {}
    for benchmark in BENCHMARKS.values():
        if benchmark.group:
            found.setdefault(benchmark.group, []).append(benchmark)
    return found


def get(name: str) -> Benchmark:
    """The benchmark of a name: "gsm8k", "bbh_word_sorting", "stock_gsm8k".

    Raises:
        Refused: no such benchmark.
    """
    if name not in BENCHMARKS:
        raise Refused(Problem("no such benchmark", where=name, expected=f"one of {', '.join(names())}", found=name))
    return BENCHMARKS[name]


def splits(name: str) -> list[str]:
    """The splits that a benchmark has, the one that is asked first."""
    return get(name).splits


def load(name: str, split: str = "test") -> list[dict[str, Any]]:
    """All records of a split as published, in order: see `Benchmark.load`."""
    return get(name).load(split)


def data_hash(name: str, split: str = "test") -> str:
    """sha256 over a split's records: see `Benchmark.data_hash`."""
    return get(name).data_hash(split)


def traits(name: str) -> Traits:
    """What families may know of a benchmark's prompts."""
    return get(name).traits


def documents(name: str, split: str, metadata: Mapping[str, Any], limit: int | None = None) -> list[dict[str, Any]]:
    """The documents of one split, as `hooks.items` has them; only the first ones with `limit`.

    Raises:
        Refused: the benchmark can't be loaded, or a family does not apply.
    """
    return get(name).documents(split, Asking.of(metadata), limit)


def score(doc: Doc, response: str) -> Score:
    """Score one response to one document."""
    return get(str(doc["rv_source"])).score(doc, response)


def target(doc: Doc) -> str:
    """The right answer in the spelling that `score` compares with; for code its own solution."""
    return get(str(doc["rv_source"])).target(doc)


def run_code(docs: Sequence[Doc], responses: Sequence[str]) -> None:
    """Run what the responses to documents of one benchmark come to, where they are programs, confined, over all cores;
    `score` then finds how each ended.

    Raises:
        Refused: the sandbox that the documents name (`rv_sandbox`) is not there.
    """
    if docs:
        get(str(docs[0]["rv_source"])).run_code(docs, responses)


def scored_by(name: str) -> dict[str, Any]:
    """What reads and scores a benchmark's responses, with versions: see `Benchmark.scored_by`."""
    return get(name).scored_by()
