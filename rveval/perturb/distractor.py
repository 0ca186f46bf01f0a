"""Sentences that do not bear on the answer."""

from __future__ import annotations

from rveval.perturb.family import Family

FAMILIES: tuple[Family, ...] = ()
