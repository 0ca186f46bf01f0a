"""Between a candidate and its tester: carries bytes both ways, and keeps the clock and the count.

The two never touch. What the candidate sends is not read here, only carried; the verdict comes from a pipe that only
the tester has.
"""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import IO, Literal

from rveval.sandbox.inside import wire

START_S = 60.0
"""Seconds until both sides have started; a machine that is busy, or a container's image that is being fetched."""
SPOKEN = 64 * 2**20
"""Bytes a candidate may print and answer altogether."""
HELD = 2**20
"""Bytes kept waiting for a reader, before no more is taken from the writer."""
CHUNK = 2**16
VERDICT = 2**16

Ended = Literal["verdict", "timeout", "output", "start", "stopped"]


@dataclass
class _Way:
    """One direction: what comes from `source` goes to `sink`, after what is in `pending` already."""

    source: IO[bytes]
    sink: IO[bytes]
    pending: bytearray
    carried: int = 0

    def take(self) -> int:
        """Read what is there, and how much; closes the source at its end."""
        data = _read(self.source)
        self.pending += data
        self.carried += len(data)
        return len(data)

    def give(self) -> None:
        """Write what goes; a sink that nobody reads any more is closed."""
        try:
            del self.pending[: os.write(self.sink.fileno(), self.pending[:CHUNK])]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.sink.close()
            self.pending.clear()

    def settle(self) -> None:
        """Pass the end on."""
        if self.source.closed and not self.pending:
            self.sink.close()


@dataclass
class Talk:
    """How the exchange went.

    Args:
        ended: the tester said all it had to say, or: the time was up, too much was printed, no start, stopped.
        verdict: what the tester wrote.
        printed: the end of what the candidate printed.
        started: the candidate's process came as far as being about to load the program.
    """

    ended: Ended = "verdict"
    verdict: bytearray = field(default_factory=bytearray)
    printed: bytearray = field(default_factory=bytearray)
    started: bool = False


def carry(
    candidate: subprocess.Popen[bytes],
    tester: subprocess.Popen[bytes],
    program: object,
    tests: object,
    timeout_s: float,
    stop: threading.Event,
) -> Talk:
    """Give each side its text, then carry until the tester is done, the time is up or too much is said.

    The clock starts when the candidate's process is about to load the program, and the tester has loaded the tests.
    """
    (c_in, c_out, c_err), (t_in, t_out, t_err) = _pipes(candidate), _pipes(tester)
    calls = _Way(t_out, c_in, _message(program))
    answers = _Way(c_out, t_in, _message(tests))
    talk, spoken, clock = Talk(), 0, False
    deadline = time.monotonic() + START_S
    while not t_err.closed:
        left = deadline - time.monotonic()
        if left <= 0 or stop.is_set():
            talk.ended = "stopped" if stop.is_set() else "timeout" if clock else "start"
            return talk
        ready = _ready([calls, answers], [c_err, t_err], min(left, 0.5))
        for way in (calls, answers):
            if way.source in ready:
                way.take()
            if way.sink in ready:
                way.give()
            way.settle()
        if c_err in ready:
            data = _read(c_err)
            spoken += len(data)
            talk.printed = (talk.printed + data)[-2000:]
        if t_err in ready:
            talk.verdict = (talk.verdict + _read(t_err))[:VERDICT]
        talk.started = answers.carried > 0
        if talk.started and talk.verdict and not clock:
            clock, deadline = True, time.monotonic() + timeout_s
        if spoken + answers.carried > SPOKEN:
            talk.ended = "output"
            return talk
    return talk


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    """The three pipes of a process, on our side set not to wait."""
    pipes = process.stdin, process.stdout, process.stderr
    for pipe in pipes:
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
    return pipes  # type: ignore[return-value]


def _message(value: object) -> bytearray:
    data = wire.encode(value, largest=2**31)
    return bytearray(len(data).to_bytes(4, "big") + data)


def _read(pipe: IO[bytes]) -> bytes:
    """What is there; closes the pipe at its end."""
    try:
        data = os.read(pipe.fileno(), CHUNK)
    except BlockingIOError:
        return b""
    if not data:
        pipe.close()
    return data


def _ready(ways: list[_Way], read: list[IO[bytes]], seconds: float) -> set[IO[bytes]]:
    """The pipes where something can be done now: `poll`, for a process may have more than `select`'s 1,024 files."""
    wanted = {pipe.fileno(): (pipe, select.POLLIN) for pipe in read if not pipe.closed}
    for way in ways:
        if not way.source.closed and len(way.pending) < HELD:
            wanted[way.source.fileno()] = (way.source, select.POLLIN)
        if not way.sink.closed and way.pending:
            wanted[way.sink.fileno()] = (way.sink, select.POLLOUT)
    poll = select.poll()
    for number, (_, event) in wanted.items():
        poll.register(number, event)
    return {wanted[number][0] for number, _ in poll.poll(seconds * 1000)}
