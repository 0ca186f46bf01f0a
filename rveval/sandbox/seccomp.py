"""The system calls a confined process may not make, as the filter that the kernel takes (seccomp, classic BPF).

Namespaces hide the machine, this keeps a program from growing: it can start neither processes nor threads (a limit on
their number does not hold where the harness runs as root), make no namespace of its own, no socket, and no memory that
is not counted as its own. Numbers are those of the kernel's tables (arch/x86/entry/syscalls/syscall_64.tbl,
include/uapi/asm-generic/unistd.h).
"""

from __future__ import annotations

import errno
import os
import platform
import struct

# name: number on x86-64, on ARM64 (None: that machine has no such call)
FORBIDDEN: dict[str, tuple[int | None, int | None]] = {
    # processes and threads
    "fork": (57, None),
    "vfork": (58, None),
    "clone": (56, 220),
    # network, and the machine that may be around this one (vsock is in no namespace)
    "socket": (41, 198),
    # memory that belongs to nobody's address space
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    # namespaces and file systems
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # large parts of the kernel that no program needs
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
CLONE3 = 435  # "there is no such call": the C library then asks for clone, whose answer is no
X32 = 0x40000000  # x86-64's second set of numbers, for 32-bit pointers

_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1), "arm64": (0xC00000B7, 1)}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def known(machine: str = "") -> bool:
    """Whether there is a filter for a machine (default: this one)."""
    return (machine or platform.machine()) in _MACHINES


def program(machine: str = "") -> bytes:
    """The filter for a machine (default: this one): an array of `struct sock_filter`.

    Raises:
        KeyError: no numbers for this machine.
    """
    architecture, column = _MACHINES[machine or platform.machine()]
    lines = [_line(_LOAD, 4), _line(_EQUAL, architecture, then=1), _line(_RETURN, _KILL), _line(_LOAD, 0)]
    if column == 0:
        lines += [_line(_AT_LEAST, X32, otherwise=1), _line(_RETURN, _KILL)]
    refused = {numbers[column]: errno.EPERM for numbers in FORBIDDEN.values()} | {CLONE3: errno.ENOSYS}
    for number, code in refused.items():
        if number is not None:
            lines += [_line(_EQUAL, number, otherwise=1), _line(_RETURN, _ERRNO | code)]
    return b"".join([*lines, _line(_RETURN, _ALLOW)])


def readable() -> int:
    """The filter in a pipe, for one reader; the caller closes the descriptor."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as stream:
        stream.write(program())
    return reader


def _line(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """One instruction: what to do with `value`, and how many instructions to skip if it holds, and if not."""
    return struct.pack("=HBBI", code, then, otherwise, value)
