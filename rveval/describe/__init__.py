"""`python -m rveval.describe model=... vector=... alpha=...`: what would be added to a model, before anything is run.

    arguments    the keys that a run does not have, and the words of --help
    opening      the gate: what is described, and what it is compared with
    hashing      the files' hashes that the gate asks for, of all files at once
    making       from a config to what is printed and written
    formula      the variant in words and symbols
    sums         what is added up over entries; tensors, groups and totals are the same sums
    measure      one tensor, read once
    pieces       one piece of one tensor, as the engine computes it
    loops        loops over the entries of a piece, compiled
    ranks        the effective rank of a matrix from one reading
    stream       all tensors: threads, progress, pages that are let go
    tables       what is printed
    picture      the heat map
    files        vector.json and its schema; every file whole or not there
    saving       the vector as one file
    pages        memory-mapped pages, asked for and let go

Importing this package does not import torch.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from rveval.cli import main as through_hydra
from rveval.describe.arguments import HELP, parse
from rveval.describe.making import describe
from rveval.errors import Refused

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Describe a command line (default: `sys.argv[1:]`); returns the exit status and never raises.

    Returns:
        0 done, 2 refused (the command line, the config, donors that do not fit), 1 failed, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(words):
        sys.stdout.write(HELP)
        return 0
    try:
        asked, others = parse(words)
    except Refused as refused:
        sys.stderr.write(f"refused:\n{refused}\n")
        return refused.exit_code
    return through_hydra(others, partial(describe, asked))
