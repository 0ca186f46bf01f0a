"""Whether a kind of confinement works here, found out by running a trivial program in it."""

from __future__ import annotations

import functools
import platform
import re
import shutil
import threading
from typing import get_args

from rveval.errors import Failed, Problem, Refused
from rveval.sandbox import run, seccomp
from rveval.sandbox.box import Box, container, image, unsafe
from rveval.sandbox.bwrap import bwrap
from rveval.sandbox.programs import Kind, Program

TRIVIAL = Program("def answer():\n    return 42\n", "answer", "def check(candidate):\n    assert candidate() == 42\n")
OTHERWISE = "or choose what is there: sandbox=docker, sandbox=podman"
PACKAGES = {"bwrap": "bubblewrap", "docker": "docker.io", "podman": "podman"}
ALLOW = (
    "allow them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu) or "
    f"kernel.unprivileged_userns_clone=1 (Debian); in a container, start that with --privileged; {OTHERWISE}"
)
PULL = "{kind} pull {image}, or name another by RVEVAL_SANDBOX_IMAGE"
# A pattern of "kind: what it said", what that means, what to do; the first that fits.
MEANINGS = (
    (r"bwrap: .*(namespace|uid map|rtm_newaddr|permission denied)", "but this system forbids user namespaces", ALLOW),
    (r"bwrap: .*unknown option", "but too old", f"install bubblewrap 0.7 or newer; {OTHERWISE}"),
    (r".*(daemon|docker\.sock|podman\.sock)", "but its daemon does not answer", "start it (systemctl start docker)"),
    (r"(docker|podman): .*(image|manifest|pull)", "but can't get the image {image}", PULL),
    (r"bwrap:", "but does not run a program", OTHERWISE),
    (r"", "but does not run a program", "or sandbox=bwrap"),
)

_boxes: dict[str, Box] = {
    "bwrap": bwrap,
    "docker": functools.partial(container, "docker"),
    "podman": functools.partial(container, "podman"),
    "unsafe": unsafe,
}
_tried: dict[str, Problem | Box] = {}
_lock = threading.Lock()


def box(kind: str) -> Box:
    """The confinement of a kind, tried once in this process.

    Raises:
        Refused: there is no such kind, it is not installed, or it does not work here; with what to do.
    """
    with _lock:
        if kind not in _tried:
            _tried[kind] = _missing(kind) or _try(kind)
        tried = _tried[kind]
    if isinstance(tried, Problem):
        raise Refused(tried)
    return tried


def _missing(kind: str) -> Problem | None:
    """What has to be chosen or installed first."""
    if kind not in _boxes:
        return Problem("no such sandbox", "sandbox", ", ".join(get_args(Kind)), kind or "nothing")
    if kind in PACKAGES and shutil.which(kind) is None:
        what = f"model-written code runs confined by {kind}, which is not installed"
        other = OTHERWISE if kind == "bwrap" else "or sandbox=bwrap"
        return Problem(what, "sandbox", fix=f"sudo apt-get install {PACKAGES[kind]} ({other})")
    if kind == "bwrap" and not seccomp.known():
        what = "bwrap's filter of system calls is written for x86-64 and ARM64"
        return Problem(what, "sandbox", found=platform.machine(), fix=OTHERWISE)
    return None


def _try(kind: str) -> Problem | Box:
    try:
        outcome = run.run_in(_boxes[kind], [TRIVIAL], workers=1)[0]
        if outcome.passed:
            return _boxes[kind]
        said = f"a program that returns 42 ended as {outcome.reason}: {outcome.detail}"
    except Failed as error:
        said = error.problems[0].found
    what, fix = next(rest for pattern, *rest in MEANINGS if re.match(pattern, f"{kind}: {said}", re.IGNORECASE))
    known = {"kind": kind, "image": image()}
    return Problem(f"{kind} is installed, {what.format(**known)}", "sandbox", found=said, fix=fix.format(**known))
