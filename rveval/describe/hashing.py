"""The hashes that the gate asks for, of all files at once: it hashes one checkpoint after the other.

What is hashed is remembered by `fingerprints`, so that the gate finds it there. Nothing depends on this but the time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, zip_longest
from pathlib import Path

from rveval.checkpoints import Checkpoint
from rveval.checkpoints.fingerprints import file_hash
from rveval.describe.stream import progress


def hash_ahead(checkpoints: Iterable[Checkpoint]) -> None:
    """Hash the files of all checkpoints on all processors, and show how far it is.

    The first files of all checkpoints come first, then their second ones: who reads the tensors from the last to the
    first finds the last of all of them in memory.
    """
    # The hash of a saved delta begins after its header.
    several = [one.files for one in checkpoints if one.folder.is_dir()]
    files = list(dict.fromkeys(file for file in chain(*zip_longest(*several)) if file is not None))
    if not files:
        return
    workers = min(len(files), len(os.sched_getaffinity(0)))
    with progress("hashing files", sum(file.stat().st_size for file in files)) as tick:

        def one(file: Path) -> None:
            size = file.stat().st_size
            with contextlib.suppress(OSError):  # the gate meets it again, and says so
                file_hash(file)
            tick(size)

        pool = ThreadPoolExecutor(workers, "hash")
        try:
            for done in [pool.submit(one, file) for file in files]:
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)
