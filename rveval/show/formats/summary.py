"""summary.json: everything that a report says, as data; the other formats show parts of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rveval.show.output import Output, output_format


@output_format("json", "summary.json, which is always written: every number")
def write(output: Output) -> Iterator[str]:
    """Write summary.json."""
    text = json.dumps(output.report.summary(), ensure_ascii=False, allow_nan=False, indent=1)
    (output.folder / "summary.json").write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    yield "summary.json"
