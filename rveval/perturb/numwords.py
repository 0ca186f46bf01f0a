"""Digits to words and back, where the meaning stays."""

from __future__ import annotations

from rveval.perturb.family import Family

FAMILIES: tuple[Family, ...] = ()
