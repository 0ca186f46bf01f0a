"""Whether a kind of confinement works here, found out by running a trivial program in it."""

from __future__ import annotations

import platform
import shutil
import threading
from collections.abc import Callable
from typing import get_args

from rveval.errors import Failed, Problem, Refused
from rveval.sandbox import container, pool, seccomp
from rveval.sandbox.bwrap import Bwrap
from rveval.sandbox.plain import Plain
from rveval.sandbox.processes import Box
from rveval.sandbox.programs import Kind, Program

TRIVIAL = Program("def answer():\n    return 42\n", "answer", "def check(candidate):\n    assert candidate() == 42\n")
OTHERWISE = "or choose what is there: sandbox=docker, sandbox=podman"

_boxes: dict[str, Callable[[], Box]] = {
    "bwrap": Bwrap,
    "docker": lambda: container.Container("docker"),
    "podman": lambda: container.Container("podman"),
    "unsafe": Plain,
}
_tried: dict[str, Refused | Box] = {}
_lock = threading.Lock()


def box(kind: str) -> Box:
    """The confinement of a kind, tried once in this process.

    Raises:
        Refused: there is no such kind, it is not installed, or it does not work here; with what to do.
    """
    with _lock:
        if kind not in _tried:
            _tried[kind] = _try(kind)
        found = _tried[kind]
    if isinstance(found, Refused):
        raise Refused(found.problems)
    return found


def _try(kind: str) -> Refused | Box:
    if kind not in _boxes:
        return Refused(
            Problem("no such sandbox", where="sandbox", expected=", ".join(get_args(Kind)), found=kind or "nothing")
        )
    missing = _missing(kind)
    if missing is not None:
        return Refused(missing)
    made = _boxes[kind]()
    try:
        outcome = pool.run_in(made, [TRIVIAL], workers=1)[0]
    except Failed as error:
        return Refused(_explained(kind, error.problems[0].found))
    if not outcome.passed:
        return Refused(_explained(kind, f"a program that returns 42 ended as {outcome.reason}: {outcome.detail}"))
    return made


def _missing(kind: str) -> Problem | None:
    """What has to be installed first."""
    if kind == "unsafe":
        return None
    if shutil.which(kind) is None:
        package = {"bwrap": "bubblewrap", "docker": "docker.io", "podman": "podman"}[kind]
        return Problem(
            f"model-written code runs confined by {kind}, which is not installed",
            where="sandbox",
            fix=f"sudo apt-get install {package} ({OTHERWISE if kind == 'bwrap' else 'or sandbox=bwrap'})",
        )
    if kind == "bwrap" and not seccomp.known():
        machine = platform.machine()
        return Problem(
            "bwrap's filter of system calls is written for x86-64 and ARM64", "sandbox", found=machine, fix=OTHERWISE
        )
    return None


def _explained(kind: str, found: str) -> Problem:
    """Why it does not work, as far as its words tell."""
    said = found.lower()
    what, fix = f"{kind} is installed, but does not run a program", OTHERWISE if kind == "bwrap" else "or sandbox=bwrap"
    if kind == "bwrap" and any(word in said for word in ("namespace", "uid map", "rtm_newaddr", "permission denied")):
        what = "bwrap is installed, but this system forbids user namespaces to it"
        fix = (
            "allow them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu) or "
            f"kernel.unprivileged_userns_clone=1 (Debian); in a container, start that with --privileged; {OTHERWISE}"
        )
    elif kind == "bwrap" and "unknown option" in said:
        what, fix = "bwrap is too old", f"install bubblewrap 0.7 or newer; {OTHERWISE}"
    elif "daemon" in said or "docker.sock" in said or "podman.sock" in said:
        what, fix = f"{kind} is installed, but its daemon does not answer", "start it (sudo systemctl start docker)"
    elif kind != "bwrap" and any(word in said for word in ("image", "manifest", "pull")):
        what = f"{kind} can't get the image {container.image()}"
        fix = f"{kind} pull {container.image()}, or name another by RVEVAL_SANDBOX_IMAGE"
    return Problem(what, where="sandbox", found=found, fix=fix)
