"""Case, spacing, line breaks, Markdown: the form of a text and not its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from rveval.perturb import format_code, text
from rveval.perturb.family import Family
from rveval.perturb.item import How, Item

SHARE = 0.5
NO_FORM = "nothing whose form could be changed"

Edit = Callable[[str], str]
Slot = tuple[str, tuple[Edit, ...]]  # one field, and edits of one kind, of which at most one is made

_FORMS = ("{label}. {text}", "{label}) {text}", "({label}) {text}", "{label}: {text}", "- {label}. {text}")
# Instructions name these as they are to be written.
_SPELLED = re.compile(r"\b(?:Yes|No|True|False|valid|invalid|plausible|implausible)\b")

_SENTENCE_END = re.compile(r"(?<=[.?!])[\"'\u201d)*]*([ \t]+)(?=[\"'\u201c(*]*[A-Z0-9$])")
# What ends in a mark and yet is no sentence: an abbreviation, an initial, the number of a list.
_NO_SENTENCE = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sgt|Jr|Sr|No|vs|etc|approx|e\.g|i\.e|Inc|Ltd|Co|Fig|Eq|Jan|Feb|Mar|Apr|Jun|Jul|Aug"
    r"|Sept?|Oct|Nov|Dec)|\b[A-Za-z]|[ap]\.m|^\W*\d+)\.$"
)
_ASKS = re.compile(
    r"\b(?:how (?:many|much|long|far|old|fast|tall|often)|how|what|which|who|whom|whose|where|when|why)\b",
    re.IGNORECASE,
)
# Capitals and letters that say something: units, variables, "3kg", anything that is not plain English.
_CASE_COUNTS = re.compile(
    r"(?<!['\u2019\w])[B-HJ-Zb-hj-z](?!\w)|\d(?!(?:st|nd|rd|th|s|am|pm)\b)[A-Za-z]|[^\x00-\x7f\u2018-\u201d]"
    r"|\b(?:kgs?|km|cm|mm|mg|ml|gb|mb|kb|lbs?|oz|ft|mph|kph|hrs?|mins?|secs?|sq)\b",
    re.IGNORECASE,
)
_ALL_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")


def format_(item: Item, rng: Random, how: How) -> Item:
    """Give the question and what stands around it another form: lines, spaces, case, Markdown, the options' marks.

    A strength is the share of the kinds of edits that apply; at least one is made.

    >>> from rveval.perturb import Traits
    >>> item = Item("story/0", Traits("story"), "Ana has 3 kg. The bag holds 2. How many bags are there?", "#### 2")
    >>> format_(item, Random(1), How()).question
    'Ana  has  3  kg.  the  bag  holds  2.  how  many  bags  are  there?'
    """
    asked = [slot for slot in _slots(item) if _changes(getattr(item, slot[0]), slot[1])]
    if not asked:
        return item.leave(NO_FORM)
    count = max(1, round((SHARE if how.strength is None else how.strength) * len(asked)))
    # At least one edit of the question, where it has any (its slots come first); the others are drawn from all.
    of_question = [place for place, slot in enumerate(asked) if slot[0] == "question"]
    first = rng.choice(of_question) if of_question else rng.randrange(len(asked))
    others = [place for place in range(len(asked)) if place != first]
    changed = item
    for field, edits in (asked[place] for place in sorted([first, *rng.sample(others, count - 1)])):
        if edited := _changes(getattr(changed, field), edits):
            changed = replace(changed, **{field: rng.choice(edited)})  # type: ignore[arg-type]
    untouched = item.traits.kind == "puzzle" and changed.question == item.question
    return changed.leave(text.AROUND_ONLY) if untouched else changed


def _changes(whole: str, edits: Sequence[Edit]) -> list[str]:
    """What those of the edits that do change a text make of it."""
    return [edited for edit in edits if (edited := edit(whole)) != whole]


def _slots(item: Item) -> list[Slot]:
    """What may be edited in an item, in the order in which edits are made."""
    if item.is_code:
        return [("question", edits) for edits in format_code.EDITS]
    slots: list[Slot] = []
    if not item.traits.fixed:
        slots += [("question", tuple(_in_problem(edit) for edit in kind)) for kind in (_MARKS, _SPACES, _LINES)]
        if item.traits.kind != "puzzle":
            shout = (upper,) if item.traits.kind in ("story", "order") else ()
            slots.append(("question", (lower_starts, *shout)))
    slots += [("support", _SPACES), ("support", _LINES)]
    for field in ("description", "instruction"):
        # A mark would stand right under a puzzle that may end in brackets or in "=", and be read as part of it.
        marks: tuple[Edit, ...] = (bold, italic)
        if item.traits.kind != "puzzle":
            marks = (bold, italic, quoted, _begun_with("-- "), _begun_with("- "))
        slots += [(field, (lower_first, upper_form)), (field, marks), (field, _SPACES)]
    if item.options and item.traits.kind not in ("puzzle", "unknown"):
        # A tiny problem's options stand on one line, where a leading dash would look like a minus.
        forms = _FORMS[:4] if item.traits.for_tiny_models else _FORMS
        slots.append(("option_form", tuple(map(_instead, forms))))
    return slots


def _instead(form: str) -> Edit:
    return lambda _: form


def _in_problem(edit: Edit) -> Edit:
    """The edit on the question without a list of options that is part of it."""

    def edited(question: str) -> str:
        end = text.problem_end(question)
        return edit(question[:end]) + question[end:]

    return edited


def sentences(prose: str) -> list[str]:
    """The sentences of a text that has no line breaks, without the blanks between them.

    >>> sentences("Mr. Lee paid $3.50. How much is left?")
    ['Mr. Lee paid $3.50.', 'How much is left?']
    """
    return [prose[start:end] for start, end in _spans(prose)]


def _spans(prose: str) -> list[tuple[int, int]]:
    spans, start = [], 0
    for end in _SENTENCE_END.finditer(prose):
        if not _NO_SENTENCE.search(prose[start : end.start()]):
            spans.append((start, end.start(1)))
            start = end.end()
    return [*spans, (start, len(prose))]


def _by_line(prose: str, edit: Edit) -> str:
    return "\n".join(map(edit, prose.split("\n")))


def _set_apart(before: str, between: str) -> Edit:
    """Each sentence with something before it; a text of one sentence stays as it is."""

    def edit(prose: str) -> str:
        if "\n" in prose or len(found := sentences(prose)) < 2:
            return prose
        if "-" in before and any(re.match(r"[\d$]", sentence) for sentence in found):
            return prose  # "- 4 minutes ago" would read as a negative number
        return between.join(before + sentence for sentence in found)

    return edit


def lines(prose: str) -> str:
    """Every sentence on a line of its own, also in a text that already has lines."""
    return _by_line(prose, lambda line: "\n".join(sentences(line)))


def quoted(prose: str) -> str:
    """A Markdown quote, line by line."""
    return _by_line(prose, lambda line: f"> {line}" if line.strip() else line)


def spaces_after_sentences(prose: str) -> str:
    """Three blanks where a sentence ends."""
    return _by_line(prose, lambda line: "   ".join(sentences(line)))


def spaces_before_marks(prose: str) -> str:
    """A blank before every mark that ends a sentence or a clause, never inside a number or an abbreviation."""
    return re.sub(r"(?<=[a-z]{2})([.?!;])(?=\s|$)", r" \1", prose)


def trailing_blanks(prose: str) -> str:
    return _by_line(prose, lambda line: f"{line}  " if line.strip() else line)


def bold(prose: str, mark: str = "**") -> str:
    """In bold where Markdown would show it so: one line, not blank, no stars of its own, no item of a list."""
    can_be = prose.strip() and not re.search(r"[\n*]|^\s*[->]", prose)
    return f"{mark}{prose}{mark}" if can_be else prose


def italic(prose: str) -> str:
    return bold(prose, "*")


def bold_question_word(question: str) -> str:
    return _ASKS.sub(lambda found: f"**{found.group()}**", question, count=1)


def _begun_with(mark: str) -> Edit:
    return lambda prose: mark + prose if prose else ""


def _of_question(edit: Edit) -> Edit:
    """The edit on the last sentence, where that asks something."""

    def edited(prose: str) -> str:
        last = sentences(prose[prose.rfind("\n") + 1 :])[-1]
        return prose.removesuffix(last) + edit(last) if last.endswith("?") else prose

    return edited


def lower_starts(prose: str) -> str:
    """Sentences begin in lower case where they begin with a word that is always written so elsewhere."""

    def lowered(line: str) -> str:
        for start, end in _spans(line):
            line = line[:start] + text.lower_start(line[start:end]) + line[end:]
        return line

    return _by_line(prose, lowered)


def upper(prose: str) -> str:
    """All capitals, unless case says something in this text."""
    return prose if _CASE_COUNTS.search(_ALL_CAPITALS.sub("", prose)) else prose.upper()


def lower_first(prose: str) -> str:
    return prose[:1].lower() + prose[1:] if prose[1:2].islower() else prose


def upper_form(prose: str) -> str:
    """All capitals but for words that an answer has to be spelled like."""
    kept = iter([*_SPELLED.findall(prose), ""])
    return "".join(piece.upper() + next(kept) for piece in _SPELLED.split(prose))


_MARKS = tuple(map(_of_question, (bold, italic, bold_question_word)))
_SPACES = (text.double_spaces, spaces_after_sentences, spaces_before_marks, trailing_blanks)
_LINES = (lines, *(_set_apart(*how) for how in (("", "\n\n"), ("- ", "\n"), ("* ", "\n"), ("-- ", "\n"))), quoted)


def _plain(prose: str) -> str:
    """What must survive: the text without case, blanks, line breaks, and the marks of Markdown, lists and quotes."""
    unlisted = re.sub(r"(?m)^[ \t]*(?:(?:>|--|[-*])[ \t]+)+(?=\S)", "", prose)
    return re.sub(r"[\s*]+", "", unlisted).casefold()


def lost(before: Item, after: Item) -> str:
    """The same letters, numbers and punctuation in the same order; code is the same code."""
    fixed = before.traits.fixed != ""
    return text.edit_lost(before, after, _plain, "the words of the {field} changed", fixed)


FAMILIES = (
    Family(
        "format",
        "case, spacing, lines, Markdown",
        format_,
        lost=lost,
        rank=80,
        has_strength=True,
        after=("problem",),
        on_any_prompt=True,
        edits_words=True,
    ),
)
