"""The verdict in words for a tired person: one sentence, then what else must be known, from the most important down.

What is said comes from the findings: clauses, of which the sentence about each variant is made, and statements with
their weights. Here they are put in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rveval.findings import comparisons, refused
from rveval.findings.analysis import Analysis
from rveval.findings.pieces import Finding, Statement, Tone
from rveval.findings.report import Point, Verdict

OTHERS_WEIGHT, ORDER_WEIGHT, PROBLEMS_WEIGHT = 50, 40, 10


def conclude(analysis: Analysis, findings: Sequence[Finding]) -> Verdict:
    """The whole verdict."""
    ranked = analysis.once(comparisons.ranked)
    statements = [statement for found in findings for statement in found.statements]
    tone: Tone = "unknown"
    sentence = "" if ranked else _nothing(analysis)
    for place, variant in enumerate(ranked):
        text = f"{analysis.grid.label(variant)} {_said(findings, variant)}."
        if place:
            statements.append(Statement(text, _tone(analysis, findings, variant), OTHERS_WEIGHT))
        else:
            sentence, tone = text, _tone(analysis, findings, variant)
    statements += [*_named_first(analysis, ranked), *_problems(analysis)]
    statements.sort(key=lambda statement: -statement.weight)
    return Verdict(sentence=sentence, tone=tone, points=[Point(text=one.text, tone=one.tone) for one in statements])


def _said(findings: Sequence[Finding], variant: str) -> str:
    """What one variant does, clause by clause."""
    clauses = [clause for found in findings for clause in found.clauses if clause.variant == variant]
    return "; ".join(clause.text for clause in sorted(clauses, key=lambda clause: clause.place))


def _tone(analysis: Analysis, findings: Sequence[Finding], variant: str) -> Tone:
    calls = {row["call"] for row in analysis.once(comparisons.on_clean)[variant]}
    doubted = any(clause.doubt for found in findings for clause in found.clauses if clause.variant == variant)
    if "better" in calls:
        return "mixed" if "worse" in calls or doubted else "good"
    return "bad" if "worse" in calls else "unknown"


def _named_first(analysis: Analysis, ranked: Sequence[str]) -> Iterator[Statement]:
    """Why this variant and no other is in the sentence."""
    if len(ranked) > 1:
        means = [comparisons.rank(analysis, variant)[1] for variant in ranked]
        largest = means[0] >= max(means)
        why = "its pooled difference is the largest" if largest else "it helps on more benchmarks, less those it hurts"
        text = f"Of {len(ranked)} variants, {analysis.grid.label(ranked[0])} is named first because {why}; the order "
        yield Statement(f"{text}of close variants is not tested.", "mixed", ORDER_WEIGHT)


def _problems(analysis: Analysis) -> Iterator[Statement]:
    if number := len(analysis.grid.problems):
        text = f"{number} thing{'s were' if number > 1 else ' was'} missing or left out; see problems."
        yield Statement(text, "unknown", PROBLEMS_WEIGHT)


def _nothing(analysis: Analysis) -> str:
    """Why there is nothing to say."""
    lines = [row for row in analysis.grid.variants if not row["is_baseline"]]
    if not lines and analysis.once(refused.rows):
        return "Nothing can be said: every variant of the study was refused, so nothing was added to the base."
    if not lines:
        return "Nothing can be said yet: the study holds only the base. Run a variant in it, such as alpha=1."
    if len(lines) == len(analysis.grid.variants):
        return "Nothing can be said: the study has no baseline. Run the same command with alpha=0, in this study."
    if analysis.pairs:
        return "Nothing can be said: the variants were compared under families only, never on a clean benchmark."
    return "Nothing can be said: no variant was asked in the way its baseline was; see what is missing."
