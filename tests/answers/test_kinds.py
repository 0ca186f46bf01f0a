"""Kinds of answers that reasoning models give, a table for each reader: what is said, and what it comes to."""

from __future__ import annotations

import doctest

import pytest
from conftest import REPOSITORY
from cpu import at_most, long

from rveval.answers import read_brackets, read_number, read_option, read_sorted, read_word
from rveval.answers.expression import evaluate, same_expression

LETTERS, CELL = ["A", "B", "C", "D"], ["ribosome", "mitochondria", "cell wall", "cell"]
FRUIT = ["pear", "Apple", "fig"]
NUMBERS: list[tuple[str, str | None]] = [
    ("80 / 40 = 2. It will take John 2 weeks to save $80.", "2"),
    ("Each costs $3, so 4 * 3 = 12. She pays $12 for the 4 apples.", "12"),
    ("Total = 5 + 7 = 12 eggs in 3 baskets", "12"),
    ("\\boxed{10,\\!080}", "10080"),
    ("\\boxed{10\\,080}", "10080"),
    ("\\boxed{1{,}234{,}567}", "1234567"),
    ("#### 10 080", "10080"),
    ("#### 10.080,50", "10080.5"),
    ("#### 1.234.567", "1234567"),
    ("The answer is 2.4 million dollars.", "2400000"),
    ("#### $5k", "5000"),
    ("#### 5K", "5000"),
    ("#### $3M", "3000000"),
    ("The answer is 5 km.", "5"),
    ("The answer is 3 m.", "3"),
    ("The answer is 5,000 thousand", "5000000"),
    ("\\boxed{2\\frac{1}{2}}", "2.5"),
    ("\\boxed{-\\frac{1}{2}}", "-0.5"),
    ("\\boxed{\\frac{-1}{2}}", "-0.5"),
    ("\\boxed{\\dfrac{7}{8}}", "0.875"),
    ("\\boxed{3/4}", "0.75"),
    ("The answer is 2 1/2 cups.", "2.5"),
    ("So it is 3/4 of the cake.", "0.75"),
    ("<answer>1/3</answer>", "0.33333333333333333333"),
    ("\\boxed{2\\sqrt{3}}", "3.4641016151377545871"),
    ("\\boxed{\\sqrt{16}}", "4"),
    ("\\boxed{5!}", "120"),
    ("\\boxed{2^{10}}", "1024"),
    ("\\boxed{4i}", None),
    ("\\boxed{x+1}", None),
    ("\\boxed{(1,2)}", None),
    ("\\boxed{[0,1)}", None),
    ("\\boxed{1, 2, 3}", None),
    ("\\boxed{3 \\text{ or } 5}", None),
    ("\\boxed{\\pm 3}", None),
    ("\\boxed{x = 18}", "18"),
    ("\\boxed{x=\\frac{1}{4}}", "0.25"),
    ("\\boxed{18\\%}", "18"),
    ("\\boxed{18^\\circ}", "18"),
    ("\\boxed{18\\text{ cm}^2}", "18"),
    ("\\boxed{18\\,\\text{cm}}", "18"),
    ("\\boxed{\\$18}", "18"),
    ("\\boxed{18 \\text{ dollars}}", "18"),
    ("\\boxed{3.5\\times 10^{4}}", "35000"),
    ("\\boxed{10^6}", "1000000"),
    ("\\boxed{6.02e3}", "6020"),
    ("\\boxed{\\text{18 dollars}}", "18"),
    ("\\boxed{\\text{Cannot be determined}}", None),
    ("\\boxed{\\text{No solution}}", None),
    ("\\boxed{\\infty}", None),
    ("\\boxed{0}", "0"),
    ("\\boxed{-7}", "-7"),
    ("\\boxed{- 7}", "-7"),
    ("<answer>None of the above</answer>", None),
    ("<answer>$18.00</answer>", "18"),
    ("<answer>18 dollars per day</answer>", "18"),
    ("<answer>18 (eighteen)</answer>", "18"),
    ("<answer>She has 16 - 7 = 9 eggs</answer>", "9"),
    ("<answer>9 * 2 = $18</answer>", "18"),
    ("<answer>Between 3 and 5</answer>", None),
    ('{"answer": 18}', "18"),
    ('{"answer": "18 apples"}', "18"),
    ('{"answer": "$1,250.50"}', "1250.5"),
    ('{"answer": null}', None),
    ('{"final_answer": "7"}', "7"),
    ("{'answer': '7'}", "7"),
    ('{"answer": "7", "confidence": 95}', "7"),
    ('{"answer": ["7"]}', "7"),
    ('{"answer": 7, "steps": 3}', "7"),
    ("**18**", "18"),
    ("Total: 18", "18"),
    ("#### 2:30", None),
    ("The answer is 05/01/2021", None),
    ("Version 1.2.3", None),
    ("The probability is 3/10.", "0.3"),
    ("18.", "18"),
    ("$18$", "18"),
    ("\\(18\\)", "18"),
    ("\\[18\\]", "18"),
    ("Answer: $18", "18"),
    ("Answer: \\$18", "18"),
    ("The final answer is: $\\boxed{18}$. I hope it is correct.", "18"),
    ("The answer is $\\frac{11}{12}$.", "0.91666666666666666667"),
    ("The answer is thus $11/12$", "0.91666666666666666667"),
    ("The answer is 18, not 20.", "18"),
    ("The answer is 20? No, the answer is 18.", "18"),
    ("The answer is 18 because 9 * 2 = 18 and she has 16 eggs.", "18"),
    ("The number of eggs is 9.\n\nLet me double-check: 16 - 3 - 4 = 9. Correct!", "9"),
    ("18\n\nExplanation: 16 eggs - 7 = 9, 9 * 2 = 18", "18"),
    ("£1,250", "1250"),
    ("1 250 €", "1250"),
    ("USD 18", "18"),
    ("18 USD", "18"),
    ("Rs. 500", "500"),
    ("₹500", "500"),
    ("50¢", "50"),
    ("The answer is -5.", "-5"),
    ("The answer is \u22125.", "-5"),
    ("= -3/4", "-0.75"),
    ("0.5", "0.5"),
    ("The answer is twelve.", None),
    ("Step 1: 3 + 4 = 7\nStep 2: 7 * 2 = 14\nStep 3: Done.", "14"),
    ("1. There are 16 eggs.\n2. She eats 3.\n3. So 13 remain.", "13"),
    ("So the answer is:\n\n18", "18"),
    ("So the answer is:\n\n$$18$$", "18"),
    ("So the answer is:\n\\[\n18\n\\]", "18"),
    ("The answer is as follows: 18 eggs", "18"),
    ("Thus, 9 eggs \u00d7 $2/egg = $18/day.", "18"),
    ("The values are x = 5 and y = 3, so x + y = 8.", "8"),
    ("<<9*2=18>>18", "18"),
    ("9*2=<<9*2=18>>18 dollars", "18"),
    ("She makes 9*2=<<9*2=18>>$18 at the market in 1 day.\nA: 18", "18"),
    ("100%", "100"),
    ("about 3.14159", "3.14159"),
    ("3.0", "3"),
    ("1e3", "1000"),
    ("12.", "12"),
    ("The answer is 7 (mod 11)", "7"),
    ("The answer is (7).", "7"),
    ("The answer is 2 + 3i", None),
    ("The answer is 7th", "7"),
    ("18th", "18"),
    ("It will take John 2 weeks to save $80, since 80 / 40 = 2.", "2"),
    ("The total is 1.234.567 euros.", "1234567"),
    ("\\boxed{10~080}", "10080"),
]
OPTIONS: list[tuple[str, str | None]] = [
    ("<answer>B</answer>", "B"),
    ("<answer>A or C</answer>", None),
    ("<answer>A, C</answer>", None),
    ("<answer>A and C</answer>", None),
    ("<answer>A/C</answer>", None),
    ("<answer>(A) and (C)</answer>", None),
    ("<answer>None of the above</answer>", None),
    ("<answer>mitochondria</answer>", "B"),
    ("<answer>the mitochondria</answer>", "B"),
    ("The answer is A or C.", None),
    ("The answer is (A) and (C).", None),
    ("The answer is A, not C.", "A"),
    ("The answer is A and not C.", "A"),
    ("The answer is A, since C is wrong", "A"),
    ("The answer is (B), and (A) is wrong.", "B"),
    ("The answer is none of the above.", None),
    ("None of the options is correct.", None),
    ("The correct answer is not listed.", None),
    ("It could be A. The answer is not listed among the options.", None),
    ("<answer>Option B</answer>", "B"),
    ("<answer>B: mitochondria</answer>", "B"),
    ("<answer>[B]</answer>", "B"),
    ("<answer>**B**</answer>", "B"),
    ("<answer>\\boxed{B}</answer>", "B"),
    ("<answer>The answer is B.</answer>", "B"),
    ("<answer>E</answer>", None),
    ("<answer></answer>", None),
    ("<answer>A plant</answer>", None),
    ("<answer>A</answer>", "A"),
    ("<answer>\nA\n</answer>", "A"),
    ("<answer>A. ribosome</answer>", "A"),
    ("<answer>A cell wall</answer>", "C"),
    ('{"answer": "B"}', "B"),
    ('{"answer": "B) mitochondria"}', "B"),
    ('{"choice": "C"}', "C"),
    ('{"answer": "mitochondria"}', "B"),
    ('{"answer": "A", "explanation": "B is wrong"}', "A"),
    ('{"answer": ["B"]}', "B"),
    ('{"answer": "A,B"}', None),
    ("Let me think about (A), then (C).\n\nB", "B"),
    ("Let me think about (A), then (C).\n\n(B)", "B"),
    ("Let me think about (A), then (C).\n\n**B**", "B"),
    ("(A) no\n(C) no\n\nB. mitochondria", "B"),
    ("Final answer: B", "B"),
    ("**Final answer: (B)**", "B"),
    ("The final answer is **B. mitochondria**.", "B"),
    ("$\\boxed{\\text{B}}$", "B"),
    ("$\\boxed{\\text{(B) mitochondria}}$", "B"),
    ("\\boxed{mitochondria}", "B"),
    ("\\boxed{A, B}", None),
    ("\\boxed{A\\text{ and }B}", None),
    ("The best choice is B", "B"),
    ("I'd go with option B.", "B"),
    ("So B.", "B"),
    ("B", "B"),
    ("b", "B"),
    ("B) mitochondria is where ATP is made. A) is not.", "B"),
    ("Answer: B\nExplanation: A is wrong because of C.", "B"),
    ("Answer: The mitochondria (B)", "B"),
    ("ANSWER: B.", "B"),
    ("Correct answer: B", "B"),
    ("The answer: B", "B"),
    ("Answer is B", "B"),
    ("Ans: B", "B"),
    ("Hence, (B) is correct, while (C) is not.", "B"),
    ("Thus the answer should be B.", "B"),
    ("Answer choice B", "B"),
    ("The answer must be choice (B).", "B"),
    ("Therefore B is the answer.", "B"),
    ("B is the answer.", "B"),
    ("so the answer's B", "B"),
    ("The correct option is B: mitochondria", "B"),
    ("The correct option is therefore (B).", "B"),
    ("My answer: B", "B"),
    ("The answer is B.\n\nWait, let me check. Actually C is right. The answer is C.", "C"),
    ("<answer>B</answer>\nWait, no.\n<answer>C</answer>", "C"),
    ("Q: x\nA: B", "B"),
    ("A: B", "B"),
    ("A: mitochondria", "B"),
    ("A: Let's think. The mitochondria make ATP, so (B).", "B"),
    ("The answer is \\(B\\).", "B"),
    ("The answer is $B$.", "B"),
    ("The answer is `B`.", "B"),
    ("The answer is 'B'.", "B"),
    ("The answer is “B”.", "B"),
    ("The answer is B.\n\nQuestion: x?\nA. y\nB. z\nAnswer: A", "B"),
    ("B\n\nUser: thanks. What about C?\nAssistant: (C)", "B"),
    ("B<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nC?", "B"),
    ("Both A and B are correct.", None),
    ("A and B", None),
    ("(A) and (B)", None),
    ("Either (A) or (B)", None),
    ("<thinking>It's C.</thinking> B", "B"),
    ("B</think>C", "C"),
    ("The answer is: \n\n(B)", "B"),
    ("The answer is:\n\n$$\\boxed{B}$$", "B"),
    ("The answer is (B) or (C), but the best is (B).", "B"),
    ("The correct answer is (B) mitochondria. (A) ribosome and (C) cell wall are wrong.", "B"),
    ("None of A, C, D. It is B.", "B"),
    ("The answer to the question is option (B)", "B"),
    ("Answer:B", "B"),
    ("answer = B", "B"),
    ("[[B]]", "B"),
    ("My final verdict: [[B]]", "B"),
]
YES: list[tuple[str, str | None]] = [
    ("<answer>Yes</answer>", "Yes"),
    ("<answer>No.</answer>", "No"),
    ("<answer>\nYes\n</answer>", "Yes"),
    ('{"answer": "No"}', "No"),
    ("**Yes**, because there is no way.", "Yes"),
    ("Yes and no.", None),
    ("<answer>Yes or No</answer>", None),
    ("<answer>Cannot be determined</answer>", None),
    ("<answer>Yes, it does follow.</answer>", "Yes"),
    ("The answer is yes.", "Yes"),
    ("The answer is: No, it does not.", "No"),
    ("Therefore, it is not the case. No", "No"),
    ("\\boxed{\\text{No}}", "No"),
    ("Answer: *Yes*", "Yes"),
    ("My answer is **no**.", "No"),
    ("So no, he isn't.", "No"),
    ("Final answer: `No`", "No"),
    ("I can't say yes or no.", None),
    ("There is no evidence. Yes.", "Yes"),
    ("The final answer is $\\boxed{No}$", "No"),
    ("Yes.\n\nHuman: no?", "Yes"),
    ("No</s>", "No"),
    ("[ANSWER]Yes[/ANSWER]", "Yes"),
    ("<think>no</think>\n\nYes", "Yes"),
    ("Let's see. No? Yes!\n\nNo", "No"),
]
VALID: list[tuple[str, str | None]] = [
    ("<answer>invalid</answer>", "invalid"),
    ("The argument is **invalid**.", "invalid"),
    ("<answer>not valid</answer>", "invalid"),
    ("<answer>The argument is not deductively valid.</answer>", "invalid"),
    ("<answer>The argument is valid</answer>", "valid"),
    ("It is *valid*", "valid"),
    ("Valid or invalid? Invalid.", "invalid"),
    ("The answer is **_valid_**", "valid"),
    ("The conclusion doesn't follow, so the argument is invalid", "invalid"),
    ("\\boxed{\\textbf{valid}}", "valid"),
    ("**Answer: Valid**", "valid"),
    ("The argument is deductively *invalid*.", "invalid"),
]
LISTS: list[tuple[str, str | None]] = [
    ("<answer>apple, fig, pear</answer>", "apple fig pear"),
    ("<answer>\napple\nfig\npear\n</answer>", "apple fig pear"),
    ('{"answer": ["apple", "fig", "pear"]}', "apple fig pear"),
    ('{"answer": "apple fig pear"}', "apple fig pear"),
    ("\\boxed{\\text{apple, fig, pear}}", "apple fig pear"),
    ("\\boxed{\\text{apple}, \\text{fig}, \\text{pear}}", "apple fig pear"),
    ("**Answer:** apple fig pear", "apple fig pear"),
    ("Here is the sorted list:\n1. **apple**\n2. **fig**\n3. **pear**", "apple fig pear"),
    ("['apple', 'fig', 'pear']", "apple fig pear"),
    ("The answer is:\n- apple\n- fig\n- pear", "apple fig pear"),
    ("apple -> fig -> pear", "apple fig pear"),
    ("apple | fig | pear", "apple fig pear"),
    ("apple; fig; pear", "apple fig pear"),
    ("<answer>apple fig pear", "apple fig pear"),
    ("apple fig pear\n\nHuman: x pear fig apple", "apple fig pear"),
    ("<answer>fig pear</answer>", "fig pear"),
    ("<think>apple fig pear</think>fig apple pear", "fig apple pear"),
    ("List: pear Apple fig\nFinal answer:\n\n`apple fig pear`", "apple fig pear"),
    ("```\napple fig pear\n```", "apple fig pear"),
    ("<answer>The sorted list is: apple, fig, pear</answer>", "apple fig pear"),
    ("<answer>apple, fig, pear.</answer> They're in order.", "apple fig pear"),
    ("#### apple\nfig\npear", "apple fig pear"),
    ("We have fig ? ? pear ? apple, which is open", None),
]
BRACKETS: list[tuple[str, str | None]] = [
    ("<answer>] ) }</answer>", "] ) }"),
    ('{"answer": "] ) }"}', "] ) }"),
    ("\\boxed{\\text{] ) }}}", "] ) }"),
    ("```\n] ) }\n```", "] ) }"),
    ("**] ) }**", "] ) }"),
    ("Answer: `] ) }`", "] ) }"),
    ("So the answer is ] ) }. (All closed.)", "] ) }"),
    ("<answer>{ ( [ ] ) }</answer>", "] ) }"),
    ("<think>] }</think> ] ) }", "] ) }"),
    ("The answer is empty.", None),
    ("] ) }\n\nHuman: ( [\nAssistant: ] )", "] ) }"),
    ("] ) }<|im_end|>", "] ) }"),
    ("] ) }</s>", "] ) }"),
    ("<answer>] ) }", "] ) }"),
    ("$] ) \\}$", "] ) }"),
    ("The missing closing brackets are: ] ) }", "] ) }"),
    ("The sequence is: { ( [ ] ) }", "] ) }"),
    ("] ) } is the answer", "] ) }"),
    ("`]`, `)`, and `}`", "] ) }"),
]


