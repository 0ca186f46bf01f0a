"""What the tables say beside their numbers: footnotes, and what is not known."""

from __future__ import annotations

from collections.abc import Iterable

from rveval.findings.typed import Curve, Summary

MARKER = " *"  # after what a footnote tells more of


def remarks(found: Summary) -> dict[str, list[str]]:
    """What a reader must know of tasks whose numbers are not to be taken as they stand."""
    return {row["task"]: row["remarks"] for row in found["tasks"] if row["remarks"]}


def footnote(found: Summary, tasks: Iterable[str]) -> str:
    """The remarks behind the marker, each once; "" where no task has one."""
    told = remarks(found)
    known = dict.fromkeys(remark for task in tasks for remark in told.get(task, []))
    return f" {MARKER.strip()} {'; '.join(known)}." if known else ""


def beyond_noise(found: Summary, tasks: set[str]) -> str:
    """What bold says of the noise: only as much as was measured."""
    known = [one["noise"] is not None for one in found["comparisons"] if one["task"] in tasks]
    if not any(known):
        return "; whether it exceeds the noise is not known, no baseline was run again"
    return " and exceeds the noise" + ("" if all(known) else ", where that was measured")


def turn(curve: Curve) -> str:
    """Where a straight line says too little: accuracy is lower at the largest alpha than at a smaller positive one."""
    above = sorted((point["alpha"], point["accuracy"]["value"]) for point in curve["points"] if point["alpha"] > 0)
    top = max(above, key=lambda point: point[1], default=None)
    return f"; turns down after alpha={top[0]:g}" if top and above[-1][1] < top[1] else ""
