"""The variants of a study that the gate refused: nothing was asked of them, and a reader must know it."""

from __future__ import annotations

from collections.abc import Sequence

from rveval.findings.layout import Study
from rveval.findings.typed import Mismatch, RefusedRow


def refused(studies: Sequence[Study]) -> list[RefusedRow]:
    """All refused variants, study by study, each with everything that does not fit."""
    return [
        RefusedRow(
            label=one["label"],
            study=study.name,
            problems=[
                Mismatch(
                    what=problem.get("what", ""),
                    where=problem.get("where", ""),
                    expected=problem.get("expected", ""),
                    found=problem.get("found", ""),
                    fix=problem.get("fix", ""),
                )
                for problem in one["problems"]
            ],
        )
        for study in studies
        for one in study.reader.refusals(study.name)
    ]
