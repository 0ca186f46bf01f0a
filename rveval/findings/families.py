"""Clean prompts against families of perturbations: how a variant stands up to them, and whether its gain survives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from rveval import stats
from rveval.errors import Refused
from rveval.findings.board import Board, means, ordered, pair
from rveval.findings.compare import flat_settings
from rveval.findings.comparisons import CONTROLS, VARIANTS, correct, interval
from rveval.findings.tasks import chance
from rveval.findings.typed import Edge, FamilyDrop, Hypotheses, Robustness, Survival, TaskRow

if TYPE_CHECKING:
    from rveval.findings.board import Floats

_OF_THE_TASK = {"variant", "task", "draw", "strength", "data", "demonstrations", "code", "prompt", "limit", "repeat"}
SURVIVAL = f"survival: {VARIANTS} x families"


@dataclass(frozen=True)
class Under:
    """A line under a family and clean, over the same items: scores by item, means over the draws."""

    task: TaskRow
    clean_members: list[str]
    members: list[str]
    ids: tuple[str, ...]
    clean: Floats
    under: Floats


def clean_tasks(board: Board) -> list[TaskRow]:
    """The clean tasks that have a line of their own in short tables."""
    return [task for task in board.tasks if task["shown"] and task["family"] == "clean"]


def families_of(board: Board, clean: TaskRow) -> list[TaskRow]:
    """The tasks that put this one under a family."""
    return [task for task in board.tasks if task["source"] == clean["task"] and task["family"] != "clean"]


def under(board: Board, variant: str, clean: TaskRow, task: TaskRow) -> Under | None:
    """The same items clean and under a family; None where the line was not asked both, or where they don't fit.

    What does not fit (other items, other settings) is said in the problems. Of a group, the members that were asked
    both ways: not every family applies to all of them.
    """
    draws = [draw for draw in task["draws"] if board.members(variant, task, draw)]
    if not draws:
        return None
    members = board.members(variant, task, draws[0])
    plain = [board.task(name)["source"] for name in members]
    kept = [place for place, name in enumerate(plain) if (variant, name, 0) in board.cells]
    members, plain = [members[place] for place in kept], [plain[place] for place in kept]
    if not members or not _alike(board, variant, plain, members, draws[0]):
        return None
    try:
        before, after = means(board, variant, plain, clean["draws"][:1]), means(board, variant, members, draws)
        if before is None or after is None:
            return None
        where = f"{clean['task']} and {task['task']}"
        return Under(task, plain, members, before[0], before[1], ordered(after[1], after[0], before[0], where))
    except Refused as error:
        for problem in error.problems:
            what = f"the family was asked of other items than the clean task ({problem.found}): not compared"
            board.trouble("refused", what, f"{clean['task']} and {task['task']}", "run both with the same limit")
    return None


def _alike(board: Board, variant: str, plain: Sequence[str], members: Sequence[str], draw: int) -> bool:
    """Whether clean and perturbed prompts were asked in one way (decoding, prompting, engine)."""
    for clean, name in zip(plain, members, strict=True):
        ours = dict(flat_settings(board.cells[variant, name, draw].record["settings"]))
        theirs = dict(flat_settings(board.cells[variant, clean, 0].record["settings"]))
        keys = [k for k in sorted((ours.keys() | theirs.keys()) - _OF_THE_TASK) if ours.get(k) != theirs.get(k)]
        if keys:
            told = ", ".join(f"{key}: {ours.get(key, 'null')} and {theirs.get(key, 'null')}" for key in keys)
            what = f"the family was asked in another way than the clean task ({told}): not compared"
            board.trouble("refused", what, f"{clean} and {name}", "run both with the same settings")
            return False
    return True


def robustness(board: Board) -> list[Robustness]:
    """Every line, the baseline among them, on every benchmark that was asked under a family."""
    rows = []
    for row in board.variants:
        for clean in clean_tasks(board):
            found = [one for task in families_of(board, clean) if (one := under(board, row["id"], clean, task))]
            if found:
                rows.append(_robustness(row["id"], clean, found))
    return rows


def _robustness(variant: str, clean: TaskRow, found: Sequence[Under]) -> Robustness:
    guess = chance(clean)
    drops = [_drop(one, stats.drop(one.clean, one.under, guess)) for one in found]
    plain, families = _common(found)
    whole = stats.robustness(plain, families, guess)
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


def _common(found: Sequence[Under]) -> tuple[Floats, dict[str, Floats]]:
    """Clean scores, and those by family, of the items that every family was asked of.

    That is all of them, but for groups of which not all members take every family.
    """
    first = found[0]
    shared = set(first.ids).intersection(*(one.ids for one in found[1:]))
    if not shared:  # no member takes all of them: the family of the most members speaks
        first = max(found, key=lambda one: len(one.ids))
        return first.clean, {first.task["family"]: first.under}
    ids = tuple(item for item in first.ids if item in shared)
    columns = {}
    for one in found:
        places = {item: place for place, item in enumerate(one.ids)}
        columns[one.task["family"]] = one.under[[places[item] for item in ids]]
    mine = {item: place for place, item in enumerate(first.ids)}
    return first.clean[[mine[item] for item in ids]], columns


def _drop(one: Under, drop: stats.Drop) -> FamilyDrop:
    return FamilyDrop(
        family=one.task["family"],
        task=one.task["task"],
        accuracy=interval(drop.accuracy),
        change=interval(drop.flips.difference),
        p=drop.flips.p,
        drop=interval(drop.rate) if drop.rate else None,
        lost=drop.flips.broken,
        won=drop.flips.fixed,
        at_edge=cast(Edge, drop.flips.edge or ""),
    )


def survival(board: Board, margin: float, seed: int) -> tuple[list[Survival], list[Hypotheses]]:
    """Did the gain survive? Every line with a baseline, on every benchmark, under every family."""
    rows = [row for one in _asked_both(board) if (row := _survival(board, *one, margin, seed))]
    nulls = {row["id"] for row in board.variants if row["null"]}
    hypotheses = []
    for who, name in (("variant", SURVIVAL), ("null control", SURVIVAL.replace(VARIANTS, CONTROLS))):
        here = [row for row in rows if (row["variant"] in nulls) == (who != "variant")]
        correct(here, name)
        if here:
            question = f"does a {who}'s gain change under a family?"
            hypotheses.append(Hypotheses(name=name, question=question, n=len(here)))
    return rows, hypotheses


def _asked_both(board: Board) -> Iterator[tuple[str, TaskRow, TaskRow]]:
    for row in board.variants:
        if not row["is_baseline"]:
            for clean in clean_tasks(board):
                for task in families_of(board, clean):
                    yield row["id"], clean, task


def _survival(board: Board, variant: str, clean: TaskRow, task: TaskRow, margin: float, seed: int) -> Survival | None:
    mine = under(board, variant, clean, task)
    if mine is None:
        return None
    after = pair(board, variant, task, mine.members)
    before = pair(board, variant, clean, mine.clean_members)
    if before is None or after is None or before.baseline != after.baseline:
        return None  # why there is no baseline has been said, task by task
    where = f"{clean['task']} and {task['task']}"
    ours, theirs = (ordered(column, after.ids, before.ids, where) for column in (after.ours, after.theirs))
    found = stats.survival(before.ours, before.theirs, ours, theirs, margin=margin, chance=chance(clean), seed=seed)
    return Survival(
        variant=variant,
        baseline=before.baseline,
        source=clean["task"],
        benchmark=clean["benchmark"],
        family=task["family"],
        task=task["task"],
        n=len(before.ids),
        gain_clean=interval(found.clean.difference),
        gain_family=interval(found.under.difference),
        did=interval(found.change),
        p=found.p,
        p_holm=None,
        kept=interval(found.kept) if found.kept else None,
        verdict=found.verdict,  # type: ignore[typeddict-item]
        why=found.reason if found.clean.difference.high >= 0 else "a loss on clean prompts, and no gain",
    )
