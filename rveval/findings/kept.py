"""How much of a gain is kept under other prompts, in words that claim no more than the rule of survival does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from rveval import stats
from rveval.findings.typed import Survival

_MANY = 4  # benchmarks or families named one by one

Title = Callable[[str], str]
"""What a task is called."""


def kept(title: Title, rows: Sequence[Survival]) -> str:
    """How much of the gains is kept, verdict by verdict: the families, and where not in all benchmarks, in which."""
    if len(rows) > 2 * _MANY:
        return _counted(title, rows)
    words = {
        "survived": f"at least {_share(rows, 'survived')} of the gain is kept under",
        "lost": f"less than {_share(rows, 'lost')} of the gain is kept under",
        "inconclusive": "how much is kept is open under",
        "no verdict": "it can't be judged under",
        "no gain to survive": "the gain is too small to judge under",
    }
    clauses = []
    for verdict, said in words.items():
        if here := [row for row in rows if row["verdict"] == verdict]:
            smaller = [row for row in here if verdict == "survived" and _smaller(row)]
            aside = f" (smaller under {_families(title, smaller, rows)})" if smaller else ""
            clauses.append(f"{said} {_families(title, here, rows)}{aside}")
    return ", and ".join(clauses)


def _share(rows: Sequence[Survival], verdict: str) -> str:
    """The share of a gain that all intervals of a verdict agree on: half, wherever that is true."""
    shares = [row["kept"] for row in rows if row["verdict"] == verdict and row["kept"]]
    if verdict == "survived":
        least = min((one["low"] for one in shares), default=0.5)
        return "half" if least >= 0.5 else f"{math.floor(100 * least)}%"
    most = max((one["high"] for one in shares), default=0.5)
    return "half" if most <= 0.5 else f"{math.ceil(100 * most)}%"


def _smaller(row: Survival) -> bool:
    """Is the gain under the family smaller than the clean one, after Holm and by its interval?"""
    return row["p_holm"] is not None and row["p_holm"] < 1 - stats.LEVEL and row["did"]["high"] < 0


def _families(title: Title, here: Sequence[Survival], rows: Sequence[Survival]) -> str:
    """`distractor and think (on sciq)`: where a family was asked of more benchmarks than these, on which."""
    on: dict[str, list[str]] = {}
    for row in here:
        on.setdefault(row["family"], []).append(title(row["source"]))
    asked = {name: sum(row["family"] == name for row in rows) for name in on}
    named = [name if len(titles) == asked[name] else f"{name} {_on(titles)}" for name, titles in on.items()]
    return " and ".join(named) if len(named) == 2 else listed(named)


def _counted(title: Title, rows: Sequence[Survival]) -> str:
    """Too many to be named: how often the gain is kept, and where it is not."""
    lost = [f"{row['family']} on {title(row['source'])}" for row in rows if row["verdict"] == "lost"]
    held = [row for row in rows if row["verdict"] == "survived"]
    smaller = sum(map(_smaller, held))
    clauses = [f"at least {_share(rows, 'survived')} of the gain is kept in {len(held)} (smaller in {smaller})"]
    clauses.append(f"less than {_share(rows, 'lost')} in {len(lost)}{f' ({listed(lost)})' if lost else ''}")
    clauses.append(f"open in {len(rows) - len(held) - len(lost)}")
    return f"of {len(rows)} pairs of a benchmark and a family, {', '.join(clauses)}"


def _on(titles: Sequence[str]) -> str:
    """Where: two benchmarks by name, more by their number."""
    return f"on {' and '.join(titles)}" if len(titles) < 3 else f"on {len(titles)} benchmarks"


def listed(texts: Iterable[str], between: str = ", ") -> str:
    """The first few by name, the rest by their number."""
    known = list(texts)
    more = f" and {len(known) - _MANY} more" if len(known) > _MANY else ""
    return between.join(known[:_MANY]) + more
