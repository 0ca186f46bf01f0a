"""What a study says, for people: terminal, page, Markdown, CSV, LaTeX, JSON, W&B; each walks over the same findings.

wording    how values are written, in one notation
output     the formats of a report, where each of `formats/` registers itself
terminal   the tables at the end of a run, the lines of a verdict
report     the verb that writes a report; `verbs` is what it shares with `tracking.track`
page/      the site behind the format html
tracking/  the W&B mirror
lm_eval_*  results of plain lm-eval, read as if they were a store
"""

from __future__ import annotations

from rveval.show.terminal import console, end_of_run

__all__ = ["console", "end_of_run"]
