"""Would any vector do? Every real variant among the null controls that differ from it in nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Literal, TypedDict

from rveval import stats
from rveval.findings import comparisons, tables
from rveval.findings.analysis import SIGNIFICANT, Analysis, finding, grouped
from rveval.findings.comparisons import BUT, Comparison
from rveval.findings.pictures import Call, Choice, Picture, Strip, drawn
from rveval.findings.pieces import Clause, Finding, Interval, Statement, Table, Tone
from rveval.findings.report import VariantRow
from rveval.findings.study import Compared, Grid
from rveval.findings.wording import listed, points

Question = Literal["help", "harm"]
WEIGHTS: dict[Tone, float] = {"bad": 83, "good": 82, "mixed": 81, "unknown": 80}  # what takes a gain away first

KINDS = {  # one such vector, and many of them
    "random": ("a random vector of the same norm", "random vectors of the same norm"),
    "permute": ("a vector of the same entries in another order", "vectors of the same entries in another order"),
    "signs": ("a vector of the same entries with random signs", "vectors of the same entries with random signs"),
    "spectrum": (
        "a vector of the same singular values in random bases",
        "vectors of the same singular values in random bases",
    ),
    "swap_layers": ("the same vector with its layers swapped", "copies of itself with their layers swapped"),
    "other": ("another vector of the same norm", "other vectors of the same norm"),
}


class NullEffect(TypedDict):
    """One null control: its difference to the baseline on the same items."""

    variant: str
    difference: Interval


class NullRow(Compared):
    """A real vector (`variant`) among null controls of one kind, on one task: would any vector do?

    `kind` is the null step that the nulls have more ("random", "permute", ...). `question` follows from the recipe and
    not from the answers: "help" where the vector is added, "harm" where it is subtracted. `beaten` is the share of
    nulls with less of that effect than the real one's, `p` its exact one-sided rank, uncorrected, ties counted against
    it; `smallest_p` what beating all of them gives, `needed` how many nulls it takes for p to reach 1 - level.
    `lowest`, `mean` and `highest` are of the nulls' differences, `nulls` lists them all, from the lowest up. `reached`
    are those that have at least the real effect. `said` is all of it in words.
    """

    kind: str
    question: Question
    real: Interval
    call: Call
    n: int
    lowest: float
    mean: float
    highest: float
    nulls: list[NullEffect]
    reached: int
    beaten: float
    p: float
    smallest_p: float
    needed: int
    said: str


ABOUT = [tables.variant(), tables.task(), tables.plain("null control", "kind")]
FIELDS = [
    *ABOUT,
    tables.plain("nulls", "n"),
    tables.items("real"),
    tables.points("difference", "real"),
    tables.points("nulls, lowest", "lowest"),
    tables.points("mean", "mean"),
    tables.points("highest", "highest"),
    tables.computed("asked", lambda row: f"more {row['question']}"),
    tables.plain("reach it", "reached"),
    tables.share("beaten", "beaten"),
    tables.p("p (uncorrected)", "p", below=SIGNIFICANT),
    tables.p("p at best", "smallest_p"),
    tables.plain("in words", "said", paper=False),
]
EFFECT_FIELDS = [
    *ABOUT,
    tables.variant("part.variant", "which"),
    tables.items("part.difference"),
    tables.points("difference", "part.difference"),
    tables.points("the real one", "real.value"),
]


def rows(analysis: Analysis) -> list[NullRow]:
    """A row for every real line, task and kind of null control that was asked the same items.

    What was asked of other items is left out, and said in the problems.
    """
    grid, paired, every = analysis.grid, analysis.paired, []
    differences = analysis.once(comparisons.by_place)
    nulls_of = grouped((row for row in grid.variants if row["null"]), lambda row: _but_null(grid, row))
    real = [row for row in grid.variants if not (row["null"] or row["is_baseline"])]
    for line, task in product(real, grid.tasks):
        name = task["task"]
        own = paired.get((line["id"], name))
        by_kind = grouped(nulls_of.get(_but_null(grid, line), []), lambda row: row["null"]) if own else {}
        for kind, lines in by_kind.items():
            asked = [paired[row["id"], name] for row in lines if (row["id"], name) in paired]
            fitting = [pair for pair in asked if own and own.alike(pair)]
            if others := len(asked) - len(fitting):
                what = f"{others} of its null controls ({kind}) were asked other items or draws: not compared with it"
                where = f"{line['label']}, {task['title']}"
                grid.problem("missing", what, where, "run them again with the same settings")
            if own and fitting:
                among = [differences[pair.variant, name] for pair in fitting]
                every.append(_row(line, own.about, differences[line["id"], name], kind, among))
    return every


def _but_null(grid: Grid, line: VariantRow) -> tuple[Any, ...]:
    """What a line shares with its null controls: the same in all but one step more, a null one.

    Seeds of the other steps may differ: of `[dare, random]` over seeds each null has a mask of its own.
    """
    return line["baseline"], line["asked"], grid.recipes[line["id"]].control_key


def controls(analysis: Analysis) -> set[str]:
    """The null controls that a real vector was compared with: they have a picture of their own, no place in others."""
    return {effect["variant"] for row in analysis.once(rows) for effect in row["nulls"]}


def _row(line: VariantRow, about: Compared, own: Comparison, kind: str, others: Sequence[Comparison]) -> NullRow:
    # Whether the vector is taken away from the base, so that what it gives should get lost; known before any answer is.
    subtracted = all(line["alpha"] * term.get("weight", 1.0) < 0 for term in line["terms"])
    values = [row["difference"]["value"] for row in others]
    ranked = stats.nulls(own["difference"]["value"], values, harm=subtracted)
    ordered = sorted(others, key=lambda row: row["difference"]["value"])
    row = NullRow(
        **about,
        kind=kind,
        question="harm" if subtracted else "help",
        real=own["difference"],
        call=own["call"],
        n=ranked.n,
        lowest=min(values),
        mean=sum(values) / len(values),
        highest=max(values),
        nulls=[NullEffect(variant=row["variant"], difference=row["difference"]) for row in ordered],
        reached=round(ranked.n * (1 - ranked.beaten)),
        beaten=ranked.beaten,
        p=ranked.p,
        smallest_p=ranked.smallest_p,
        needed=stats.nulls_needed(),
        said="",
    )
    row["said"] = _said(row)
    return row


def _words(kind: str) -> tuple[str, str]:
    return KINDS.get(kind, (kind, kind))


def _said(row: NullRow) -> str:
    """The rank in words, with what so many nulls can't say."""
    verb = "beats" if row["question"] == "help" else "hurts more than"
    enough = row["reached"] == 0 and row["n"] >= row["needed"]
    smallest = f", the smallest that {row['n']} nulls can give" if enough else ""
    text = f"{verb} {row['n'] - row['reached']} of {row['n']} {_words(row['kind'])[1]} "
    text += f"(p = {row['p']:.2g}{smallest})"
    if row["n"] >= row["needed"]:
        return text
    run = f"take {row['needed']} of them" if row["kind"] == "other" else f"run {row['needed']} seeds"
    nulls_ = "1 null" if row["n"] == 1 else f"{row['n']} nulls"
    return f"{text}; {nulls_} can't give a p below {row['smallest_p']:.2g}: {run} for {SIGNIFICANT:.2g}"


