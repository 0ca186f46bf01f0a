"""Records -> what they say: each variant of a study with its intervals, and against its baseline, paired by item id.

    compare      the rows of the table at the end of a run: `compare`, `missing`, `Row`
    typed        the schema of summary.json; `items` writes the item files beside it
    build        studies -> summary.json: `layout` and `reading` lay the cells out on a `board`, `comparisons`,
                 `families`, `curves` and `claims` ask the statistics, `words` says it
    recipes      what a line is made of, and what two lines have in common; on it stand `nulls` (would any vector do?),
                 `interference` (do several add up?) and `sweeps` (which part, how much of it?)
    moves        where a difference comes from

A baseline is the same study's base (alpha 0) asked exactly as the variant was: every setting of the two cells is the
same but the weights. Where there is none, no difference is given.
"""

from __future__ import annotations

from rveval.findings.build import build
from rveval.findings.compare import Row, compare, missing, scores
from rveval.findings.layout import Study
from rveval.findings.typed import Summary

__all__ = ["Row", "Study", "Summary", "build", "compare", "missing", "scores"]
