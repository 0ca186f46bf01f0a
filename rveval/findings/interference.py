"""Several vectors together against the sum of what each gives alone: do they add up, help or hinder each other?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

from rveval import stats
from rveval.findings import tables
from rveval.findings.analysis import Analysis, call, edge_of, finding, grouped, interval, kind_of
from rveval.findings.marks import ordered
from rveval.findings.pictures import Call
from rveval.findings.pieces import Edge, Finding, Interval, Outcome, Statement, Tone, Value
from rveval.findings.report import TaskRow, VariantRow
from rveval.findings.study import Compared, Grid, Pair
from rveval.findings.wording import points, span
from rveval.recipe import RecipeTerm

WEIGHT = 70
_PLACES = 9  # digits to which alpha times weight is one number
_CALLS = {
    "better": "more than the sum",
    "worse": "less than the sum",
    "unclear": "can't be told from adding up",
    "edge": "no verdict: at the floor or the ceiling",
}
_BEYOND = {"ceiling": "the base has less to gain than {}", "floor": "the base has less to lose than {}"}


class Alone(TypedDict):
    """One vector of several, alone: its line, and its difference to the baseline."""

    variant: str
    difference: Interval


class Interference(Compared):
    """Several vectors together (`variant`) against the sum of what each gives alone, on one task, paired by item.

    `interference` is `together` - `total`, all of them differences to the baseline, `total` being the sum of `alone`.
    `p_holm` is corrected over `hypotheses`. `call`: "better" is more than the sum, "worse" less. `beyond`: where the
    sum itself can't be, as the base has not so much left to gain ("ceiling") or to lose ("floor"); `call` is "edge"
    where the vectors together also stand there.
    """

    alone: list[Alone]
    together: Interval
    total: Interval
    interference: Interval
    p: float
    p_holm: float
    detectable: float
    hypotheses: str
    beyond: Edge
    call: Call
    said: str


def rows(analysis: Analysis) -> list[Interference]:
    """A row for every line of several vectors and every task that it and each of them alone were asked; corrected.

    Of the null controls none: what random vectors do to each other was not asked.
    """
    paired, every = analysis.paired, []
    for line, alone in _together(analysis.grid):
        for task in analysis.grid.tasks if not line["null"] else ():
            known = [paired.get((row["id"], task["task"])) for row in (line, *alone)]
            pairs = [pair for pair in known if pair is not None]
            if len(pairs) == 1 + len(alone) and all(map(pairs[0].alike, pairs)):
                every.append(_row(pairs[0], pairs[1:], task))
    for name, same in grouped(every, lambda row: row["hypotheses"]).items():
        analysis.correct(same, name, "do vectors give together what they give alone?")
    for row in every:
        line_pair = paired[row["variant"], row["task"]]
        # Where all together stand at the end that the sum lies beyond, nothing else could have been seen.
        at = stats.edge([stats.accuracy(line_pair.ours)], line_pair.task["chance"])
        row["call"] = call(row["interference"], row["p_holm"], row["beyond"] if at == row["beyond"] else "")
        row["said"] = _said(row, analysis.grid.title(row["task"]))
    return every


def _together(grid: Grid) -> Iterator[tuple[VariantRow, list[VariantRow]]]:
    """Every line of several terms of which each was also run alone, and those lines in the order of its terms.

    A term is known by its contents and by how much of it is added: alpha times its weight, so that 0.5 * [2 a] is a
    alone of 1 * [a + b]. Where alpha 0.5 with weight 2 and alpha 1 were both run, the one with the alpha of the sum is
    taken.
    """

    def key(line: VariantRow, term: RecipeTerm) -> str:
        added = round(line["alpha"] * term.weight, _PLACES)
        return grid.same(line, alpha=None, terms=term.known | {"weight": added})

    terms = {row["id"]: grid.recipes[row["id"]].terms for row in grid.variants}
    single = [row for row in grid.variants if len(terms[row["id"]]) == 1]
    alone = grouped(single, lambda row: key(row, *terms[row["id"]]))
    for line in grid.variants:
        if len(terms[line["id"]]) > 1:
            lines = [alone.get(key(line, term), []) for term in terms[line["id"]]]
            if all(lines):
                yield line, [min(same, key=lambda row: row["alpha"] != line["alpha"]) for same in lines]


def _row(line: Pair, alone: Sequence[Pair], task: TaskRow) -> Interference:
    where = f"{task['task']}: several vectors together and alone"
    columns = [ordered(pair.ours, pair.ids, line.ids, where) for pair in alone]
    measured = stats.additivity(line.theirs, columns, line.ours)
    whole = float(line.theirs.mean()) + measured.total.difference.value
    return Interference(
        **line.about,
        alone=[
            Alone(variant=pair.variant, difference=interval(effect.difference))
            for pair, effect in zip(alone, measured.alone, strict=True)
        ],
        together=interval(measured.together.difference),
        total=interval(measured.total.difference),
        interference=interval(measured.excess.difference),
        p=measured.excess.p,
        p_holm=measured.excess.p,
        detectable=measured.excess.detectable,
        hypotheses=f"interference: vectors together x {kind_of(task)}",
        beyond=edge_of("ceiling" if whole > 1 else "floor" if whole < 0 else ""),
        call="unclear",
        said="",
    )


def _said(row: Interference, title: str) -> str:
    """One row in words: what all give, what each gives, and whether it adds up."""
    apart, each = row["interference"], [points(alone["difference"]["value"]) for alone in row["alone"]]
    side = "more" if apart["value"] > 0 else "less"
    many = "both" if len(each) == 2 else f"all {len(each)}"
    text = f"on {title} together they give {points(abs(apart['value']), False)} points {side} than the sum of each "
    text += f"alone {span(apart)}, n={apart['n']} ({many} {points(row['together']['value'])}, "
    text += f"alone {' and '.join(each) if len(each) == 2 else ', '.join(each)}"
    text += f"; {_BEYOND[row['beyond']].format('that')})" if row["beyond"] else ")"
    return text if row["call"] in ("better", "worse") else f"{text}: that can't be told from adding up"


def _alone(analysis: Analysis, row: Interference) -> Value:
    parts = [(analysis.grid.label(part["variant"]), points(part["difference"]["value"])) for part in row["alone"]]
    return "; ".join(f"{label}: {difference}" for label, difference in parts)


def _verdict(row: Interference) -> Value:
    beyond = f", {_BEYOND[row['beyond']].format('the sum')}" if row["beyond"] else ""
    return Outcome(_CALLS[row["call"]] + beyond, row["call"])


FIELDS = [
    tables.variant(),
    tables.task(),
    tables.items("interference"),
    tables.points("together", "together"),
    tables.asked("each alone", _alone),
    tables.points("sum", "total"),
    tables.points("together - sum", "interference", bold=True),
    tables.p("p", "p"),
    tables.p("p (Holm)", "p_holm"),
    tables.detectable(),
    tables.computed("verdict", _verdict),
]


@finding(80)
def interference(analysis: Analysis) -> Finding:
    every, title = analysis.once(rows), "Several vectors together"
    tones: dict[str, Tone] = {"better": "good", "worse": "mixed"}
    statements = [
        Statement(f"{analysis.grid.label(row['variant'])}: {row['said']}.", tones.get(row["call"], "unknown"), WEIGHT)
        for row in every
        if row["family"] == "clean" and analysis.grid.shown(row["task"])
    ]
    note = "Differences to the baseline, paired by item; bold where it counts after Holm's correction."
    return Finding(
        "interference",
        title,
        lead="What several vectors give at once, against the sum of what each gives alone, paired by item. Below zero "
        "they stand in each other's way, or do the same thing.",
        rows=every,
        statements=statements,
        tables=[tables.table(analysis, "interference", title, every, FIELDS, note, open=True, paper=True)],
        empty="Not run: it needs two vectors together and each alone, such as vector.weights=[1,1], [1,0] and [0,1].",
    )
