"""The register: every family by its name. A module of families offers them as its `FAMILIES`."""

from __future__ import annotations

from rveval.perturb import context, distractor, harder, hint, layout, numwords, options, rename, typos, wording
from rveval.perturb.family import Family

_MODULES = (wording, distractor, options, typos, layout, numwords, rename, hint, context, harder)

FAMILIES: dict[str, Family] = {family.name: family for module in _MODULES for family in module.FAMILIES}
