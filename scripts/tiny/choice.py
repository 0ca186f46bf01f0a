"""Four options for a word problem, answered by value: "#### 15", not "#### A".

Finding the letter of a value was not learnable at this size, not even with numbers of one token and dense drills.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from scripts.tiny.arithmetic import Limits, word_problem
from scripts.tiny.problems import Problem

LETTERS = ("A", "B", "C", "D")


@dataclass(frozen=True, slots=True)
class Choice:
    """A word problem with its options in shown order; `gold` is the index of the right one."""

    problem: Problem
    options: tuple[str, ...]
    gold: int

    def as_problem(self) -> Problem:
        """The problem as a model sees it: the options follow the question."""
        return replace(self.problem, question=f"{self.problem.question} {options_text(self.options)}")


def options_text(options: tuple[str, ...]) -> str:
    """ "Options: A) 15 B) 24 C) 19 D) 5"."""
    shown = " ".join(f"{letter}) {option}" for letter, option in zip(LETTERS, options, strict=True))
    return f"Options: {shown}"


def choice(rng: Random, limits: Limits | None = None, topic: str | None = None) -> Choice:
    """Draw one problem with options."""
    return with_options(word_problem(rng, limits, topic), rng)


def with_options(problem: Problem, rng: Random) -> Choice:
    """Add three wrong options: intermediate results first (the tempting ones), then near misses."""
    right = int(problem.gold)
    results = {int(step.split("=")[1]) for step in problem.work}
    tempting = [n for n in sorted(results - {right}) if rng.random() < 0.6][:2]
    wrong = list(tempting)
    while len(wrong) < 3:
        near = right + rng.choice((-1, 1)) * rng.randint(1, 10)
        if near >= 0 and near != right and near not in wrong:
            wrong.append(near)
    options = [right, *wrong]
    rng.shuffle(options)
    return Choice(problem, tuple(str(n) for n in options), options.index(right))
