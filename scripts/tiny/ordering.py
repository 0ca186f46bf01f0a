"""The second skill: put a few numbers in order and read one off. No story, almost no arithmetic.

"Here are some numbers: 34, 12, 88, 5. What is the second smallest?" with the work "In order: 5, 12, 34, 88".
"""

from __future__ import annotations

from random import Random

from scripts.tiny.problems import Problem

RANKS = ("", "second ", "third ")
KINDS = ("smallest", "largest", "middle", "spread")
OPENINGS = ("Here are some numbers: {}.", "Look at the numbers {}.", "These are the scores: {}.")


def order_problem(rng: Random, counts: tuple[int, ...] = (4, 5, 5, 6, 7), kind: str | None = None) -> Problem:
    """Draw one problem over distinct numbers 1..99; `counts` is how many numbers, `kind` what is asked."""
    kind = kind or rng.choice(KINDS)
    count = rng.choice(counts)
    if kind == "middle" and count % 2 == 0:
        count += 1
    numbers = rng.sample(range(1, 100), count)
    ranked = sorted(numbers)
    ask, gold, extra = _ask(rng, kind, ranked)
    question = f"{rng.choice(OPENINGS).format(_listed(numbers))} {ask}"
    return Problem(question, (f"In order: {_listed(ranked)}", *extra), str(gold), kind, count)


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _ask(rng: Random, kind: str, ranked: list[int]) -> tuple[str, int, tuple[str, ...]]:
    """Question sentence, answer, and any work beyond the order itself."""
    if kind == "middle":
        return "Which number is in the middle?", ranked[len(ranked) // 2], ()
    if kind == "spread":
        spread = ranked[-1] - ranked[0]
        return "How far apart are the smallest and the largest?", spread, (f"{ranked[-1]}-{ranked[0]}={spread}",)
    rank = rng.randrange(len(RANKS))
    gold = ranked[rank] if kind == "smallest" else ranked[-1 - rank]
    return f"What is the {RANKS[rank]}{kind}?", gold, ()
