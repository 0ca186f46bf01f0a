"""Cell -> lm-eval -> records: our own `LM` over our engine, tasks built once, samples with what lm-eval drops.

lm-eval asks and vLLM answers; `lm` sits between them and keeps the finish reason, token counts and log-probability of
every answer beside its text, `samples` turns both into the lines of a cell.
"""

from __future__ import annotations

from rveval.run.harness.run import run_cell

__all__ = ["run_cell"]
