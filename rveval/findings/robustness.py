"""How every variant stands up to changed prompts: clean against each family of perturbations, over the same items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypedDict

from rveval import stats
from rveval.findings import nulls
from rveval.findings.analysis import Analysis, edge_of, finding, interval
from rveval.findings.marks import Floats
from rveval.findings.pictures import Choice, Heat, Picture
from rveval.findings.pieces import Column, Edge, Finding, Interval, Points, PValue, Row, Share, Table
from rveval.findings.report import TaskRow
from rveval.findings.study import Under, under
from rveval.findings.wording import count, p_value, percent, points, sign_of, span


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
        tables=[_table(analysis, every), _families(analysis, every)],
        picture=_picture(analysis, every),
        empty="No changed prompts were run: add families, such as 'suite.families=[clean,typos,distractor]'.",
    )


def _table(analysis: Analysis, every: Sequence[Robustness]) -> Table:
    apart = analysis.once(nulls.controls)
    lines = [
        Row(
            [
                analysis.grid.label(row["variant"]),
                # The columns over all families are marked with the benchmark wherever one of its families is.
                analysis.grid.title(row["source"]) + analysis.mark(*_tasks(row)),
                row["clean"]["n"],
                Share(row["clean"]),
                Share(row["drop"]) if row["drop"] else None,
                row["worst"],
                *(Share(row["worst_accuracy"]), Share(row["right_under_all"])),
                *(Share(row["wrong_under_all"]), Share(row["consistency"])),
            ],
            detail=row["variant"] in apart,
        )
        for row in every
    ]
    headings = ("variant", "benchmark", "items", "right, clean", "mean drop rate", "worst family", "right there")
    columns = [*map(Column, (*headings, "right under all", "wrong under all", "same under all"))]
    note = analysis.footnote("", (task for row in every for task in _tasks(row)))
    return Table("robustness", "Robustness", columns, lines, note, paper=True)


def _tasks(row: Robustness) -> list[str]:
    return [row["source"], *(drop["task"] for drop in row["families"])]


def _families(analysis: Analysis, every: Sequence[Robustness]) -> Table:
    lines = [
        Row(
            [
                analysis.grid.label(row["variant"]),
                analysis.grid.title(row["source"]),
                drop["family"] + analysis.mark(drop["task"], row["source"]),
                drop["change"]["n"],
                Share(drop["accuracy"]),
                Points(drop["change"]),
                PValue(drop["p"]),
                Share(drop["drop"]) if drop["drop"] else None,
                drop["lost"],
                drop["won"],
                f"at the {drop['at_edge']}: no verdict" if drop["at_edge"] else "",
            ]
        )
        for row in every
        for drop in row["families"]
    ]
    headings = ("variant", "benchmark", "family", "items", "right", "change, points", "p (uncorrected)")
    columns = [*map(Column, (*headings, "drop rate", "lost", "won", "verdict"))]
    note = analysis.footnote("", (task for row in every for task in _tasks(row)))
    return Table("families", "Each variant under each family", columns, lines, note, detail=True)


def _picture(analysis: Analysis, every: Sequence[Robustness]) -> Picture:
    """A choice a benchmark, one heat map of variants by families."""
    chosen: dict[str, list[Robustness]] = defaultdict(list)
    for row in every:
        if row["families"] and row["variant"] not in analysis.once(nulls.controls):
            chosen[row["source"]].append(row)
    choices = [
        Choice(analysis.grid.title(source), [_heat(analysis, source, chosen[source])])
        for source in sorted(chosen, key=lambda source: analysis.heading_of(source) != "")
    ]
    legend = [("better", "more right than on clean prompts"), ("worse", "fewer")]
    legend += [("unclear", "pale: can't be told from no change"), ("edge", "at the floor or the ceiling")]
    return Picture("robustness", "heat", "Change of accuracy, variants by families", choices, legend)


def _heat(analysis: Analysis, source: str, same: Sequence[Robustness]) -> Heat:
    families = list(dict.fromkeys(drop["family"] for row in same for drop in row["families"]))
    squares = [(at, row, drop) for at, row in enumerate(same) for drop in row["families"]]
    return Heat(
        title="",
        notes=[],
        rows=[analysis.grid.label(row["variant"]) for row in same],
        columns=families,
        row=[at for at, _, _ in squares],
        column=[families.index(drop["family"]) for _, _, drop in squares],
        value=[round(100 * drop["change"]["value"], 3) for _, _, drop in squares],
        mark=[analysis.mark(drop["task"], source).strip() for _, _, drop in squares],
        call=["edge" if drop["at_edge"] else sign_of(drop["change"]) for _, _, drop in squares],
        hover=[list(_hover(analysis, row, drop)) for _, row, drop in squares],
    )


def _hover(analysis: Analysis, row: Robustness, drop: FamilyDrop) -> Iterator[str]:
    yield f"{analysis.grid.label(row['variant'])}, {drop['family']} prompts"
    yield f"clean {percent(row['clean']['value'])}, now {percent(drop['accuracy']['value'])}"
    yield f"change {points(drop['change']['value'])} points"
    yield f"{analysis.level} interval {span(drop['change'])}"
    yield f"{count(drop['change']['n'])} items: {drop['lost']} lost, {drop['won']} won"
    yield f"uncorrected p {p_value(drop['p'])}"
    if drop["drop"] is not None:
        yield f"loses {percent(drop['drop']['value'])} of what it had {span(drop['drop'])}"
    if drop["at_edge"]:
        yield f"at the {drop['at_edge']}: no verdict"
    yield from analysis.noted(drop["task"], row["source"])
