"""What a line of the tables is made of, read from its record: its words, its formula, what two lines have in common.

Records of other versions are read here too, so everything but the terms may be missing, and a step is plain data: its
name and the parameters that it has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rveval.findings.report import VariantRow

Step = Mapping[str, Any]

NULLS = ("random", "permute", "signs", "spectrum", "swap_layers", "other")
"""The steps that are null controls: they keep something of the vector and throw its meaning away."""

PARAMETERS = ("density", "rank", "cap", "gamma", "epsilon")
"""The numbers of a step that a sweep may run over; a seed is none."""

_BARE = ("density", "rank", "cap")  # as labels show them: the number alone
_ORDER = ("seed", "density", "gamma", "epsilon", "rank", "cap")  # and in this order
_EVERYTHING: tuple[list[str], ...] = ([], [".*"])
_LONGEST_NAME = 40


def described(row: VariantRow, variant: Mapping[str, Any], label: str) -> VariantRow:
    """A line with all that its recipe says, defaults where an old record lacks it.

    Args:
        row: id, label, alpha, terms and what else does not depend on the recipe.
        variant: the part `variant` of a cell.json. A base has nothing added, so nothing is made of it.
        label: of the variant in its study.
    """
    if not variant["terms"]:
        variant = {}
    steps = [dict(step) for step in variant.get("steps") or []]
    row["scope"] = list(variant.get("scope") or [".*"])
    row["kinds"] = sorted(variant.get("kinds") or [])
    row["layers"] = list(variant["layers"]) if variant.get("layers") else None
    row["ramp"] = list(variant.get("ramp") or [])
    row["steps"], row["other"] = steps, variant.get("other")
    row["forced"], row["misfit"] = bool(variant.get("forced")), str(variant.get("misfit") or "")
    row["null"] = " and ".join(step["name"] for step in steps if step["name"] in NULLS)
    row["about"] = _about(row, label) if row["terms"] else ""
    row["formula"] = _formula(row)
    return row


def same(row: VariantRow, **instead: Any) -> str:
    """What two lines must share to differ in nothing but what is given `instead`, as a key.

    The baseline and the way of asking belong to it; labels, ids and the folders of checkpoints do not.
    """
    parts: dict[str, Any] = {key: row[key] for key in ("base", "baseline", "asked", "scope", "kinds", "layers", "ramp")}
    parts |= {"steps": row["steps"], "other": _content(row["other"]), "forced": row["forced"], "misfit": row["misfit"]}
    parts |= {"alpha": row["alpha"], "terms": [_content(term) for term in row["terms"]]}
    return json.dumps(parts | instead, sort_keys=True)


def same_but_null(row: VariantRow) -> str:
    """What a line shares with its null controls: everything but their null steps, and seeds of the other steps."""
    real = [step for step in row["steps"] if step["name"] not in NULLS]
    unseeded = [{key: value for key, value in step.items() if key != "seed"} for step in real]
    return same(row, steps=unseeded, other=None)


def order(row: VariantRow) -> tuple[Any, ...]:
    """Where a line stands among those of its model: null controls last, alphas of one vector together."""
    steps = [
        [step["name"], *(_number(step[key]) for key in sorted(step) if key != "name")]  # by number, not by digits
        for step in row["steps"]
    ]
    part = (row["kinds"], row["layers"] or [], row["scope"], row["ramp"])
    return row["null"], row["vector"], row["misfit"], *part, steps, row["alpha"]


def named(row: VariantRow) -> str:
    """The vector's name and what is made of it: `grpo [layers 0-1; random seed 3]`."""
    return f"{row['vector']} [{row['about']}]" if row["about"] else row["vector"]


def layers(bounds: Sequence[int]) -> str:
    """`[from, to)` in words: the last layer named is one that takes part.

    >>> layers([0, 2]), layers([3, 4])
    ('layers 0-1', 'layer 3')
    """
    start, last = bounds[0], bounds[1] - 1
    return f"layer {start}" if last == start else f"layers {start}-{last}"


