"""Records -> what they say: each variant of a study with its intervals, and against its baseline, paired by item id.

    compare     the rows of the table at the end of a run: `compare`, `missing`, `Row`
    typed       the schema of summary.json, and of the item files beside it

A baseline is the same study's base (alpha 0) asked exactly as the variant was: every setting of the two cells is the
same but the weights. Where there is none, no difference is given.
"""

from __future__ import annotations

from rveval.summary.compare import Row, compare, missing, scores

__all__ = ["Row", "compare", "missing", "scores"]
