"""What was found out about a delta (a norm, a threshold, the factors of a matrix), kept for the next time it is asked.

A sweep over alpha builds the same vector again and again; what is known of it then costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Memo:
    """Keeps small tensors by key, in memory. An empty key is never kept."""

    def __init__(self) -> None:
        self._known: dict[str, torch.Tensor] = {}

    def recall(self, key: str) -> torch.Tensor | None:
        return self._known.get(key)

    def keep(self, key: str, value: torch.Tensor) -> None:
        """Keep a small value (a number or a few)."""
        if key:
            self._known[key] = value

    def keep_factors(self, key: str, value: torch.Tensor) -> None:
        """Keep what took long to compute and is larger; a memo with a disk keeps it there."""
        self.keep(key, value)
