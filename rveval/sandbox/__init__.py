"""Runs code that a model wrote, confined, and says whether it passes its tests.

Two processes a program, each confined, with nothing but bytes between them: the candidate's runs the model's code and
answers calls of its function; the tester's holds the tests, calls, and compares what it is told: plain values.
So the code can't read its tests, nor end them early, nor return an object that is equal to everything: all it can do is
answer, and a wrong answer is wrong however it was sent. Arguments and results go by value. A program gets the standard
library, and may start neither processes nor threads (under bwrap, where it also gets this Python's numpy).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rveval.sandbox import available, run
from rveval.sandbox.programs import Kind, Outcome, Program, Reason

__all__ = ["Kind", "Outcome", "Program", "Reason", "check", "run_all"]


def check(kind: str) -> None:
    """Whether a kind of confinement works here: "bwrap", "docker", "podman", or "unsafe" (none at all).

    It is tried with a trivial program once in a process, and remembered.

    Raises:
        Refused: it does not; with what to install or to allow.
    """
    available.box(kind)


def run_all(
    programs: Sequence[Program],
    kind: str,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Run programs against their tests; outcomes in the programs' order, whatever the programs do.

    Args:
        programs: what to run; equal ones are run as often as they are given.
        kind: the confinement, as for `check`.
        workers: how many at a time; default: one a core. Each may take up to 2 GiB of memory.
        progress: told after each program how many are done, of how many.

    Raises:
        Refused: the kind does not work here.
        Failed: the confinement itself fails in between, or a program's `test` or `helpers` do not load.
    """
    return run.run_in(available.box(kind), programs, workers, progress)
