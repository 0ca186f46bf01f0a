"""Every variant against its baseline, on every task, paired by item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from typing import cast

from rveval import stats
from rveval.findings import noise, tables
from rveval.findings.analysis import (
    CONTROLS,
    VARIANTS,
    Analysis,
    call,
    edge_of,
    finding,
    grouped,
    interval,
    kind_of,
    who,
)
from rveval.findings.pictures import Call
from rveval.findings.pieces import Clause, Edge, Finding, Interval
from rveval.findings.study import Compared, Pair
from rveval.findings.wording import listed, points, ranged

QUESTIONS = {
    "clean tasks": "from its baseline on a benchmark?",
    "perturbed tasks": "from its baseline under a family?",
    "members of groups": "from its baseline on a subtask?",
}
SAID_OF_GAINS, BUT, SAID_OF_OTHERS, SAID_OF_KEPT = 0, 2, 3, 5
"""Places of the clauses of a variant's sentence: gains and losses, what takes a gain away, the rest, what is kept."""


class Comparison(Compared):
    """A variant against its baseline on one task, all draws together, paired by item id.

    `p` is McNemar's exact test (with several draws or samples: the sign test over items), `p_mid` its mid-p form,
    `p_holm` is corrected over the hypotheses named by `hypotheses`. `detectable`: the smallest true difference that
    these items would show with the rules' power. `noise`: how far the baseline differs from itself when it is run
    again with its requests in another order (the largest such difference on this task), null where it was not.
    `call`: what may be said, "edge" at the floor or the ceiling; "unclear" where the interval or p_holm leaves it open.
    """

    draws: list[int]
    difference: Interval
    fixed: int
    broken: int
    p: float
    p_mid: float
    p_holm: float
    hypotheses: str
    detectable: float
    at_edge: Edge
    noise: float | None
    call: Call


FIELDS = [
    tables.variant(),
    tables.task(),
    tables.items("difference"),
    tables.points("difference", "difference", bold=True),
    tables.plain("fixed"),
    tables.plain("broken"),
    tables.p("p", "p"),
    tables.p("mid-p", "p_mid"),
    tables.p("p (Holm)", "p_holm"),
    tables.plain("corrected with", "hypotheses", paper=False),
    tables.detectable(),
    tables.points("noise", "noise", signed=False),
    tables.verdict(),
]


def rows(analysis: Analysis) -> list[Comparison]:
    """All comparisons, corrected within their families of hypotheses.

    What stands at the floor or the ceiling is corrected with the rest: it was asked too.
    """
    runs = analysis.once(noise.rows)
    every = [_comparison(pair, runs) for pair in analysis.pairs]
    for whose, kind in product((VARIANTS, CONTROLS), QUESTIONS):
        name = f"{whose} x {kind}"
        question = f"does a {whose.removesuffix('s')} differ {QUESTIONS[kind]}"
        analysis.correct([row for row in every if row["hypotheses"] == name], name, question)
    for row in every:
        row["call"] = call(row["difference"], row["p_holm"], row["at_edge"], row["noise"])
    return every


def _comparison(pair: Pair, runs: Sequence[noise.Noise]) -> Comparison:
    measured = stats.paired(pair.ours, pair.theirs, pair.task["chance"])
    return Comparison(
        **pair.about,
        draws=pair.draws,
        difference=interval(measured.difference),
        fixed=measured.fixed,
        broken=measured.broken,
        p=measured.p,
        p_mid=measured.mid_p,
        p_holm=measured.p,
        hypotheses=f"{who(pair)} x {kind_of(pair.task)}",
        detectable=measured.detectable,
        at_edge=edge_of(measured.edge),
        noise=_noise(pair, runs),
        call="unclear",
    )


def _noise(pair: Pair, every: Sequence[noise.Noise]) -> float | None:
    """The largest difference between two runs of one thing; of a group, of all its members together."""
    here = [row for row in every if row["task"] in pair.members]
    runs = grouped(here, lambda row: (row["variant"], row["draw"], row["repeat"])).values()
    whole = [run for run in runs if len({row["task"] for row in run}) == len(pair.members)]
    moved = [abs(sum(r["difference"]["value"] * r["n"] for r in run)) / sum(r["n"] for r in run) for run in whole]
    return max(moved, default=None)


