"""HumanEval under any family: the stub still parses, its code is the same, its own solution passes its own tests."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from oracle_case import Case
from oracle_numbers import is_subsequence

_RUNNER = r"""
import contextlib, io, json, sys
failed = {}
for place, program in enumerate(json.load(sys.stdin)):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(program, f"program {place}", "exec"), {"__name__": "program"})
    except BaseException as error:
        failed[place] = f"{type(error).__name__}: {error}"[:200]
json.dump(failed, sys.stdout)
"""
_NAMED = ("id", "arg", "name", "attr", "asname")


def parses(case: Case) -> Iterator[str]:
    """The stub alone and with its solution is Python, and defines the entry point at its end."""
    stub, solution = case.asked["prompt"], case.asked["canonical_solution"]
    for what, text in (("the stub", stub), ("the stub with its solution", stub + solution)):
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            yield f"{what} does not parse: {error}"
            return
    last = tree.body[-1]
    if not isinstance(last, ast.FunctionDef) or last.name != case.asked["entry_point"]:
        yield "the last function is not the entry point"


def same_code(case: Case) -> Iterator[str]:
    """Outside docstrings and comments the stub is what it was; its solution, tests and entry point are, too."""
    for name in ("canonical_solution", "entry_point", "test"):
        if case.asked[name] != case.raw[name]:
            yield f"{name} changed"
    if _code(case.asked["prompt"]) != _code(case.raw["prompt"]):
        yield "the stub's code changed"


def same_examples(case: Case) -> Iterator[str]:
    """Doctest lines, quoted strings and numbers in the docstring are what they were."""
    old, new = case.raw["prompt"], case.asked["prompt"]
    for what, pattern in (
        ("doctests", r">>>.*(?:\n.*\S.*)?"),
        ("strings", r"'[^'\n]*'(?!\w)|\"[^\"\n]+\""),
        ("numbers", r"\d+"),
    ):
        before, after = ([" ".join(found.split()) for found in re.findall(pattern, text)] for text in (old, new))
        if what == "strings":
            before, after = (
                [found for found in texts if not re.search(r"[a-z]{3} [a-z]{2}", found)] for texts in (before, after)
            )
        if before != after:
            yield f"{what} changed: {sorted(set(before) ^ set(after))[:4]}"


def examples_there(case: Case) -> Iterator[str]:
    """Every doctest line of the stub is there, in order."""
    old, new = (re.findall(r">>>.*", text) for text in (case.raw["prompt"], case.asked["prompt"]))
    if not is_subsequence(old, new):
        yield f"doctests are missing: {old}"


def identifiers(stub: str) -> set[str]:
    """Every name that a stub's code knows."""
    nodes = list(ast.walk(ast.parse(stub)))
    return {value for node in nodes for name in _NAMED if isinstance(value := getattr(node, name, None), str)}


def added_helpers(case: Case) -> Iterator[str]:
    """A distractor in code is a comment, or a function that nothing calls; what was there stays as it was."""
    old, new = ast.parse(case.raw["prompt"]), ast.parse(case.asked["prompt"])
    kept = [ast.dump(_bare(node)) for node in new.body]
    before = [ast.dump(_bare(node)) for node in old.body]
    rest = iter(kept)
    if not all(node in rest for node in before):
        yield "the stub's code changed"
    known = set(re.findall(r"\w+", case.raw["prompt"] + case.raw["canonical_solution"] + case.raw["test"]))
    extra = [node for node in new.body if ast.dump(_bare(node)) not in before]
    for node in extra:
        name = getattr(node, "name", "")
        if not isinstance(node, ast.FunctionDef | ast.Assign) or name in known:
            yield f"{ast.unparse(node)[:60]!r} is no unused helper"
    for name in ("canonical_solution", "entry_point", "test"):
        if case.asked[name] != case.raw[name]:
            yield f"{name} changed"


def renamed_code(case: Case) -> Iterator[str]:
    """Stub, solution and tests are the same trees under one one-to-one mapping of names, the entry point among them."""
    names: dict[str, str] = {}
    old, new = (ast.parse(doc["prompt"] + doc["canonical_solution"]) for doc in (case.raw, case.asked))
    if wrong := _differs(old, new, names):
        yield wrong
    # What the tests call their own variables is their business; the functions they share with the stub are not.
    shared = {node.name for node in old.body if isinstance(node, ast.FunctionDef)}
    of_tests = {name: names[name] for name in shared & names.keys()}
    if wrong := _differs(ast.parse(case.raw["test"]), ast.parse(case.asked["test"]), of_tests):
        yield f"tests: {wrong}"
    if len(set(names.values())) != len(names):
        yield f"two names became one: {names}"
    if names.get(case.raw["entry_point"], case.raw["entry_point"]) != case.asked["entry_point"]:
        yield f"the entry point is {case.asked['entry_point']}, the function another"
    changed = {old: new for old, new in names.items() if old != new}
    for old in changed:
        if re.search(rf">>> ?.*\b{re.escape(old)}\(", case.asked["prompt"]):
            yield f"an example still calls {old}"
    if changed and case.asked["rv_changed"] is False:
        yield "names changed, and it is recorded as unchanged"


def _differs(old: object, new: object, names: dict[str, str]) -> str:
    """What two trees do not share under the mapping, which grows on the way; "" for nothing. No docstrings."""
    if isinstance(old, ast.AST) and type(old) is type(new):
        if _is_text(old):
            return ""
        for name, value in ast.iter_fields(old):
            other = getattr(new, name)
            if name in _NAMED and isinstance(value, str):
                if names.setdefault(value, other) != other:
                    return f"{value} became {names[value]} and {other}"
            elif wrong := _differs(value, other, names):
                return wrong
        return ""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        found = (_differs(one, other, names) for one, other in zip(old, new, strict=True))
        return next(filter(None, found), "")
    return "" if old == new else f"{str(old)[:60]!r} became {str(new)[:60]!r}"


def program(case: Case) -> str:
    """The stub, its solution, its tests, and the call that runs them; what is no code is left out."""
    doc = case.asked
    text = f"{doc['prompt']}{doc['canonical_solution']}\n{doc['test']}\ncheck({doc['entry_point']})\n"
    return ast.unparse(_bare(ast.parse(text)))


def failing(programs: Sequence[str], timeout_s: float = 300) -> dict[int, str]:
    """The programs that raise, by place, with what they raised: published code, in one process of its own."""
    run = [sys.executable, "-I", "-c", _RUNNER]
    done = subprocess.run(
        run, input=json.dumps(list(programs)), capture_output=True, text=True, timeout=timeout_s, check=True
    )
    return {int(place): why for place, why in json.loads(done.stdout).items()}


def _code(stub: str) -> str:
    """A stub without docstrings, comments, and how lines are broken."""
    return ast.unparse(_bare(ast.parse(stub)))


def _bare(tree: ast.AST) -> Any:
    """A copy without docstrings; a body that was nothing else becomes `pass`."""
    copy = ast.parse(ast.unparse(tree))
    for node in ast.walk(copy):
        body: Any = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_text(one)] or [ast.Pass()]  # type: ignore[attr-defined]
    return copy


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
