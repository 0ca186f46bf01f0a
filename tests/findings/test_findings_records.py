"""What a cell's record says of its variant, whichever schema wrote it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from rveval.findings.old_records import recipe_of
from rveval.recipe import Recipe, RecipeTerm
from rveval.store import CellRecord


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_alpha_0_of_a_vector_is_the_base_whatever_the_vector_is(alpha: float) -> None:
    term = RecipeTerm(plus="plus", minus="minus", weight=1.0, plus_hash="p", minus_hash="m")
    recipe = Recipe("base", "b", (term,), alpha, model="tiny", vector="v")
    record = cast(Any, {"recipe": recipe.to_record(), "variant": {"label": recipe.label, "terms": []}})
    read = recipe_of(cast(CellRecord, record))
    assert bool(read.terms) == (alpha != 0)
    assert (read.model, read.base_hash) == ("tiny", "b")
