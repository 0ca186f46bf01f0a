"""Every variant against its baseline over all benchmarks together, each counting the same or each item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict, cast

from rveval import stats
from rveval.findings import old_records, tables
from rveval.findings.analysis import Analysis, call, finding, interval, who
from rveval.findings.pictures import Call
from rveval.findings.pieces import Finding, Interval, Outcome
from rveval.findings.study import Pair
from rveval.findings.wording import CALLS


class Pooled(TypedDict):
    """A variant against its baseline over the tasks (`shown` ones) of one family; `weights` as in `Rules`.

    Both weightings are listed; the one that the rules name comes first and has `p_holm`.
    """

    variant: str
    baseline: str
    family: str
    tasks: list[str]
    weights: str
    difference: Interval
    p: float
    p_holm: float | None
    detectable: float
    hypotheses: str
    call: Call


FIELDS = [
    tables.variant(),
    tables.plain("family"),
    tables.computed("weights", lambda row: weights_in_words(row["weights"])),
    tables.items("difference"),
    tables.points("difference", "difference", bold=True),
    tables.p("p", "p"),
    tables.p("p (Holm)", "p_holm"),
    tables.computed("verdict", lambda row: _verdict(row)),
    tables.detectable(),
    tables.asked("over", lambda analysis, row: ", ".join(map(analysis.marked, row["tasks"])), paper=False),
]


def rows(analysis: Analysis) -> list[Pooled]:
    """Each variant over all tasks of a family, both ways of weighing; the one that the rules name is corrected."""
    every: list[Pooled] = []
    both = (analysis.weights, "items" if analysis.weights == "benchmarks" else "benchmarks")
    for variant, family in dict.fromkeys((pair.variant, pair.task["family"]) for pair in analysis.pairs):
        here = [pair for pair in analysis.pairs if (pair.variant, pair.task["family"]) == (variant, family)]
        here = [pair for pair in here if pair.task["shown"]]
        strata = _strata(here)
        if len(strata) > 1:
            every += [_pooled(here[0], family, strata, by, corrected=by == analysis.weights) for by in both]
    main = [row for row in every if row["p_holm"] is not None]
    for name in dict.fromkeys(row["hypotheses"] for row in main):
        question = f"does a {name.partition('s x ')[0]} differ from its baseline over all benchmarks together?"
        analysis.correct([row for row in main if row["hypotheses"] == name], name, question)
    for row in every:
        row["call"] = call(row["difference"], row["p"] if row["p_holm"] is None else row["p_holm"])
    return every


def _strata(here: Sequence[Pair]) -> dict[str, Any]:
    """The differences by item, by task. A question counts once: of two tasks that ask the same, the first is taken."""
    strata: dict[str, Any] = {}
    seen: set[str] = set()
    for pair in here:
        questions = set(map(old_records.question_of, pair.ids))
        if seen.isdisjoint(questions):
            seen |= questions
            strata[pair.task["task"]] = pair.ours - pair.theirs
    return strata


def _pooled(pair: Pair, family: str, strata: dict[str, Any], by: str, corrected: bool) -> Pooled:
    effect = stats.pooled(strata, by=cast(Any, by)).effect
    return Pooled(
        variant=pair.variant,
        baseline=pair.baseline,
        family=family,
        tasks=list(strata),
        weights=by,
        difference=interval(effect.difference),
        p=effect.p,
        p_holm=effect.p if corrected else None,
        detectable=effect.detectable,
        hypotheses=f"{who(pair)} x families, pooled by {by}" if corrected else "",
        call="unclear",
    )


def _verdict(row: Pooled) -> Outcome:
    return Outcome(CALLS[row["call"]] + ("" if row["hypotheses"] else ", by an uncorrected p"), row["call"])


def weights_in_words(weights: str) -> str:
    """What counts the same."""
    return "each benchmark counts the same" if weights == "benchmarks" else "each item counts the same"


@finding(30)
def pooled(analysis: Analysis) -> Finding:
    every = analysis.once(rows)

    return Finding(
        "pooled",
        "All benchmarks together",
        rows=every,
        tables=[tables.table(analysis, "pooled", "Pooled over benchmarks", every, FIELDS)],
        quiet=True,
    )
