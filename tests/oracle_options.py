"""Options under any family: the same texts, the right one still right at its place, each shown beside its own label."""

from __future__ import annotations

import re
from collections.abc import Iterator

from oracle_case import Case
from oracle_numbers import ONES, TENS
from oracle_raw import raw_options

_FORMS = {"sciq": "{}. {}", "bbh": "({}) {}", "tiny": "{}) {}"}
_PLACE = re.compile(
    r"\b(?:all|none|both|neither|either|any|two|three) of the (?:above|below)\b|\bsee (?:above|below)\b", re.I
)
_SHOWN = re.compile(r"^(?:[-*] )?(?:\((\w+)\)|(\w+)[.):]) (.+)$", re.MULTILINE)
_SHOWN_TINY = re.compile(r"(?<= )\(?(\w+)[.):] (-?\d+)(?=\s)")


def has_options(case: Case) -> bool:
    """Whether the item has options, as published."""
    return raw_options(case.source, case.raw)[1] >= 0


def options_kept(case: Case) -> Iterator[str]:
    """The texts are those published, the right one is where `gold` says, and the labels tell all options apart."""
    published, right = raw_options(case.source, case.raw)
    if right < 0:
        if case.asked.get("gold", -1) >= 0:
            yield "options appeared"
        return
    options, labels, gold = case.asked["options"], case.asked["labels"], case.asked["gold"]
    if sorted(options) != sorted(published):
        yield f"the options are {options}, not {published}"
    elif options[gold] != published[right]:
        yield f"the right option reads {options[gold]!r}, not {published[right]!r}"
    if len({label.casefold() for label in labels}) != len(options) or not all(labels):
        yield f"labels do not tell the options apart: {labels}"
    if case.benchmark == "bbh" and case.raw["target"].startswith("(") and case.asked["target"] != f"({labels[gold]})":
        yield f"the target is {case.asked['target']}, the right option is ({labels[gold]})"


def options_shown(case: Case) -> Iterator[str]:
    """The prompt shows every option once beside its label, in order, and no other line that looks like an option."""
    if not has_options(case):
        return
    labels, texts = case.asked["labels"], [text.strip() for text in case.asked["options"]]
    if case.prompt.count(case.asked["rv_options"]) != 1:
        yield f"the options are shown {case.prompt.count(case.asked['rv_options'])} times"
    shown = shown_options(case.prompt, case.source, texts)
    if shown != list(zip(labels, texts, strict=True)):
        yield f"the prompt shows {shown}"
    clean = _FORMS[case.benchmark]
    if "format" not in case.families and not all(
        clean.format(label, text) in case.prompt for label, text in zip(labels, texts, strict=True)
    ):
        yield "the options have another form"


def shown_options(prompt: str, source: str, wanted: list[str]) -> list[tuple[str, str]] | None:
    """The (label, text) pairs that a prompt shows, read from the prompt alone.

    Args:
        prompt: the whole prompt; with demonstrations the last block counts.
        source: which form the options have.
        wanted: the options' texts in any order.

    Returns:
        None where no block of lines shows exactly these texts.
    """
    if source.startswith("tiny_"):
        last = prompt.rpartition("Options:")[2]
        found = _SHOWN_TINY.findall(last)[: len(wanted)]
    else:
        lines = [(label or other, text.strip()) for label, other, text in _SHOWN.findall(prompt)]
        starts = range(len(lines) - len(wanted), -1, -1)
        blocks = (lines[at : at + len(wanted)] for at in starts)
        texts = sorted(text.strip() for text in wanted)
        found = next((block for block in blocks if sorted(text for _, text in block) == texts), [])
    return found if sorted(text for _, text in found) == sorted(text.strip() for text in wanted) else None


def reordered(case: Case) -> Iterator[str]:
    """Another order, of the kind that the family's name says; or a reason."""
    if not has_options(case):
        return
    old, new = case.clean["options"], case.asked["options"]
    count, left = len(old), case.asked["rv_left_alone"]
    if case.families == ("goldslot",) and not left and case.asked["gold"] != case.draw % count:
        yield f"the right option is at {case.asked['gold']}, not at {case.draw % count}"
    if case.families == ("goldslot",):
        rest = [
            [text for place, text in enumerate(doc["options"]) if place != doc["gold"]]
            for doc in (case.clean, case.asked)
        ]
        if rest[0] != rest[1]:
            yield "the other options changed places"
    if case.families == ("rotate",) and not any(new == old[turn:] + old[:turn] for turn in range(count)):
        yield "no rotation"
    if old == new and not left:
        yield "the same order without a reason"
    if old != new and any(map(_PLACE.search, old)):
        yield f"an option points at others by their place: {old}"


def relabelled(case: Case) -> Iterator[str]:
    """Other labels, none of which could be taken for an option; the words for them fit."""
    if not has_options(case):
        return
    labels, options = case.asked["labels"], case.asked["options"]
    if labels == case.clean["labels"]:
        if not case.asked["rv_left_alone"]:
            yield "the same labels without a reason"
        return
    names = {text.strip(" .()").casefold() for text in options}
    if names & {label.casefold() for label in labels}:
        yield f"a label is also an option: {labels}, {options}"
    numbers = any(re.search(r"\d", text) or text.strip().lower() in {*ONES, *TENS} for text in options)
    if numbers and any(label.isdigit() for label in labels):
        yield f"digits call options that hold numbers: {labels}, {options}"
    one_letter = all(len(label) == 1 and label.isalpha() for label in labels) and labels[:2] != ["i", "ii"]
    if not one_letter and re.search(r"\bletter\b", str(case.asked["rv_instruction"])):
        yield f"a letter is asked for, and the labels are {labels}"
