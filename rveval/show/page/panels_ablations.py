"""What the plots of ablations show: the real vector over the strip of its null controls, and the sweeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rveval.findings.typed import Interval, NullEffect, NullRow, Summary, Sweep, SweepPoint
from rveval.show.page import say
from rveval.show.page.choice import Choice, Panel
from rveval.show.page.names import Names


def _shown(summary: Summary) -> set[str]:
    """The tasks of the main table; members of groups are in the tables one by one."""
    return {row["task"] for row in summary["tasks"] if row["shown"]}


def nulls(summary: Summary) -> list[Choice]:
    """Would any vector do? A choice a task, a panel a real vector, a strip of nulls for each kind of them."""
    names, shown = Names.of(summary), _shown(summary)
    chosen: dict[str, dict[str, list[NullRow]]] = defaultdict(lambda: defaultdict(list))
    for row in summary["nulls"]:
        if row["task"] in shown:
            chosen[row["task"]][row["variant"]].append(row)
    return [Choice(names.tasks.get(task, task), _strips(list(lines.values()), names)) for task, lines in chosen.items()]


def _strips(lines: Sequence[Sequence[NullRow]], names: Names) -> list[Panel]:
    """The panels of one task, all on one scale."""
    every = [row for rows in lines for row in rows]
    low = min(0.0, *(min(row["lowest"], row["real"]["low"]) for row in every))
    high = max(0.0, *(max(row["highest"], row["real"]["high"]) for row in every))
    return [{**_strip(rows, names), "from": round(100 * low, 3), "to": round(100 * high, 3)} for rows in lines]


def _strip(rows: Sequence[NullRow], names: Names) -> Panel:
    real = rows[0]["real"]
    label = names.variants.get(rows[0]["variant"], rows[0]["variant"])
    dots = [(at, one) for at, row in enumerate(rows) for one in row["nulls"]]
    return {
        "title": label,
        "notes": [f"{row['kind']}: {row['said'].replace('(p =', '(uncorrected p =')}." for row in rows],
        "rows": [row["kind"] for row in rows],
        "real": [round(100 * real[key], 3) for key in ("value", "low", "high")],
        "call": rows[0]["call"],
        "row": [at for at, _ in dots],
        "value": [round(100 * one["difference"]["value"], 3) for _, one in dots],
        "tip": [_null_tip(one, rows[at], names) for at, one in dots],
        "realtip": [_real_tip(row, label, names) for row in rows],
    }


def _null_tip(one: NullEffect, row: NullRow, names: Names) -> list[str]:
    return [
        f"{names.variants.get(one['variant'], one['variant'])}: null control ({row['kind']})",
        *_against(one["difference"], names),
        *names.noted(row["task"]),
    ]


def _real_tip(row: NullRow, label: str, names: Names) -> list[str]:
    question = "does it help" if row["question"] == "help" else "does it harm"
    return [
        f"{label}: the real vector",
        *_against(row["real"], names),
        f"{question} more than its null controls ({row['kind']})? {row['reached']} of {row['n']} reach it",
        f"uncorrected p {say.p_value(row['p'])}; so many nulls can give {say.p_value(row['smallest_p'])} at best",
        *names.noted(row["task"]),
    ]


def _against(difference: Interval, names: Names) -> list[str]:
    return [
        f"against the baseline {say.points(difference['value'])} points",
        f"{names.level} interval {say.points_span(difference)}",
        f"{say.count(difference['n'])} items",
    ]


def sweeps(summary: Summary) -> list[Choice]:
    """Lines that differ in one thing: a choice a sweep and family of prompts, a panel a task, a line a value."""
    names, shown = Names.of(summary), _shown(summary)
    chosen: dict[tuple[str, ...], list[Sweep]] = defaultdict(list)
    for row in summary["sweeps"]:
        if row["task"] in shown:
            vector = f"{say.number(row['alpha'])} {row['vector']} on {row['model']}"
            chosen[swept(row), vector, f"{row['family']} prompts"].append(row)
    return [Choice(" · ".join(key), _swept(rows, names)) for key, rows in chosen.items()]


def swept(row: Sweep) -> str:
    """What a sweep runs over: "by density of trim"."""
    return f"by {row['by']}" + (f" of {row['step']}" if row["step"] else "")


def _swept(rows: Sequence[Sweep], names: Names) -> list[Panel]:
    """The panels of one sweep, all on one scale."""
    ends = [abs(point["difference"][end]) for row in rows for point in row["points"] for end in ("low", "high")]
    return [{**_line(row, names), "reach": round(100 * max(ends), 3)} for row in rows]


def _line(row: Sweep, names: Names) -> Panel:
    points = row["points"]

    def column(name: str) -> list[float]:
        return [round(100 * point["difference"][name], 3) for point in points]  # type: ignore[literal-required]

    return {
        "title": names.tasks.get(row["task"], row["task"]),
        "notes": [],
        "axis": "against the baseline, points",
        "rows": [point["value"] for point in points],
        **{name: column(name) for name in ("value", "low", "high")},
        "call": [point["call"] for point in points],
        "tip": [_point_tip(point, row, names) for point in points],
    }


def _point_tip(point: SweepPoint, row: Sweep, names: Names) -> list[str]:
    called = say.CALLS.get(point["call"], point["call"])
    return [
        f"{names.variants.get(point['variant'], point['variant'])}: {called}",
        *_against(point["difference"], names),
        *names.noted(row["task"]),
    ]
