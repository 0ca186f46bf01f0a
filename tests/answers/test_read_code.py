"""Reading programs: every form an answer comes in, on all of HumanEval, and what must not be taken for a program."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA, needs_data
from cpu import at_most, long
from hypothesis import given, settings
from hypothesis import strategies as st

from rveval.answers import read_code

Task = dict[str, Any]
Form = Callable[[Task], str]

STUB = '''import math


def helper(x: int) -> int:
    """Add one."""
    return x + 1


def solve(x: int) -> int:
    """Say what x and two are.

    >>> solve(1)
    3
    """
'''
PROSE = "Sure! Here's the completed function (it isn't long):"
MORE = "\n\nThis works because it's simple:\n\n1. It's short.\n2. It returns a list, e.g. [1, 2] (or so).\n"
TESTS = "\n\nif __name__ == '__main__':\n    import doctest\n    doctest.testmod()\n    print(nothing_here)\n"
QUESTION = '\n\nQuestion: what else?\n\ndef more(xs: NoSuchType) -> None:\n    """Not asked for."""\n    return [x for'


def values(program: str | None) -> list[int]:
    """What `solve` says to 1 and 5; the programs are this file's own."""
    assert program is not None
    names: dict[str, Any] = {"__name__": "candidate"}
    exec(compile(program, "program", "exec"), names)
    return [names["solve"](1), names["solve"](5)]


WHOLE = "def solve(x: int) -> int:\n    return helper(x) + 1"
FENCED = f"```python\n{WHOLE}\n```"
ADD = "```python\ndef add(x):\n    return x + 1\n```"
STRICT_TOO = {
    "fence": FENCED,
    "fence without a language": FENCED.replace("python", ""),
    "tildes": FENCED.replace("```", "~~~"),
    "fence with a name": FENCED.replace("python", 'Python title="a.py"'),
    "fence that the token limit left open": f"```py\n{WHOLE}",
    "fence in prose": f"{PROSE}\n\n{FENCED}{MORE}",
    "fence in a list": "1. Like this:\n" + textwrap.indent(FENCED, "   "),
    "windows": FENCED.replace("\n", "\r\n"),
    "with an example in a block of its own": f"{FENCED}\nUse it:\n```python\nprint(solve(1))\n```\n",
    "with an output in a block of its own": f"{FENCED}\n```\n3\n```\n",
    "with demonstrations": f"```python\n{WHOLE}\n\nassert solve(1) == 4\nprint(solve(nothing)){TESTS}```",
    "with a constant": "```\nimport sys\nsys.setrecursionlimit(999)\ntwo = 2\n\ndef solve(x):\n    return x + two\n```",
    "with a helper below": "```python\ndef solve(x):\n    return add(x)\n\ndef add(x):\n    return x + 2\n```",
    "with a table": "```\nt = {}\nfor i in range(9):\n    t[i] = i + 2\n\ndef solve(x):\n    return t[x]\n```",
    "with its own imports": "```\nfrom __future__ import annotations\nimport operator\ndef solve(x: None | int):\n"
    "    return operator.add(x, 2)\n```",
    "the continuation": "    return helper(x) + 1",
    "the continuation and a helper": "    return add(x)\n\n\ndef add(x):\n    return x + 2\n",
    "the continuation and a question": f"    return x + 2\n{QUESTION}",
    "the continuation and demonstrations": f"    return x + 2\n\nprint(solve(9))\n{TESTS}",
}
FLEXIBLE_ONLY = {
    "two versions": FENCED.replace("1", "7") + "\nBetter:\n" + FENCED,
    "the last one cut off": FENCED + "\nOr:\n```python\ndef solve(x):\n    return helper(x",
    "a helper's block": f"{ADD}\nand\n{FENCED.replace('helper', 'add')}",
    "a helper's block below": f"{FENCED.replace('helper', 'add')}\nand\n{ADD}",
    "prose in the fence": f"```python\nHere's my code:\n{WHOLE}\nIt isn't long.\n```",
    "a fence cut off in a print": f"```python\n{WHOLE}\n\nprint(solve(",
    "a body in a fence": "```python\n    y = x + 1\n    return y + 1\n```",
    "a body at the margin in a fence": "```python\ny = x + 1\nreturn y + 1\n```",
    "the continuation and prose": f"    return x + 2\n{MORE}",
    "the continuation and the end of a fence": f"    return x + 2\n```\n{MORE}",
    "the continuation, then another try": f"    return x + 2\n\n\nText.\n\n{WHOLE.replace('1', '3')}",
    "first line at the margin": "y = x + 1\n    return y + 1",
    "first line at the margin, a loop": "for _ in range(2):\n        x += 1\n    return x",
    "one space lost": "   if x > 100:\n        return 0\n    return x + 2\n",
    "all at the margin": "if x > 100:\n    return 0\nx += 1\nreturn x + 1\n",
    "all at the margin and prose": f"y = x + 2\nfor _ in range(2):\n    y += 0\nreturn y\n{MORE}",
    "eight spaces": "        if x > 100: return 0\n        y = x + 1\n        return y + 1\n",
    "two spaces": "  if x > 100:\n    return 0\n  return x + 2\n",
    "tabs": "\tif x > 100:\n\t\treturn 0\n\treturn x + 2\n",
    "the signature again": WHOLE,
    "the whole stub again": STUB + "    return x + 2\n",
    "the function in prose": f"{PROSE}\n\n{WHOLE}\n{MORE}",
    "much prose before": "\n".join(f"It's step {i}." for i in range(50)) + f"\n{WHOLE}\n{MORE}",
    "the function and a repetition": f"{WHOLE}\n\n\ndef solve(x):\n    return 0\n",
    "nulls and half characters": f"\0\ud800\n{WHOLE}\n\0",
}
FAILED = {
    "nothing": "",
    "prose": "I can't write this function.",
    "one word": "Sure",
    "another function": "```python\ndef other(x):\n    return x\n```",
    "a method": "```python\nclass Solution:\n    def solve(self, x):\n        return x + 2\n```",
    "cut off before it returns": "```python\ndef solve(x):\n    y = [x for",
    "another language": "```js\nfunction solve(x) { return x + 2; }\n```",
    "a use of it": "```python\nprint(solve(1))\n```",
    "only a comment": "    # nothing yet",
    "deep": "    return " + "(" * 5000,
    "deep signs": "    return " + "-" * 30_000 + "x",
    "an empty fence": "```python\n```",
}


