"""The variants that the gate refused, and those that were forced past it: a reader must know of both."""

from __future__ import annotations

from typing import TypedDict

from rveval.findings import tables
from rveval.findings.analysis import Analysis, finding
from rveval.findings.pieces import Finding, Statement
from rveval.findings.wording import listed

FORCED_WEIGHT, WEIGHT = 65, 60


class Mismatch(TypedDict):
    """One thing in which a vector's donors do not fit the base."""

    what: str
    where: str
    expected: str
    found: str
    fix: str


class RefusedRow(TypedDict):
    """A variant of the study that was refused before an engine started, and everything that does not fit."""

    label: str
    study: str
    problems: list[Mismatch]


def rows(analysis: Analysis) -> list[RefusedRow]:
    """All refused variants, study by study, each with everything that does not fit."""
    return [
        RefusedRow(
            label=refusal["label"],
            study=study.name,
            problems=[
                Mismatch(
                    what=problem.get("what", ""),
                    where=problem.get("where", ""),
                    expected=problem.get("expected", ""),
                    found=problem.get("found", ""),
                    fix=problem.get("fix", ""),
                )
                for problem in refusal["problems"]
            ],
        )
        for study in analysis.studies
        for refusal in study.reader.refusals(study.name)
    ]


@finding(40)
def refused(analysis: Analysis) -> Finding:
    every, statements = analysis.once(rows), []
    forced = [row["label"] for row in analysis.grid.variants if row["forced"] and not row["is_baseline"]]
    if forced:
        text = f"Forced: the donors of {listed(forced)} do not fit the base, and only what fits was added; their "
        statements.append(Statement(f"{text}numbers are about that, not about the vector.", "mixed", FORCED_WEIGHT))
    if labels := [row["label"] for row in every]:
        some, them = (f"{len(labels)} variants were", "them") if len(labels) > 1 else ("1 variant was", "it")
        text = f"{some} refused, and nothing was asked of {them}: {listed(labels)}."
        statements.append(Statement(text, "unknown", WEIGHT))
    several = len(analysis.studies) > 1
    fields = [
        tables.computed("variant", lambda row: row["label"] + (f" ({row['study']})" if several else "")),
        *(tables.plain(name, f"part.{name}") for name in ("what", "where", "expected", "found")),
        tables.plain("what to do", "part.fix"),
    ]
    note = "Refused before anything was asked: the donors do not fit the base."
    return Finding(
        "refused",
        "Refused",
        lead="Variants of which nothing was asked, because their donors do not fit the base.",
        rows=every,
        statements=statements,
        tables=[
            tables.table(analysis, "refused", "Refused", tables.exploded(every, "problems"), fields, note, open=True)
        ],
        quiet=True,
    )
