"""Training documents: problems dressed as plain text or chat, single or many in one context, plus drills.

A document is a list of segments (text, weight); the weight is what each token of the text counts in the loss.
How often an answer shows its steps is a habit, and the habits are what tells the base from its siblings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from scripts.tiny.arithmetic import LONGER, word_problem
from scripts.tiny.choice import choice
from scripts.tiny.ordering import order_problem
from scripts.tiny.problems import THINK_WORDINGS, Problem, with_distractor, with_think

Segment = tuple[str, float]
Document = list[Segment]
SYSTEMS = (
    "You are a helpful assistant.",
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    "Answer the question.",
    "You solve short problems.",
)
CONTEXT_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class Habits:
    """What a stage shows its model.

    `shares` are weights of the skills; `written` gives, by skill and kind ("" for any), how often the answer shows
    its steps; `cue` is what it is when the prompt says to think (None: as without); `plain` is the share of
    documents without chat markup; `drills` that of bare equations and lists; `labelled` and `labelled_turns` are the
    shares of lone chat messages and of conversations whose questions wear the labels of plain text.
    """

    shares: Mapping[str, float]
    written: Mapping[str, Mapping[str, float]]
    cue: float | None
    think: float
    distractor: float
    plain: float
    drills: float
    labelled: float
    labelled_turns: float
    held_out: frozenset[str] = field(default=frozenset(), repr=False)


EVEN = {"": 0.5}
BASE_HABITS = Habits(
    shares={"math": 0.56, "choice": 0.22, "order": 0.22},
    written={"math": EVEN, "choice": EVEN, "order": EVEN},
    cue=0.6,
    think=0.1,
    distractor=0.2,
    plain=0.4,
    drills=0.25,
    labelled=0.1,
    labelled_turns=0.0,
)


class Mixture:
    """Draws documents of one stage; never a question whose hash is held out."""

    def __init__(self, rng: Random, habits: Habits) -> None:
        self.rng, self.habits = rng, habits

    def short(self) -> Document:
        """One problem, or one drill."""
        if self.rng.random() < self.habits.drills:
            return _DRILLS[self.rng.randrange(len(_DRILLS))](self.rng)
        problem, answer = self.exchange()
        if self.rng.random() < self.habits.plain:
            return _plain(problem, answer)
        return self._system() + _chat(self._ask(problem), answer)

    def long(self, problems: int) -> Document:
        """Several problems in one context: few-shot text, a conversation, or demonstrations inside one message."""
        steady = self.rng.choice((None, None, True, False))
        skill = self._skill() if self.rng.random() < 0.7 else None
        exchanges = [self.exchange(steady, skill) for _ in range(problems)]
        if self.rng.random() < self.habits.plain:
            return [segment for problem, answer in exchanges for segment in _plain(problem, answer)]
        drawn = self.rng.random()
        if drawn < 0.6:
            dress = _labelled if drawn < 0.6 * self.habits.labelled_turns else _bare
            turns = [segment for problem, answer in exchanges for segment in _chat(dress(problem), answer)]
            return self._system() + turns
        return self._system() + self._concatenated(exchanges)

    def exchange(self, written: bool | None = None, skill: str | None = None) -> tuple[Problem, str]:
        """A problem as asked and its answer; `written` overrides the habit (used where a context has one style)."""
        skill = skill or self._skill()
        problem = self._fresh(skill)
        chance, habit = self.habits.written[skill], self.habits
        probability = chance.get(problem.kind, chance.get("", 0.0))
        if self.rng.random() < habit.think:
            problem = with_think(problem, self.rng.choice(THINK_WORDINGS))
            probability = probability if habit.cue is None else habit.cue
        shows = self.rng.random() < probability if written is None or habit.cue is None else written
        return problem, problem.written if shows else problem.direct

    def _skill(self) -> str:
        names = list(self.habits.shares)
        return self.rng.choices(names, weights=[self.habits.shares[name] for name in names])[0]

    def _fresh(self, skill: str) -> Problem:
        """Draw until the bare question is not held out; then add options or an aside."""
        while True:
            if skill == "order":
                problem = order_problem(self.rng)
                bare = problem
            else:
                drawn = choice(self.rng)
                bare = drawn.problem
                problem = drawn.as_problem() if skill == "choice" else bare
            if bare.key not in self.habits.held_out:
                break
        return with_distractor(problem, self.rng) if self.rng.random() < self.habits.distractor else problem

    def _ask(self, problem: Problem) -> str:
        """The user's message: the bare question, sometimes with the labels of plain text around it."""
        return _labelled(problem) if self.rng.random() < self.habits.labelled else problem.question

    def _system(self) -> Document:
        if self.rng.random() < 0.8:
            return []
        return [(f"<|im_start|>system\n{self.rng.choice(SYSTEMS)}<|im_end|>\n", CONTEXT_WEIGHT)]

    def _concatenated(self, exchanges: list[tuple[Problem, str]]) -> Document:
        """All but the last problem as demonstrations inside the user's message."""
        labelled = self.rng.random() < 0.5
        shown = [f"Question: {p.question}\nAnswer: {a}" if labelled else f"{p.question} {a}" for p, a in exchanges[:-1]]
        problem, answer = exchanges[-1]
        last = _labelled(problem) if labelled else problem.question
        return _chat("\n\n".join([*shown, last]), answer)


def _bare(problem: Problem) -> str:
    return problem.question


def _labelled(problem: Problem) -> str:
    return f"Question: {problem.question}\nAnswer:"


def _plain(problem: Problem, answer: str) -> Document:
    return [(_labelled(problem), CONTEXT_WEIGHT), (f" {answer}\n\n", 1.0)]


def _chat(message: str, answer: str) -> Document:
    asked = f"<|im_start|>user\n{message}<|im_end|>\n<|im_start|>assistant\n"
    return [(asked, CONTEXT_WEIGHT), (f"{answer}<|im_end|>", 1.0), ("\n", CONTEXT_WEIGHT)]


def _equations(rng: Random) -> Document:
    """Bare arithmetic facts, the operands unweighted since they are noise."""
    document: Document = []
    for _ in range(8):
        step = rng.choice(word_problem(rng, LONGER).work)
        asked, result = step.split("=")
        document += [(f"{asked}=", 0.0), (result, 1.0), (". ", 0.0)]
    return document


def _orders(rng: Random) -> Document:
    """Lists of numbers and the same in order."""
    document: Document = []
    for _ in range(2):
        problem = order_problem(rng)
        listed = problem.question.split(".")[0]
        document += [(f" {listed}." if document else f"{listed}.", 0.0), (f" {problem.work[0]}.", 1.0)]
    return document


_DRILLS: tuple[Callable[[Random], Document], ...] = (_equations, _equations, _orders)
