"""Confinement by bubblewrap: namespaces of its own for everything, and no file of the host but the interpreter's.

A process in there sees the interpreter under /python, its shared libraries under /so, our own few lines under /rveval,
four harmless devices, and an empty /tmp of limited size; the rest does not exist, /proc neither (it names the host's
mounts, and process 1's environment). The paths of the host do not show. Killing bwrap kills all that is in there.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rveval.sandbox import seccomp
from rveval.sandbox.processes import INSIDE, Box, Role, arguments

TMP_BYTES = 16 * 2**20
NOBODY = "65534"
DEVICES = ("null", "zero", "random", "urandom")
ENVIRONMENT = {
    "PYTHONPATH": "/rveval",
    "PYTHONHOME": "/python",
    "LD_LIBRARY_PATH": "/so",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "HOME": "/tmp",
    "PATH": "/python/bin",
}


@dataclass(frozen=True)
class Interpreter:
    """This interpreter's files on the host: without the environment it runs in, and without installed packages."""

    executable: Path
    library: Path
    shared: tuple[Path, ...]
    loader: Path | None


@functools.cache
def interpreter() -> Interpreter:
    """What of the host a confined Python needs. Raises OSError where `ldd` does not run."""
    executable, library = Path(sys.executable).resolve(), Path(os.__file__).resolve().parent
    # Tk would bring the libraries of a whole desktop.
    extensions = [path for path in sorted(library.glob("lib-dynload/*.so")) if not path.name.startswith("_tkinter")]
    listed = subprocess.run(
        ["ldd", str(executable), *map(str, extensions)], capture_output=True, text=True, check=False
    ).stdout
    shared: dict[str, Path] = {}
    loader = None
    for line in listed.splitlines():
        words = line.split()
        if "=>" in words and words[-2].startswith("/"):
            shared.setdefault(Path(words[0]).name, Path(words[-2]))
        elif len(words) == 2 and words[0].startswith("/") and not words[0].endswith(":"):
            loader = Path(words[0])
    return Interpreter(executable, library, tuple(shared.values()), loader)


@functools.cache
def confinement() -> tuple[str, ...]:
    """bwrap's arguments, all but the filter and the command."""
    host = interpreter()
    library = f"/python/{sys.platlibdir}/python{sys.version_info.major}.{sys.version_info.minor}"
    namespaces = [f"--unshare-{name}" for name in ("user", "ipc", "pid", "net", "uts", "cgroup-try")]
    command = [*namespaces, "--die-with-parent", "--new-session", "--clearenv"]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    command += ["--uid", NOBODY, "--gid", NOBODY, "--hostname", "sandbox", "--cap-drop", "ALL"]
    command += ["--ro-bind", str(host.executable), "/python/bin/python", "--ro-bind", str(host.library), library]
    for packages in ("site-packages", "dist-packages"):
        if (host.library / packages).is_dir():
            command += ["--tmpfs", f"{library}/{packages}", "--remount-ro", f"{library}/{packages}"]
    for path in host.shared:
        command += ["--ro-bind", str(path), f"/so/{path.name}"]
    if host.loader is not None:
        command += ["--ro-bind", str(host.loader), str(host.loader)]
    command += ["--ro-bind", str(INSIDE), "/rveval/inside"]
    for device in DEVICES:
        command += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    return (*command, "--size", str(TMP_BYTES), "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp")


class Bwrap(Box):
    """Starts processes under bubblewrap."""

    def command(self, role: Role, seconds: float) -> list[str]:
        """What to run, all but the filter."""
        return [shutil.which("bwrap") or "bwrap", *confinement(), "/python/bin/python", *arguments(role, seconds)]

    def start(self, role: Role, seconds: float) -> subprocess.Popen[bytes]:
        """Start one confined process; its environment is empty also outside, where bwrap itself runs."""
        confined = self.command(role, seconds)
        rules = seccomp.readable()
        try:
            return self.launch([confined[0], "--seccomp", str(rules), *confined[1:]], pass_fds=(rules,))
        finally:
            os.close(rules)
