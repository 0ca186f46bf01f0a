"""The names of our tasks: rv_<benchmark>[_<family>[+<family>...]], the groups of BBH, and what stock lm-eval asks."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from rveval import perturb
from rveval.benchmarks import registry
from rveval.benchmarks.stock import PREFIX
from rveval.errors import Problem, Refused

_FAMILIES = re.compile(r"[a-z]+(?:\+[a-z]+)*")


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
    known = [*sorted(registry.BENCHMARKS, key=len, reverse=True), *registry.groups()]
    for source in known if rest != task else ():
        family = perturb.CLEAN if rest == source else rest.removeprefix(f"{source}_")
        named = family == perturb.CLEAN or family != rest
        if named and _FAMILIES.fullmatch(family) and not _misspelt(source, family):
            return _checked(task, source, family)
    raise _unknown(task)


def groups(task: str) -> list[str]:
    """The tasks that a name stands for: BBH's 27 for `rv_bbh[_<family>]`, else the task itself.

    Whether a family applies to each of them is not asked here.

    Raises:
        Refused: not the name of a task or of a group of ours.
    """
    name = of_task(task)
    members = registry.groups().get(name.source)
    if members is None:
        return [task]
    ending = "" if name.family == perturb.CLEAN else f"_{name.family}"
    return [f"{member.task}{ending}" for member in members]


def facts(task: str) -> dict[str, Any]:
    """What reports may say of a task without knowing its benchmark by name, for its record.

    Returns:
        `title` and `source` (the name of its benchmark), `group` (the group's task under the same family, "" for
        none), `chance` (the accuracy of guessing, in [0, 1]), `reads_code`, `same_questions_as` (the benchmark whose
        questions it asks in another way, "" for none), `outside_training` (the families that the models it is for
        never saw).

    Raises:
        Refused: not the name of a task of ours.
    """
    name = of_task(task)
    benchmark = registry.get(name.source)
    ending = "" if name.family == perturb.CLEAN else f"_{name.family}"
    return {
        "title": benchmark.name,
        "source": benchmark.name,
        "group": f"rv_{benchmark.group}{ending}" if benchmark.group else "",
        "chance": benchmark.chance,
        "reads_code": benchmark.reads_code,
        "same_questions_as": benchmark.same_questions_as,
        "outside_training": benchmark.outside_training(name.family),
    }


def _misspelt(source: str, family: str) -> bool:
    """Whether what looks like a group's family is rather a subtask's name with a slip: rv_bbh_wordsorting."""
    subtasks = [member.name.removeprefix(f"{source}_") for member in registry.groups().get(source, ())]
    return bool(difflib.get_close_matches(family, subtasks, n=1, cutoff=0.8))


def _checked(task: str, source: str, family: str) -> TaskName:
    members = registry.groups().get(source)
    benchmark = members[0] if members else registry.get(source)
    if not benchmark.takes_families and family != perturb.CLEAN:
        what = "lm-eval's own prompts are kept as they are, no family applies to them"
        fix = f"ask rv_{source.removeprefix(PREFIX)}_{family}"
        raise Refused(Problem(what, where="suite.tasks", expected=f"rv_{source}", found=task, fix=fix))
    return TaskName(source, benchmark.record_name, family)


def _unknown(task: str) -> Refused:
    plain = [name for name in registry.names() if not registry.get(name).group]
    groups = [group for group, members in registry.groups().items() if members[0].takes_families]
    grouped = [name for group in groups for name in (group, f"{group}_<subtask>")]
    expected = ", ".join(f"rv_{name}" for name in [*plain, *grouped])
    near = _nearest(task)
    fix = f"did you mean {' or '.join(near)}?" if near else ""
    return Refused(Problem("no such task", "suite.tasks", f"{expected}, each with or without _<family>", task, fix))


def _nearest(task: str) -> list[str]:
    """Names that the task's may be a slip of, most likely first; a family at its end is taken over."""
    known = [f"rv_{name}" for name in [*registry.names(), *registry.groups(), *registry.stock_names()]]
    before, _, ending = task.rpartition("_")
    if before not in known and _FAMILIES.fullmatch(ending):
        without_stock = known[: -len(registry.stock_names())]
        if near := difflib.get_close_matches(before, without_stock, n=3, cutoff=0.85):
            return [f"{name}_{ending}" for name in near]
    return difflib.get_close_matches(task, known, n=3, cutoff=0.85) or difflib.get_close_matches(task, known, n=1)
