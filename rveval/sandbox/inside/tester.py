"""The process that holds the tests: it calls the model's function over the wire, compares, and alone gives the verdict.

It runs upstream's text only, and of the model's it sees nothing but plain values. It is confined as well.
Standard input brings answers, standard output takes calls, standard error takes the verdict, which nobody else can
write to: a line "ready" when the tests are loaded, then one line "word<tab>detail" with the word passed, wrong, error,
memory, output, gone, or broken.
"""

from __future__ import annotations

import builtins
import os

from . import limits, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

DETAIL = 500
"""Characters of a verdict's detail."""
SILENT = (StopIteration, StopAsyncIteration)
"""Exceptions that would end a loop of the tests early, as if all were well."""


class Over(BaseException):
    """The verdict is known before the tests are through; no test's `except Exception` takes it."""

    def __init__(self, word: str, detail: str) -> None:
        super().__init__(word, detail)
        self.word, self.detail = word, detail


class Remote:
    """The model's function, as the tests call it; `raised` is the last exception that came of it, `said` its words."""

    def __init__(self, answers: BinaryIO, calls: BinaryIO) -> None:
        self._answers, self._calls = answers, calls
        self.raised: Exception | None = None
        self.said = ""

    def start(self) -> None:
        """Wait until the program is loaded."""
        if self._listen()[0] != "started":
            raise Over("error", "answered with what is no message")
        message = self._listen()
        if message[0] == "raised":
            word, detail = self._reason(message)
            raise Over(word, f"{detail} (while it was loaded)")
        if message[0] != "loaded":
            raise Over("error", "answered with what is no message")

    def __call__(self, *arguments: object, **named: object) -> object:
        try:
            wire.send(self._calls, (arguments, named))
            self._calls.flush()
        except wire.Unsendable as error:  # what it returned before, handed back to it
            raise Over("error", f"the tests can't pass this on: {error}") from None
        except OSError:
            raise Over("gone", "") from None
        message = self._listen()
        if message[0] == "value" and len(message) == 2:
            return message[1]
        word, detail = self._reason(message)
        kind = getattr(builtins, message[1], None)
        if word != "error" or not (isinstance(kind, type) and issubclass(kind, Exception)) or kind in SILENT:
            raise Over(word, detail)
        self.raised, self.said = _exception(kind, message[2]), detail
        raise self.raised

    def _listen(self) -> tuple[Any, ...]:
        try:
            message = wire.receive(self._answers)
        except (EOFError, OSError):
            raise Over("gone", "") from None
        except wire.TooLarge as error:
            raise Over("output", str(error)) from None
        except wire.Garbled:
            message = None
        if not isinstance(message, tuple) or not message:
            raise Over("error", "answered with what is no message")
        return message

    def _reason(self, message: tuple[Any, ...]) -> tuple[str, str]:
        """Which end an answer ("raised", name, text) means."""
        if message[0] != "raised" or [type(part) for part in message[1:]] != [str, str]:
            raise Over("error", "answered with what is no message")
        word = {"MemoryError": "memory", "TooLarge": "output"}.get(message[1], "error")
        return word, f"{message[1]}: {message[2]}".removesuffix(": ")


def main(seconds: float) -> None:
    """Load the tests of the first message, run them against the other side, say how it ended."""
    limits.lower(seconds)
    answers, calls, verdict = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(2), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)

    def say(text: str) -> None:
        verdict.write(text.encode("utf-8", "replace") + b"\n")
        verdict.flush()

    remote = Remote(answers, calls)
    try:
        if not __debug__:
            raise RuntimeError("this Python leaves assert statements out")
        test, entry_point, helpers = wire.receive(answers, largest=2**31)
        check = _load(str(test), str(entry_point), str(helpers), remote)
    except BaseException as error:  # noqa: BLE001 (upstream's tests do not load: whatever it is, it is to be told)
        say(f"broken\t{type(error).__name__}: {error}")
        return
    say("ready")
    try:
        word, detail = _run(check, remote, str(test))
    except Over as over:
        word, detail = over.word, over.detail
    say(f"{word}\t{' '.join(detail.split())[:DETAIL]}")


def _load(test: str, entry_point: str, helpers: str, remote: Remote) -> Callable[[], object]:
    """The tests' `check`, in a namespace where the entry point's name is the model's function, too."""
    if "random" in test:
        import random

        random.seed(0)  # the same program, the same verdict

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
    remote.start()
    try:
        check()
    except Exception as error:  # noqa: BLE001 (comparing what a model returned may raise anything)
        if error is remote.raised:
            return "error", remote.said
        said = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: {error} in "
        return "wrong", said + _line(error, test)
    return "passed", ""


def _line(error: Exception, test: str) -> str:
    """The line of the tests that an exception comes from."""
    lines, trace, found = test.splitlines(), error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<tests>" and trace.tb_lineno <= len(lines):
            found = lines[trace.tb_lineno - 1]
        trace = trace.tb_next
    return found.strip()


def _exception(kind: type[Exception], text: str) -> Exception:
    """An exception of a builtin class; some need more than a text to be made."""
    try:
        return kind(text)
    except TypeError:
        return RuntimeError(f"{kind.__name__}: {text}")
