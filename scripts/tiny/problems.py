"""What a synthetic problem is: a question, the work that leads to the answer, and the answer.

All skills (word problems, options, order) make this one type, so that mixtures, splits and scoring need only one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from random import Random

THINK_WORDINGS = ("Let's think step by step.", "Think step by step.")
BYSTANDERS = ("Ruth", "Omar", "Ines", "Karl", "Yuki", "Nora")
ASIDES = (
    "{name} is {n} years old.",
    "{name} lives at number {n}.",
    "{name} watched {n} films this year.",
    "{name} likes to sing.",
    "{name} has a red bike.",
    "{name} was late that day.",
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One question with its written solution.

    `work` holds the steps in order ("12+7=19"), `gold` is what follows `####`, `kind` is the topic, `steps` counts
    what makes the problem long (operations, or numbers to put in order).
    """

    question: str
    work: tuple[str, ...]
    gold: str
    kind: str
    steps: int

    @property
    def written(self) -> str:
        """The answer with its steps: "12+7=19. 19-4=15. #### 15"."""
        return " ".join([*(f"{step}." for step in self.work), self.direct])

    @property
    def direct(self) -> str:
        """The answer off the cuff: "#### 15"."""
        return f"#### {self.gold}"

    @property
    def key(self) -> str:
        """Identity of the question for keeping splits apart (sha256 of its text, 16 hex digits)."""
        return question_key(self.question)


def question_key(question: str) -> str:
    """Hash of a question's text with case and spacing folded away."""
    return hashlib.sha256(" ".join(question.lower().split()).encode()).hexdigest()[:16]


def with_think(problem: Problem, wording: str) -> Problem:
    """The same problem with a cue to reason appended to its question."""
    return replace(problem, question=f"{problem.question} {wording}")


def with_distractor(problem: Problem, rng: Random) -> Problem:
    """The same problem with one irrelevant sentence after its first sentence; about half of them hold a number.

    The name never occurs in a problem, so the sentence can't be read as a part of it.
    """
    aside = rng.choice(ASIDES).format(name=rng.choice(BYSTANDERS), n=rng.randint(2, 60))
    first, rest = problem.question.split(". ", 1)
    return replace(problem, question=f"{first}. {aside} {rest}")
