"""Case, spacing, line breaks, Markdown: the form of a text and not its words."""

from __future__ import annotations

from rveval.perturb.family import Family

FAMILIES: tuple[Family, ...] = ()
