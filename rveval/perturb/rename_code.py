"""Identifiers of a program called by other names, by its syntax tree.

Functions, arguments and local variables get new names in the stub, in the solution and, where a test calls a function
by name, in the test. The edit is made at the places of the tokens, so that comments and layout stay as they are. The
map from old to new names is one to one over the whole program and the new names are new to it, so it means the same.
"""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import re
import tokenize
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from rveval.perturb.data import load, words
from rveval.perturb.item import Item

FUNCTIONS = words(load("rename")["functions"])
VARIABLES = words(load("rename")["variables"])
_RESERVED = frozenset((*dir(builtins), *keyword.kwlist, *keyword.softkwlist, "check", "candidate", "METADATA"))
_ENGLISH_SINGLE = frozenset("aAI")


def rename_code(item: Item, rng: Random) -> Item:
    """A program with other identifiers; the item as it is, with a reason, where the program can't be read.

    >>> from rveval.perturb import Traits
    >>> stub = "def f(n):\\n    'f(1) is 2 for n=1'\\n"
    >>> test = "def check(candidate):\\n    assert candidate(1) == f(1) == 2\\n"
    >>> item = Item("code/0", Traits("code"), stub, "    return n + 1\\n", entry_point="f", test=test)
    >>> changed = rename_code(item, Random(1))
    >>> print(changed.question + changed.answer + changed.test, end="")
    def get_result(zeta):
        'get_result(1) is 2 for zeta=1'
        return zeta + 1
    def check(candidate):
        assert candidate(1) == get_result(1) == 2
    """
    program = item.question + item.answer
    try:
        tree, stub, test = ast.parse(program), ast.parse(item.question), ast.parse(item.test)
    except SyntaxError:
        return item.leave("rename: not a program that can be read")
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    prose = "\n".join(text for _, _, text in _prose(item.question))
    given = _new_names(tree, test, _bound(stub), functions, prose, rng)
    if item.entry_point not in given:
        return item.leave("rename: the entry point's name is used as something else")
    public = {name: given[name] for name in functions if name in given}
    return replace(
        item,
        question=_edit_stub(item.question, given, functions),
        answer=_edit_rest(program, item.question, given),
        test=_edit(item.test, public),
        entry_point=given[item.entry_point],
    )


def lost_code(before: Item, after: Item) -> str:
    """For `lost`: the program and its test must be the same but for identifiers, mapped one to one; "" where so."""
    try:
        old = [ast.parse(before.question + before.answer), ast.parse(before.test)]
        new = [ast.parse(after.question + after.answer), ast.parse(after.test)]
        ast.parse(after.question)
    except SyntaxError as error:
        return f"not a program: {error.msg}"
    functions = [node.name for node in old[0].body if isinstance(node, ast.FunctionDef)]
    shapes = [_shape(tree) for tree in (*old, *new)]
    if shapes[0][0] != shapes[2][0] or shapes[1][0] != shapes[3][0]:
        return "more than identifiers changed"
    program = dict(zip(shapes[0][1], shapes[2][1], strict=True))
    test = dict(zip(shapes[1][1], shapes[3][1], strict=True))
    for names, (was, now) in ((program, (shapes[0], shapes[2])), (test, (shapes[1], shapes[3]))):
        if [names[name] for name in was[1]] != now[1] or len(set(names.values())) != len(names):
            return "identifiers are not mapped one to one"
    if any(old_name != new_name and old_name in _RESERVED for old_name, new_name in (program | test).items()):
        return "a built-in name changed"
    if any(new_name != program[name] for name, new_name in test.items() if name in functions):
        return "the test calls a function by another name than the program gives it"
    return "" if program.get(before.entry_point) == after.entry_point else "the entry point has another name"


