"""Runs programs, several at a time, each in a candidate's process against a tester's, and says how each ended.

The two speak through two pipes of their own, which are not looked into. The verdict comes from a third, which nobody
but the tester has.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import IO, get_args

from rveval.errors import Failed, Problem
from rveval.sandbox.box import Box, Role
from rveval.sandbox.inside import wire
from rveval.sandbox.programs import LONGEST_SOURCE, Outcome, Program, Reason

PATIENCE = 4
"""How many times a program's limit of processor time the clock may run, on a machine that has other work to do."""
START_S = 60.0
"""Seconds until a side has started; a machine that is busy, or a container's image that is being fetched."""
GRACE_S = 5.0
"""Seconds for a candidate that speaks no more to be gone, so that its exit status can be told."""
READY, STARTED = "ready\t\n", "ready\t\nstarted\t\n"
"""What the tester says before the program is loaded; what goes wrong until then is no fault of the program."""


def run_in(
    box: Box,
    programs: Sequence[Program],
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Run programs in one kind of confinement; outcomes in the programs' order.

    Raises:
        Failed: the confinement itself fails, or the tests of a program do not load. Nothing a program does raises.
    """
    workers = max(1, min(workers or len(os.sched_getaffinity(0)), len(programs)))
    halt = threading.Event()
    # bwrap's processes die with the thread that started them: each thread lives on until all programs are through.
    executor = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
    try:
        jobs = [executor.submit(_run, box, program, halt) for program in programs]
        for done, job in enumerate(as_completed(jobs), 1):
            job.result()
            if progress is not None:
                progress(done, len(jobs))
        return [job.result() for job in jobs]
    finally:
        halt.set()
        executor.shutdown(cancel_futures=True)


def _run(box: Box, program: Program, halt: threading.Event) -> Outcome:
    """Run one program against its tests. Raises as `run_in` does."""
    if len(program.source) > LONGEST_SOURCE:
        return Outcome(False, "error", f"the source is longer than {LONGEST_SOURCE} characters")
    with contextlib.ExitStack() as ends:

        def start(role: Role, stdin: IO[bytes], stdout: IO[bytes], stderr: int) -> subprocess.Popen[bytes]:
            command = box(role, program.timeout_s)
            process = command.start(stdin, stdout, stderr)
            ends.callback(command.stop, process)
            return process

        try:
            calls, to_candidate, answers, to_tester = (
                ends.enter_context(os.fdopen(number, mode, 0))
                for pipe in (os.pipe(), os.pipe())
                for number, mode in zip(pipe, ("rb", "wb"), strict=True)
            )
            tester = start("tester", answers, to_candidate, subprocess.PIPE)
            candidate = start("candidate", calls, to_tester, subprocess.DEVNULL)
            verdict = ends.enter_context(tester.stderr)  # type: ignore[arg-type]
            _hand_over(to_tester, (program.test, program.entry_point, program.helpers))
            said, over = _listen(verdict, "", READY, START_S, halt)
            if said == READY:  # the tests have arrived: no pipe ever holds them beside the program
                _hand_over(to_candidate, (program.source, program.entry_point))
                said, over = _listen(verdict, said, STARTED, START_S, halt)
            if said.startswith(STARTED):
                said, over = _listen(verdict, said, None, PATIENCE * program.timeout_s, halt)
            if said.endswith("\ngone\t\n"):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    candidate.wait(GRACE_S)
            status = candidate.poll()
        except OSError as error:
            raise _failed(str(error)) from error
    return _outcome(program, said, over, status)


def _hand_over(pipe: IO[bytes], message: object) -> None:
    """Give a side its first message, the last thing that is said to it from here."""
    with contextlib.suppress(BrokenPipeError), pipe:  # its absence shows elsewhere
        data = memoryview(wire.framed(message, largest=2**31))
        while data:
            data = data[pipe.write(data) :]


def _listen(pipe: IO[bytes], said: str, until: str | None, seconds: float, halt: threading.Event) -> tuple[str, bool]:
    """What the tester has said so far, as soon as it begins with a text, and whether that was all.

    Without a text: all that it says. Fewer words after so many seconds, or if all is halted.
    """
    poll, deadline = select.poll(), time.monotonic() + seconds
    poll.register(pipe, select.POLLIN)
    while not halt.is_set() and time.monotonic() < deadline and (until is None or not said.startswith(until)):
        if poll.poll(min(500.0, 1000 * max(0.0, deadline - time.monotonic()))):
            data = os.read(pipe.fileno(), 2**16)
            said += data.decode("utf-8", "replace")
            if not data:
                return said, True
    return said, False


def _outcome(program: Program, said: str, over: bool, status: int | None) -> Outcome:
    """What the tester said, or what kept it from saying anything."""
    word, _, detail = said.rstrip("\n").rpartition("\n")[2].partition("\t")
    if word == "broken":
        what = f"the tests of {program.entry_point} do not load"
        fix = "look at the benchmark's file: its `test` and `prompt` are not what was published"
        raise Failed(Problem(what, "sandbox", found=detail, fix=fix))
    if not said.startswith(STARTED):
        said = "the program's process does not start" if word == "gone" else said
        raise _failed(said if over else f"no start within {START_S:g} s")
    if not over:
        return Outcome(False, "timeout", f"not done after {PATIENCE * program.timeout_s:g} s")
    if word == "gone":
        return _gone(status)
    if word not in get_args(Reason):
        return Outcome(False, "error", "the tests ended without a verdict")
    return Outcome(word == "passed", word, detail)  # type: ignore[arg-type]


def _gone(status: int | None) -> Outcome:
    """The candidate's process is no more, or speaks no more, before its tests were through."""
    if status is None:
        return Outcome(False, "error", "closed its channel before its tests were through")
    number = -status if status < 0 else status - 128  # shells and bwrap report signal n as 128 + n
    if number == signal.SIGXCPU:
        return Outcome(False, "timeout", "used up its processor time")
    if number in {member.value for member in signal.Signals}:
        return Outcome(False, "killed", f"ended by {signal.Signals(number).name}")
    return Outcome(False, "error", f"ended itself with exit status {status} before its tests were through")


def _failed(found: str) -> Failed:
    what = "the confinement itself failed, so nothing can be said about a program"
    fix = "free memory or processes and run again; what is stored already is not run twice"
    return Failed(Problem(what, "sandbox", found=" ".join(found.split())[:1000], fix=fix))
