"""The error types: each says what is wrong, where, what was expected against what was found, and what to do.

Problems are collected and raised once, so that a user mends a config in one round instead of five.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in words for people.

    Args:
        what: the problem in one sentence.
        where: the key, file or tensor it is about.
        expected: what would have been right.
        found: what is there instead.
        fix: what to do.
    """

    what: str
    where: str = ""
    expected: str = ""
    found: str = ""
    fix: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [head]
        if self.expected or self.found:
            lines.append(f"  expected {self.expected or '-'}, found {self.found or '-'}")
        if self.fix:
            lines.append(f"  -> {self.fix}")
        return "\n".join(lines)


class RvevalError(Exception):
    """Base of all errors a user is meant to read; never shown with a traceback.

    Args:
        problems: one problem or several, all reported together.
    """

    exit_code = 1

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Refused(RvevalError):
    """Refused before an engine starts: config, files, compatibility, hub, store, sandbox (exit status 2)."""

    exit_code = 2


class DoesNotMatch(Refused):
    """Donors that do not match their base: a study keeps this refusal as a result of its own.

    Args:
        problems: as of every error.
        label: what the variant would have been shown as.
    """

    def __init__(self, problems: Problem | Sequence[Problem], label: str) -> None:
        super().__init__(problems)
        self.label = label


class Failed(RvevalError):
    """Failed after the engine started: a cell, a swap, a proof (exit status 1)."""

    exit_code = 1


class DoesNotFit(Failed):
    """A task was not asked, because a prompt leaves no room for its answer; the engine is as it was."""


def nearest(name: str, names: Iterable[str], limit: int = 3) -> str:
    """The names most like `name`, for messages."""
    return ", ".join(difflib.get_close_matches(name, list(names), n=limit, cutoff=0.0)) or "none"


def cache_dir() -> Path:
    """Where rveval remembers what is costly to find out again (hashes, scans, self-tests)."""
    return Path(os.environ.get("RVEVAL_CACHE") or Path.home() / ".cache" / "rveval")
