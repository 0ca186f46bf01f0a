r"""What a reading is, and the marks that all readers look for."""

from __future__ import annotations

import re
from dataclasses import dataclass

HASHES = r"####(?<!#####)(?!#)"  # written this way round so that the search can skip ahead to the literal
BOXED = re.compile(  # braces nested up to three deep; a box that the token limit cut off counts too
    r"\\boxed\s{0,4}\{((?>[^{}]|\{(?>[^{}]|\{[^{}]{0,200}+\}){0,200}+\}){0,200}+)"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a response was taken to say, as canonical text; None where nothing was found."""

    strict: str | None
    flexible: str | None

    @property
    def failed(self) -> bool:
        """Whether no answer could be extracted at all."""
        return self.flexible is None
