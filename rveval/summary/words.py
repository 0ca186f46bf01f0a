"""The verdict in words for a tired person: one sentence, then what else must be known, from the most important down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rveval.summary.typed import (
    Comparison,
    Conclusion,
    Curve,
    Interval,
    Noise,
    Statement,
    Survival,
    TaskRow,
    Tone,
    Trouble,
    VariantRow,
)
from rveval.summary.typed_cells import CellRow

_MANY = 4  # benchmarks or families named one by one
_SICK = 0.05  # share of answers without an answer, or cut off, that is worth a word
_SIGNS = {"nonfinite_logprob": "whose probability is not finite", "repetition": "that repeat themselves"}


@dataclass(frozen=True)
class Findings:
    """What the verdict is made of."""

    variants: Sequence[VariantRow]
    tasks: Sequence[TaskRow]
    cells: Sequence[CellRow]
    comparisons: Sequence[Comparison]
    survival: Sequence[Survival]
    curves: Sequence[Curve]
    noise: Sequence[Noise]
    problems: Sequence[Trouble]

    def title(self, task: str) -> str:
        return next(row["title"] for row in self.tasks if row["task"] == task)

    def label(self, variant: str) -> str:
        return next(row["label"] for row in self.variants if row["id"] == variant)

    def of(self, variant: str) -> list[Comparison]:
        """A variant's comparisons on clean tasks, those of the short tables."""
        shown = {row["task"] for row in self.tasks if row["shown"]}
        return [
            row
            for row in self.comparisons
            if row["variant"] == variant and row["family"] == "clean" and row["task"] in shown
        ]


def points(value: float, sign: bool = True) -> str:
    """A share as points: `+5.2`."""
    return f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"


def ranged(found: Interval) -> str:
    """`+5.2 points [2.1, 8.3], n=500`."""
    low, high = points(found["low"], False), points(found["high"], False)
    return f"{points(found['value'])} points [{low}, {high}], n={found['n']}"


def conclude(found: Findings) -> Conclusion:
    """The whole verdict."""
    judged = [row["id"] for row in found.variants if found.of(row["id"])]
    rest = list(_caveats(found))
    if not judged:
        return Conclusion(sentence=_nothing(found), tone="unknown", points=rest)
    ranked = sorted(judged, key=lambda variant: _rank(found, variant), reverse=True)
    best = ranked[0]
    sentence = f"{found.label(best)} {_said(found, best)}."
    if len(judged) > 1:
        picked = f"Of {len(judged)} variants, {found.label(best)} comes first because it was looked for; its p values "
        rest.insert(0, Statement(text=picked + "are corrected for all of them.", tone="mixed"))
    others = [Statement(text=f"{found.label(one)} {_said(found, one)}.", tone=_tone(found, one)) for one in ranked[1:]]
    return Conclusion(sentence=sentence, tone=_tone(found, best), points=[*others, *rest])


def _rank(found: Findings, variant: str) -> tuple[float, ...]:
    rows = found.of(variant)
    calls = [row["call"] for row in rows]
    mean = sum(row["difference"]["value"] for row in rows) / len(rows)
    alpha = next(abs(row["alpha"]) for row in found.variants if row["id"] == variant)
    return calls.count("better") - calls.count("worse"), mean, -alpha


def _tone(found: Findings, variant: str) -> Tone:
    calls = {row["call"] for row in found.of(variant)}
    lost = any(row["verdict"] == "lost" for row in found.survival if row["variant"] == variant)
    if "better" in calls:
        return "mixed" if "worse" in calls or lost else "good"
    return "bad" if "worse" in calls else "unknown"


def _said(found: Findings, variant: str) -> str:
    """What one variant does, clause by clause."""
    rows = found.of(variant)
    by_call = {call: [row for row in rows if row["call"] == call] for call in ("better", "worse", "unclear", "edge")}
    clauses = []
    for call, words in (("better", "helps on"), ("worse", "hurts on")):
        if by_call[call]:
            clauses.append(f"{words} {_each(found, by_call[call])}")
    if by_call["unclear"]:
        clauses.append(f"shows no difference that can be told from chance on {_each(found, by_call['unclear'], True)}")
    if by_call["edge"]:
        named = _listed(f"{found.title(row['task'])} (both at the {row['at_edge']})" for row in by_call["edge"])
        clauses.append(f"can't be judged on {named}")
    text = "; ".join(clauses)
    survived = _survived(found, variant, {row["task"] for row in by_call["better"]})
    return f"{text}; {survived}" if survived else text


def _each(found: Findings, rows: Sequence[Comparison], missed: bool = False) -> str:
    def one(row: Comparison) -> str:
        seen = f"; less than {points(row['detectable'], False)} points would mostly be missed" if missed else ""
        if missed and row["noise"] and abs(row["difference"]["value"]) <= row["noise"]:
            seen = f"; no more than the noise, {points(row['noise'], False)}"
        return f"{found.title(row['task'])}: {ranged(row['difference'])}{seen}"

    return _listed(map(one, sorted(rows, key=lambda row: -abs(row["difference"]["value"]))), ", and on ")


