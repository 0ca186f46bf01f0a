"""The names of our tasks: rv_<benchmark>[_<family>[+<family>...]], the groups of BBH, and what stock lm-eval asks."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from rveval.benchmarks import bbh, tiny
from rveval.benchmarks.published import PUBLISHED
from rveval.errors import Problem, Refused

CLEAN = "clean"
STOCK = "stock_"
"""What the sources begin with that are asked with lm-eval's own prompts, kept as they are."""
_WITHOUT_STOCK = "sciq_closed"
_FAMILIES = re.compile(r"[a-z]+(?:\+[a-z]+)*")
_BBH = tuple(f"bbh_{subtask}" for subtask in bbh.SUBTASKS)
_GROUPS = {"bbh": _BBH, f"{STOCK}bbh": tuple(f"{STOCK}{source}" for source in _BBH)}


@dataclass(frozen=True)
class TaskName:
    """What a task's name says.

    Args:
        source: what `load` takes: "gsm8k", "bbh_word_sorting", "stock_gsm8k"; of a group its name without "rv_".
        benchmark: as records name it: "bbh" for all of its subtasks, and a stock task's is that of its items.
        family: "clean", or families joined by "+".
    """

    source: str
    benchmark: str
    family: str


def names() -> list[str]:
    """All benchmarks that families can be applied to, published ones first."""
    return [*PUBLISHED, *tiny.TINY]


def stock_names() -> list[str]:
    """The benchmarks that can also be asked as stock lm-eval does."""
    return [f"{STOCK}{name}" for name in PUBLISHED if name != _WITHOUT_STOCK]


def of_task(task: str) -> TaskName:
    """What is in the name of a task, or of a group of tasks.

    >>> of_task("rv_gsm8k")
    TaskName(source='gsm8k', benchmark='gsm8k', family='clean')
    >>> of_task("rv_bbh_word_sorting_typos+distractor")
    TaskName(source='bbh_word_sorting', benchmark='bbh', family='typos+distractor')

    Raises:
        Refused: not the name of a task of ours; the nearest ones are offered.
    """
    rest = task.removeprefix("rv_")
    known = [*sorted([*names(), *stock_names()], key=len, reverse=True), *_GROUPS]
    for source in known if rest != task else ():
        family = CLEAN if rest == source else rest.removeprefix(f"{source}_")
        if (family == CLEAN or family != rest) and _FAMILIES.fullmatch(family) and not _misspelt(source, family):
            return _checked(task, source, family)
    raise _unknown(task)


def groups(task: str) -> list[str]:
    """The tasks that a name stands for: BBH's 27 for `rv_bbh[_<family>]`, else the task itself.

    Whether a family applies to each of them is not asked here.

    Raises:
        Refused: not the name of a task or of a group of ours.
    """
    name = of_task(task)
    if name.source not in _GROUPS:
        return [task]
    ending = "" if name.family == CLEAN else f"_{name.family}"
    return [f"rv_{source}{ending}" for source in _GROUPS[name.source]]


def _misspelt(source: str, family: str) -> bool:
    """Whether what looks like a group's family is rather a subtask's name with a slip: rv_bbh_wordsorting."""
    return source in _GROUPS and bool(difflib.get_close_matches(family, bbh.SUBTASKS, n=1, cutoff=0.8))


def _checked(task: str, source: str, family: str) -> TaskName:
    plain = source.removeprefix(STOCK)
    if plain != source and family != CLEAN:
        what, fix = "lm-eval's own prompts are kept as they are, no family applies to them", f"rv_{plain}_{family}"
        raise Refused(Problem(what, where="suite.tasks", expected=f"rv_{source}", found=task, fix=f"ask {fix}"))
    return TaskName(source, "bbh" if plain.startswith("bbh_") else plain, family)


def _unknown(task: str) -> Refused:
    plain = [name for name in names() if name not in _BBH]
    expected = ", ".join(f"rv_{name}" for name in [*plain, "bbh", "bbh_<subtask>"])
    near = _nearest(task)
    fix = f"did you mean {' or '.join(near)}?" if near else ""
    return Refused(Problem("no such task", "suite.tasks", f"{expected}, each with or without _<family>", task, fix))


def _nearest(task: str) -> list[str]:
    """Names that the task's may be a slip of, most likely first; a family at its end is taken over."""
    known = [f"rv_{name}" for name in [*names(), *_GROUPS, *stock_names()]]
    before, _, ending = task.rpartition("_")
    if before not in known and _FAMILIES.fullmatch(ending):
        without_stock = known[: -len(stock_names())]
        if near := difflib.get_close_matches(before, without_stock, n=3, cutoff=0.85):
            return [f"{name}_{ending}" for name in near]
    return difflib.get_close_matches(task, known, n=3, cutoff=0.85) or difflib.get_close_matches(task, known, n=1)
