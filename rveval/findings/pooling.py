"""A variant against its baseline over all benchmarks together, each counting the same or each item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rveval import stats
from rveval.findings.board import Pair
from rveval.findings.comparisons import call, correct, interval, who
from rveval.findings.typed import Hypotheses, Pooled


def pool(found: Sequence[Pair], weights: str) -> tuple[list[Pooled], list[Hypotheses]]:
    """Each variant over all tasks of a family, both ways of weighing; the one that the rules name is corrected.

    A question counts once: of two tasks that ask the same items (a benchmark with and without its passages, or in
    stock's words), the first is taken.
    """
    rows: list[Pooled] = []
    main: list[Pooled] = []
    for variant, family in dict.fromkeys((one.variant, one.task["family"]) for one in found):
        strata: dict[str, Any] = {}
        here = [one for one in found if (one.variant, one.task["family"]) == (variant, family) and one.task["shown"]]
        seen: set[str] = set()
        for one in here:
            items = {item.replace("sciq_closed/", "sciq/") for item in one.ids}
            if seen.isdisjoint(items):
                seen |= items
                strata[one.task["task"]] = one.ours - one.theirs
        if len(strata) < 2:
            continue
        for how in (weights, "items" if weights == "benchmarks" else "benchmarks"):
            row = _pooled(here[0], family, strata, how, corrected=how == weights)
            rows.append(row)
            main += [row] if how == weights else []
    hypotheses = []
    for name in dict.fromkeys(row["hypotheses"] for row in main):
        question = f"does a {name.partition('s x ')[0]} differ from its baseline over all benchmarks together?"
        together = [row for row in main if row["hypotheses"] == name]
        correct(together, name)
        hypotheses.append(Hypotheses(name=name, question=question, n=len(together)))
    for row in rows:
        row["call"] = call(row["difference"], row["p"] if row["p_holm"] is None else row["p_holm"])
    return rows, hypotheses


def _pooled(one: Pair, family: str, strata: dict[str, Any], how: Any, corrected: bool) -> Pooled:
    effect = stats.pooled(strata, by=how).effect
    return Pooled(
        variant=one.variant,
        baseline=one.baseline,
        family=family,
        tasks=list(strata),
        weights=how,
        difference=interval(effect.difference),
        p=effect.p,
        p_holm=effect.p if corrected else None,
        detectable=effect.detectable,
        hypotheses=f"{who(one)} x families, pooled by {how}" if corrected else "",
        call="unclear",
    )
