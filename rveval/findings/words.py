"""The verdict in words for a tired person: one sentence, then what else must be known, from the most important down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rveval.findings import ablation_words
from rveval.findings.kept import kept, listed
from rveval.findings.phrases import points, ranged
from rveval.findings.typed import (
    Comparison,
    Conclusion,
    Curve,
    Gains,
    Interference,
    Noise,
    NullRow,
    RefusedRow,
    Statement,
    Survival,
    TaskRow,
    Tone,
    Trouble,
    VariantRow,
)
from rveval.findings.typed_cells import CellRow

_SICK = 0.05  # share of answers without an answer, or cut off, that is worth a word
_STRANGE = "outside their training"  # what the remark of a task says where its numbers are no finding
_CLASSES = {
    "truncation": "the losing answer was cut off",
    "extraction": "the losing answer could not be read",
    "style": "one of the two answers shows its steps and the other does not",
    "length": "one of the two answers is at least twice as long",
}
_SIGNS = {"nonfinite_logprob": "have a probability that is not finite", "repetition": "repeat themselves"}


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
    gains: Sequence[Gains] = ()
    nulls: Sequence[NullRow] = ()
    interference: Sequence[Interference] = ()
    refused: Sequence[RefusedRow] = ()

    def title(self, task: str) -> str:
        return next(row["title"] for row in self.tasks if row["task"] == task)

    def label(self, variant: str) -> str:
        return next(row["label"] for row in self.variants if row["id"] == variant)

    def strange(self, task: str) -> bool:
        """Is a task's number no finding, its prompts being outside what the models were trained on?"""
        return any(_STRANGE in remark for row in self.tasks if row["task"] == task for remark in row["remarks"])

    def of(self, variant: str) -> list[Comparison]:
        """A variant's comparisons on clean tasks, those of the short tables."""
        shown = {row["task"] for row in self.tasks if row["shown"]}
        return [
            row
            for row in self.comparisons
            if row["variant"] == variant and row["family"] == "clean" and row["task"] in shown
        ]


def conclude(found: Findings) -> Conclusion:
    """The whole verdict."""
    judged = _candidates(found)
    if not judged:
        told = [*ablation_words.statements(found), *_caveats(found)]
        return Conclusion(sentence=_nothing(found), tone="unknown", points=told)
    ranked = sorted(judged, key=lambda variant: _rank(found, variant), reverse=True)
    best = ranked[0]
    sentence = f"{found.label(best)} {_said(found, best)}."
    rest = [*_source(found, best), *_named_first(found, ranked), *_outside(found, best), *_caveats(found)]
    others = [Statement(text=f"{found.label(one)} {_said(found, one)}.", tone=_tone(found, one)) for one in ranked[1:]]
    told = [*ablation_words.statements(found), *others, *rest]
    return Conclusion(sentence=sentence, tone=_tone(found, best), points=told)


def _candidates(found: Findings) -> list[str]:
    """The lines that may be named as better or worse: null controls only where there is nothing else."""
    judged = [row for row in found.variants if found.of(row["id"])]
    return [row["id"] for row in judged if not row["null"]] or [row["id"] for row in judged]


def _named_first(found: Findings, ranked: Sequence[str]) -> Iterator[Statement]:
    """Why this variant and no other is in the sentence."""
    if len(ranked) > 1:
        ranks = [_rank(found, variant) for variant in ranked]
        largest = ranks[0][1] >= max(rank[1] for rank in ranks)
        why = "its pooled difference is the largest" if largest else "it helps on more benchmarks, less those it hurts"
        text = f"Of {len(ranked)} variants, {found.label(ranked[0])} is named first because {why}; the order of close "
        yield Statement(text=f"{text}variants is not tested.", tone="mixed")


def _source(found: Findings, variant: str) -> Iterator[Statement]:
    """The class that holds most of the net fixed items on clean tasks, where one does."""
    clean = {row["task"] for row in found.tasks if row["shown"] and row["family"] == "clean"}
    net: dict[str, int] = {}
    for one in found.gains:
        if one["variant"] == variant and one["task"] in clean:
            for share in one["classes"]:
                net[share["name"]] = net.get(share["name"], 0) + share["fixed"] - share["broken"]
    whole = sum(net.values())
    name = max(net, key=lambda key: net[key], default="")
    if name in _CLASSES and 0 < whole < 2 * net[name]:
        text = f"Most of what {found.label(variant)} fixes is {name}: {_CLASSES[name]} ({net[name]} items net, {whole} "
        yield Statement(text=f"{text}over all classes); that is not better reasoning by itself.", tone="mixed")


