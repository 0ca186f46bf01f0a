"""table.md: the verdict and the tables, for reading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rveval.findings import Report, Table, Value
from rveval.show import wording
from rveval.show.output import Output, output_format
from rveval.show.tables import heading, tables


@output_format("md", "table.md: the verdict and the tables, for reading")
def write(output: Output) -> Iterator[str]:
    """Write table.md."""
    text = "\n".join(_lines(output.report)) + "\n"
    (output.folder / "table.md").write_text(text, encoding="utf-8", errors="backslashreplace")
    yield "table.md"


def _lines(report: Report) -> Iterator[str]:
    made = report.made
    yield from (f"# {escaped(', '.join(made['studies']))}", "", f"**{escaped(report.verdict['sentence'])}**", "")
    yield from (f"- {escaped(point['text'])}" for point in report.verdict["points"])
    for table in tables(report):
        yield from ("", f"## {escaped(table.title)}", "", *_table(table))
        if table.note:
            yield from ("", escaped(table.note))
    yield from ("", "## How it was made", "")
    commands = [*report.provenance["commands"], made["command"]]
    yield from (f"    {wording.visible(' '.join(command.split()))}" for command in commands if command)
    yield from ("", escaped(f"rveval {made['rveval']}, {made['created']}, from {made['source']}"))


def _table(table: Table) -> Iterator[str]:
    yield _line([escaped(heading(column)) for column in table.columns])
    yield f"|{'---|' * len(table.columns)}"
    for row in table.rows:
        yield _line([_cell(value) for value in row.values])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Value) -> str:
    return "".join(f"**{escaped(text)}**" if counts else escaped(text) for text, counts in wording.parts(value))


def escaped(text: str) -> str:
    """A text that Markdown shows as it stands, in one line.

    >>> escaped("a|b *c*")
    'a\\\\|b \\\\*c\\\\*'
    """
    return re.sub(r"([\\`|<>\[\]_*])", r"\\\1", " ".join(wording.visible(text).split()))
