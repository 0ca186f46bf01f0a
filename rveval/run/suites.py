"""From a suite to what is asked: groups spelled out, every task under every family and in every draw.

Whatever can't be asked is refused with the reason, and all of it at once; only the word `all` leaves out by itself
what does not apply.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rveval import benchmarks, perturb
from rveval.benchmarks import upstream
from rveval.benchmarks.upstream import Ref
from rveval.config import SuiteConfig
from rveval.errors import Problem, RvevalError

ALL = "all"


@dataclass(frozen=True)
class Asked:
    """One task in one draw: what a cell asks.

    Args:
        task: its name, with its families.
        source: the benchmark, with BBH's subtask; the task itself where lm-eval's own task is wrapped.
        benchmark: as records name it ("bbh" for all of its subtasks).
        families: "clean", or families joined by "+".
        draw: the realisation.
        strength: None where no family of the task takes one, or for the families' own.
        wrapped: the task of lm-eval's, or of the user's, that this is; None for rveval's own.
        repeat: 0, or the number of the time that it is asked again, with its requests in another order.
    """

    task: str
    source: str
    benchmark: str
    families: str
    draw: int
    strength: float | None
    wrapped: Ref | None = None
    repeat: int = 0

    @property
    def runs_code(self) -> bool:
        """Whether its answers are programs, which are run."""
        return self.wrapped is None and benchmarks.get(self.source).reads_code

    def metadata(self, seed: int, sandbox: str = "bwrap") -> dict[str, Any]:
        """What the hooks of rveval's own tasks are told; names of our own, as lm-eval uses `seed` itself."""
        return {
            "rv_families": self.families,
            "rv_seed": seed,
            "rv_draw": self.draw,
            "rv_strength": self.strength,
            "rv_sandbox": sandbox,
        }


def expand(suite: SuiteConfig, problems: list[Problem], *, num_fewshot: int | None = None) -> list[Asked]:
    """All that a suite asks, in its order; what is wrong with it is added to `problems`.

    Args:
        suite: the config.
        problems: collects what is wrong.
        num_fewshot: demonstrations before a question; None for the task's own number.
    """
    _check_include(suite, problems)
    asked: dict[tuple[str, int], Asked] = {}
    for name in suite.tasks:
        for families in suite.families:
            for one in _tasks(name, families, suite, problems, num_fewshot):
                if asked.setdefault((one.task, one.draw), one) != one:
                    what = (
                        f"{one.task} is what {asked[one.task, one.draw].source} and {one.source} would both be called"
                    )
                    problems.append(Problem(what, "suite.tasks", fix="ask them in two runs"))
    if suite.strength is not None and not problems and not any(one.strength for one in asked.values()):
        takers = ", ".join(name for name, family in perturb.FAMILIES.items() if family.has_strength)
        problems.append(Problem("no family of the suite takes a strength", "suite.strength", takers, "none of them"))
    return list(asked.values())


def _tasks(
    name: str, families: str, suite: SuiteConfig, problems: list[Problem], num_fewshot: int | None
) -> Iterator[Asked]:
    if not name.startswith("rv_"):
        yield from _wrapped(name, families, suite, problems, num_fewshot)
        return
    try:
        found = benchmarks.of_task(name)
        members = benchmarks.groups(name)
    except RvevalError as error:
        problems.extend(problem for problem in error.problems if problem not in problems)
        return
    if found.family != perturb.CLEAN:
        if families not in (perturb.CLEAN, ALL, found.family):
            what = f"{name} names a family already; it can't be put under {families} too"
            problems.append(Problem(what, "suite.families", fix=f"write {name}+{families} among the tasks"))
            return
        families = found.family
    for one in _each(families, suite):
        sources = [benchmarks.of_task(member).source for member in members]
        yield from _members(name, sources, one, problems, bool(num_fewshot))


def _each(families: str, suite: SuiteConfig) -> list[tuple[str, bool, SuiteConfig]]:
    """The families that a word of the suite stands for, and whether it leaves out what does not apply."""
    if families != ALL:
        return [(families, False, suite)]
    every = [name for name, family in perturb.FAMILIES.items() if not family.variant_of]
    return [(name, True, suite) for name in (perturb.CLEAN, *every)]


def _members(
    name: str,
    sources: Sequence[str],
    wanted: tuple[str, bool, SuiteConfig],
    problems: list[Problem],
    shots: bool,
) -> Iterator[Asked]:
    families, lenient, suite = wanted
    why_not = {
        source: perturb.problem(families, benchmarks.traits(source), of=source, shots=shots) for source in sources
    }
    fitting = [source for source in sources if not why_not[source]]
    if not fitting and not lenient:
        problems.append(_does_not_apply(name, families, next(iter(why_not.values()))))
    for source in fitting:
        task = f"rv_{source}" if families == perturb.CLEAN else f"rv_{source}_{families}"
        yield from _draws(task, source, benchmarks.of_task(task).benchmark, families, suite)


def _draws(
    task: str, source: str, benchmark: str, families: str, suite: SuiteConfig, wrapped: Ref | None = None
) -> Iterator[Asked]:
    named = perturb.names(families)
    takes = any(perturb.FAMILIES[one].has_strength for one in named)
    for draw in range(suite.draws if named else 1):
        yield Asked(task, source, benchmark, families, draw, suite.strength if takes else None, wrapped)


def _check_include(suite: SuiteConfig, problems: list[Problem]) -> None:
    """A broken file in a user's folder is an error, whether or not its task is asked: lm-eval would hide it."""
    try:
        upstream.user_tasks(suite.include)
    except RvevalError as error:
        problems.extend(error.problems)


def _wrapped(
    name: str, families: str, suite: SuiteConfig, problems: list[Problem], num_fewshot: int | None
) -> Iterator[Asked]:
    """The tasks of lm-eval's, or of the user's, that a name stands for."""
    try:
        for ref in upstream.find(name, suite.include):
            for one, lenient, _ in _each(families, suite):
                why = upstream.why_not(ref, one, num_fewshot)
                if not why:
                    task = ref.name if one == perturb.CLEAN else f"{ref.name}_{one}"
                    yield from _draws(task, ref.name, ref.name, one, suite, ref)
                elif not lenient:
                    problems.append(_does_not_apply(ref.name, one, why))
    except RvevalError as error:
        problems.extend(problem for problem in error.problems if problem not in problems)


def _does_not_apply(name: str, families: str, why: str) -> Problem:
    unknown = [one for one in perturb.names(families) if one not in perturb.FAMILIES]
    near = [word for one in unknown for word in difflib.get_close_matches(one, perturb.FAMILIES, n=3)]
    fix = f"did you mean {', '.join(near)}?" if near else ""
    return Problem(why, where=f"{name}, suite.families", fix=fix)


def remarks(asked: Asked, sandbox: str) -> list[str]:
    """What a reader of this task's numbers must know."""
    if asked.wrapped:
        return upstream.remarks(upstream.load(asked.wrapped), perturb.names(asked.families), sandbox)
    found = benchmarks.get(asked.source).remarks(asked.families)
    if asked.runs_code and sandbox == "unsafe":
        found.append("sandbox=unsafe: model-written code ran unconfined")
    return found


def scored_by(asked: Asked, sandbox: str) -> dict[str, Any]:
    """What reads and scores the answers to a task, with versions; where it runs programs, also in which sandbox."""
    by = upstream.scored_by(asked.wrapped) if asked.wrapped else benchmarks.scored_by(asked.source)
    return by | ({"sandbox": sandbox} if asked.runs_code else {})
