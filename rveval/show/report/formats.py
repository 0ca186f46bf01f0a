"""Summary -> `table.md` for reading, `table.tex` for a paper (booktabs), `csv/*.csv` for whoever computes on."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rveval.findings.typed import Summary
from rveval.show.report.tables import shown
from rveval.show.report.tables_ablations import IN_WORDS, NULLS, TOGETHER
from rveval.show.report.texts import STRONG, Shown, labels

_LISTS = (
    *("variants", "tasks", "cells", "comparisons", "pooled", "robustness", "survival", "gains", "noise", "claims"),
    *("nulls", "interference", "sweeps", "refused"),
)
_IN_A_PAPER = ("Benchmarks", NULLS, TOGETHER, "Did the gain survive?", "Robustness")
_TOO_LONG = ("why", IN_WORDS)
_TEX = {
    "\\": r"\textbackslash{}",
    **{mark: "\\" + mark for mark in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def markdown(found: Summary) -> str:
    """The verdict and all tables."""
    made = found["made"]
    lines = [f"# {_md(', '.join(made['studies']))}", "", f"**{_md(found['verdict']['sentence'])}**", ""]
    lines += [f"- {_md(point['text'])}" for point in found["verdict"]["points"]]
    for table in shown(found):
        lines += ["", f"## {table.title}", "", *_md_table(table)]
        lines += ["", table.note] if table.note else []
    lines += ["", "## How it was made", ""]
    lines += [f"    {command}" for command in [*found["provenance"]["commands"], made["command"]] if command]
    lines += ["", f"rveval {made['rveval']}, {made['created']}, from {_md(made['source'])}"]
    return "\n".join(lines) + "\n"


def _md_table(table: Shown) -> Iterator[str]:
    yield f"| {' | '.join(map(_md, table.headings))} |"
    yield f"|{'---|' * len(table.headings)}"
    for row in table.rows:
        yield f"| {' | '.join(map(_md, row))} |"


def _md(text: str) -> str:
    """A text that is shown as it stands; bold stays."""
    plain = " ".join(text.split())
    escaped = re.sub(r"([\\`|<>\[\]_])", r"\\\1", plain)
    return re.sub(r"(?<!\*)\*(?!\*)", r"\\*", escaped)


def latex(found: Summary) -> str:
    """The tables that a paper shows; needs `\\usepackage{booktabs}`."""
    lines = [f"% {found['made']['command']}", "% needs \\usepackage{booktabs}"]
    for table in shown(found):
        if table.title in _IN_A_PAPER:
            lines += ["", *_tex_table(table)]
    return "\n".join(lines) + "\n"


def _tex_table(table: Shown) -> Iterator[str]:
    keep = [place for place, name in enumerate(table.headings) if name not in _TOO_LONG]
    yield r"\begin{table}"
    yield r"\centering\small"
    yield rf"\caption{{{_tex(table.title)}{'' if table.title.endswith('?') else '.'} {_tex(table.note)}}}"
    yield rf"\begin{{tabular}}{{{'l' * len(keep)}}}"
    yield r"\toprule"
    yield " & ".join(_tex(table.headings[place]) for place in keep) + r" \\"
    yield r"\midrule"
    for row in table.rows:
        yield " & ".join(_tex(row[place]) for place in keep) + r" \\"
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _tex(text: str) -> str:
    """A text that LaTeX shows as it stands; what counts is bold, and a minus is one."""
    parts = text.split(STRONG)
    done = ["".join(_TEX.get(mark, mark) for mark in part) for part in parts]
    whole = "".join(rf"\textbf{{{part}}}" if place % 2 else part for place, part in enumerate(done))
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", whole)


def csv_files(found: Summary) -> dict[str, str]:
    """Every list of the summary as CSV at full precision; nested values get dotted columns, lists are JSON.

    Where a row names a variant by its id, its label stands beside it: it says what was forced.
    """
    files, known = {}, labels(found)
    for name in _LISTS:
        rows = [dict(_flat(_labelled(row, known))) for row in found[name]]  # type: ignore[literal-required]
        if rows:
            out = io.StringIO()
            writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)), restval="")
            writer.writeheader()
            writer.writerows(rows)
            files[f"{name}.csv"] = out.getvalue()
    return files


def _labelled(row: Mapping[str, Any], known: Mapping[str, str]) -> Mapping[str, Any]:
    label = known.get(row.get("variant") or "")
    return {"label": label, **row} if label is not None else row


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield (
                prefix + key,
                json.dumps(value) if isinstance(value, Sequence) and not isinstance(value, str) else value,
            )
