"""index.html: the page, with its data and items in folders beside it."""

from __future__ import annotations

from collections.abc import Iterator

from rveval.show import page
from rveval.show.output import Output, output_format


@output_format("html", "index.html: a page with plots and every item, opened from the disk", items=True)
def write(output: Output) -> Iterator[str]:
    """Write the page."""
    page.write(output.report, output.folder)
    yield "index.html"