def _outside(found: Findings, variant: str) -> Iterator[Statement]:
    """The gain under families whose numbers are no finding, apart from those that are."""
    gained = {row["task"] for row in found.of(variant) if row["call"] == "better"}
    rows = [
        row
        for row in found.survival
        if row["variant"] == variant and row["source"] in gained and found.strange(row["task"])
    ]
    if rows:
        text = f"Outside the models' training, not a finding: with {found.label(variant)}, "
        yield Statement(text=f"{text}{kept(found.title, rows)}.", tone="unknown")


def _rank(found: Findings, variant: str) -> tuple[float, ...]:
    rows = found.of(variant)
    calls = [row["call"] for row in rows]
    mean = sum(row["difference"]["value"] for row in rows) / len(rows)
    alpha = next(abs(row["alpha"]) for row in found.variants if row["id"] == variant)
    return calls.count("better") - calls.count("worse"), mean, -alpha


def _tone(found: Findings, variant: str) -> Tone:
    calls = {row["call"] for row in found.of(variant)}
    rows = [row for row in found.survival if row["variant"] == variant and not found.strange(row["task"])]
    lost = any(row["verdict"] == "lost" for row in rows) or bool(ablation_words.but(found, variant))
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
    clauses += filter(None, [ablation_words.but(found, variant)])
    if by_call["unclear"]:
        clauses.append(f"shows no difference that can be told from chance on {_each(found, by_call['unclear'], True)}")
    if by_call["edge"]:
        named = listed(f"{found.title(row['task'])} (both at the {row['at_edge']})" for row in by_call["edge"])
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

    return listed(map(one, sorted(rows, key=lambda row: -abs(row["difference"]["value"]))), ", and on ")


def _survived(found: Findings, variant: str, gained: set[str]) -> str:
    """What becomes of the gains under the families that are a finding."""
    every = [row for row in found.survival if row["variant"] == variant and row["source"] in gained]
    rows = [row for row in every if not found.strange(row["task"])]
    if rows:
        return kept(found.title, rows)
    apart = " within the models' training" if every else ""
    return f"whether the gain is kept under another prompt{apart} was not asked" if gained else ""


def _nothing(found: Findings) -> str:
    lines = [row for row in found.variants if not row["is_baseline"]]
    if not lines and found.refused:
        return "Nothing can be said: every variant of the study was refused, so nothing was added to the base."
    if not lines:
        return "Nothing can be said yet: the study holds only the base. Run a variant in it, such as alpha=1."
    if not any(row["is_baseline"] for row in found.variants):
        return "Nothing can be said: the study has no baseline. Run the same command with alpha=0, in this study."
    if found.comparisons:
        return "Nothing can be said: the variants were compared under families only, never on a clean benchmark."
    return "Nothing can be said: no variant was asked in the way its baseline was; see what is missing."


def _caveats(found: Findings) -> Iterator[Statement]:
    controls = {row["id"] for row in found.variants if row["null"]}
    for curve in found.curves:
        real = not any(point["variant"] in controls for point in curve["points"])
        if curve["best"] and curve["family"] == "clean" and real:
            best = curve["best"]
            text = f"{curve['vector']} on {found.title(curve['task'])}: alpha={best['alpha']:g} is best, chosen on "
            text += f"{best['chosen_on']['n']} items; on the others it gives {ranged(best['held_out'])}."
            yield Statement(text=text, tone="unknown" if best["held_out"]["low"] <= 0 else "good")
    remarks: dict[str, int] = {}
    for task in found.tasks:
        for remark in task["remarks"] if not task["members"] else []:
            remarks[remark] = remarks.get(remark, 0) + 1
    for remark, count in remarks.items():
        yield Statement(
            text=f"{remark[:1].upper()}{remark[1:]} ({count} task{'s' if count > 1 else ''}).", tone="unknown"
        )
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
                    sick.setdefault((row["variant"], words), []).append((count, f"{where} ({count})"))
    for (variant, words), places in sick.items():
        named = listed((text for _, text in sorted(places, key=lambda place: -place[0])), "; ")
        yield Statement(text=f"Answers of {found.label(variant)} {words} on {named}.", tone="bad")
