"""`python -m rveval.plan model=... suite=robust`: what a run would ask, how much of it is in the store, and its size.

Takes the keys of a run. Starts nothing; a sweep (-m) is planned as a whole.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rveval.cli import main as through_the_edge
from rveval.run import listing


def main(argv: Sequence[str] | None = None) -> int:
    """Plan a command line (default: `sys.argv[1:]`); returns the exit status."""
    return through_the_edge(argv, show=listing.cost)


if __name__ == "__main__":
    sys.exit(main())
