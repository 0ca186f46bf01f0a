"""Programs that were run: each once in a process, however often lm-eval, its filters and our records ask about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rveval.sandbox import Outcome, Program

_ran: dict[tuple[str, Program], Outcome] = {}


def outcomes(docs: Sequence[Mapping[str, Any]], sources: Sequence[str]) -> list[Outcome]:
    """How each program ended, run confined and over all cores where it has not been run before.

    Args:
        docs: of HumanEval, one for each program: its tests, and the sandbox (`rv_sandbox`, the first one's for all).
        sources: whole programs as text.

    Raises:
        Refused: the sandbox is not there.
    """
    from rveval import sandbox
    from rveval.sandbox import Program

    kind = str(docs[0]["rv_sandbox"]) if docs else "bwrap"
    asked = [
        (kind, Program(source=text, entry_point=doc["entry_point"], test=doc["test"], helpers=doc["prompt"]))
        for doc, text in zip(docs, sources, strict=True)
    ]
    missing = list(dict.fromkeys(key for key in asked if key not in _ran))
    _ran.update(zip(missing, sandbox.run_all([program for _, program in missing], kind), strict=True))
    return [_ran[key] for key in asked]
