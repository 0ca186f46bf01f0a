"""The variants that the gate refused, and those that were forced past it: a reader must know of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict, cast

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
            problems=[_mismatch(problem) for problem in refusal["problems"]],
        )
        for study in analysis.studies
        for refusal in study.reader.refusals(study.name)
    ]


def _mismatch(problem: Mapping[str, str]) -> Mismatch:
    return cast(Mismatch, {name: problem.get(name, "") for name in Mismatch.__annotations__})


def _label(analysis: Analysis, row: RefusedRow) -> str:
    return row["label"] + (f" ({row['study']})" if len(analysis.studies) > 1 else "")


FIELDS = [
    tables.asked("variant", _label),
    *(tables.plain(name, f"part.{name}") for name in ("what", "where", "expected", "found")),
    tables.plain("what to do", "part.fix"),
]


@finding(40)
def refused(analysis: Analysis) -> Finding:
    every = analysis.once(rows)
    note = "Refused before anything was asked: the donors do not fit the base."
    problems = tables.exploded(every, "problems")
    return Finding(
        "refused",
        "Refused",
        lead="Variants of which nothing was asked, because their donors do not fit the base.",
        rows=every,
        statements=[*_statements(analysis, [row["label"] for row in every])],
        tables=[tables.table(analysis, "refused", "Refused", problems, FIELDS, note, open=True)],
        quiet=True,
    )


def _statements(analysis: Analysis, labels: Sequence[str]) -> Iterator[Statement]:
    if forced := [row["label"] for row in analysis.grid.variants if row["forced"] and not row["is_baseline"]]:
        text = f"Forced: the donors of {listed(forced)} do not fit the base, and only what fits was added; their "
        yield Statement(f"{text}numbers are about that, not about the vector.", "mixed", FORCED_WEIGHT)
    if labels:
        some, them = (f"{len(labels)} variants were", "them") if len(labels) > 1 else ("1 variant was", "it")
        yield Statement(f"{some} refused, and nothing was asked of {them}: {listed(labels)}.", "unknown", WEIGHT)
