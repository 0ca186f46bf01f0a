"""The system calls a confined process may not make, as the filter that the kernel takes (seccomp, classic BPF).

Namespaces hide the machine; this keeps a program from growing (no process, no thread, no memory that is not counted as
its own), from the machine that may be around this one (vsock is in no namespace), from the modes of the device nodes
that it shares with the host, and from large parts of the kernel that no program needs. Numbers are those of the
kernel's tables (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h).
"""

from __future__ import annotations

import errno
import functools
import platform
import re
import struct

# A call's name, its number on x86-64, on ARM64 (-: that machine has no such call).
TABLE = """
processes   fork 57 -, vfork 58 -, clone 56 220, ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271
            pidfd_open 434 434, pidfd_getfd 438 438
network     socket 41 198
memory      shmget 29 194, semget 64 190, msgget 68 186, mq_open 240 180, memfd_create 319 279, memfd_secret 447 447
            add_key 248 217, request_key 249 218, keyctl 250 219
namespaces  unshare 272 97, setns 308 268, chroot 161 51, pivot_root 155 41, mount 165 40, umount2 166 39
            open_tree 428 428, move_mount 429 429, fsopen 430 430, fsmount 432 432, mount_setattr 442 442
            name_to_handle_at 303 264, open_by_handle_at 304 265
modes       chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452
            setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7
            removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16
kernel      bpf 321 280, perf_event_open 298 241, userfaultfd 323 282
            io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427
"""
CALLS = re.findall(r"(\w+) (\d+|-) (\d+|-)", TABLE)
CLONE3 = 435  # "there is no such call": the C library then asks for clone, whose answer is no
UNKNOWN = 449  # nor any call younger than this table, which may do what one in it does; nor x86-64's second set (x32)

_MACHINES = {"x86_64": (0xC000003E, 1), "aarch64": (0xC00000B7, 2), "arm64": (0xC00000B7, 2)}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def known() -> bool:
    """Whether there is a filter for this machine."""
    return platform.machine() in _MACHINES


def forbidden() -> list[int]:
    """The numbers of the calls that end with EPERM on this machine."""
    column = _MACHINES[platform.machine()][1]
    return [int(call[column]) for call in CALLS if call[column] != "-"]


@functools.cache
def program() -> bytes:
    """The filter for this machine: an array of `struct sock_filter`. Raises KeyError where it is not `known`."""
    refused = dict.fromkeys(forbidden(), errno.EPERM) | {CLONE3: errno.ENOSYS}
    # Each: what to do, how many lines to skip if it holds, and if not, with which value.
    lines = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _MACHINES[platform.machine()][0]), (_RETURN, 0, 0, _KILL)]
    lines += [(_LOAD, 0, 0, 0)]
    for number, code in refused.items():
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | code)]
    lines += [(_AT_LEAST, 0, 1, UNKNOWN), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
