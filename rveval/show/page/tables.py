"""Every number of the page as a table: what a screen reader, a printer, or somebody who doubts a drawing needs.

A table is text all through; the page loads it when it is opened, for a study of many tasks has thousands of lines.
"""

from __future__ import annotations

from rveval.findings.typed import Summary
from rveval.show.page import say
from rveval.show.page.names import Names
from rveval.show.page.panels import CLASSES
from rveval.show.page.table import Row, Table, label_of, percent_of, points_of, title_of
from rveval.show.page.tables_ablations import interference, null_effects, nulls, refused, sweeps
from rveval.show.page.tables_prompts import factorial, families, robustness, survival


def all_tables(summary: Summary) -> dict[str, Table]:
    """All tables of the page by key; those without rows are there too."""
    names = Names.of(summary)
    makers = (
        _comparisons,
        _pooled,
        _scores,
        _curves,
        _best,
        robustness,
        families,
        survival,
        _gains,
        factorial,
        _claims,
        _noise,
        nulls,
        null_effects,
        interference,
        sweeps,
        refused,
    )
    return {table.key: table for table in (make(summary, names) for make in makers)}


def _comparisons(summary: Summary, names: Names) -> Table:
    rows = [
        [
            label_of(names, row["variant"]),
            title_of(names, row["task"]),
            *points_of(row["difference"]),
            say.count(row["difference"]["n"]),
            say.count(row["fixed"]),
            say.count(row["broken"]),
            say.p_value(row["p"]),
            say.p_value(row["p_mid"]),
            say.p_value(row["p_holm"]),
            row["hypotheses"],
            say.points(row["detectable"]).lstrip("+"),
            "not run" if row["noise"] is None else say.points(row["noise"]).lstrip("+"),
            _call(row["call"]),
            "; ".join(names.noted(row["task"])),
        ]
        for row in summary["comparisons"]
    ]
    columns = (
        *("variant", "task", "#difference, points", f"#{names.level} interval", "#items", "#fixed", "#broken"),
        *("#p", "#mid-p", "#p, Holm", "corrected with", "#would show", "#noise", "verdict", "remarks"),
    )
    return Table("comparisons", "Every variant against its baseline, on every task", columns, rows)


def _call(call: str) -> str:
    return f"{say.SIGNS.get(call, '')} {say.CALLS.get(call, call)}".strip()


def _pooled(summary: Summary, names: Names) -> Table:
    rows = [
        [
            label_of(names, row["variant"]),
            row["family"],
            row["weights"],
            *points_of(row["difference"]),
            say.count(row["difference"]["n"]),
            say.p_value(row["p"]),
            "uncorrected" if row["p_holm"] is None else say.p_value(row["p_holm"]),
            _call(row["call"]) + (", by an uncorrected p" if row["p_holm"] is None else ""),
            say.points(row["detectable"]).lstrip("+"),
            ", ".join(title_of(names, task) for task in row["tasks"]),
            "; ".join(names.noted(*row["tasks"])),
        ]
        for row in summary["pooled"]
    ]
    columns = (
        *("variant", "prompts", "counts the same", "#difference, points", f"#{names.level} interval", "#items"),
        *("#p", "#p, Holm", "verdict", "#would show", "over", "remarks"),
    )
    return Table("pooled", "All benchmarks together", columns, rows)


def _scores(summary: Summary, names: Names) -> Table:
    rows = [
        [
            label_of(names, row["variant"]),
            title_of(names, row["task"]),
            str(row["draw"]),
            say.count(row["n"]),
            *percent_of(row["accuracy"]),
            *percent_of(row["strict"]),
            *percent_of(row["extraction_failed"]),
            *percent_of(row["truncated"]),
            f"{row['tokens']['mean']:.0f}",
            f"{row['tokens']['median']:.0f}",
            say.count(row["changed"]),
            _counts(row["left_alone"]),
            ", ".join(f"{name} {value:.4g}" for name, value in row["metrics"].items()),
            _counts(row["health"]),
            "; ".join([*([f"at the {row['edge']}"] if row["edge"] else []), *row["warnings"]]),
        ]
        for row in summary["cells"]
    ]
    columns = (
        *("variant", "task", "#draw", "#items", "#right", f"#{names.level} interval", "#right, strict reading"),
        *(f"#{names.level} interval", "#no answer read", f"#{names.level} interval", "#cut off"),
        *(f"#{names.level} interval", "#tokens, mean", "#tokens, median", "#prompts changed", "left alone"),
        *("metrics", "health", "remarks"),
    )
    return Table("scores", "Every score", columns, rows)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{what} {number}" for what, number in counts.items() if number)


