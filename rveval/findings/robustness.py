"""How every variant stands up to changed prompts: clean against each family of perturbations, over the same items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

from rveval import stats
from rveval.findings import nulls, tables
from rveval.findings.analysis import Analysis, edge_of, finding, grouped, interval
from rveval.findings.marks import Floats
from rveval.findings.pictures import Choice, Heat, Picture, drawn
from rveval.findings.pieces import Edge, Finding, Interval, Table, Value
from rveval.findings.report import TaskRow
from rveval.findings.study import Under, under
from rveval.findings.wording import sign_of


class FamilyDrop(TypedDict):
    """What a family does to one variant on one benchmark: clean and perturbed accuracy over the same items, and flips.

    `change` is perturbed - clean, `p` its exact test; `drop` is (clean - perturbed) / clean, the performance drop rate;
    null where the clean accuracy can't be told from 0. `lost` items were right clean, `won` items only perturbed.
    """

    family: str
    task: str
    accuracy: Interval
    change: Interval
    p: float
    drop: Interval | None
    lost: int
    won: int
    at_edge: Edge


class Robustness(TypedDict):
    """One variant on one benchmark (`source` is its clean task) under all its families.

    `worst` is the family with the lowest accuracy; `right_under_all` the share of items right clean and under every
    family and draw, `wrong_under_all` of those wrong in all; `consistency` is their sum: never shown without them.
    `drop` is the drop rate of the mean over all families.
    """

    variant: str
    source: str
    clean: Interval
    families: list[FamilyDrop]
    worst: str
    worst_accuracy: Interval
    drop: Interval | None
    right_under_all: Interval
    wrong_under_all: Interval
    consistency: Interval


def _marked(analysis: Analysis, row: Robustness) -> Value:
    """The columns over all families are marked with the benchmark wherever one of its families is."""
    return analysis.marked(row["source"], *(drop["task"] for drop in row["families"]))


FIELDS = [
    tables.variant(),
    tables.asked("benchmark", _marked),
    tables.items("clean"),
    tables.share("right, clean", "clean"),
    tables.share("mean drop rate", "drop"),
    tables.plain("worst family", "worst"),
    tables.share("right there", "worst_accuracy"),
    tables.share("right under all", "right_under_all"),
    tables.share("wrong under all", "wrong_under_all"),
    tables.share("same under all", "consistency"),
]
FAMILY_FIELDS = [
    tables.variant(),
    tables.benchmark(),
    tables.family(),
    tables.items("part.change"),
    tables.share("right, clean", "clean"),
    tables.share("right", "part.accuracy"),
    tables.points("change", "part.change"),
    tables.p("p (uncorrected)", "part.p"),
    tables.share("drop rate", "part.drop"),
    tables.plain("lost", "part.lost"),
    tables.plain("won", "part.won"),
    tables.plain("no verdict, at the", "part.at_edge"),
]


def rows(analysis: Analysis) -> list[Robustness]:
    """Every line, the baseline among them, on every benchmark that was asked under a family."""
    grid, every = analysis.grid, []
    for row in grid.variants:
        for clean in grid.clean_tasks():
            families = [under(grid, row["id"], clean, task) for task in grid.families_of(clean)]
            if asked := [family for family in families if family is not None]:
                every.append(_robustness(row["id"], clean, asked))
    return every


def _robustness(variant: str, clean: TaskRow, families: Sequence[Under]) -> Robustness:
    drops = [_drop(family, stats.drop(family.clean, family.under, clean["chance"])) for family in families]
    plain, columns = _common(families)
    whole = stats.robustness(plain, columns, clean["chance"])
    worst = min(drops, key=lambda drop: drop["accuracy"]["value"])
    return Robustness(
        variant=variant,
        source=clean["task"],
        clean=interval(whole.clean),
        families=drops,
        worst=worst["family"],
        worst_accuracy=worst["accuracy"],
        drop=interval(whole.rate) if whole.rate else None,
        right_under_all=interval(whole.right_under_all),
        wrong_under_all=interval(whole.wrong_under_all),
        consistency=interval(whole.consistent),
    )


def _common(families: Sequence[Under]) -> tuple[Floats, dict[str, Floats]]:
    """Clean scores, and those by family, of the items that every family was asked of.

    That is all of them, but for groups of which not all members take every family.
    """
    first = families[0]
    shared = set(first.ids).intersection(*(family.ids for family in families[1:]))
    if not shared:  # no member takes all of them: the family of the most members speaks
        first = max(families, key=lambda family: len(family.ids))
        return first.clean, {first.task["family"]: first.under}
    ids = [item for item in first.ids if item in shared]

    def places(family: Under) -> list[int]:
        known = {item: place for place, item in enumerate(family.ids)}
        return [known[item] for item in ids]

    return first.clean[places(first)], {family.task["family"]: family.under[places(family)] for family in families}


def _drop(family: Under, drop: stats.Drop) -> FamilyDrop:
    return FamilyDrop(
        family=family.task["family"],
        task=family.task["task"],
        accuracy=interval(drop.accuracy),
        change=interval(drop.flips.difference),
        p=drop.flips.p,
        drop=interval(drop.rate) if drop.rate else None,
        lost=drop.flips.broken,
        won=drop.flips.fixed,
        at_edge=edge_of(drop.flips.edge),
    )


@finding(90)
def robustness(analysis: Analysis) -> Finding:
    every = analysis.once(rows)
    return Finding(
        "robustness",
        "When the prompt changes",
        lead="Points gained or lost when the same questions are asked under each family of changes, every variant "
        "against its own clean score. Pale squares can't be told from no change, each by its own interval, "
        "uncorrected.",
        rows=every,
        tables=[*_tables(analysis, every)],
        picture=_picture(analysis, every),
        empty="No changed prompts were run: add families, such as 'suite.families=[clean,typos,distractor]'.",
    )


def _tables(analysis: Analysis, every: Sequence[Robustness]) -> Iterator[Table]:
    apart = analysis.once(nulls.controls)
    yield tables.table(
        *(analysis, "robustness", "Robustness", every, FIELDS),
        detail_row=lambda row: row["variant"] in apart,
        paper=True,
    )
    title = "Each variant under each family"
    yield tables.table(analysis, "families", title, _drops(every), FAMILY_FIELDS, detail=True)


def _drops(every: Sequence[Robustness]) -> list[dict[str, Any]]:
    """A row a family; the drop stands under "part"."""
    parts = tables.exploded(every, "families")
    return [{**row, "task": row["part"]["task"], "family": row["part"]["family"]} for row in parts]


def _picture(analysis: Analysis, every: Sequence[Robustness]) -> Picture:
    """A choice a benchmark, one heat map of variants by families."""
    apart = analysis.once(nulls.controls)
    chosen = grouped((row for row in every if row["variant"] not in apart), lambda row: row["source"])
    choices = [Choice(analysis.grid.title(source), [_heat(analysis, source, same)]) for source, same in chosen.items()]
    legend = [("better", "more right than on clean prompts"), ("worse", "fewer")]
    legend += [("unclear", "pale: can't be told from no change"), ("edge", "at the floor or the ceiling")]
    return Picture("robustness", "heat", "Change of accuracy, variants by families", choices, legend)


def _heat(analysis: Analysis, source: str, same: Sequence[Robustness]) -> Heat:
    squares = _drops(same)
    families, lines = list(dict.fromkeys(row["family"] for row in squares)), [row["variant"] for row in same]
    return Heat(
        title="",
        notes=[],
        rows=[analysis.grid.label(variant) for variant in lines],
        columns=families,
        row=[lines.index(row["variant"]) for row in squares],
        column=[families.index(row["family"]) for row in squares],
        value=[drawn(row["part"]["change"]["value"]) for row in squares],
        mark=[analysis.mark(row["task"], source).strip() for row in squares],
        call=["edge" if row["part"]["at_edge"] else sign_of(row["part"]["change"]) for row in squares],
        hover=[tables.hover(analysis, FAMILY_FIELDS, row) for row in squares],
    )
