"""What things are called on the page, and what a reader must know of them."""

from __future__ import annotations

from dataclasses import dataclass

from rveval.findings.typed import Summary
from rveval.show.page import say


@dataclass(frozen=True)
class Names:
    """What things are called on the page."""

    variants: dict[str, str]
    tasks: dict[str, str]
    level: str
    remarks: dict[str, list[str]]
    sizes: dict[str, int]

    @classmethod
    def of(cls, summary: Summary) -> Names:
        """The names in a summary."""
        return cls(
            {row["id"]: row["label"] for row in summary["variants"]},
            {row["task"]: row["title"] for row in summary["tasks"]},
            say.level(summary["rules"]["level"]),
            {row["task"]: row["remarks"] for row in summary["tasks"]},
            {row["name"]: row["n"] for row in summary["rules"]["hypotheses"]},
        )

    def noted(self, *tasks: str) -> list[str]:
        """What a reader must know of results on these tasks, each once and marked."""
        found = dict.fromkeys(remark for task in tasks for remark in self.remarks.get(task, []))
        return [f"{say.REMARK} {remark}" for remark in found]

    def mark(self, *tasks: str) -> str:
        """The mark of results with a remark, "" for those without."""
        return f" {say.REMARK}" if self.noted(*tasks) else ""

    def hypotheses(self, start: str) -> tuple[str, int]:
        """The family of hypotheses whose name starts so, and how many it holds; ("", 0) for none."""
        return next(((name, n) for name, n in self.sizes.items() if name.startswith(start)), ("", 0))
