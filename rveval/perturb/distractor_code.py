"""What does not bear on a program: a comment, or a helper that nothing calls, before the function to complete."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from random import Random

from rveval.perturb.data import load, words
from rveval.perturb.item import Item

_DATA = load("distractor")
_PEOPLE = words(_DATA["code_people"])
_COMMENTS: list[str] = _DATA["code_comments"]
_HELPERS: list[str] = _DATA["code_helpers"]
_WORD = re.compile(r"[A-Za-z]+")


def add_aside(item: Item, rng: Random, count: int) -> Item:
    """Code with comments or unused helpers just before the function that is to be completed, after all imports.

    >>> from rveval.perturb import Traits
    >>> stub = "import math\\n\\n\\ndef area(r):\\n    'Area of a circle.'\\n"
    >>> item = Item("code/0", Traits("code"), stub, "    return math.pi * r * r\\n", entry_point="area")
    >>> print(add_aside(item, Random(3), 1).question, end="")
    import math
    <BLANKLINE>
    <BLANKLINE>
    # Karl works at desk 60 and reviews the release notes.
    <BLANKLINE>
    <BLANKLINE>
    def area(r):
        'Area of a circle.'
    """
    at = _start(item)
    if at is None:
        return item.leave("distractor: no function to complete in the stub")
    whole = "\n".join((item.question, item.answer, item.test, *item.before)).lower()
    names = [name for name in _PEOPLE if name.lower() not in whole]
    comments = [text for text in _COMMENTS if _apart(text, whole)]
    helpers = [text for text in _HELPERS if _apart(text, whole)]
    parts = []
    for name in rng.sample(names, min(count, len(names))):
        pool = rng.choice([texts for texts in (comments, helpers) if texts] or [[]])
        if not pool:
            break
        text = pool.pop(rng.randrange(len(pool)))
        parts.append(text.format(name=name, n=rng.randint(2, 60)) + "\n\n\n")
    if not parts:
        return item.leave("distractor: nothing to add that shares no word with the program")
    return replace(item, question=item.question[:at] + "".join(parts) + item.question[at:])


def _start(item: Item) -> int | None:
    """Where the line of the function to complete begins."""
    found = list(re.finditer(rf"^def {re.escape(item.entry_point)}\b", item.question, re.MULTILINE))
    return found[-1].start() if found else None


def _apart(text: str, whole: str) -> bool:
    """Whether no longer word of a text occurs in the program, as a word or inside one."""
    fields = re.sub(r"\{\w+\}", " ", text).lower()
    shared = ("return", "what", "that", "with", "another", "about", "ones", "works", "gave", "number", "keeps")
    return all(word not in whole for word in _WORD.findall(fields) if len(word) > 3 and word not in shared)


def lost_aside(before: Item, after: Item) -> str:
    """For `lost`: the stub parses, and without the new helpers it is the old one; "" where so."""
    try:
        old, new = ast.parse(before.question), ast.parse(after.question)
        ast.parse(after.question + after.answer)
    except SyntaxError as error:
        return f"not a program: {error.msg}"
    known = [ast.dump(node) for node in old.body]
    kept = [node for node in new.body if ast.dump(node) in known]
    if [ast.dump(node) for node in kept] != known:
        return "the stub's own code changed"
    extra = [node for node in new.body if ast.dump(node) not in known]
    names = {node.id for node in ast.walk(old) if isinstance(node, ast.Name)} | {before.entry_point}
    if any(not isinstance(node, ast.FunctionDef) or node.name in names for node in extra):
        return "what was added is more than unused helpers"
    last = new.body[-1] if new.body else None
    same = isinstance(last, ast.FunctionDef) and last.name == before.entry_point
    return "" if same else "the function to complete is not the last"
