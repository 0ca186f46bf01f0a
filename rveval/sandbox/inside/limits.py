"""The limits that a process puts on itself before it runs anything of a model's; there is no way back up from them."""

from __future__ import annotations

import math
import resource

MEMORY = 2**30
"""Bytes of address space."""
FILE = 16 * 2**20
"""Bytes of one written file."""
OPEN_FILES = 64


def lower(seconds: float) -> None:
    """Limit this process and all that it starts: memory, CPU time, written bytes, open files, no core dump.

    Time is that of the processor: the same program must get the same verdict on a busy machine. The clock of whoever
    started this ends what waits instead of working. Limits on processes are not here: they count a user's, not a
    sandbox's.
    """
    cpu = math.ceil(seconds)
    wanted = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: cpu + 1,
        resource.RLIMIT_FSIZE: FILE,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for which, most in wanted.items():
        _, hard = resource.getrlimit(which)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # At the soft limit of CPU time comes SIGXCPU, which says why; at the hard one SIGKILL, which does not.
        resource.setrlimit(which, (min(cpu, most) if which == resource.RLIMIT_CPU else most, most))
