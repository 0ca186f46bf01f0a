"""No confinement: plain processes with limits. For `sandbox=unsafe` only, which marks every output."""

from __future__ import annotations

import subprocess
import sys

from rveval.sandbox.processes import INSIDE, Box, Role, arguments


class Plain(Box):
    """Starts processes that may do what the user may: read, write, connect, and leave processes behind."""

    def start(self, role: Role, seconds: float) -> subprocess.Popen[bytes]:
        """Start one process, in an empty environment but for what makes its verdicts repeatable."""
        environment = {"PYTHONPATH": str(INSIDE.parent), "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
        return self.launch([sys.executable, *arguments(role, seconds)], env=environment)
