"""Options in another order, or called by other labels."""

from __future__ import annotations

from rveval.perturb.family import Family

FAMILIES: tuple[Family, ...] = ()
