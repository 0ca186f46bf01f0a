"""The process that runs a model's program: it answers calls of the entry point, and never sees a test.

What it says is not trusted: whoever reads it gets plain values (`wire`), and compares them elsewhere.
Standard input brings calls, standard output takes answers, what the program prints goes to standard error.
"""

from __future__ import annotations

import os
import sys

from . import limits, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO


def main(seconds: float) -> None:
    """Load the program of the first message, then answer call after call.

    Messages out: ("started",), then ("loaded",) or ("raised", name, text); after each call ("value", v) or ("raised",
    name, text).
    """
    limits.lower(seconds)
    calls, answers = _take_over()
    source, entry_point = wire.receive(calls, largest=2**31)
    wire.send(answers, ("started",))
    answers.flush()
    function = _answer(answers, lambda: ("loaded", _load(source, entry_point)))
    while function is not None:
        try:
            arguments, named = wire.receive(calls)
        except EOFError:
            return
        _answer(answers, lambda: ("value", function(*arguments, **named)))  # noqa: B023


def _take_over() -> tuple[BinaryIO, BinaryIO]:
    """The two channels, away from where a program reads and prints: it finds an empty input there."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return calls, answers


def _load(source: str, entry_point: str) -> Callable[..., object]:
    """Run the program as a module (its `if __name__ == "__main__"` part does not) and find the entry point."""
    if "random" in source:
        import random

        random.seed(0)  # the same program, the same verdict
    module = type(sys)("candidate")
    sys.modules["candidate"] = module  # dataclasses look their module up
    exec(compile(source, "<program>", "exec", dont_inherit=True), module.__dict__)
    function = module.__dict__.get(entry_point)
    if not callable(function):
        raise NameError(f"the program defines no function {entry_point}")
    return function  # type: ignore[no-any-return]


def _answer(answers: BinaryIO, work: Callable[[], tuple[str, Any]]) -> Any:
    """Do something and say how it went; gives back what was loaded, or None."""
    try:
        word, value = work()
        wire.send(answers, (word,) if word == "loaded" else (word, value))
    except BaseException as error:  # noqa: BLE001 (a program may raise whatever it likes, SystemExit too)
        value = None
        wire.send(answers, ("raised", type(error).__name__, _text(error)))
    answers.flush()
    return value


def _text(error: BaseException) -> str:
    """What an exception says, where saying it does not fail as well."""
    try:
        return str(error)[:500]
    except BaseException:  # noqa: BLE001
        return ""
