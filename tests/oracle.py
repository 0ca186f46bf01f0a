"""The proof that perturbed labels stay right, by code that shares nothing with the families.

It shares nothing with how rveval reads data either: it reads the published files by itself, takes the documents that
lm-eval gets, and says of every item what is wrong with it. `check` judges one source under one family (or several,
joined by "+") and one draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import oracle_code as code
import oracle_names as names
import oracle_options as options
import oracle_rules as rules
import oracle_text as text
from oracle_case import Case, Rule, cases
from oracle_raw import SOURCES, count, raw, worked_number
from oracle_tiny import NotUnderstood, solve

from rveval.benchmarks import traits
from rveval.perturb import FAMILIES as REGISTERED
from rveval.perturb import problem

_OWN_RULES = (
    *("think", "thinkprefix", "thinksuffix", "nothink", "rephrase", "distractor", "shuffle", "rotate", "goldslot"),
    *("relabel", "typos", "format", "numwords", "rename", "hint", "context", "harder"),
)
# A family that has no rules here yet is held to those of all families: answer, options and the form asked for stay.
FAMILIES = (*_OWN_RULES, *(family for family in REGISTERED if family not in _OWN_RULES))
_LETTERED = frozenset(
    f"bbh_{name}"
    for name in (
        *(
            "date_understanding",
            "disambiguation_qa",
            "geometric_shapes",
            "hyperbaton",
            "movie_recommendation",
            "snarks",
        ),
        *("logical_deduction_three_objects", "logical_deduction_five_objects", "logical_deduction_seven_objects"),
        *("tracking_shuffled_objects_three_objects", "tracking_shuffled_objects_five_objects", "ruin_names"),
        *("tracking_shuffled_objects_seven_objects", "penguins_in_a_table", "reasoning_about_colored_objects"),
        *("salient_translation_error_detection", "temporal_sequences"),
    )
)
# Where distractors may stand outside the problem only.
_OUTSIDE = frozenset(
    f"bbh_{name}"
    for name in (
        *("causal_judgement", "penguins_in_a_table", "temporal_sequences", "date_understanding", "disambiguation_qa"),
        *("tracking_shuffled_objects_three_objects", "tracking_shuffled_objects_five_objects", "web_of_lies"),
        *("tracking_shuffled_objects_seven_objects", "logical_deduction_three_objects"),
        *("logical_deduction_five_objects", "logical_deduction_seven_objects"),
    )
)


def must_apply(source: str, family: str) -> bool:
    """Whether a family has to apply to a source, by the table of families; by its own word where the table has none."""
    if family not in _OWN_RULES:
        return not problem(family, traits(source))
    if family in ("shuffle", "rotate", "goldslot", "relabel"):
        return source in _LETTERED | {"sciq", "sciq_closed", "tiny_choice"}
    if family == "numwords":
        return source in ("gsm8k", "tiny_math")
    if family == "rename":
        return source in ("gsm8k", "humaneval", "tiny_math", "tiny_choice", "tiny_long")
    if family == "harder":
        return source.startswith("tiny_")
    return source != "humaneval" or family not in ("hint", "thinksuffix")


def must_refuse(source: str, family: str) -> bool:
    """Whether a family has nothing to work on there, and applying it has to be an error."""
    if family in ("shuffle", "rotate", "goldslot", "relabel", "harder"):
        return not must_apply(source, family)
    return source == "humaneval" and family in ("hint", "thinksuffix", "numwords")


def _outside_only(case: Case) -> Iterator[str]:
    if case.source in _OUTSIDE and case.old != case.new:
        yield f"put inside of the problem: {case.new[:80]!r}"


def _solved(case: Case) -> Iterator[str]:
    """`harder`: another problem of the same kind, whose answer is what the text says, and right among its options."""
    gold = worked_number(case.asked["answer"])
    try:
        if solve(case.new) != gold:
            yield f"the answer is {solve(case.new)}, not {gold}: {case.new!r}"
    except NotUnderstood as why:
        yield f"not understood: {why}"
    if case.old == case.new:
        yield "the problem is the same"
    if case.source == "tiny_choice":
        shown = case.asked["options"]
        if len(set(shown)) != len(case.raw["options"]) or shown[case.asked["gold"]] != f"{gold}":
            yield f"options {shown}, the right one at {case.asked['gold']}, the answer {gold}"


_CODE = (code.parses,)
_EDITED = (text.problem_untouched, text.list_untouched)
_ALWAYS: tuple[Rule, ...] = (rules.untouched, rules.recorded, rules.laid_out, rules.same_target, options.options_shown)
_SAME: tuple[Rule, ...] = (rules.same_number, options.options_kept)
_PROSE: dict[str, tuple[Rule, ...]] = {
    **dict.fromkeys(("think", "thinkprefix", "thinksuffix"), (rules.one_cue,)),
    "nothink": (rules.at_once, rules.no_steps),
    "rephrase": (rules.no_cue,),
    "hint": (rules.wrong_hint, rules.no_cue),
    "context": (rules.one_asked, rules.no_steps),
    "distractor": (*_EDITED, _outside_only, names.nothing_lost, names.aside, rules.no_steps),
    **dict.fromkeys(("shuffle", "rotate", "goldslot"), (options.reordered, rules.no_cue)),
    "relabel": (options.relabelled, rules.no_cue),
    "typos": (*_EDITED, text.same_numbers, text.slips, rules.no_steps),
    "format": (*_EDITED, text.same_numbers, text.same_words, rules.no_steps),
    "numwords": (*_EDITED, text.same_values, rules.no_cue),
    "rename": (names.one_to_one, rules.no_cue),
    "harder": (_solved, rules.no_cue),
    "clean": (rules.no_cue,),
}
_IN_CODE: dict[str, tuple[Rule, ...]] = {
    "distractor": (code.added_helpers, code.examples_there, rules.no_steps),
    "typos": (code.same_code, code.same_examples, text.slips, rules.no_steps),
    "format": (code.same_code, code.same_examples, text.same_words, rules.no_steps),
    "rename": (code.renamed_code, rules.no_cue),
}


def rules_for(case: Case) -> tuple[Rule, ...]:
    """What has to hold of an item under its families; under several only what holds of all."""
    always = (
        *_ALWAYS,
        *(() if "harder" in case.families else _SAME),
        *(_CODE if case.benchmark == "humaneval" else ()),
    )
    if len(case.families) > 1:
        return always if {"numwords", "rename", "harder"} & set(case.families) else (*always, text.numbers_there)
    own = _IN_CODE if case.benchmark == "humaneval" and case.families[0] in _IN_CODE else _PROSE
    plain = () if own is _IN_CODE or case.benchmark != "humaneval" else (code.same_code,)
    return (*always, *plain, *own.get(case.families[0], ()))


@dataclass
class Report:
    """What was found for one source, one family, one draw.

    Args:
        items: how many were judged.
        changed: how many are asked otherwise than cleanly.
        left: reasons why items or parts were left as they were, with how often.
        violations: (item id, what is wrong).
    """

    source: str
    families: str
    draw: int
    items: int = 0
    changed: int = 0
    left: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[str, str]] = field(default_factory=list)


def check(source: str, families: str, draw: int = 0, limit: int | None = None, strength: float | None = None) -> Report:
    """Judge every item of a source (or the first ones) under a family; HumanEval's own solutions are run, too.

    Raises:
        Refused: the family does not apply to the source.
    """
    judged = cases(source, families, draw, limit, strength)
    report = Report(source, families, draw, items=len(judged))
    expected = [record["item_id"] for record in raw(source)][:limit]
    if [case.asked["item_id"] for case in judged] != expected or len(set(expected)) != len(expected):
        report.violations.append((source, "items were dropped, moved or repeated"))
    if limit is None and len(judged) != count(source):
        report.violations.append((source, f"{len(judged)} items, not {count(source)}"))
    for case in judged:
        report.changed += case.prompt != case.clean_prompt
        report.left.update(filter(None, case.asked["rv_left_alone"].split("; ")))
        found = dict.fromkeys(wrong for rule in rules_for(case) for wrong in rule(case))
        report.violations.extend((case.asked["item_id"], wrong) for wrong in found)
    if source == "humaneval":
        report.violations.extend(failing(judged))
    return report


_ran: dict[str, str] = {}
"""Programs that were run already, and what they raised ("" for nothing): most families leave the code as it is."""


def failing(judged: Sequence[Case]) -> Iterator[tuple[str, str]]:
    programs = [code.program(case) for case in judged]
    fresh = [one for one in dict.fromkeys(programs) if one not in _ran]
    failed = code.failing(fresh) if fresh else {}
    _ran.update((one, failed.get(place, "")) for place, one in enumerate(fresh))
    for case, one in zip(judged, programs, strict=True):
        if _ran[one]:
            yield case.asked["item_id"], f"the solution fails its tests: {_ran[one]}"


__all__ = ["FAMILIES", "SOURCES", "Report", "check", "must_apply", "must_refuse"]
