"""`python -m rveval.report study=NAME`: cells -> a verdict, as a page, tables and summary.json; from the store alone.

    arguments    what is on the command line
    making       the folder of a report
    commands     what makes the cells again
    tables       summary -> tables; `formats` writes them as Markdown, CSV and LaTeX
    plain        results that plain lm-eval wrote; `plain_lines` its lines

The edge: nothing in here computes a number that is shown.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from rveval.errors import RvevalError
from rveval.show.report.arguments import HELP, parse
from rveval.show.report.making import make

__all__ = ["main"]

_log = logging.getLogger("rveval")


def main(argv: Sequence[str] | None = None) -> int:
    """Make a report (default: of `sys.argv[1:]`); returns the exit status and never raises.

    Returns:
        0 done, 2 refused (what was asked, or what the store holds), 1 failed, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or {"-h", "--help"} & set(words):
        sys.stdout.write(HELP)
        return 0 if words else 2
    try:
        for line in make(parse(words), words):
            sys.stdout.write(f"{line}\n")
        return 0
    except RvevalError as error:
        sys.stderr.write(f"refused:\n{error}\n" if error.exit_code == 2 else f"failed:\n{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: the report that was there before is still there\n")
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:  # noqa: BLE001 - the edge: what nobody foresaw ends in one line, not in a traceback
        sys.stderr.write(f"failed: {type(error).__name__}: {error} ({_kept(error)})\n")
        return 1


def _kept(error: Exception) -> str:
    try:
        folder = Path(tempfile.gettempdir()) / "rveval-logs"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"report-{time.strftime('%Y%m%d-%H%M%S')}.txt"
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="replace")
        return f"traceback: {path}"
    except OSError:
        return "no folder could be written for the traceback"
