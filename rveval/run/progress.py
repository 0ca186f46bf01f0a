"""What moves on stderr while a job works: a spinner or a bar on a terminal, nothing anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext


@contextmanager
def spinner(words: str) -> Iterator[None]:
    """A spinner while something takes seconds and counts nothing."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    with console.status(escape(words)) if console.is_terminal else nullcontext():
        yield


@contextmanager
def bar(words: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar that takes the number of finished requests."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(escape(words), total=total)
        yield lambda n: shown.advance(task, n)