def words(step: Step) -> str:
    """A step as labels show it.

    >>> words({"name": "breadcrumbs", "density": 0.2, "gamma": 0.01}), words({"name": "random", "seed": 3})
    ('breadcrumbs 0.2 gamma 0.01', 'random seed 3')
    """
    keys = sorted((key for key in step if key != "name"), key=lambda key: [*_ORDER, key].index(key))
    shown = [f"{step[key]:g}" if key in _BARE else f"{key} {_plain(step[key])}" for key in keys]
    return " ".join([str(step["name"]), *shown])


def _content(term: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A term without the folders it was read from: content hashes and the weight."""
    return None if term is None else {side: term.get(side) for side in ("plus", "minus", "weight")}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _about(row: VariantRow, label: str) -> str:
    """What is made of the vector, as its label says it in brackets; where a label doesn't, in the same words.

    The label comes first because it tells `weights 1, 0` from `weights 0, 1`: terms of weight 0 are in no record.
    """
    _, bracket, inner = label.partition(f" {row['vector']} [")
    if bracket and inner.endswith("]"):
        return inner.removesuffix("]")
    return "; ".join(_details(row))


def _details(row: VariantRow) -> Iterator[str]:
    """Which part of a vector it is and what was made of it, a word or two each, in the order in which they act."""
    if any(term.get("weight", 1.0) != 1.0 for term in row["terms"]):
        yield "weights " + ", ".join(f"{term.get('weight', 1.0):g}" for term in row["terms"])
    if row["misfit"]:
        yield f"misfit {row['misfit']}"
    yield from _places(row)
    for step in row["steps"]:
        name = f" {_name(row['other'], 'plus')}" if step["name"] == "other" and row["other"] else ""
        yield words(step) + name
    if row["forced"]:
        yield "forced"


def _places(row: VariantRow) -> Iterator[str]:
    """Which tensors, in words; nothing for all of them alike."""
    if row["scope"] not in _EVERYTHING:
        yield f"only {' | '.join(row['scope'])}"
    if row["kinds"]:
        yield " + ".join(row["kinds"])
    if row["layers"]:
        yield layers(row["layers"])
    if row["ramp"]:
        yield "ramp " + ", ".join(f"{weight:g}" for weight in row["ramp"])


def _formula(row: VariantRow) -> str:
    """The weights in words and symbols: `tiny + 0.5 (grpo - sft)`, `tiny + 1 random seed 3 of (grpo - sft), forced`."""
    if not row["terms"]:
        return row["model"]
    steps = row["steps"]
    merged = next((place for place, step in enumerate(steps) if step["name"] == "ties"), len(steps))
    parts = [_term(term, steps[:merged], row["other"]) for term in row["terms"]]
    inner = _wrapped(f"[{' + '.join(parts)}]" if len(parts) > 1 else parts[0], steps[merged:], row["other"])
    sign = "-" if row["alpha"] < 0 else "+"
    only = [place if place.startswith(("only", "ramp")) else f"only {place}" for place in _places(row)]
    tail = [*only, *([f"misfit {row['misfit']}"] if row["misfit"] else []), *(["forced"] if row["forced"] else [])]
    return ", ".join([f"{row['model']} {sign} {abs(row['alpha']):g} {inner}", *tail])


def _term(term: Mapping[str, Any], steps: Sequence[Step], other: Mapping[str, Any] | None) -> str:
    """One term, each step before it in the order in which it is read: the last one made stands first."""
    weight = "" if term.get("weight", 1.0) == 1.0 else f"{term['weight']:g} "
    return weight + _wrapped(_difference(term), steps, other)


def _wrapped(text: str, steps: Sequence[Step], other: Mapping[str, Any] | None) -> str:
    for step in steps:
        if step["name"] == "other" and other:
            text = f"{_difference(other)} with the norms of {text}"
        else:
            text = f"{words(step)} of {text}"
    return text


def _difference(term: Mapping[str, Any]) -> str:
    plus, minus = (_name(term, side) for side in ("plus", "minus"))
    return f"({plus} - {minus})" if minus else plus


def _name(term: Mapping[str, Any], side: str) -> str:
    path = term.get(f"{side}_path") or term.get(side)
    return str(path).rstrip("/").rpartition("/")[2][:_LONGEST_NAME] if path else ""