@finding(50)
def nulls(analysis: Analysis) -> Finding:
    every = analysis.once(rows)
    shown = [row for row in every if analysis.grid.shown(row["task"])]
    clean = [row for row in shown if row["family"] == "clean"]
    return Finding(
        "nulls",
        "Would any vector do?",
        lead=f"The real vector (large, its {analysis.level} interval shaded) over vectors of the same size that mean "
        "nothing (small). Does it help more than they do, or for a subtracted vector, harm more? The p is the exact "
        "rank among them: few nulls can't give a small one.",
        rows=every,
        statements=[*_statements(analysis, clean)],
        clauses=[*_clauses(analysis, clean)],
        tables=[*_tables(analysis, every)],
        picture=_picture(analysis, shown),
        empty="No null controls: run the same variant with vector.transform=random vector.seed=0,1,...,18 in this "
        "study.",
    )


def _has_effect(row: NullRow) -> bool:
    """Whether there is an effect to be explained: a gain of an added vector, a loss of a subtracted one."""
    return row["call"] == ("better" if row["question"] == "help" else "worse")


def _matched(row: NullRow) -> bool:
    """Whether null controls do the same: some reach the effect, and too many for it to be the vector's own."""
    return _has_effect(row) and row["reached"] > 0 and row["p"] > SIGNIFICANT