@pytest.mark.parametrize("response", STRICT_TOO.values(), ids=STRICT_TOO)
def test_the_forms_asked_for_are_read_strictly_and_flexibly(response: str) -> None:
    reading = read_code(response, STUB, "solve")
    assert values(reading.strict) == [3, 7]
    assert reading.flexible == reading.strict


@pytest.mark.parametrize("response", FLEXIBLE_ONLY.values(), ids=FLEXIBLE_ONLY)
def test_other_forms_are_read_flexibly_only(response: str) -> None:
    reading = read_code(response, STUB, "solve")
    assert reading.strict is None
    assert values(reading.flexible) == [3, 7]


@pytest.mark.parametrize("response", FAILED.values(), ids=FAILED)
def test_no_program_is_a_failure(response: str) -> None:
    assert read_code(response, STUB, "solve").failed


def test_what_the_function_does_not_need_is_left_out() -> None:
    program = read_code(f"```\n{WHOLE}\n\nx = solve(1)\nprint(x)\n```", STUB, "solve").strict
    assert program is not None
    assert program.endswith(WHOLE + "\n")
    assert program.startswith("import math\n\n\ndef helper")


@cache
def tasks() -> list[Task]:
    assert DATA is not None
    return [json.loads(line) for line in (DATA / "humaneval" / "HumanEval.jsonl").open(encoding="utf-8")]


def whole(task: Task) -> str:
    return str(task["prompt"] + task["canonical_solution"]).strip("\n")


def function(task: Task) -> str:
    """The function alone, without the stub's imports and helpers."""
    text = whole(task)
    return text[re.search(rf"^def {task['entry_point']}\b", text, re.MULTILINE).start() :]  # type: ignore[union-attr]


