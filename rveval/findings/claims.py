"""Published numbers, judged by what a study found. The numbers and their sources are in `conf/claims/*.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from rveval import stats
from rveval.errors import Problem, Refused
from rveval.findings import tables
from rveval.findings.analysis import Analysis, finding, interval
from rveval.findings.marks import ordered
from rveval.findings.pictures import Sign
from rveval.findings.pieces import Finding, Interval
from rveval.findings.report import VariantRow
from rveval.findings.study import Grid

_KEYS = {"id", "text", "points", "task", "baseline_task", "model", "vector", "alpha"}
_NEEDED = {"id", "text", "points", "task"}
_SIGNS: dict[str, Sign] = {"reproduced": "better", "not reproduced": "worse", "underpowered": "unclear"}


class Claim(TypedDict):
    """A published number, judged. `claimed` and `found` are differences of shares; `found` is null where the study has
    no such cells. `verdict`: "reproduced", "not reproduced", "underpowered", "no verdict" (at the floor or the
    ceiling), "not tested"."""

    id: str
    source: str
    text: str
    task: str
    variant: str | None
    claimed: float
    found: Interval | None
    detectable: float | None
    verdict: str
    why: str


def check(claims: Sequence[Mapping[str, Any]], where: str) -> None:
    """Whether claims can be judged.

    Raises:
        Refused: a key is missing or unknown, or a value is of the wrong kind.
    """
    problems = []
    for claim in claims:
        missing, unknown = _NEEDED - claim.keys(), claim.keys() - _KEYS - {"source"}
        points = claim.get("points")
        if missing or unknown or not isinstance(points, int | float) or not points:
            found = f"missing {sorted(missing)}, unknown {sorted(unknown)}, points {points}"
            expected = f"the keys {', '.join(sorted(_KEYS))}, points a number other than 0"
            problems.append(Problem("a claim can't be read", f"{where}: {claim.get('id')}", expected, found))
    if problems:
        raise Refused(problems)


def rows(analysis: Analysis) -> list[Claim]:
    """Every claim, against each variant that it speaks of; "not tested" where the study has no such cells.

    A claim's `model` and `vector` are regular expressions over labels, `alpha` is the coefficient (1 by default);
    `baseline_task` is what the baseline was asked, where that is another task than the variant's.
    """
    every: list[Claim] = []
    for claim in analysis.claims:
        lines = [row for row in analysis.grid.variants if _speaks_of(claim, row)]
        judged = [row for line in lines if (row := _judge(analysis.grid, claim, line)) is not None]
        wanted = ", ".join(f"{key} {claim[key]}" for key in ("model", "vector", "alpha") if key in claim)
        why = f"the study has no variant of {wanted or 'this kind'}"
        if lines:
            why = "the study has the variant, but not with these tasks and its baseline"
        every += judged or [_claim(claim, None, None, "not tested", why)]
    return every


def _speaks_of(claim: Mapping[str, Any], row: VariantRow) -> bool:
    if row["is_baseline"] or row["alpha"] != float(claim.get("alpha", 1.0)):
        return False
    texts = {"model": row["model"], "vector": row["vector"]}
    return all(re.search(str(claim.get(key, "")), text, re.IGNORECASE) for key, text in texts.items())


def _judge(grid: Grid, claim: Mapping[str, Any], line: VariantRow) -> Claim | None:
    tasks = {task["task"]: task for task in grid.tasks}
    mine, theirs = tasks.get(claim["task"]), tasks.get(claim.get("baseline_task", claim["task"]))
    if mine is None or theirs is None or line["baseline"] is None:
        return None
    members = grid.members(line["id"], mine, 0)
    own = grid.scores(line["id"], mine, members)
    plain = [grid.task(name)["source"] for name in members] if mine is not theirs else members
    base = grid.scores(line["baseline"], theirs, plain)
    if own is None or base is None or set(own[0]) != set(base[0]):
        return None
    measured = stats.paired(own[1], ordered(base[1], base[0], own[0], claim["task"]), mine["chance"])
    judgement = stats.judge(float(claim["points"]) / 100, measured)
    return _claim(claim, line["id"], measured, judgement.verdict, judgement.reason)


def _claim(
    claim: Mapping[str, Any], variant: str | None, measured: stats.Paired | None, verdict: str, why: str
) -> Claim:
    return Claim(
        id=str(claim["id"]),
        source=str(claim.get("source", "")),
        text=str(claim["text"]),
        task=str(claim["task"]),
        variant=variant,
        claimed=float(claim["points"]) / 100,
        found=interval(measured.difference) if measured else None,
        detectable=measured.detectable if measured else None,
        verdict=verdict,
        why=why,
    )


FIELDS = [
    tables.plain("claim", "text"),
    tables.plain("source"),
    tables.task(),
    tables.variant(),
    tables.items("found"),
    tables.points("claimed", "claimed"),
    tables.points("found", "found"),
    tables.detectable(),
    tables.verdict("verdict", {}, _SIGNS),
    tables.plain("why", paper=False),
]


@finding(130)
def claims(analysis: Analysis) -> Finding:
    every, title = analysis.once(rows), "Published claims"
    untested = sum(row["found"] is None for row in every)
    note = f"{untested} more could not be tested with these cells." if untested else ""

    def is_detail(row: Claim) -> bool:
        return row["found"] is None

    return Finding(
        "claims",
        "Published numbers",
        lead="What papers claim, against what was found here.",
        rows=every,
        tables=[tables.table(analysis, "claims", title, every, FIELDS, note, is_detail, open=True)],
        empty="There are no published numbers to compare with: conf/claims holds none.",
    )
