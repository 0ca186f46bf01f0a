"""Several vectors together against the sum of what each gives alone: do they add up, help or hinder each other?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rveval import stats
from rveval.findings import recipes
from rveval.findings.board import Board, Pair, ordered
from rveval.findings.comparisons import call, correct, interval
from rveval.findings.phrases import points, span
from rveval.findings.tasks import chance
from rveval.findings.typed import Alone, Edge, Hypotheses, Interference, TaskRow, VariantRow

_PLACES = 9  # digits to which alpha times weight is one number


def together(board: Board) -> list[tuple[VariantRow, list[VariantRow]]]:
    """Every line of several terms of which each was also run alone, and those lines in the order of its terms.

    The lines share base, way of asking, scope and transforms. A term is known by its content hashes, and by how much
    of it is added: alpha times its weight, so that 0.5 * [2 a] is a alone of 1 * [a + b]. Where alpha 0.5 with weight
    2 and alpha 1 were both run, the one with the alpha of the sum is taken.
    """
    alone: dict[str, list[VariantRow]] = {}
    for row in board.variants:
        if len(row["terms"]) == 1:
            alone.setdefault(_key(row, row["terms"][0]), []).append(row)
    found = []
    for row in board.variants:
        if len(row["terms"]) > 1:
            ones = [alone.get(_key(row, term), []) for term in row["terms"]]
            if all(ones):
                found.append((row, [_nearest(row, lines) for lines in ones]))
    return found


def _nearest(row: VariantRow, lines: Sequence[VariantRow]) -> VariantRow:
    return min(lines, key=lambda one: one["alpha"] != row["alpha"])


def _key(row: VariantRow, term: dict[str, Any]) -> str:
    """One term of a line, and what the line does with it."""
    added = round(row["alpha"] * term.get("weight", 1.0), _PLACES)
    one = {"plus": term.get("plus"), "minus": term.get("minus"), "added": added}
    return recipes.same(row, alpha=None, terms=one)


def interferences(board: Board, pairs: Sequence[Pair]) -> tuple[list[Interference], list[Hypotheses]]:
    """A row for every line of several vectors and every task that it and each of them alone were asked; corrected.

    Of the null controls none: what random vectors do to each other was not asked.
    """
    paired = {(one.variant, one.task["task"]): one for one in pairs}
    rows = []
    for line, ones in together(board):
        for task in board.tasks if not line["null"] else ():
            found = [paired.get((row["id"], task["task"])) for row in (line, *ones)]
            known = [one for one in found if one is not None]
            if len(known) == len(found) and _alike(known):
                rows.append(_row(known[0], known[1:], task))
    hypotheses = []
    for name in dict.fromkeys(row["hypotheses"] for row in rows):
        here = [row for row in rows if row["hypotheses"] == name]
        correct(here, name)
        question = "do vectors give together what they give alone?"
        hypotheses.append(Hypotheses(name=name, question=question, n=len(here)))
    titles = {task["task"]: task["title"] for task in board.tasks}
    for row in rows:
        row["call"] = call(row["interference"], row["p_holm"], _edge(row, board, paired))
        row["said"] = said(row, titles[row["task"]])
    return rows, hypotheses


def _alike(found: Sequence[Pair]) -> bool:
    """Whether all are of the same items against the same baseline."""
    first = found[0]
    return all(
        (one.baseline, one.members, one.draws) == (first.baseline, first.members, first.draws)
        and set(one.ids) == set(first.ids)
        for one in found[1:]
    )


def _row(line: Pair, ones: Sequence[Pair], task: TaskRow) -> Interference:
    where = f"{task['task']}: several vectors together and alone"
    columns = [ordered(one.ours, one.ids, line.ids, where) for one in ones]
    found = stats.interference(line.theirs, columns, line.ours)
    sum_of_all = float(line.theirs.mean()) + found.total.difference.value
    kind = (
        "members of groups" if not task["shown"] else "clean tasks" if task["family"] == "clean" else "perturbed tasks"
    )
    return Interference(
        variant=line.variant,
        baseline=line.baseline,
        task=task["task"],
        benchmark=task["benchmark"],
        family=task["family"],
        alone=[
            Alone(variant=one.variant, difference=interval(effect.difference))
            for one, effect in zip(ones, found.alone, strict=True)
        ],
        together=interval(found.together.difference),
        total=interval(found.total.difference),
        interference=interval(found.interference.difference),
        p=found.interference.p,
        p_holm=found.interference.p,
        detectable=found.interference.detectable,
        hypotheses=f"interference: vectors together x {kind}",
        beyond="ceiling" if sum_of_all > 1 else "floor" if sum_of_all < 0 else "",
        call="unclear",
        said="",
    )


def _edge(row: Interference, board: Board, paired: dict[tuple[str, str], Pair]) -> Edge:
    """Where all together stand at the end that the sum lies beyond: nothing else could have been seen there."""
    line = paired[row["variant"], row["task"]]
    at = stats.edge([stats.accuracy(line.ours)], chance(line.task))
    return row["beyond"] if at == row["beyond"] else ""


def said(row: Interference, title: str) -> str:
    """One row in words: what all give, what each gives, and whether it adds up."""
    apart, each = row["interference"], [points(one["difference"]["value"]) for one in row["alone"]]
    side = "more" if apart["value"] > 0 else "less"
    many = "both" if len(each) == 2 else f"all {len(each)}"
    text = f"on {title} together they give {points(abs(apart['value']), False)} points {side} than the sum of each "
    text += f"alone {span(apart)}, n={apart['n']} ({many} {points(row['together']['value'])}, "
    text += f"alone {' and '.join(each) if len(each) == 2 else ', '.join(each)}"
    beyond = {"ceiling": "; the base has less to gain than that", "floor": "; the base has less to lose than that"}
    text += f"{beyond.get(row['beyond'], '')})"
    return text if row["call"] in ("better", "worse") else f"{text}: that can't be told from adding up"