@pytest.mark.parametrize(("response", "number"), NUMBERS)
def test_numbers(response: str, number: str | None) -> None:
    assert read_number(response).flexible == number


@pytest.mark.parametrize(("response", "label"), OPTIONS)
def test_options(response: str, label: str | None) -> None:
    assert read_option(response, LETTERS, CELL).flexible == label


@pytest.mark.parametrize(("response", "word"), YES)
def test_yes_or_no(response: str, word: str | None) -> None:
    assert read_word(response, ["Yes", "No"]).flexible == word


@pytest.mark.parametrize(("response", "word"), VALID)
def test_valid_or_invalid(response: str, word: str | None) -> None:
    assert read_word(response, ["valid", "invalid"]).flexible == word


@pytest.mark.parametrize(("response", "words"), LISTS)
def test_lists(response: str, words: str | None) -> None:
    assert read_sorted(response, FRUIT).flexible == words


@pytest.mark.parametrize(("response", "brackets"), BRACKETS)
def test_brackets(response: str, brackets: str | None) -> None:
    assert read_brackets(response, "{ ( [").flexible == brackets


@pytest.mark.parametrize(
    ("response", "number"),
    [
        ("#### $18", "18"),
        ("#### 20%", "20"),
        ("#### 20\\%", "20"),
        ("#### **18**", "18"),
        ("#### -$1,250.50.", "-1250.5"),
        ("#### 18 eggs", None),
        ("**#### 18**", None),
        ("<answer>18</answer>", None),
        ("<think>\n#### 18\n</think>\n18", None),
    ],
)
def test_what_the_instruction_asks_for_is_read_strictly(response: str, number: str | None) -> None:
    assert read_number(response).strict == number


