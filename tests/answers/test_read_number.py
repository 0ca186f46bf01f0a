"""Reading numbers from responses: the spellings models use, the exactness of the values, and linear time."""

from __future__ import annotations

import doctest
from decimal import Decimal
from importlib import import_module
from pkgutil import iter_modules

import pytest
from cpu import at_most, long
from hypothesis import given
from hypothesis import strategies as st

from rveval import answers
from rveval.answers import Reading, canonical, gold_number, read_number, same_number

MODULES = [module.name for module in iter_modules(answers.__path__, "rveval.answers.")]

STRICT_TOO = [
    ("#### 42", "42"),
    ("18 + 24 = 42 eggs.\n#### 42", "42"),
    ("12+7=19. 19-4=15. #### 15", "15"),
    ("####42.", "42"),
    ("#### 1,250", "1250"),
    ("#### -7", "-7"),
    ("#### 3.50", "3.5"),
    ("#### 40\nNo, that is wrong.\n#### 42\n", "42"),
    ("#### 42\r\nThank you!", "42"),
    ("The answer is 7.\n#### 42", "42"),
    ("\\boxed{7}\n#### 42\nThe answer is 8.", "42"),
]
FLEXIBLE_ONLY = [
    ("The answer is 42.", "42"),
    ("The answer is: **$1,234.50**", "1234.5"),
    ("the final answer is \\(42\\).", "42"),
    ("The answer is 42. It took 3 steps and 2 hours.", "42"),
    ("The answer to the question is 42 eggs", "42"),
    ("The answer is about 42", "42"),
    ("The answer is 3 + 4 = 7 apples", "7"),
    ("The answer is 20% of 50.\nThe answer is 10.", "10"),
    ("Answer: 42 eggs\nShe sells them for 2 days.", "42"),
    ("**Answer:** 42", "42"),
    ("Answer: 3 boxes hold 12 eggs each, so 36 eggs", "36"),
    ("Final Answer: $\\boxed{18}$ (in 3 steps)", "18"),
    ("\\boxed{42}", "42"),
    ("\\boxed{x = 5}", "5"),
    ("\\boxed{\\$1{,}234}", "1234"),
    ("\\boxed{42\\text{ eggs}} and 3", "42"),
    ("\\boxed{42", "42"),
    ("#### $42 a day", "42"),
    ("**#### 42**", "42"),
    ("#### 1. Count the eggs\nThere are 16.\n#### 2. Subtract\n16 - 7 leaves 9 eggs", "9"),
    ("She makes $1,018.00", "1018"),
    ("So 9 * 2 = $18.", "18"),
    ("10-5", "5"),
    ("10 - 5 = -5", "-5"),
    ("between 3\u20135", "5"),
    ("it is \u22127 degrees", "-7"),
    ("- 5 apples", "5"),
    ("a loss of -$5", "-5"),
    ("a loss of $-5", "-5"),
    ("He saves 50%", "50"),
    ("1, 2, 3", "3"),
    ("$.50", "0.5"),
    ("well...5", "5"),
    ("Rs.500", "500"),
    ("0.10 + 0.20 = 0.30", "0.3"),
]
FAILED = [
    "",
    "I do not know.",
    "####",
    "#### Summary",
    "The answer is unclear",
    "\\boxed{}",
    "one hundred",
    "\u00b2 \u00bd",
]


@pytest.mark.parametrize(("response", "number"), STRICT_TOO)
def test_the_format_asked_for_is_read_strictly_and_flexibly(response: str, number: str) -> None:
    assert read_number(response) == Reading(number, number)


@pytest.mark.parametrize(("response", "number"), FLEXIBLE_ONLY)
def test_other_ways_to_say_it_are_read_flexibly_only(response: str, number: str) -> None:
    assert read_number(response) == Reading(None, number)


@pytest.mark.parametrize("response", FAILED)
def test_no_number_is_a_failure_not_a_zero(response: str) -> None:
    assert read_number(response).failed


def test_comparison_is_by_value_and_nothing_equals_nothing() -> None:
    assert same_number("42", "42.0")
    assert not same_number("42", "-42")
    assert not same_number(None, None)


def test_a_gold_answer_without_its_number_is_an_error() -> None:
    assert gold_number("3 + 4 = <<3+4=7>>7\n#### 1,007") == "1007"
    with pytest.raises(ValueError, match="no '####"):
        gold_number("7")


WHOLE = st.integers(-(10**30), 10**30)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12)


@given(WHOLE)
def test_every_whole_number_survives_every_spelling(number: int) -> None:
    for text in (f"#### {number}", f"#### {number:,}.", f"The answer is ${number:,}.", f"so \\boxed{{{number}}}"):
        assert read_number(text).flexible == str(number)


@given(DECIMALS)
def test_decimals_are_exact(number: Decimal) -> None:
    read = read_number(f"that makes {number:,f}").flexible
    assert read is not None
    assert Decimal(read) == number
    assert canonical(read) == read


@given(WHOLE, st.integers(0, 5))
def test_trailing_zeros_do_not_matter(number: int, zeros: int) -> None:
    assert canonical(f"{number}." + "0" * (zeros + 1)) == str(number)


@given(st.text(alphabet=st.sampled_from("0123456789.,$-#\\{}= \nabAnswer:is"), max_size=200))
def test_any_text_is_read_without_an_error_and_strict_is_flexible(text: str) -> None:
    reading = read_number(text)
    assert reading.strict in (None, reading.flexible)
    assert reading.flexible is None or canonical(reading.flexible) == reading.flexible


@given(st.text(max_size=100), WHOLE)
def test_what_comes_before_the_last_line_does_not_change_it(text: str, number: int) -> None:
    assert read_number(f"{text}\n#### {number}").strict == str(number)


@pytest.mark.parametrize(
    "unit",
    ["1", "#", "#### ", "####1", "answer is ", "answer: 5 ", "answer:  ", "\\boxed{", "{", " ", "1 ", "1,111,", "-",
     "$", ".1", "\\", "1{,}", "answer is 1+1=", "Answer: 1\n"],
)  # fmt: skip
def test_a_long_text_is_read_in_linear_time(unit: str) -> None:
    text = long(unit)
    for whole in (text, f"#### {text}x", f"\\boxed{{{text}"):
        with at_most():
            read_number(whole)


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_the_docstrings_hold(module: str) -> None:
    assert doctest.testmod(import_module(module)).failed == 0
