"""The process that holds the tests: it calls the model's function over the wire, compares, and alone gives the verdict.

It runs upstream's text only, and of the model's it sees nothing but plain values. It is confined as well. What its
tests draw at random can't be foreseen from where the program runs: the seed is the system's, and stays here.
Standard input brings answers, standard output takes calls, standard error takes lines that nobody else can write to:
"ready" (the tests are loaded) or "broken<tab>why"; "started" (the program is about to be loaded); at last
"word<tab>detail" with the word passed, wrong, error, memory, output, missing module, or gone.
"""

from __future__ import annotations

import builtins
import os

from . import begin, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

SILENT = (StopIteration, StopAsyncIteration)
"""Exceptions that would end a loop of the tests early, as if all were well."""
ENDS = {"MemoryError": "memory", "TooLarge": "output", "ModuleNotFoundError": "missing module"}
"""Exceptions of the program that no test gets to see."""


class Over(BaseException):
    """The verdict (word, detail) is known before the tests are through; no test's `except Exception` takes it."""


class Remote:
    """The model's function, as the tests call it; `raised` is the last exception that came of it, `said` its words."""

    def __init__(self, answers: BinaryIO, calls: BinaryIO) -> None:
        self._answers, self._calls = answers, calls
        self.raised: Exception | None = None
        self.said = ""

    def __call__(self, *arguments: object, **named: object) -> object:
        try:
            wire.send(self._calls, (arguments, named))
        except wire.Unsendable as error:  # what it returned before, handed back to it
            raise Over("error", f"the tests can't pass this on: {error}") from None
        except OSError:
            raise Over("gone", "") from None
        return self.listen("value")

    def listen(self, expected: str) -> Any:
        """The value of the next message, which has to be of this kind.

        Raises:
            Exception: a builtin one that the function raised.
            Over: it ended otherwise, or this is none.
        """
        try:
            word, value, text = wire.receive(self._answers)
            if word == expected:
                return value
            if word != "raised" or not isinstance(value, str):
                raise ValueError(word)
        except (EOFError, OSError):
            raise Over("gone", "") from None
        except wire.TooLarge as error:
            raise Over("output", str(error)) from None
        except (wire.Garbled, TypeError, ValueError):
            raise Over("error", "answered with what is no message") from None
        self.said = f"{value}: {text}".removesuffix(": ")
        kind = getattr(builtins, value, None)
        if value in ENDS:
            raise Over(ENDS[value], text if value == "ModuleNotFoundError" else self.said)
        if not (isinstance(kind, type) and issubclass(kind, Exception)) or kind in SILENT:
            raise Over("error", self.said)
        try:
            self.raised = kind(text)
        except TypeError:  # some need more than a text to be made
            self.raised = RuntimeError(self.said)
        raise self.raised


def main(seconds: float, as_root: bool) -> None:
    """Load the tests of the first message, run them against the other side, say how it ended."""
    answers, calls = begin(seconds, as_root)
    lines = os.fdopen(os.dup(2), "wb", 0)
    for number in (1, 2):
        os.dup2(0, number)

    def say(word: str, detail: str = "") -> None:
        lines.write(f"{word}\t{' '.join(detail.split())[:500]}\n".encode("utf-8", "replace"))

    remote = Remote(answers, calls)
    try:
        if not __debug__:
            raise RuntimeError("this Python leaves assert statements out")
        test, entry_point, helpers = wire.receive(answers, largest=2**31)
        check = _load(test, entry_point, helpers, remote)
    except BaseException as error:  # noqa: BLE001 (upstream's tests do not load: whatever it is, it is to be told)
        say("broken", f"{type(error).__name__}: {error}")
        return
    say("ready")
    try:
        remote.listen("started")
        say("started")
        say(*_run(check, remote, test))
    except Over as over:
        say(*over.args)


def _load(test: str, entry_point: str, helpers: str, remote: Remote) -> Callable[[], object]:
    """The tests' `check`, in a namespace where the entry point's name is the model's function, too."""

    def candidate(*arguments: object, **named: object) -> object:
        return remote(*arguments, **named)

    candidate.__name__ = candidate.__qualname__ = entry_point
    names: dict[str, Any] = {"__name__": "tests"}
    exec(compile(helpers, "<helpers>", "exec", dont_inherit=True), names)
    names[entry_point] = candidate
    exec(compile(test, "<tests>", "exec", dont_inherit=True), names)
    check = names["check"]
    return lambda: check(candidate)


def _run(check: Callable[[], object], remote: Remote, test: str) -> tuple[str, str]:
    """Run the tests to their end. Whatever stops them is a failure; what came from the other side is its error."""
    try:
        remote.listen("loaded")
        check()
    except Exception as error:  # noqa: BLE001 (comparing what a model returned may raise anything)
        if error is remote.raised:
            return "error", remote.said
        if isinstance(error, ModuleNotFoundError):
            return ENDS["ModuleNotFoundError"], str(error.name)
        said = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: {error} in "
        return "wrong", said + _line(error, test)
    return "passed", ""


def _line(error: Exception, test: str) -> str:
    """The line of the tests that an exception comes from."""
    lines, trace, line = test.splitlines(), error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<tests>" and trace.tb_lineno <= len(lines):
            line = lines[trace.tb_lineno - 1]
        trace = trace.tb_next
    return line.strip()