def body(task: Task) -> str:
    """The body from its first line on (two solutions begin with blank ones)."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", str(task["canonical_solution"]))


def at_the_margin(task: Task) -> str:
    """The body without its base indentation; where lines inside a string are further left, as it is."""
    lines = body(task).rstrip().split("\n")
    base = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[base:] if line[:base].isspace() else line for line in lines)


FORMS: dict[str, tuple[Form, bool]] = {
    "fence": (lambda task: f"```python\n{whole(task)}\n```", True),
    "function alone": (lambda task: f"```python\n{function(task)}\n```", True),
    "fence with prose": (lambda task: f"{PROSE}\n\n~~~py\n{function(task)}\n~~~{MORE}", True),
    "open fence": (lambda task: f"{PROSE}\n```\n{function(task)}\n", True),
    "fence with tests": (lambda task: f"```python\n{function(task)}\n\nprint({task['entry_point']}()){TESTS}```", True),
    "several blocks": (
        lambda task: (
            f"```python\n{task['prompt']}    raise ValueError\n```\nThe solution:\n```python\n{function(task)}\n```\n"
            f"Use:\n```python\nprint({task['entry_point']}())\n```"
        ),
        False,
    ),
    "continuation": (lambda task: str(task["canonical_solution"]), True),
    "first line unindented": (lambda task: body(task).strip(), False),
    "one space lost": (lambda task: body(task)[1:], False),
    "at the margin": (at_the_margin, False),
    "body in a fence": (lambda task: f"{PROSE}\n```python\n{body(task)}```", False),
    "rambling": (lambda task: body(task) + MORE + QUESTION, False),
    "rambling tests": (lambda task: body(task) + f"\n\nassert {task['entry_point']}() == 1{TESTS}", True),
    "rambling first line unindented": (lambda task: body(task).strip() + QUESTION, False),
    "rambling at the margin": (lambda task: at_the_margin(task) + MORE, False),
    "unfenced": (lambda task: f"{PROSE}\n\n{function(task)}\n{MORE}", False),
    "another task follows": (lambda task: body(task) + "\n\n" + tasks()[0]["prompt"], True),
}

BATCH = """
import json, os, sys
for source, test, entry_point in json.load(sys.stdin):
    names = {"__name__": "candidate"}
    try:
        exec(source + "\\n" + test, names)
        names["check"](names[entry_point])
    except BaseException as error:
        os.write(2, f"{entry_point}: {error!r}\\n".encode())
    else:
        os.write(1, b".")
"""


@needs_data("humaneval")
@pytest.mark.parametrize("form", FORMS)
def test_all_of_humaneval_in_every_form(form: str, tmp_path: Path) -> None:
    """164 of 164 canonical solutions are found in each form, and what is found passes the benchmark's tests."""
    present, strict = FORMS[form]
    batch, left = [], []
    for task in tasks():
        reading = read_code(present(task), task["prompt"], task["entry_point"])
        if reading.flexible is None or (reading.strict is not None) != strict:
            left.append(task["task_id"])
        elif reading.flexible is not None:
            batch.append((reading.flexible, task["test"], task["entry_point"]))
    assert left == []
    done = subprocess.run(
        [sys.executable, "-c", BATCH], input=json.dumps(batch), capture_output=True, text=True, cwd=tmp_path,
        env={"PATH": os.environ["PATH"]}, timeout=300, check=False,
    )  # fmt: skip
    assert (done.stderr, done.stdout) == ("", "." * 164)


PIECES = st.lists(
    st.sampled_from(
        ["```", "```python", "~~~", "\n", "\n\n", "    ", "  ", "\t", "def solve(x):", "return x", "import math",
         "if x:", "else:", "'''", '"', "(", "]", "#", "print(solve(1))", "async ", "class A:", "lambda", "@", "\\",
         "\0", "\ud800", "\x0c", "\r", "from __future__ import annotations", "x = 1; y = 2", "Here's the code:",
         "yield", "*", "match x:"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@settings(deadline=None)
@given(PIECES | st.text(max_size=200))
def test_any_text_is_read_without_an_error_and_strict_is_flexible(text: str) -> None:
    reading = read_code(text, STUB, "solve")
    assert reading.strict in (None, reading.flexible)
    if reading.flexible is not None:
        names = [node.name for node in ast.parse(reading.flexible).body if isinstance(node, ast.FunctionDef)]
        assert {"helper", "solve"} <= set(names)


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=20), PIECES)
def test_any_stub_is_read_without_an_error(stub: str, name: str, text: str) -> None:
    reading = read_code(text, stub, name)
    assert reading.strict in (None, reading.flexible)


@pytest.mark.parametrize(
    "unit",
    ["x = 1\n", "    x = 1\n", "```\n", "```python\ndef solve(x):\n    return x\n```\n", "(", "-", "'''", "a.",
     "1+", "\n", " ", "def solve(x):\n    return x\n", "def solve(x):\n", "Some prose here.\n", "It's prose.\n",
     "if x:\n", "```python\n", "`", "```\ndef f(): 0\n```\n", "return 1\n", "import a\n", "[", "\\\n", "\t", "x\n",
     "\0", "f(x);", "    return x\nIt's.\n"],
)  # fmt: skip
def test_a_long_text_is_read_in_linear_time(unit: str) -> None:
    text = long(unit)
    for response in (text, f"```python\ndef solve(x):\n    return x\n{text}"):
        with at_most():
            read_code(response, STUB, "solve")
