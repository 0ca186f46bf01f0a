"""One display for a whole sweep: variants, cells and items done, what is left and the time to go.

On a terminal a bar; anywhere else a line every half minute.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

log = logging.getLogger("rveval")

_EVERY_S = 30.0


class Progress:
    """What of a sweep is done.

    Args:
        variants: how many there are to run.
        cells: how many there are to ask.
        answers: how many there are to get.
        show: takes the words and the number of answers that are there, whenever something has changed.
    """

    def __init__(self, variants: int, cells: int, answers: int, show: Callable[[str, int], None]) -> None:
        self._variants, self._cells, self._answers = variants, cells, answers
        self._variant = self._cell = self._done = 0
        self._label = ""
        self._show = show

    def variant(self, label: str) -> None:
        """The next variant is being served."""
        self._variant += 1
        self._label = label
        self._say("preparing the engine")

    @contextmanager
    def cell(self, task: str, answers: int) -> Iterator[Callable[[int], None]]:
        """The next cell is asked; takes the number of requests that have just been finished."""
        self._cell += 1
        start = self._done

        def advance(n: int) -> None:
            self._done = min(self._done + n, start + answers)
            self._say(task)

        self._say(task)
        try:
            yield advance
        finally:
            self._done = start + answers  # also where it failed: nothing of it is left to wait for

    def _say(self, what: str) -> None:
        places = f"variant {self._variant}/{self._variants}, cell {self._cell}/{self._cells}"
        self._show(f"{places}: {self._label}: {what}", self._done)


@contextmanager
def shown(variants: int, cells: int, answers: int) -> Iterator[Progress]:
    """The display of a sweep, for as long as it runs."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    if not Console(stderr=True).is_terminal:
        yield Progress(variants, cells, answers, _lines(answers))
        return
    # Its own descriptor: an engine that starts has 1 and 2 redirected into its log.
    with os.fdopen(os.dup(2), "w") as terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Bar(*columns, console=Console(file=terminal, force_terminal=True), transient=True) as bar:
            task = bar.add_task("", total=answers)

            def show(words: str, done: int) -> None:
                bar.update(task, description=escape(words), completed=done)

            yield Progress(variants, cells, answers, show)


def _lines(answers: int) -> Callable[[str, int], None]:
    started = said = time.monotonic()

    def show(words: str, done: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < _EVERY_S:
            return
        said = now
        to_go = timedelta(seconds=round((now - started) / done * (answers - done))) if done else "not known yet"
        log.info("%s; %s of %s answers, time to go: %s", words, f"{done:,}", f"{answers:,}", to_go)

    return show
