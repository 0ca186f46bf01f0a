"""What must hold of an item under any family, and of the families that only put something around a problem."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from oracle_case import Case
from oracle_numbers import values
from oracle_raw import worked_number

AROUND = frozenset(("rv_before", "rv_after"))
TEXT = frozenset(("question", "input", "support", "prompt"))
ORDER = frozenset(("options", "gold", "rv_options", "input", "target"))
_CODE = frozenset(("prompt", "canonical_solution", "entry_point", "test"))
_RECORDED = frozenset(("rv_families", "rv_draw", "rv_left_alone", "rv_changed"))

# What a family has any business with; every other field must be as it was.
TOUCHES: dict[str, frozenset[str]] = {
    **dict.fromkeys(("think", "thinkprefix", "thinksuffix", "nothink", "hint", "context"), AROUND),
    "clean": frozenset(),
    "rephrase": frozenset(("rv_instruction",)),
    "distractor": AROUND | TEXT,
    "typos": AROUND | TEXT | {"rv_instruction", "rv_description"},
    "format": AROUND | TEXT | {"rv_instruction", "rv_description", "rv_options"},
    "numwords": TEXT,
    "rename": _CODE | {"question", "answer"},
    **dict.fromkeys(("shuffle", "rotate", "goldslot"), ORDER),
    "relabel": ORDER - {"options", "gold"} | {"labels", "rv_instruction", "rv_after"},
    "harder": frozenset(("question", "answer", "options", "gold", "rv_options")),
}
# What asks for steps, or could be read so. Words that the layout itself needs are none of them.
CUE = re.compile(
    r"\b(step|think|thought|reason|explain|explan|show|work|careful|first|slowly|detail|why|because|how you|solution)",
    re.IGNORECASE,
)
_STEPS = re.compile(r"step[ -]by[ -]step", re.IGNORECASE)
_OPPOSITES = (("yes", "no"), ("true", "false"), ("valid", "invalid"))
_OPEN = re.compile(r"^(?:Answer|A|Solution):[ \t]*$", re.MULTILINE)
# Said of the other problem, or of the one asked: this tells the two apart.
_MARK = re.compile(
    r"\bonly\b|\bnot to be answered\b|\b(?:do not|don't) (?:answer|complete)\b|\bone to (?:answer|complete)\b"
    r"|\balready\b|\bsomebody else\b|\bnot your problem\b|\bnot the question\b",
    re.IGNORECASE,
)


def untouched(case: Case) -> Iterator[str]:
    """Same id, every field still there, and nothing changed that the family has no business with."""
    if not case.clean["item_id"] == case.asked["item_id"] == case.raw["item_id"]:
        yield f"the id is {case.asked['item_id']}"
    allowed = _RECORDED.union(*(TOUCHES[name] for name in case.families))
    for name, value in case.clean.items():
        if name not in case.asked:
            yield f"{name} is missing"
        elif name not in allowed and case.asked[name] != value:
            yield f"{name} changed from {str(value)[:60]!r} to {str(case.asked[name])[:60]!r}"
    for name, value in case.raw.items():
        if case.clean.get(name) != value:
            yield f"the clean document's {name} is not what was published"


def recorded(case: Case) -> Iterator[str]:
    """Whether it changed is recorded as it is, and what did not change says why."""
    changed = case.prompt != case.clean_prompt
    if case.asked["rv_changed"] != changed:
        yield f"rv_changed is {case.asked['rv_changed']}, but the prompt is {'another' if changed else 'the same'}"
    if not changed and not case.asked["rv_left_alone"] and case.families != ("clean",):
        yield "left as it was without a reason"
    if (case.asked["rv_families"], case.asked["rv_draw"]) != ("+".join(case.families), case.draw):
        yield "families or draw are recorded wrongly"


def laid_out(case: Case) -> Iterator[str]:
    """The prompt shows the problem once, ends where the answer begins, and asks for the form once."""
    text = str(case.asked[case.question_field])
    if case.prompt.count(text) != 1 and case.clean_prompt.count(str(case.clean[case.question_field])) == 1:
        yield f"the problem is shown {case.prompt.count(text)} times"
    if case.benchmark == "humaneval":
        if not case.prompt.endswith(text) or case.asked["rv_after"]:
            yield "something follows the stub"
    elif len(_OPEN.findall(case.prompt)) != 1 or not case.prompt.endswith(
        "\nA:" if case.benchmark == "bbh" else "\nAnswer:"
    ):
        yield "there is not one place for the answer, at the end"
    instruction = str(case.asked["rv_instruction"])
    asks = case.source == "gsm8k" or case.benchmark in ("sciq", "bbh")
    if asks and ("####" not in instruction or case.prompt.count(instruction) != 1):
        yield f"the form is not asked for: {instruction!r}"


def same_number(case: Case) -> Iterator[str]:
    """The right number is what it was, as published."""
    if case.is_number and worked_number(case.asked["answer"]) != worked_number(case.raw["answer"]):
        yield f"the answer is {worked_number(case.asked['answer'])}, not {worked_number(case.raw['answer'])}"


def same_target(case: Case) -> Iterator[str]:
    """A BBH target that is no letter is what it was."""
    if case.benchmark == "bbh" and case.asked.get("gold", -1) < 0 and case.asked["target"] != case.raw["target"]:
        yield f"the target is {case.asked['target']!r}, not {case.raw['target']!r}"


def around(case: Case) -> Iterator[str]:
    """What asks for the form, and what stands around the problem, without any published text that is quoted there."""
    published = sorted(case.asked.get("options") or (), key=len, reverse=True)
    for name in ("rv_before", "rv_instruction", "rv_after"):
        part = re.sub(r'"[^"]*"', "", str(case.asked[name]))
        for text in published:
            part = part.replace(text.strip().rstrip("."), "")
        yield part


def no_cue(case: Case) -> Iterator[str]:
    """Nothing around the problem asks for steps."""
    for part in around(case):
        if found := CUE.search(part):
            yield f"a cue to reason: {found.group()!r} in {part.strip()[:80]!r}"


def no_steps(case: Case) -> Iterator[str]:
    """Words like "explanation" may stand there (to forbid one, or in another problem), "step by step" may not."""
    for part in around(case):
        if _STEPS.search(part):
            yield f"a cue to reason in {part.strip()[:80]!r}"


def one_cue(case: Case) -> Iterator[str]:
    """`think` says step by step, once, before or after; a variant only on its side."""
    before, after = (len(_STEPS.findall(case.asked[name])) for name in ("rv_before", "rv_after"))
    if before + after != 1:
        yield f"{before + after} cues to think step by step"
    if ("thinkprefix" in case.families and after) or ("thinksuffix" in case.families and before):
        yield "the cue stands on the other side"


def at_once(case: Case) -> Iterator[str]:
    """`nothink` says so."""
    if not re.search(r"\bno(?:t|thing)?\b|\bwithout\b|\bonly\b|\bskip\b", case.added, re.IGNORECASE):
        yield f"nothing forbids steps: {case.added.strip()!r}"


def wrong_hint(case: Case) -> Iterator[str]:
    """Something is suggested, and it is not the right answer."""
    said = case.added
    if case.asked["rv_changed"] and case.asked.get("gold", -1) >= 0:
        yield from _wrong_option(case, said)
        if case.benchmark != "tiny":
            return
    if case.is_number or case.source in ("bbh_object_counting", "bbh_multistep_arithmetic_two"):
        gold = worked_number(case.raw["answer"]) if case.is_number else Decimal(case.raw["target"])
        signed = [Decimal(found.replace(",", "")) for found in re.findall(r"(?<![\w.])-\d[\d,]*", said)]
        numbers = [*signed, *(found for found in values(said) if isinstance(found, Decimal) and -found not in signed)]
        if gold in numbers:
            yield f"the right answer {gold} is suggested: {said.strip()!r}"
        if case.asked["rv_changed"] and not numbers:
            yield f"no number is suggested: {said.strip()!r}"
    elif case.asked["rv_changed"]:
        yield from _wrong_word(case, said)


def _wrong_option(case: Case, said: str) -> Iterator[str]:
    labels, options, gold = case.asked["labels"], case.asked["options"], case.asked["gold"]
    forms = {"sciq": "{}. {}", "bbh": "({}) {}", "tiny": "{}) {}"}
    shown = [forms[case.benchmark].format(label, text.strip()) for label, text in zip(labels, options, strict=True)]
    given = [place for place, text in enumerate(shown) if text.rstrip(".") in said]
    wrong = [place for place in given if _plain(options[place]) != _plain(options[gold])]
    if not wrong:
        yield f"no wrong option is suggested: {said.strip()!r}"
        return
    longest = max((shown[place].rstrip(".") for place in wrong), key=len)
    rest = _plain(said.replace(longest, " ", 1))
    if re.search(rf"(?<!\w){re.escape(_plain(options[gold]))}(?!\w)", rest) or shown[gold] in said.replace(longest, ""):
        yield f"the right option is suggested: {said.strip()!r}"


def _wrong_word(case: Case, said: str) -> Iterator[str]:
    target = str(case.raw["target"]).strip()
    for pair in _OPPOSITES:
        if target.lower() in pair:
            found = [word for word in re.findall(r"[a-z]+", said.lower()) if word in pair]
            if found != [pair[1 - pair.index(target.lower())]]:
                yield f"not the one wrong answer is suggested: {said.strip()!r}"
            return
    quoted = re.findall(r'"([^"]*)"', said)
    if len(quoted) != 1 or quoted[0].split() == target.split():
        yield f"not one wrong answer is suggested: {said.strip()!r}"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")


def one_asked(case: Case) -> Iterator[str]:
    """`context`: words tell which of the two problems is to be answered, and the other's answer would be wrong."""
    solved = case.benchmark == "tiny" and re.search(r"^Answer: .*####", case.asked["rv_before"], re.MULTILINE)
    if not solved and not _MARK.search(case.added):
        yield f"nothing says which problem is asked: {case.added.strip()!r}"
    if bool(case.asked["rv_before"].strip()) == bool(case.asked["rv_after"].strip()):
        yield "the other problem is not on one side"
    if case.is_number and solved:
        other = worked_number(case.asked["rv_before"].strip().splitlines()[-1])
        if other == worked_number(case.raw["answer"]):
            yield "the other problem has the same answer"
    if case.benchmark == "humaneval" and re.search(rf"\bdef {re.escape(case.asked['entry_point'])}\b", case.added):
        yield "the other function has the name of the one asked"