def _clauses(analysis: Analysis, clean: Sequence[NullRow]) -> Iterator[Clause]:
    """What must not be missed after a variant's gains: null controls do the same."""
    for variant, same in grouped(filter(_matched, clean), lambda row: row["variant"]).items():
        each = [
            f"{_words(row['kind'])[0]} does the same on {analysis.grid.title(row['task'])} "
            f"({row['reached']} of {row['n']} reach it)"
            for row in same
        ]
        yield Clause(variant, BUT, f"but {listed(each, ', and ')}", doubt=True)


def _statements(analysis: Analysis, clean: Sequence[NullRow]) -> Iterator[Statement]:
    for (variant, _), same in grouped(clean, lambda row: (row["variant"], row["kind"])).items():
        for text, tone in _of_kind(analysis, analysis.grid.label(variant), same):
            yield Statement(text, tone, WEIGHTS[tone])


def _of_kind(analysis: Analysis, label: str, same: Sequence[NullRow]) -> Iterator[tuple[str, Tone]]:
    """One line among its nulls of one kind: what they match, what they don't, and where there is nothing to match."""
    title, first = analysis.grid.title, same[0]
    (one, many), gain = _words(first["kind"]), "gain" if first["question"] == "help" else "loss"
    if matched := list(filter(_matched, same)):
        each = [
            f"{title(row['task'])} ({row['reached']} of {row['n']} reach {points(row['real']['value'])} points, "
            f"p = {row['p']:.2g})"
            for row in matched
        ]
        text = f"{one} does the same as {label} on {listed(each, ', and on ')}: that {gain} is not "
        text += "shown to come from what the vector means."
        yield text[:1].upper() + text[1:], "bad" if gain == "gain" else "mixed"
    for row in same:
        if _has_effect(row) and not _matched(row):
            yield f"{label} on {title(row['task'])} {row['said']}.", "good" if row["p"] <= SIGNIFICANT else "unknown"
    if not any(map(_has_effect, same)):
        each = [f"{points(row['lowest'])} to {points(row['highest'])} on {title(row['task'])}" for row in same]
        text = f"{label} has no {gain} that null controls could explain; its {first['n']} {many} give "
        yield f"{text}{listed(each)} points.", "unknown"


def _tables(analysis: Analysis, every: Sequence[NullRow]) -> Iterator[Table]:
    note = "p is the exact one-sided rank of the real vector among its nulls, uncorrected, ties counted against it: "
    note += "whether it helps more than they do, or for a subtracted vector whether it harms more. Bold where it is at "
    note += f"most {SIGNIFICANT:.2g}."
    yield tables.table(analysis, "nulls", "Would any vector do?", every, FIELDS, note, paper=True)
    effects, title = tables.exploded(every, "nulls"), "Every null control, from the lowest up"
    yield tables.table(analysis, "null_effects", title, effects, EFFECT_FIELDS, detail=True)


def _picture(analysis: Analysis, shown: Sequence[NullRow]) -> Picture:
    """A choice a task, a panel a real vector, a strip for each kind of null control."""
    choices = []
    for task, same in grouped(shown, lambda row: row["task"]).items():
        start = drawn(min(0.0, *(min(row["lowest"], row["real"]["low"]) for row in same)))
        stop = drawn(max(0.0, *(max(row["highest"], row["real"]["high"]) for row in same)))
        lines = grouped(same, lambda row: row["variant"]).values()
        choices.append(Choice(analysis.grid.title(task), [_strip(analysis, line, start, stop) for line in lines]))
    legend = [("better", "the real vector, above 0"), ("worse", "the real vector, below 0")]
    legend += [("unclear", "the real vector, can't be told from 0"), ("", "a null control")]
    return Picture("nulls", "strip", "The real vector over its null controls", choices, legend)


def _strip(analysis: Analysis, same: Sequence[NullRow], start: float, stop: float) -> Strip:
    real, kinds = same[0]["real"], [row["kind"] for row in same]
    dots = tables.exploded(same, "nulls")
    return Strip(
        title=analysis.grid.label(same[0]["variant"]),
        notes=[f"{row['kind']}: {row['said'].replace('(p =', '(uncorrected p =')}." for row in same],
        axis="against the baseline, points",
        rows=kinds,
        real=(drawn(real["value"]), drawn(real["low"]), drawn(real["high"])),
        call=same[0]["call"],
        real_hover=[tables.hover(analysis, FIELDS, row) for row in same],
        row=[kinds.index(dot["kind"]) for dot in dots],
        value=[drawn(dot["part"]["difference"]["value"]) for dot in dots],
        hover=[tables.hover(analysis, EFFECT_FIELDS, dot) for dot in dots],
        start=start,
        stop=stop,
    )
