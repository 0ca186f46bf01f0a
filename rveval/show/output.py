"""The formats of `python -m rveval.report format=...`: each is a file of `rveval/show/formats/`, and registers itself.

    @output_format("md", "table.md: the verdict and the tables, for reading")
    def write(output: Output) -> Iterator[str]: ...

A format walks over `report.findings`, and never names one of them.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rveval.findings import Report, Study


@dataclass(frozen=True)
class Output:
    """What a format writes from, and where to.

    Args:
        report: what is said.
        studies: the stored cells behind it, for formats that need samples.
        folder: exists; files of other formats are in it.
    """

    report: Report
    studies: Sequence[Study]
    folder: Path


Write = Callable[[Output], Iterable[str]]
"""Writes a format's files and gives the names of those that people open, relative to the folder."""


@dataclass(frozen=True)
class Format:
    """A format; `about` is what `--help` says of it, `items` whether it needs the item files in `folder/items`."""

    name: str
    about: str
    write: Write
    items: bool


_REGISTERED: dict[str, Format] = {}


def output_format(name: str, about: str, *, items: bool = False) -> Callable[[Write], Write]:
    """Register a function as a format; the arguments are those of `Format`."""

    def register(write: Write) -> Write:
        _REGISTERED[name] = Format(name, about, write, items)
        return write

    return register


def formats() -> dict[str, Format]:
    """All formats by name."""
    package = "rveval.show.formats"
    for module in pkgutil.iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
    return dict(sorted(_REGISTERED.items()))
