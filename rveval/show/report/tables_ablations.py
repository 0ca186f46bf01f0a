"""The tables that speak of ablations: null controls, several vectors together, parts of a vector, what was refused."""

from __future__ import annotations

from rveval.findings.typed import Interference, Summary
from rveval.show.report.texts import CALLS, STRONG, Shown, labels, p_text, points, ranged, short, titles

NULLS, TOGETHER, SWEEPS, REFUSED = (
    "Would any vector do?",
    "Several vectors together",
    "Which part of the vector, and how much of it",
    "Refused",
)
IN_WORDS = "in words"
_CALLED = {"better": "more than the sum", "worse": "less than the sum", "unclear": "can't be told from adding up"}


def nulls(found: Summary) -> Shown:
    """Every real vector among the null controls of each kind."""
    known, called, tasks = labels(found), titles(found), short(found)
    headings = ["variant", "task", "null control", "nulls", "difference", "nulls: lowest, mean, highest"]
    headings += ["asked", "reached by", "p", IN_WORDS]
    rows = [
        [
            known[one["variant"]],
            called[one["task"]],
            one["kind"],
            str(one["n"]),
            ranged(one["real"]),
            ", ".join(points(one[name]) for name in ("lowest", "mean", "highest")),
            "does it help more?" if one["question"] == "help" else "does it harm more?",
            str(one["reached"]),
            _bold(p_text(one["p"]), one["p"] <= 1 - found["rules"]["level"]),
            one["said"],
        ]
        for one in found["nulls"]
        if one["task"] in tasks
    ]
    note = (
        "Points. p is the exact one-sided rank of the real vector among its nulls, uncorrected, ties counted against "
    )
    note += "it: whether it helps more than they do, or for a subtracted vector whether it harms more. Bold where "
    note += f"it is at most {1 - found['rules']['level']:.2g}."
    return Shown(NULLS, headings, rows, note)


def _bold(text: str, counts: bool) -> str:
    return f"{STRONG}{text}{STRONG}" if counts else text


def interference(found: Summary) -> Shown:
    """Several vectors together against the sum of each alone."""
    known, called, tasks = labels(found), titles(found), short(found)
    rows = [
        [
            known[one["variant"]],
            called[one["task"]],
            ranged(one["together"]),
            "; ".join(f"{known[part['variant']]}: {points(part['difference']['value'])}" for part in one["alone"]),
            ranged(one["total"]),
            CALLS[one["call"]] + ranged(one["interference"]) + CALLS[one["call"]],
            p_text(one["p"]),
            p_text(one["p_holm"]),
            _call(one),
        ]
        for one in found["interference"]
        if one["task"] in tasks
    ]
    headings = ["variant", "task", "together", "each alone", "sum", "together - sum", "p", "p (Holm)", "call"]
    note = "Points, differences to the baseline, paired by item; bold where it counts after Holm's correction."
    return Shown(TOGETHER, headings, rows, note)


def _call(one: Interference) -> str:
    said = _CALLED.get(one["call"], f"no verdict, at the {one['beyond']}")
    return f"{said} (the sum lies beyond the {one['beyond']})" if one["beyond"] and one["call"] != "edge" else said


def sweeps(found: Summary) -> Shown:
    """Lines that differ in one thing only, in order."""
    known, called, tasks = labels(found), titles(found), short(found)
    rows = [
        [
            f"by {one['by']}" + (f" of {one['step']}" if one["step"] else ""),
            f"{one['alpha']:g} {one['vector']} on {one['model']}",
            called[one["task"]],
            point["value"],
            CALLS[point["call"]] + ranged(point["difference"]) + CALLS[point["call"]],
            known[point["variant"]],
        ]
        for one in found["sweeps"]
        if one["task"] in tasks
        for point in one["points"]
    ]
    note = "Points; bold where the difference to the baseline counts after Holm's correction. Differences between the "
    note += "lines of a sweep are not tested."
    return Shown(SWEEPS, ["sweep", "vector", "task", "value", "difference", "variant"], rows, note)


def refused(found: Summary) -> Shown:
    """What the gate refused, and why: a row for each thing that does not fit."""
    several = len(found["made"]["studies"]) > 1
    rows = [
        [
            one["label"] + (f" ({one['study']})" if several else ""),
            *(problem[key] for key in ("what", "where", "expected", "found", "fix")),
        ]
        for one in found["refused"]
        for problem in one["problems"]
    ]
    headings = ["variant", "what", "where", "expected", "found", "what to do"]
    return Shown(REFUSED, headings, rows, "Refused before anything was asked: the donors do not fit the base.")
