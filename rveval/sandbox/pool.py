"""Runs programs, several at a time, and says how each ended."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import get_args

from rveval.errors import Failed, Problem
from rveval.sandbox.box import Box
from rveval.sandbox.exchange import PRINTED, Exchange
from rveval.sandbox.programs import LONGEST_SOURCE, Outcome, Program, Reason

PATIENCE = 4
"""How many times a program's limit of processor time the clock may run, on a machine that has other work to do."""


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
    stop = threading.Event()
    # bwrap's processes die with the thread that started them: each thread lives on until all programs are through.
    executor = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
    try:
        jobs = [executor.submit(_run, box, program, stop) for program in programs]
        for done, job in enumerate(as_completed(jobs), 1):
            job.result()
            if progress is not None:
                progress(done, len(jobs))
        return [job.result() for job in jobs]
    finally:
        stop.set()
        executor.shutdown(cancel_futures=True)


def _run(box: Box, program: Program, stop: threading.Event) -> Outcome:
    """Run one program against its tests. Raises as `run_in` does."""
    if len(program.source) > LONGEST_SOURCE:
        return Outcome(False, "error", f"the source is longer than {LONGEST_SOURCE} characters")
    with contextlib.ExitStack() as ends:
        try:
            exchange = Exchange(box, program, ends)
            ended = exchange.follow(PATIENCE * program.timeout_s, stop)
        except OSError as error:
            raise _failed(str(error)) from error
        if ended == "timeout":
            return Outcome(False, "timeout", f"not done after {PATIENCE * program.timeout_s:g} s")
        if ended == "output":
            return Outcome(False, "output", f"printed more than {PRINTED >> 20} MiB")
        lines = exchange.said.decode("utf-8", "replace").splitlines()
        word, _, detail = lines[-1].partition("\t") if lines else ("", "", "")
        if word == "broken":
            raise Failed(
                Problem(
                    f"the tests of {program.entry_point} do not load",
                    where="sandbox",
                    found=detail,
                    fix="look at the benchmark's file: its `test` and `prompt` are not what was published",
                )
            )
        if not exchange.started:
            printed = exchange.printed.decode("utf-8", "replace")
            raise _failed(" ".join([*lines, printed]).strip() or "no word of its processes")
        if word == "gone":
            return _gone(exchange.status())
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
    return Failed(
        Problem(
            "the confinement itself failed, so nothing can be said about a program",
            where="sandbox",
            found=" ".join(found.split())[:1000],
            fix="free memory or processes and run again; what is stored already is not run twice",
        )
    )
