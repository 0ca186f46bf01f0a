"""The W&B mirror: one run for each variant as it was asked, one for the study's summary, all grouped by study.

The files in the store are the truth and this is a copy for looking at (law 7). Ids of runs are hashes of what a run
shows, so mirroring again (a resumed job, `python -m rveval.track`) goes to the run that is there and makes no second.

    live       during a run: `start`, `Run`, `summarise`; nothing in it may cost a cell, a failure is a warning
    study      from the store, at any time: `rebuild`; a failure is an error
    groups     which cells make one run, and its id
    cells      a cell -> numbers and rows of its table
    tables     the summary -> tables and curves
    client     the real client: runs, their folders, what it leaves on the disk
    workspace  a saved workspace for comparing the runs of a study
"""

from __future__ import annotations

from rveval.show.tracking.cells import CELL_CHARACTERS, RUN_ROWS, TABLE_COLUMNS, TABLE_ROWS
from rveval.show.tracking.client import Place
from rveval.show.tracking.live import Run, start, summarise
from rveval.show.tracking.study import Mirrored, place_of, rebuild

__all__ = [
    "CELL_CHARACTERS",
    "RUN_ROWS",
    "TABLE_COLUMNS",
    "TABLE_ROWS",
    "Mirrored",
    "Place",
    "Run",
    "place_of",
    "rebuild",
    "start",
    "summarise",
]
