"""From a response to an answer: strict, flexible, or failed.

Strict is what the prompt asks for, nothing more: a line that ends in `#### 42`; for code one fenced block, or the bare
continuation of the prompt. Flexible is what a patient reader would take for the answer; a strict answer is always the
flexible one too. A response failed when even the flexible reading found nothing. Every reader takes time linear in the
length of the response, and raises on none.
"""

from rveval.answers.brackets import read_brackets
from rveval.answers.code import read_code
from rveval.answers.expression import same_expression
from rveval.answers.lists import read_sorted
from rveval.answers.number import gold_number, read_number
from rveval.answers.numerals import canonical, same_number
from rveval.answers.option import read_option
from rveval.answers.parts import Parts, take_apart
from rveval.answers.reading import Reading
from rveval.answers.words import read_word

__all__ = [
    "Parts",
    "Reading",
    "canonical",
    "gold_number",
    "read_brackets",
    "read_code",
    "read_number",
    "read_option",
    "read_sorted",
    "read_word",
    "same_expression",
    "same_number",
    "take_apart",
]
