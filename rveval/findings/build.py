"""Studies -> `Report`: everything that is shown, computed from the store alone."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from rveval import __version__, stats
from rveval.findings.analysis import Analysis, registered
from rveval.findings.items import Items
from rveval.findings.layout import lay_out
from rveval.findings.report import Made, Provenance, Report, Rules
from rveval.findings.study import Grid, Study
from rveval.findings.verdict import conclude

MARGIN, WEIGHTS = 0.5, "benchmarks"
FORCED = "forced: its donors do not fit the base, and only what fits of them was added"


def build(
    studies: Sequence[Study],
    claims: Sequence[Mapping[str, Any]] = (),
    items: Path | None = None,
    made: Mapping[str, str] | None = None,
    commands: Sequence[str] = (),
    tick: Callable[[int], None] | None = None,
) -> Report:
    """Read the studies once, and say what they say.

    Args:
        studies: at least one.
        claims: published numbers to judge, as in `conf/claims`.
        items: an empty folder that gets the item files; None writes none.
        made: `command` and `source`, for people.
        commands: what makes the cells again.
        tick: told of the items of every cell that was read.

    Raises:
        Refused: damaged cells, nothing to lay out, or cells to be compared that hold different items.
    """
    keeper = Items(items) if items is not None else None
    analysis = _analysis(studies, claims, keeper, tick)
    grid = analysis.grid
    _load_findings()
    findings = [compute(analysis) for compute in registered()]
    _remark_on_variants(grid)
    sets = keeper.finish(grid) if keeper else []
    return Report(
        verdict=conclude(analysis, findings),
        findings=findings,
        variants=grid.variants,
        tasks=grid.tasks,
        problems=grid.problems,
        rules=_rules(analysis),
        made=Made(
            rveval=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            studies=[study.name for study in studies],
            command=(made or {}).get("command", ""),
            source=(made or {}).get("source", ""),
        ),
        provenance=_provenance(grid, studies, commands),
        items=sets,
    )


def _load_findings() -> None:
    """Import every file of this package: each finding registers itself where it is written."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")


def _analysis(
    studies: Sequence[Study],
    claims: Sequence[Mapping[str, Any]],
    keeper: Items | None,
    tick: Callable[[int], None] | None,
) -> Analysis:
    """The cells laid out, and the rules as the configs of the runs hold them: the strictest where they disagree."""
    grid = lay_out(studies, keeper.keep if keeper else None, tick)
    suites = [entry["config"].get("suite") or {} for study in studies for entry in study.entries]
    margins = sorted({float(suite.get("margin", MARGIN)) for suite in suites}) or [MARGIN]
    weights = sorted({str(suite.get("pooled_by", WEIGHTS)) for suite in suites}) or [WEIGHTS]
    if any(suite and "margin" not in suite for suite in suites):
        what = f"some runs do not say the rule of survival: the default is taken, a margin of {MARGIN:g}"
        grid.problem("warning", what, "suite.margin", "run them again: a finished cell is kept, and the rule is noted")
    if len(margins) > 1 or len(weights) > 1:
        what = f"the runs were made under different rules (margin {margins}, pooled by {weights})"
        fix = "the largest margin and equal benchmarks are taken; run all variants again under one rule"
        grid.problem("warning", what, "suite.margin, suite.pooled_by", fix)
    seed = min((cell.record["seed"] for cell in grid.cells.values()), default=0)
    return Analysis(grid, studies, claims, margins[-1], weights[0], seed)


def _rules(analysis: Analysis) -> Rules:
    return Rules(
        level=stats.LEVEL,
        power=stats.POWER,
        margin=analysis.margin,
        weights=cast(Any, analysis.weights),
        seed=analysis.seed,
        chance={task["source"].removeprefix("rv_"): task["chance"] for task in analysis.grid.tasks if task["chance"]},
        edge=stats.EDGE,
        hypotheses=analysis.hypotheses,
    )


def _remark_on_variants(grid: Grid) -> None:
    for row in grid.variants:
        cells = [cell for key, cell in grid.cells.items() if key[0] == row["id"]]
        warnings = sorted({warning for cell in cells for warning in cell.record["warnings"]})
        row["remarks"] = [FORCED, *warnings] if row["forced"] else warnings


def _provenance(grid: Grid, studies: Sequence[Study], commands: Sequence[str]) -> Provenance:
    records: list[Mapping[str, Any]] = [cell.record for cell in [*grid.cells.values(), *grid.repeats]]
    ids = {row["fingerprint"]: row["id"] for row in reversed(grid.variants)}
    engines = {json.dumps(record["engine"], sort_keys=True, default=str): record["engine"] for record in records}
    timings: dict[str, float] = {}
    versions: dict[str, set[str]] = {}
    for record in records:
        for name, version in record["versions"].items():
            versions.setdefault(name, set()).add(str(version))
        for name, seconds in record["timings"].items():
            timings[name] = timings.get(name, 0.0) + float(seconds)
    entries = [entry for study in studies for entry in study.entries if entry["fingerprint"] in ids]
    return Provenance(
        configs={ids[entry["fingerprint"]]: entry["config"] for entry in entries},
        settings={record["cell_id"]: record["settings"] for record in records},
        versions={name: sorted(known) for name, known in sorted(versions.items())},
        engines=list(engines.values()),
        seeds=sorted({record["seed"] for record in records}),
        created=sorted({record["created"] for record in records})[:: max(1, len(records) - 1)],
        timings=timings,
        commands=list(commands),
    )
