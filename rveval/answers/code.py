"""Reading a program from a response: a fenced block, several, or the bare continuation of the prompt.

A program is read as text and as a syntax tree; nothing of it is ever run here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from rveval.answers.parts import Parts
from rveval.answers.programs import (
    DEFINED,
    IMPORT,
    Lines,
    definitions,
    functions,
    gives,
    hoisted,
    mended,
    needed,
    parse,
)
from rveval.answers.reading import Reading, read

LONGEST = 16_000
"""Characters of a block, and of what stands outside of them, that are looked at: far more than an answer needs."""
_BLOCKS = 30
_FENCE = re.compile(
    r"^[ \t]{0,12}(`{3,}|~{3,})[ \t]*+([^\s`]*+)[^`\n]*+(?:\n|\Z)|(?<=[^\s`])(?P<behind>`{3,})[ \t]*+(?:\n|\Z)",
    re.MULTILINE,
)
_UNREADABLE = re.compile(r"[\0\ud800-\udfff]")
_INDENT = 4
_HELPS = (*DEFINED, *IMPORT, ast.Assign)


def read_code(response: str | Parts, stub: str, entry_point: str) -> Reading:
    '''The program that a response comes to, as source text: what it says, with what it needs of the stub.

    Strict: the only fenced block that defines the function, or the bare continuation of the stub, either of them
    parsing as it stands. Flexible, the first that parses and defines the function at the top level: the strict one; the
    last fenced block that defines it, with blocks of helpers beside it; the continuation of the stub with its
    indentation mended; the function without a fence, among prose; a fenced block that continues the stub. Imports and
    helpers of the stub stand in front of each. What the function does not need (examples, prints, asserts, another
    function that follows) is left out. Of any block only the first 16,000 characters are read.

    Args:
        stub: the prompt's code: imports, helpers, signature and docstring, that a response continues or repeats.
        entry_point: the function that is asked for.

    >>> stub = 'def one():\\n    """Return 1."""\\n'
    >>> print(read_code("Sure!\\n```python\\ndef one():\\n    return 1\\n```\\nDone.", stub, "one").strict)
    def one():
        return 1
    >>> print(read_code("return 1\\n\\nQuestion: what is two?", stub, "one").flexible)
    def one():
        """Return 1."""
        return 1
    '''

    def reader(answer: str) -> _Reader:
        text = _UNREADABLE.sub("\ufffd", answer.rstrip().replace("\r\n", "\n").replace("\r", "\n"))
        return _Reader(_stub(stub, entry_point), *_fenced(text))

    return read(response, lambda answer: reader(answer).strict(), lambda answer: reader(answer).flexible())


class _Stub(NamedTuple):
    """A prompt's code: all of it, what stands before the function, and how many statements its body has."""

    name: str
    lines: tuple[str, ...]
    before: str
    statements: int
    defined: re.Pattern[str]


@lru_cache(maxsize=512)
def _stub(stub: str, name: str) -> _Stub:
    lines = stub.rstrip().split("\n")
    called = re.escape(name)
    defined = re.compile(
        rf"^(?:[ \t]{{0,12}}(?:async[ \t]+)?def[ \t]+{called}[ \t]*\(|{called}[ \t]*+(?::[^=\n]{{1,80}})?=(?!=))",
        re.MULTILINE,
    )
    tree = parse("\n".join(lines))
    own = functions(tree, name) if isinstance(tree, ast.Module) else []
    match = defined.search("\n".join(lines))
    first = min([own[-1].lineno, *(part.lineno for part in own[-1].decorator_list)]) - 1 if own else None
    before = "\n".join(lines[:first]) if own else "\n".join(lines)[: match.start() if match else None]
    return _Stub(
        name=name,
        lines=tuple(lines),
        before=before.strip("\n"),
        statements=len(own[-1].body) if own else 0,
        defined=defined,
    )


def _fenced(text: str) -> tuple[list[str], str, str]:
    """The fenced blocks, all text outside of them, and the text before the first fence.

    A block ends with a fence as long as its own, else with any other. One that nothing closes goes on to the end: the
    token limit cut it off.
    """
    longest = {"`": 0, "~": 0}
    fences: list[tuple[re.Match[str], dict[str, int]]] = []  # with the longest behind it that could close a block
    for fence in reversed([*_FENCE.finditer(text)]):
        fences.append((fence, dict(longest)))
        mark = fence[1] or fence["behind"]
        longest[mark[0]] = max(longest[mark[0]], 0 if fence[2] else len(mark))
    blocks: list[str] = []
    outside: list[str] = []
    closing, start = "", 0
    for fence, behind in reversed(fences):
        mark = fence[1] or fence["behind"]
        if not closing and fence[1]:
            outside.append(text[start : fence.start()])
            closing, start = mark, fence.end()
        elif closing and not fence[2] and (mark.startswith(closing) or behind[closing[0]] < len(closing)):
            blocks.append(text[start : fence.start()].removesuffix("\n")[:LONGEST])
            closing, start = "", fence.end()
    (blocks if closing else outside).append(text[start:])
    if closing:
        blocks[-1] = blocks[-1][:LONGEST]
    return blocks, "".join(outside)[:LONGEST], outside[0][:LONGEST]


