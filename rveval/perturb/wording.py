"""How the question is put: a cue to think, a cue not to, other words for the instruction."""

from __future__ import annotations

from rveval.perturb.family import Family

FAMILIES: tuple[Family, ...] = ()
