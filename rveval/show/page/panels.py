"""What the plots show: for each plot its choices (a benchmark, a family of prompts), for each choice a few panels.

A choice is a data file that the page loads when somebody makes it; the first one is loaded at once. A panel is one
drawing: numbers in the units they are drawn in (percent, points) beside the lines of text that the pointer shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rveval.findings.typed import Curve, FamilyDrop, Gains, Interval, Robustness, Summary, Survival
from rveval.show.page import say
from rveval.show.page.choice import Choice, Panel, controls
from rveval.show.page.names import Names
from rveval.show.page.panels_ablations import nulls, sweeps

CLASSES = {
    "content": "other reasoning",
    "style": "steps shown or not",
    "length": "longer or shorter",
    "extraction": "answer readable or not",
    "truncation": "cut off or not",
}
# How a verdict on a gain is coloured and drawn.
VERDICTS = {"survived": "better", "lost": "worse", "inconclusive": "unclear"}


def all_plots(summary: Summary) -> dict[str, list[Choice]]:
    """Every plot of the page with its choices; a plot without any has nothing to show."""
    return {
        "nulls": nulls(summary),
        "curve": curves(summary),
        "sweep": sweeps(summary),
        "heat": robustness(summary),
        "forest": survival(summary),
        "gains": gains(summary),
    }


def _grouped(summary: Summary, tasks: Sequence[str]) -> dict[str, str]:
    """For each task the heading it stands under: "" for those of the main table, else the title of its group."""
    rows = {row["task"]: row for row in summary["tasks"]}
    titles = {row["task"]: row["title"] for row in summary["tasks"]}
    found = {}
    for task in tasks:
        row = rows.get(task)
        found[task] = "" if row is None or row["shown"] else titles.get(row["group"], row["group"])
    return found


# --- alpha curves


def curves(summary: Summary) -> list[Choice]:
    """Accuracy over alpha: a choice a vector and family of prompts, a panel a benchmark."""
    names, under = Names.of(summary), _grouped(summary, [row["task"] for row in summary["curves"]])
    vectors = {(row["model"], row["vector"]) for row in summary["curves"]}
    chosen: dict[tuple[str, str, str, str], list[Panel]] = defaultdict(list)
    apart = controls(summary)
    for row in summary["curves"]:
        if any(point["variant"] in apart for point in row["points"]):
            continue
        chosen[under[row["task"]], row["model"], row["vector"], row["family"]].append(_curve(row, names))

    def label(group: str, model: str, vector: str, family: str) -> str:
        parts = [f"{vector} on {model}"] if len(vectors) > 1 else []
        return " · ".join([*parts, f"{family} prompts", *([f"{group}, task by task"] if group else [])])

    ordered = sorted(chosen, key=lambda key: key[0] != "")  # benchmarks before the tasks within them
    return [Choice(label(*key), chosen[key]) for key in ordered]


def _curve(row: Curve, names: Names) -> Panel:
    points = row["points"]
    base = next((point for point in points if point["alpha"] == 0), None)
    return {
        "title": names.tasks.get(row["task"], row["task"]),
        "notes": _curve_notes(row, names),
        "base": None if base is None else 100 * base["accuracy"]["value"],
        "x": [point["alpha"] for point in points],
        "ticks": [say.number(point["alpha"]) for point in points],
        **_ends([point["accuracy"] for point in points]),
        "call": ["" if not point["difference"] else say.sign_of(point["difference"]) for point in points],
        "tip": [
            [
                f"alpha {say.number(point['alpha'])}: {names.variants.get(point['variant'], point['variant'])}",
                f"{say.percent(point['accuracy']['value'])} right",
                f"{names.level} interval {say.percent_span(point['accuracy'])}",
                f"{say.count(point['accuracy']['n'])} items",
                *_against_base(point["difference"]),
                f"no answer could be read in {say.percent(point['extraction_failed'])}",
                f"{point['tokens']:.0f} tokens an answer",
            ]
            for point in points
        ],
    }


def _against_base(difference: Interval | None) -> list[str]:
    if difference is None:
        return []
    return [f"against alpha 0: {say.points(difference['value'])} points ({say.points_span(difference)})"]


def _curve_notes(row: Curve, names: Names) -> list[str]:
    notes = []
    if row["best"] is not None:
        best = row["best"]
        notes.append(
            f"Best alpha {say.number(best['alpha'])}, chosen on one half of the items. On the other half it makes "
            f"{say.points(best['held_out']['value'])} points ({names.level}: {say.points_span(best['held_out'])}; "
            f"{say.count(best['held_out']['n'])} items; uncorrected p {say.p_value(best['p'])})."
        )
    if row["trend"] is not None:
        trend = row["trend"]
        notes.append(
            f"Straight line: {say.points(trend['slope']['value'])} points for each unit of alpha "
            f"({say.points_span(trend['slope'])}; uncorrected p {say.p_value(trend['p'])})."
        )
    return notes or ["Too few alphas for a trend or a best one."]


def _ends(intervals: Sequence[Interval]) -> dict[str, list[float]]:
    """Values and interval ends, in percent or points."""
    return {key: [round(100 * interval[key], 3) for interval in intervals] for key in ("value", "low", "high")}


# --- robustness


def robustness(summary: Summary) -> list[Choice]:
    """Change of accuracy under each family: a choice a benchmark, one heat map of variants by families."""
    names, under = Names.of(summary), _grouped(summary, [row["source"] for row in summary["robustness"]])
    chosen: dict[str, list[Robustness]] = defaultdict(list)
    apart = controls(summary)
    for row in summary["robustness"]:
        if row["families"] and row["variant"] not in apart:
            chosen[row["source"]].append(row)
    ordered = sorted(chosen, key=lambda source: under[source] != "")
    return [Choice(_titled(source, under, names), [_heat(source, chosen[source], names)]) for source in ordered]


def _titled(task: str, under: dict[str, str], names: Names) -> str:
    return f"{under[task]}: {names.tasks.get(task, task)}" if under[task] else names.tasks.get(task, task)


def _heat(source: str, rows: Sequence[Robustness], names: Names) -> Panel:
    families = list(dict.fromkeys(drop["family"] for row in rows for drop in row["families"]))
    squares = [(row, drop) for row in rows for drop in row["families"]]
    return {
        "title": "",
        "notes": [],
        "rows": [names.variants.get(row["variant"], row["variant"]) for row in rows],
        "columns": families,
        "row": [rows.index(row) for row, _ in squares],
        "column": [families.index(drop["family"]) for _, drop in squares],
        **_ends([drop["change"] for _, drop in squares]),
        "text": [
            say.points(drop["change"]["value"]) + names.mark(drop["task"], row["source"]) for row, drop in squares
        ],
        "call": ["edge" if drop["at_edge"] else say.sign_of(drop["change"]) for _, drop in squares],
        "tip": [_heat_tip(row, drop, names) for row, drop in squares],
    }


def _heat_tip(row: Robustness, drop: FamilyDrop, names: Names) -> list[str]:
    lines = [
        f"{names.variants.get(row['variant'], row['variant'])}, {drop['family']} prompts",
        f"clean {say.percent(row['clean']['value'])}, now {say.percent(drop['accuracy']['value'])}",
        f"change {say.points(drop['change']['value'])} points",
        f"{names.level} interval {say.points_span(drop['change'])}",
        f"{say.count(drop['change']['n'])} items: {drop['lost']} lost, {drop['won']} won",
        f"uncorrected p {say.p_value(drop['p'])}",
    ]
    if drop["drop"] is not None:
        lines.append(f"loses {say.percent(drop['drop']['value'])} of what it had ({say.percent_span(drop['drop'])})")
    if drop["at_edge"]:
        lines.append(f"at the {drop['at_edge']}: no verdict")
    return [*lines, *names.noted(drop["task"], row["source"])]


# --- did the gain survive


def survival(summary: Summary) -> list[Choice]:
    """Difference in differences: a choice a benchmark, a panel a variant, a line a family."""
    names, under = Names.of(summary), _grouped(summary, [row["source"] for row in summary["survival"]])
    chosen: dict[str, dict[str, list[Survival]]] = defaultdict(lambda: defaultdict(list))
    apart = controls(summary)
    for row in (row for row in summary["survival"] if row["variant"] not in apart):
        chosen[row["source"]][row["variant"]].append(row)
    ordered = sorted(chosen, key=lambda source: under[source] != "")
    return [Choice(_titled(source, under, names), _forests(list(chosen[source].values()), names)) for source in ordered]


def _forests(lines: Sequence[Sequence[Survival]], names: Names) -> list[Panel]:
    """The panels of one benchmark, all on one scale."""
    reach = max(abs(end) for rows in lines for row in rows for end in (row["did"]["low"], row["did"]["high"]))
    return [{**_forest(rows, names), "reach": round(100 * reach, 3)} for rows in lines]


def _forest(rows: Sequence[Survival], names: Names) -> Panel:
    first = rows[0]
    gain = first["gain_clean"]
    return {
        "title": names.variants.get(first["variant"], first["variant"]),
        "notes": [
            f"Clean gain {say.points(gain['value'])} points ({names.level}: {say.points_span(gain)}; "
            f"{say.count(gain['n'])} items)."
        ],
        "rows": [row["family"] + names.mark(row["task"], row["source"]) for row in rows],
        **_ends([row["did"] for row in rows]),
        "call": [VERDICTS.get(row["verdict"], "none") for row in rows],
        "verdict": [row["verdict"] for row in rows],
        "tip": [_survival_tip(row, names) for row in rows],
    }


def _survival_tip(row: Survival, names: Names) -> list[str]:
    lines = [
        f"{row['family']} prompts: {row['verdict']}",
        f"gain clean {say.points(row['gain_clean']['value'])} ({say.points_span(row['gain_clean'])})",
        f"gain here {say.points(row['gain_family']['value'])} ({say.points_span(row['gain_family'])})",
        f"difference of the two {say.points(row['did']['value'])}, {names.level} interval "
        f"{say.points_span(row['did'])}",
        f"uncorrected p {say.p_value(row['p'])}",
        say.corrected(row["p_holm"], *names.hypotheses("survival")),
        f"{say.count(row['n'])} items",
    ]
    if row["kept"] is not None:
        lines.append(
            f"share of the gain that is kept: {say.percent(row['kept']['value'])} ({say.percent_span(row['kept'])})"
        )
    return [*lines, row["why"], *names.noted(row["task"], row["source"])]


# --- where a difference comes from


def gains(summary: Summary) -> list[Choice]:
    """Fixed and broken items by their reason: a choice a task, a panel a variant."""
    names, under = Names.of(summary), _grouped(summary, [row["task"] for row in summary["gains"]])
    chosen: dict[tuple[str, int], list[Gains]] = defaultdict(list)
    apart = controls(summary)
    for row in summary["gains"]:
        if under[row["task"]] == "" and row["variant"] not in apart:  # one by one they are in the table
            chosen[row["task"], row["draw"]].append(row)
    several = {task for task, draw in chosen if draw != 0}

    def label(task: str, draw: int) -> str:
        return names.tasks.get(task, task) + (f" · draw {draw}" if task in several else "")

    return [Choice(label(*key), _reasons(rows, names)) for key, rows in chosen.items()]


def _reasons(rows: Sequence[Gains], names: Names) -> list[Panel]:
    reach = max((part[key] for row in rows for part in row["classes"] for key in ("fixed", "broken")), default=1)
    return [
        {
            "title": names.variants.get(row["variant"], row["variant"]),
            "notes": [
                f"{say.points(row['difference'])} points over {say.count(row['n'])} items: "
                f"{sum(part['fixed'] for part in row['classes'])} fixed, "
                f"{sum(part['broken'] for part in row['classes'])} broken."
            ],
            "rows": [CLASSES.get(part["name"], part["name"]) for part in row["classes"]],
            "fixed": [part["fixed"] for part in row["classes"]],
            "broken": [part["broken"] for part in row["classes"]],
            "reach": max(reach, 1),
            "tip": [
                [
                    CLASSES.get(part["name"], part["name"]),
                    f"{part['fixed']} fixed, {part['broken']} broken, of {say.count(row['n'])} items",
                    f"adds {say.points(part['difference'])} points",
                ]
                for part in row["classes"]
            ],
        }
        for row in rows
    ]
