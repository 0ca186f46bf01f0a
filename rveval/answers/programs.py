"""Python as text: parsing without raising, mending what does not parse, keeping what a function needs."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence

Lines = list[str]
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINED = (*FUNCTION, ast.ClassDef)
IMPORT = (ast.Import, ast.ImportFrom)

_MENDS = 8
# A line at the margin that starts something new, rather than going on with (or closing) what stands above it.
_STARTS = re.compile(r"(?![\s)\]}#]|(?:else|elif|except|finally)\b)")
_OPENED_ABOVE = re.compile(r"on line (\d+)")
_MAIN = frozenset({"print", "input", "main", "check", "test", "exit", "quit", "doctest", "unittest", "pytest"})


def parse(source: str) -> ast.Module | SyntaxError | None:
    """The syntax tree; the error where there is one that names a line; None for what Python can't even look at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\\d" in a plain string and the like
        try:
            return ast.parse(source)
        except SyntaxError as error:
            return error
        except (ValueError, RecursionError, MemoryError):
            return None


def functions(tree: ast.Module, name: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of that name at the top level, in order."""
    return [node for node in tree.body if isinstance(node, FUNCTION) and node.name == name]


def definitions(tree: ast.Module, name: str) -> list[ast.stmt]:
    """What gives that name a function at the top level, in order: functions with a body, and assignments.

    A quoted stub is none: a function of nothing but a docstring, `pass`, `...` or `raise NotImplementedError`.
    """

    def own(node: ast.stmt) -> bool:
        if isinstance(node, FUNCTION):
            return node.name == name and not all(map(_idle, node.body))
        bound = isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        return bound and name in _binds(node) and name not in _uses(node, ast.Load)

    return [node for node in tree.body if own(node)]


def _idle(node: ast.stmt) -> bool:
    """Whether a statement does nothing, or only says that something is still to be written."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Raise):
        return "NotImplementedError" in _uses(node)
    return isinstance(node, ast.Pass)


def gives(node: ast.AST) -> bool:
    """Whether it hands something back by itself: a `return`, `yield` or `raise`, not one of a function inside it."""
    waiting = [*ast.iter_child_nodes(node)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Return | ast.Yield | ast.YieldFrom | ast.Raise):
            return True
        if not isinstance(part, (*DEFINED, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(part))
    return False


def mended(lines: Sequence[str], entry_point: str) -> tuple[Lines, ast.Module] | None:
    """The lines without what does not parse: prose, a half-written function at the end.

    Whole top-level pieces are dropped, at most eight, after that all that follows; of the function asked for itself
    only its end is, and only where what is left of it still returns something.
    """
    lines = list(lines)
    head = re.compile(rf"(?:async\s+)?def\s+{re.escape(entry_point)}\b")
    cut_short = False
    for attempt in range(_MENDS + 2):
        found = parse("\n".join(lines))
        if isinstance(found, ast.Module):
            own = definitions(found, entry_point)
            return (lines, found) if own and (gives(own[-1]) or not cut_short) else None
        if found is None or not lines:
            return None
        start, at, end = _piece(lines, found)
        if head.match(lines[start]) and at > start:
            cut_short = True
            start = at
        lines = lines[:start] + (lines[end:] if attempt < _MENDS else [])
    return None


def _piece(lines: Sequence[str], error: SyntaxError) -> tuple[int, int, int]:
    """The top-level piece that an error lies in: its first line, the error's, and the one after its last."""
    above = _OPENED_ABOVE.search(error.msg or "") if isinstance(error, IndentationError) else None
    number = int(above[1]) if above else (error.lineno or len(lines))
    at = min(max(number, 1), len(lines)) - 1
    start = next((index for index in range(at, -1, -1) if _STARTS.match(lines[index])), 0)
    end = next((index for index in range(at + 1, len(lines)) if _STARTS.match(lines[index])), len(lines))
    return start, at, end


def needed(lines: Sequence[str], tree: ast.Module, entry_point: str, which: int = -1, given: int = 0) -> str:
    """The source of what a function needs: itself, and what binds the names that it and its helpers use.

    Demonstrations go: calls of the function, prints, asserts, `if __name__ == "__main__"`; so does everything else that
    could only fail. Where several functions have the name asked for, `which` of them stays; the last counts in Python.
    What starts on one of the first `given` lines stays in any case.
    """
    own = definitions(tree, entry_point)
    others = {id(node) for node in (*functions(tree, entry_point), *own) if node is not own[which]}
    uses = [_uses(node) for node in tree.body]
    by_name: dict[str, list[int]] = {}
    for index, node in enumerate(tree.body):
        if node is own[which] or (id(node) not in others and not _demonstrates(node, entry_point)):
            for name in {*_binds(node)} | _touches(node, uses[index]):
                by_name.setdefault(name, []).append(index)
    kept = {index for index, node in enumerate(tree.body) if node.lineno <= given}
    waiting = [entry_point, "*", "annotations", *(name for index in kept for name in uses[index])]
    while waiting:
        new = set(by_name.pop(waiting.pop(), ())) - kept
        kept |= new
        waiting.extend(name for index in new for name in uses[index])
    if len(kept) == len(tree.body):
        return "\n".join(lines)
    rows = {row for index in kept for row in range(*_rows(tree.body[index]))}
    return "\n".join(line for row, line in enumerate(lines) if row in rows or row < given) + "\n"


def hoisted(source: str) -> str:
    """`from __future__` imports at the very top, where Python wants them."""
    if "__future__" not in source:
        return source
    lines = source.split("\n")
    first = [line for line in lines if line.startswith("from __future__ ")]
    return "\n".join([*dict.fromkeys(first), *(line for line in lines if not line.startswith("from __future__ "))])


def _rows(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return first - 1, node.end_lineno or node.lineno


def _binds(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, DEFINED):
        yield node.name
        return
    yield from _uses(node, ast.Store)
    for part in ast.walk(node):
        if isinstance(part, IMPORT):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in part.names)
        elif isinstance(part, DEFINED):
            yield part.name


def _uses(node: ast.stmt, how: type[ast.expr_context] = ast.expr_context) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, how)}


def _touches(node: ast.stmt, uses: set[str]) -> set[str]:
    """Names that a statement may change without binding them: `cache.update(...)`, `sys.setrecursionlimit(...)`."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        return uses
    return uses if isinstance(node, ast.For | ast.While | ast.With | ast.If | ast.Try | ast.Assign) else set()


def _demonstrates(node: ast.stmt, entry_point: str) -> bool:
    """Whether a top-level statement only shows or tests the function."""
    shows = {*_MAIN, entry_point, "__name__"}
    return not isinstance(node, (*DEFINED, *IMPORT)) and not _uses(node).isdisjoint(shows)
