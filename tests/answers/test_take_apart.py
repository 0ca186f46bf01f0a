"""Responses taken apart: thinking in every spelling, turns that end, turns that are invented."""

from __future__ import annotations

import pytest
from cpu import at_most, long
from forms import EVERY, presented
from hypothesis import given
from hypothesis import strategies as st

from rveval.answers import Parts, read_brackets, read_code, read_number, read_option, read_sorted, read_word, take_apart

LETTERS, CELL = ["A", "B", "C", "D"], ["ribosome", "mitochondria", "cell wall", "cell"]
STUB = "def double(x):\n"
READERS = {
    "number": read_number,
    "option": lambda text: read_option(text, LETTERS, CELL),
    "word": lambda text: read_word(text, ["Yes", "No"]),
    "sorted": lambda text: read_sorted(text, ["pear", "apple", "fig"]),
    "brackets": lambda text: read_brackets(text, "{ ["),
    "code": lambda text: read_code(text, STUB, "double"),
}
SAID = {
    "number": "They need 3 + 4 = 7 bags.",
    "option": "It makes energy, so it is (B).",
    "word": "He never left. So the answer is **No**.",
    "sorted": "Sorted: apple, fig, pear",
    "brackets": "What is missing: ] }",
    "code": "```python\ndef double(x):\n    return 2 * x\n```",
}


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("<think>", "</think>"),
        ("<thinking>", "</thinking>"),
        ("<Thought>", "</Thought>"),
        ("<reasoning>", "</reasoning>"),
        ("<scratchpad>", "</scratchpad>"),
        ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
        ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|channel>thought\n", "<channel|>"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
        ("\\begin{think}", "\\end{think}"),
    ],
)
def test_thinking_is_found_by_its_usual_marks(opens: str, closes: str) -> None:
    whole = take_apart(f"{opens}Is it 4?{closes}\n5")
    assert whole.thinking.startswith("Is it 4?")
    assert (whole.answer.strip(), whole.unclosed) == ("5", False)
    assert take_apart(f"Is it 4?{closes}5").answer == "5"
    assert take_apart(f"{opens}Is it 4? The answer is 5.").unclosed
    assert take_apart(f"{opens}4{closes}5{closes}6").answer == "6"
    for read in READERS.values():
        reading = read(f"{opens}\n{SAID['number']}\n{SAID['code']}\n#### 4")
        assert reading.failed
        assert reading.unclosed_thinking


def test_marks_that_a_caller_knows_are_the_only_ones() -> None:
    marks = ("<plan>", "</plan>")
    assert take_apart("<plan>4</plan>5", thinking=marks) == Parts("4", "5")
    assert take_apart("<think>4</think>5", thinking=marks).answer == "<think>4</think>5"
    assert take_apart("It may be 4", thinking=marks, opened_in_prompt=True).unclosed
    assert take_apart("It may be 4", opened_in_prompt=True) == Parts("It may be 4", "", unclosed=True)
    assert take_apart("4</plan>5", thinking=marks, opened_in_prompt=True) == Parts("4", "5")
    assert read_number(take_apart("<plan>#### 4</plan>5", thinking=marks)).flexible == "5"


@pytest.mark.parametrize(
    "end", ["<|im_end|>", "<|eot_id|>", "</s>", "<end_of_turn>", "<|endoftext|>", "<|im_en", "</s"]
)
def test_a_turn_ends_with_its_mark_or_what_is_left_of_it(end: str) -> None:
    assert take_apart(f"#### 5{end}").answer == "#### 5"
    assert take_apart(f"#### 5{end}").after == end
    assert read_number(f"#### 5{end}").strict == "5"


def test_the_marks_that_begin_a_turn_are_no_answer_and_a_bare_body_keeps_its_indentation() -> None:
    assert take_apart("<|im_start|>assistant\n5<|im_end|>\n<|im_start|>user\n6?").answer == "5"
    assert read_code("<think>?</think>\n    return 2 * x\n", STUB, "double").strict is not None


def test_what_comes_after_an_invented_turn_is_in_the_parts() -> None:
    parts = read_number("#### 18\n\nHuman: And 2 robes?\nAssistant: #### 3").parts
    assert parts is not None
    assert (parts.answer, parts.after) == ("#### 18", "\n\nHuman: And 2 robes?\nAssistant: #### 3")


@pytest.mark.parametrize(
    ("response", "number"),
    [
        ("40\nNo, 42", "42"),
        ("Question: How many eggs are 3 and 4?\nAnswer: 7", "7"),
        ("Let me put it in my own words.\n\nQuestion: how many eggs are 3 and 4?\n\n3 + 4 = 7", "7"),
        ("**Identify the Question:** how many are 3 and 4?\n#### 7", "7"),
        ("I use the problem's numbers:\n\nProblem: 3 and 4.\n\nSo 3 + 4 = 7", "7"),
    ],
)
def test_a_question_that_is_restated_before_the_answer_ends_nothing(response: str, number: str) -> None:
    assert read_number(response).flexible == number


def test_a_question_that_is_known_is_not_taken_for_an_invented_one() -> None:
    said = "There are 3 of 4.\n\nQuestion: how many eggs do Ann and Ben have?\n\nThey have 7."
    assert read_number(said, question="How many eggs do Ann and Ben have?").flexible == "7"


PIECES = [
    "#### 4", "<answer>", "</answer>", "\\boxed{5}", "</think>", "<think>", "\n", "The answer is B.", "No", "```",
    "def double(x):\n    return 0", "Human:", "]", "pear apple fig", "<|im_end|>",
]  # fmt: skip
ANY = st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join)


@given(st.sampled_from(sorted(READERS)), ANY)
def test_what_stands_before_the_last_closing_mark_changes_nothing(kind: str, thinking: str) -> None:
    read, said = READERS[kind], SAID[kind]
    assert read(f"{thinking}</think>\n{said}") == read(f"\n{said}")


TURNS = st.sampled_from(
    ["\n\nHuman: {}\n\nAssistant: {}", "\nUser: {}\n{}", "<|im_end|>\n<|im_start|>user\n{}\n<|im_start|>assistant\n{}",
     "\n\nQuestion: {}\nAnswer: {}", "\n\nProblem: {}\n{}", "\n\n**Question:** {}\n{}", "\n\nQ: {}\nA: {}", "</s>{}{}",
     "\n\n### Question:\n{}\n### Answer:\n{}", "\n[INST] {} [/INST] {}", "<|eot_id|>{}{}", "\n\nExample 2: {}\n{}"]
)  # fmt: skip


@given(st.sampled_from(sorted(READERS)), TURNS, ANY, st.sampled_from(sorted(READERS)))
def test_an_invented_turn_behind_an_answer_changes_nothing(kind: str, turn: str, asked: str, other: str) -> None:
    read, said = READERS[kind], SAID[kind]
    asked = asked.replace("think>", "")  # a mark that closes thinking makes all before it thinking
    assert read(said + turn.format(asked, SAID[other])) == read(said)


@pytest.mark.parametrize(
    "unit",
    ["<think>", "</think>", "<think></think>", "1\n\nHuman: ", "1\n\nQuestion:\n", "<|im_end|>", "<|", "</s>", "\n"],
)
def test_a_long_text_is_taken_apart_in_linear_time(unit: str) -> None:
    with at_most():
        take_apart(long(unit))
    with at_most():
        read_number(long(unit))


def test_there_are_thirty_forms_and_each_is_presented_in_every_frame() -> None:
    assert EVERY == 30 * 6 * 6
    assert len({presented(number, "18", "7") for number in range(EVERY)}) == EVERY
