"""Reading a program from a response: a fenced block, several, or the bare continuation of the prompt."""

from __future__ import annotations

import ast
import re

from rveval.answers.reading import Reading

_FENCE = re.compile(r"^```[^\n]*\n(.*?)(?:^```|\Z)", re.MULTILINE | re.DOTALL)


def read_code(response: str, stub: str, entry_point: str) -> Reading:
    """The program that a response comes to, whole: what it says with what it needs of the stub.

    Args:
        stub: the prompt's code, imports, helpers and signature, that the response continues or repeats.
        entry_point: the function that is asked for.
    """
    blocks = [block for block in _FENCE.findall(response) if f"def {entry_point}" in block]
    whole = f"{_before(stub, entry_point)}\n{blocks[-1]}" if blocks else stub + response
    if not _parses(whole):
        return Reading(None, None)
    return Reading(whole if len(blocks) < 2 else None, whole)


def _before(stub: str, entry_point: str) -> str:
    return re.split(rf"^def {entry_point}\b", stub, maxsplit=1, flags=re.MULTILINE)[0]


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
