"""Would any vector do? Every real line among the null controls that differ from it in nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rveval import stats
from rveval.findings import recipes
from rveval.findings.board import Board, Pair
from rveval.findings.typed import Comparison, NullEffect, NullRow, Question, VariantRow

WORDS = {
    "random": "random vectors of the same norm",
    "permute": "vectors of the same entries in another order",
    "signs": "vectors of the same entries with random signs",
    "spectrum": "vectors of the same singular values in random bases",
    "swap_layers": "copies of itself with their layers swapped",
    "other": "other vectors of the same norm",
}
ONE = {
    "random": "a random vector of the same norm",
    "permute": "a vector of the same entries in another order",
    "signs": "a vector of the same entries with random signs",
    "spectrum": "a vector of the same singular values in random bases",
    "swap_layers": "the same vector with its layers swapped",
    "other": "another vector of the same norm",
}


def controls(board: Board) -> list[tuple[VariantRow, dict[str, list[VariantRow]]]]:
    """Every real line that has null controls, and these by kind.

    A null control of a line is the same in base, way of asking, terms, weights, alpha, scope and all other steps, and
    has one step more, a null one. What the step `other` takes belongs to that step. Seeds of other steps may differ: in
    a study of `[dare, random]` over seeds each null has a mask of its own, drawn as the line's was.
    """
    known: dict[str, dict[str, list[VariantRow]]] = defaultdict(lambda: defaultdict(list))
    for row in board.variants:
        if row["null"]:
            known[_key(row)][row["null"]].append(row)
    lines = [row for row in board.variants if not (row["null"] or row["is_baseline"])]
    return [(row, dict(known[_key(row)])) for row in lines if _key(row) in known]


def _key(row: VariantRow) -> str:
    return recipes.same(row, steps=recipes.unseeded(recipes.real(row["steps"])), other=None)


def nulls(board: Board, pairs: Sequence[Pair], compared: Sequence[Comparison]) -> list[NullRow]:
    """A row for every real line, task and kind of null control that was asked the same items.

    What was asked of other items is left out, and said in the problems.
    """
    paired = {(one.variant, one.task["task"]): one for one in pairs}
    differences = {(row["variant"], row["task"]): row for row in compared}
    rows = []
    for line, kinds in controls(board):
        for task in board.tasks:
            name = task["task"]
            own = paired.get((line["id"], name))
            for kind, others in kinds.items() if own else ():
                found = [paired[row["id"], name] for row in others if (row["id"], name) in paired]
                fitting = [one for one in found if own and _alike(own, one)]
                _say_left_out(board, line, task["title"], kind, len(found) - len(fitting))
                if fitting:
                    among = [differences[one.variant, name] for one in fitting]
                    rows.append(_row(line, differences[line["id"], name], kind, among))
    return rows


def _alike(one: Pair, other: Pair) -> bool:
    """Whether two pairs are of the same items, against the same baseline."""
    alike = (one.baseline, one.members, one.draws) == (other.baseline, other.members, other.draws)
    return alike and set(one.ids) == set(other.ids)


def _say_left_out(board: Board, line: VariantRow, title: str, kind: str, count: int) -> None:
    if count:
        what = f"{count} of its null controls ({kind}) were asked other items or draws: not compared with it"
        board.trouble("missing", what, f"{line['label']}, {title}", "run them again with the same settings")


def _row(line: VariantRow, own: Comparison, kind: str, others: Sequence[Comparison]) -> NullRow:
    question: Question = "harm" if _subtracted(line) else "help"
    values = [row["difference"]["value"] for row in others]
    found = stats.nulls(own["difference"]["value"], values, harm=question == "harm")
    ordered = sorted(others, key=lambda row: row["difference"]["value"])
    row = NullRow(
        variant=line["id"],
        baseline=own["baseline"],
        task=own["task"],
        benchmark=own["benchmark"],
        family=own["family"],
        kind=kind,
        question=question,
        real=own["difference"],
        call=own["call"],
        n=found.n,
        lowest=min(values),
        mean=sum(values) / len(values),
        highest=max(values),
        nulls=[NullEffect(variant=one["variant"], difference=one["difference"]) for one in ordered],
        reached=round(found.n * (1 - found.beaten)),
        beaten=found.beaten,
        p=found.p,
        smallest_p=found.smallest_p,
        needed=stats.nulls_needed(),
        said="",
    )
    row["said"] = said(row)
    return row


def _subtracted(line: VariantRow) -> bool:
    """Whether the vector is taken away from the base: what it gives should get lost. Known before any answer is."""
    return all(line["alpha"] * term.get("weight", 1.0) < 0 for term in line["terms"])


def said(row: NullRow) -> str:
    """The rank in words, with what so many nulls can't say."""
    verb = "beats" if row["question"] == "help" else "hurts more than"
    enough = row["reached"] == 0 and row["n"] >= row["needed"]
    smallest = f", the smallest that {row['n']} nulls can give" if enough else ""
    text = f"{verb} {row['n'] - row['reached']} of {row['n']} {WORDS.get(row['kind'], row['kind'])} "
    return f"{text}(p = {row['p']:.2g}{smallest}){too_few(row)}"


def too_few(row: NullRow) -> str:
    """What to do where even the best rank among so few would show nothing; "" where there are enough."""
    if row["n"] >= row["needed"]:
        return ""
    run = f"take {row['needed']} of them" if row["kind"] == "other" else f"run {row['needed']} seeds"
    nulls_ = "1 null" if row["n"] == 1 else f"{row['n']} nulls"
    return f"; {nulls_} can't give a p below {row['smallest_p']:.2g}: {run} for {1 - stats.LEVEL:.2g}"
