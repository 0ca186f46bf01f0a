"""Keeps vLLM's words out of the user's table: Python logging and what C++ writes go to a file.

The settings are environment variables that vLLM reads when it is imported, so `configure` comes before that.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def configure(log: Path) -> None:
    """Send vLLM's logging to a file, in this process and in those it starts.

    Args:
        log: appended to; its folder is made.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    handler = {"class": "logging.FileHandler", "filename": str(log), "formatter": "plain"}
    settings = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {"file": handler},
        "loggers": {"vllm": {"handlers": ["file"], "level": "INFO", "propagate": False}},
    }
    with tempfile.NamedTemporaryFile("w", prefix="rveval-logging-", suffix=".json", delete=False) as file:
        json.dump(settings, file)
    os.environ["VLLM_LOGGING_CONFIG_PATH"] = file.name


@contextmanager
def into(log: Path) -> Iterator[None]:
    """Redirect file descriptors 1 and 2 to a file: what libraries print below Python (gloo, oneDNN) goes there too."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for target, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, target)
            os.close(copy)


def tail(log: Path, lines: int = 3) -> str:
    """The last lines of a log that say something, for an error message."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return " | ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())
