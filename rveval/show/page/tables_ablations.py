"""The tables that speak of ablations: null controls, several vectors together, sweeps, what was refused."""

from __future__ import annotations

from rveval.findings.typed import Interference, Summary
from rveval.show.page import say
from rveval.show.page.names import Names
from rveval.show.page.panels_ablations import swept
from rveval.show.page.table import Table, label_of, points_of, title_of

SUMS = {
    "better": "more than the sum",
    "worse": "less than the sum",
    "unclear": "can't be told from adding up",
    "edge": "no verdict: at the floor or the ceiling",
}


def nulls(summary: Summary, names: Names) -> Table:
    """Every real vector among its null controls of each kind."""
    rows = [
        [
            label_of(names, row["variant"]),
            title_of(names, row["task"]),
            row["kind"],
            *points_of(row["real"]),
            say.count(row["real"]["n"]),
            str(row["n"]),
            *(say.points(value) for value in (row["lowest"], row["mean"], row["highest"])),
            "more help" if row["question"] == "help" else "more harm",
            str(row["reached"]),
            say.percent(row["beaten"]),
            say.p_value(row["p"]),
            say.p_value(row["smallest_p"]),
            row["said"],
            "; ".join(names.noted(row["task"])),
        ]
        for row in summary["nulls"]
    ]
    columns = (
        *("variant", "task", "null control", "#difference, points", f"#{names.level} interval", "#items", "#nulls"),
        *("#nulls, lowest", "#mean", "#highest", "asked", "#reach it", "#beaten", "#uncorrected p", "#p at best"),
        *("in words", "remarks"),
    )
    return Table("nulls", "Every vector among its null controls", columns, rows)


def null_effects(summary: Summary, names: Names) -> Table:
    """Every null control's own difference, beside that of the vector it is a control of."""
    rows = [
        [
            label_of(names, row["variant"]),
            title_of(names, row["task"]),
            row["kind"],
            label_of(names, one["variant"]),
            *points_of(one["difference"]),
            say.count(one["difference"]["n"]),
            say.points(row["real"]["value"]),
        ]
        for row in summary["nulls"]
        for one in row["nulls"]
    ]
    columns = (
        *("variant", "task", "null control", "which", "#difference, points", f"#{names.level} interval", "#items"),
        "#the real one, points",
    )
    return Table("null_effects", "Every null control, from the lowest up", columns, rows)


def interference(summary: Summary, names: Names) -> Table:
    """Several vectors together against the sum of each alone."""
    rows = [
        [
            label_of(names, row["variant"]),
            title_of(names, row["task"]),
            *points_of(row["together"]),
            alone(row, names),
            *points_of(row["total"]),
            *points_of(row["interference"]),
            say.count(row["interference"]["n"]),
            say.p_value(row["p"]),
            say.p_value(row["p_holm"]),
            say.points(row["detectable"]).lstrip("+"),
            called(row),
            "; ".join(names.noted(row["task"])),
        ]
        for row in summary["interference"]
    ]
    level = f"#{names.level} interval"
    columns = (
        *("variant", "task", "#together, points", level, "each alone", "#sum, points", level),
        *("#together less the sum", level, "#items", "#p", "#p, Holm", "#would show", "verdict", "remarks"),
    )
    return Table("interference", "Every set of vectors, together and alone", columns, rows)


def alone(row: Interference, names: Names) -> str:
    """What each gives alone: "tiny + 1 a: +3.0; tiny + 1 b: +2.0"."""
    return "; ".join(
        f"{label_of(names, one['variant'])}: {say.points(one['difference']['value'])}" for one in row["alone"]
    )


def called(row: Interference) -> str:
    """What may be said of it, and where the sum itself can't be reached."""
    beyond = {"ceiling": "the base has less to gain than the sum", "floor": "the base has less to lose than the sum"}
    parts = [SUMS.get(row["call"], row["call"]), beyond.get(row["beyond"], "")]
    return ", ".join(filter(None, parts))


def sweeps(summary: Summary, names: Names) -> Table:
    """Every point of every sweep."""
    rows = [
        [
            swept(row),
            f"{say.number(row['alpha'])} {row['vector']} on {row['model']}",
            title_of(names, row["task"]),
            point["value"],
            *points_of(point["difference"]),
            say.count(point["difference"]["n"]),
            f"{say.SIGNS.get(point['call'], '')} {say.CALLS.get(point['call'], point['call'])}".strip(),
            label_of(names, point["variant"]),
            "; ".join(names.noted(row["task"])),
        ]
        for row in summary["sweeps"]
        for point in row["points"]
    ]
    columns = (
        *("sweep", "vector", "task", "value", "#difference, points", f"#{names.level} interval", "#items"),
        *("verdict", "variant", "remarks"),
    )
    return Table("sweeps", "Every point of every sweep", columns, rows)


def refused(summary: Summary, names: Names) -> Table:
    """Everything that does not fit, of every refused variant."""
    rows = [
        [row["label"], row["study"], one["what"], one["where"], one["expected"], one["found"], one["fix"]]
        for row in summary["refused"]
        for one in row["problems"]
    ]
    columns = ("variant", "study", "what", "where", "expected", "found", "what to do")
    return Table("refused", "Everything that does not fit", columns, rows)
