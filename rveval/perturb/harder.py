"""Larger numbers and more steps, with the new right answer computed (tiny family only)."""

from __future__ import annotations

from rveval.perturb.family import Family

FAMILIES: tuple[Family, ...] = ()
