"""One term of a vector as a recipe holds it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_LONGEST = 40  # characters of a name in a label or formula


@dataclass(frozen=True)
class RecipeTerm:
    """One difference of checkpoints: folders to read, content hashes to be known by, a weight, and names for people.

    `plus_on` and `minus_on` are the models that adapters were trained on, where they take part in the difference;
    `plus_label` and `minus_label` are the words of the config (`tiny:grpo`, `org/name@revision`).
    """

    plus: str
    minus: str | None
    weight: float
    plus_hash: str
    minus_hash: str | None
    plus_on: str | None = None
    minus_on: str | None = None
    plus_on_hash: str | None = None
    minus_on_hash: str | None = None
    plus_label: str = field(default="", compare=False)
    minus_label: str = field(default="", compare=False)

    @property
    def known(self) -> dict[str, Any]:
        """What a fingerprint holds of it: contents and weight, no paths, no signed zero."""
        on = {"plus_on": self.plus_on_hash, "minus_on": self.minus_on_hash}
        known = {"plus": self.plus_hash, "minus": self.minus_hash, "weight": self.weight + 0.0}
        return known | {side: content for side, content in on.items() if content}

    @property
    def words(self) -> str:
        """The difference in the config's own words: `tiny:grpo - tiny:sft`."""
        plus, minus = self.plus_label or self.plus, self.minus_label or self.minus
        return f"{plus} - {minus}" if minus else plus

    @property
    def short(self) -> str:
        """The difference in short: `(grpo - sft)`."""
        return f"({self.name('plus')} - {self.name('minus')})" if self.minus else self.name("plus")

    def name(self, side: str) -> str:
        """The last part of the words for `plus` or `minus`: `grpo` of `tiny:grpo` and of a folder that ends in it."""
        words = getattr(self, f"{side}_label") or getattr(self, side) or ""
        return re.split(r"[/:]", words.rstrip("/"))[-1][:_LONGEST]
