"""A stop for code that must be linear in the length of its input, by the processor time that it takes.

No measuring: that is what scripts/bench_text.py is for. The tests give 400,000 characters of hostile text: linear code
takes 0.02 to 0.3 s of processor time for them, quadratic code minutes (8 s if it needs but 0.1 ns a step, less than any
does). 8 s lie far from both, on any machine, whatever else runs on it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

LONG = 400_000
"""Characters of a text that is long enough for `at_most`."""


def long(unit: str) -> str:
    """A unit repeated until the text is long."""
    return unit * (LONG // len(unit))


@contextmanager
def at_most(cpu_seconds: float = 8) -> Iterator[None]:
    """Let the test fail, in the middle of what it does, once this process has used so much processor time in here.

    Waiting does not count, nor what other processes do. `re` looks for signals only every few thousand places of the
    text, so a hopeless search may be ended half a minute late. In the main thread only, and not one in another.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"not done after {cpu_seconds:g} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
