"""What is run, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["bwrap", "docker", "podman", "unsafe"]
Reason = Literal["passed", "wrong", "error", "timeout", "memory", "output", "killed", "missing module"]

LONGEST_SOURCE = 32 * 2**20
"""Characters of a program; a longer one is not run."""


@dataclass(frozen=True)
class Program:
    """A program by a model and the tests it has to pass.

    Args:
        source: the whole program, with imports and all; it may be anything a model wrote.
        entry_point: the function of it that is tested.
        test: trusted text that defines `check(candidate)`, as HumanEval's `test` does.
        timeout_s: seconds of processor time, for the program and its calls together; four times as long by the clock.
        helpers: trusted text whose functions the tests call by name (HumanEval's prompt). It runs where the tests do;
            a definition of the entry point in it is replaced by the model's function.
    """

    source: str
    entry_point: str
    test: str
    timeout_s: float = 10.0
    helpers: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a program ended.

    Args:
        passed: all its tests ran, and held.
        reason: passed; wrong (a test did not hold); error (it raised, ended itself, does not parse, returned what is no
            plain value); timeout; memory; output (it returned too much); killed (ended by a signal); missing
            module (it, or a test, imports what is not there: whether it is right is not known).
        detail: the failing line of the tests, the exception, the signal, the module; at most a few hundred characters.
    """

    passed: bool
    reason: Reason
    detail: str = ""
