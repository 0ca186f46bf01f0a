"""Where a difference comes from: each item that a variant fixed or broke is put into exactly one class.

The classes are asked in this order, and the first that fits takes the item. The *losing side* is the one with the lower
score: the baseline of a fixed item, the variant of a broken one.

1. truncation: a wrong answer of the losing side was cut off at the token limit.
2. extraction: a wrong answer of the losing side, not cut off, held no answer that could be read.
3. style: one side shows its steps (in most of its samples) and the other does not.
4. length: the same style, but one side's answers are at least twice as long, and by 8 tokens or more.
5. content: nothing of these; the two say something else.

A class says what changed along with the verdict, not why: a model that begins to write steps is put under style, also
if the steps are what made it right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from rveval.findings import comparisons, nulls, tables
from rveval.findings.analysis import Analysis, finding, grouped
from rveval.findings.marks import Floats, Ints, Marks, reordered
from rveval.findings.pictures import Bars, Choice, Picture
from rveval.findings.pieces import Finding, Statement
from rveval.findings.study import Pair
from rveval.findings.wording import count, points

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHT = 45
Class = Literal["truncation", "extraction", "style", "length", "content"]
CLASSES: tuple[Class, ...] = ("truncation", "extraction", "style", "length", "content")
WORDS: dict[str, str] = {
    "content": "other reasoning",
    "style": "steps shown or not",
    "length": "longer or shorter",
    "extraction": "answer readable or not",
    "truncation": "cut off or not",
}
_MEANING = {
    "truncation": "the losing answer was cut off",
    "extraction": "the losing answer could not be read",
    "style": "one of the two answers shows its steps and the other does not",
    "length": "one of the two answers is at least twice as long",
}
_RATIO, _TOKENS = 2.0, 8.0


class ClassShare(TypedDict):
    """How many fixed and broken items are of one class, and what they add to the difference."""

    name: Class
    fixed: int
    broken: int
    difference: float


class Gains(TypedDict):
    """Where a difference comes from: every fixed and broken item is in exactly one class; they add up to the whole."""

    variant: str
    baseline: str
    task: str
    draw: int
    n: int
    difference: float
    classes: list[ClassShare]


@dataclass(frozen=True)
class Moves:
    """By item: 1 fixed, -1 broken, 0 neither; the class (place in `CLASSES`, -1 for none); the change of its score."""

    move: Ints
    kind: Ints
    change: Floats


FIELDS = [
    tables.variant(),
    tables.task(),
    tables.plain("draw"),
    tables.plain("items", "n"),
    tables.computed("what changed", lambda row: WORDS[row["part"]["name"]]),
    tables.plain("fixed", "part.fixed"),
    tables.plain("broken", "part.broken"),
    tables.points("adds", "part.difference"),
    tables.points("of", "difference"),
]


def moves(variant: Marks, baseline: Marks) -> Moves:
    """What happened to each item, both in the same order."""
    import numpy as np

    change = variant.score - baseline.score
    move = np.sign(change).astype(np.int64)

    def losing(name: str) -> NDArray[np.bool_]:
        return np.where(move > 0, getattr(baseline, name), getattr(variant, name)) > 0

    ours, theirs = variant.mean_tokens, baseline.mean_tokens
    apart, longer = np.abs(ours - theirs), np.maximum(ours, theirs)
    fits = [
        losing("bad_cut"),
        losing("bad_failed"),
        (2 * variant.steps > variant.count) != (2 * baseline.steps > baseline.count),
        (longer >= _RATIO * np.minimum(ours, theirs)) & (apart >= _TOKENS),
        np.ones(len(move), dtype=bool),
    ]
    kind = np.where(move == 0, -1, np.argmax(np.stack(fits), axis=0))
    return Moves(move, kind.astype(np.int64), change)


def rows(analysis: Analysis) -> list[Gains]:
    """Where every difference comes from, draw by draw."""
    grid, every = analysis.grid, []
    for pair in analysis.pairs:
        for draw in pair.draws:
            ours, theirs = (grid.marks(line, pair.members, draw) for line in (pair.variant, pair.baseline))
            assert ours is not None, pair
            assert theirs is not None, pair
            every.append(_gains(pair, draw, ours, reordered(theirs, ours.ids, pair.task["task"])))
    return every


def _gains(pair: Pair, draw: int, ours: Marks, theirs: Marks) -> Gains:
    moved = moves(ours, theirs)
    shares = []
    for place, name in enumerate(CLASSES):
        mine = moved.kind == place
        fixed, broken = int((moved.move[mine] > 0).sum()), int((moved.move[mine] < 0).sum())
        difference = float(moved.change[mine].sum()) / ours.n
        shares.append(ClassShare(name=name, fixed=fixed, broken=broken, difference=difference))
    return Gains(
        variant=pair.variant,
        baseline=pair.baseline,
        task=pair.task["task"],
        draw=draw,
        n=ours.n,
        difference=float(moved.change.mean()),
        classes=shares,
    )


@finding(110)
def gains(analysis: Analysis) -> Finding:
    every, apart = analysis.once(rows), analysis.once(nulls.controls)
    note = "Each item that was fixed or broken is in one class; they add up to the whole."
    shares = tables.exploded(every, "classes")

    def is_detail(row: Any) -> bool:
        return not analysis.grid.shown(row["task"]) or row["variant"] in apart

    return Finding(
        "gains",
        "Where the difference comes from",
        lead="Every item that was fixed or broken, by what changed along with the verdict (which is not a proof of "
        "why). An answer that merely became readable is no better reasoning.",
        rows=every,
        statements=[*_source(analysis, every)],
        tables=[tables.table(analysis, "gains", "Where a difference comes from", shares, FIELDS, note, is_detail)],
        picture=_picture(analysis, [row for row in every if not is_detail(row)]),
        empty="No pairs to compare: there is no baseline on the same items.",
    )


def _source(analysis: Analysis, every: Sequence[Gains]) -> Iterator[Statement]:
    """The class that holds most of the net fixed items of the first variant on clean tasks, where one does."""
    clean = {task["task"] for task in analysis.grid.clean_tasks()}
    for variant in analysis.once(comparisons.ranked)[:1]:
        net: Counter[str] = Counter()
        for row in every:
            if row["variant"] == variant and row["task"] in clean:
                net.update({share["name"]: share["fixed"] - share["broken"] for share in row["classes"]})
        whole, name = sum(net.values()), max(net, key=lambda key: net[key], default="")
        if name in _MEANING and 0 < whole < 2 * net[name]:
            text = f"Most of what {analysis.grid.label(variant)} fixes is {name}: {_MEANING[name]} ({net[name]} items "
            text += f"net, {whole} over all classes); that is not better reasoning by itself."
            yield Statement(text, "mixed", WEIGHT)


def _picture(analysis: Analysis, shown: Sequence[Gains]) -> Picture:
    """A choice a task, a panel a variant; subtasks of groups, one by one, are in the table."""
    several = {row["task"] for row in shown if row["draw"]}
    choices = []
    for (task, draw), same in grouped(shown, lambda row: (row["task"], row["draw"])).items():
        reach = max(share[side] for row in same for share in row["classes"] for side in ("fixed", "broken"))
        label = analysis.grid.title(task) + (f" · draw {draw}" if task in several else "")
        choices.append(Choice(label, [_bars(analysis, row, max(reach, 1)) for row in same]))
    legend = [("better", "fixed, to the right"), ("worse", "broken, to the left")]
    return Picture("gains", "bars", "Fixed and broken items by what changed along with them", choices, legend)


def _bars(analysis: Analysis, row: Gains, reach: int) -> Bars:
    fixed, broken = (sum(share[side] for share in row["classes"]) for side in ("fixed", "broken"))
    items = f"{count(row['n'])} items"
    return Bars(
        title=analysis.grid.label(row["variant"]),
        notes=[f"{points(row['difference'])} points over {items}: {fixed} fixed, {broken} broken."],
        axis="broken  ·  items  ·  fixed",
        rows=[WORDS[share["name"]] for share in row["classes"]],
        right=[share["fixed"] for share in row["classes"]],
        left=[share["broken"] for share in row["classes"]],
        hover=[tables.hover(analysis, FIELDS, part) for part in tables.exploded([row], "classes")],
        reach=reach,
    )
