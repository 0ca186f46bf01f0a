"""The W&B mirror: one run for each variant as it was asked, one for the study's report, all grouped by study.

The files in the store are the truth and this is a copy for looking at (law 7). Ids of runs are hashes of what a run
shows, so mirroring again (a resumed job, `python -m rveval.track`) goes to the run that is there and makes no second.

    live       at the end of each job: `start`, `summarise`; nothing in it may cost a cell, a failure is a warning
    rebuild    from the store, at any time; a failure is an error
    mirror     what a run shows: a cell, a report
    groups     which cells make one run, and its id
    client     the real client: runs, their folders, what it leaves on the disk
    workspace  a saved workspace for comparing the runs of a study
    verb       `python -m rveval.track`
"""

from __future__ import annotations

from rveval.show.tracking.live import Job, start, summarise

__all__ = ["Job", "start", "summarise"]
