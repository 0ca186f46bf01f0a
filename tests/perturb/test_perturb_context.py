"""Another problem beside the one asked: the bank's answers are right, no answer to it is right here, one is marked."""

from __future__ import annotations

import re

import pytest
from askeditems import SOURCES, items
from conftest import needs_data

from rveval import perturb as room
from rveval.benchmarks import load, traits
from rveval.perturb import Item, perturb
from rveval.perturb.context import FUNCTIONS, QUESTIONS, TINY, WORD_PROBLEMS, Function, Solved, confusable
from rveval.perturb.data import load as words_of
from scripts.tiny.arithmetic import BOYS, GIRLS, GOODS, ITEMS, SCENES

ASKED = "End with a line that holds #### and then the final number."
SUM = Item("gsm8k/0", traits("gsm8k"), "Tom has 12 eggs and buys 7. How many?", "12+7=19\n#### 19", instruction=ASKED)
MATHS = Item(
    "tiny_math/0", traits("tiny_math"), "Tom has 12 eggs. He buys 7 more. How many eggs are left?", "12+7=19. #### 19"
)
CODE = Item(
    "humaneval/0", traits("humaneval"), "def f():\n", "    pass\n", entry_point="f", test="def check(candidate): ..."
)
OPTIONS = ("ice", "honey", "bread", "tar")
SCIENCE = Item(
    "sciq/0", traits("sciq"), "What is sweet?", "honey", options=OPTIONS, labels=("A", "B", "C", "D"), gold=1
)
BANK = {SUM.item_id: WORD_PROBLEMS, MATHS.item_id: TINY, SCIENCE.item_id: QUESTIONS}
WORDINGS = words_of("context")
PAIRS = ("solved_before", "unsolved_before", "finished_code", "unfinished_code")
needs_all = needs_data("gsm8k", "humaneval", "sciq", "bbh")


def around(item: Item) -> str:
    return "\n\n".join((*item.before, *item.after))


def draws(item: Item, count: int = 150) -> list[Item]:
    return [perturb([item], "context", draw=draw)[0] for draw in range(count)]


def others(item: Item, bank: list[Solved]) -> list[Solved]:
    return [problem for problem in bank if problem.question in around(item)]


# The bank


@pytest.mark.parametrize("bank", [WORD_PROBLEMS, TINY])
def test_worked_answers_are_right(bank: list[Solved]) -> None:
    """Every equation holds, starts from numbers of the problem or of an equation before it, and leads to the answer."""
    for problem in bank:
        steps = re.findall(r"([\d +*/-]+)=\s*(\d+)", problem.worked)
        assert len(steps) == problem.worked.count("=") >= 1
        known = set(re.findall(r"\d+", problem.question))
        for left, right in steps:
            assert eval(left) == int(right), problem
            known.add(right)
        assert steps[-1][1] == problem.answer == problem.worked.split("#### ")[1]
        left_hand = {number for left, _ in steps for number in re.findall(r"\d+", left)}
        # Two hours of 60 minutes, two days at the weekend, five before it, twice, 2 days, three weeks: said in words.
        assert left_hand <= known | {"2", "3", "5", "60"}


def test_there_are_enough_problems_and_none_twice() -> None:
    for bank, least in ((WORD_PROBLEMS, 12), (QUESTIONS, 12), (TINY, 12)):
        assert len({problem.question for problem in bank}) == len(bank) >= least
    assert len({function.name for function in FUNCTIONS}) == len(FUNCTIONS) >= 6


def test_short_questions_have_answers_of_their_own() -> None:
    words = {"yes", "no", "true", "false", "valid", "invalid"}
    assert len({problem.answer for problem in QUESTIONS}) == len(QUESTIONS)
    for problem in QUESTIONS:
        assert len(problem.answer) > 1
        assert problem.answer.lower() not in words
        assert not problem.answer.isdigit()


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("fahrenheit_of", (100.0,), 212.0),
        ("initials_of", ("Ada King",), "A.K."),
        ("leap_years_between", (1896, 1904), 2),
        ("hours_and_minutes", (125,), "2:05"),
        ("price_with_tax", (10.0, 19.0), 11.9),
        ("lines_starting_with", ("# a\nb\n# c", "#"), ["# a", "# c"]),
        ("chessboard_row", (4, True), "#.#."),
    ],
)
def test_the_functions_do_what_they_say(name: str, given: tuple[object, ...], expected: object) -> None:
    (function,) = [function for function in FUNCTIONS if function.name == name]
    space: dict[str, object] = {}
    exec(f"{function.stub}\n{function.body}\n", space)
    made = space[name]
    assert callable(made)
    assert made(*given) == expected


def test_tiny_problems_use_the_sentences_that_the_models_know() -> None:
    slots = {"a": r"\d+", "b": r"\d+", "g": r"\d+", "s": r"\d+", "name": "|".join(BOYS + GIRLS), "He": "He|She"}
    slots |= {"item": "|".join(ITEMS), "friend": slots["name"], "good": "|".join(GOODS)}
    forms = [form for scene in SCENES.values() for form in (*scene.start, *scene.gain, *scene.loss, *scene.ask)]
    known = [re.sub(r"\\\{(\w+)\\\}", lambda slot: f"(?:{slots[slot[1]]})", re.escape(form)) for form in forms]
    for problem in TINY:
        for sentence in re.split(r"(?<=[.?]) ", problem.question):
            assert any(re.fullmatch(form, sentence) for form in known), sentence
        assert re.fullmatch(r"(\d+[-+*]\d+=\d+\. )+#### \d+", problem.worked)


@pytest.mark.parametrize("source", ["tiny_math", "tiny_choice", "tiny_long"])
def test_tiny_problems_are_none_that_are_asked(source: str) -> None:
    assert not {problem.question for problem in TINY} & {record["question"] for record in load(source)}


