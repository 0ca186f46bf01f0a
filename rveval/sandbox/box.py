"""What the kinds of confinement have in common; the containers; and no confinement at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from rveval.sandbox.inside.process import MEMORY, NOBODY

Role = Literal["candidate", "tester"]
INSIDE = Path(__file__).resolve().parent / "inside"
TMP_BYTES = 16 * 2**20
ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"}
"""What makes verdicts repeatable, and lets numpy start where there are no threads."""
KEPT = ("PATH", "HOME", "USER", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "CONTAINER_HOST")
"""What a container's client needs of the user's environment to find its engine; it does not reach the container."""


def arguments(role: Role, seconds: float, as_root: bool = False) -> list[str]:
    """Python's arguments: no site, no user's packages, no current folder, nothing written; then what to do."""
    return ["-S", "-s", "-P", "-B", "-c", f"from inside.{role} import main; main({seconds!r}, {as_root})"]


def launch(
    command: Sequence[str], stdin: int, stdout: int, env: Mapping[str, str], pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a command between two pipes, in a session of its own and with no other descriptors."""
    return subprocess.Popen(
        command, 0, None, stdin, stdout, subprocess.PIPE, env=env, pass_fds=pass_fds, start_new_session=True
    )


class Box(ABC):
    """One kind of confinement."""

    @abstractmethod
    def start(self, role: Role, seconds: float, stdin: int, stdout: int) -> subprocess.Popen[bytes]:
        """Start one confined process between two pipes, its standard error in another. Raises OSError if that fails."""

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a process with everything it started, and take its exit status."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Unsafe(Box):
    """Starts processes that may do what the user may: read, write, connect, and leave processes behind."""

    def start(self, role: Role, seconds: float, stdin: int, stdout: int) -> subprocess.Popen[bytes]:
        """Start one process, in an empty environment but for what makes its verdicts repeatable."""
        environment = ENVIRONMENT | {"PYTHONPATH": str(INSIDE.parent)}
        return launch([sys.executable, *arguments(role, seconds)], stdin, stdout, environment)


def image() -> str:
    """The image of containers: one with `python` (3.11 or newer) and `timeout` on its path."""
    return os.environ.get("RVEVAL_SANDBOX_IMAGE") or "python:3.12-slim"


class Container(Box):
    """Starts processes in containers, one each.

    Args:
        engine: "docker" or "podman".
    """

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self._client = {key: value for key, value in os.environ.items() if key in KEPT or key.startswith("DOCKER_")}

    def command(self, role: Role, seconds: float, name: str) -> list[str]:
        """What to run. `timeout` is process 1: the container ends by itself even if nobody is left to end it."""
        environment = ENVIRONMENT | {"PYTHONPATH": "/rveval", "PYTHONOPTIMIZE": ""}
        return [
            *(shutil.which(self.engine) or self.engine, "run", "--rm", "--interactive", "--name", name),
            *("--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--memory", str(MEMORY), "--memory-swap", str(MEMORY), "--pids-limit", "64"),
            *("--tmpfs", f"/tmp:size={TMP_BYTES},mode=1777", "--volume", f"{INSIDE}:/rveval/inside:ro"),
            *(part for key, value in environment.items() for part in ("--env", f"{key}={value}")),
            *("--user", f"{NOBODY}:{NOBODY}", "--workdir", "/tmp", "--hostname", "sandbox"),
            *("--entrypoint", "timeout", image(), "-s", "KILL", str(int(seconds) + 60)),
            *("python", *arguments(role, seconds)),
        ]

    def start(self, role: Role, seconds: float, stdin: int, stdout: int) -> subprocess.Popen[bytes]:
        """Start one container; the client that speaks to it is the process."""
        return launch(self.command(role, seconds, f"rveval-{uuid.uuid4().hex}"), stdin, stdout, self._client)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End the container: one that sees its input closed goes by itself, which is quicker than being removed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
        if process.returncode is None:
            command = list(map(str, process.args))  # type: ignore[arg-type]
            remove = [self.engine, "rm", "--force", command[command.index("--name") + 1]]
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(remove, capture_output=True, check=False, timeout=60, env=self._client)
        super().stop(process)
