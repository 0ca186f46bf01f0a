"""Reading the brackets that are missing at the end of a sequence."""

from __future__ import annotations

import re

from rveval.answers.containers import Container, cut_off, held
from rveval.answers.parts import Parts
from rveval.answers.reading import TAIL, Reading, backward, read, strictly

_SIGN = r"[()\[\]{}<>]"
_BETWEEN = r"(?:[ \t,\"'`\u201c\u201d*|]|and\b){0,8}"
_RUN = re.compile(rf"(?<![\w=.!?;%-]){_SIGN}(?:{_BETWEEN}{_SIGN})*+")
_TAG = re.compile(r"</?[A-Za-z|][^<>\n]{0,20}>")
_STRICT = re.compile(rf"{_SIGN}(?:[ \t]*+{_SIGN})*+")
_ONE_A_LINE = re.compile(
    rf"^([ \t]{{0,4}}{_SIGN})[ \t\r]{{0,4}}\n(?=[ \t]{{0,4}}{_SIGN}[ \t\r]{{0,4}}(?:\n|\Z))", re.MULTILINE
)
_SKIPPED = re.compile(r"[\s*_:=$~`\"'\u201c]{0,24}")
_EMPTY = re.compile(r"\W{0,9}(?:empty|nothing|none)\b", re.IGNORECASE)
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s?\{")
_MATHS = re.compile(r"(?:\\[\])]|\$+|[.\s])+\Z")


def read_brackets(response: str | Parts, given: str = "") -> Reading:
    r"""The brackets that close a sequence, joined by single spaces.

    Strict: the last line that ends in `#### ] ) }`. Flexible, the first that is found of: the strict one; the last run
    of brackets that is marked as the answer; the last run anywhere that is no pair around words and not the question's.

    Args:
        given: the sequence as the question has it; an answer that repeats it is read without it.

    >>> read_brackets("So the answer is [ ( { } ) ].", given="[ ( {")
    Reading(strict=None, flexible='} ) ]')
    """
    start = _signs(given)

    def closing(run: str) -> str | None:
        found = _signs(run).removeprefix(start)
        return " ".join(found) if found else None

    def strict(text: str) -> str | None:
        return strictly(text, lambda said: closing(said) if _STRICT.fullmatch(said) else None)

    def plain(text: str) -> str | None:
        if cut_off(text) and text.rstrip()[-1] not in "([{<":
            return None
        text = re.sub(r"\\(?=[{}])", "", text[-TAIL:])
        runs = backward(_RUN, _ONE_A_LINE.sub(r"\1 ", _TAG.sub(" ", text)))
        return next((found for run in runs if (found := closing(_run(run)))), None)

    def inside(container: Container, text: str) -> str | None:
        said = container.inside
        if container.kind == "box":  # its own braces are brackets too
            said = _MATHS.sub("", text[container.place : container.place + 1000].partition("\n")[0]).removesuffix("}")
            said = (said.removesuffix("}") if _TEXT.search(said) else said).rstrip()
        said = _TEXT.sub(" ", said).replace("\\", "")
        begin = _SKIPPED.match(said)
        run = _RUN.search(said) if container.kind == "box" else _RUN.match(said, begin.end() if begin else 0)
        return closing(_run(run)) if run else "" if _EMPTY.match(said) else None

    return read(response, strict, lambda text: held(text, inside, plain))


def _signs(text: str) -> str:
    return "".join(re.findall(_SIGN, text))


def _run(match: re.Match[str]) -> str:
    """A run of brackets without the one that opens what follows, as in "[ [ (so far)"."""
    after = match.string[match.end() : match.end() + 1]
    return match.group()[:-1] if after.isalnum() else match.group()
