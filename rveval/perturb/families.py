"""The register: every family by its name, found in whichever modules of this package offer `FAMILIES`."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from rveval.perturb.family import Family


def _found() -> Iterator[Family]:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        yield from getattr(import_module(f"{__package__}.{module.name}"), "FAMILIES", ())


FAMILIES: dict[str, Family] = {family.name: family for family in sorted(_found(), key=lambda f: (f.rank, f.name))}