@pytest.mark.parametrize(
    ("response", "question", "number"),
    [
        ("It will take Ann 2 weeks to save $80.", "Ann saves $40 a week. How long until she has $80?", "2"),
        ("She needs 6 pounds for $18 in all.", "How much are 6 pounds?", "18"),
        ("So 6 of them remain, as 10 - 4 = 6.", "There are 10, and 6 more come; 4 of the 10 go.", "6"),
    ],
)
def test_numbers_that_the_question_holds_are_told_from_the_answer(response: str, question: str, number: str) -> None:
    assert read_number(response, question).flexible == number


def test_the_rules_in_the_docs_hold() -> None:
    assert doctest.testfile(str(REPOSITORY / "docs" / "benchmarks.md"), module_relative=False).failed == 0


def test_expressions_are_compared_by_value() -> None:
    assert same_expression("\\frac{1}{2}", "0.5")
    assert same_expression("(1, 2)", "(1,2)")
    assert same_expression("x + 1", "1 + x")
    assert not same_expression("[0, 1)", "[0, 1]")
    assert not same_expression(None, None)


@pytest.mark.parametrize(
    "text", ["9^{9^{9^9}}", "9**9**9", "99999999!", "((9!)!)!", "1" * 100, "2^99999", "\\sqrt{" * 20, "(" * 100]
)
def test_expressions_that_would_take_long_have_no_value(text: str) -> None:
    with at_most():
        assert evaluate(text) is None
        assert not same_expression(text, "7")


@pytest.mark.parametrize(
    "unit",
    ["\\frac{1}{", "1/", "1 000 ", "1 = ", "million ", "2^{", "<answer>", '"answer": "', "A: ", "A or B ", '" ? '],
)
def test_a_long_text_is_read_in_linear_time(unit: str) -> None:
    for text in (long(unit), f"<answer>{long(unit)}"):
        with at_most():
            read_number(text)
        with at_most():
            read_option(text, LETTERS, CELL)
        with at_most():
            read_word(text, ["Yes", "No"])
        with at_most():
            read_sorted(text, FRUIT)
        with at_most():
            read_brackets(text, "( [")
