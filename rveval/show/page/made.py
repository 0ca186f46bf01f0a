"""How it was made, in the words of the page: rules, versions, timings, and what was missing or left out."""

from __future__ import annotations

import json
from typing import Any

from rveval.findings.typed import Statement, Summary, Trouble
from rveval.show.page import say

KINDS = {"missing": "missing", "refused": "refused", "skipped": "left out", "warning": "mind"}


def rules(summary: Summary) -> list[tuple[str, str]]:
    """The rules that the numbers were judged by: (name, words)."""
    fixed = summary["rules"]
    pooling = "each benchmark counts the same" if fixed["weights"] == "benchmarks" else "each item counts the same"
    listed = [
        ("Intervals", f"{say.level(fixed['level'])}, two-sided"),
        ("Smallest detectable difference", f"what would be found with {say.level(fixed['power'])} power"),
        (
            "A gain survives",
            f"when at least {say.level(fixed['margin'])} of it is kept and what is left is above 0, "
            "both by their whole intervals",
        ),
        ("All benchmarks together", pooling),
        ("Floor and ceiling", f"within {100 * fixed['edge']:g} points of guessing, or of everything right: no verdict"),
        ("Seed of the statistics", str(fixed["seed"])),
    ]
    if fixed["chance"]:
        guessed = ", ".join(f"{name} {say.percent(share)}" for name, share in fixed["chance"].items())
        listed.append(("Right by guessing", guessed))
    return listed


def rules_from(summary: Summary) -> str:
    """Where the rules come from: the configs of the runs, or defaults where these do not say."""
    suites = [config.get("suite") or {} for config in summary["provenance"]["configs"].values()]
    said = [all(key in suite for suite in suites) and bool(suites) for key in ("margin", "pooled_by")]
    troubled = ", ".join(row["where"] for row in summary["problems"])
    said = [known and key not in troubled for known, key in zip(said, ("suite.margin", "suite.pooled_by"), strict=True)]
    fixed = "The rest is fixed in rveval."
    if all(said):
        return f"Margin and weights are those of the runs' own configs (suite.margin, suite.pooled_by). {fixed}"
    names = [name for name, known in zip(("the margin", "the weights"), said, strict=True) if not known]
    return (
        f"The runs' configs (suite.margin, suite.pooled_by) do not all say {' and '.join(names)}, or do not agree: "
        f"defaults are taken where they say nothing, the strictest where they differ. {fixed}"
    )


def versions(summary: Summary) -> list[tuple[str, str]]:
    """Versions of what made the cells; several where cells differ."""
    return [(name, ", ".join(found) or "not known") for name, found in summary["provenance"]["versions"].items()]


def timings(summary: Summary) -> list[tuple[str, str]]:
    """How long it took: "generate_s" becomes "generate"."""
    return [
        (name.removesuffix("_s").replace("_", " "), say.seconds(value) if name.endswith("_s") else say.number(value))
        for name, value in summary["provenance"]["timings"].items()
    ]


def details(summary: Summary) -> dict[str, Any]:
    """What is long, and loaded when it is opened: title and text of each."""
    found = summary["provenance"]
    labels = {row["id"]: row["label"] for row in summary["variants"]}
    parts = [(f"Config of {labels.get(variant, variant)}", config) for variant, config in found["configs"].items()]
    parts += [(f"Settings of cell {cell}", settings) for cell, settings in found["settings"].items()]
    parts += [
        (f"Terms of {row['label']}", {"scope": row["scope"], "terms": row["terms"]}) for row in summary["variants"]
    ]
    return {"parts": [[title, json.dumps(value, indent=2, ensure_ascii=False, default=str)] for title, value in parts]}


def engines(summary: Summary) -> list[tuple[str, str]]:
    """What served the models; where engines differ, each of the values."""
    found: dict[str, list[str]] = {}
    for engine in summary["provenance"]["engines"]:
        for name, value in engine.items():
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            if text not in found.setdefault(str(name).replace("_", " "), []):
                found[str(name).replace("_", " ")].append(text)
    return [(name, ", ".join(values)) for name, values in found.items()]


def when(summary: Summary) -> str:
    """When the cells were made: the first and the last moment."""
    moments = [say.moment(moment) for moment in sorted(summary["provenance"]["created"])]
    return " to ".join(dict.fromkeys([moments[0], moments[-1]])) if moments else "not known"


def troubles(summary: Summary) -> list[tuple[str, Trouble]]:
    """What was missing, refused or left out, with the word for its kind."""
    return [(KINDS.get(row["kind"], row["kind"]), row) for row in summary["problems"]]


def toned(statements: list[Statement]) -> list[tuple[str, Statement]]:
    """Statements with the sign of their tone."""
    signs = {"good": say.SIGNS["better"], "bad": say.SIGNS["worse"], "mixed": "◆", "unknown": say.SIGNS["unclear"]}
    return [(signs[row["tone"]], row) for row in statements]
