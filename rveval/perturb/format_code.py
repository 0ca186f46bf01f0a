"""The form of a stub's docstring prose: what `format` may do to code."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from rveval.perturb import text

_SENTENCE = re.compile(r"(?<=[a-z)][.?!]) +(?=[A-Z])")


def _on_prose(stub: str, edit: Callable[[str], str]) -> str:
    """The stub with every piece of docstring prose edited."""
    for start, end in reversed(text.prose_spans(stub)):
        stub = stub[:start] + edit(stub[start:end]) + stub[end:]
    return stub


def double_spaces(stub: str) -> str:
    return _on_prose(stub, text.double_spaces)


def spaces_after_sentences(stub: str) -> str:
    return _on_prose(stub, lambda prose: _SENTENCE.sub("   ", prose))


def lower_starts(stub: str) -> str:
    """Sentences begin in lower case, unless they begin with an identifier."""
    names = text.names_in_code(stub)

    def lowered(prose: str) -> str:
        pieces = _SENTENCE.split(prose)
        blanks = [*_SENTENCE.findall(prose), ""]
        changed = [piece if piece.split()[0].lower() in names else text.lower_start(piece) for piece in pieces]
        return "".join(piece + blank for piece, blank in zip(changed, blanks, strict=True))

    return _on_prose(stub, lowered)


def trailing_blanks(stub: str) -> str:
    """Two blanks where a line ends in prose."""
    for _, end in reversed(text.prose_spans(stub)):
        if stub[end : end + 1] == "\n":
            stub = f"{stub[:end]}  {stub[end:]}"
    return stub


def lines(stub: str) -> str:
    """Every sentence on a line of its own, indented like the line that it comes from."""
    for start, end in reversed(text.prose_spans(stub)):
        line = stub[stub.rfind("\n", 0, start) + 1 : start]
        indent = line[: len(line) - len(line.lstrip())]
        stub = stub[:start] + _SENTENCE.sub(f"\n{indent}", stub[start:end]) + stub[end:]
    return stub


def joined(stub: str) -> str:
    """Lines of prose that follow each other as one line; lines with quotes, brackets or code in them stay apart."""
    for (_, end), (start, last) in reversed(list(pairwise(text.prose_spans(stub)))):
        apart = stub[end - 1] == ":" or not stub[start].isalpha() or re.match(r"[ \t]*\n", stub[last:]) is None
        if not apart and re.fullmatch(r"[ \t]*\n[ \t]*", stub[end:start]):
            stub = f"{stub[:end]} {stub[start:]}"
    return stub


# Case and blanks before lines: an edit finds what the earlier ones left.
EDITS: tuple[tuple[Callable[[str], str], ...], ...] = (
    (lower_starts,),
    (double_spaces, spaces_after_sentences),
    (lines, joined),
    (trailing_blanks,),
)
