"""What families that edit text share: which words are English, which name numbers, where the prose of a stub is."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources

from rveval.perturb.data import load, words
from rveval.perturb.family import same_answer
from rveval.perturb.item import Item

ONES = words("""
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
""")
TENS = words("twenty thirty forty fifty sixty seventy eighty ninety")
NUMBER_WORDS = frozenset((*ONES, *TENS, *words("hundred thousand million billion trillion dozen")))

AROUND_ONLY = "the problem itself is left as it is"

# Words that sentences begin with and that are in lower case anywhere else.
_STARTERS = frozenset(words(load("text")["starters"]))

_OPTIONS = re.compile(r"\n\s*Options:")
_NUMBER = re.compile(r"[-+]?[$€£]?\d+(?:[.,:/]\d+)*%?")

_QUOTES = re.compile(r"[rRuUbB]*(\"\"\"|'''|\"|')")
# A line with one of these is code: a prompt, a comparison, an arrow, an escape.
_CODE_LINE = re.compile(r">>>|==|=>|->|[\\➞→⇒]")
# What is cut out of a line of prose: quotes (but not apostrophes), brackets, calls, anything with an operator in it.
_CODE_PIECE = re.compile(
    r"\"[^\"]*\"|(?<![A-Za-z])'[^']*'|`[^`']*['`]|\[[^\]]*\]|\{[^}]*\}|[\w.]+\([^)]*\)|\S*[=<>|@`\"*^+/~#&≤≥\[\]{}]\S*"
    r"|(?<!\S)-\s|\w+(?:\.\w+)+"
)
_EXAMPLE = re.compile(r"\s*(>>>|(for |some )?examples?\b|e\.g\.|(input|output|explanation)s?\s*:)", re.IGNORECASE)
_PLAIN_WORD = re.compile(r"(?<![\w-])[A-Za-z][a-z']+(?![\w-])")
_FEWEST_WORDS = 3


@cache
def dictionary() -> frozenset[str]:
    """The listed words, lower case; the file says where they come from."""
    lines = resources.files(__package__).joinpath("dictionary.txt").read_text(encoding="ascii").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def is_word(word: str) -> bool:
    """Whether this is an English word, as far as the dictionary and plain inflection know.

    >>> [is_word(word) for word in ("cakes", "tries", "planned", "ckaes")]
    [True, True, True, False]
    """
    listed = dictionary()
    return word in listed or any(stem in listed for stem in stems(word))


def stems(word: str) -> Iterator[str]:
    """What a word may be an inflection of: "tries" of "trie", "tri" and "try"."""
    if word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
    for ending, others in _ENDINGS.items():
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 2:
            continue
        yield from (stem + other for other in others)
        if ending in _DOUBLING and stem[-1] == stem[-2]:
            yield stem[:-1]


_ENDINGS = {
    "ies": ("y",),
    "es": ("",),
    "ied": ("y",),
    "ed": ("", "e"),
    "ier": ("y",),
    "er": ("", "e"),
    "iest": ("y",),
    "est": ("", "e"),
    "ing": ("", "e"),
    "ily": ("y",),
    "ly": ("",),
}
_DOUBLING = ("ed", "er", "est", "ing")


def numbers(text: str) -> list[str]:
    """Everything written with digits, in order, with sign, currency and percent.

    >>> numbers("At 6:30 she pays $1,200.50 for 3 of them, -5%.")
    ['6:30', '$1,200.50', '3', '-5%']
    """
    return _NUMBER.findall(text)


def problem_end(question: str) -> int:
    """Where a question ends and a list of options that is part of it ("Options:", "- Yes", "- No") begins."""
    found = _OPTIONS.search(question)
    return found.start() if found else len(question)


def double_spaces(prose: str) -> str:
    return re.sub(r"(?<=\S) (?=\S)", "  ", prose)


def lower_start(sentence: str) -> str:
    """The sentence with its first word in lower case, if that is no name; marks of Markdown may stand before it.

    >>> lower_start("The bus leaves."), lower_start("Ann leaves."), lower_start("A, B and C leave.")
    ('the bus leaves.', 'Ann leaves.', 'A, B and C leave.')
    """
    found = re.match(r"([>*\- ]*)([A-Z][a-z]*)(?=\** +[a-z0-9$])", sentence)
    if not found or found[2].lower() not in _STARTERS:
        return sentence
    return found[1] + found[2].lower() + sentence[found.end() :]


def prose_spans(stub: str) -> list[tuple[int, int]]:
    """The pieces of a stub's docstrings that are prose, as (start, end) without the blanks around them.

    Each lies within one line. Doctests and examples up to the next empty line, quotes, brackets, calls, words with
    operators in them, and pieces of fewer than three words are not prose.

    >>> stub = '''def f(x):
    ...     \"\"\" Give back twice the number that is given.
    ...     f(2) == 4
    ...     \"\"\"'''
    >>> [stub[start:end] for start, end in prose_spans(stub)]
    ['Give back twice the number that is given.']
    """
    return [span for start, end in _docstrings(stub) for span in _prose_lines(stub, start, end)]


def _prose_lines(stub: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    in_example = False
    at = start
    for line in stub[start:end].split("\n"):
        in_example = bool(line.strip()) and (in_example or _EXAMPLE.match(line) is not None)
        if not in_example and not _CODE_LINE.search(line) and line.count('"') % 2 == 0:
            yield from _prose_pieces(line, at)
        at += len(line) + 1


def _prose_pieces(line: str, at: int) -> Iterator[tuple[int, int]]:
    """The pieces of a line between what is no prose; `at` is where the line begins."""
    cuts = [0, *(edge for found in _CODE_PIECE.finditer(line) for edge in found.span()), len(line)]
    for start, end in zip(cuts[::2], cuts[1::2], strict=True):
        piece = line[start:end]
        if len(_PLAIN_WORD.findall(piece)) >= _FEWEST_WORDS:
            yield at + start + len(piece) - len(piece.lstrip()), at + start + len(piece.rstrip())


def _docstrings(stub: str) -> Iterator[tuple[int, int]]:
    """What stands between the quotes of every string that is a statement of its own, as (start, end)."""
    lines = stub.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def offset(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    for node in _nodes(stub):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            start, end = offset(node.lineno, node.col_offset), offset(node.end_lineno or 1, node.end_col_offset or 0)
            if quotes := _QUOTES.match(stub, start, end):
                yield quotes.end(), end - len(quotes[1])


def names_in_code(stub: str) -> frozenset[str]:
    """Every identifier of a stub, lower case: functions, arguments, types, modules, attributes."""
    found: set[str] = set()
    for node in _nodes(stub):
        for field in ("id", "arg", "name", "attr", "module", "asname"):
            if isinstance(value := getattr(node, field, None), str):
                found.update(value.lower().split("."))
    return frozenset(found)


def edit_lost(before: Item, after: Item, kept: Callable[[str], object], what: str, fixed: bool) -> str:
    """For `lost` of a family that edits texts: answer, numbers and code are the same, and what `kept` says of a text.

    Args:
        before: the item before.
        after: the item after.
        kept: what must be the same of every text.
        what: what is wrong where it isn't, with the field `field`.
        fixed: whether the question has to stay as it is.
    """
    if wrong := same_answer(before, after):
        return wrong
    for field in ("question", "support", "description", "instruction"):
        old, new = getattr(before, field), getattr(after, field)
        if kept(old) != kept(new):
            return what.replace("{field}", field)
        if numbers(old) != numbers(new):
            return f"the numbers of the {field} changed"
    if fixed and before.question != after.question:
        return "the problem itself changed"
    return code_lost(before.question, after.question) if before.is_code else ""


def code_lost(before: str, after: str) -> str:
    """What of a stub changed outside its docstrings; "" where nothing did."""
    if not _nodes(after):
        return "the stub no longer parses"
    if _outside(before) != _outside(after):
        return "code outside the docstrings changed"
    return ""


def _outside(stub: str) -> list[str]:
    """The stub's text without what stands in its docstrings, byte for byte."""
    edges = sorted(edge for span in _docstrings(stub) for edge in span)
    cuts = [0, *edges, len(stub)]
    return [stub[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True)]


def _nodes(stub: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(stub)))
    except SyntaxError:  # another family's doing: no prose is found then, and nothing is edited
        return []
