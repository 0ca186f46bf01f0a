"""What the kinds of confinement have in common: how a confined process is started, ended, and what it is given."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

Role = Literal["candidate", "tester"]
INSIDE = Path(__file__).resolve().parent / "inside"


def arguments(role: Role, seconds: float) -> list[str]:
    """Python's arguments: no site, no user's packages, no current folder, nothing written; then what to do."""
    return ["-S", "-s", "-P", "-B", "-c", f"from inside.{role} import main; main({seconds!r})"]


class Box(ABC):
    """One kind of confinement."""

    @abstractmethod
    def start(self, role: Role, seconds: float) -> subprocess.Popen[bytes]:
        """Start one confined process with pipes at its three standard channels. Raises OSError if that fails."""

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a process with everything it started, and take its exit status."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def launch(
        self, command: Sequence[str], pass_fds: Sequence[int] = (), env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, with pipes, the given environment and no other descriptors."""
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={} if env is None else env,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )
