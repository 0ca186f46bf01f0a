"""Families that edit the text of a problem: every word, number and name that decides the answer is still there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from oracle_case import Case
from oracle_code import identifiers
from oracle_numbers import ONES, SCALES, TENS, is_subsequence, spoken, values, written
from oracle_raw import vocabulary

# Of these subtasks the text is the problem itself.
PROBLEM_IS_TEXT = frozenset(
    f"bbh_{name}"
    for name in (
        *("word_sorting", "dyck_languages", "hyperbaton", "ruin_names", "boolean_expressions", "snarks"),
        *("multistep_arithmetic_two", "geometric_shapes", "salient_translation_error_detection"),
    )
)
_NEVER = """no not nor never none nobody nothing neither without cannot cant nt more less fewer fewest most least than
greater smaller larger bigger older younger taller shorter longer higher lower before after left right all every each
both some any only except twice half times cent cents dollar dollars foot feet inch inches mile miles yard yards meter
meters hour hours minute minutes second seconds day days week weeks month months year years pound pounds ounce ounces
gallon gallons percent degree degrees true false valid invalid yes"""
PROTECTED = frozenset((*_NEVER.split(), *ONES, *TENS, *SCALES))
_WORDS = re.compile(r"[a-z]+|\d+(?:[.,:/]\d+)*")


def parts(case: Case) -> Iterator[tuple[str, str, str]]:
    """Every text that may be edited, by name, before and after: the question without its options, what is around it."""
    yield "question", case.old, case.new
    for name in ("support", "rv_instruction", "rv_description"):
        if name in case.clean:
            yield name, str(case.clean[name]), str(case.asked[name])


def problem_untouched(case: Case) -> Iterator[str]:
    """Where the text is the problem, it is as published."""
    if case.source in PROBLEM_IS_TEXT and case.old != case.new:
        yield f"the problem itself changed: {case.new[:80]!r}"


def list_untouched(case: Case) -> Iterator[str]:
    """The "- Yes", "- No" under a question is what it was."""
    if case.benchmark == "bbh" and case.clean.get("gold", -1) < 0:
        old, new = (text.partition("Options:")[2].split() for text in (case.old, case.new))
        if old != new:
            yield f"the list of answers changed: {new}"


def same_numbers(case: Case) -> Iterator[str]:
    """Everything written with digits, and every word for a quantity, is there once and in order."""
    for name, old, new in parts(case):
        for read in (written, spoken):
            if read(old) != read(new):
                yield f"{name}: the numbers are {read(new)}, not {read(old)}"


def numbers_there(case: Case) -> Iterator[str]:
    """The numbers of the problem are all in the prompt, in order, whatever stands between them."""
    for read in (written, spoken):
        if not is_subsequence(read(case.old), read(case.prompt)):
            yield f"numbers are missing: {read(case.old)} in {read(case.prompt)}"


def slips(case: Case) -> Iterator[str]:
    """`typos`: letters of single words slipped; none that must be read exactly, and none made another word."""
    known = identifiers(case.old) if case.benchmark == "humaneval" else set()
    for name, old, new in parts(case):
        before, after = old.split(), new.split()
        if len(before) != len(after):
            yield f"{name}: {len(before)} words became {len(after)}"
            continue
        for place, (was, now) in enumerate(zip(before, after, strict=True)):
            if was != now and (wrong := _slip(was, now, place > 0 and not before[place - 1].endswith((".", "?", "!")))):
                yield f"{name}: {wrong}: {was!r} became {now!r}"
            elif was != now and _letters(was) in known:
                yield f"{name}: a name of the code: {was!r} became {now!r}"


def _slip(was: str, now: str, inside: bool) -> str:
    """What is wrong with a changed word; `inside`: it begins no sentence, so a capital means a name."""
    if re.sub("[A-Za-z]", "", was) != re.sub("[A-Za-z]", "", now):
        return "more than letters changed"
    if re.search(r"\d|['\"`#_(){}<>=/\\]", was.replace("'s", "")) and not re.fullmatch(
        r"[\"'(]*[A-Za-z'-]+[)\"'.,;:?!]*", was
    ):
        return "no plain word"
    old, new = _letters(was), _letters(now)
    if old.lower() in PROTECTED:
        return "a word that must be read exactly"
    if inside and old[:1].isupper():
        return "a name"
    if new.lower() in vocabulary():
        return "another word"
    return "" if _near(old, new) else "too far off"


def _letters(token: str) -> str:
    return re.sub(r"'s$|[^A-Za-z]", "", token.rstrip(".,;:?!)\"'"))


def _near(old: str, new: str) -> bool:
    """Whether one slip or two lead from one word to the other: nearly the same letters, nearly the same length."""
    if abs(len(old) - len(new)) > 2:
        return False
    rest = list(new.lower())
    missing = sum(letter not in rest or rest.remove(letter) is not None for letter in old.lower())
    return missing <= 2 and len(rest) <= 2


def _first(before: Sequence[object], after: Sequence[object]) -> str:
    """Where two sequences begin to differ, with what stands around it in both."""
    pairs = enumerate(zip(before, after, strict=False))
    at = next((place for place, (one, other) in pairs if one != other), min(len(before), len(after)))
    one, other = (" ".join(map(str, both[max(0, at - 2) : at + 4])) for both in (before, after))
    return f"{one!r} / {other!r}"


def same_words(case: Case) -> Iterator[str]:
    """`format`: the same words and numbers in the same order; only case, spacing and marks may differ."""
    for name, old, new in parts(case):
        before, after = (_WORDS.findall(text.lower()) for text in (old, new))
        if before != after:
            yield f"{name}: the words differ: {_first(before, after)}"


def same_values(case: Case) -> Iterator[str]:
    """`numwords`: read by value, the text is the same, word by word and mark by mark."""
    before, after = values(case.old), values(case.new)
    if before != after:
        yield f"read by value it differs: {_first(before, after)}"
    for kind in (
        r"\d+(?:\.\d+)?%|\d+/\d+|\d+:\d\d|\$\d+\.\d\d|\d+(?:st|nd|rd|th)\b|#?\d+-\d+",
        r"(?i)\bsecond\b|\b(?:half|thirds?|quarters?)\b",
    ):
        if re.findall(kind, case.old) != re.findall(kind, case.new):
            yield f"one of {kind} changed: {re.findall(kind, case.old)} / {re.findall(kind, case.new)}"