# What is drawn


@needs_all
@pytest.mark.parametrize("source", SOURCES)
def test_answering_the_other_problem_is_never_right(source: str) -> None:
    for draw in range(3):
        for before, after in zip(items(source), perturb(items(source), "context", draw=draw), strict=True):
            if before.is_code:
                (function,) = [function for function in FUNCTIONS if function.stub in around(after)]
                assert function.name not in before.question + before.test
                continue
            (other,) = [p for p in (*WORD_PROBLEMS, *TINY, *QUESTIONS) if p.question in around(after)]
            right = before.answer.split("####")[-1] if before.gold is None else before.options[before.gold]
            assert number(other.answer) is None or number(other.answer) != number(right)
            assert other.answer.lower() != right.lower().strip()
            assert not re.search(rf"#### {re.escape(right.strip())}(?!\d)", around(after))


def number(text: str) -> float | None:
    found = re.fullmatch(r"-?[\d,]+(\.\d+)?", text.strip())
    return float(found[0].replace(",", "")) if found else None


@pytest.mark.parametrize(
    ("answer", "right", "close"),
    [
        ("7", "7.0", True), ("7", "17", False), ("honey", "Honey", True), ("Atlantic Ocean", "ocean", True),
        ("mice", "ice", False), ("calf", "a calf", True), ("green", "Yes", False), ("honey", "7", False),
    ],
)  # fmt: skip
def test_answers_too_close_to_the_right_one_are_seen(answer: str, right: str, close: bool) -> None:
    assert confusable(Solved("", answer), Item("bbh/0", traits("bbh_navigate"), "", right)) == close


@pytest.mark.parametrize("item", [SUM, MATHS, SCIENCE], ids=lambda item: item.item_id)
def test_every_problem_of_the_bank_is_drawn_but_those_with_the_right_answer(item: Item) -> None:
    found = {other.question for after in draws(item) for other in others(after, BANK[item.item_id])}
    bank = {problem.question for problem in BANK[item.item_id] if problem.answer not in ("19", "honey")}
    assert found == bank
    assert len(bank) < len(BANK[item.item_id]) or item is SUM


@pytest.mark.parametrize("item", [SUM, SCIENCE], ids=lambda item: item.item_id)
def test_one_other_problem_stands_solved_before_or_unsolved_on_either_side(item: Item) -> None:
    kinds = set()
    for after in draws(item):
        (other,) = others(after, BANK[item.item_id])
        solved = other.worked in around(after).replace(other.question, "")
        kinds.add((bool(after.before), bool(after.after), solved))
    assert kinds == {(True, False, True), (True, False, False), (False, True, False)}


def test_tiny_problems_stand_before_and_the_solved_ones_as_in_few_shot_text() -> None:
    kinds = set()
    for after in draws(MATHS):
        (other,) = others(after, TINY)
        assert not after.after
        solved = after.before == (f"Question: {other.question}\nAnswer: {other.worked}",)
        assert solved == ("####" in around(after))
        kinds.add(solved)
    assert kinds == {True, False}


def test_functions_stand_before_finished_or_not_and_stay_valid_code() -> None:
    finished = set()
    for after in draws(CODE):
        assert not after.after
        (function,) = [function for function in FUNCTIONS if function.stub in around(after)]
        assert function.body in around(after) or "# Already done" not in around(after)
        compile(after.before[1], "shown", "exec")
        finished.add(function.body in around(after))
    assert finished == {True, False}


def test_a_function_that_the_item_knows_is_not_shown() -> None:
    known: Function = FUNCTIONS[0]
    item = Item("humaneval/0", traits("humaneval"), known.stub, known.body, entry_point=known.name)
    assert not any(known.name in around(after) for after in draws(item))


# The marking


def test_every_wording_marks_one_problem_as_the_one_to_answer() -> None:
    marks = re.compile(r"\b(answer(?! it)|complete|completed|Your problem|Yours|question comes now)\b", re.I)
    pairs = [pair for kind in PAIRS for pair in WORDINGS[kind]]
    for closing in (closing for _, closing in pairs):
        assert marks.search(closing), closing
        assert re.search(r"\b(next|after it|now)\b", closing, re.I), closing
    for wording in WORDINGS["unsolved_after"]:
        assert re.search(r"\b(before it|above)\b", wording), wording
    for wording in WORDINGS["unsolved_before_tiny"]:
        assert re.search(r"next|comes now", wording), wording


def test_no_wording_counts_problems() -> None:
    """Demonstrations may stand before them all."""
    pairs = [" ".join(pair) for kind in PAIRS[:2] for pair in WORDINGS[kind]]
    wordings = " ".join((*WORDINGS["unsolved_after"], *WORDINGS["unsolved_before_tiny"], *pairs))
    assert not re.search(r"\b(first|second|two|last|both)\b", wordings, re.I)


def test_no_wording_has_a_cue_to_reason() -> None:
    for item in (SUM, MATHS, SCIENCE, CODE):
        assert not any(re.search(r"step by step|\bthink", around(after), re.I) for after in draws(item))


def test_the_other_problem_stands_outside_what_other_families_add() -> None:
    for after in (perturb([SUM], "thinkprefix+context", draw=draw)[0] for draw in range(30)):
        assert "step by step" in after.before[-1].lower()


def test_what_would_make_its_answer_right_or_contradict_it_does_not_compose() -> None:
    assert room.problem("context+nothink", MATHS.traits) == "context does not compose with nothink"
    assert "context must come after harder" in room.problem("context+harder", MATHS.traits)
    assert room.problem("harder+context", MATHS.traits) == ""