def _shape(tree: ast.Module) -> tuple[str, list[str]]:
    """A tree without identifiers and docstrings, and its identifiers in order."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.append(node.id)
            node.id = "_"
        elif isinstance(node, ast.arg):
            found.append(node.arg)
            node.arg = "_"
        elif isinstance(node, ast.FunctionDef):
            found.append(node.name)
            node.name = "_"
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value.value = ""
    return ast.dump(tree), found


def _new_names(
    tree: ast.Module, test: ast.Module, shown: list[str], functions: list[str], prose: str, rng: Random
) -> dict[str, str]:
    """Old to new names for all that may be renamed, in the order of the program."""
    # What the test also binds for itself stays: one name would otherwise have become two.
    kept = _kept(tree) | set(_bound(test)) | set(_keywords(test))
    taken = _RESERVED | _words(tree) | _words(test) | set(re.findall(r"\w+", prose))
    given: dict[str, str] = {}
    for name in dict.fromkeys([*functions, *_bound(tree)]):
        if name in kept or name in _RESERVED or name.startswith("_"):
            continue
        if name in shown and name not in functions and not _can_follow(name, prose):
            continue
        given[name] = _fresh(FUNCTIONS if name in functions else VARIABLES, taken, rng)
        taken = taken | {given[name]}
    return given


def _fresh(pool: tuple[str, ...], taken: frozenset[str] | set[str], rng: Random) -> str:
    free = [name for name in pool if name not in taken]
    if free:
        return rng.choice(free)
    return next(name for number in range(2, 10_000) if (name := f"{pool[0]}_{number}") not in taken)


def _bound(tree: ast.Module) -> list[str]:
    """Functions, arguments and variables that a program gives a name to, in order."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.arg):
            found.append(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append(node.id)
    return list(dict.fromkeys(found))


def _kept(tree: ast.Module) -> set[str]:
    """Names that stay: imported, passed by keyword, in f-strings, or bound in a way whose tokens are not names."""
    kept = set(_keywords(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            kept |= {part for alias in node.names for part in (alias.name, alias.asname or alias.name)}
        elif isinstance(node, ast.JoinedStr):
            kept |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        elif isinstance(node, ast.ClassDef):
            kept.add(node.name)
            kept |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            kept.add(node.name)
    return kept


def _keywords(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg:
            yield node.arg


def _words(tree: ast.Module) -> set[str]:
    """Every identifier and attribute, whatever it is."""
    return set(re.findall(r"[^\W\d]\w*", ast.unparse(tree)))


def _is_identifier(name: str) -> bool:
    """Whether a name can't be mistaken for a word of English where it occurs in prose."""
    if len(name) == 1:
        return name not in _ENGLISH_SINGLE
    marked = "_" in name or any(letter.isdigit() or letter.isupper() for letter in name[1:])
    return marked or not set(name.lower()) & set("aeiouy") or name in ("arr", "num", "nums", "dic")


def _mention(name: str) -> str:
    """Where prose names an identifier: not in "file's", "\\n" or "2x"."""
    return rf"(?<![\w\\])(?<!\w['\u2019]){name}(?!\w)"


def _can_follow(name: str, prose: str) -> bool:
    """Whether an argument's new name can stand wherever the docstring has the old one; a plain word stays."""
    if not re.search(rf"(?<!\w){name}(?!\w)", prose):
        return True
    odd = re.search(rf"\d{name}\b|['\"]{name}['\"]|['\u2019\\]{name}\b", prose)
    return _is_identifier(name) and odd is None


def _prose(stub: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and text of the docstrings and comments of a stub."""
    opens = True
    for token, start, end in _tokens(stub):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and opens):
            yield start, end, token.string
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            opens = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def _tokens(source: str) -> Iterator[tuple[tokenize.TokenInfo, int, int]]:
    """Tokens with their places in the text."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.end[0] < len(starts) + 1 and token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            yield token, starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1]
        elif token.type in (tokenize.INDENT, tokenize.DEDENT):
            yield token, 0, 0


def _edits(source: str, given: dict[str, str]) -> Iterator[tuple[int, int, str]]:
    """Start, end and new text of every name that changes; attributes are not names."""
    last = ""
    for token, start, end in _tokens(source):
        if token.type == tokenize.NAME and last != "." and token.string in given:
            yield start, end, given[token.string]
        if token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING):
            last = token.string


def _put(source: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        source = source[:start] + new + source[end:]
    return source


def _edit(source: str, given: dict[str, str]) -> str:
    return _put(source, list(_edits(source, given)))


def _edit_rest(program: str, stub: str, given: dict[str, str]) -> str:
    """The solution, read as what follows the stub."""
    edits = [(start - len(stub), end - len(stub), new) for start, end, new in _edits(program, given)]
    return _put(program[len(stub) :], [edit for edit in edits if edit[0] >= 0])


def _edit_stub(stub: str, given: dict[str, str], functions: list[str]) -> str:
    """The stub's names, and what its docstrings and comments say of its functions and arguments."""
    edits = list(_edits(stub, given))
    shown = {stub[start:end] for start, end, _ in edits}
    for start, end, text in _prose(stub):
        edits.append((start, end, _edit_prose(text, {old: given[old] for old in given if old in shown}, functions)))
    return _put(stub, edits)


def _edit_prose(text: str, given: dict[str, str], functions: list[str]) -> str:
    """One pass over a docstring: a function's plain-word name only where it is called or called a function."""
    if not given:
        return text
    places = []
    for name in given:
        if name in functions and not _is_identifier(name):
            places.append(rf"(?<![\w\\.])(?<!\w['\u2019]){name}(?=\()|(?<=function ){name}\b|(?<=`){name}(?=`)")
        else:
            places.append(_mention(name))
    return re.sub("|".join(places), lambda match: given[match[0]], text)