def by_place(analysis: Analysis) -> dict[tuple[str, str], Comparison]:
    """All comparisons by variant and task."""
    return {(row["variant"], row["task"]): row for row in analysis.once(rows)}


def on_clean(analysis: Analysis) -> dict[str, list[Comparison]]:
    """By variant: its comparisons on clean tasks, those of the short tables; what the verdict is about."""
    every = analysis.once(rows)
    clean = [row for row in every if row["family"] == "clean" and analysis.grid.shown(row["task"])]
    return grouped(clean, lambda row: row["variant"])


def ranked(analysis: Analysis) -> list[str]:
    """The variants that may be named as better or worse, best first: null controls where there is nothing else."""
    judged = analysis.once(on_clean)
    lines = [row for row in analysis.grid.variants if row["id"] in judged]
    candidates = [row["id"] for row in lines if not row["null"]] or [row["id"] for row in lines]
    return sorted(candidates, key=lambda variant: rank(analysis, variant), reverse=True)


def rank(analysis: Analysis, variant: str) -> tuple[float, ...]:
    """Benchmarks that it helps on less those it hurts on, then its mean difference, then the smaller alpha."""
    judged = analysis.once(on_clean)[variant]
    calls = [row["call"] for row in judged]
    mean = sum(row["difference"]["value"] for row in judged) / len(judged)
    return calls.count("better") - calls.count("worse"), mean, -abs(analysis.grid.variant(variant)["alpha"])


@finding(20)
def comparisons(analysis: Analysis) -> Finding:
    every, title = analysis.once(rows), "Differences to the baseline"
    names = Counter(row["hypotheses"] for row in every)
    together = "; ".join(f"{name} ({number})" for name, number in names.items())
    note = f"Corrected together: {together}. Bold: it counts after Holm's correction. Detectable: the smallest true "
    note += "difference that would mostly be found by one test alone; after Holm's correction it is larger."
    return Finding(
        "comparisons",
        title,
        lead="Every variant against its baseline on the same items, on every task.",
        rows=every,
        clauses=[clause for variant in analysis.once(ranked) for clause in _clauses(analysis, variant)],
        tables=[tables.table(analysis, "comparisons", title, every, FIELDS, note)],
        empty="No pairs to compare: there is no baseline on the same items.",
    )


def _clauses(analysis: Analysis, variant: str) -> Iterator[Clause]:
    """What one variant does, call by call."""
    by_call = grouped(analysis.once(on_clean)[variant], lambda row: row["call"])
    for place, name, words in (
        (SAID_OF_GAINS, "better", "helps on"),
        (SAID_OF_GAINS + 1, "worse", "hurts on"),
        (SAID_OF_OTHERS, "unclear", "shows no difference that can be told from chance on"),
    ):
        if same := by_call.get(cast(Call, name)):
            yield Clause(variant, place, f"{words} {_each(analysis, same, name == 'unclear')}")
    if edge := by_call.get("edge"):
        named = listed(f"{analysis.grid.title(row['task'])} (both at the {row['at_edge']})" for row in edge)
        yield Clause(variant, SAID_OF_OTHERS + 1, f"can't be judged on {named}")


def _each(analysis: Analysis, judged: Sequence[Comparison], missed: bool) -> str:
    def said(row: Comparison) -> str:
        more = f"; less than {points(row['detectable'], False)} points would mostly be missed" if missed else ""
        if missed and row["noise"] and abs(row["difference"]["value"]) <= row["noise"]:
            more = f"; no more than the noise, {points(row['noise'], False)}"
        return f"{analysis.grid.title(row['task'])}: {ranged(row['difference'])}{more}"

    return listed(map(said, sorted(judged, key=lambda row: -abs(row["difference"]["value"]))), ", and on ")
