"""What stands on the screen when the jobs of a command line are over: the table of every study that was touched."""

from __future__ import annotations

import logging
from pathlib import Path

from rveval.store import Store

log = logging.getLogger("rveval")


def show(place: Path, study: str, fresh: set[str]) -> None:
    """Print a study's cells, the variants that were refused, and where to go from there.

    Args:
        place: the store.
        study: its name.
        fresh: ids of the cells that this command line ran.

    Raises:
        Refused: something in the store was damaged.
    """
    from rveval import findings as summary
    from rveval.show import table

    store = Store(place)
    if not (place / "studies" / study).is_dir():
        return  # nothing got as far as a cell; why was said
    rows, refusals = summary.compare(store, study), store.refusals(study)
    console = table.console()
    for one in (*table.comparison(rows, fresh, console.width), *table.refused(refusals)):
        console.print(one)
    for label, cell_id in summary.missing(store, study):
        log.warning("warning: %s lists the cell %s, which is not in the store any more", label, cell_id)
    where = f"stored in {place / 'cells'}, listed in {place / 'studies' / study}"
    console.print(where, highlight=False, markup=False, soft_wrap=True)
    if rows:
        command = f"python -m rveval.report study={study}" + ("" if str(place) == "runs" else f" store={place}")
        console.print(f"the verdict, as a page: {command}", highlight=False, markup=False, soft_wrap=True)