def _listed(texts: Iterable[str], between: str = ", ") -> str:
    known = list(texts)
    more = f" and {len(known) - _MANY} more" if len(known) > _MANY else ""
    return between.join(known[:_MANY]) + more


def _survived(found: Findings, variant: str, gained: set[str]) -> str:
    """What becomes of the gains under the families: of every family in how many of the benchmarks."""
    rows = [row for row in found.survival if row["variant"] == variant and row["source"] in gained]
    if not rows:
        return "whether that survives a hostile prompt was not asked" if gained else ""
    if len(rows) > 2 * _MANY:
        return _counted(found, rows)
    words = {
        "survived": "survives",
        "lost": "is lost under",
        "inconclusive": "may or may not survive",
        "no verdict": "can't be judged under",
        "no gain to survive": "is too small to judge under",
    }
    clauses = []
    for verdict, said in words.items():
        families: dict[str, list[str]] = {}
        for row in rows:
            if row["verdict"] == verdict:
                families.setdefault(row["family"], []).append(found.title(row["source"]))
        if families:
            asked = {name: sum(row["family"] == name for row in rows) for name in families}
            named = (name if len(on) == asked[name] else f"{name} ({_on(on)})" for name, on in families.items())
            clauses.append(f"{said} {_listed(named)}")
    return f"the gain {', and '.join(clauses)}"


def _counted(found: Findings, rows: Sequence[Survival]) -> str:
    """Too many to be named: how often the gain survives, and where it is lost."""
    lost = [f"{row['family']} on {found.title(row['source'])}" for row in rows if row["verdict"] == "lost"]
    survived = sum(row["verdict"] == "survived" for row in rows)
    clauses = [f"survives {survived}", f"is lost in {len(lost)}{f' ({_listed(lost)})' if lost else ''}"]
    clauses.append(f"is open in {len(rows) - survived - len(lost)}")
    return f"of {len(rows)} pairs of a benchmark and a family, the gain {', '.join(clauses)}"


def _on(titles: Sequence[str]) -> str:
    """Where: two benchmarks by name, more by their number."""
    return f"on {' and '.join(titles)}" if len(titles) < 3 else f"on {len(titles)} benchmarks"


def _nothing(found: Findings) -> str:
    lines = [row for row in found.variants if not row["is_baseline"]]
    if not lines:
        return "Nothing can be said yet: the study holds only the base. Run a variant in it, such as alpha=1."
    if not any(row["is_baseline"] for row in found.variants):
        return "Nothing can be said: the study has no baseline. Run the same command with alpha=0, in this study."
    if found.comparisons:
        return "Nothing can be said: the variants were compared under families only, never on a clean benchmark."
    return "Nothing can be said: no variant was asked in the way its baseline was; see what is missing."


def _caveats(found: Findings) -> Iterator[Statement]:
    for curve in found.curves:
        if curve["best"] and curve["family"] == "clean":
            best = curve["best"]
            text = (
                f"{curve['vector']} on {found.title(curve['task'])}: alpha={best['alpha']:g} is best on one half of the"
            )
            text += f" items, and gives {ranged(best['held_out'])} on the other half."
            yield Statement(text=text, tone="unknown" if best["held_out"]["low"] <= 0 else "good")
    remarks: dict[str, int] = {}
    for task in found.tasks:
        for remark in task["remarks"] if not task["members"] else []:
            remarks[remark] = remarks.get(remark, 0) + 1
    for remark, count in remarks.items():
        yield Statement(text=f"{remark} ({count} task{'s' if count > 1 else ''}).", tone="unknown")
    yield from _illness(found)
    if found.comparisons and not found.noise:
        text = "The noise floor is not known: no baseline was run again with its requests in another order."
        yield Statement(text=text, tone="unknown")
    if found.noise:
        most = max(abs(row["difference"]["value"]) for row in found.noise)
        text = f"Run again with its requests in another order, a baseline differs from itself by {points(most, False)}"
        yield Statement(text=f"{text} points at most.", tone="unknown" if most else "good")
    if found.problems:
        count = len(found.problems)
        text = f"{count} thing{'s were' if count > 1 else ' was'} missing or left out; see problems."
        yield Statement(text=text, tone="unknown")


def _illness(found: Findings) -> Iterator[Statement]:
    """Answers that can't be read, are cut off, or look like a broken model's."""
    sick: dict[tuple[str, str], list[tuple[float, str]]] = {}
    shown = {task["task"] for task in found.tasks if task["shown"]}
    for row in found.cells:
        if row["task"] in shown and not row["draw"]:
            where = found.title(row["task"])
            for name, words in (("extraction_failed", "hold no readable answer"), ("truncated", "are cut off")):
                share: float = row[name]["value"]  # type: ignore[literal-required]
                if share >= _SICK:
                    sick.setdefault((row["variant"], words), []).append((share, f"{where} ({100 * share:.0f}%)"))
            for sign, words in _SIGNS.items():
                if count := row["health"].get(sign, 0):
                    sick.setdefault((row["variant"], f"are such {words}"), []).append((count, f"{where} ({count})"))
    for (variant, words), places in sick.items():
        named = _listed((text for _, text in sorted(places, key=lambda place: -place[0])), "; ")
        yield Statement(text=f"Answers of {found.label(variant)} {words} on {named}.", tone="bad")
