"""Confinement by bubblewrap: namespaces of its own, and no file of the host but those of the interpreter and numpy.

A process in there sees the interpreter under /python, its shared libraries under /so, numpy under /packages, our few
lines under /rveval, four harmless devices, and an empty /tmp of limited size; the rest does not exist, /proc neither
(it names the host's mounts, and process 1's environment). Killing bwrap kills all that is in there.

What root owns, device nodes say, must be somebody else's in there. A user's process gets a user namespace, where
"nobody" is that user outside. In root's it would be root: so root's gets none, and becomes the host's nobody before it
loads anything (`inside.process`).
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from rveval.sandbox import seccomp
from rveval.sandbox.box import ENVIRONMENT, INSIDE, TMP_BYTES, Command, Role, arguments
from rveval.sandbox.inside import NOBODY

DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
LIBRARY = f"/python/{sys.platlibdir}/python{sys.version_info.major}.{sys.version_info.minor}"
PATHS = {
    "PYTHONPATH": "/rveval:/packages",
    "PYTHONHOME": "/python",
    "LD_LIBRARY_PATH": "/so",
    "HOME": "/tmp",
    "PATH": "/python/bin",
}


def _shared(binaries: Iterable[Path]) -> dict[str, str]:
    """What the dynamic linker loads for these: the file on the host by its path in the sandbox."""
    listed = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False).stdout
    shared: dict[str, str] = {}
    for words in map(str.split, listed.splitlines()):
        if "=>" in words and words[-2].startswith("/"):
            shared.setdefault(f"/so/{Path(words[0]).name}", words[-2])
        elif len(words) == 2 and words[0].startswith("/") and not words[0].endswith(":"):
            shared[words[0]] = words[0]  # the linker itself
    return shared


@functools.cache
def _visible() -> dict[str, str]:
    """What of the host is to be seen, read-only: by path in the sandbox. Raises OSError where `ldd` does not run."""
    python, library = Path(sys.executable).resolve(), Path(os.__file__).resolve().parent
    files = {"/python/bin/python": str(python), LIBRARY: str(library), "/rveval/inside": str(INSIDE)}
    # Tk would bring the libraries of a whole desktop.
    binaries = [path for path in library.glob("lib-dynload/*.so") if not path.name.startswith("_tkinter")]
    numpy = importlib.util.find_spec("numpy")
    if numpy is not None and numpy.origin is not None:
        folder = Path(numpy.origin).resolve().parent
        binaries += folder.rglob("*.so")
        files["/packages/numpy"] = str(folder)
    return files | _shared([python, *binaries])


@functools.cache
def may_mount() -> bool:
    """Whether this is a root with CAP_SYS_ADMIN: bwrap then needs no user namespace to make the others."""
    rights = re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())
    return os.geteuid() == 0 and rights is not None and bool(int(rights[1], 16) & 1 << 21)


@functools.cache
def confinement(as_root: bool) -> tuple[str, ...]:
    """bwrap's arguments, all but the filter and the command."""
    visible = _visible()
    command = [f"--unshare-{name}" for name in ("ipc", "pid", "net", "uts", "cgroup-try")]
    command += ["--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv", "--cap-drop", "ALL"]
    if as_root:
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]  # gone with the change of user
    else:
        command += ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY)]
    for name, value in (ENVIRONMENT | PATHS).items():
        command += ["--setenv", name, value]
    for folder in sorted({str(folder) for path in [*visible, *DEVICES] for folder in Path(path).parents} - {"/"}):
        command += ["--dir", folder]  # those that bwrap makes by itself are for their owner alone
    for target, source in visible.items():
        command += ["--ro-bind", source, target]
    for packages in ("site-packages", "dist-packages"):
        if Path(visible[LIBRARY], packages).is_dir():
            command += ["--tmpfs", f"{LIBRARY}/{packages}", "--remount-ro", f"{LIBRARY}/{packages}"]
    for device in DEVICES:
        command += ["--dev-bind", device, device]
    command += ["--perms", "1777", "--size", str(TMP_BYTES), "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp"]
    return tuple(command)


def bwrap(role: Role, seconds: float, as_root: bool | None = None) -> Command:
    """A process under bubblewrap; its environment is empty also outside, where bwrap itself runs.

    Args:
        role: what it is.
        seconds: of processor time.
        as_root: it becomes nobody by itself; else a user namespace says that it is. Default: as this user may.
    """
    as_root = may_mount() if as_root is None else as_root
    python = ["/python/bin/python", *arguments(role, seconds, as_root)]
    return Command([shutil.which("bwrap") or "bwrap", *confinement(as_root), *python], filter=seccomp.program())
