"""Every number of the page as a table: what a screen reader, a printer, or somebody who doubts a drawing needs.

A table is text all through; the page loads it when it is opened, for a study of many tasks has thousands of lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rveval.dashboard import say
from rveval.dashboard.panels import CLASSES, Names
from rveval.summary.typed import Effects, Interval, Summary

Row = list[str]


@dataclass(frozen=True)
class Table:
    """A table: its key, its name, its columns (those that hold numbers marked by a leading `#`) and its rows."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: list[Row]

    def plain(self) -> dict[str, Any]:
        """The table as the page reads it."""
        return {
            "columns": [column.lstrip("#") for column in self.columns],
            "numeric": [column.startswith("#") for column in self.columns],
            "rows": self.rows,
        }


def all_tables(summary: Summary) -> dict[str, Table]:
    """All tables of the page by key; those without rows are there too."""
    names = Names.of(summary)
    makers = (_comparisons, _pooled, _scores, _curves, _best, _robustness, _families, _survival, _gains, _factorial)
    return {table.key: table for table in (*(make(summary, names) for make in makers), _noise(summary, names))}


def _points(interval: Interval | None) -> Row:
    return [say.points(interval["value"]), say.points_span(interval)] if interval else ["", ""]


def _percent(interval: Interval | None) -> Row:
    return [say.percent(interval["value"]), say.percent_span(interval)] if interval else ["", ""]


def _title(names: Names, task: str) -> str:
    return names.tasks.get(task, task)


def _label(names: Names, variant: str) -> str:
    return names.variants.get(variant, variant)


def _comparisons(summary: Summary, names: Names) -> Table:
    rows = [
        [
            _label(names, row["variant"]),
            _title(names, row["task"]),
            *_points(row["difference"]),
            say.count(row["difference"]["n"]),
            say.count(row["fixed"]),
            say.count(row["broken"]),
            say.p_value(row["p"]),
            say.p_value(row["p_mid"]),
            say.p_value(row["p_holm"]),
            row["hypotheses"],
            say.points(row["detectable"]).lstrip("+"),
            "not run" if row["noise"] is None else say.points(row["noise"]).lstrip("+"),
            f"{say.SIGNS.get(row['call'], '')} {say.CALLS.get(row['call'], row['call'])}".strip(),
        ]
        for row in summary["comparisons"]
    ]
    columns = (
        *("variant", "task", "#difference, points", f"#{names.level} interval", "#items", "#fixed", "#broken"),
        *("#p", "#mid-p", "#p, Holm", "corrected with", "#would show", "#noise", "verdict"),
    )
    return Table("comparisons", "Every variant against its baseline, on every task", columns, rows)


def _pooled(summary: Summary, names: Names) -> Table:
    rows = [
        [
            _label(names, row["variant"]),
            row["family"],
            row["weights"],
            *_points(row["difference"]),
            say.count(row["difference"]["n"]),
            say.p_value(row["p"]),
            say.p_value(row["p_holm"]),
            say.points(row["detectable"]).lstrip("+"),
            ", ".join(_title(names, task) for task in row["tasks"]),
        ]
        for row in summary["pooled"]
    ]
    columns = (
        *("variant", "prompts", "counts the same", "#difference, points", f"#{names.level} interval", "#items"),
        *("#p", "#p, Holm", "#would show", "over"),
    )
    return Table("pooled", "All benchmarks together", columns, rows)


def _scores(summary: Summary, names: Names) -> Table:
    rows = [
        [
            _label(names, row["variant"]),
            _title(names, row["task"]),
            str(row["draw"]),
            say.count(row["n"]),
            *_percent(row["accuracy"]),
            *_percent(row["strict"]),
            *_percent(row["extraction_failed"]),
            *_percent(row["truncated"]),
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
            _title(names, row["task"]),
            say.number(point["alpha"]),
            *_percent(point["accuracy"]),
            say.count(point["accuracy"]["n"]),
            *_points(point["difference"]),
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
                _title(names, row["task"]),
                *(_points(trend["slope"]) if trend else ["too few alphas", ""]),
                say.p_value(trend["p"]) if trend else "",
                say.number(best["alpha"]) if best else "too few alphas",
                *_points(best["held_out"] if best else None),
                say.count(best["held_out"]["n"]) if best else "",
                say.p_value(best["p"]) if best else "",
            ]
        )
    columns = (
        *("vector", "task", "#slope, points", f"#{names.level} interval", "#p", "#best alpha"),
        *("#on the other half, points", f"#{names.level} interval", "#items", "#p"),
    )
    return Table("best", "Trends and best alphas", columns, rows)


