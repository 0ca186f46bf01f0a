"""Another problem before or after the one asked."""

from __future__ import annotations

from rveval.perturb.family import Family

FAMILIES: tuple[Family, ...] = ()
