"""What runs inside the confinement, standard library only: the candidate's process, the tester's, and their wire.

Here is how both begin: as nobody, with limits that have no way back up, and with their channels put away. In there this
folder is all there is of rveval, so its modules import each other relatively and nothing else of it.
"""

from __future__ import annotations

import math
import os
import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

NOBODY = 65534
MEMORY = 2**30
"""Bytes of address space."""
FILE = 16 * 2**20
"""Bytes of one written file."""


def begin(seconds: float, as_root: bool) -> tuple[BinaryIO, BinaryIO]:
    """Limit this process, and take standard input and output away from where a program reads and prints.

    A program then reads nothing, and prints to standard error. Time is that of the processor: the same program must get
    the same verdict on a busy machine. Whoever started this ends what waits instead of working, by the clock.

    Args:
        seconds: of processor time.
        as_root: this was started as the host's root, and has to become the host's nobody first.
    """
    if as_root:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    cpu = math.ceil(seconds)
    # At the soft limit of processor time comes SIGXCPU, which says why; at the hard one SIGKILL, which does not.
    limits = {"AS": (MEMORY, MEMORY), "CPU": (cpu, cpu + 1), "FSIZE": (FILE, FILE), "NOFILE": (64, 64), "CORE": (0, 0)}
    for name, (soft, hard) in limits.items():
        which = getattr(resource, f"RLIMIT_{name}")
        most = resource.getrlimit(which)[1] % 2**64  # no limit is -1
        resource.setrlimit(which, (min(soft, most), min(hard, most)))
    channels = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return channels