def _curves(summary: Summary, names: Names) -> Table:
    rows = [
        [
            f"{row['vector']} on {row['model']}",
            title_of(names, row["task"]),
            say.number(point["alpha"]),
            *percent_of(point["accuracy"]),
            say.count(point["accuracy"]["n"]),
            *points_of(point["difference"]),
            say.percent(point["extraction_failed"]),
            f"{point['tokens']:.0f}",
        ]
        for row in summary["curves"]
        for point in row["points"]
    ]
    columns = (
        *("vector", "task", "#alpha", "#right", f"#{names.level} interval", "#items", "#against alpha 0, points"),
        *(f"#{names.level} interval", "#no answer read", "#tokens"),
    )
    return Table("curves", "Every point of every curve", columns, rows)


def _best(summary: Summary, names: Names) -> Table:
    rows: list[Row] = []
    for row in summary["curves"]:
        best, trend = row["best"], row["trend"]
        rows.append(
            [
                f"{row['vector']} on {row['model']}",
                title_of(names, row["task"]),
                *(points_of(trend["slope"]) if trend else ["too few alphas", ""]),
                say.p_value(trend["p"]) if trend else "",
                say.number(best["alpha"]) if best else "too few alphas",
                *points_of(best["held_out"] if best else None),
                say.count(best["held_out"]["n"]) if best else "",
                say.p_value(best["p"]) if best else "",
            ]
        )
    columns = (
        *("vector", "task", "#slope, points", f"#{names.level} interval", "#uncorrected p", "#best alpha"),
        *("#on the other half, points", f"#{names.level} interval", "#items", "#uncorrected p"),
    )
    return Table("best", "Trends and best alphas", columns, rows)


def _gains(summary: Summary, names: Names) -> Table:
    rows = [
        [
            label_of(names, row["variant"]),
            title_of(names, row["task"]),
            str(row["draw"]),
            CLASSES.get(part["name"], part["name"]),
            say.count(part["fixed"]),
            say.count(part["broken"]),
            say.points(part["difference"]),
            say.points(row["difference"]),
            say.count(row["n"]),
        ]
        for row in summary["gains"]
        for part in row["classes"]
    ]
    columns = (
        "variant",
        "task",
        "#draw",
        "what changed",
        "#fixed",
        "#broken",
        "#adds, points",
        "#of, points",
        "#items",
    )
    return Table("gains", "Every fixed and broken item by what changed along with it", columns, rows)


def _claims(summary: Summary, names: Names) -> Table:
    rows = [
        [
            row["text"],
            row["source"],
            title_of(names, row["task"]),
            label_of(names, row["variant"]) if row["variant"] is not None else "",
            say.points(row["claimed"]),
            *points_of(row["found"]),
            say.count(row["found"]["n"]) if row["found"] else "",
            say.points(row["detectable"]).lstrip("+") if row["detectable"] is not None else "",
            row["verdict"],
            row["why"],
        ]
        for row in summary["claims"]
    ]
    columns = (
        *("claim", "source", "task", "variant", "#claimed, points", "#found, points", f"#{names.level} interval"),
        *("#items", "#would show", "verdict", "why"),
    )
    return Table("claims", "Every published number", columns, rows)


def _noise(summary: Summary, names: Names) -> Table:
    rows = [
        [
            label_of(names, row["variant"]),
            title_of(names, row["task"]),
            str(row["draw"]),
            str(row["repeat"]),
            *points_of(row["difference"]),
            say.count(row["n"]),
            *percent_of(row["scores_differ"]),
            *percent_of(row["responses_differ"]),
            say.count(row["fixed"]),
            say.count(row["broken"]),
        ]
        for row in summary["noise"]
    ]
    level = f"#{names.level} interval"
    columns = (
        *("variant", "task", "#draw", "#repeat", "#difference, points", level, "#items", "#scores differ", level),
        *("#answers differ", level, "#right only then", "#wrong only then"),
    )
    return Table("noise", "The same weights asked again in another order", columns, rows)
