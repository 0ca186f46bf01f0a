"""A candidate and its tester while they speak: starts them, hands each its text, keeps the clock.

They speak to each other through two pipes of their own. What is heard here is what the candidate prints, which is only
counted, and the verdict, from a pipe that nobody but the tester has.
"""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import subprocess
import threading
import time
from collections.abc import Callable
from typing import IO, Literal

from rveval.sandbox.box import Box, Role
from rveval.sandbox.inside import wire
from rveval.sandbox.programs import Program

START_S = 60.0
"""Seconds until both sides have started; a machine that is busy, or a container's image that is being fetched."""
GRACE_S = 5.0
"""Seconds for a candidate whose pipes are closed to be gone by itself, so that its exit status can be told."""
CHUNK = 2**16
PRINTED = 64 * 2**20
"""Bytes a candidate may print."""

Ended = Literal["verdict", "timeout", "output", "start", "stopped"]


class Exchange:
    """The two processes of a program. What is put into `ends` ends them, also where the second does not start.

    Attributes:
        said: the tester's lines, "word<tab>detail" each.
        printed: the end of what the candidate printed.
    """

    def __init__(self, box: Box, program: Program, ends: contextlib.ExitStack) -> None:
        self._box, self._program, self._ends = box, program, ends
        self.said = self.printed = b""
        self._count = 0
        calls, self._to_candidate = self._pipe()
        answers, self._to_tester = self._pipe()
        self._tester = self._start("tester", answers, self._to_candidate)
        self._candidate = self._start("candidate", calls, self._to_tester)

    def follow(self, limit_s: float, stop: threading.Event) -> Ended:
        """Listen until the tester has said all it had to say, the time is up, or too much is printed.

        The program is handed over when the tester has its tests: they are never in the pipes together. The clock starts
        when the program is about to be loaded.
        """
        program, deadline, ready, started = self._program, time.monotonic() + START_S, False, False
        with selectors.DefaultSelector() as selector:
            selector.register(self._tester.stderr, selectors.EVENT_READ, self._hear)  # type: ignore[arg-type]
            selector.register(self._candidate.stderr, selectors.EVENT_READ, self._overhear)  # type: ignore[arg-type]
            tests = _feeder((program.test, program.entry_point, program.helpers))
            selector.register(self._to_tester, selectors.EVENT_WRITE, tests)
            while time.monotonic() < deadline and not stop.is_set() and self._count <= PRINTED:
                for key, _ in selector.select(0.5):
                    if key.data(key.fd):
                        continue
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
                    if key.fileobj is self._tester.stderr:
                        return "verdict"
                if not ready and self.said.startswith(b"ready\t\n"):
                    source = _feeder((program.source, program.entry_point))
                    selector.register(self._to_candidate, selectors.EVENT_WRITE, source)
                    ready = True
                if not started and self.started:
                    started, deadline = True, time.monotonic() + limit_s
        if self._count > PRINTED:
            return "output"
        return "stopped" if stop.is_set() else "timeout" if started else "start"

    @property
    def started(self) -> bool:
        """Whether the program was about to be loaded; what happens before is no fault of its."""
        return self.said.startswith(b"ready\t\nstarted\t\n")

    def status(self) -> int | None:
        """The candidate's exit status, for which a moment is waited; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._candidate.wait(GRACE_S)
        return self._candidate.returncode

    def _pipe(self) -> tuple[IO[bytes], ...]:
        ends = zip(os.pipe(), ("rb", "wb"), strict=True)
        return tuple(self._ends.enter_context(os.fdopen(number, mode, 0)) for number, mode in ends)

    def _start(self, role: Role, stdin: IO[bytes], stdout: IO[bytes]) -> subprocess.Popen[bytes]:
        process = self._box.start(role, self._program.timeout_s, stdin.fileno(), stdout.fileno())
        self._ends.callback(lambda: process.stderr and process.stderr.close())
        self._ends.callback(self._box.stop, process)
        stdin.close()
        return process

    def _hear(self, number: int) -> bool:
        data = os.read(number, CHUNK)
        self.said += data
        return bool(data)

    def _overhear(self, number: int) -> bool:
        data = os.read(number, CHUNK)
        self.printed = (self.printed + data)[-2000:]
        self._count += len(data)
        return bool(data)


def _feeder(message: object) -> Callable[[int], bool]:
    """What writes a message bit by bit, never waiting for its reader, and says whether there is more to write."""
    data = wire.encode(message, largest=2**31)
    left = bytearray(len(data).to_bytes(4, "big") + data)

    def write(number: int) -> bool:
        try:
            del left[: os.write(number, left[: select.PIPE_BUF])]
        except BrokenPipeError:  # the reader is gone, which shows elsewhere
            return False
        return bool(left)

    return write
