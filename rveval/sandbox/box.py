"""How a confined process is started and ended, whatever confines it; containers; and no confinement at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from rveval.sandbox.inside import MEMORY, NOBODY

Role = Literal["candidate", "tester"]
INSIDE = Path(__file__).resolve().parent / "inside"
TMP_BYTES = 16 * 2**20
ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"}
"""What makes verdicts repeatable, and lets numpy start where there are no threads."""
KEPT = ("PATH", "HOME", "USER", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "CONTAINER_HOST")
"""What a container's client needs of the user's environment to find its engine; it does not reach the container."""


@dataclass(frozen=True)
class Command:
    """One process to be started.

    Args:
        words: what to run.
        environment: for it, and nothing else of the user's.
        filter: of system calls, for bwrap: it gets a descriptor to read it from.
        removal: what removes it if it has not gone a second after the other side; killing its client does not.
    """

    words: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    filter: bytes = b""
    removal: Sequence[str] = ()

    def start(self, stdin: IO[bytes], stdout: IO[bytes], stderr: int) -> subprocess.Popen[bytes]:
        """Start it between two pipes, in a session of its own. Only it keeps the end that it reads.

        Raises:
            OSError: that fails.
        """
        words, rules = list(self.words), []
        if self.filter:
            reader, writer = os.pipe()
            os.write(writer, self.filter)
            os.close(writer)
            rules.append(reader)
            words[1:1] = ["--seccomp", str(reader)]
        try:
            with stdin:
                return subprocess.Popen(
                    *(words, 0, None, stdin, stdout, stderr),
                    env=self.environment,
                    pass_fds=rules,
                    start_new_session=True,
                )
        finally:
            for number in rules:
                os.close(number)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a process with everything it started, and take its exit status."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.removal:  # one that sees its input closed goes by itself, which is quicker
                process.wait(1)
        if self.removal and process.returncode is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(self.removal, capture_output=True, check=False, timeout=60, env=self.environment)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


Box = Callable[[Role, float], Command]
"""One kind of confinement: what is to be started in which role, with how many seconds of processor time."""


def arguments(role: Role, seconds: float, as_root: bool = False) -> list[str]:
    """Python's arguments: no site, no user's packages, no current folder, nothing written; then what to do."""
    return ["-S", "-s", "-P", "-B", "-c", f"from inside.{role} import main; main({seconds!r}, {as_root})"]


def unsafe(role: Role, seconds: float) -> Command:
    """No confinement: the process may do what the user may: read, write, connect, and leave processes behind."""
    return Command([sys.executable, *arguments(role, seconds)], ENVIRONMENT | {"PYTHONPATH": str(INSIDE.parent)})


def image() -> str:
    """The image of containers: one with `python` (3.11 or newer) and `timeout` on its path."""
    return os.environ.get("RVEVAL_SANDBOX_IMAGE") or "python:3.12-slim"


def container(engine: str, role: Role, seconds: float) -> Command:
    """A container of docker or podman. `timeout` is process 1: it ends by itself even if nobody is left to end it."""
    name, program = f"rveval-{uuid.uuid4().hex}", shutil.which(engine) or engine
    environment = ENVIRONMENT | {"PYTHONPATH": "/rveval", "PYTHONOPTIMIZE": ""}
    words = [
        *(program, "run", "--rm", "--interactive", "--name", name, "--log-driver", "none", "--hostname", "sandbox"),
        *("--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--memory", str(MEMORY), "--memory-swap", str(MEMORY), "--pids-limit", "64"),
        *("--tmpfs", f"/tmp:size={TMP_BYTES},mode=1777", "--volume", f"{INSIDE}:/rveval/inside:ro"),
        *(part for key, value in environment.items() for part in ("--env", f"{key}={value}")),
        *("--user", f"{NOBODY}:{NOBODY}", "--workdir", "/tmp"),
        *("--entrypoint", "timeout", image(), "-s", "KILL", str(int(seconds) + 60)),
        *("python", *arguments(role, seconds)),
    ]
    client = {key: value for key, value in os.environ.items() if key in KEPT or key.startswith("DOCKER_")}
    return Command(words, client, removal=[program, "rm", "--force", name])
