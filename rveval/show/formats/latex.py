"""table.tex: the tables that a paper shows, with booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rveval.findings import Row, Table
from rveval.show import wording
from rveval.show.output import Output, output_format
from rveval.show.tables import heading, tables

_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{character: "\\" + character for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


@output_format("latex", "table.tex: the main tables for a paper, with booktabs")
def write(output: Output) -> Iterator[str]:
    """Write table.tex."""
    command = " ".join(wording.visible(output.report.made["command"]).split())
    lines = [f"% {command}", "% needs \\usepackage{booktabs}"]
    for table in tables(output.report):
        if table.paper:
            lines += ["", *_table(table)]
    (output.folder / "table.tex").write_text("\n".join(lines) + "\n", encoding="utf-8", errors="backslashreplace")
    yield "table.tex"


def _table(table: Table) -> Iterator[str]:
    columns = [place for place, column in enumerate(table.columns) if column.paper]
    end = "" if table.title.endswith("?") else "."
    yield r"\begin{table}"
    yield r"\centering\small"
    yield rf"\caption{{{escaped(table.title)}{end} {escaped(table.note)}}}"
    yield rf"\begin{{tabular}}{{{'l' * len(columns)}}}"
    yield r"\toprule"
    yield " & ".join(escaped(heading(table.columns[place])) for place in columns) + r" \\"
    yield r"\midrule"
    yield from (" & ".join(_cell(row, place) for place in columns) + r" \\" for row in table.rows)
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _cell(row: Row, place: int) -> str:
    texts = [(escaped(text), counts) for text, counts in wording.parts(row.values[place])]
    return "".join(rf"\textbf{{{text}}}" if counts else text for text, counts in texts)


def escaped(text: str) -> str:
    """A text that LaTeX shows as it stands, in one line; a minus before a number is one.

    >>> escaped("50% of -1")
    '50\\\\% of $-$1'
    """
    line = re.sub(r"\s+", " ", wording.visible(text))
    whole = "".join(_SPECIAL.get(character, character) for character in line)
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", whole)
