"""Did the gain survive? The gain under each family against the gain on clean prompts, paired by item."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, cast

from rveval import stats
from rveval.findings import comparisons, nulls, tables
from rveval.findings.analysis import CONTROLS, SIGNIFICANT, VARIANTS, Analysis, finding, grouped, interval
from rveval.findings.comparisons import SAID_OF_KEPT
from rveval.findings.marks import ordered
from rveval.findings.pictures import Choice, Forest, Picture, Sign, ends, reach
from rveval.findings.pieces import Clause, Finding, Interval, Statement
from rveval.findings.report import TaskRow
from rveval.findings.study import Compared, pair, under
from rveval.findings.wording import MANY, count, listed, points, span

WEIGHT = 35
NAME = "survival: {} x families"
Kept = Literal["survived", "lost", "inconclusive", "no gain to survive", "no verdict"]
_SIGNS: dict[str, Sign] = {"survived": "better", "lost": "worse", "inconclusive": "unclear"}


class Survival(Compared):
    """Did the gain survive a family? `gain_family - gain_clean` is `did`, paired by item, clustered by source item.

    `kept` is the share of the clean gain that is left, with its interval; null where there was no gain to keep.
    `verdict` follows the rule of `Rules`; `why` is the rule's answer in words.
    """

    source: str
    n: int
    gain_clean: Interval
    gain_family: Interval
    did: Interval
    p: float
    p_holm: float | None
    kept: Interval | None
    verdict: Kept
    why: str


FIELDS = [
    tables.variant(),
    tables.benchmark(),
    tables.family(),
    tables.plain("items", "n"),
    tables.points("gain clean", "gain_clean"),
    tables.points("gain under it", "gain_family"),
    tables.points("change", "did"),
    tables.p("p", "p"),
    tables.p("p (Holm)", "p_holm"),
    tables.share("share kept", "kept"),
    tables.verdict("verdict", {}, _SIGNS),
    tables.plain("why", paper=False),
]


def rows(analysis: Analysis) -> list[Survival]:
    """Every line with a baseline, on every benchmark, under every family."""
    grid = analysis.grid
    asked = [
        _survival(analysis, line["id"], clean, task)
        for line in grid.variants
        if not line["is_baseline"]
        for clean in grid.clean_tasks()
        for task in grid.families_of(clean)
    ]
    every = [row for row in asked if row is not None]
    for whose in (VARIANTS, CONTROLS):
        same = [row for row in every if bool(grid.variant(row["variant"])["null"]) == (whose == CONTROLS)]
        question = f"does a {whose.removesuffix('s')}'s gain change under a family?"
        analysis.correct(same, NAME.format(whose), question)
    return every


def _survival(analysis: Analysis, variant: str, clean: TaskRow, task: TaskRow) -> Survival | None:
    grid = analysis.grid
    mine = under(grid, variant, clean, task)
    if mine is None:
        return None
    after, before = pair(grid, variant, task, mine.members), pair(grid, variant, clean, mine.clean_members)
    if before is None or after is None or before.baseline != after.baseline:
        return None  # why there is no baseline has been said, task by task
    where = f"{clean['task']} and {task['task']}"
    ours, theirs = (ordered(column, after.ids, before.ids, where) for column in (after.ours, after.theirs))
    measured = stats.survival(
        *(before.ours, before.theirs, ours, theirs), margin=analysis.margin, chance=clean["chance"], seed=analysis.seed
    )
    return Survival(
        **after.about,
        source=clean["task"],
        n=len(before.ids),
        gain_clean=interval(measured.clean.difference),
        gain_family=interval(measured.under.difference),
        did=interval(measured.change),
        p=measured.p,
        p_holm=None,
        kept=interval(measured.kept) if measured.kept else None,
        verdict=cast(Kept, measured.verdict),
        why=measured.reason if measured.clean.difference.high >= 0 else "a loss on clean prompts, and no gain",
    )


@finding(100)
def survival(analysis: Analysis) -> Finding:
    every, apart = analysis.once(rows), analysis.once(nulls.controls)
    margin = f"{100 * analysis.margin:g}%"
    note = f"Survived: the gain under the family lies above 0, and at least {margin} of it is kept, each with its "
    note += "interval."
    return Finding(
        "survival",
        "Did the gain survive?",
        lead="The gain under each family minus the gain on clean prompts. At zero all of the gain is kept; left of it "
        f"some is gone. By the rule a gain survived when at least {margin} of it is kept (the whole interval of the "
        "share kept), and what is left is above zero, its whole interval too. A gain that survived may still be "
        "smaller.",
        rows=every,
        statements=[*_outside(analysis)],
        clauses=[*_clauses(analysis)],
        tables=[
            tables.table(
                *(analysis, "survival", "Did the gain survive?", every, FIELDS, note),
                detail_row=lambda row: row["variant"] in apart,
                paper=True,
            )
        ],
        picture=_picture(analysis, [row for row in every if row["variant"] not in apart]),
        empty="Nothing to survive: this needs a baseline and a variant, both run on clean and on changed prompts.",
    )


def _gained(analysis: Analysis, variant: str) -> set[str]:
    judged = analysis.once(comparisons.on_clean)[variant]
    return {row["task"] for row in judged if row["call"] == "better"}


def _of(analysis: Analysis, variant: str, strange: bool) -> list[Survival]:
    """A variant's rows under families whose numbers are no finding (`strange`), or are one."""
    rows_ = [row for row in analysis.once(rows) if row["variant"] == variant]
    return [row for row in rows_ if analysis.strange(row["task"]) == strange]


