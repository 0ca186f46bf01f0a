"""Every variant against its baseline over all benchmarks together, each counting the same or each item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict, cast

from rveval import stats
from rveval.findings import old_records, tables
from rveval.findings.analysis import Analysis, call, finding, grouped, interval, who
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


def _verdict(row: Pooled) -> Outcome:
    return Outcome(CALLS[row["call"]] + ("" if row["hypotheses"] else ", by an uncorrected p"), row["call"])


def weights_in_words(weights: str) -> str:
    """What counts the same."""
    return "each benchmark counts the same" if weights == "benchmarks" else "each item counts the same"


FIELDS = [
    tables.variant(),
    tables.plain("family"),
    tables.computed("weights", lambda row: weights_in_words(row["weights"])),
    tables.items("difference"),
    tables.points("difference", "difference", bold=True),
    tables.p("p", "p"),
    tables.p("p (Holm)", "p_holm"),
    tables.computed("verdict", _verdict),
    tables.detectable(),
    tables.asked("over", lambda analysis, row: ", ".join(map(analysis.marked, row["tasks"])), paper=False),
]


def rows(analysis: Analysis) -> list[Pooled]:
    """Each variant over all tasks of a family, both ways of weighing; the one that the rules name is corrected."""
    every: list[Pooled] = []
    both = sorted(("benchmarks", "items"), key=lambda by: by != analysis.weights)
    shown = [pair for pair in analysis.pairs if pair.task["shown"]]
    for (_, family), here in grouped(shown, lambda pair: (pair.variant, pair.task["family"])).items():
        strata = _strata(here)
        if len(strata) > 1:
            every += [_pooled(here[0], family, strata, by, corrected=by == analysis.weights) for by in both]
    main = [row for row in every if row["p_holm"] is not None]
    for name, same in grouped(main, lambda row: row["hypotheses"]).items():
        question = f"does a {name.partition('s x ')[0]} differ from its baseline over all benchmarks together?"
        analysis.correct(same, name, question)
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
