"""The tables that speak of changed prompts: robustness, survival, prompt by vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rveval.findings.typed import Effects, Interval, Summary
from rveval.show.page import say
from rveval.show.page.names import Names
from rveval.show.page.table import Row, Table, label_of, percent_of, points_of, title_of


def robustness(summary: Summary, names: Names) -> Table:
    """Each variant under all families together."""
    rows = [
        [
            label_of(names, row["variant"]),
            title_of(names, row["source"]),
            *percent_of(row["clean"]),
            say.count(row["clean"]["n"]),
            *percent_of(row["drop"]),
            row["worst"],
            *percent_of(row["worst_accuracy"]),
            *percent_of(row["right_under_all"]),
            *percent_of(row["wrong_under_all"]),
            *percent_of(row["consistency"]),
            "; ".join(names.noted(row["source"], *(drop["task"] for drop in row["families"]))),
        ]
        for row in summary["robustness"]
    ]
    level = f"#{names.level} interval"
    columns = (
        *("variant", "benchmark", "#right, clean", level, "#items", "#mean drop rate", level, "worst family"),
        *(
            "#right there",
            level,
            "#right under all",
            level,
            "#wrong under all",
            level,
            "#same under all",
            level,
            "remarks",
        ),
    )
    return Table("robustness", "Each variant under all families together", columns, rows)


def families(summary: Summary, names: Names) -> Table:
    """Each variant under each family."""
    rows = [
        [
            label_of(names, row["variant"]),
            title_of(names, row["source"]),
            drop["family"],
            *percent_of(drop["accuracy"]),
            *points_of(drop["change"]),
            say.count(drop["change"]["n"]),
            say.p_value(drop["p"]),
            *percent_of(drop["drop"]),
            say.count(drop["lost"]),
            say.count(drop["won"]),
            "; ".join(
                [
                    *([f"at the {drop['at_edge']}"] if drop["at_edge"] else []),
                    *names.noted(drop["task"], row["source"]),
                ]
            ),
        ]
        for row in summary["robustness"]
        for drop in row["families"]
    ]
    level = f"#{names.level} interval"
    columns = (
        *("variant", "benchmark", "family", "#right", level, "#change, points", level, "#items", "#uncorrected p"),
        *("#drop rate", level, "#lost", "#won", "remarks"),
    )
    return Table("families", "Each variant under each family", columns, rows)


def survival(summary: Summary, names: Names) -> Table:
    """Every gain under every family."""
    rows = [
        [
            label_of(names, row["variant"]),
            title_of(names, row["source"]),
            row["family"],
            row["verdict"],
            *points_of(row["gain_clean"]),
            *points_of(row["gain_family"]),
            *points_of(row["did"]),
            say.count(row["n"]),
            say.p_value(row["p"]),
            say.p_value(row["p_holm"]),
            *percent_of(row["kept"]),
            row["why"],
            "; ".join(names.noted(row["task"], row["source"])),
        ]
        for row in summary["survival"]
    ]
    level = f"#{names.level} interval"
    columns = (
        *("variant", "benchmark", "family", "verdict", "#gain clean, points", level, "#gain here, points", level),
        *("#difference of the two", level, "#items", "#p", "#p, Holm", "#share kept", level, "why", "remarks"),
    )
    return Table("survival", "Every gain under every family", columns, rows)


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


def factorial(summary: Summary, names: Names) -> Table:
    """Prompt by vector: scores, then effects."""
    rows: list[Row] = []
    for row in summary["factorial"]:
        about = [
            f"{say.number(row['alpha'])} {row['vector']} on {row['model']}",
            title_of(names, row["source"]),
            row["cue"],
        ]
        rows += [
            [*about, f"right: {cell}", *percent_of(right), say.count(right["n"]), ""]
            for cell, right in row["cells"].items()
        ]
        signed: Sequence[tuple[Effects | None, str]] = ((row["plus"], "v"), (row["minus"], f"{say.MINUS}v"))
        for effects, sign in signed:
            for words, difference, p in _effects(effects, sign) if effects else ():
                rows.append([*about, words, *points_of(difference), say.count(difference["n"]), say.p_value(p)])
    columns = (
        "vector v",
        "benchmark",
        "cue",
        "what",
        "#number",
        f"#{names.level} interval",
        "#items",
        "#uncorrected p",
    )
    return Table("factorial", "Prompt by vector", columns, rows)
