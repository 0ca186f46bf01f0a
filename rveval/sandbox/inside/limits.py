"""The limits that a process puts on itself before it runs anything of a model's; there is no way back up from them."""

from __future__ import annotations

import resource

MEMORY = 2**30
"""Bytes of address space."""
FILE = 16 * 2**20
"""Bytes of one written file."""
OPEN_FILES = 64


def lower(seconds: float) -> None:
    """Limit this process and all that it starts: memory, CPU time, written bytes, open files, no core dump.

    CPU time is the second line behind the clock of whoever started this: it ends what outlives that, and a program
    that uses two cores at once. Limits on processes are not here: they count a user's, not a sandbox's.
    """
    cpu = int(seconds) + 2
    wanted = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_FSIZE: FILE,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for which, most in wanted.items():
        _, hard = resource.getrlimit(which)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))
