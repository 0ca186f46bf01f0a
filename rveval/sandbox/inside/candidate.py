"""The process that runs a model's program: it answers calls of the entry point, and never sees a test.

What it says is not trusted: whoever reads it gets plain values (`wire`), and compares them elsewhere.
Standard input brings calls, standard output takes answers, what the program prints goes to standard error.
"""

from __future__ import annotations

import sys

from . import begin, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO


def main(seconds: float, as_root: bool) -> None:
    """Load the program of the first message, then answer call after call.

    Messages out: ("started", None, ""), then ("loaded", None, ""), after each call ("value", v, ""); instead of the
    latter two also ("raised", name, text).
    """
    calls, answers = begin(seconds, as_root)
    source, entry_point = wire.receive(calls, largest=2**31)
    wire.send(answers, ("started", None, ""))
    functions: list[Callable[..., object]] = []
    _answer(answers, "loaded", lambda: functions.append(_load(source, entry_point)))
    while functions:
        try:
            arguments, named = wire.receive(calls)
        except EOFError:
            return
        _answer(answers, "value", lambda: functions[0](*arguments, **named))  # noqa: B023


def _load(source: str, entry_point: str) -> Callable[..., object]:
    """Run the program as a module (its `if __name__ == "__main__"` part does not) and find the entry point."""
    if "random" in source:
        import random

        random.seed(0)  # the same program, the same verdict; the tests' numbers are drawn elsewhere, and not from here
    module = type(sys)("candidate")
    sys.modules["candidate"] = module  # dataclasses look their module up
    exec(compile(source, "<program>", "exec", dont_inherit=True), module.__dict__)
    function = module.__dict__.get(entry_point)
    if not callable(function):
        raise NameError(f"the program defines no function {entry_point}")
    return function  # type: ignore[no-any-return]


def _answer(answers: BinaryIO, word: str, work: Callable[[], object]) -> None:
    """Do something and say how it went."""
    try:
        wire.send(answers, (word, work(), ""))
    except BaseException as error:  # noqa: BLE001 (a program may raise whatever it likes, SystemExit too)
        wire.send(answers, ("raised", type(error).__name__, _text(error)))


def _text(error: BaseException) -> str:
    """What an exception says, where saying it does not fail as well; of a missing module its name."""
    try:
        return str(error.name if isinstance(error, ModuleNotFoundError) else error)[:500]
    except BaseException:  # noqa: BLE001
        return ""
