"""What the verdict says of ablations: would any vector do, do several add up, what was refused, what was forced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rveval import stats
from rveval.findings.kept import listed
from rveval.findings.nulls import ONE, WORDS
from rveval.findings.phrases import points
from rveval.findings.typed import NullRow, Statement, Tone

if TYPE_CHECKING:
    from rveval.findings.words import Findings

_MOST = 1 - stats.LEVEL


def effect(row: NullRow) -> bool:
    """Whether there is an effect to be explained: a gain of an added vector, a loss of a subtracted one."""
    return row["call"] == ("better" if row["question"] == "help" else "worse")


def matched(row: NullRow) -> bool:
    """Whether null controls do the same: some reach the effect, and too many for it to be the vector's own."""
    return effect(row) and row["reached"] > 0 and row["p"] > _MOST


def but(found: Findings, variant: str) -> str:
    """The clause after a variant's gains that must not be missed: null controls do the same; "" where they don't."""
    rows = [row for row in _clean(found, variant) if matched(row)]
    each = [
        f"{ONE.get(row['kind'], row['kind'])} does the same on {found.title(row['task'])} "
        f"({row['reached']} of {row['n']} reach it)"
        for row in rows
    ]
    return f"but {listed(each, ', and ')}" if each else ""


def statements(found: Findings) -> Iterator[Statement]:
    """Everything there is to say of ablations, what takes a gain away first."""
    order: dict[Tone, int] = {"bad": 0, "good": 1, "mixed": 2, "unknown": 3}
    yield from sorted(_nulls(found), key=lambda one: order[one["tone"]])
    yield from _interference(found)
    forced = [row["label"] for row in found.variants if row["forced"] and not row["is_baseline"]]
    if forced:
        text = (
            f"Forced: the donors of {listed(forced)} do not fit the base, and only what fits was added; their numbers "
        )
        yield Statement(text=f"{text}are about that, not about the vector.", tone="mixed")
    if found.refused:
        labels = [row["label"] for row in found.refused]
        some, them = (f"{len(labels)} variants were", "them") if len(labels) > 1 else ("1 variant was", "it")
        yield Statement(text=f"{some} refused, and nothing was asked of {them}: {listed(labels)}.", tone="unknown")


def _clean(found: Findings, variant: str) -> list[NullRow]:
    """A variant's rows on the clean tasks of the short tables."""
    shown = {row["task"] for row in found.tasks if row["shown"]}
    return [
        row for row in found.nulls if row["variant"] == variant and row["family"] == "clean" and row["task"] in shown
    ]


def _nulls(found: Findings) -> Iterator[Statement]:
    for line in found.variants:
        rows = _clean(found, line["id"])
        for kind in dict.fromkeys(row["kind"] for row in rows):
            yield from _of_kind(found, line["label"], [row for row in rows if row["kind"] == kind])


def _of_kind(found: Findings, label: str, rows: Sequence[NullRow]) -> Iterator[Statement]:
    """One line among its nulls of one kind: what they match, what they don't, and where there is nothing to match."""
    first = rows[0]
    kind, gain = first["kind"], "gain" if first["question"] == "help" else "loss"
    if same := [row for row in rows if matched(row)]:
        each = [
            f"{found.title(row['task'])} ({row['reached']} of {row['n']} reach {points(row['real']['value'])} points, "
            f"p = {row['p']:.2g})"
            for row in same
        ]
        text = (
            f"{ONE.get(kind, kind)} does the same as {label} on {listed(each, ', and on ')}: that {gain} is not shown "
        )
        tone: Tone = "bad" if gain == "gain" else "mixed"
        yield Statement(text=f"{text[:1].upper()}{text[1:]}to come from what the vector means.", tone=tone)
    for row in rows:
        if effect(row) and not matched(row):
            tone = "good" if row["p"] <= _MOST else "unknown"
            yield Statement(text=f"{label} on {found.title(row['task'])} {row['said']}.", tone=tone)
    if not any(map(effect, rows)):
        each = [f"{points(row['lowest'])} to {points(row['highest'])} on {found.title(row['task'])}" for row in rows]
        text = f"{label} has no {gain} that null controls could explain; its {first['n']} {WORDS.get(kind, kind)} give "
        yield Statement(text=f"{text}{listed(each)} points.", tone="unknown")


def _interference(found: Findings) -> Iterator[Statement]:
    shown = {row["task"] for row in found.tasks if row["shown"]}
    for row in found.interference:
        if row["family"] == "clean" and row["task"] in shown:
            tone: Tone = "good" if row["call"] == "better" else "mixed" if row["call"] == "worse" else "unknown"
            yield Statement(text=f"{found.label(row['variant'])}: {row['said']}.", tone=tone)