def _clauses(analysis: Analysis) -> Iterator[Clause]:
    """What becomes of the gains under the families that are a finding."""
    for variant in analysis.once(comparisons.ranked):
        gained, familiar = _gained(analysis, variant), _of(analysis, variant, strange=False)
        if kept := [row for row in familiar if row["source"] in gained]:
            text = _kept(analysis, kept)
        elif gained:
            strange = any(row["source"] in gained for row in _of(analysis, variant, strange=True))
            apart = " within the models' training" if strange else ""
            text = f"whether the gain is kept under another prompt{apart} was not asked"
        else:
            continue
        yield Clause(variant, SAID_OF_KEPT, text, doubt=any(row["verdict"] == "lost" for row in familiar))


def _outside(analysis: Analysis) -> Iterator[Statement]:
    """The gains of the first variant under families whose numbers are no finding."""
    for variant in analysis.once(comparisons.ranked)[:1]:
        gained = _gained(analysis, variant)
        if kept := [row for row in _of(analysis, variant, strange=True) if row["source"] in gained]:
            text = f"Outside the models' training, not a finding: with {analysis.grid.label(variant)}, "
            yield Statement(f"{text}{_kept(analysis, kept)}.", "unknown", WEIGHT)


def _kept(analysis: Analysis, kept: Sequence[Survival]) -> str:
    """How much of the gains is kept, verdict by verdict: the families, and where not in all benchmarks, in which.

    It claims no more than the rule of survival does.
    """
    if len(kept) > 2 * MANY:
        return _counted(analysis, kept)
    words = {
        "survived": f"at least {_share(kept, 'survived')} of the gain is kept under",
        "lost": f"less than {_share(kept, 'lost')} of the gain is kept under",
        "inconclusive": "how much is kept is open under",
        "no verdict": "it can't be judged under",
        "no gain to survive": "the gain is too small to judge under",
    }
    parts = []
    for verdict, said in words.items():
        if same := [row for row in kept if row["verdict"] == verdict]:
            smaller = [row for row in same if verdict == "survived" and _smaller(row)]
            aside = f" (smaller under {_families(analysis, smaller, kept)})" if smaller else ""
            parts.append(f"{said} {_families(analysis, same, kept)}{aside}")
    return ", and ".join(parts)


def _share(kept: Sequence[Survival], verdict: str) -> str:
    """The share of a gain that all intervals of a verdict agree on: half, wherever that is true."""
    shares = [row["kept"] for row in kept if row["verdict"] == verdict and row["kept"]]
    if verdict == "survived":
        least = min((share["low"] for share in shares), default=0.5)
        return "half" if least >= 0.5 else f"{math.floor(100 * least)}%"
    most = max((share["high"] for share in shares), default=0.5)
    return "half" if most <= 0.5 else f"{math.ceil(100 * most)}%"


def _smaller(row: Survival) -> bool:
    """Is the gain under the family smaller than the clean one, after Holm and by its interval?"""
    return row["p_holm"] is not None and row["p_holm"] < SIGNIFICANT and row["did"]["high"] < 0


def _families(analysis: Analysis, same: Sequence[Survival], kept: Sequence[Survival]) -> str:
    """`typos and think on gsm8k`: where a family was asked of more benchmarks than these, on which.

    Two benchmarks are named, more are counted.
    """
    named = []
    for family, rows_ in grouped(same, lambda row: row["family"]).items():
        titles = [analysis.grid.title(row["source"]) for row in rows_]
        on = f" on {' and '.join(titles)}" if len(titles) < 3 else f" on {len(titles)} benchmarks"
        named.append(family + ("" if len(titles) == sum(row["family"] == family for row in kept) else on))
    return " and ".join(named) if len(named) == 2 else listed(named)


def _counted(analysis: Analysis, kept: Sequence[Survival]) -> str:
    """Too many to be named: how often the gain is kept, and where it is not."""
    title = analysis.grid.title
    lost = [f"{row['family']} on {title(row['source'])}" for row in kept if row["verdict"] == "lost"]
    held = [row for row in kept if row["verdict"] == "survived"]
    parts = [f"at least {_share(kept, 'survived')} of the gain is kept in {len(held)}"]
    parts[0] += f" (smaller in {sum(map(_smaller, held))})"
    parts.append(f"less than {_share(kept, 'lost')} in {len(lost)}{f' ({listed(lost)})' if lost else ''}")
    parts.append(f"open in {len(kept) - len(held) - len(lost)}")
    return f"of {len(kept)} pairs of a benchmark and a family, {', '.join(parts)}"


def _picture(analysis: Analysis, shown: Sequence[Survival]) -> Picture:
    """A choice a benchmark, a panel a variant, a line a family."""
    choices = []
    for source, same in grouped(shown, lambda row: row["source"]).items():
        far = reach(row["did"] for row in same)
        lines = grouped(same, lambda row: row["variant"]).values()
        choices.append(Choice(analysis.grid.title(source), [_forest(analysis, line, far) for line in lines]))
    legend = [("better", "survived"), ("worse", "lost"), ("unclear", "inconclusive")]
    legend.append(("", "no gain to survive, or no verdict"))
    return Picture("survival", "forest", "Difference in differences, a line a family", choices, legend)


def _forest(analysis: Analysis, same: Sequence[Survival], far: float) -> Forest:
    gain = same[0]["gain_clean"]
    interval_of_gain = f"{analysis.level}: {span(gain)}; {count(gain['n'])} items"
    return Forest(
        title=analysis.grid.label(same[0]["variant"]),
        notes=[f"Clean gain {points(gain['value'])} points ({interval_of_gain})."],
        axis="gain here - gain clean, points",
        rows=[row["family"] + analysis.mark(row["task"], row["source"]) for row in same],
        **ends(row["did"] for row in same),
        call=[_SIGNS.get(row["verdict"], "") for row in same],
        hover=[tables.hover(analysis, FIELDS, row) for row in same],
        reach=far,
    )
