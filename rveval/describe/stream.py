"""All tensors of a vector, measured once each: on several threads, with a word on how far it is."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path

from rveval.describe.measure import Subject, measured
from rveval.describe.pages import Ahead, let_go
from rveval.describe.sums import Measured

_MOST_THREADS = 8
_HELD = 256 << 20
"""Bytes that may be read before their pages are let go."""

_LARGE = 1 / 32
"""A tensor of this share of all bytes is read before the others: nobody waits for its thread at the end."""

_QUIET_SECONDS = 10.0

_log = logging.getLogger("rveval")


def everything(subject: Subject, names: Sequence[str], folders: Sequence[Path]) -> tuple[list[Measured], int]:
    """All these tensors, in order, and how many bytes of files they are made from.

    Args:
        subject: what is measured.
        names: of tensors in scope.
        folders: all that is read: base, donors, common.
    """
    ahead = Ahead(folders)
    sizes = {name: ahead.nbytes(name) for name in names}
    try:
        with progress("reading tensors", sum(sizes.values())) as tick, _Pages(ahead.files) as pages:

            def seen(name: str, entries: int) -> None:
                nbytes = sizes[name] * entries // prod(subject.base.shape(name))
                tick(nbytes)
                pages.read(nbytes)

            # From the last to the first: what the gate has hashed last may still be in memory.
            order = sorted(names, key=ahead.place, reverse=True)
            order.sort(key=lambda name: sizes[name] < _LARGE * sum(sizes.values()))
            found = _on_threads(replace(subject, seen=seen), order, ahead)
    finally:
        ahead.close()
    return [found[name] for name in names], sum(sizes.values())


def _on_threads(subject: Subject, names: Sequence[str], ahead: Ahead) -> dict[str, Measured]:
    import torch

    workers = max(1, min(_MOST_THREADS, len(os.sched_getaffinity(0)), len(names)))
    waiting = iter(names)
    found: dict[str, Measured] = {}

    # Telling waits as long as the disk has enough to do, so that nobody who computes should do it.
    teller = ThreadPoolExecutor(1, "ahead")

    def one(name: str) -> Measured:
        if ready := next(waiting, None):
            teller.submit(ahead.tell, ready)
        return measured(subject, name)

    before = torch.get_num_threads()
    for _, name in zip(range(workers + 1), waiting, strict=False):
        teller.submit(ahead.tell, name)
    pool = ThreadPoolExecutor(workers, "describe", initializer=torch.set_num_threads, initargs=(1,))
    futures: dict[Future[Measured], str] = {}
    try:
        futures = {pool.submit(one, name): name for name in names}
        for future in as_completed(futures):
            found[futures[future]] = future.result()
    finally:
        subject.stop.set()  # nobody wants the rest of what is not done yet
        pool.shutdown(cancel_futures=True)
        teller.shutdown(cancel_futures=True)
        torch.set_num_threads(before)
    return found


class _Pages:
    """Lets pages go whenever so much has been read."""

    def __init__(self, files: set[Path]) -> None:
        self._files = files
        self._since = 0
        self._lock = threading.Lock()

    def read(self, nbytes: int) -> None:
        """So much has been read."""
        with self._lock:
            self._since += nbytes
            if self._since < _HELD:
                return
            self._since = 0
        let_go(self._files)

    def __enter__(self) -> _Pages:
        return self

    def __exit__(self, *_: object) -> None:
        let_go(self._files)


@contextmanager
def progress(words: str, nbytes: int) -> Iterator[Callable[[int], None]]:
    """A bar of bytes on a terminal, else a line every ten seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn(words), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    done, said, lock = 0, time.monotonic(), threading.Lock()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(words, total=nbytes)

        def tick(more: int) -> None:
            nonlocal done, said
            with lock:
                done += more
                shown.advance(task, more)
                if not console.is_terminal and time.monotonic() - said > _QUIET_SECONDS:
                    said = time.monotonic()
                    _log.info("%s: %.0f%% of %.1f GB", words, 100 * done / max(nbytes, 1), nbytes / 1e9)

        yield tick
