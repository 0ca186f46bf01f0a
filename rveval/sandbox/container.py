"""Confinement by a container: docker or podman, with the image that RVEVAL_SANDBOX_IMAGE names."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid
import weakref

from rveval.sandbox.bwrap import NOBODY, TMP_BYTES
from rveval.sandbox.inside.limits import MEMORY
from rveval.sandbox.processes import INSIDE, Box, Role, arguments

IMAGE = "python:3.12-slim"
PROCESSES = 64
KEPT = (
    "PATH",
    "HOME",
    "XDG_RUNTIME_DIR",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "CONTAINER_HOST",
    "USER",
    "TMPDIR",
    "DBUS_SESSION_BUS_ADDRESS",
)


def image() -> str:
    """The image to run in: one with `python` (3.11 or newer) and `timeout` on its path."""
    return os.environ.get("RVEVAL_SANDBOX_IMAGE") or IMAGE


class Container(Box):
    """Starts processes in containers, one each.

    Args:
        engine: "docker" or "podman".
    """

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self._names: weakref.WeakKeyDictionary[subprocess.Popen[bytes], str] = weakref.WeakKeyDictionary()

    def command(self, role: Role, seconds: float, name: str) -> list[str]:
        """What to run. `timeout` is process 1: the container ends by itself even if nobody is left to end it."""
        limits = ["--memory", str(MEMORY), "--memory-swap", str(MEMORY), "--pids-limit", str(PROCESSES)]
        closed = ["--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        files = ["--tmpfs", f"/tmp:size={TMP_BYTES},mode=1777", "--volume", f"{INSIDE}:/rveval/inside:ro"]
        environment = {"PYTHONPATH": "/rveval", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONOPTIMIZE": ""}
        settings = [part for key, value in environment.items() for part in ("--env", f"{key}={value}")]
        return [
            *(shutil.which(self.engine) or self.engine, "run", "--rm", "--interactive", "--name", name),
            *(*closed, *limits, *files, *settings, "--user", f"{NOBODY}:{NOBODY}", "--workdir", "/tmp"),
            *("--hostname", "sandbox", "--entrypoint", "timeout", image(), "-s", "KILL", str(int(seconds) + 60)),
            *("python", *arguments(role, seconds)),
        ]

    def start(self, role: Role, seconds: float) -> subprocess.Popen[bytes]:
        """Start one container; the client that speaks to it is the process."""
        name = f"rveval-{uuid.uuid4().hex}"
        process = self.launch(self.command(role, seconds, name), env=_environment())
        self._names[process] = name
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End the container: one that sees its input closed goes by itself, which is quicker than being removed."""
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        if process.returncode is None:
            remove = [self.engine, "rm", "--force", self._names[process]]
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(remove, capture_output=True, check=False, timeout=60, env=_environment())
        super().stop(process)


def _environment() -> dict[str, str]:
    """What a client needs of the user's environment to find its engine; it does not reach the container."""
    return {key: value for key, value in os.environ.items() if key in KEPT}
