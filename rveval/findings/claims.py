"""Published numbers, judged by what a study found. The numbers and their sources are in `conf/claims/*.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rveval import stats
from rveval.errors import Problem, Refused
from rveval.findings.board import Board, means, ordered
from rveval.findings.comparisons import interval
from rveval.findings.tasks import chance
from rveval.findings.typed import Claim, TaskRow, VariantRow

_KEYS = {"id", "text", "points", "task", "baseline_task", "model", "vector", "alpha"}
_NEEDED = {"id", "text", "points", "task"}


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


def judged(board: Board, claims: Sequence[Mapping[str, Any]]) -> list[Claim]:
    """Every claim, against each variant that it speaks of; "not tested" where the study has no such cells.

    A claim's `model` and `vector` are regular expressions over labels, `alpha` is the coefficient (1 by default);
    `baseline_task` is what the baseline was asked, where that is another task than the variant's.
    """
    found: list[Claim] = []
    for claim in claims:
        rows = [row for row in board.variants if _speaks_of(claim, row)]
        verdicts = [one for row in rows if (one := _judge(board, claim, row)) is not None]
        why = "the study has the variant, but not with these tasks and its baseline" if rows else _missing(claim)
        found += verdicts or [_claim(claim, None, None, "not tested", why)]
    return found


def _speaks_of(claim: Mapping[str, Any], row: VariantRow) -> bool:
    if row["is_baseline"] or row["alpha"] != float(claim.get("alpha", 1.0)):
        return False
    return all(
        re.search(str(claim.get(key, "")), text, re.IGNORECASE)
        for key, text in (("model", row["model"]), ("vector", row["vector"]))
    )


def _missing(claim: Mapping[str, Any]) -> str:
    wanted = [f"{key} {claim[key]}" for key in ("model", "vector", "alpha") if key in claim]
    return f"the study has no variant of {', '.join(wanted) or 'this kind'}"


def _judge(board: Board, claim: Mapping[str, Any], row: VariantRow) -> Claim | None:
    tasks = {task["task"]: task for task in board.tasks}
    mine, theirs = tasks.get(claim["task"]), tasks.get(claim.get("baseline_task", claim["task"]))
    if mine is None or theirs is None or row["baseline"] is None:
        return None
    members = board.members(row["id"], mine, 0)
    found = _scores(board, row["id"], mine, members)
    plain = [board.task(name)["source"] for name in members] if mine is not theirs else members
    base = _scores(board, row["baseline"], theirs, plain)
    if found is None or base is None or set(found[0]) != set(base[0]):
        return None
    result = stats.paired(found[1], ordered(base[1], base[0], found[0], claim["task"]), chance(mine))
    judgement = stats.judge(float(claim["points"]) / 100, result)
    return _claim(claim, row["id"], result, judgement.verdict, judgement.reason)


def _scores(board: Board, variant: str, task: TaskRow, members: list[str]) -> Any:
    draws = [draw for draw in task["draws"] if members and (variant, members[0], draw) in board.cells]
    try:
        return means(board, variant, members, draws) if draws else None
    except Refused:
        return None


def _claim(claim: Mapping[str, Any], variant: str | None, found: stats.Paired | None, verdict: str, why: str) -> Claim:
    return Claim(
        id=str(claim["id"]),
        source=str(claim.get("source", "")),
        text=str(claim["text"]),
        task=str(claim["task"]),
        variant=variant,
        claimed=float(claim["points"]) / 100,
        found=interval(found.difference) if found else None,
        detectable=found.detectable if found else None,
        verdict=verdict,
        why=why,
    )