class _Reader(NamedTuple):
    """One response, taken apart, and the stub that it answers."""

    stub: _Stub
    blocks: list[str]
    outside: str
    before: str

    def strict(self) -> str | None:
        defining = [block for block in self.blocks if self.stub.defined.search(block)]
        if len(defining) == 1 and not any(self._helps(block) for block in self.blocks[:_BLOCKS]):
            return self._whole(defining[0], mend=False)
        return None if self.blocks else self._continued(self.outside.split("\n"), mend=False)

    def flexible(self) -> str | None:
        """What can be read, the most likely first; nothing is parsed before it is asked for."""
        continued = (self._continuation(block) for block in reversed(self.blocks[-_BLOCKS:]))
        return next(filter(None, chain(self._from_blocks(), self._from_text(), continued)), None)

    def _from_blocks(self) -> Iterator[str | None]:
        defining = [block for block in self.blocks if self.stub.defined.search(block)]
        if not defining:
            return
        helpers = [block for block in self.blocks[-_BLOCKS:] if self._helps(block)]
        for block in reversed(defining[-3:]):
            if helpers:
                yield self._whole("\n\n".join([*map(_dedented, helpers), _dedented(block)]))
            yield self._whole(block)

    def _from_text(self) -> Iterator[str | None]:
        """Without a fence: a continuation; else the function as a whole, where it begins or with what leads to it."""
        own = self.stub.defined.search(self.outside)
        before = self.outside[: own.start()] if own else self.before
        yield self._continuation(before)
        if own:
            yield self._whole(self.outside, which=0)
            yield self._whole(self.outside[own.start() :], which=0)

    def _helps(self, block: str) -> bool:
        """Whether a block only defines what others may need."""
        if self.stub.defined.search(block):
            return False
        tree = parse(_dedented(block))
        if not isinstance(tree, ast.Module) or not all(isinstance(node, _HELPS) for node in tree.body):
            return False
        return any(isinstance(node, (*DEFINED, *IMPORT)) for node in tree.body)

    def _whole(self, code: str, mend: bool = True, which: int = -1) -> str | None:
        """A program that defines the function by itself, with what stands before it in the stub."""
        parsed = self._parsed(_dedented(code).split("\n"), mend)
        if parsed is None:
            return None
        program, before = needed(*parsed, self.stub.name, which), self.stub.before
        return self._checked(f"{before}\n\n\n{program}" if before else program)

    def _continuation(self, text: str) -> str | None:
        """A text as the rest of the function: as it is, or with its indentation mended in the way that keeps most."""
        lines = text.split("\n")
        first = next((index for index, line in enumerate(lines) if line.strip()), None)
        if first is None:
            return None
        lines = [line.expandtabs(_INDENT) if line[:1].isspace() else line for line in lines[first:]]
        indent = _indent(lines[0])
        if indent == _INDENT:
            return self._continued(lines)
        ways = ([" " * _INDENT + lines[0].lstrip(), *lines[1:]], _shifted(lines, indent))
        found = [program for way in ways if (program := self._continued(way, must_give=True))]
        return max(found, key=self._size, default=None)

    def _continued(self, lines: Sequence[str], mend: bool = True, must_give: bool = False) -> str | None:
        """The stub with these lines behind it, where they make its function longer."""
        parsed = self._parsed([*self.stub.lines, *lines], mend)
        own = functions(parsed[1], self.stub.name) if parsed else []
        if parsed is None or not own or len(own[0].body) <= self.stub.statements:
            return None
        rest = ast.Module([node for node in parsed[1].body if not isinstance(node, DEFINED)], [])
        if must_give and (gives(rest) or not gives(own[0])):  # half of the body was left behind at the margin
            return None
        return self._checked(needed(*parsed, self.stub.name, which=0, given=len(self.stub.lines)))

    def _parsed(self, lines: Lines, mend: bool) -> tuple[Lines, ast.Module] | None:
        """Lines that define the function, and their tree; what does not parse is left out if `mend`."""
        tree = parse("\n".join(lines))
        if not isinstance(tree, ast.Module):
            return mended(lines, self.stub.name) if mend else None
        return (lines, tree) if definitions(tree, self.stub.name) else None

    def _checked(self, program: str) -> str | None:
        """The program, its imports from the future first, if it still parses and defines the function."""
        program = hoisted(program)
        return program if self._parsed(program.split("\n"), mend=False) else None

    def _size(self, program: str) -> int:
        """How many lines the function has."""
        tree = parse(program)
        own = functions(tree, self.stub.name) if isinstance(tree, ast.Module) else []
        return (own[0].end_lineno or 0) - own[0].lineno if own else 0


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _dedented(block: str) -> str:
    """A block as far to the left as its first line that is not blank; blocks in lists are indented as a whole."""
    lines = block.split("\n")
    first = next((line for line in lines if line.strip()), "")
    margin = first[: _indent(first)]
    return "\n".join(line.removeprefix(margin) for line in lines) if margin else block


def _shifted(lines: Sequence[str], indent: int) -> list[str]:
    """A body whose first line is indented by `indent`, moved to where a body stands, up to its end.

    At the margin a body ends with the first statement that leaves the function; what follows can't belong to it. Else
    it ends with the first line that is further left.
    """
    end = len(lines)
    if indent == 0:
        tree = parse("\n".join(lines))
        if not isinstance(tree, ast.Module):
            row = min((tree.lineno or 1) if tree else 1, len(lines))
            tree = parse("\n".join(lines[: row - 1])) if row > 1 else None
            end = row - 1
        if not isinstance(tree, ast.Module):
            return []
        leaves = [node.end_lineno or end for node in tree.body if isinstance(node, ast.Return | ast.Raise)]
        end = min([end, *leaves])
    else:
        end = next((row for row, line in enumerate(lines) if line.strip() and _indent(line) < indent), end)
    return [" " * _INDENT + line[indent:] if line.strip() else line for line in lines[:end]]