def _robustness(summary: Summary, names: Names) -> Table:
    rows = [
        [
            _label(names, row["variant"]),
            _title(names, row["source"]),
            *_percent(row["clean"]),
            say.count(row["clean"]["n"]),
            *_percent(row["drop"]),
            row["worst"],
            *_percent(row["worst_accuracy"]),
            *_percent(row["right_under_all"]),
            *_percent(row["wrong_under_all"]),
            *_percent(row["consistency"]),
        ]
        for row in summary["robustness"]
    ]
    level = f"#{names.level} interval"
    columns = (
        *("variant", "benchmark", "#right, clean", level, "#items", "#mean drop rate", level, "worst family"),
        *("#right there", level, "#right under all", level, "#wrong under all", level, "#same under all", level),
    )
    return Table("robustness", "Each variant under all families together", columns, rows)


def _families(summary: Summary, names: Names) -> Table:
    rows = [
        [
            _label(names, row["variant"]),
            _title(names, row["source"]),
            drop["family"],
            *_percent(drop["accuracy"]),
            *_points(drop["change"]),
            say.count(drop["change"]["n"]),
            say.p_value(drop["p"]),
            *_percent(drop["drop"]),
            say.count(drop["lost"]),
            say.count(drop["won"]),
            f"at the {drop['at_edge']}" if drop["at_edge"] else "",
        ]
        for row in summary["robustness"]
        for drop in row["families"]
    ]
    level = f"#{names.level} interval"
    columns = (
        *("variant", "benchmark", "family", "#right", level, "#change, points", level, "#items", "#p"),
        *("#drop rate", level, "#lost", "#won", "remarks"),
    )
    return Table("families", "Each variant under each family", columns, rows)


def _survival(summary: Summary, names: Names) -> Table:
    rows = [
        [
            _label(names, row["variant"]),
            _title(names, row["source"]),
            row["family"],
            row["verdict"],
            *_points(row["gain_clean"]),
            *_points(row["gain_family"]),
            *_points(row["did"]),
            say.count(row["n"]),
            say.p_value(row["p"]),
            say.p_value(row["p_holm"]),
            *_percent(row["kept"]),
            row["why"],
        ]
        for row in summary["survival"]
    ]
    level = f"#{names.level} interval"
    columns = (
        *("variant", "benchmark", "family", "verdict", "#gain clean, points", level, "#gain here, points", level),
        *("#difference of the two", level, "#items", "#p", "#p, Holm", "#share kept", level, "why"),
    )
    return Table("survival", "Every gain under every family", columns, rows)


def _gains(summary: Summary, names: Names) -> Table:
    rows = [
        [
            _label(names, row["variant"]),
            _title(names, row["task"]),
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
    columns = ("variant", "task", "#draw", "reason", "#fixed", "#broken", "#adds, points", "#of, points", "#items")
    return Table("gains", "Every fixed and broken item by its reason", columns, rows)


def _effects(effects: Effects, sign: str) -> Iterable[tuple[str, Interval, float]]:
    for name, words in (
        ("vector", f"{sign}, plain prompt"),
        ("cue", "cue, on the base"),
        ("both", f"{sign} and cue together"),
        ("vector_with_cue", f"{sign}, with the cue"),
        ("interaction", f"interaction of {sign} and cue"),
    ):
        effect = effects[name]  # type: ignore[literal-required]
        yield words, effect["difference"], effect["p"]


def _factorial(summary: Summary, names: Names) -> Table:
    rows: list[Row] = []
    for row in summary["factorial"]:
        about = [f"{say.number(row['alpha'])} {row['vector']} on {row['model']}", _title(names, row["source"]), row["cue"]]
        rows += [[*about, f"right: {cell}", *_percent(right), say.count(right["n"]), ""] for cell, right in row["cells"].items()]
        signed: Sequence[tuple[Effects | None, str]] = ((row["plus"], "v"), (row["minus"], f"{say.MINUS}v"))
        for effects, sign in signed:
            for words, difference, p in _effects(effects, sign) if effects else ():
                rows.append([*about, words, *_points(difference), say.count(difference["n"]), say.p_value(p)])
    columns = ("vector v", "benchmark", "cue", "what", "#number", f"#{names.level} interval", "#items", "#p")
    return Table("factorial", "Prompt by vector", columns, rows)


def _noise(summary: Summary, names: Names) -> Table:
    rows = [
        [
            _label(names, row["variant"]),
            _title(names, row["task"]),
            str(row["draw"]),
            str(row["repeat"]),
            *_points(row["difference"]),
            say.count(row["n"]),
            *_percent(row["scores_differ"]),
            *_percent(row["responses_differ"]),
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
